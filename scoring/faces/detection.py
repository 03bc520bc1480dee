"""Where faces are: the detector looks at the whole picture and at overlapping tiles of it, at two more scales."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from photoidx.scoring.faces import model
from photoidx.scoring.faces.landmarks import Picture, look
from photoidx.scoring.raster import pixels
from photoidx.stage import Photo

VERSION = 1
_INPUT = 128
# The side of a tile as a share of the picture's long side. The detector finds faces of about 1/7 to 9/10 of its input.
# Tiles of the smallest side are looked at only where the larger ones have at least a faint idea of a face. Measured on
# ../shared/photos/groups (209 faces that YuNet finds at score 0.8, each 3 % of the frame's width or more): 98 % are
# found, with that rule and without it. On 104 other photos 25 tiles are looked at instead of 35. A faint idea from 0.15
# on would leave 19 tiles, and lose one in twelve of lonely faces that have 3 % of the width.
_MIDDLE, _FINE = 0.45, 0.23
_OVERLAP = 0.3
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
        """Give the area that two boxes share, as a share of the smaller one."""
        return self._shared(other) / max(min(self._area, other._area), 1e-12)

    def overlap(self, other: Box) -> float:
        """Give the area that two boxes share, as a share of what both cover."""
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
    """Find the faces of a photo, the best first. Costs some 10 to 35 runs of the detector, of 1.1 ms each."""
    picture = photo.once(pixels)
    fine = _Tiles(picture, _FINE)
    middle = _Tiles(fine.picture, _MIDDLE)
    faint = [*_look(_Tiles(middle.picture, 1.0)), *_look(middle)]
    found = [*faint, *_look(fine, faint)]
    sure = distinct(box for box in found if box.score >= _LEAST_SCORE)
    return tuple(box for box in sure if box.score >= _SURE or _has_landmarks(picture, box))


def distinct(found: Iterable[Box]) -> list[Box]:
    """Keep the best box of each face: one that overlaps a better one, or lies in it, is the same face."""
    kept: list[Box] = []
    for box in sorted(found, key=lambda box: (-box.score, box.x, box.y)):
        if all(box.overlap(k) < _SAME_OVERLAP and box.inside(k) < _SAME_INSIDE for k in kept):
            kept.append(box)
    return kept


def _has_landmarks(picture: Picture, box: Box) -> bool:
    height, width = picture.shape[:2]
    seen = look(picture, box.x * width, box.y * height, box.width * width, box.height * height)
    return seen is not None and abs(seen.roll) <= _MOST_ROLL_DEG and abs(seen.pitch) <= _MOST_PITCH_DEG


class _Tiles:
    """A picture reduced so that a tile has the detector's size, and where the tiles lie in it.

    Each scale is made from the one before it: about half its size, for which a linear filter is enough.
    """

    def __init__(self, picture: Picture, share: float) -> None:
        height, width = picture.shape[:2]
        scale = min(1.0, _INPUT / (share * max(height, width)))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR) if scale < 1 else picture
        self.picture = np.asarray(small, np.uint8)
        self.side = max(1, min(_INPUT if scale < 1 else round(share * max(height, width)), max(size)))
        self.places = [(top, left) for top in starts(size[1], self.side) for left in starts(size[0], self.side)]

    def holds(self, top: int, left: int, box: Box) -> bool:
        """Tell whether a tile holds the middle of a box."""
        height, width = self.picture.shape[:2]
        x, y = (box.x + box.width / 2) * width, (box.y + box.height / 2) * height
        return bool(left <= x <= left + self.side and top <= y <= top + self.side)


def _look(tiles: _Tiles, hints: Iterable[Box] | None = None) -> Iterator[Box]:
    """Give what the detector finds in the tiles, faint ideas too; with hints, only in tiles that hold one."""
    for top, left in tiles.places:
        if hints is not None and not any(tiles.holds(top, left, hint) for hint in hints):
            continue
        for found in model.detector().detect(model.view(_tile(tiles.picture, top, left, tiles.side))).detections:
            place = found.bounding_box
            place.origin_x, place.origin_y = left + place.origin_x, top + place.origin_y
            yield _framed(place, tiles.picture, float(found.categories[0].score))


def starts(length: int, side: int) -> list[int]:
    """Give where tiles of this side begin so that they cover a length evenly; one that is too large is centred."""
    if length <= side:
        return [(length - side) // 2]
    steps = math.ceil((length - side) / (side * (1 - _OVERLAP)))
    return [round(step * (length - side) / steps) for step in range(steps + 1)]


def _tile(picture: Picture, top: int, left: int, side: int) -> Picture:
    """Cut a square; what lies outside the picture is black."""
    tile = np.zeros((side, side, 3), np.uint8)
    part = picture[max(top, 0) : top + side, max(left, 0) : left + side]
    tile[max(-top, 0) :, max(-left, 0) :][: part.shape[0], : part.shape[1]] = part
    return tile


def _framed(place: Any, picture: Picture, score: float) -> Box:
    """Give MediaPipe's box, in pixels, as shares of the frame, cut at its edges."""
    height, width = picture.shape[:2]
    left, top = max(place.origin_x / width, 0.0), max(place.origin_y / height, 0.0)
    right = min((place.origin_x + place.width) / width, 1.0)
    bottom = min((place.origin_y + place.height) / height, 1.0)
    return Box(left, top, max(right - left, 0.0), max(bottom - top, 0.0), score)
