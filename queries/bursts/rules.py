"""Which frames belong together: edges with evidence between frames that are near in time, and the groups they make.

A pure function of the frames. The cost grows with their number, and with how many are near each other in time: each
frame is compared with its next few of the same camera.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from photoidx.queries.bursts.copies import derived
from photoidx.queries.bursts.focus_stacks import focus_stacks
from photoidx.queries.bursts.frames import NO_TIME, Frames
from photoidx.queries.bursts.kinds import kind_of, split_brackets, timelapses, worth_a_look
from photoidx.queries.bursts.registration import Registered, is_one_view, shift_between
from photoidx.union_find import UnionFind

NEIGHBOURS = 12
"""How many of its next frames a frame is compared with."""
WINDOW_S = 5.0
"""The longest time between two frames that are compared; a time-lapse or a focus stack may have longer gaps."""
NEAR_S = 3.0
"""The longest time between two frames that look alike; up to `WINDOW_S`, their overlap must be the same."""

# Alike: the cosine of two vectors, and the different bits of two 64-bit hashes. Measured on 23 scenes: frames of one
# hand-held scene have .91 and more, and up to 26 bits; a defocus of 4 pixels leaves .51 and 16 bits, 2 EV more .69 and
# 20 bits; different scenes have up to .56, and 20 bits or more; a thing that lies turned has .86.
_ALIKE, _FAIRLY_ALIKE, _HARDLY = 0.88, 0.70, 0.45
_SAME_BITS = 16
_FAST_S, _BRACKET_S = 1.0, 4.0
_STEP_EV = 0.65
_BRACKET_ALIKE, _BRACKET_BITS = 0.6, 20
_PAN_ALIKE, _OVERLAP_ALIKE = 0.5, 0.75
_SEQUENCE_S = 2.0
_NUMBER_REACH = 25
_COUNTER = 9999
_TIMELESS_ALIKE, _TIMELESS_BITS = 0.93, 8
_LOOK_AHEAD = 2
_LOOKED_AT_ONCE = 100


_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Edge:
    """Two frames that belong together, and why. `cosine` is NaN and `bits` -1 where there was nothing to compare."""

    first: int
    second: int
    rule: str
    gap_s: float
    cosine: float
    bits: int


@dataclass(frozen=True)
class FrameGroup:
    """Frames that belong together, in the order of time, their kind, and the edges that tie them."""

    kind: str
    members: tuple[int, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class _Pairs:
    """Candidate pairs, as columns. `close`: few frames lie between; `skipped`: so many that do not count do."""

    first: np.ndarray[Any, np.dtype[np.int64]]
    second: np.ndarray[Any, np.dtype[np.int64]]
    gap_s: np.ndarray[Any, np.dtype[np.float64]]
    cosine: np.ndarray[Any, np.dtype[np.float64]]
    bits: np.ndarray[Any, np.dtype[np.int64]]
    close: np.ndarray[Any, np.dtype[np.bool_]]
    skipped: np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class BurstLimits:
    """The longest times, in seconds, between two frames that are tied by a look at them, and by an overlap alone."""

    near_s: float = NEAR_S
    window_s: float = WINDOW_S


def group(frames: Frames, within_s: float | None = None) -> list[FrameGroup]:
    """Group frames into bursts, brackets, panoramas, time-lapses and focus stacks, in the order of time.

    Copies and edits of another frame are in no group. With `within_s` frames may be so far apart, in seconds, or no
    further; without it the usual limits hold.
    """
    limits = BurstLimits() if within_s is None else BurstLimits(within_s, within_s)
    copies = derived(frames)
    pairs = _pairs(frames, np.flatnonzero(~copies), limits)
    look = Registered(frames)
    rules = _rules(frames, pairs, limits, look)
    _confirm(pairs, rules, look)
    edges = [
        Edge(int(a), int(b), str(rule), float(gap), float(cosine), int(bits))
        for a, b, rule, gap, cosine, bits in zip(
            pairs.first, pairs.second, rules, pairs.gap_s, pairs.cosine, pairs.bits, strict=True
        )
        if rule
    ]
    edges += _by_burst_id(frames, copies)
    found: list[FrameGroup] = []
    for block in batched(_components(edges), _LOOKED_AT_ONCE):
        look.forget()
        look.prepare([at for members, _ in block if worth_a_look(frames, members) for at in members])
        found += [part for members, tied in block for part in _parted(frames, members, tied, look)]
    found = _with_stacks(frames, found, copies, look)
    taken = {member for each in found for member in each.members}.union(np.flatnonzero(copies).tolist())
    for run in timelapses(frames, taken):
        tied = tuple(_plain_edge(frames, a, b) for a, b in pairwise(run))
        found.append(FrameGroup("timelapse", run, tied))
    return sorted(found, key=lambda each: each.members[0])


def batched(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Cut a sequence into parts of this size."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _parted(frames: Frames, members: Sequence[int], edges: Sequence[Edge], look: Registered) -> Iterator[FrameGroup]:
    """Return a component as one group, or as the brackets that it consists of."""
    for part in split_brackets(frames, members, look):
        inside = set(part)
        tied = tuple(edge for edge in edges if edge.first in inside and edge.second in inside)
        yield FrameGroup(kind_of(frames, part, look), tuple(part), tied)


def _with_stacks(
    frames: Frames, groups: Sequence[FrameGroup], copies: np.ndarray[Any, np.dtype[np.bool_]], look: Registered
) -> list[FrameGroup]:
    """Put the focus stacks whose slices lie in several groups, or in none, in the place of these."""
    found = list(groups)
    for run in focus_stacks(frames, [each.members for each in groups], copies, look):
        stack = set(run)
        edges = [edge for each in found for edge in each.edges if {edge.first, edge.second} <= stack]
        tied = {edge.second for edge in edges}
        edges += [_plain_edge(frames, a, b) for a, b in pairwise(run) if b not in tied]
        rest = [replace(each, members=tuple(at for at in each.members if at not in stack)) for each in found]
        found = [each for each in rest if len(each.members) > 1]
        found.append(FrameGroup("focus_stack", run, tuple(edges)))
    return found


def _pairs(frames: Frames, among: np.ndarray[Any, np.dtype[np.int64]], limits: BurstLimits) -> _Pairs:
    """Return the pairs of frames of one camera that are near in time, or that follow each other without any time.

    `among` are the places of the frames that count.
    """
    firsts, seconds, steps = [], [], []
    for step in range(1, min(NEIGHBOURS, max(1, len(among) - 1)) + 1):
        first, second = among[: len(among) - step], among[step:]
        same = frames.cameras[first] == frames.cameras[second]
        timeless = frames.time_us[second] == NO_TIME  # then the first has none either: it comes before
        with np.errstate(over="ignore"):
            near = frames.time_us[second] - frames.time_us[first] <= limits.window_s * 1e6
        near &= frames.time_us[first] != NO_TIME
        keep = same & (near | (timeless & (step == 1))) & _counts_on(frames, first, second)
        firsts.append(first[keep])
        seconds.append(second[keep])
        steps.append(np.full(len(seconds[-1]), step))
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    gap = np.where(frames.time_us[first] == NO_TIME, np.nan, (frames.time_us[second] - frames.time_us[first]) / 1e6)
    bits = np.bitwise_count(frames.hashes[first] ^ frames.hashes[second]).astype(np.int64)
    bits[~(frames.hashed[first] & frames.hashed[second])] = 64
    skipped = second - first - np.concatenate(steps)
    close = np.concatenate(steps) <= _LOOK_AHEAD
    return _Pairs(first, second, gap, frames.cosines(first, second), bits, close, skipped)


def _counts_on(
    frames: Frames, first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell whether the file numbers allow that one camera took both: near each other, or across a counter's restart."""
    known = (frames.numbers[first] >= 0) & (frames.numbers[second] >= 0)
    apart = np.abs(frames.numbers[first] - frames.numbers[second])
    apart = np.minimum(apart, np.abs(_COUNTER - apart))
    allowed = ~known | ((frames.streams[first] == frames.streams[second]) & (apart <= _NUMBER_REACH))
    return np.asarray(allowed, np.bool_)


