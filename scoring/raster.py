"""The picture as the scorers measure it: one common long side, so that their numbers can be compared."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from photoidx.stage import WORKING_LONG_SIDE, Photo

LONG_SIDE = WORKING_LONG_SIDE
"""Pixels. A smaller picture is measured as it is: enlarging it would make it look soft."""

PREPROCESSING = f"long side {LONG_SIDE}, linear to 4/5, else area"
"""What belongs into the fingerprint of every stage that measures this picture."""

# From 1,008 to 960 pixels, which is what a JPEG of 12 megapixels asks for, averaging over parts of pixels costs 4.8 ms
# and linear interpolation 1.4. As long as every pixel still counts, they are worth the same.
_LEAST_LINEAR_SCALE = 0.8


def whole(photo: Photo) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the picture as it was decoded: height x width x 3, sRGB, uint8. Raises PhotoError."""
    return np.asarray(photo.image())


def pixels(photo: Photo) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the picture at the common size: height x width x 3, sRGB, uint8. Raises PhotoError."""
    decoded = photo.once(whole)
    height, width = decoded.shape[:2]
    scale = LONG_SIDE / max(height, width)
    if scale >= 1:
        return decoded
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_LINEAR if scale >= _LEAST_LINEAR_SCALE else cv2.INTER_AREA
    return np.asarray(cv2.resize(decoded, size, interpolation=method), np.uint8)


def luma(photo: Photo) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the brightness (Rec. 601, of the gamma-coded values) at the common size: height x width, 0 to 255."""
    return np.asarray(cv2.cvtColor(photo.once(pixels).astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
