"""One reading of all decisions, the newest first, that bursts, clusters and duplicates share. Pure.

Of a shot: `best` withdraws an older `reject`, `reject` withdraws an older `best`, `keep` and `keep-all`, and these two
withdraw an older `reject`. Of the shots of one burst the one that was chosen last, and not rejected since, is chosen;
the others that were chosen before it are as if nothing had been said of them since. Of two shots the newer of `same`
and `different` holds, and the newer of `apart` and `together`. `docs/decisions.md` has a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.queries.decisions.record import Decision, decisions
from photoidx.storage.schema import BURSTS
from photoidx.storage.store import Store

Place = tuple[str, int]
"""A burst, and the place of a frame in it. A frame may have several shots: a RAW's and a JPEG's, in two folders."""
_CHOSEN_FROM = "burst"
_OF_SHOTS = frozenset({"best", "keep", "keep-all", "reject"})


class Flag(IntEnum):
    """What the user wants of a shot, the most wanted first."""

    CHOSEN = 0
    KEPT = 1
    UNDECIDED = 2
    REJECTED = 3


class _Said(NamedTuple):
    """When each was said last of a frame, as the number of the decision; 0 for never."""

    best: int = 0
    keep: int = 0
    keep_all: int = 0
    reject: int = 0


_Key = str | Place
"""What decisions are about: a frame of a burst, or a shot that is in none."""


@dataclass(frozen=True)
class DecisionView:
    """What the decisions that hold say together.

    `apart` are pairs of shots that are in no burst together. `same` and `different` are sets of shots any two of which
    are, or are not, the same picture; `kept_all` sets of shots that are all wanted, whether they are or not.
    """

    apart: AbstractSet[frozenset[str]] = frozenset()
    same: Sequence[frozenset[str]] = ()
    different: Sequence[frozenset[str]] = ()
    kept_all: Sequence[frozenset[str]] = ()
    _said: Mapping[_Key, _Said] = field(default_factory=dict)
    _places: Mapping[str, Place] = field(default_factory=dict)
    _chosen: Mapping[str, Place] = field(default_factory=dict)

    def flag(self, shots: Iterable[str]) -> Flag:
        """Return what is wanted of a frame, given by one or all of its shots."""
        keys = self._keys(shots)
        said = self._of(keys)
        if said.best > said.reject and not any(self._is_outdone(key) for key in keys):
            return Flag.CHOSEN
        if said.keep > said.reject:
            return Flag.KEPT
        return Flag.REJECTED if said.reject > max(said.best, said.keep, said.keep_all) else Flag.UNDECIDED

    def is_wanted(self, shots: Iterable[str]) -> bool:
        """Return whether the user wants a frame to stay: it is chosen, kept, or one of those that are all kept."""
        keys = self._keys(shots)
        said = self._of(keys)
        return said.keep_all > said.reject or self.flag(shots) <= Flag.KEPT

    def newest(self, shots: Iterable[str]) -> int:
        """Return the number of the decision that chose a frame, which grows with time; 0 if it is not chosen."""
        return self._of(self._keys(shots)).best if self.flag(shots) is Flag.CHOSEN else 0

    def chosen_of(self, frames: Sequence[Sequence[str]]) -> int | None:
        """Return which of some frames, each given by its shots, was chosen last; None if none is chosen."""
        numbers = [self.newest(shots) for shots in frames]
        most = max(numbers, default=0)
        return numbers.index(most) if most else None

    @cached_property
    def flags(self) -> Mapping[str, Flag]:
        """What is wanted of each shot of which a decision says something, by itself or by its frame."""
        named = {key for key in self._said if isinstance(key, str)}
        named |= {shot_id for shot_id, place in self._places.items() if place in self._said}
        return {shot_id: self.flag([shot_id]) for shot_id in sorted(named)}

    @property
    def chosen(self) -> frozenset[str]:
        """The shots that are chosen as the best of their burst, or of nothing, if they are in none."""
        return self._with(Flag.CHOSEN)

    @property
    def keep(self) -> frozenset[str]:
        """The shots that are kept, and not chosen."""
        return self._with(Flag.KEPT)

    @property
    def reject(self) -> frozenset[str]:
        """The shots that are rejected."""
        return self._with(Flag.REJECTED)

    def _with(self, flag: Flag) -> frozenset[str]:
        return frozenset(shot_id for shot_id, each in self.flags.items() if each is flag)

    def _keys(self, shots: Iterable[str]) -> set[_Key]:
        return {self._places.get(shot_id, shot_id) for shot_id in shots}

    def _of(self, keys: Iterable[_Key]) -> _Said:
        found = [self._said[key] for key in keys if key in self._said]
        return _Said(*(max(each) for each in zip(*found, strict=True))) if found else _Said()

    def _is_outdone(self, key: _Key) -> bool:
        return isinstance(key, tuple) and self._chosen.get(key[0], key) != key


def view(held: Sequence[Decision], places: Mapping[str, Place] | None = None) -> DecisionView:
    """Read the decisions that hold, the oldest first; `places` are those of shots that are in a burst."""
    places = places or {}
    said: dict[_Key, _Said] = defaultdict(_Said)
    for number, choice in enumerate(held, 1):
        if choice.verb in _OF_SHOTS:
            shots = choice.shot_ids[:1] if choice.verb == "best" else choice.shot_ids
            for key in {places.get(shot_id, shot_id) for shot_id in shots}:
                said[key] = said[key]._replace(**{choice.verb.replace("-", "_"): number})
    chosen: dict[str, Place] = {}
    for key, own in sorted(said.items(), key=lambda each: each[1].best):
        if isinstance(key, tuple) and own.best > own.reject:
            chosen[key[0]] = key
    return DecisionView(
        apart=frozenset(pair for shots in _holding(held, "apart", "together") for pair in _pairs(shots)),
        same=_holding(held, "same", "different"),
        different=_holding(held, "different", "same"),
        kept_all=_kept_all(held, {shot_id: said[places.get(shot_id, shot_id)].reject for shot_id in _named(held)}),
        _said={key: each for key, each in said.items() if any(each)},
        _places=places,
        _chosen=chosen,
    )


def read_view(store: Store) -> DecisionView:
    """Read the decisions of a library together with the bursts that it has now."""
    held = decisions(store)
    named = sorted(_named(choice for choice in held if choice.verb in _OF_SHOTS))
    if not named or BURSTS.name not in store.names():
        return view(held)
    rows = store.read(BURSTS.name, ["shot_id", "burst_id", "kind", "position"])
    rows = rows.filter(pc.equal(rows["kind"], _CHOSEN_FROM))
    of_these = rows.filter(pc.is_in(rows["shot_id"], value_set=pa.array(named, pa.string())))
    rows = rows.filter(pc.is_in(rows["burst_id"], value_set=of_these["burst_id"].combine_chunks()))
    places = zip(rows["burst_id"].to_pylist(), rows["position"].to_pylist(), strict=True)
    return view(held, dict(zip(rows["shot_id"].to_pylist(), places, strict=True)))


def _named(held: Iterable[Decision]) -> set[str]:
    return {shot_id for choice in held for shot_id in choice.shot_ids}


def _pairs(shots: Collection[str]) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in combinations(sorted(shots), 2)}


def _holding(held: Sequence[Decision], verb: str, contrary: str) -> list[frozenset[str]]:
    """Return the sets of shots of decisions, the newest first, without pairs of which a newer one says the contrary."""
    against: set[frozenset[str]] = set()
    found: list[frozenset[str]] = []
    for choice in reversed(held):
        if choice.verb == contrary:
            against |= _pairs(set(choice.shot_ids))
        elif choice.verb == verb:
            shots = frozenset(choice.shot_ids)
            whole = not against or against.isdisjoint(_pairs(shots))
            found += [shots] if whole else sorted(_pairs(shots) - against, key=sorted)
    return found


def _kept_all(held: Sequence[Decision], rejected: Mapping[str, int]) -> list[frozenset[str]]:
    """Return the sets of shots that are all kept, without those that were rejected since."""
    found = [
        frozenset(shot_id for shot_id in choice.shot_ids if rejected[shot_id] < number)
        for number, choice in enumerate(held, 1)
        if choice.verb == "keep-all"
    ]
    return [shots for shots in found if shots]
