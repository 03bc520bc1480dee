"""The groups as the user's decisions leave them: of two decisions about a pair of shots, the newer one holds.

Decisions are taken from the newest to the oldest, pair by pair, and each holds unless newer ones rule it out: with
"A and B together" and a newer "A and C apart", an older "B and C together" can't be. What the rules found is the oldest
of all: its edges tie whatever no decision keeps apart, the nearest in time first. So `apart` cuts a group at the
longest gap between the two that it names, and every other frame stays with those that it is tied to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations, pairwise

from photoidx.queries.bursts.frames import NO_TIME, Frames
from photoidx.queries.bursts.rules import FrameGroup
from photoidx.queries.decisions.record import Decision
from photoidx.union_find import UnionFind

_Order = tuple[bool, float]


class _Parts:
    """Things that are joined and kept apart; what comes first wins."""

    def __init__(self) -> None:
        self._joined = UnionFind[str]()
        self._enemies: dict[str, set[str]] = defaultdict(set)

    def __contains__(self, thing: str) -> bool:
        return thing in self._joined

    def head(self, thing: str) -> str:
        """Return what stands for all that is joined with a thing."""
        return self._joined.head(thing)

    def join(self, first: str, second: str) -> None:
        """Join two things, unless they are kept apart."""
        one, other = sorted((self.head(first), self.head(second)))
        if one == other or other in self._enemies[one]:
            return
        self._joined.join(one, other)
        for enemy in self._enemies.pop(other, set()):
            self._enemies[enemy].remove(other)
            self._enemies[enemy].add(one)
            self._enemies[one].add(enemy)

    def part(self, first: str, second: str) -> None:
        """Keep two things apart, unless they are joined."""
        one, other = self.head(first), self.head(second)
        if one != other:
            self._enemies[one].add(other)
            self._enemies[other].add(one)


def decided(frames: Frames, groups: Sequence[FrameGroup], held: Sequence[Decision]) -> list[FrameGroup]:
    """Put what the user decided (the oldest first) over what the rules found."""
    ours = [choice for choice in held if choice.verb in {"together", "apart"}]
    if not ours:
        return list(groups)
    parts = _Parts()
    for choice in reversed(ours):
        shots = list(dict.fromkeys(_own(frames, shot_id) for shot_id in choice.shot_ids))
        pairs = combinations(shots, 2)
        if choice.verb == "apart":
            for first, second in pairs:
                parts.part(first, second)
        else:
            for first, second in sorted(pairs, key=lambda pair: _gap(frames, *pair)):
                parts.join(first, second)
    named = {at for at, shot_id in enumerate(frames.shot_ids) if shot_id in parts}
    touched = [each for each in groups if not named.isdisjoint(each.members)]
    whole = [each for each in groups if named.isdisjoint(each.members)]
    _tie(frames, touched, named, parts)
    return sorted([*whole, *_parted(frames, touched, named, parts)], key=lambda each: each.members[0])


def _own(frames: Frames, shot_id: str) -> str:
    """Return the shot that a frame goes by."""
    return frames.shot_ids[frames.place[shot_id]] if shot_id in frames.place else shot_id


def _gap(frames: Frames, first: str, second: str) -> _Order:
    """Order pairs by the time between them; then those without a time, by how many frames lie between."""
    if first not in frames.place or second not in frames.place:
        return True, float("inf")
    return _between(frames, frames.place[first], frames.place[second])


def _between(frames: Frames, first: int, second: int) -> _Order:
    times = int(frames.time_us[first]), int(frames.time_us[second])
    if NO_TIME in times:
        return True, abs(first - second)
    return False, abs(times[0] - times[1])


def _tie(frames: Frames, touched: Iterable[FrameGroup], named: AbstractSet[int], parts: _Parts) -> None:
    """Join what the rules tied, the nearest first; of equal gaps, those near a frame that a decision names."""
    for each in touched:
        near = [at for at in named if at in each.members]

        def order(pair: tuple[int, int], near: Sequence[int] = near) -> tuple[_Order, _Order, tuple[int, int]]:
            reach = min(_between(frames, at, end) for at in pair for end in near)
            return _between(frames, *pair), reach, pair

        ties = sorted({(edge.first, edge.second) for edge in each.edges}, key=order)
        # A group's edges may pass through a frame that is not in it; in the end it is held together by its order.
        for first, second in [*ties, *sorted(pairwise(each.members), key=order)]:
            parts.join(frames.shot_ids[first], frames.shot_ids[second])


def _parted(
    frames: Frames, touched: Sequence[FrameGroup], named: AbstractSet[int], parts: _Parts
) -> Iterable[FrameGroup]:
    """Return the groups that came of it. One that lies in one of the rules' groups keeps its kind."""
    members: dict[str, set[int]] = defaultdict(set)
    for at in {*named, *(at for each in touched for at in each.members)}:
        members[parts.head(frames.shot_ids[at])].add(at)
    for those in members.values():
        if len(those) > 1:
            sources = [each for each in touched if not those.isdisjoint(each.members)]
            alone = len(sources) == 1 and len(those.intersection(sources[0].members)) > 1
            edges = tuple(edge for each in sources for edge in each.edges if {edge.first, edge.second} <= those)
            yield FrameGroup(sources[0].kind if alone else "burst", tuple(sorted(those)), edges)
