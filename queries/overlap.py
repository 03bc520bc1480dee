"""Where one small picture lies on another: how far the camera moved between two frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from photoidx.queries.frames import Frames

_LONG_SIDE = 128
_BLUR = 1.5
_LEAST_OVERLAP = 0.3
_TINY = 1e-6

Grey = np.ndarray[Any, np.dtype[np.float32]]


class Look:
    """The thumbnails of frames as brightness, 0 to 255, read when they are first needed."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._known: dict[int, Grey | None] = {}

    def prepare(self, wanted: Sequence[int]) -> None:
        """Read several at once."""
        missing = sorted(set(wanted) - self._known.keys())
        read = self._frames.thumbnail(missing)
        self._known |= {at: _decoded(read[at]) if at in read else None for at in missing}

    def forget(self) -> None:
        """Let go of what was read: a large library has many thumbnails."""
        self._known.clear()

    def whole(self, at: int) -> Grey | None:
        """Give a frame's thumbnail, if it has one."""
        self.prepare([at])
        return self._known[at]

    def small(self, at: int) -> Grey | None:
        """Give it at a long side of 128 pixels."""
        whole = self.whole(at)
        return None if whole is None else _reduced(whole)


def _decoded(jpeg: bytes) -> Grey:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE), np.float32)


def _reduced(picture: Grey) -> Grey:
    height, width = picture.shape
    scale = _LONG_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def shift_between(first: Grey, second: Grey) -> tuple[float, float, float] | None:
    """Give how far the second picture's content moved (shares of width and height), and how alike the overlap is.

    The move is the peak of the phase correlation; the likeness is the correlation of the brightness where both show the
    same, -1 to 1, which does not mind another exposure. None where the sizes differ or hardly anything overlaps.
    """
    if first.shape != second.shape or min(first.shape) < 16:  # noqa: PLR2004 - too small to tell
        return None
    height, width = first.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    # The move is taken to the nearest pixel: without this blur, fine texture would be half a pixel off.
    here, there = (np.asarray(cv2.GaussianBlur(each, (0, 0), _BLUR), np.float32) for each in (first, second))
    best: tuple[float, float, float] | None = None
    (right, down), _ = cv2.phaseCorrelate(first.copy(), second.copy(), window)  # OpenCV 5 applies the window in place
    # A phase correlation wraps around: a move of 0.6 of the width looks like one of -0.4.
    for x in (right, right - np.sign(right) * width):
        for y in (down, down - np.sign(down) * height):
            alike = _likeness(here, there, round(x), round(y))
            if alike is not None and (best is None or alike > best[2]):
                best = (float(x / width), float(y / height), alike)
    return best


def _likeness(first: Grey, second: Grey, x: int, y: int) -> float | None:
    height, width = first.shape
    if (width - abs(x)) * (height - abs(y)) < _LEAST_OVERLAP * width * height:
        return None
    here = first[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    there = second[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)]
    here, there = here - here.mean(), there - there.mean()
    return float((here * there).mean() / max(float(here.std() * there.std()), _TINY))
