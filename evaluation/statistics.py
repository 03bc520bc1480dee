"""What figures of benchmarks are made of: BCubed, correlation, and intervals by bootstrap. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

RESAMPLES = 2000


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


def interval(counts: Sequence[tuple[float, int]], seed: int) -> tuple[float, float]:
    """Return the 95 % interval of sum(correct) / sum(comparisons), by percentile bootstrap over pictures.

    `counts` holds for each picture its correct comparisons and all of its comparisons.
    """
    table = np.asarray(counts, dtype=np.float64)
    chosen = np.random.default_rng(seed).integers(0, len(table), (RESAMPLES, len(table)))
    sums = table[chosen].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], (2.5, 97.5))
    return float(low), float(high)


def correlation(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Return Pearson's correlation; 0 where one of them does not vary."""
    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    spread = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread) if spread else 0.0
