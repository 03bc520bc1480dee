"""The frames of one series, made from one photo: what a hand, a tripod, a lens and a shutter do to a scene."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from photoidx.evaluation.degradations import Pixels, cropped, fitted, motion_blurred, noisy
from photoidx.stage import WORKING_LONG_SIDE

BLURS = ("motion blur", "defocus")
WAYS = (*BLURS, "noise", "exposure")

_FULL = 1200  # the long side for which the strengths below are meant
_LEAST_SCALE = 0.75  # damage in a smaller frame is not made smaller than this share: it must be seen
_MOTION_PX, _DISK_PX, _NOISE, _STOPS = (7.0, 25.0), (2.0, 7.0), (6.0, 20.0), (1.0, 1.7)
_DARK, _BRIGHT = 90, 140  # mean grey: a dark scene is only made darker, or the damage might be a cure
_SENSOR_NOISE = 1.0
_LUMINANCE, _MOST_EXPOSED = (0.2126, 0.7152, 0.0722), 3.0
_FOOT, _SLOPE = 0.04045, 12.92  # of the straight part of sRGB's curve
_FARTHEST = (0.06, math.radians(2))  # of a shift, as a share of the frame, and of a turn

_Kernel = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Frame:
    """A frame: its pixels, the seconds since the series began, how many stops the photographer asked for.

    `damage` and `strength` (pixels of length or radius, grey levels, stops) tell what went wrong; `eyes` how those of
    the person whose lids were painted were read before and after.
    """

    pixels: Pixels
    at: float = 0.0
    stops: float = 0.0
    damage: str | None = None
    strength: float | None = None
    best: bool = False
    eyes: str | None = None


def laplacian_variance(pixels: Pixels) -> float:
    """Return the variance of the Laplacian of the grey picture at a long side of 960: a usual measure of sharpness."""
    grey = cv2.cvtColor(fitted(pixels, WORKING_LONG_SIDE), cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def lit(pixels: Pixels, stops: float) -> Pixels:
    """Expose by so many stops more, in linear light as sRGB (IEC 61966-2-1) defines it, and clip."""
    return np.asarray(cv2.LUT(pixels, _levels(2.0**stops)), dtype=np.uint8).reshape(pixels.shape)


def coloured(pixels: Pixels, hue_deg: float, saturation: float) -> Pixels:
    """Light a picture by lamps of one colour (HSV, of full value), exposed as brightly as before as far as it goes."""
    light = np.array(colorsys.hsv_to_rgb(hue_deg / 360, saturation, 1.0))
    light *= min(1 / float(light @ _LUMINANCE), _MOST_EXPOSED)
    levels = np.stack([_levels(gain) for gain in light], axis=-1)
    return np.asarray(cv2.LUT(pixels, levels[None]), dtype=np.uint8)


def _levels(gain: float) -> Pixels:
    """Return what becomes of the 256 levels of sRGB in so many times the light."""
    coded = np.arange(256) / 255
    linear = np.where(coded <= _FOOT, coded / _SLOPE, ((coded + 0.055) / 1.055) ** 2.4) * gain
    again = np.where(linear <= _FOOT / _SLOPE, linear * _SLOPE, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(np.rint(again * 255), 0, 255), dtype=np.uint8)


def defocused(pixels: Pixels, radius: float) -> Pixels:
    """Blur with a disk, as a lens does that is not in focus."""
    return np.asarray(cv2.filter2D(pixels, -1, _disk(radius)), dtype=np.uint8).reshape(pixels.shape)


def _disk(radius: float) -> _Kernel:
    """Return a disk that sums to 1. Cells at the edge count for about as much as the disk covers of them."""
    reach = math.ceil(radius)
    across = np.arange(-reach, reach + 1)
    kernel = np.clip(radius + 0.5 - np.hypot(across, across[:, None]), 0, 1).astype(np.float32)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def part(scene: Pixels, long_side: int, rng: np.random.Generator) -> Pixels:
    """Take a part of a scene, sometimes mirrored, with a brightness of its own."""
    keep = rng.uniform(0.65, 0.9, 2)
    found = fitted(cropped(scene, (keep[0], keep[1]), (rng.random(), rng.random())), long_side)
    if rng.random() < 0.5:  # noqa: PLR2004 - every other one
        found = np.ascontiguousarray(found[:, ::-1])
    return lit(found, rng.uniform(-0.3, 0.3))


def hand_held(scene: Pixels, long_side: int, count: int, sway: float, rng: np.random.Generator) -> list[Pixels]:
    """Return views of a scene, shifted and turned a little, none larger than `long_side`; no border shows.

    `sway` is the standard deviation of the shift, as a share of the frame.
    """
    shifts = np.clip(rng.normal(0, sway, (count, 2)), -_FARTHEST[0], _FARTHEST[0])
    turns = np.clip(rng.normal(0, math.radians(rng.uniform(0.5, 1)), count), -_FARTHEST[1], _FARTHEST[1])
    height, width = scene.shape[:2]
    cos, sin = np.cos(turns), np.abs(np.sin(turns))
    across = (width - 4) / (width * (2 * np.abs(shifts[:, 0]) + cos) + height * sin)
    down = (height - 4) / (height * (2 * np.abs(shifts[:, 1]) + cos) + width * sin)
    keep = float(min(across.min(), down.min()))  # a frame has this share of the scene
    scene = fitted(scene, math.ceil(long_side / keep))
    height, width = scene.shape[:2]
    size = (int(width * keep), int(height * keep))
    views = []
    for (right, below), turn in zip(shifts, turns, strict=True):
        spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        centre = np.array([width / 2 + right * size[0], height / 2 + below * size[1]])
        matrix = np.column_stack((spin, centre - spin @ (np.array(size) / 2)))
        view = cv2.warpAffine(scene, matrix, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
        views.append(noisy(np.asarray(view, dtype=np.uint8), _SENSOR_NOISE, rng))
    return views


def burst(
    scene: Pixels, long_side: int, rng: np.random.Generator, shape: tuple[int, float] = (0, 0.0), way: str | None = None
) -> list[Frame]:
    """Return a hand-held burst. `shape` fixes the number of frames and the gap in seconds; zeros draw them.

    With a `way` of WAYS, or "mixed", all frames but one are damaged.
    """
    count = shape[0] or int(rng.integers(3, 9))
    times = np.arange(count) * shape[1]
    if not shape[1]:
        gaps = rng.uniform(0.09, 0.55) * rng.uniform(0.9, 1.09, count - 1)
        times = np.concatenate(([0.0], np.cumsum(gaps)))
    views = hand_held(scene, long_side, count, rng.uniform(0.01, 0.03), rng)
    if way is None:
        return [Frame(view, round(at, 3)) for view, at in zip(views, times, strict=True)]
    best, brighter = int(rng.integers(count)), damage_is_brighter(views[0], rng)
    mixed = rng.permutation(WAYS).tolist()
    made = []
    for place, (view, at) in enumerate(zip(views, times, strict=True)):
        if place == best:
            made.append(Frame(view, round(at, 3), best=True))
            continue
        chosen = mixed[place % len(mixed)] if way == "mixed" else way
        worse, strength = damaged(view, chosen, rng, brighter=brighter)
        made.append(Frame(worse, round(at, 3), damage=chosen, strength=round(strength, 2)))
    return made


def damage_is_brighter(pixels: Pixels, rng: np.random.Generator) -> bool:
    """Draw whether a wrong exposure is a longer one: of a dark scene never, or the damage might be a cure."""
    mean = float(pixels.mean())
    return mean > _BRIGHT or (mean >= _DARK and rng.random() < 0.5)  # noqa: PLR2004 - either


def damaged(pixels: Pixels, way: str, rng: np.random.Generator, *, brighter: bool) -> tuple[Pixels, float]:
    """Damage a frame in one of `WAYS`; also returns the strength, as `Frame` has it."""
    scale = max(_LEAST_SCALE, max(pixels.shape[:2]) / _FULL)
    if way == "motion blur":
        length = rng.uniform(*_MOTION_PX) * scale
        return motion_blurred(pixels, length, rng.uniform(0, math.pi)), length
    if way == "defocus":
        radius = rng.uniform(*_DISK_PX) * scale
        return defocused(pixels, radius), radius
    if way == "noise":
        sigma = rng.uniform(*_NOISE)
        return noisy(pixels, sigma, rng), sigma
    stops = rng.uniform(*_STOPS) * (1 if brighter else -1)
    return lit(pixels, stops), stops


def bracket(scene: Pixels, long_side: int, rng: np.random.Generator) -> list[Frame]:
    """Return 3 or 5 exposures within 2 seconds: first the metered one, then the darker, then the brighter."""
    each_side, step, gap_s = int(rng.integers(1, 3)), int(rng.integers(1, 3)), rng.uniform(0.15, 0.45)
    stops = [0, *range(-each_side * step, 0, step), *range(step, each_side * step + 1, step)]
    views = hand_held(scene, long_side, len(stops), 0.004, rng)
    return [
        Frame(lit(view, ev), round(place * gap_s, 3), float(ev))
        for place, (view, ev) in enumerate(zip(views, stops, strict=True))
    ]


def panorama(scene: Pixels, long_side: int, rng: np.random.Generator) -> list[Frame]:
    """Return 4 to 6 frames, each farther to one side by the same 20 to 35 % of a frame's width, a second apart."""
    count, drift = int(rng.integers(4, 7)), rng.uniform(0.2, 0.35)
    width = 1 / (1 + (count - 1) * drift)  # of the scene
    way = rng.choice((-1, 1))
    made, at = [], 0.0
    for place in range(count):
        right = (place if way > 0 else count - 1 - place) / (count - 1)
        view = cropped(scene, (width, 0.93), (right, float(np.clip(rng.normal(0.5, 0.12), 0, 1))))
        made.append(Frame(noisy(fitted(view, long_side), _SENSOR_NOISE, rng), round(at, 3)))
        at += rng.uniform(0.85, 1.15)
    return made


