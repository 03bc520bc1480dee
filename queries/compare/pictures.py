"""Compare two pictures: whether they are the same, whether one was made from the other, and what was done to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from photoidx.queries.compare.edits import edits_of, surroundings
from photoidx.queries.compare.orientation import WORDS, turned
from photoidx.queries.compare.registration import (
    SIDE,
    KeyPoints,
    Registration,
    key_points,
    mirrored,
    registered,
)
from photoidx.queries.compare.sameness import THUMBNAIL, differences
from photoidx.queries.contents import Array

SAME, EDITED, PART_OF = "same", "edited", "part of"
MOST_DISTANCE = 0.6
"""Pairs that are more unlike are not worth a row."""
_PIXELS_OF_DISTANCE, _STRUCTURE_OF_DISTANCE = 2.0, 50.0
_NO_DOUBT, _SMALL_PART = 0.2, 0.6  # a distance; and a share of an area: less may be a part among others
_LEAST_EDITED = 0.06  # no edited copy is nearer than this, and none that is the same is farther
# Of a page (so much of it has one bright grey level) a few letters may be all that differs.
_PAGE, _LEVELS, _BRIGHT, _PAGE_STRUCTURE = 0.5, 6, 200, 1.2
# A page has ink and paper and little between them; a portrait before a white wall has .22 and more.
_BETWEEN, _MOST_BETWEEN = (40, 190), 0.15
_OTHER_SHAPE = 1.2  # ratio of the shapes from which on a stretched copy is drawn to the other's shape first
# Pictures without texture (a wall, a black frame) are the same only if their colours are: grey levels.
_FLAT, _FLAT_COLOUR = 4.0, 4.0
_MIRRORED = 2


@dataclass(frozen=True)
class Comparison:
    """What two pictures are to each other.

    `relation`: same, edited or part of. `edits`: what was done, as codes. `distance`: from 0 to 1, how much the map and
    the tone curve leave unexplained. `orientation`: how the second is turned against the first. `shown`: the share of
    each one's area that the other shows. `scale`: how much larger things are in the first, as shares of the frame.
    `changed`: the share of the texture that is another. `framed`: 1 if the first is the second with a frame around it,
    2 if the second is the first with one, else 0.
    """

    relation: str
    edits: tuple[str, ...]
    distance: float
    orientation: int = 0
    shown: tuple[float, float] = (1.0, 1.0)
    scale: float = 1.0
    roll_deg: float = 0.0
    changed: float = 0.0
    framed: int = 0


Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, as shares of its sides."""
EQUAL = Comparison(SAME, (), 0.0)
"""Of two contents with the same pixels."""


class Picture:
    """A small picture (height x width x 3, BGR, uint8) with what comparisons ask for, each worked out once.

    `boxes` are the parts of it that may show other pictures.
    """

    def __init__(self, colour: Array, boxes: Sequence[Box] = ()) -> None:
        self.colour = colour
        self.boxes = boxes

    def part(self, box: Box) -> Picture:
        """Return a part of it."""
        left, top, right, bottom = self.pixels(box)
        return Picture(np.ascontiguousarray(self.colour[top:bottom, left:right]))

    def pixels(self, box: Box) -> tuple[int, int, int, int]:
        """Return a box in whole pixels."""
        height, width = self.colour.shape[:2]
        left, top, right, bottom = box
        return round(left * width), round(top * height), round(right * width), round(bottom * height)

    @cached_property
    def grey(self) -> Array:
        """The grey levels (height x width, uint8)."""
        return np.asarray(cv2.cvtColor(self.colour, cv2.COLOR_BGR2GRAY))

    @cached_property
    def keys(self) -> KeyPoints:
        """The key points."""
        return key_points(self.grey)

    @cached_property
    def is_page(self) -> bool:
        """Whether it is mostly of one bright grey level, as pages, forms, slides and screenshots are."""
        histogram = cv2.calcHist([self.grey], [0], None, [256], [0, 256]).ravel()
        counts = np.add.reduceat(histogram, np.arange(0, 256, _LEVELS))
        between = float(histogram[slice(*_BETWEEN)].sum()) / self.grey.size
        is_bright = counts.max() > _PAGE * self.grey.size and counts.argmax() * _LEVELS >= _BRIGHT
        return bool(is_bright and between < _MOST_BETWEEN)

    @cached_property
    def is_flat(self) -> bool:
        """Whether it has hardly any texture."""
        return bool(self.grey.std() < _FLAT)

    def mirrored_keys(self) -> KeyPoints:
        """Return the key points of the mirror image."""
        return mirrored(self.keys, self.grey.shape[1] / max(self.grey.shape))


def same(first: Picture, second: Picture, orientation: int = 0) -> Comparison | None:
    """Return that two pictures are the same as they are, or turned by quarters or mirrored; else None. It is quick."""
    other = turned(second.colour, orientation) if orientation else second.colour
    found = differences(first.colour, other, SIDE)
    if found is None or not THUMBNAIL.hold(found):
        return None
    if first.is_page and found.structure > _PAGE_STRUCTURE:
        return None
    if first.is_flat and max(found.most_colour, found.light) > _FLAT_COLOUR:
        return None
    distance = found.structure / _STRUCTURE_OF_DISTANCE
    if orientation:
        return Comparison(EDITED, (_turn(orientation),), max(distance, _LEAST_EDITED), orientation)
    return Comparison(SAME, (), distance)


