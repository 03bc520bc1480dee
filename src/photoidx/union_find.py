"""Things that hang together, joined one pair at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, Protocol, Self, TypeVar


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...
    def __hash__(self) -> int: ...


Thing = TypeVar("Thing", bound=_Ordered)


class UnionFind(Generic[Thing]):
    """Sets that grow by joining. The lowest of a set is its head. Joins cost next to nothing each (path halving)."""

    def __init__(self, things: Iterable[Thing] = ()) -> None:
        self._above = {thing: thing for thing in things}

    def __contains__(self, thing: Thing) -> bool:
        return thing in self._above

    def head(self, thing: Thing) -> Thing:
        """Return the head of a thing's set. A thing that is new is a set of its own."""
        above = self._above
        above.setdefault(thing, thing)
        while above[thing] != thing:
            above[thing] = thing = above[above[thing]]
        return thing

    def join(self, one: Thing, other: Thing) -> Thing:
        """Make the sets of two things one, and return its head."""
        first, second = self.head(one), self.head(other)
        low, high = (first, second) if first < second else (second, first)
        self._above[high] = low
        return low

    def join_all(self, pairs: Iterable[tuple[Thing, Thing]]) -> Self:
        """Join the things of each pair."""
        for one, other in pairs:
            self.join(one, other)
        return self

    def sets(self) -> dict[Thing, list[Thing]]:
        """Return the sets by their heads, in order, each in order."""
        found: dict[Thing, list[Thing]] = {}
        for thing in sorted(self._above):
            found.setdefault(self.head(thing), []).append(thing)
        return found
