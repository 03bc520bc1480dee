"""Bursts in which someone closes the eyes in all frames but one: lids are painted over open eyes in real photos."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from photoidx.config import Config
from photoidx.evaluation.bursts.frames import Frame, burst, coloured
from photoidx.evaluation.degradation_bench import pictures
from photoidx.evaluation.degradations import Pixels, fitted
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.faces import model
from photoidx.scoring.faces.detection import Box, boxes
from photoidx.scoring.faces.eyes import UNCLEAR, both
from photoidx.scoring.faces.landmarks import Gaze, look
from photoidx.scoring.faces.subject import important

CLOSED_EYES, LIT_EYES = "closed eyes", "closed eyes, coloured light"
DAMAGES = (CLOSED_EYES, LIT_EYES)

# MediaPipe's landmarks of the person's right and left eye, from one corner to the other: the crease above the lid, the
# edge of the upper lid, and that of the lower one.
_EYES = (
    (
        (130, 30, 29, 27, 28, 56, 190, 243),
        (33, 246, 161, 160, 159, 158, 157, 173, 133),
        (33, 7, 163, 144, 145, 153, 154, 155, 133),
    ),
    (
        (359, 260, 259, 257, 258, 286, 414, 463),
        (263, 466, 388, 387, 386, 385, 384, 398, 362),
        (263, 249, 390, 373, 374, 380, 381, 382, 362),
    ),
)
# All in widths of the eye: the lid begins above the crease, which a closed eye does not have, and ends below the lower
# lashes; the line of the lashes lies a little below the lower lid. Chosen by eye, and by the landmarks' answer: of 26
# faces, 12 read as closed (0.4 or less) with the crease left in place, 21 where the lid begins as here.
_ABOVE, _BELOW, _LINE = 0.12, 0.22, 0.05
_LINE_WIDTH, _EDGE, _SOFT, _ASIDE = 0.035, 0.04, 0.05, 0.06
_DARK, _BULGE = 0.9, 0.05
_DARKEST = 5  # per cent of the pixels at the eye that are as dark as lashes
_MARGIN = 0.6
_LARGEST_SIDE, _LEAST_SIDE = 2400, 400

_SATURATION = (0.5, 0.95)
_LEAST_WIDTH_PX = 40.0  # of a face: nobody sees lids on a smaller one

Place = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""
Points = np.ndarray[Any, np.dtype[np.float64]]
Finder = Callable[[Pixels], Sequence[Box]]
"""Finds the faces of a picture."""


@dataclass(frozen=True)
class Painted:
    """A picture in which one person's lids are painted shut, and how the eyes were read before and after."""

    pixels: Pixels
    place: Place
    before: str
    after: str
    openness: float


def found_faces(picture: Pixels) -> list[Box]:
    """Return all faces that photoidx finds, whether it believes them or not."""
    return list(boxes(DecodedPhoto(_as_png(picture), "png", Config().max_pixels)))


def eye_bursts(
    folders: Iterable[Path], count: int, long_side: int, rng: np.random.Generator, finder: Finder = found_faces
) -> Iterator[tuple[list[Frame] | None, int]]:
    """Yield up to so many hand-held bursts of the photos below folders that show faces, every other in coloured light.

    In each frame but one, `best`, one person's eyes are closed; `strength` is how open they look then, 0 to 1. With
    each comes how many faces were passed over, since no lids could be painted on them; None is a photo without any.
    """
    scenes = [
        pixels
        for _, pixels in pictures(folders, 0, 0)
        if not isinstance(pixels, Exception) and max(pixels.shape[:2]) >= _LEAST_SIDE
    ]
    for place in rng.permutation(len(scenes)):
        if count == 0:
            return
        light = (rng.uniform(0, 360), rng.uniform(*_SATURATION)) if count % 2 else None
        made, passed = _eye_burst(burst(fitted(scenes[place], _LARGEST_SIDE), long_side, rng), rng, finder, light)
        count -= made is not None
        yield made, passed


def _eye_burst(
    frames: list[Frame], rng: np.random.Generator, finder: Finder, light: tuple[float, float] | None
) -> tuple[list[Frame] | None, int]:
    best, passed = int(rng.integers(len(frames))), 0
    made = []
    for place, frame in enumerate(frames):
        if place == best:
            made.append(replace(frame, pixels=_lit(frame.pixels, light), best=True))
            continue
        painted, over = with_closed_eyes(frame.pixels, rng, finder, light)
        passed += over
        if painted is None:
            return None, passed
        damage = CLOSED_EYES if light is None else LIT_EYES
        read, strength = f"{painted.before} to {painted.after}", round(painted.openness, 2)
        made.append(replace(frame, pixels=painted.pixels, damage=damage, strength=strength, eyes=read))
    return made, passed


