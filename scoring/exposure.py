"""Exposure: what is clipped, and how the brightness is placed.

A pixel is clipped where all three channels are at the end of the scale: nothing is drawn there any more. One channel
alone is at its end in many a strong colour of a picture that is exposed well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa

from photoidx.scoring.raster import PREPROCESSING, luma, pixels
from photoidx.stage import PhotoStage, column, quality

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

_BLACK, _WHITE = 1, 254  # sRGB values up to here, and from here on, are clipped
_MIDDLE = 118.0  # the sRGB value of a card that reflects 18 % of the light


@dataclass(frozen=True)
class Exposure:
    """Shares of clipped pixels, 0 to 1; percentiles of the luma, 0 to 255; the placing of the median, 0 to 1."""

    clipped_shadows: float
    clipped_highlights: float
    luma_p01: float
    luma_p50: float
    luma_p99: float
    midtone: float


def measure_exposure(rgb: np.ndarray[Any, Any], grey: np.ndarray[Any, Any]) -> Exposure:
    """Measure a picture, height x width x 3 in sRGB as uint8, and its luma, height x width as float32."""
    red, green, blue = cv2.split(rgb)
    brightest, darkest = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    p01, p50, p99 = _percentiles(grey, (0.01, 0.5, 0.99))
    return Exposure(
        clipped_shadows=cv2.countNonZero(cv2.inRange(brightest, 0, _BLACK)) / grey.size,
        clipped_highlights=cv2.countNonZero(cv2.inRange(darkest, _WHITE, 255)) / grey.size,
        luma_p01=p01,
        luma_p50=p50,
        luma_p99=p99,
        midtone=min(p50 / _MIDDLE, (255 - p50) / (255 - _MIDDLE)),
    )


def _percentiles(grey: np.ndarray[Any, Any], shares: tuple[float, ...]) -> list[float]:
    """Return the least grey levels, as whole numbers, that the given shares of the pixels do not exceed."""
    counts = cv2.calcHist([cv2.convertScaleAbs(grey)], [0], None, [256], [0, 256]).ravel()
    below = np.cumsum(counts.astype(np.float64))
    return [float(np.searchsorted(below, share * grey.size)) for share in shares]


def measure(photo: Photo) -> Exposure:
    """Measure a photo at the common size. Raises PhotoError."""
    return measure_exposure(photo.once(pixels), photo.once(luma))


class ExposureStage(PhotoStage):
    """Writes how photos are exposed."""

    name = "exposure"
    preprocessing = PREPROCESSING
    tables = (
        quality(
            column("clipped_shadows", pa.float32(), "Share of the pixels that are black, 0 to 1 (all of RGB below 2)."),
            column(
                "clipped_highlights", pa.float32(), "Share of the pixels that are white, 0 to 1 (all of RGB above 253)."
            ),
            column("luma_p01", pa.float32(), "Brightness that 1 % of the pixels do not exceed, 0 to 255."),
            column("luma_p50", pa.float32(), "Median brightness, 0 to 255."),
            column("luma_p99", pa.float32(), "Brightness that 99 % of the pixels do not exceed, 0 to 255."),
            column(
                "midtone",
                pa.float32(),
                "How near the median brightness is to middle grey (118): 1 there, 0 for black or white.",
            ),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Measure one photo."""
        return {"quality": [vars(photo.once(measure))]}