def _rules(frames: Frames, pairs: _Pairs, limits: BurstLimits, look: Registered) -> np.ndarray[Any, Any]:
    """Return the first rule that ties each pair; an empty string where none does."""
    exact = frames.exact[pairs.first] & frames.exact[pairs.second]
    # Without sub-seconds a gap is known to a second only.
    least_gap = np.where(exact, pairs.gap_s, np.maximum(pairs.gap_s - 1, 0))
    # Without vectors (a scan may do without the embedder) the hashes alone decide.
    blind = ~(frames.embedded[pairs.first] & frames.embedded[pairs.second])
    shape = (blind | (pairs.cosine >= _HARDLY)) & (pairs.bits <= _SAME_BITS)
    alike = (pairs.cosine >= _ALIKE) | shape
    fairly = (pairs.cosine >= _FAIRLY_ALIKE) | shape
    follows = _difference(frames.sequence, pairs) == 1
    timeless = np.isnan(pairs.gap_s)
    numbered = frames.numbers[pairs.second] - frames.numbers[pairs.first] - pairs.skipped == 1
    conditions = {
        "sequence": follows & (least_gap <= _SEQUENCE_S) & (shape | (pairs.cosine >= _HARDLY)),
        "bracket": (least_gap <= _BRACKET_S) & _brackets(frames, pairs, look),
        "fast": exact & (pairs.gap_s <= _FAST_S) & fairly,
        "near": (least_gap <= limits.near_s) & alike,
        "look": timeless & numbered & (pairs.cosine >= _TIMELESS_ALIKE) & (pairs.bits <= _TIMELESS_BITS),
    }
    rules = np.select(list(conditions.values()), list(conditions), default="").astype("U8")
    slow = np.flatnonzero((rules == "near") & ((pairs.gap_s > NEAR_S) | (~shape & (pairs.gap_s > _FAST_S))))
    rules[_of_other_views(pairs, slow, look)] = ""
    return rules


