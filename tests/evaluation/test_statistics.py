"""Intervals: that they hold what they should as often as they say, and what they say where there is little to go by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.evaluation.statistics import correlation, correlation_interval, difference_interval, interval

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
"""Return how many comparisons each of so many groups has, and how often it comes out right."""

# What comes out right on average is the number that stands before each.
GROUPS: dict[str, tuple[float, Draw]] = {
    "groups of one size": (0.6, lambda rng, count: (np.full(count, 6), rng.beta(3, 2, count))),
    "groups of many sizes": (0.6, lambda rng, count: (rng.integers(1, 21, count), rng.beta(3, 2, count))),
    "groups of which few are large": (
        0.6,
        lambda rng, count: (np.exp(rng.normal(1.5, 1, count)).astype(int) + 1, rng.beta(3, 2, count)),
    ),
    "mostly right": (0.85, lambda rng, count: (rng.integers(2, 12, count), rng.beta(8.5, 1.5, count))),
    "groups that are all or nothing": (0.5, lambda rng, count: (rng.integers(2, 12, count), rng.beta(0.5, 0.5, count))),
}


@pytest.mark.parametrize("case", GROUPS)
def test_an_interval_of_95_in_100_from_12_groups_holds_the_truth_in_93_or_more(case: str):
    truth, draw = GROUPS[case]
    rng, draws = np.random.default_rng(12), 1000
    held = 0
    for _ in range(draws):
        sizes, shares = draw(rng, 12)
        right = rng.binomial(sizes, shares)
        low, high = interval(list(zip(right.tolist(), sizes.tolist(), strict=True)), 0)
        held += low <= truth <= high
    # Where a few groups have most of the comparisons, 12 are worth fewer.
    assert held / draws >= (0.92 if "few are large" in case else 0.93)


def test_a_correlation_by_group_is_held_as_often():
    rng, draws, truth = np.random.default_rng(3), 600, 0.5
    held = 0
    for _ in range(draws):
        common = rng.multivariate_normal([0, 0], [[1, truth], [truth, 1]], 25)
        points = np.repeat(common, 4, axis=0)  # four photos of a scene tell no more than one
        low, high = correlation_interval(*points.T, np.repeat(np.arange(25), 4), 0)
        held += low <= truth <= high
    assert held / draws >= 0.93


def test_the_same_photos_four_times_do_not_make_an_interval_narrower():
    rng = np.random.default_rng(1)
    one = rng.normal(size=40)
    other = one + rng.normal(size=40)
    narrow = correlation_interval(one, other, range(40), 0)
    again = correlation_interval(np.repeat(one, 4), np.repeat(other, 4), np.repeat(range(40), 4), 0)
    assert again == pytest.approx(narrow, abs=1e-6)
    assert narrow[0] < correlation(one, other) < narrow[1]


def test_a_paired_difference_is_told_more_sharply_than_two_intervals_tell_it():
    rng = np.random.default_rng(2)
    hard = np.repeat(rng.beta(1, 1, 30), 4)  # groups differ much, methods little
    first = np.clip(hard + rng.normal(0.03, 0.02, 120), 0, 1)
    second = np.clip(hard + rng.normal(0, 0.02, 120), 0, 1)
    groups = np.repeat(np.arange(30), 4)
    low, high = difference_interval(first, second, groups, 0)
    assert 0 < low < np.mean(first - second) < high
    alone = [interval([(each[groups == group].sum(), 4) for group in range(30)], 0) for each in (first, second)]
    assert high - low < 0.2 * (alone[0][1] - alone[0][0])
    assert difference_interval(first, first, groups, 0) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(5, 9)), min_size=0, max_size=1))
def test_of_one_group_or_none_nothing_is_known(counts: list[tuple[int, int]]):
    assert interval(counts, 0) == (0, 1)
    assert difference_interval([0.5], [0.2], [1], 0) == (-1, 1)
    assert correlation_interval(np.ones(3), np.ones(3), [1, 1, 1], 0) == (-1, 1)


@pytest.mark.parametrize("groups", [2, 6, 12, 100])
def test_where_all_is_right_the_interval_is_as_wide_as_so_few_groups_allow(groups: int):
    low, high = interval([(7, 7)] * groups, 0)
    assert high == 1
    assert low**groups == pytest.approx(0.025)  # all of them right by chance: 2.5 in 100
    assert interval([(0, 7)] * groups, 0) == pytest.approx((0, 1 - low))


def test_groups_without_a_comparison_do_not_count():
    counts = [(3, 4), (1, 2), (5, 6), (0, 3)]
    assert interval([*counts, (0, 0)], 0) == interval(counts, 0)
