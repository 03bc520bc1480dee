"""What figures of benchmarks are made of: BCubed, correlation, and intervals by bootstrap over groups. Pure functions.

A figure is a function of sums over groups (pictures, series, scenes): what belongs to one group hangs together, so
groups are drawn, not comparisons. Intervals are 95 %, bias-corrected and accelerated (BCa; Efron 1987). For few groups
the bootstrap is too narrow, so Student's quantile takes the place of the normal one, and the standard error of the
jackknife that of the bootstrap where it is larger (Hesterberg 2015, "expanded"). Simulated with 12 groups (1,500 draws
a case), the plain percentile bootstrap covers the truth in 86 to 92 of 100, this one in 92.7 to 97
(the least where the truth is near 1, or a few groups have most of the comparisons).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

RESAMPLES = 2000
_TAIL = 0.025
_FEWEST = 2  # groups
_EQUAL = 1e-12
_AT_ONCE = 4_000_000  # numbers that are drawn


def bcubed_items(predicted: Mapping[str, str], truth: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Return precision and recall of each item, from the label of its group in both. Both must have the same items."""
    if predicted.keys() != truth.keys():
        raise ValueError("The items differ.")
    of_predicted, of_truth = Counter(predicted.values()), Counter(truth.values())
    both = Counter((predicted[item], label) for item, label in truth.items())
    return {
        item: (
            both[predicted[item], label] / of_predicted[predicted[item]],
            both[predicted[item], label] / of_truth[label],
        )
        for item, label in truth.items()
    }


def bcubed(predicted: Mapping[str, str], truth: Mapping[str, str]) -> tuple[float, float, float]:
    """Find BCubed precision, recall and F1, each 0 to 1, from the label of each item's group; 1 if there is no item."""
    return means(list(bcubed_items(predicted, truth).values()))


def means(items: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return the mean precision, the mean recall and their F1; 1 if there is no item."""
    if not items:
        return 1.0, 1.0, 1.0
    precision, recall = (float(each) for each in np.mean(np.asarray(items), axis=0))
    return precision, recall, 2 * precision * recall / (precision + recall)


def interval(
    counts: Sequence[tuple[float, float]], seed: int, *, least: float = 0.0, most: float = 1.0
) -> tuple[float, float]:
    """Return the 95 % interval of sum(correct) / sum(comparisons), by bootstrap over groups.

    `counts` holds for each group what it adds to both sums; the ratio lies between `least` and `most`. Where every
    group is all right (or all wrong) no draw differs from the others: then the far end is the exact one for so many
    groups that hang together within (Clopper and Pearson 1934). Of one group nothing is known.
    """
    table = np.asarray([each for each in counts if each[1]], dtype=np.float64).reshape(-1, 2)
    if len(table) < _FEWEST:
        return least, most
    ratio = table[:, 0].sum() / table[:, 1].sum()
    if np.ptp(table[:, 0] / table[:, 1]) < _EQUAL:  # each group says the same
        far = (most - least) * (1 - _TAIL ** (1 / len(table)))
        if math.isclose(ratio, most):
            return most - far, most
        if math.isclose(ratio, least, abs_tol=_EQUAL):
            return least, least + far
    low, high = interval_of(table, lambda sums: sums[..., 0] / sums[..., 1], seed)
    return max(least, low), min(most, high)


def difference_interval(
    first: Sequence[float] | np.ndarray[Any, Any],
    second: Sequence[float] | np.ndarray[Any, Any],
    groups: Sequence[Any] | np.ndarray[Any, Any],
    seed: int,
) -> tuple[float, float]:
    """Return the 95 % interval of mean(first) - mean(second), of values from 0 to 1 of the same questions.

    The groups are drawn for both at once (paired bootstrap), so what makes a group hard does not widen it. It has no
    width where no group tells the two apart.
    """
    names, places = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((len(names), 2))
    np.add.at(sums, places, np.stack([np.asarray(first, float) - np.asarray(second, float), np.ones(len(places))], 1))
    if len(names) >= _FEWEST and np.ptp(sums[:, 0] / sums[:, 1]) < _EQUAL:
        return float(sums[0, 0] / sums[0, 1]), float(sums[0, 0] / sums[0, 1])
    return interval([(float(told), float(count)) for told, count in sums], seed, least=-1.0, most=1.0)


def correlation_interval(
    one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], groups: Sequence[Any] | np.ndarray[Any, Any], seed: int
) -> tuple[float, float]:
    """Return the 95 % interval of Pearson's correlation, by bootstrap over groups; of ranks it is Spearman's.

    Ranks are not made anew for each draw: the difference is far below the width of the interval.
    """
    names, places = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < _FEWEST:
        return -1.0, 1.0
    left, right = ((each - each.mean()) / (each.std() or 1.0) for each in (one, other))
    columns = [np.ones(len(left)), left, right, left**2, right**2, left * right]
    sums = np.zeros((len(names), len(columns)))
    np.add.at(sums, places, np.stack(columns, axis=1))
    return interval_of(sums, _correlation_of_sums, seed)


def _correlation_of_sums(sums: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    count, left, right, squares, other_squares, products = np.moveaxis(sums, -1, 0)
    spread = (squares - left**2 / count) * (other_squares - right**2 / count)
    covariance = products - left * right / count
    return np.where(spread > _EQUAL, covariance / np.sqrt(np.maximum(spread, _EQUAL)), 0.0).clip(-1, 1)


def interval_of(
    table: np.ndarray[Any, Any], statistic: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]], seed: int
) -> tuple[float, float]:
    """Return the 95 % interval of a statistic of sums, by bootstrap over groups.

    `table` is groups x sums, of two groups at least; `statistic` gives n numbers for n x sums.
    """
    from scipy.special import ndtr, ndtri, stdtrit  # noqa: PLC0415 - slow to import

    count, total = len(table), table.sum(axis=0)
    middle = float(statistic(total[None])[0])
    rng = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // table.size)
    found = np.concatenate(
        [
            statistic(table[rng.integers(0, count, (min(block, RESAMPLES - start), count))].sum(axis=1))
            for start in range(0, RESAMPLES, block)
        ]
    )
    left_out = statistic(total - table)
    influence = left_out.mean() - left_out
    squares = float((influence**2).sum())
    if not found.std() or not squares:
        return middle, middle
    acceleration = float((influence**3).sum()) / (6 * squares**1.5)
    below = ((found < middle).mean() + (found <= middle).mean()) / 2
    bias = float(ndtri(min(max(below, 1 / RESAMPLES), 1 - 1 / RESAMPLES)))
    jackknife = math.sqrt((count - 1) / count * squares)
    wide = stdtrit(count - 1, 1 - _TAIL) * max(math.sqrt(count / (count - 1)), jackknife / float(found.std()))
    ends = [bias + (bias + side) / max(1 - acceleration * (bias + side), _EQUAL) for side in (-wide, wide)]
    low, high = np.quantile(found, ndtr(ends))
    return min(float(low), middle), max(float(high), middle)


def correlation(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Return Pearson's correlation; 0 where one of them does not vary."""
    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    spread = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread) if spread else 0.0