def _brackets(frames: Frames, pairs: _Pairs, look: Registered) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which pairs are a step in exposure of one view: by the maker's bias, else by pictures that overlap.

    Between two views the automatic takes such steps, too.
    """
    by_shape = (pairs.cosine >= _BRACKET_ALIKE) | ((pairs.cosine >= _HARDLY) & (pairs.bits <= _BRACKET_BITS))
    same_lens = ~(np.abs(_difference(frames.focal_mm, pairs)) > 0.02 * frames.focal_mm[pairs.first])
    found = by_shape & same_lens & (np.abs(_difference(frames.bias_ev, pairs)) >= _STEP_EV)
    step = np.abs(_difference(frames.exposure_ev, pairs)) >= _STEP_EV
    doubt = np.flatnonzero(by_shape & same_lens & step & ~found & ~(pairs.gap_s > _BRACKET_S + 1))
    found[doubt] = True
    found[_of_other_views(pairs, doubt, look)] = False
    return np.asarray(found, np.bool_)


def _difference(values: np.ndarray[Any, Any], pairs: _Pairs) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(values[pairs.second] - values[pairs.first], np.float64)


def _of_other_views(
    pairs: _Pairs, wanted: np.ndarray[Any, np.dtype[np.int64]], look: Registered
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return those of some pairs whose frames were taken from two places; where it can't be seen, none."""
    seen = _looked_at(pairs, wanted, look, is_one_view)
    return np.array([pair for pair, one_view in seen if one_view is False], np.int64)


def _confirm(pairs: _Pairs, rules: np.ndarray[Any, Any], look: Registered) -> None:
    """Tie pairs in doubt that show one scene after all, as the frames of a panorama: their overlap is alike.

    In a second nobody walks far; after it, the two must be of one view.
    """
    doubt = (rules == "") & (pairs.cosine >= _PAN_ALIKE) & pairs.close
    for wanted, judge in ((pairs.gap_s <= _FAST_S, _overlaps), (pairs.gap_s > _FAST_S, is_one_view)):
        seen = _looked_at(pairs, np.flatnonzero(doubt & wanted), look, judge)
        rules[np.array([pair for pair, fits in seen if fits], np.int64)] = "overlap"


def _overlaps(look: Registered, first: int, second: int) -> bool:
    here, there = look.small(first), look.small(second)
    moved = shift_between(here, there) if here is not None and there is not None else None
    return moved is not None and moved[2] >= _OVERLAP_ALIKE


def _looked_at(
    pairs: _Pairs,
    wanted: np.ndarray[Any, np.dtype[np.int64]],
    look: Registered,
    judge: Callable[[Registered, int, int], bool | None],
) -> Iterator[tuple[int, bool | None]]:
    """Judge pairs by their thumbnails, which are read in blocks."""
    for block in batched(wanted.tolist(), _LOOKED_AT_ONCE):
        look.forget()
        look.prepare([int(at) for pair in block for at in (pairs.first[pair], pairs.second[pair])])
        for pair in block:
            yield pair, judge(look, int(pairs.first[pair]), int(pairs.second[pair]))


def _by_burst_id(frames: Frames, copies: np.ndarray[Any, np.dtype[np.bool_]]) -> list[Edge]:
    """Tie frames whose maker gave them one burst's id, whatever they look like."""
    last: dict[tuple[str, int], int] = {}
    edges = []
    for at, burst_id in enumerate(frames.burst_ids):
        if burst_id and not copies[at]:
            key = (burst_id, int(frames.cameras[at]))
            if key in last:
                edges.append(Edge(last[key], at, "burst id", _gap(frames, last[key], at), float("nan"), -1))
            last[key] = at
    return edges


def _plain_edge(frames: Frames, first: int, second: int) -> Edge:
    return Edge(first, second, "interval", _gap(frames, first, second), float("nan"), -1)


def _gap(frames: Frames, first: int, second: int) -> float:
    if NO_TIME in (frames.time_us[first], frames.time_us[second]):
        return float("nan")
    return float(frames.time_us[second] - frames.time_us[first]) / 1e6


def _components(edges: Sequence[Edge]) -> list[tuple[list[int], list[Edge]]]:
    """Return the connected frames, in order, with their edges. Frames without an edge are left out."""
    connected = UnionFind[int]().join_all((edge.first, edge.second) for edge in edges)
    tied: dict[int, list[Edge]] = {}
    for edge in edges:
        tied.setdefault(connected.head(edge.first), []).append(edge)
    return [(members, tied[head]) for head, members in connected.sets().items()]
