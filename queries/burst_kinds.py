"""What a group of frames is: a burst, an exposure bracket, a panorama, a time-lapse or a focus stack."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from photoidx.queries.frames import NO_TIME, Frames
from photoidx.queries.overlap import Look, shift_between

_BRACKET_FRAMES, _BRACKET_SPREAD_EV, _BRACKET_STEP_EV, _BRACKET_S = 3, 1.0, 0.5, 4.0
_PAN_BITS, _STACK_BITS = 10, 8
_PAN_FRAMES, _PAN_LEAST, _PAN_STEADY, _PAN_ALIKE = 3, 0.08, 0.8, 0.6
_STACK_FRAMES, _STACK_MOST_SHIFT, _STACK_STEADY, _STACK_TRAVEL, _STACK_EV = 4, 0.012, 0.85, 0.25, 0.34
_STACK_SHARP = 1.12  # each frame has a zone so much sharper than the mean: 1.14 and more in stacks, 1.11 in bursts
_STACK_TILES = (6, 8)
_LAPSE_FRAMES, _LAPSE_LEAST_S, _LAPSE_MOST_S, _LAPSE_ALIKE = 8, 1.5, 3600.0, 0.7
_LAPSE_WOBBLE, _LAPSE_WOBBLE_S, _LAPSE_ROUGH_S = 0.02, 0.15, 1.01


def kind_of(frames: Frames, members: Sequence[int], look: Look) -> str:
    """Name the kind of a group whose members are in the order of time."""
    if _is_bracket(frames, members):
        return "bracket"
    if _is_lapse(frames, members):
        return "timelapse"
    moves = _moves(members, look) if worth_a_look(frames, members) else None
    if moves is not None and _is_panorama(moves):
        return "panorama"
    if moves is not None and _is_focus_stack(frames, members, moves, look):
        return "focus_stack"
    return "burst"


def worth_a_look(frames: Frames, members: Sequence[int]) -> bool:
    """Tell whether a group may be a panorama or a focus stack, by its hashes: its thumbnails need not be read if not.

    A drift of 8 % or more changes many bits in every step, a tripod hardly any.
    """
    if len(members) < _PAN_FRAMES:
        return False
    hashes = frames.hashes[list(members)]
    bits = np.bitwise_count(hashes[1:] ^ hashes[:-1])
    return bool(bits.min() >= _PAN_BITS or (len(members) >= _STACK_FRAMES and bits.max() <= _STACK_BITS))


def split_brackets(frames: Frames, members: Sequence[int]) -> list[list[int]]:
    """Cut a component of repeated brackets into single ones: a new one begins where an exposure comes again."""
    values = _exposures(frames, members)
    if values is None or not _steps(values):
        return [list(members)]
    parts: list[list[int]] = [[]]
    seen: list[float] = []
    for member, value in zip(members, values, strict=True):
        again = any(abs(value - other) < _BRACKET_STEP_EV for other in seen)
        late = bool(parts[-1]) and _seconds(frames, parts[-1][0], member) > _BRACKET_S
        if again or late:
            parts.append([])
            seen = []
        parts[-1].append(member)
        seen.append(float(value))
    return parts if all(len(part) >= _BRACKET_FRAMES for part in parts) else [list(members)]


def timelapses(frames: Frames, taken: Collection[int]) -> Iterator[tuple[int, ...]]:
    """Give the runs of one camera's frames with one long interval, among those that are in no other group."""
    free = np.array([at for at in range(len(frames)) if at not in taken and frames.time_us[at] != NO_TIME], np.int64)
    if len(free) < _LAPSE_FRAMES:
        return
    gaps = np.diff(frames.time_us[free]) / 1e6
    fits = (frames.cameras[free[1:]] == frames.cameras[free[:-1]]) & (gaps >= _LAPSE_LEAST_S) & (gaps <= _LAPSE_MOST_S)
    steps = np.flatnonzero(fits)
    fits[steps] = frames.cosines(free[steps], free[steps + 1]) >= _LAPSE_ALIKE
    start = 0
    while start < len(gaps):
        end = start
        while end < len(gaps) and fits[end] and _steady(frames, free, gaps, start, end):
            end += 1
        run = free[start : end + 1]
        if len(run) >= _LAPSE_FRAMES:
            yield tuple(int(at) for at in run)
        start = max(end, start + 1)


def _steady(frames: Frames, free: np.ndarray[Any, Any], gaps: np.ndarray[Any, Any], start: int, end: int) -> bool:
    """Tell whether a gap is the one of the run so far. Times without sub-seconds wobble by a second."""
    usual = float(np.median(gaps[start : end + 1]))
    rough = not (frames.exact[free[end]] and frames.exact[free[end + 1]])
    allowed = _LAPSE_WOBBLE * usual + (_LAPSE_ROUGH_S if rough else _LAPSE_WOBBLE_S)
    return abs(float(gaps[end]) - usual) <= allowed


