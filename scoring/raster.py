"""The picture as the scorers measure it: one common long side, so that their numbers can be compared."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from photoidx.stage import WORKING_LONG_SIDE, Photo

LONG_SIDE = WORKING_LONG_SIDE
"""Pixels. A smaller picture is measured as it is: enlarging it would make it look soft."""


def pixels(photo: Photo) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Give the picture at the common size: height x width x 3, sRGB, uint8. Raises PhotoError."""
    whole = np.asarray(photo.image())
    height, width = whole.shape[:2]
    scale = LONG_SIDE / max(height, width)
    if scale >= 1:
        return whole
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def luma(photo: Photo) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Give the brightness (Rec. 601, of the gamma-coded values) at the common size: height x width, 0 to 255."""
    return np.asarray(cv2.cvtColor(photo.once(pixels).astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
