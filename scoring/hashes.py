"""Hashes of the picture: two that stay near each other for pictures that look alike, and one of the very pixels.

The perceptual hashes are pHash by DCT as the package `imagehash` defines it: in a grey picture of 4n x 4n pixels, the
bits tell which of the n x n lowest frequencies lie above their median. They agree with `imagehash.phash` bit for bit,
except where a coefficient is so near the median that the rounding of two DCTs puts it on different sides.

The small picture is the one that Pillow's `resize` gives, made by matrix products in a third of its time.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from blake3 import blake3
from PIL import Image

from photoidx.scoring.raster import whole
from photoidx.stage import PhotoStage, TableSpec, column

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

_OVERSAMPLING = 4  # pixels of the small picture for each frequency that is kept, in each direction
_LOBES = 3  # of Lanczos' filter
_UNIT = 2**22  # Pillow's weights are whole multiples of 1 / _UNIT
_BLOCKS = 8  # of places: a product over all pixels would be mostly with zeros
_DECIMALS = 6  # of a coefficient, in grey levels: makes those zero that are zero but for rounding, as in a flat picture

_Floats = np.ndarray[Any, np.dtype[np.float64]]


def perceptual_hash(image: Image.Image, side: int) -> str:
    """Return the hash of side x side bits, row by row, as hexadecimal digits."""
    return _hash(_grey(image), side)


def _grey(image: Image.Image) -> _Floats:
    grey = image if image.mode == "L" else image.convert("L")
    return np.asarray(grey).astype(np.float64)


def _hash(grey: _Floats, side: int) -> str:
    size = side * _OVERSAMPLING
    cosines = _cosines(side, size)
    lowest = np.round(cosines @ _small(grey, size) @ cosines.T, _DECIMALS)
    bits = lowest > np.median(lowest)
    return np.packbits(bits.ravel()).tobytes().hex()


def _small(grey: _Floats, size: int) -> _Floats:
    """Return the picture of size x size pixels. Pillow, since version 13, begins with the height of a tall picture."""
    height, width = grey.shape
    if height > size and height - size > 2 * (width - size):
        return _reduced(_reduced(grey.T, size).T, size)
    return _reduced(_reduced(grey, size).T, size).T


def _reduced(rows: _Floats, size: int) -> _Floats:
    """Bring rows of grey levels to `size` each with the filter of Lanczos, as one pass of Pillow does: bit for bit.

    Pillow works in whole numbers and rounds each pass to 8 bits. Double precision holds all its sums exactly.
    """
    length = rows.shape[1]
    if length == size:
        return rows
    sums = np.concatenate([rows[:, first:last] @ weights for first, last, weights in _weights(length, size)], axis=1)
    return np.floor(sums / _UNIT + 0.5).clip(0, 255)


@lru_cache(maxsize=16)
def _weights(length: int, size: int) -> list[tuple[int, int, _Floats]]:
    """Return Pillow's weights of `length` pixels in `size` places, in units of 1 / `_UNIT`.

    The places are cut into blocks: the pixels that a block depends on, from the first to before the last, and its
    weights, pixels x places.
    """
    step = length / size
    stretch = max(step, 1.0)
    reach = _LOBES * stretch
    blocks = []
    for places in np.array_split(np.arange(size), _BLOCKS):
        middles = (places + 0.5) * step
        starts = np.maximum((middles - reach + 0.5).astype(int), 0)
        ends = np.minimum((middles + reach + 0.5).astype(int), length)
        pixels = np.arange(starts[0], ends[-1])[:, None]
        away = (pixels - middles + 0.5) / stretch
        lanczos = np.where((away >= -_LOBES) & (away < _LOBES), np.sinc(away) * np.sinc(away / _LOBES), 0.0)
        lanczos[(pixels < starts) | (pixels >= ends)] = 0.0
        whole = lanczos / lanczos.sum(axis=0) * _UNIT
        blocks.append((int(starts[0]), int(ends[-1]), np.trunc(whole + np.copysign(0.5, whole))))
    return blocks


@lru_cache(maxsize=2)
def _cosines(count: int, size: int) -> np.ndarray[Any, Any]:
    """Return the first rows of the DCT of type II, count x size. Its scale does not matter to the hash."""
    frequency, place = np.arange(count)[:, None], np.arange(size)[None, :]
    return np.cos(np.pi * frequency * (2 * place + 1) / (2 * size))


def pixel_id(photo: Photo) -> str:
    """Find the identity of the decoded upright picture: BLAKE3, 128 bits, of its size and pixels. Raises PhotoError."""
    pixels = photo.once(whole)
    height, width = pixels.shape[:2]
    header = b"RGB" + struct.pack("<II", width, height)
    return blake3(header).update(pixels.data).hexdigest(length=16)


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
        grey = _grey(photo.image())
        row = {
            "phash_64": _hash(grey, 8),
            "phash_256": _hash(grey, 16),
            "pixel_id": photo.once(pixel_id),
        }
        return {"hashes": [row]}
