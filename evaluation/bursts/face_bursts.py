"""Bursts of groups of people whose faces straddle the limits at which faces are read from a larger decode.

A photo is decoded at a long side of 960 to 1,919 pixels, and larger if an important face would have fewer than 50. So
the smallest important face has 47 to 53 pixels there, in frames that zoom, shift and turn a little, some under coloured
light, some with a face that the frame's edge cuts, some with a bystander out of focus.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from photoidx.config import Config
from photoidx.evaluation.bursts.frames import BLURS, Frame, damage_is_brighter, damaged, defocused
from photoidx.evaluation.degradation_bench import pictures
from photoidx.evaluation.degradations import Pixels, as_bmp, fitted, noisy
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.faces.detection import Box, boxes
from photoidx.scoring.faces.subject import important

LIMITS_PX = ((47.0, 53.0), (95.0, 105.0))
"""Widths of the smallest important face in the files, which are decoded as they are, or at half their size."""
_LONG_SIDES = ((960, 1900), (1930, 2800))
_ZOOM, _SHIFT, _TURN = 0.08, 0.02, math.radians(1)
_FINER = 2
_MARGIN = 1.16  # how much larger the scene is than a frame
_LEAST_FACE = 45  # pixels of the source: none is enlarged by more than 2.3
_LARGEST_SIDE = 2400  # of a source
_PORTRAITS, _SPREAD = (4, 8), 1.8  # people in a made group, and how much larger than the smallest face others may be
_HEAD = 2.2  # of a portrait: its side in widths of the face
_LIGHTS = ((0.35, 0.5, 1.0), (1.0, 0.6, 0.3), (0.9, 0.35, 0.9), (0.45, 1.0, 0.5))
_SENSOR_NOISE = 1.0
_OUT_OF_FOCUS = 0.12  # radius of the disk in widths of the bystander's face
_WAYS = (*BLURS, *BLURS, "noise", "exposure")


@dataclass(frozen=True)
class FaceBurst:
    """A burst: its frames, and what was done to all of them. Frames without `damage` are equally good."""

    frames: tuple[Frame, ...]
    about: str


@dataclass(frozen=True)
class _Scene:
    pixels: Pixels
    faces: tuple[Box, ...]

    @property
    def smallest(self) -> float:
        """The width of the smallest important face in pixels."""
        return float(min(face.width for face in self.faces) * self.pixels.shape[1])


def face_bursts(folders: Iterable[Path], count: int, rng: np.random.Generator) -> Iterator[FaceBurst]:
    """Return up to so many bursts of the photos below folders that show faces.

    Every other scene is a photo of a group whose faces have the right size, the others are made of portraits. The two
    limits take turns, too.
    """
    photos = [
        fitted(pixels, _LARGEST_SIDE) for _, pixels in pictures(folders, 0, 0) if not isinstance(pixels, Exception)
    ]
    scenes = [scene for pixels in photos if (scene := _Scene(pixels, _faces(pixels))).faces]
    if not scenes:
        return
    for number in range(count):
        limit = number // 2 % len(LIMITS_PX)
        groups = [scene for scene in scenes if _has_size(scene, limit)]
        real = bool(number % 2 and groups)
        scene = groups[int(rng.integers(len(groups)))] if real else _made_group(scenes, limit, rng)
        if scene.faces:
            yield _burst(scene, limit, rng)


def _has_size(scene: _Scene, limit: int) -> bool:
    """Return whether a frame of a scene has a long side that fits, where its smallest face is as wide as the limit."""
    scale = sum(LIMITS_PX[limit]) / 2 / scene.smallest
    least, most = _LONG_SIDES[limit]
    return scene.smallest >= _LEAST_FACE and least * 1.05 <= max(scene.pixels.shape) * scale / _MARGIN <= most / 1.05


def _faces(pixels: Pixels) -> tuple[Box, ...]:
    """Return the important faces of a picture that lie within its frame."""
    found = DecodedPhoto(as_bmp(pixels), "bmp", Config().max_pixels).once(boxes)
    return tuple(
        box
        for box, counts in zip(found, important(found), strict=True)
        if counts and min(box.x, box.y) > 0 and max(box.x + box.width, box.y + box.height) < 1
    )


def _made_group(scenes: Sequence[_Scene], limit: int, rng: np.random.Generator) -> _Scene:
    """Lay portraits on a background that is out of focus, in two rows; the smallest face is as wide as the limit."""
    width = int(rng.integers(*_LONG_SIDES[limit]) * _MARGIN)
    height = width * 2 // 3
    behind = fitted(scenes[int(rng.integers(len(scenes)))].pixels, 300)
    ground = np.asarray(cv2.resize(behind, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    ground = np.asarray(cv2.GaussianBlur(ground, (0, 0), width / 40), np.uint8)
    count = int(rng.integers(*_PORTRAITS))
    columns = math.ceil(count / 2)
    smallest = float(np.mean(LIMITS_PX[limit]))
    for place in range(count):
        wide = smallest * (1 if place == 0 else rng.uniform(1, _SPREAD))
        portrait = _portrait(scenes[int(rng.integers(len(scenes)))], wide)
        rows, across = portrait.shape[:2]
        x = round((place % columns + rng.uniform(0.35, 0.65)) * width / columns - across / 2)
        y = round((place // columns + rng.uniform(0.4, 0.6)) * height / 2 - rows / 2)
        x, y = (int(np.clip(at, 0, most)) for at, most in ((x, width - across), (y, height - rows)))
        ground[y : y + rows, x : x + across] = portrait
    return _Scene(ground, _faces(ground))


def _portrait(scene: _Scene, wide: float) -> Pixels:
    """Cut the largest face with what is around it, and bring the face to a width in pixels."""
    height, width = scene.pixels.shape[:2]
    face = max(scene.faces, key=lambda each: each.width)
    reach = _HEAD / 2 * face.width * width
    x, y = (face.x + face.width / 2) * width, (face.y + face.height / 2) * height
    top, left = max(0, round(y - reach)), max(0, round(x - reach))
    part = scene.pixels[top : round(y + reach), left : round(x + reach)]
    scale = wide / (face.width * width)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def _burst(scene: _Scene, limit: int, rng: np.random.Generator) -> FaceBurst:
    """Return a burst in which the smallest important face is as wide as the limit."""
    about = [f"{LIMITS_PX[limit][0]:.0f} to {LIMITS_PX[limit][1]:.0f} px"]
    if rng.random() < 1 / 3:
        scene = _with_bystander(scene)
        about.append("bystander out of focus")
    edge = _at_edge(scene, rng) if rng.random() < 1 / 3 else None
    scale = float(rng.uniform(*LIMITS_PX[limit])) / scene.smallest
    size = tuple(round(side * scale / _MARGIN) for side in (scene.pixels.shape[1], scene.pixels.shape[0]))
    light = np.array(_LIGHTS[rng.integers(len(_LIGHTS))]) if rng.random() < 1 / 3 else np.ones(3)
    about += ["coloured light"] * bool(light.min() < 1) + ["cut by the edge"] * (edge is not None)
    count = int(rng.integers(4, 7))
    undamaged = set(rng.permutation(count)[: int(rng.integers(1, 3))].tolist())
    frames: list[Frame] = []
    at, brighter = 0.0, damage_is_brighter(_lit(scene.pixels, light), rng)
    for number in range(count):
        moved = edge if edge is not None and number % 2 else (0.5, 0.5)
        view = _view(scene.pixels, scale, (size[0], size[1]), moved, rng)
        view = _lit(view, light * rng.uniform(0.9, 1.1))
        way, strength = None, None
        if number not in undamaged:
            way = str(rng.choice(_WAYS))
            view, strength = damaged(view, way, rng, brighter=brighter)
        view = noisy(view, _SENSOR_NOISE, rng)
        frames.append(Frame(view, round(at, 3), damage=way, strength=strength, best=number in undamaged))
        at += float(rng.uniform(0.1, 0.5))
    return FaceBurst(tuple(frames), ", ".join(about))


def _with_bystander(scene: _Scene) -> _Scene:
    """Put the smallest of several faces out of focus."""
    if len(scene.faces) == 1:
        return scene
    face = min(scene.faces, key=lambda each: each.width)
    height, width = scene.pixels.shape[:2]
    wide = face.width * width
    rows, columns = np.mgrid[0:height, 0:width]
    away = np.hypot(columns - (face.x + face.width / 2) * width, rows - (face.y + face.height / 2) * height) / wide
    weight = np.clip(1.6 - away, 0, 0.5)[..., None] * 2
    soft = defocused(scene.pixels, _OUT_OF_FOCUS * wide)
    mixed = np.asarray(np.rint(soft * weight + scene.pixels * (1 - weight)), np.uint8)
    return _Scene(mixed, scene.faces)


def _at_edge(scene: _Scene, rng: np.random.Generator) -> tuple[float, float] | None:
    """Return where a frame lies that cuts a face at the middle: 0 (left) to 1 (right), and down; None if it can't."""
    spare = 1 - 1 / _MARGIN
    for place in rng.permutation(len(scene.faces)):
        middle = scene.faces[place].x + scene.faces[place].width / 2
        if len(scene.faces) > 1 and min(middle, 1 - middle) <= spare:
            return (middle / spare if middle <= spare else 1 - (1 - middle) / spare), 0.5
    return None


