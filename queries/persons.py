"""The same person through the frames of a group, followed by where the face is and how large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

_REACH = 1.2
"""How far a face may have moved against the others, in its own widths."""
_MOST_MOVE = 3.0
_SIZE_RATIO = 1.7
_EXACT = 15  # frames of which all sets are tried: 32,768 at most, 0.02 s

Face = Mapping[str, Any]


def persons(frames: Sequence[Sequence[Face]]) -> list[dict[int, Face]]:
    """Follow the faces of each frame through all frames: for each person the face by the frame's number.

    A face goes to the person whose last known face, moved by what all faces of the two frames moved on the median, is
    nearest; a person is one face in each frame at most.
    """
    found: list[dict[int, Face]] = []
    for number, faces in enumerate(frames):
        move = _common_move(found, faces)
        pairs = sorted(
            (distance, person, face)
            for person, seen in enumerate(found)
            for face, here in enumerate(faces)
            if (distance := _distance(_last(seen), here, move)) <= _REACH
        )
        persons_taken: set[int] = set()
        faces_taken: set[int] = set()
        for _, person, face in pairs:
            if person not in persons_taken and face not in faces_taken:
                found[person][number] = faces[face]
                persons_taken.add(person)
                faces_taken.add(face)
        found += [{number: here} for face, here in enumerate(faces) if face not in faces_taken]
    return found


def _common_move(found: Sequence[Mapping[int, Face]], faces: Sequence[Face]) -> tuple[float, float]:
    """Give the median way from each person to the nearest face of like size: what the camera moved."""
    ways = []
    for seen in found:
        last = _last(seen)
        near = [face for face in faces if _sizes_fit(last, face)]
        if near:
            way = min((_way(last, each) for each in near), key=lambda each: float(np.hypot(*each)))
            if np.hypot(*way) <= _MOST_MOVE:
                ways.append(way)
    if not ways:
        return 0.0, 0.0
    middle = np.median(np.array(ways), axis=0)
    return float(middle[0]), float(middle[1])


def _last(seen: Mapping[int, Face]) -> Face:
    return seen[max(seen)]


def _way(first: Face, second: Face) -> tuple[float, float]:
    """Give the way between the middles, in widths of the first face."""
    width = max(float(first["box_width"]), 1e-6)
    x = (second["box_x"] + second["box_width"] / 2) - (first["box_x"] + first["box_width"] / 2)
    y = (second["box_y"] + second["box_height"] / 2) - (first["box_y"] + first["box_height"] / 2)
    tall = max(float(first["box_height"]), 1e-6)
    return x / width, y / tall


def _distance(first: Face, second: Face, move: tuple[float, float]) -> float:
    if not _sizes_fit(first, second):
        return float("inf")
    x, y = _way(first, second)
    return float(np.hypot(x - move[0], y - move[1]))


def _sizes_fit(first: Face, second: Face) -> bool:
    ratio = first["box_width"] / max(second["box_width"], 1e-6)
    return bool(1 / _SIZE_RATIO <= ratio <= _SIZE_RATIO)


def fewest_frames(open_in: Sequence[set[int]]) -> list[int]:
    """Give the fewest frames in which each person has open eyes at least once; persons who never have do not count.

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
