"""Colour: how strong it is, and whether what should be grey has a tint.

Colourfulness is M3 of Hasler and Suesstrunk, "Measuring colourfulness in natural images" (2003), at half the common
size, which keeps noise from counting as colour.

The cast is the mode of the colours near grey: in the a-b plane of CIELAB, a mean shift with a Gaussian window that
starts at grey (Comaniciu and Meer 2002) stops where the greyish pixels of this picture gather. Strong colours are far
off, and don't pull.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa

from photoidx.scoring.raster import PREPROCESSING, pixels
from photoidx.stage import PhotoStage, column, quality

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

_WINDOW = 12.0  # the standard deviation of the mean shift's window, in units of a and b
_STEPS = 20
_LEAST_SHARE = 0.02  # of the pixels must be as good as inside the window
_DARK, _BRIGHT = 20, 240  # of 255 lightness: beyond, colours are clipped or nearly none
_GREY_PICTURE = 1.0  # a picture whose colourfulness is less is black and white
_LEAST_CAST = 0.5  # one whose cast is smaller has no direction


@dataclass(frozen=True)
class Colour:
    """Colourfulness M3; strength of the cast in units of CIELAB; its direction in the a-b plane in degrees."""

    colourfulness: float
    cast: float | None
    cast_direction_deg: float | None


def measure_colour(rgb: np.ndarray[Any, Any]) -> Colour:
    """Measure a picture, height x width x 3 in sRGB as uint8."""
    half = _shrunk(rgb, 2)
    strength = colourfulness(half)
    shift = None if strength < _GREY_PICTURE else _mode_near_grey(_shrunk(half, 2))
    if shift is None:
        return Colour(strength, None, None)
    cast = math.hypot(*shift)
    direction = math.degrees(math.atan2(shift[1], shift[0])) % 360
    return Colour(strength, cast, direction if cast >= _LEAST_CAST else None)


def colourfulness(rgb: np.ndarray[Any, Any]) -> float:
    """Return M3: 0 for grey, 15 slightly, 33 moderately, 59 quite, 109 extremely colourful (their table 2)."""
    channels = np.stack(cv2.split(rgb)).reshape(3, -1).astype(np.float32)
    means = channels.mean(axis=1, dtype=np.float64)
    channels -= means.astype(np.float32)[:, None]
    covariance = np.array([[float(np.dot(one, other)) for other in channels] for one in channels]) / channels.shape[1]
    axes = np.array([[1, -1, 0], [0.5, 0.5, -1]])
    variance = float(np.einsum("ij,jk,ik->", axes, covariance, axes))
    return math.sqrt(max(variance, 0.0)) + 0.3 * math.hypot(*(axes @ means))


def _shrunk(rgb: np.ndarray[Any, Any], factor: int) -> np.ndarray[Any, Any]:
    height, width = rgb.shape[:2]
    size = (max(1, width // factor), max(1, height // factor))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def _mode_near_grey(rgb: np.ndarray[Any, Any]) -> tuple[float, float] | None:
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)  # 8 bits: L is 0 to 255, and 128 is added to a and b
    usable = cv2.inRange(cv2.extractChannel(lab, 0), _DARK, _BRIGHT)
    counts = cv2.calcHist([lab], [1, 2], usable, [256, 256], [0, 256, 0, 256]).astype(np.float64)
    axis = np.arange(256) - 128.0
    at = np.zeros(2)
    for _ in range(_STEPS):
        across, down = (np.exp(-((axis - centre) ** 2) / (2 * _WINDOW**2)) for centre in at)
        weighted = counts @ np.stack((down, down * axis), axis=1)
        inside = float(across @ weighted[:, 0])
        if inside < _LEAST_SHARE * rgb.shape[0] * rgb.shape[1]:
            return None
        moved = np.array([(across * axis) @ weighted[:, 0], across @ weighted[:, 1]]) / inside
        if np.abs(moved - at).max() < 0.01:  # noqa: PLR2004 - units of a and b, far below what can be seen
            break
        at = moved
    return float(at[0]), float(at[1])


def measure(photo: Photo) -> Colour:
    """Measure a photo at the common size. Raises PhotoError."""
    return measure_colour(photo.once(pixels))


class ColourStage(PhotoStage):
    """Writes how colourful photos are, and their cast."""

    name = "colour"
    preprocessing = PREPROCESSING
    tables = (
        quality(
            column("colourfulness", pa.float32(), "0 for grey, 33 moderately, 59 quite, 109 extremely colourful."),
            column(
                "colour_cast",
                pa.float32(),
                "How far greyish things are from grey, in units of CIELAB (2 is just visible); null if there are none.",
            ),
            column(
                "colour_cast_direction_deg",
                pa.float32(),
                "The tint of the cast in CIELAB: 0 is red to magenta, 90 yellow, 180 green, 270 blue; null if none.",
            ),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Measure one photo."""
        found = photo.once(measure)
        row = {
            "colourfulness": found.colourfulness,
            "colour_cast": found.cast,
            "colour_cast_direction_deg": found.cast_direction_deg,
        }
        return {"quality": [row]}
