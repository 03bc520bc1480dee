"""Hashes of the picture: two that stay near each other for pictures that look alike, and one of the very pixels.

The perceptual hashes are pHash by DCT as the package `imagehash` defines it: in a grey picture of 4n x 4n pixels, the
bits tell which of the n x n lowest frequencies lie above their median. They agree with `imagehash.phash` bit for bit,
except where a coefficient is so near the median that the rounding of two DCTs puts it on different sides.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from blake3 import blake3
from PIL import Image

from photoidx.stage import PhotoStage, TableSpec, column

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

_OVERSAMPLING = 4  # pixels of the small picture for each frequency that is kept, in each direction
_DECIMALS = 6  # of a coefficient, in grey levels: makes those zero that are zero but for rounding, as in a flat picture


def perceptual_hash(image: Image.Image, side: int) -> str:
    """Give the hash of side x side bits, row by row, as hexadecimal digits."""
    grey = image if image.mode == "L" else image.convert("L")
    size = side * _OVERSAMPLING
    small = np.asarray(grey.resize((size, size), Image.Resampling.LANCZOS), np.float64)
    cosines = _cosines(side, size)
    lowest = np.round(cosines @ small @ cosines.T, _DECIMALS)
    bits = lowest > np.median(lowest)
    return np.packbits(bits.ravel()).tobytes().hex()


@lru_cache(maxsize=2)
def _cosines(count: int, size: int) -> np.ndarray[Any, Any]:
    """Give the first rows of the DCT of type II, count x size. Its scale does not matter to the hash."""
    frequency, place = np.arange(count)[:, None], np.arange(size)[None, :]
    return np.cos(np.pi * frequency * (2 * place + 1) / (2 * size))


def pixel_id(photo: Photo) -> str:
    """Give the identity of the decoded upright picture: BLAKE3, 128 bits, of its size and pixels. Raises PhotoError."""
    image = photo.image()
    header = image.mode.encode() + struct.pack("<II", *image.size)
    return blake3(header).update(image.tobytes()).hexdigest(length=16)


class Hashes(PhotoStage):
    """Writes the hashes of photos."""

    name = "hashes"
    tables = (
        TableSpec(
            name="hashes",
            about="Hashes of pictures: those that look alike differ in few bits.",
            columns=(
                column("phash_64", pa.string(), "Perceptual hash (pHash) of 64 bits as 16 hexadecimal digits."),
                column("phash_256", pa.string(), "Perceptual hash (pHash) of 256 bits as 64 hexadecimal digits."),
                column(
                    "pixel_id",
                    pa.string(),
                    "Identity of the decoded picture: equal if two files differ in metadata alone.",
                ),
            ),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Hash one photo."""
        grey = photo.image().convert("L")
        row = {
            "phash_64": perceptual_hash(grey, 8),
            "phash_256": perceptual_hash(grey, 16),
            "pixel_id": photo.once(pixel_id),
        }
        return {"hashes": [row]}
