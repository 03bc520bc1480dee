"""Noise: the standard deviation of the grain, apart from what belongs to the scene.

Immerkaer, "Fast noise variance estimation", CVIU 64 (1996): the mask [1 -2 1] x [1 -2 1] is blind to flat and evenly
rising surfaces, and its mean size over a picture gives sigma. Texture and edges are not blind to it, so, after Tai and
Yang, "Fast image noise estimation using Laplacian operator and adaptive edge detection" (ISCCSP 2008), pixels with a
large Sobel gradient are left out. They leave out a tenth; we leave out half, which brings the median estimate for clean
Kodak pictures from 2.1 to 1.5 grey levels and leaves that of added noise as it is. The two masks are orthogonal, so in
white noise alone the choice changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa

from photoidx.scoring.raster import PREPROCESSING, luma
from photoidx.stage import PhotoStage, column, quality

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

_SMOOTH_SHARE = 0.5
_DARKEST, _BRIGHTEST = 1, 254  # beyond them noise is clipped, and its estimate would be too small
_LEAST_SIDE = 3
_LEAST_PIXELS = 64
_MASK = np.array([1, -2, 1], np.float32)
_GRADIENT_SCALE = 0.5  # makes 255 of |dx| + |dy| = 510 after Sobel's masks; what is larger is an edge


@dataclass(frozen=True)
class Noise:
    """The noise of a picture in grey levels of 0 to 255; None where no pixel can tell."""

    sigma: float | None


def estimate_noise(grey: np.ndarray[Any, Any]) -> Noise:
    """Estimate the noise of a height x width picture, float32, 0 to 255."""
    if min(grey.shape) < _LEAST_SIDE:
        return Noise(None)
    across, down = (
        cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_32F, *order), alpha=_GRADIENT_SCALE) for order in ((1, 0), (0, 1))
    )
    usable = cv2.inRange(cv2.convertScaleAbs(grey), _DARKEST, _BRIGHTEST)
    total = cv2.countNonZero(usable)
    if total < _LEAST_PIXELS:
        return Noise(None)
    gradient = cv2.bitwise_or(cv2.add(across, down), cv2.bitwise_not(usable))
    counts = cv2.calcHist([gradient], [0], None, [256], [0, 256]).ravel()
    limit = int(np.searchsorted(np.cumsum(counts), _SMOOTH_SHARE * total))
    smooth = cv2.bitwise_and(usable, cv2.inRange(gradient, 0, limit))
    response = cv2.sepFilter2D(grey, cv2.CV_32F, _MASK, _MASK)
    mean = cv2.norm(response, cv2.NORM_L1, smooth) / cv2.countNonZero(smooth)
    return Noise(math.sqrt(math.pi / 2) / 6 * mean)


def measure(photo: Photo) -> Noise:
    """Estimate a photo's noise at the common size. Raises PhotoError."""
    return estimate_noise(photo.once(luma))


class NoiseStage(PhotoStage):
    """Writes how noisy photos are."""

    name = "noise"
    preprocessing = PREPROCESSING
    tables = (
        quality(
            column(
                "noise_sigma",
                pa.float32(),
                "Noise in grey levels of 0 to 255, as a standard deviation, at a long side of 960 pixels.",
            ),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Measure one photo."""
        return {"quality": [{"noise_sigma": photo.once(measure).sigma}]}