def _view(
    pixels: Pixels, scale: float, size: tuple[int, int], at: tuple[float, float], rng: np.random.Generator
) -> Pixels:
    """Take a frame of a scene: near a place in it (0 to 1 across and down), zoomed, shifted and turned a little.

    It is taken at twice its size and halved, so that each pixel is a mean, as a sensor's is: interpolation alone blurs
    by what the zoom happens to be.
    """
    zoom = _FINER * scale * (1 + rng.uniform(-_ZOOM, _ZOOM) / 2)
    if zoom < 1:
        pixels = np.asarray(cv2.resize(pixels, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), np.uint8)
        zoom = 1.0
    turn = rng.uniform(-_TURN, _TURN)
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) / zoom
    finer = (_FINER * size[0], _FINER * size[1])
    whole, seen = np.array(pixels.shape[1::-1], float), np.array(finer, float)
    share = np.array(at) + rng.uniform(-_SHIFT, _SHIFT, 2)
    centre = seen / zoom / 2 + np.clip(share, 0, 1) * np.maximum(whole - seen / zoom, 0)
    matrix = np.column_stack((spin, centre - spin @ (seen / 2)))
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    view = cv2.warpAffine(pixels, matrix, finer, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.resize(view, size, interpolation=cv2.INTER_AREA), np.uint8)


def _lit(pixels: Pixels, light: Any) -> Pixels:
    """Multiply the channels by the colour of the light, in gamma-coded values."""
    return np.asarray(np.clip(np.rint(pixels * light), 0, 255), np.uint8)
