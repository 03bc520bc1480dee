"""Whether two pictures differ in nothing but how they are encoded: laid on each other whole, without any map.

Both are brought to the smaller one's size and compared in tiles, in colour. What JPEG, resizing and rounding leave is
spread evenly and fine; a sticker, a retouched place, another frame of a film, another focus or another tone is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from photoidx.queries.contents import Array

_TILE = 16
_LEAST_TILES = 6
_BLUR = 2.0  # standard deviation in pixels: what is finer is the noise of encoding
_MOST_SHAPE = 0.012  # of the logarithm of width by height: a pixel of rounding in a hundred
_MOST_SHIFT, _RIDGE = 0.6, 1.0  # pixels; and grey levels squared, so that a blank picture has no shift
_TEXTURED = 8.0  # standard deviation of a tile, grey levels
_LUMA = np.array([0.114, 0.587, 0.299], np.float32)


@dataclass(frozen=True)
class Differences:
    """What is left between two pictures of one size, in grey levels of 0 to 255.

    `structure`: the largest standard deviation of the blurred difference in a tile. `colour`, `most_colour`: the 99th
    percentile and the largest of the tiles' difference of mean colour; `light` the largest of their mean brightness.
    `gain`: how much stronger the second picture's texture is, in tiles that have some.
    """

    structure: float
    colour: float
    most_colour: float
    light: float
    gain: float


@dataclass(frozen=True)
class TileLimits:
    """Up to where two pictures are the same."""

    structure: float
    colour: float
    most_colour: float
    light: float
    gain: float

    def hold(self, found: Differences) -> bool:
        """Return whether the differences are those of encoding alone."""
        return (
            found.structure <= self.structure
            and found.colour <= self.colour
            and found.most_colour <= self.most_colour
            and found.light <= self.light
            and abs(math.log(max(found.gain, 1e-3))) <= math.log(self.gain)
        )


# Measured on 14 photos. At the whole size (up to 1,600 pixels): JPEG from quality 20, WebP, AVIF, halves, quarters and
# copies sent twice reach 2.8, 8.3, 11.8 and 3.5; a date 7.9 of structure, a retouched place 5.5, other light 10.9 of
# colour and 10.5 of brightness, vignettes, filters and other frames of films more. At 320 pixels the former reach 1.8,
# 5.1, 7.0 and 2.0; of 1,464 pairs of walks, films and focus stacks the nearest has a structure of 12.
WHOLE = TileLimits(structure=3.3, colour=9.0, most_colour=13.0, light=4.2, gain=1.25)
THUMBNAIL = TileLimits(structure=3.2, colour=8.0, most_colour=11.0, light=6.0, gain=1.2)


def differences(first: Array, second: Array, side: int) -> Differences | None:
    """Compare two pictures (height x width x 3, BGR, uint8) at a long side; None if their shapes differ."""
    height, width = first.shape[:2]
    if abs(math.log(width / height * second.shape[0] / second.shape[1])) > _MOST_SHAPE:
        return None
    small = first if max(first.shape) < max(second.shape) else second
    scale = min(1.0, side / max(small.shape))
    size = max(1, round(small.shape[1] * scale)), max(1, round(small.shape[0] * scale))
    here, there = (_sized(each, size) for each in (first, second))
    if (size[0] // _TILE) * (size[1] // _TILE) < _LEAST_TILES:
        return None
    light = here @ _LUMA, there @ _LUMA
    spread = [_tiles(each).std(axis=1) for each in light]
    most = np.maximum(*spread)
    blurred = _unshifted(*(cv2.GaussianBlur(each, (0, 0), _BLUR) for each in light))
    colour = np.abs(np.stack([_tiles(here[..., at] - there[..., at]).mean(axis=1) for at in range(3)])).max(axis=0)
    rich = most > _TEXTURED
    gain = float(np.median(spread[1][rich] / np.maximum(spread[0][rich], 1.0))) if rich.sum() > _LEAST_TILES else 1.0
    return Differences(
        structure=float(_tiles(blurred).std(axis=1).max()),
        colour=float(np.percentile(colour, 99)),
        most_colour=float(colour.max()),
        light=float(np.abs(_tiles(light[0] - light[1]).mean(axis=1)).max()),
        gain=gain,
    )


def _unshifted(here: Array, there: Array) -> Array:
    """Return the difference of two planes, less what a shift and a change of scale of under a pixel explain.

    Programs round sizes: 409.6 pixels become 410, and what lies at the edge moves by half a pixel.
    """
    left = here - there
    across, down = (cv2.Sobel((here + there) / 2, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    y, x = np.mgrid[-1 : 1 : here.shape[0] * 1j, -1 : 1 : here.shape[1] * 1j]
    slopes = np.stack([each.ravel() for each in (across, across * x, down, down * y)], axis=1)
    gram = slopes.T @ slopes + np.eye(4) * _RIDGE
    shift = np.linalg.solve(gram, slopes.T @ left.ravel())
    if max(abs(shift[0]) + abs(shift[1]), abs(shift[2]) + abs(shift[3])) > _MOST_SHIFT:
        return np.asarray(left)
    return np.asarray(left - (slopes @ shift).reshape(left.shape).astype(np.float32))


def _sized(picture: Array, size: tuple[int, int]) -> Array:
    if (picture.shape[1], picture.shape[0]) != size:
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return picture.astype(np.float32)


def _tiles(plane: Array) -> Array:
    """Cut a plane into tiles, one a row; what is left at the right and below belongs to the last ones' neighbours."""
    rows, columns = plane.shape[0] // _TILE, plane.shape[1] // _TILE
    whole = plane[plane.shape[0] - rows * _TILE :, plane.shape[1] - columns * _TILE :]
    cut = whole.reshape(rows, _TILE, columns, _TILE).transpose(0, 2, 1, 3)
    return np.asarray(cut.reshape(rows * columns, _TILE * _TILE))