def _exposures(frames: Frames, members: Sequence[int]) -> np.ndarray[Any, Any] | None:
    """Give the exposures in EV, by the compensation where it varies, else by time, aperture and ISO."""
    for values in (frames.bias_ev[list(members)], frames.exposure_ev[list(members)]):
        if not np.isnan(values).any() and np.ptp(values) >= _BRACKET_SPREAD_EV:
            return values
    return None


def _steps(values: np.ndarray[Any, Any]) -> bool:
    return len(values) >= _BRACKET_FRAMES and bool((np.abs(np.diff(values)) >= _BRACKET_STEP_EV).all())


def _is_bracket(frames: Frames, members: Sequence[int]) -> bool:
    values = _exposures(frames, members)
    return values is not None and _steps(values) and _seconds(frames, members[0], members[-1]) <= _BRACKET_S + 1


def _is_lapse(frames: Frames, members: Sequence[int]) -> bool:
    if len(members) < _LAPSE_FRAMES:
        return False
    gaps = np.array([_seconds(frames, a, b) for a, b in pairwise(members)])
    usual = float(np.median(gaps))
    return usual >= _LAPSE_LEAST_S and bool((np.abs(gaps - usual) <= _LAPSE_WOBBLE * usual + _LAPSE_WOBBLE_S).all())


def _seconds(frames: Frames, first: int, second: int) -> float:
    if NO_TIME in (frames.time_us[first], frames.time_us[second]):
        return 0.0
    return float(frames.time_us[second] - frames.time_us[first]) / 1e6


def _moves(members: Sequence[int], look: Look) -> np.ndarray[Any, Any] | None:
    """Give how the picture moved from each frame to the next (n-1 x 3: x, y, likeness); None if that is not known."""
    if len(members) < _PAN_FRAMES:
        return None
    look.prepare(members)
    small = [look.small(at) for at in members]
    found = [
        shift_between(first, second) if first is not None and second is not None else None
        for first, second in pairwise(small)
    ]
    moves = [each for each in found if each is not None]
    return np.array(moves) if len(moves) == len(members) - 1 else None


def _is_panorama(moves: np.ndarray[Any, Any]) -> bool:
    """Tell a steady drift in one direction from the shaking of a hand."""
    way = np.hypot(moves[:, 0], moves[:, 1])
    mean = moves[:, :2].mean(axis=0)
    straight = moves[:, :2] @ mean / np.maximum(way * np.hypot(*mean), 1e-9)
    return bool((way >= _PAN_LEAST).all() and (straight >= _PAN_STEADY).all() and (moves[:, 2] >= _PAN_ALIKE).all())


def _is_focus_stack(frames: Frames, members: Sequence[int], moves: np.ndarray[Any, Any], look: Look) -> bool:
    """Tell whether the sharp zone of a steady frame travels through it."""
    exposures = frames.exposure_ev[list(members)]
    changes = not np.isnan(exposures).any() and np.ptp(exposures) > _STACK_EV
    if len(members) < _STACK_FRAMES or changes or np.abs(moves[:, :2]).max() > _STACK_MOST_SHIFT:
        return False
    whole = [look.whole(at) for at in members]
    detail = np.array([_detail(picture) for picture in whole if picture is not None])
    relative = detail / np.maximum(detail.mean(axis=0), 1e-6)
    if np.percentile(relative.reshape(len(members), -1), 90, axis=1).min() < _STACK_SHARP:
        return False
    weight = np.maximum(relative - 1, 0) ** 2
    rows, columns = np.mgrid[0 : _STACK_TILES[0], 0 : _STACK_TILES[1]]
    total = np.maximum(weight.sum(axis=(1, 2)), 1e-9)
    order = np.arange(len(members))
    for places, count in ((rows, _STACK_TILES[0]), (columns, _STACK_TILES[1])):
        centre = (weight * places).sum(axis=(1, 2)) / total / (count - 1)
        if np.ptp(centre) >= _STACK_TRAVEL and abs(np.corrcoef(centre, order)[0, 1]) >= _STACK_STEADY:
            return True
    return False


def _detail(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give the mean size of the Laplacian in 6 x 8 tiles."""
    edges = np.abs(cv2.Laplacian(picture, cv2.CV_32F))
    found: np.ndarray[Any, Any] = cv2.resize(edges, _STACK_TILES[::-1], interpolation=cv2.INTER_AREA)
    return found
