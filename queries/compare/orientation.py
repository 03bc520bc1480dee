"""The eight ways to turn and mirror a picture, and what each does to its perceptual hash.

The bits of pHash tell of each pair of frequencies whether its cosine coefficient lies above the median, which is near
zero. A mirrored picture has the signs of all odd horizontal frequencies turned around; a transposed one has rows and
columns exchanged. So the hash of a turned picture follows, but for bits near the median, from the hash that is stored.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

Array = np.ndarray[Any, Any]
COUNT = 8
"""Orientation `4 t + 2 x + y`: transpose if t, then turn the columns around if x, and the rows if y. 0 is upright."""
WORDS = (
    "",
    "upside down mirrored",
    "mirrored",
    "turned by 180",
    "transposed",
    "turned by 90",
    "turned by 270",
    "transverse",
)


def turned_hashes(hashes: Array, side: int) -> Array:
    """Return the hashes (n x words, uint64, of side x side bits) in all orientations: 8 x n x words."""
    rows = np.ascontiguousarray(hashes.reshape(len(hashes), math.prod(hashes.shape[1:])).astype(">u8")).view(np.uint8)
    bits = np.unpackbits(rows, axis=1).reshape(-1, side, side)
    odd = (np.arange(side) % 2).astype(np.uint8)
    found = []
    for orientation in range(COUNT):
        t, x, y = orientation >> 2, orientation >> 1 & 1, orientation & 1
        turned = (bits.transpose(0, 2, 1) if t else bits) ^ (x * odd[None, None, :]) ^ (y * odd[None, :, None])
        packed = np.packbits(turned.reshape(len(bits), side * side), axis=1)
        found.append(packed.view(">u8").astype(np.uint64))
    return np.stack(found)


def turned(picture: Array, orientation: int) -> Array:
    """Turn a picture (height x width, or with channels) into an orientation."""
    if orientation & 4:
        picture = cv2.transpose(picture)
    if orientation & 2:
        picture = picture[:, ::-1]
    if orientation & 1:
        picture = picture[::-1]
    return np.ascontiguousarray(picture)


def inverse(orientation: int) -> int:
    """Return the orientation that turns a picture back: only the two quarter turns are not their own."""
    return {5: 6, 6: 5}.get(orientation, orientation)