def with_closed_eyes(
    picture: Pixels,
    rng: np.random.Generator,
    finder: Finder = found_faces,
    light: tuple[float, float] | None = None,
) -> tuple[Painted | None, int]:
    """Close the eyes of one person of those who matter, under light of a hue (degrees) and saturation if one is given.

    Whether photoidx believes the face makes no difference. Also returns how many faces were passed over before: they
    are too small, or no landmarks are found in them. None where there is no such person.
    """
    height, width = picture.shape[:2]
    found = finder(picture)
    faces = [box for box, counts in zip(found, important(found), strict=True) if counts]
    for over, number in enumerate(rng.permutation(len(faces))):
        box = faces[number]
        place = (box.x * width, box.y * height, box.width * width, box.height * height)
        closed = close_eyes(picture, place) if place[2] >= _LEAST_WIDTH_PX else None
        if closed is not None:
            closed = _lit(closed, light)
            before, after = look(_lit(picture, light), *place), look(closed, *place)
            openness = 1.0 if after is None else min(after.left.openness, after.right.openness)
            return Painted(closed, place, _told(before), _told(after), openness), over
    return None, len(faces)


def _lit(picture: Pixels, light: tuple[float, float] | None) -> Pixels:
    return picture if light is None else coloured(picture, *light)


def _told(seen: Gaze | None) -> str:
    """Return what the two eyes say together, however soft or small the face is."""
    return UNCLEAR if seen is None else both(seen.left.state(seen.right), seen.right.state(seen.left))


def _as_png(picture: Pixels) -> bytes:
    data = BytesIO()
    Image.fromarray(picture).save(data, "PNG", compress_level=1)
    return data.getvalue()


def close_eyes(picture: Pixels, box: Place) -> Pixels | None:
    """Close both eyes of the face in a box (x, y, width, height in pixels); None where no landmarks are found."""
    points = _landmarks(picture, box)
    if points is None:
        return None
    made = picture.astype(np.float32)
    for crease, upper, lower in _EYES:
        made = _lid_down(made, points[list(crease)], points[list(upper)], points[list(lower)])
    return np.asarray(np.clip(np.rint(made), 0, 255), np.uint8)


def _landmarks(picture: Pixels, box: Place) -> Points | None:
    """Return the 478 landmarks of a face in pixels of the picture."""
    x, y, width, height = box
    side = max(width, height) * (1 + 2 * _MARGIN)
    left, top = max(0, math.floor(x + width / 2 - side / 2)), max(0, math.floor(y + height / 2 - side / 2))
    part = picture[top : math.ceil(top + side), left : math.ceil(left + side)]
    found = model.landmarker().detect(model.view(part))
    if not found.face_landmarks:
        return None
    rows, columns = part.shape[:2]
    return np.array([(left + point.x * columns, top + point.y * rows) for point in found.face_landmarks[0]])


def _lid_down(picture: Any, crease: Points, upper: Points, lower: Points) -> Any:
    """Cover an eye with a lid: skin from above the crease to below the eye, and the line of the lashes near its end."""
    first, last = upper[0], upper[-1]
    width = float(np.linalg.norm(last - first))
    along = (last - first) / width
    down = np.array([-along[1], along[0]])
    if (lower.mean(axis=0) - upper.mean(axis=0)) @ down < 0:
        down = -down
    part, corner = _around(picture, (first + last) / 2, math.ceil(1.2 * width))
    rows, columns = np.mgrid[0 : part.shape[0], 0 : part.shape[1]]
    # u and v: places along the eye and down from it, in widths of the eye.
    x, y = columns + corner[0] - first[0], rows + corner[1] - first[1]
    u, v = (x * along[0] + y * along[1]) / width, (x * down[0] + y * down[1]) / width

    def height_of(curve: Points) -> Any:
        across, deep = (curve - first) @ along / width, (curve - first) @ down / width
        order = np.argsort(across)
        return np.interp(u, across[order], deep[order])

    low = height_of(lower)
    above, below = height_of(crease) - _ABOVE, low + _BELOW
    soft = cv2.GaussianBlur(part, (0, 0), _SOFT * width)

    def skin(height: Any) -> Any:
        across, deep = (
            (first[axis] - corner[axis] + width * (u * along[axis] + height * down[axis])).astype(np.float32)
            for axis in (0, 1)
        )
        return cv2.remap(soft, across, deep, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    share = np.clip((v - above) / np.maximum(below - above, 1e-6), 0, 1)
    lid = skin(above) * (1 - share)[..., None] + skin(below) * share[..., None]
    lid *= (1 + _BULGE * np.sin(share * np.pi))[..., None]
    lashes = np.exp(-0.5 * ((v - low - _LINE) / _LINE_WIDTH) ** 2) * ((u > 0) & (u < 1))
    near = (u > 0) & (u < 1) & (np.abs(v) < 1 / 2)
    dark = np.percentile(part[near], _DARKEST, axis=0)
    lid += (dark - lid) * (_DARK * lashes)[..., None]
    inside = ((u > -_ASIDE) & (u < 1 + _ASIDE) & (v >= above) & (v <= below)).astype(np.float32)
    weight = cv2.GaussianBlur(inside, (0, 0), max(0.5, _EDGE * width))[..., None]
    made = picture.copy()
    left, top = corner
    made[top : top + part.shape[0], left : left + part.shape[1]] = part + (lid - part) * weight
    return made


def _around(picture: Any, middle: Points, reach: int) -> tuple[Any, tuple[int, int]]:
    """Cut a square around a place, as far as the picture goes; also returns the column and row of its corner."""
    left, top = max(0, int(middle[0]) - reach), max(0, int(middle[1]) - reach)
    return picture[top : int(middle[1]) + reach, left : int(middle[0]) + reach], (left, top)
