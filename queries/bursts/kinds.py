"""What a group of frames is: a burst, an exposure bracket, a panorama, a time-lapse or a focus stack."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from photoidx.queries.bursts.focus_stacks import STACK_BITS, STACK_FRAMES, is_focus_stack
from photoidx.queries.bursts.frames import NO_TIME, Frames
from photoidx.queries.bursts.registration import Registered, is_one_view, shift_between

_BRACKET_FRAMES, _BRACKET_SPREAD_EV, _BRACKET_STEP_EV, _BRACKET_S = 3, 1.0, 0.5, 4.0
_PAN_BITS = 10
_PAN_FRAMES, _PAN_LEAST, _PAN_STEADY, _PAN_ALIKE = 3, 0.08, 0.8, 0.6
_LAPSE_FRAMES, _LAPSE_LEAST_S, _LAPSE_MOST_S, _LAPSE_ALIKE = 8, 1.5, 3600.0, 0.7
_LAPSE_WOBBLE, _LAPSE_WOBBLE_S, _LAPSE_ROUGH_S = 0.02, 0.15, 1.01


def kind_of(frames: Frames, members: Sequence[int], look: Registered) -> str:
    """Name the kind of a group whose members are in the order of time."""
    if _is_bracket(frames, members, look):
        return "bracket"
    looked_at = worth_a_look(frames, members)
    if looked_at and is_focus_stack(frames, members, look):
        return "focus_stack"
    if _is_lapse(frames, members):
        return "timelapse"
    moves = _moves(members, look) if looked_at else None
    return "panorama" if moves is not None and _is_panorama(moves) else "burst"


def worth_a_look(frames: Frames, members: Sequence[int]) -> bool:
    """Return whether a group may be a panorama or a focus stack, by its hashes: its thumbnails need not be read if not.

    A drift of 8 % or more changes many bits in every step, a tripod hardly any.
    """
    if len(members) < _PAN_FRAMES:
        return False
    hashes = frames.hashes[list(members)]
    bits = np.bitwise_count(hashes[1:] ^ hashes[:-1])
    return bool(bits.min() >= _PAN_BITS or (len(members) >= STACK_FRAMES and bits.max() <= STACK_BITS))


def split_brackets(frames: Frames, members: Sequence[int], look: Registered) -> list[list[int]]:
    """Cut a component of repeated brackets into single ones: a new one begins where an exposure comes again."""
    values = _bracketed(frames, members, look)
    if values is None:
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
    """Return the runs of one camera's frames with one long interval, among those that are in no other group."""
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
    """Return whether a gap is the one of the run so far. Times without sub-seconds wobble by a second."""
    usual = float(np.median(gaps[start : end + 1]))
    rough = not (frames.exact[free[end]] and frames.exact[free[end + 1]])
    allowed = _LAPSE_WOBBLE * usual + (_LAPSE_ROUGH_S if rough else _LAPSE_WOBBLE_S)
    return abs(float(gaps[end]) - usual) <= allowed


def _bracketed(frames: Frames, members: Sequence[int], look: Registered) -> np.ndarray[Any, Any] | None:
    """Return the exposures in EV if they change from each frame to the next as in brackets, else None.

    By the compensation where it varies; else by time, aperture and ISO, if all frames are of one view: where the
    camera is moved, the automatic changes these, too.
    """
    if len(members) < _BRACKET_FRAMES:
        return None
    for values, by_maker in ((frames.bias_ev, True), (frames.exposure_ev, False)):
        own = values[list(members)]
        if np.ptp(own) >= _BRACKET_SPREAD_EV:  # not so if one is not known: NaN
            steps = bool((np.abs(np.diff(own)) >= _BRACKET_STEP_EV).all())
            return own if steps and (by_maker or _of_one_view(members, look)) else None
    return None


def _of_one_view(members: Sequence[int], look: Registered) -> bool:
    """Return whether nothing speaks against that a camera stayed where it was."""
    return all(is_one_view(look, first, second) is not False for first, second in pairwise(members))


def _is_bracket(frames: Frames, members: Sequence[int], look: Registered) -> bool:
    in_time = _seconds(frames, members[0], members[-1]) <= _BRACKET_S + 1
    return in_time and _bracketed(frames, members, look) is not None


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


def _moves(members: Sequence[int], look: Registered) -> np.ndarray[Any, Any] | None:
    """Return how the picture moved from each frame to the next (n-1 x 3: x, y, how alike); None if not known."""
    look.prepare(members)
    small = [look.small(at) for at in members]
    found = [
        shift_between(first, second) if first is not None and second is not None else None
        for first, second in pairwise(small)
    ]
    moves = [each for each in found if each is not None]
    return np.array(moves) if len(moves) == len(members) - 1 else None


def _is_panorama(moves: np.ndarray[Any, Any]) -> bool:
    """Return a steady drift in one direction from the shaking of a hand."""
    way = np.hypot(moves[:, 0], moves[:, 1])
    mean = moves[:, :2].mean(axis=0)
    straight = moves[:, :2] @ mean / np.maximum(way * np.hypot(*mean), 1e-9)
    return bool((way >= _PAN_LEAST).all() and (straight >= _PAN_STEADY).all() and (moves[:, 2] >= _PAN_ALIKE).all())
