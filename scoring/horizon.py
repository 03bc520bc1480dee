"""Horizon: by how much a picture is tilted, told by the lines that ought to be level or upright.

The structure tensor (Bigun and Granlund 1987) gives each spot an orientation and tells how line-like it is. Spots on
lines vote for their orientation, modulo a right angle, with the root of their gradient's energy. The tilt is the
highest peak within 20 degrees of level, and the confidence the share of the votes that it holds beyond chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa

from photoidx.scoring.raster import PREPROCESSING
from photoidx.scoring.sharpness import smoothed
from photoidx.stage import PhotoStage, column, quality

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

_LARGEST_TILT = 20.0
_PER_DEGREE = 4  # bins
_PEAK = 1.5  # half the width of a peak, in degrees
_WINDOW = 7  # pixels, over which the structure tensor is averaged
_COHERENCE = 0.95
_FAINT = 1600.0  # a mean squared gradient, in squares of grey levels per pixel after Scharr's masks at half size
_LEAST_SIDE = 64
_LEAST_VOTES = 200.0
_LEAST_CONFIDENCE = 0.15


@dataclass(frozen=True)
class Horizon:
    """The tilt in degrees, clockwise, and its confidence, 0 to 1. Both None for pictures too small or too flat."""

    tilt_deg: float | None
    confidence: float | None


def measure_horizon(soft: np.ndarray[Any, Any]) -> Horizon:
    """Measure a picture, height x width, float32, 0 to 255."""
    height, width = soft.shape
    if min(height, width) < _LEAST_SIDE:
        return Horizon(None, None)
    half = cv2.resize(soft, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    votes = _votes(np.asarray(half))
    total = float(votes.sum())
    if total < _LEAST_VOTES:
        return Horizon(None, None)
    tilt, held = _peak(votes)
    chance = (2 * _PEAK) / 90
    confidence = max(0.0, (held / total - chance) / (1 - chance))
    return Horizon(tilt if confidence >= _LEAST_CONFIDENCE else None, confidence)


def _votes(grey: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the votes by orientation modulo 90 degrees, in bins of 1 / `_PER_DEGREE` from -45 on."""
    across, down = cv2.Scharr(grey, cv2.CV_32F, 1, 0), cv2.Scharr(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (
        cv2.boxFilter(cv2.multiply(one, other), cv2.CV_32F, (_WINDOW, _WINDOW))
        for one, other in ((across, across), (down, down), (across, down))
    )
    energy = cv2.add(xx, yy)
    twice_cosine, twice_sine = cv2.subtract(xx, yy), cv2.add(xy, xy)
    line = (cv2.magnitude(twice_cosine, twice_sine) > _COHERENCE * energy) & (energy > _FAINT)
    margin = _WINDOW // 2 + 1
    line[:margin] = line[-margin:] = False
    line[:, :margin] = line[:, -margin:] = False
    degrees = np.degrees(np.arctan2(twice_sine[line], twice_cosine[line])) / 2
    bins = np.floor((degrees + 45) % 90 * _PER_DEGREE).astype(np.int64) % (90 * _PER_DEGREE)
    return np.bincount(bins, np.sqrt(energy[line]) / 400, 90 * _PER_DEGREE)


def _peak(votes: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return the centre of the highest peak within `_LARGEST_TILT`, in degrees, and the votes that it holds."""
    reach = round(_PEAK * _PER_DEGREE)
    window = np.arange(-reach, reach + 1)
    weights = np.cos(np.pi / 2 * window / (reach + 1))
    first, last = (round((45 + side * _LARGEST_TILT) * _PER_DEGREE) for side in (-1, 1))
    heights = np.convolve(votes, weights, "same")[first:last]
    at = first + int(heights.argmax())
    around = votes[at + window]
    held = float(around.sum())
    bin_ = at + float((around * window).sum()) / held if held else float(at)
    return float(np.clip((bin_ + 0.5) / _PER_DEGREE - 45, -_LARGEST_TILT, _LARGEST_TILT)), held


def measure(photo: Photo) -> Horizon:
    """Measure a photo at the common size. Raises PhotoError."""
    return measure_horizon(photo.once(smoothed))


class HorizonStage(PhotoStage):
    """Writes by how much photos are tilted. It is a report, and no judgement."""

    name = "horizon"
    preprocessing = PREPROCESSING
    tables = (
        quality(
            column(
                "horizon_tilt_deg",
                pa.float32(),
                "The tilt of level and upright lines, -20 to 20 degrees, clockwise; null if there are no such lines.",
            ),
            column("horizon_confidence", pa.float32(), "The share of the lines that agree on the tilt, 0 to 1."),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Measure one photo."""
        found = photo.once(measure)
        return {"quality": [{"horizon_tilt_deg": found.tilt_deg, "horizon_confidence": found.confidence}]}
