"""Ways to make a picture worse, each with a name, and the set of them that `photoidx bench degradations` uses.

A picture is height x width x 3, sRGB, uint8. Lengths and sigmas are in pixels of the picture that is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from PIL import Image

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
_Make = Callable[[Pixels, np.random.Generator], Pixels]

TECHNICAL = ("blur", "motion blur", "JPEG", "noise", "exposure")
CROPS = ("edge", "corner", "aspect", "centre")
_STEPS_PER_PIXEL = 8  # a motion kernel is summed from this many points for each pixel of its length


@dataclass(frozen=True)
class Degradation:
    """One way to make a picture worse. `quality` is the JPEG quality that is its whole effect, else None."""

    name: str
    kind: str
    make: _Make
    quality: int | None = None


def blurred(pixels: Pixels, sigma: float) -> Pixels:
    """Blur with a Gaussian whose kernel has 2 * ceil(3 sigma) + 1 pixels."""
    side = 2 * math.ceil(3 * sigma) + 1
    return np.asarray(cv2.GaussianBlur(pixels, (side, side), sigma), dtype=np.uint8).reshape(pixels.shape)


def motion_blurred(pixels: Pixels, length: float, angle: float) -> Pixels:
    """Blur along a straight line of `length` pixels at `angle`, in radians."""
    return np.asarray(cv2.filter2D(pixels, -1, _line(length, angle)), dtype=np.uint8).reshape(pixels.shape)


def _line(length: float, angle: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return a kernel that sums to 1: points along the line, each shared between its four nearest cells."""
    reach = math.ceil(length / 2)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    for step in np.linspace(-0.5, 0.5, max(2, round(length * _STEPS_PER_PIXEL))) * max(length - 1, 0):
        x, y = reach + step * math.cos(angle), reach + step * math.sin(angle)
        left, top = math.floor(x), math.floor(y)
        for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
            share = (1 - abs(x - column)) * (1 - abs(y - row))
            if share > 0:
                kernel[row, column] += share
    kernel /= kernel.sum()
    return kernel


def noisy(pixels: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    """Add normal noise of `sigma` grey levels, independent in each pixel and channel."""
    noise = rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(sigma)
    return np.asarray(np.clip(np.rint(pixels + noise), 0, 255), dtype=np.uint8)


def exposed(pixels: Pixels, stops: float) -> Pixels:
    """Multiply the gamma-coded values by 2 ** stops and clip them."""
    levels = np.clip(np.rint(np.arange(256) * 2.0**stops), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, levels), dtype=np.uint8).reshape(pixels.shape)


def cropped(pixels: Pixels, keep: tuple[float, float], at: tuple[float, float]) -> Pixels:
    """Keep these shares of the width and the height; `at` is 0 for left or top, 0.5 for centred, 1 for right or bottom.

    At least one pixel is kept.
    """
    height, width = pixels.shape[:2]
    new_width, new_height = max(1, round(width * keep[0])), max(1, round(height * keep[1]))
    left, top = round((width - new_width) * at[0]), round((height - new_height) * at[1])
    return pixels[top : top + new_height, left : left + new_width]


def fitted(pixels: Pixels, long_side: int) -> Pixels:
    """Bring the long side down to `long_side` by averaging; a picture that is not larger stays as it is."""
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def as_jpeg(pixels: Pixels, quality: int) -> bytes:
    """Encode as JPEG, colour at half resolution at every quality."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue()


def as_bmp(pixels: Pixels) -> bytes:
    """Encode without loss, and quickly."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, "BMP")
    return out.getvalue()


def _unchanged(pixels: Pixels, _rng: np.random.Generator) -> Pixels:
    return pixels


def _blur(sigma: float) -> Degradation:
    return Degradation(f"blur sigma {sigma}", "blur", lambda pixels, _rng: blurred(pixels, sigma))


def _jpeg(quality: int) -> Degradation:
    return Degradation(f"JPEG {quality}", "JPEG", _unchanged, quality)


def _exposure(stops: int) -> Degradation:
    return Degradation(f"exposure {stops:+d}", "exposure", lambda pixels, _rng: exposed(pixels, stops))


def _crop(name: str, kind: str, keep: tuple[float, float], at: tuple[float, float]) -> Degradation:
    return Degradation(name, kind, lambda pixels, _rng: cropped(pixels, keep, at))


def _noise(sigma: float) -> Degradation:
    return Degradation(f"noise sigma {sigma}", "noise", lambda pixels, rng: noisy(pixels, sigma, rng))


def _motion(length: int) -> Degradation:
    """Return motion at an angle that is drawn anew for each picture."""

    def make(pixels: Pixels, rng: np.random.Generator) -> Pixels:
        return motion_blurred(pixels, length, rng.uniform(0, math.pi))

    return Degradation(f"motion blur {length} px", "motion blur", make)


def _crops() -> tuple[Degradation, ...]:
    found = []
    for cut in (0.2, 0.3):
        found.append(_crop(f"edge {cut:.2f} off the right", "edge", (1 - cut, 1), (0, 0)))
        found.append(_crop(f"edge {cut:.2f} off the bottom", "edge", (1, 1 - cut), (0, 0)))
    for keep in (0.7, 0.6):
        found.append(_crop(f"corner top left {keep:.2f}", "corner", (keep, keep), (0, 0)))
        found.append(_crop(f"corner bottom right {keep:.2f}", "corner", (keep, keep), (1, 1)))
    for keep in (0.6, 0.5):
        found.append(_crop(f"aspect tall {keep:.2f}", "aspect", (keep, 1), (0.5, 0.5)))
        found.append(_crop(f"aspect wide {keep:.2f}", "aspect", (1, keep), (0.5, 0.5)))
    found += [_crop(f"centre {keep:.2f}", "centre", (keep, keep), (0.5, 0.5)) for keep in (0.7, 0.6)]
    return tuple(found)


PUBLISHED = (
    *(_blur(sigma) for sigma in (1, 2, 4, 8)),
    *(_jpeg(quality) for quality in (80, 60, 40, 20, 10)),
    *(_exposure(stops) for stops in (-2, -1, 1, 2)),
    *_crops(),
)
"""The 27 variants with which other people's figures were made."""

ADDED = (*(_noise(sigma) for sigma in (5, 10, 20)), *(_motion(length) for length in (9, 21)))
"""What the strict form adds to them."""

PLACEBO = Degradation("mirrored", "placebo", lambda pixels, _rng: np.ascontiguousarray(pixels[:, ::-1]))
"""What makes a picture neither better nor worse."""
