"""Changes of a picture's pixels, as an editor makes them: geometry, light and colour, sharpness and grain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from photoidx.evaluation.degradations import Pixels, blurred, cropped, noisy

Change = Callable[[Pixels, np.random.Generator], Pixels]
Draw = np.random.Generator
_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def rounded(picture: Any) -> Pixels:
    """Round to whole levels from 0 to 255."""
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


# Geometry


def turned(degrees: float, *, cut: bool) -> Change:
    """Turn by some degrees, either way; `cut` takes the largest upright part, as straightening does."""

    def change(picture: Pixels, rng: Draw) -> Pixels:
        angle = degrees * rng.choice((-1, 1))
        height, width = picture.shape[:2]
        shrink = 1.0
        if cut:
            tilt = np.radians(abs(angle))
            long, short = max(height, width), min(height, width)
            shrink = 1 / (np.cos(tilt) + np.sin(tilt) * long / short)
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
        turned = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC)
        return cropped(np.asarray(turned, np.uint8), (shrink, shrink), (0.5, 0.5))

    return change


def sized(across: float, down: float) -> Change:
    """Scale the width and the height, each by its own factor."""

    def change(picture: Pixels, _rng: Draw) -> Pixels:
        height, width = picture.shape[:2]
        size = max(16, round(width * across)), max(16, round(height * down))
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)

    return change


def to_square(picture: Pixels, _rng: Draw) -> Pixels:
    """Squeeze into a square."""
    side = min(picture.shape[:2])
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def part(area: float) -> Change:
    """Crop to a share of the area."""

    def change(picture: Pixels, rng: Draw) -> Pixels:
        side = area**0.5
        return cropped(picture, (side, side), (rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)))

    return change


def shape(across: float, down: float) -> Change:
    """Cut to a shape, as wide or as high as the picture allows."""

    def change(picture: Pixels, rng: Draw) -> Pixels:
        height, width = picture.shape[:2]
        wanted = across / down * height / width
        keep = (min(1.0, wanted), min(1.0, 1 / wanted))
        return cropped(picture, keep, (rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)))

    return change


def upright_lines(picture: Pixels, rng: Draw) -> Pixels:
    """Correct converging verticals: a perspective that draws the top corners apart by 4 to 8 %."""
    height, width = picture.shape[:2]
    pull = rng.uniform(0.04, 0.08) * width
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    drawn = np.array([[-pull, 0], [width + pull, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, drawn)
    return np.asarray(cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_CUBIC), np.uint8)


def barrel(picture: Pixels, rng: Draw) -> Pixels:
    """Correct a lens that draws barrels: up to 2 % at the corners."""
    height, width = picture.shape[:2]
    strength = rng.uniform(0.01, 0.02)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = (x - width / 2) / (width / 2), (y - height / 2) / (height / 2)
    factor = 1 - strength * (1 - (u * u + v * v) / 2)
    across, down = (u * factor + 1) * width / 2, (v * factor + 1) * height / 2
    drawn = cv2.remap(picture, across.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(drawn, np.uint8)


def mirrored_part(picture: Pixels, rng: Draw) -> Pixels:
    """Mirror, and crop to 85 % of the area."""
    return part(0.85)(np.ascontiguousarray(picture[:, ::-1]), rng)


def half_turned(picture: Pixels, _rng: Draw) -> Pixels:
    """Turn by 180 degrees."""
    return np.ascontiguousarray(picture[::-1, ::-1])


# Light and colour


def curve(bend: Callable[[Any], Any]) -> Change:
    """Bend the tones: a function of levels from 0 to 1."""
    levels = rounded(255 * np.clip(bend(np.arange(256) / 255), 0, 1))
    return lambda picture, _rng: np.asarray(cv2.LUT(picture, levels), np.uint8)


def warm(picture: Pixels, rng: Draw) -> Pixels:
    """Make the light warmer or colder by 15 to 25 %."""
    shift = rng.uniform(0.15, 0.25) * rng.choice((-1, 1))
    return rounded(picture * np.array([1 + shift, 1, 1 - shift]))


def grey(picture: Pixels, _rng: Draw) -> Pixels:
    """Make it black and white."""
    return rounded(np.repeat((picture @ _GREY)[..., None], 3, axis=2))


def sepia(picture: Pixels, _rng: Draw) -> Pixels:
    """Make it brown, as old prints are."""
    return rounded(picture @ _SEPIA.T)


def crossed(picture: Pixels, _rng: Draw) -> Pixels:
    """Bend each colour by its own curve, as the filters of phones do."""
    levels = np.arange(256) / 255
    curves = (levels**0.8, levels, 0.15 + 0.7 * levels**1.2)
    return np.dstack([cv2.LUT(picture[..., at], rounded(255 * curve)) for at, curve in enumerate(curves)])


def saturated(picture: Pixels, _rng: Draw) -> Pixels:
    """Make it 1.7 times as colourful."""
    grey = (picture @ _GREY)[..., None]
    return rounded(grey + (picture - grey) * 1.7)


def local_contrast(picture: Pixels, _rng: Draw) -> Pixels:
    """Raise the contrast of each part by itself (CLAHE)."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(3.0, (8, 8)).apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def lifted(picture: Pixels, _rng: Draw) -> Pixels:
    """Brighten the shadows by what lies around them, as `shadows` in an editor does."""
    light = cv2.GaussianBlur(picture @ _GREY, (0, 0), max(picture.shape) / 40)[..., None] / 255
    return rounded(255 * (picture / 255.0) ** (0.55 + 0.45 * light))


def dehazed(picture: Pixels, _rng: Draw) -> Pixels:
    """Take off what lies evenly over a part, and raise the contrast."""
    around = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), max(picture.shape) / 15)
    return rounded(128 + 1.25 * (picture - around * 0.55 - 128 * 0.45))


def vignette(picture: Pixels, _rng: Draw) -> Pixels:
    """Darken towards the corners."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return rounded(picture * (1 - 0.32 * (x * x + y * y))[..., None])


# Sharpness and grain


def sharpened(picture: Pixels, _rng: Draw) -> Pixels:
    """Sharpen strongly (unsharp masking)."""
    around = blurred(picture, max(picture.shape) / 400).astype(np.float32)
    return rounded(picture + 2.0 * (picture - around))


def soft(picture: Pixels, _rng: Draw) -> Pixels:
    """Blur a little."""
    return blurred(picture, max(picture.shape) / 300)


def smoothed(picture: Pixels, _rng: Draw) -> Pixels:
    """Smooth noise, and keep edges."""
    return np.asarray(cv2.bilateralFilter(picture, 9, 45, 7), np.uint8)


def grainy(picture: Pixels, rng: Draw) -> Pixels:
    """Add grain of 18 grey levels."""
    return noisy(picture, 18, rng)


def portrait(picture: Pixels, _rng: Draw) -> Pixels:
    """Blur what lies around the middle, as a portrait mode does."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    sharp = np.clip(1.6 - 2 * np.hypot(x, y), 0, 1)[..., None]
    return rounded(picture * sharp + blurred(picture, max(picture.shape) / 120) * (1 - sharp))
