"""What was done to a picture, told from how it lies on the one that it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from photoidx.queries.compare.registration import Registration, at_side, warped
from photoidx.queries.contents import Array

_CROPPED = 0.985  # of an area
_TURNED_DEG, _STRETCHED, _TILTED = 0.2, 1.012, 0.02
_COVERED = 0.03  # of the texture that is another
_COLOURLESS, _COLOURFUL, _LESS_COLOUR = 4.0, 12.0, 0.35  # mean of the largest minus the smallest channel
_TONE, _TINT = 5.0, 6.0  # grey levels: the median, and the average
_SHARPER = 1.2  # of the standard deviation of fine detail
_FINE = 1.5
_SMALL_PART = 0.6  # of an area: what is shown of a contact sheet or a collage is no more
_FLAT_AROUND, _ONE_COLOUR, _SMOOTH = 0.7, 12.0, 3.0
_JUMP, _LEAST_JUMP = 2.5, 8.0
_BESIDE = 3  # pixels on either side of an edge
_SAMPLES = 200
_SIDE = 160  # pixels at which looks are compared


@dataclass(frozen=True)
class Surroundings:
    """What lies around the part that both pictures show: `framed` is 1 or 2 for the picture that has a frame, or 0.

    `is_part`: it is other pictures, as in a collage.
    """

    framed: int = 0
    is_part: bool = False


def edits_of(first: Array, second: Array, found: Registration) -> tuple[str, ...]:
    """Return codes for what tells the second picture (BGR, upright as registered) from the first, either way round."""
    edits = _geometry(found)
    if 1 - found.explained > _COVERED:
        edits.append("covered")
    here, there = at_side(first, _SIDE), at_side(second, _SIDE)
    laid, seen = warped(there, found.matrix, here.shape)
    return tuple(edits if seen.sum() < _SAMPLES else edits + _looks(here, laid, seen))


def _geometry(found: Registration) -> list[str]:
    edits = []
    if min(found.shown) < _CROPPED:
        edits.append("cropped")
    if abs((found.roll_deg + 45) % 90 - 45) > _TURNED_DEG:
        edits.append("turned")
    if found.stretch > _STRETCHED:
        edits.append("stretched")
    if found.perspective > _TILTED:
        edits.append("perspective")
    return edits


def _looks(here: Array, laid: Array, seen: Array) -> list[str]:
    edits = []
    pair = here[seen].astype(np.float32), laid[seen].astype(np.float32)
    colourful = [float((each.max(axis=1) - each.min(axis=1)).mean()) for each in pair]
    if min(colourful) < max(_COLOURLESS, _LESS_COLOUR * max(colourful)) and max(colourful) > _COLOURFUL:
        edits.append("grey")
    else:
        shift = (pair[1] - pair[0]).mean(axis=0)
        if float(np.abs(shift - shift.mean()).max()) > _TINT or _differ(*colourful):
            edits.append("colour")
    light = [each.mean(axis=1) for each in pair]
    if float(np.median(np.abs(light[1] - light[0]))) > _TONE or _differ(*(float(each.std()) for each in light)):
        edits.append("tone")
    fine = [_fine(picture, seen) for picture in (here, laid)]
    if max(fine) > _SHARPER * min(fine) + 0.5:
        edits.append("sharpened")
    return edits


def _differ(one: float, other: float) -> bool:
    return max(one, other) > 1.12 * min(one, other) + 1.0


def _fine(picture: Array, seen: Array) -> float:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return float((grey - cv2.GaussianBlur(grey, (0, 0), _FINE))[seen].std())


def surroundings(first: Array, second: Array, found: Registration) -> Surroundings:
    """Return whether a frame or other pictures lie around the part that both show, or nothing (a crop)."""
    inverse = np.linalg.inv(found.matrix)
    for number, outer, inner, matrix, share in (
        (1, first, second, found.matrix, found.shown[0]),
        (2, second, first, inverse / inverse[2, 2], found.shown[1]),
    ):
        if share > _CROPPED:
            continue
        place = warped(np.full(inner.shape[:2], 255, np.uint8), matrix, outer.shape, edge=0)[1].astype(np.uint8)
        outside = cv2.erode(1 - place, np.ones((2 * _BESIDE + 1,) * 2, np.uint8), borderValue=1) > 0
        if outside.sum() < _SAMPLES or not place.any():
            continue
        if _is_flat(outer, outside):
            return Surroundings(framed=number)
        if share < _SMALL_PART and _jumps(outer, place):
            return Surroundings(is_part=True)
    return Surroundings()


def _is_flat(outer: Array, outside: Array) -> bool:
    """Return whether most of what lies outside is of one colour, or smooth."""
    beyond = outer[outside].astype(np.float32)
    even = np.abs(beyond - np.median(beyond, axis=0)).max(axis=1) < _ONE_COLOUR
    grey = cv2.cvtColor(outer, cv2.COLOR_BGR2GRAY).astype(np.float32)
    rough = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2.0))[outside]
    return bool(even.mean() > _FLAT_AROUND or (rough < _SMOOTH).mean() > 0.97)  # noqa: PLR2004 - a blurred background


def _jumps(outer: Array, place: Array) -> bool:
    """Return whether the picture breaks off along the edge of the part, where a crop's original goes on."""
    grey = cv2.cvtColor(outer, cv2.COLOR_BGR2GRAY).astype(np.float32)
    contours, _ = cv2.findContours(place, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    edge = max(contours, key=len).reshape(-1, 2).astype(np.float32)
    moments = cv2.moments(place, binaryImage=True)
    middle = np.array([moments["m10"], moments["m01"]], np.float32) / moments["m00"]
    away = edge - middle
    # Outwards across the nearer side: left and right, or up and down.
    box = np.maximum(np.ptp(edge, axis=0) / 2, 1)
    across = np.where((np.abs(away[:, :1]) / box[0]) > (np.abs(away[:, 1:]) / box[1]), [[1, 0]], [[0, 1]])
    step = (np.sign(away) * across).astype(np.float32)
    size = np.array(outer.shape[1::-1]) - 1
    inside = ((edge + 2 * _BESIDE * step >= 0) & (edge + 2 * _BESIDE * step <= size)).all(axis=1)
    if inside.sum() < _SAMPLES / 4:
        return False
    edge, step = edge[inside], step[inside]

    def at(distance: int) -> Array:
        where = np.clip(np.rint(edge + distance * step), 0, size).astype(int)
        return np.asarray(grey[where[:, 1], where[:, 0]])

    jump = np.abs(at(_BESIDE) - at(-_BESIDE))
    usual = np.abs(at(-_BESIDE) - at(-3 * _BESIDE))
    return bool(np.median(jump) > _JUMP * np.median(usual) + _LEAST_JUMP)
