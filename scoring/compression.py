"""Compression: the quality at which a JPEG was saved, and the blocks that it left in the picture.

The quality is that of the Independent JPEG Group's library, which scales the luminance table of the JPEG standard
(ITU T.81, annex K.1) by 5000/q percent below 50 and by 200 - 2q percent from there on. Files of other makers get the
quality whose table is the nearest, and none where even that one is far.

The blockiness compares, like Wang, Sheikh and Bovik, "No-reference perceptual quality assessment of JPEG compressed
images" (2002), the steps across the borders of 8 x 8 blocks with those within blocks. Theirs takes the borders where
the encoder put them; ours the best of eight phases, because a picture may have been cropped or turned since.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa
from PIL.JpegImagePlugin import JpegImageFile

from photoidx.stage import PhotoStage, column, quality

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

_BLOCK = 8
_LEAST_SIDE = 4 * _BLOCK
_LEAST_STEP = 0.2  # grey levels, added to all steps: in a picture that is all but flat, a ratio of them says nothing
_JPEG = b"\xff\xd8"
_BAD_FIT = 0.25
# The standard's luminance table, row by row.
_STANDARD = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


@dataclass(frozen=True)
class Compression:
    """The JPEG quality, 1 to 100, and the blockiness: by what share steps across block borders are larger."""

    jpeg_quality: float | None
    blockiness: float | None


@dataclass(frozen=True)
class Encoding:
    """How a JPEG says that it was saved: the quality, 1 to 100, and the long side in pixels."""

    quality: float
    long_side: int


def steps_at(quality_: float) -> float:
    """Return how large the steps of a quality, 1 to 100, are, as a share of those of the standard's table."""
    return (5000 / quality_ if quality_ < 50 else 200 - 2 * quality_) / 100  # noqa: PLR2004 - see the module


def quality_of_table(table: list[int]) -> float | None:
    """Return the quality, 1 to 100, whose luminance table is the nearest to this one of 64 steps, row by row.

    None where the steps differ from the nearest table's by `_BAD_FIT` of the natural logarithm or more on average.
    """
    if len(table) != _STANDARD.size or min(table) < 1:
        return None
    distances = np.abs(_tables() - np.log(np.array(table))).mean(axis=1)
    return float(1 + distances.argmin()) if distances.min() < _BAD_FIT else None


@lru_cache(maxsize=1)
def _tables() -> np.ndarray[Any, Any]:
    """Return the logarithms of the tables for the qualities 1 to 100: 100 x 64."""
    return np.log([table_of(quality_) for quality_ in range(1, 101)])


def table_of(quality_: int) -> np.ndarray[Any, Any]:
    """Return the luminance table of a quality, 1 to 100: 64 steps, row by row."""
    percent = 5000 // quality_ if quality_ < 50 else 200 - 2 * quality_  # noqa: PLR2004 - see the module
    return np.asarray(((_STANDARD * percent + 50) // 100).clip(1, 255))


def measure_blockiness(grey: np.ndarray[Any, Any]) -> float | None:
    """Return by what share the steps across block borders are larger than others, both ways; None for a small picture.

    `grey` is height x width, uint8, at the scale at which it was compressed.
    """
    if min(grey.shape) < _LEAST_SIDE:
        return None
    across = cv2.reduce(cv2.absdiff(grey[:, 1:], grey[:, :-1]), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    down = cv2.reduce(cv2.absdiff(grey[1:], grey[:-1]), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    ratios = (_border_ratio(across.ravel() / grey.shape[0]), _border_ratio(down.ravel() / grey.shape[1]))
    return max(0.0, math.sqrt(ratios[0] * ratios[1]) - 1)


def _border_ratio(steps: np.ndarray[Any, Any]) -> float:
    """Return the ratio of the mean steps on the best of the grids of borders to those elsewhere."""
    whole = steps[: steps.size // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    means = np.median(whole, axis=0) + _LEAST_STEP
    elsewhere = (means.sum() - means) / (_BLOCK - 1)
    return float((means / elsewhere).max())


def measure(photo: Photo) -> Compression:
    """Measure a photo by its quantisation table and its decoded picture. Raises PhotoError."""
    grey = np.asarray(photo.image().convert("L")) if photo.is_whole() else None
    saved = photo.once(encoding)
    blockiness = None if grey is None else measure_blockiness(grey)
    return Compression(None if saved is None else saved.quality, blockiness)


def encoding(photo: Photo) -> Encoding | None:
    """Read from a JPEG's header how it was saved; None for other formats and for what can't be read."""
    if not photo.data.startswith(_JPEG):
        return None
    try:
        with JpegImageFile(BytesIO(photo.data)) as picture:
            found = quality_of_table(list(picture.quantization.get(0, ())))
            return None if found is None else Encoding(found, max(picture.size))
    except (OSError, SyntaxError, ValueError):
        return None


class CompressionStage(PhotoStage):
    """Writes how hard photos were compressed."""

    name = "compression"
    version = 2
    needs = "both"
    tables = (
        quality(
            column(
                "jpeg_quality",
                pa.float32(),
                "The quality at which a JPEG was saved, 1 to 100; null for others, and if its table is far from all.",
            ),
            column(
                "blockiness",
                pa.float32(),
                "Share by which steps across 8-pixel borders are larger; null if not read at full size.",
            ),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Measure one photo."""
        return {"quality": [vars(photo.once(measure))]}