def timelapse(scene: Pixels, long_side: int, rng: np.random.Generator) -> list[Frame]:
    """Return 10 frames from a tripod, at a constant interval of 5 to 30 seconds, while the light changes slowly."""
    count, interval_s, change = 10, round(rng.uniform(5, 30), 1), rng.uniform(-0.8, 0.8)
    view = fitted(scene, long_side)
    return [
        Frame(
            noisy(lit(view, change * (place / (count - 1) - 0.5)), _SENSOR_NOISE, rng),
            round(place * interval_s + rng.uniform(0, 0.04), 3),
        )
        for place in range(count)
    ]


def focus_stack(scene: Pixels, long_side: int, rng: np.random.Generator) -> list[Frame]:
    """Return 5 frames from a tripod, half a second apart: what is sharp moves from the top to the bottom."""
    view = fitted(scene, long_side)
    scale = max(_LEAST_SCALE, max(view.shape[:2]) / _FULL)
    radii = [0.0, *(radius * scale for radius in (1.2, 2.5, 4.0, 6.0, 8.0))]
    layers = [view if not radius else defocused(view, radius) for radius in radii]
    return [
        Frame(noisy(_focused(layers, zone), _SENSOR_NOISE, rng), round(place * 0.5, 3))
        for place, zone in enumerate(np.linspace(0.1, 0.9, 5))
    ]


def _focused(layers: Sequence[Pixels], zone: float) -> Pixels:
    """Blend layers of growing blur: the first at the height `zone` (0 is the top), the last where it is farthest."""
    rows = np.linspace(0, 1, layers[0].shape[0])
    depth = np.clip((np.abs(rows - zone) - 0.1) / 0.15, 0, len(layers) - 1)
    total = np.zeros(layers[0].shape, dtype=np.float32)
    for place, layer in enumerate(layers):
        total += layer * np.clip(1 - np.abs(depth - place), 0, 1).astype(np.float32)[:, None, None]
    return np.asarray(np.rint(total), dtype=np.uint8)
