"""The same person through the frames of a group, followed by where the face is and how large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

_REACH = 1.2
"""How far a face may have moved against the others, in its own widths."""
_MOST_MOVE = 3.0
_TOGETHER = 0.4
"""How near a face must come to its place, in widths, to speak for a move of the camera."""
_SIZE_RATIO = 1.7
_EXACT = 15  # frames of which all sets are tried: 32,768 at most, 0.02 s

Face = Mapping[str, Any]


class _Place(NamedTuple):
    """The middle and the sides of a face, as shares of the frame's."""

    x: float
    y: float
    width: float
    height: float


def persons(frames: Sequence[Sequence[Face]]) -> list[dict[int, Face]]:
    """Follow the faces of each frame through all frames: for each person the face by the frame's number.

    A face goes to the person who is expected nearest to it: where the person was seen last, moved by what the camera
    has moved since. A person is one face in each frame at most.
    """
    found: list[dict[int, Face]] = []
    expected: list[_Place] = []
    for number, faces in enumerate(frames):
        here = [_place(face) for face in faces]
        # Those of the frame before tell the camera's move; where there were none, all do.
        recent = [place for place, seen in zip(expected, found, strict=True) if number - 1 in seen]
        x, y = _common_move(recent or expected, here)
        expected = [place._replace(x=place.x + x, y=place.y + y) for place in expected]
        pairs = sorted(
            (distance, person, face)
            for person, place in enumerate(expected)
            for face, seen in enumerate(here)
            if _sizes_fit(place, seen) and (distance := _distance(place, seen)) <= _REACH
        )
        persons_taken: set[int] = set()
        faces_taken: set[int] = set()
        for _, person, face in pairs:
            if person not in persons_taken and face not in faces_taken:
                found[person][number] = faces[face]
                expected[person] = here[face]
                persons_taken.add(person)
                faces_taken.add(face)
        new = [face for face in range(len(faces)) if face not in faces_taken]
        found += [{number: faces[face]} for face in new]
        expected += [here[face] for face in new]
    return found


def _place(face: Face) -> _Place:
    width, height = max(float(face["box_width"]), 1e-6), max(float(face["box_height"]), 1e-6)
    return _Place(face["box_x"] + width / 2, face["box_y"] + height / 2, width, height)


def _common_move(expected: Sequence[_Place], here: Sequence[_Place]) -> tuple[float, float]:
    """Return the move of the camera: of all moves that bring one person to one face the one that fits most people.

    In a group the neighbour's face is nearer than one's own when the camera has moved by half the way between two.
    Of moves that fit equally many the shortest.
    """
    pairs = [(one, other) for one in expected for other in here if _sizes_fit(one, other)]
    pairs = [(one, other) for one, other in pairs if _distance(one, other) <= _MOST_MOVE]
    if not pairs:
        return 0.0, 0.0
    places, faces = np.array(expected), np.array(here)
    moves = sorted(
        ((other.x - one.x, other.y - one.y) for one, other in pairs), key=lambda move: float(np.hypot(*move))
    )
    fits = []
    for move in moves:
        away = (faces[None, :, :2] - places[:, None, :2] - move) / places[:, None, 2:]
        fits.append(np.count_nonzero((np.hypot(away[..., 0], away[..., 1]) <= _TOGETHER).any(axis=1)))
    return moves[int(np.argmax(fits))]


def _distance(first: _Place, second: _Place) -> float:
    """Return the way between two places, in sides of the first face."""
    return float(np.hypot((second.x - first.x) / first.width, (second.y - first.y) / first.height))


def _sizes_fit(first: _Place, second: _Place) -> bool:
    return 1 / _SIZE_RATIO <= first.width / second.width <= _SIZE_RATIO


def fewest_frames(open_in: Sequence[set[int]]) -> list[int]:
    """Return the fewest frames in which each person has open eyes at least once; persons who never have do not count.

    Of several such sets the one with the earliest frames. Exact for up to 15 frames; of more, first the one with the
    most people left is taken, over and over: at most ln(n) + 1 times as many as the fewest.
    """
    left = [frames for frames in open_in if frames]
    candidates = sorted(set().union(*left))
    if len(candidates) > _EXACT:
        return _greedy(left)
    for count in range(len(candidates) + 1):
        for chosen in combinations(candidates, count):
            if not any(frames.isdisjoint(chosen) for frames in left):
                return list(chosen)
    return candidates


def _greedy(left: Sequence[set[int]]) -> list[int]:
    chosen: list[int] = []
    while left:
        candidates = sorted({frame for frames in left for frame in frames})
        best = max(candidates, key=lambda frame: (sum(frame in frames for frames in left), -frame))
        chosen.append(best)
        left = [frames for frames in left if best not in frames]
    return sorted(chosen)
