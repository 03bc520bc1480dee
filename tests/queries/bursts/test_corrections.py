"""What the user decided about groups: the newest decision about a pair holds, and a burst can be cut in two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from hypothesis import example, given
from hypothesis import strategies as st

from burst_album import made
from photoidx.queries.bursts.corrections import decided
from photoidx.queries.bursts.frames import Frames
from photoidx.queries.bursts.rules import Edge, FrameGroup, group
from photoidx.queries.decisions.record import Decision

COUNT = 5
Said = tuple[str, list[int]]
SAID = st.lists(
    st.tuples(
        st.sampled_from(("together", "apart", "best")), st.lists(st.integers(0, COUNT - 1), min_size=2, unique=True)
    ),
    max_size=6,
)


def choices(said: Sequence[Said]) -> list[Decision]:
    return [
        Decision(f"{place:03}", verb, tuple(f"shot-{at:032x}" for at in members))
        for place, (verb, members) in enumerate(said)
    ]


def after(frames: Frames, said: Sequence[Said], groups: list[FrameGroup] | None = None) -> list[tuple[int, ...]]:
    found = decided(frames, group(frames) if groups is None else groups, choices(said))
    return [each.members for each in found]


def edge(first: int, second: int) -> Edge:
    return Edge(first, second, "near", 0.3, 1.0, 0)


def burst(*times: float) -> Frames:
    return made(list(times), [1] * len(times))


def test_a_burst_is_cut_between_two_neighbours_that_are_kept_apart():
    frames = burst(1.1, 1.4, 1.7, 2.0, 2.3)
    assert after(frames, [("apart", [2, 1])]) == [(0, 1), (2, 3, 4)]


def test_a_burst_is_cut_at_the_longest_pause_between_two_that_are_kept_apart():
    frames = burst(1.1, 1.4, 1.7, 2.7, 3.0)
    assert after(frames, [("apart", [0, 4])]) == [(0, 1, 2), (3, 4)]


def test_where_all_pauses_are_equal_a_burst_is_cut_in_the_middle():
    frames = burst(1.1, 1.4, 1.7, 2.0, 2.3, 2.6)
    assert after(frames, [("apart", [0, 5])]) == [(0, 1, 2), (3, 4, 5)]


def test_a_frame_stays_with_the_one_that_it_is_tied_to_though_the_other_is_nearer_in_time():
    frames = burst(1.1, 2.0, 2.2)
    tied = [FrameGroup("burst", (0, 1, 2), (edge(0, 1), edge(0, 2)))]
    assert after(frames, [("apart", [0, 2])], tied) == [(0, 1)]


def test_each_of_many_that_are_apart_is_apart_from_each_other():
    frames = burst(1.1, 1.4, 1.7, 2.0, 2.3, 2.6)
    assert after(frames, [("apart", [0, 2, 4])]) == [(0, 1), (2, 3), (4, 5)]


def test_one_stray_frame_is_taken_out_of_the_middle():
    frames = burst(1.1, 1.4, 1.7, 2.0, 2.3)
    assert after(frames, [("apart", [1, 2]), ("apart", [2, 3])]) == [(0, 1, 3, 4)]


def test_bringing_a_third_frame_in_does_not_undo_that_two_are_apart():
    frames = made([1.1, 1.4, 1.7, 61.1, 61.4], [1] * 5)
    said: list[Said] = [("apart", [0, 1]), ("together", [0, 3])]
    assert after(frames, said) == [(0, 3, 4), (1, 2)]


def test_a_newer_decision_about_the_same_pair_wins_and_an_older_one_does_not():
    frames = burst(1.1, 1.4, 1.7)
    assert after(frames, [("apart", [0, 1]), ("together", [0, 1])]) == [(0, 1, 2)]
    assert after(frames, [("together", [0, 1]), ("apart", [0, 1])]) == [(1, 2)]


def test_groups_that_no_decision_names_stay_as_they_are_and_parts_keep_their_kind():
    frames = made([0.1, 0.4, 10.1, 10.4, 10.7, 11.0], [1] * 6)
    groups = [FrameGroup("burst", (0, 1), (edge(0, 1),)), FrameGroup("bracket", (2, 3, 4, 5), (edge(2, 3), edge(4, 5)))]
    found = decided(frames, groups, choices([("apart", [3, 4])]))
    assert found[0] is groups[0]
    assert found[1:] == [FrameGroup("bracket", (2, 3), (edge(2, 3),)), FrameGroup("bracket", (4, 5), (edge(4, 5),))]
    merged = decided(frames, groups, choices([("together", [0, 2])]))
    assert [(each.kind, each.members) for each in merged] == [("burst", (0, 1, 2, 3, 4, 5))]


def partitions(items: Sequence[int]) -> Iterator[dict[int, int]]:
    """Return every way to put the items into groups, as the group's number by the item."""
    if not items:
        yield {}
        return
    *rest, last = items
    for found in partitions(rest):
        for number in range(len(set(found.values())) + 1):
            yield {**found, last: number}


EVERY = list(partitions(range(COUNT)))


@given(SAID, st.sampled_from(EVERY), st.sampled_from((0.3, None)))
@example([("apart", [0, 1]), ("together", [0, 2]), ("together", [2, 1])], EVERY[0], 0.3)
def test_the_newest_decision_about_each_pair_holds_unless_newer_ones_about_others_rule_it_out(said, rules, gap_s):
    frames = made([None if gap_s is None else gap_s * at for at in range(COUNT)], [1] * COUNT)
    groups = []
    for number in sorted(set(rules.values())):
        members = tuple(at for at in range(COUNT) if rules[at] == number)
        if len(members) > 1:
            groups.append(FrameGroup("burst", members, tuple(edge(*pair) for pair in combinations(members, 2))))
    found = after(frames, said, groups)
    label = {at: at + COUNT for at in range(COUNT)} | {at: number for number, each in enumerate(found) for at in each}
    assert sorted(at for each in found for at in each) == sorted(set().union(*found))

    def holds(grouping: dict[int, int], demand: tuple[bool, int, int]) -> bool:
        together, first, second = demand
        return (grouping[first] == grouping[second]) == together

    kept: list[tuple[bool, int, int]] = []
    newest_first = [each for each in reversed(said) if each[0] != "best"]
    for place, (verb, members) in enumerate(newest_first):
        demands = [(verb == "together", *pair) for pair in combinations(members, 2)]
        kept += [demand for demand in demands if holds(label, demand)]
        for demand in demands:
            if not holds(label, demand):
                assert place > 0, "the newest decision of all always holds"
                assert not any(all(holds(each, one) for one in [*kept, demand]) for each in EVERY)
    if not newest_first:
        assert found == [each.members for each in groups]
