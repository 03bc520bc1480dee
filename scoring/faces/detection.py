"""Where faces are: the detector looks at the whole picture, at three sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from photoidx.scoring.faces import blazeface
from photoidx.scoring.faces.landmarks import Gaze, Picture, look
from photoidx.scoring.raster import pixels
from photoidx.stage import Photo

VERSION = 3
# Long sides in pixels, at which the detector finds faces of 17 to 115 pixels: of 3 to 20, 7 to 45 and 12 to 80 % of
# the long side. Measured on ../shared/photos/groups and three variants of it, mirrored and cut by a few pixels, with
# 844 faces that YuNet finds at score 0.8 and of 3 % of the frame's width or more: found are 96.8 % at 576 pixels, and
# 96.2, 95.7, 97.0 and 96.4 % at 544, 560, 592 and 608 (chance is some 1 %). Of 202 faces in `cameras`, 200 photos of
# `imagenette` and both mirrored, 173 are found with the two smaller sizes here, 161 with 208 and 128. Tiles of
# MediaPipe's size, which came before, found 96.6 % and 173.
_LONG_SIDES = (576, 256, 144)
_FAINTEST = 0.5  # answers that have a say in where a face lies; from 0.1 on a few boxes leave their face
_LEAST_SCORE = 0.65  # at 0.6 one find in 28 is no face that YuNet finds even at score 0.3, here one in 57
# A find below this score counts only if the landmarks' model sees a face there, too: ears and logos go, at 7 ms each.
_SURE = 0.8
_MOST_ROLL_DEG, _MOST_PITCH_DEG = 90.0, 60.0
_SAME_OVERLAP, _SAME_INSIDE = 0.3, 0.6


@dataclass(frozen=True)
class Box:
    """A face's place, as shares (0 to 1) of the frame's width and height, and the detector's score."""

    x: float
    y: float
    width: float
    height: float
    score: float

    def inside(self, other: Box) -> float:
        """Return the area that two boxes share, as a share of the smaller one."""
        return self._shared(other) / max(min(self._area, other._area), 1e-12)

    def overlap(self, other: Box) -> float:
        """Return the area that two boxes share, as a share of what both cover."""
        shared = self._shared(other)
        return shared / max(self._area + other._area - shared, 1e-12)

    @property
    def _area(self) -> float:
        return self.width * self.height

    def _shared(self, other: Box) -> float:
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0.0, width) * max(0.0, height)


def boxes(photo: Photo) -> tuple[Box, ...]:
    """Find the faces of a photo, the best first."""
    return tuple(box for box, _ in photo.once(finds))


def finds(photo: Photo) -> tuple[tuple[Box, Gaze | None], ...]:
    """Find the faces of a photo, the best first. Costs 13 ms, and 8 for each that is doubtful.

    With those that were in doubt comes how they look in `photo.image()`.
    """
    found = distinct(box for size in _sizes(photo.once(pixels)) for box in _look(size))
    known: dict[Box, Gaze | None] = {}
    if any(box.score < _SURE for box in found):
        picture = np.asarray(photo.image())
        known = {box: _believed(picture, box) for box in found if box.score < _SURE}
    return tuple((box, known.get(box)) for box in found if box.score >= _SURE or known[box] is not None)


def distinct(found: Iterable[Box]) -> list[Box]:
    """Keep the best box of each face: one that overlaps a better one, or lies in it, is the same face."""
    kept: list[Box] = []
    for box in sorted(found, key=lambda box: (-box.score, box.x, box.y)):
        if all(box.overlap(k) < _SAME_OVERLAP and box.inside(k) < _SAME_INSIDE for k in kept):
            kept.append(box)
    return kept


def _believed(picture: Picture, box: Box) -> Gaze | None:
    """Return how a face looks; None if the landmarks are those of no face.

    In daylight's colour hands look like a face, too: the picture is read as it is.
    """
    height, width = picture.shape[:2]
    seen = look(picture, box.x * width, box.y * height, box.width * width, box.height * height, as_it_is=True)
    if seen is None or abs(seen.roll) > _MOST_ROLL_DEG or abs(seen.pitch) > _MOST_PITCH_DEG:
        return None
    return seen


def _sizes(picture: Picture) -> Iterator[Picture]:
    """Return the picture at each of `_LONG_SIDES`, the sides stretched to what the detector takes."""
    height, width = picture.shape[:2]
    for long_side in _LONG_SIDES:
        steps = long_side / max(height, width) / blazeface.STEP
        size = (max(1, round(width * steps)) * blazeface.STEP, max(1, round(height * steps)) * blazeface.STEP)
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        yield picture


def _look(picture: Picture) -> Iterator[Box]:
    for left, top, right, bottom, score in blazeface.find(picture, _LEAST_SCORE, _FAINTEST).tolist():
        yield Box(left, top, right - left, bottom - top, score)
