"""Things that hang together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from photoidx.union_find import UnionFind

_PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12)


def hang_together(pairs: list[tuple[int, int]], start: int) -> set[int]:
    """Walk from a thing along the pairs until nothing new is met."""
    met, new = set(), {start}
    while new:
        met |= new
        new = {two for one, other in pairs for two in (one, other) if {one, other} & met} - met
    return met


@given(_PAIRS)
def test_sets_are_what_hangs_together_with_the_lowest_as_head(pairs: list[tuple[int, int]]):
    joined = UnionFind[int](range(10)).join_all(pairs)
    for thing in range(10):
        members = hang_together(pairs, thing)
        assert joined.head(thing) == min(members)
        assert joined.sets()[min(members)] == sorted(members)


def test_a_thing_is_in_it_once_it_was_named():
    joined = UnionFind[str](["a"])
    assert ("a" in joined, "b" in joined) == (True, False)
    assert joined.join("b", "a") == "a"
    assert "b" in joined