def _turn(orientation: int) -> str:
    return "turned by quarters" if WORDS[orientation].startswith("turned") else "mirrored"


def made_from(first: Picture, second: Picture) -> Comparison | None:
    """Return how one picture was made from the other, in any orientation; None if it was not, or can't be told.

    Where laying the whole pictures on each other leaves a doubt, those parts that may show the other are tried, too.
    """
    found = _whole_made_from(first, second)
    if found is not None and found.distance <= _NO_DOUBT and min(found.shown) > _SMALL_PART:
        return found
    inside = [_told(first, second, laid, edits, is_inside=True) for edits, laid in _shown_by(first, second)]
    inside += [_told(first, second, laid.inverse(), edits, is_inside=True) for edits, laid in _shown_by(second, first)]
    return min((each for each in (*inside, found) if each is not None), key=lambda each: each.distance, default=None)


def _whole_made_from(first: Picture, second: Picture) -> Comparison | None:
    if first.is_page or second.is_page:  # letters are alike everywhere
        return None
    found = registered(first.grey, second.grey, (first.keys, second.keys))
    other, shaped = second.colour, _in_shape_of(first, second)
    if found is None and shaped is not None:
        found, other = registered(first.grey, shaped.grey, (first.keys, shaped.keys)), shaped.colour
    done = ("stretched",) * (found is not None and other is not second.colour)
    if found is None:
        other, done = np.ascontiguousarray(second.colour[:, ::-1]), ("mirrored",)
        found = registered(first.grey, np.ascontiguousarray(second.grey[:, ::-1]), (first.keys, second.mirrored_keys()))
    if found is None:
        return None
    return _told(first, Picture(other), found, done + edits_of(first.colour, other, found))


def _told(
    first: Picture, second: Picture, found: Registration, edits: tuple[str, ...], *, is_inside: bool = False
) -> Comparison | None:
    """Return how the second picture, as registered and edited, was made from the first; None if too much is left.

    `is_inside`: one is shown by a part of the other that has edges of its own.
    """
    if found.error / _PIXELS_OF_DISTANCE > MOST_DISTANCE:
        return None
    around = surroundings(first.colour, second.colour, found)
    if around.framed:
        edits = ("framed", *(each for each in edits if each != "cropped"))
    return Comparison(
        PART_OF if around.is_part or (is_inside and not around.framed) else EDITED,
        edits,
        max(_LEAST_EDITED, found.error / _PIXELS_OF_DISTANCE),
        _quarters(found, is_mirrored="mirrored" in edits),
        found.shown,
        1 / found.zoom if math.isfinite(found.zoom) else 1.0,
        (found.roll_deg + 45) % 90 - 45,
        1 - found.explained,
        around.framed,
    )


def _shown_by(inner: Picture, outer: Picture) -> Iterator[tuple[tuple[str, ...], Registration]]:
    """Return how the outer picture lies on the inner one, and the edits, by each part of it that shows that."""
    for box in outer.boxes:
        part = outer.part(box)
        if part.is_page or inner.is_page:
            continue
        found = _laid_whole(inner, part) or registered(inner.grey, part.grey, (inner.keys, part.keys))
        if found is None:
            continue
        left, top, *_ = outer.pixels(box)
        edits = edits_of(inner.colour, part.colour, found)
        yield edits, found.around((left, top), part.grey, outer.grey)


def _laid_whole(inner: Picture, part: Picture) -> Registration | None:
    """Return the map that leaves all in its place, for a part that differs in nothing but encoding."""
    found = differences(inner.colour, part.colour, SIDE)
    if found is None or not THUMBNAIL.hold(found) or inner.is_flat:
        return None
    error = found.structure / _STRUCTURE_OF_DISTANCE * _PIXELS_OF_DISTANCE
    return Registration(0, np.eye(3), (1.0, 1.0), 1.0, error, 0.0, error, 1.0, 0.0, 1.0, 0.0)


def _in_shape_of(first: Picture, second: Picture) -> Picture | None:
    """Draw the second picture to the first one's shape, as key points can't be matched under a strong stretch."""
    shapes = [each.grey.shape[1] / each.grey.shape[0] for each in (first, second)]
    if max(shapes) < _OTHER_SHAPE * min(shapes):
        return None
    long, short = max(second.grey.shape), max(8, round(max(second.grey.shape) * min(shapes[0], 1 / shapes[0])))
    size = (long, short) if shapes[0] >= 1 else (short, long)
    return Picture(np.asarray(cv2.resize(second.colour, size, interpolation=cv2.INTER_AREA)))


def _quarters(found: Registration, *, is_mirrored: bool) -> int:
    """Return the orientation nearest to how the second picture is turned on the first."""
    turns = round(found.roll_deg / 90) % 4
    return ((2, 7, 1, 4) if is_mirrored else (0, 5, 3, 6))[turns]
