"""What the frames of a burst show, in the tests."""

from __future__ import annotations

import cv2
import numpy as np
from skimage import data

SCENE = cv2.resize(data.astronaut(), (400, 400), interpolation=cv2.INTER_AREA)
OTHER = cv2.resize(data.coffee(), (400, 266), interpolation=cv2.INTER_AREA)
VIEW = (240, 320)


def view(x: int = 0, y: int = 0, *, of: np.ndarray = SCENE) -> np.ndarray:
    """Return what a camera sees that is turned by so many pixels."""
    return of[y : y + VIEW[0], x : x + VIEW[1]]


def slices(count: int, *, back: bool = False, sharp: bool = False) -> list[np.ndarray]:
    """Return the slices of a focus stack: the depth of the scene goes in waves over the picture."""
    whole = view(20, 20).astype(np.float32)
    rows, columns = np.mgrid[0 : VIEW[0], 0 : VIEW[1]]
    depth = (1 + np.sin(columns / 50) * np.cos(rows / 40)) / 2
    blurred = np.stack([whole if sigma == 0 else cv2.GaussianBlur(whole, (0, 0), sigma) for sigma in (0, 1, 2, 3)])
    found = []
    for at in range(count):
        away = np.abs(depth - (0.5 if sharp else at / (count - 1))) * (0 if sharp else 4)
        step = np.clip(away, 0, 2.999)
        low = step.astype(int)
        part = (step - low)[..., None]
        mixed = (1 - part) * np.take_along_axis(blurred, low[None, ..., None], 0)[0]
        mixed = mixed + part * np.take_along_axis(blurred, low[None, ..., None] + 1, 0)[0]
        found.append(mixed.astype(np.uint8))
    return [found[at] for at in ((0, 3, 1, 4, 2) if back else range(count))]
