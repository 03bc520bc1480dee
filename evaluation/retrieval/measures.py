"""How well right answers stand in front: pure functions of ranks, of a matrix of similarities, and of groups.

`ranks` are the places, from 1, at which the right answers to one question stand among all other photos, ascending.
mAP is the mean over questions of the average precision (Manning, Raghavan and Schuetze 2008, section 8.4).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from photoidx.evaluation.statistics import bcubed

Array = np.ndarray[Any, Any]

DEPTH = 10
"""How many of the first answers mAP@10 looks at."""
CURVE = 20
"""Up to which place recall is told."""
NS_GROUP = 4
_BINS = 60
_ROUNDING = 1e-12


def average_precision(ranks: Array) -> float:
    """Return the mean, over the right answers, of the precision at the place of each. 0 where there is none."""
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks)) if len(ranks) else 0.0


def average_precision_at(ranks: Array, depth: int) -> float:
    """Return the average precision of the first answers: those behind count as not found.

    It is divided by the number of right answers, or by the depth where that is smaller, so that 1 can be reached.
    """
    seen = ranks[ranks <= depth]
    return float(np.sum(np.arange(1, len(seen) + 1) / seen) / min(len(ranks), depth)) if len(ranks) else 0.0


def trapezoid_precision(ranks: Array) -> float:
    """Return the area below precision over recall by trapezoids, as the evaluation program of INRIA Holidays does."""
    if not len(ranks):
        return 0.0
    found = np.arange(len(ranks))
    before = np.where(ranks > 1, found / np.maximum(ranks - 1, 1), 1.0)
    return float(np.mean((before + (found + 1) / ranks) / 2))


def recall_at(ranks: Array, depth: int) -> float:
    """Return the share of the right answers that stand among the first ones. 0 where there is none."""
    return float(np.mean(ranks <= depth)) if len(ranks) else 0.0


def pairwise_f1(predicted: Sequence[Any], truth: Sequence[Any]) -> float:
    """Return F1 over pairs of photos in one group: 1 where there is no pair to find and none is called."""
    together = _pairs(Counter(zip(predicted, truth, strict=True)))
    called, true = _pairs(Counter(predicted)), _pairs(Counter(truth))
    return 2 * together / (called + true) if called + true else 1.0


def _pairs(sizes: Counter[Any]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


def grouped_by_likeness(similarity: Array, groups: int) -> Array:
    """Return the group of each photo where so many are wanted: average linkage over 1 minus the similarity (n x n)."""
    from scipy.cluster.hierarchy import cut_tree, linkage  # noqa: PLC0415 - slow to import
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    far = float(similarity.max()) - (similarity + similarity.T) / 2
    np.fill_diagonal(far, 0.0)
    labels: Array = cut_tree(linkage(squareform(far, checks=False), "average"), n_clusters=groups)[:, 0]
    return labels


def grouping_measures(labels: Array, truth: Array) -> dict[str, float]:
    """Return how far groups agree with those that are true: pairwise F1, BCubed F1 and the adjusted Rand index."""
    from sklearn.metrics import adjusted_rand_score  # noqa: PLC0415 - slow to import

    predicted, known = ({str(at): str(of) for at, of in enumerate(each)} for each in (labels, truth))
    return {
        "pair_f1": pairwise_f1(labels.tolist(), truth.tolist()),
        "bcubed_f1": bcubed(predicted, known)[2],
        "ari": float(adjusted_rand_score(truth, labels)),
    }


@dataclass(frozen=True)
class Separation:
    """How similarities within groups differ from those between them: shares in bins of equal width, and Fisher's J.

    J = (mean within - mean between)^2 / (variance within + variance between), of similarities of pairs (Fisher 1936).
    """

    edges: Array
    within: Array
    between: Array
    criterion: float


@dataclass(frozen=True)
class Judged:
    """What a matrix of similarities is worth; the arrays have a row for each question, in the order of `asked`."""

    asked: Array
    precision: Array
    precision_at_10: Array
    trapezoid: Array
    recall: Array
    """Questions x CURVE: recall among the first 1, 2, ... answers."""
    hit: Array
    """Whether the nearest photo is a right one."""
    first_right: Array
    """The place of the first right answer."""
    nearest: Array
    """Questions x DEPTH: the photos that stand first; -1 where there are no more."""
    ns_with_self: Array
    ns_without: Array
    separation: Separation


def judge(similarity: Array, groups: Array, queries: Array, seed: int = 0) -> Judged:
    """Rank all other photos by their similarity (n x n, the row asks) for each query that has a right answer.

    `groups` has a number for each photo, `queries` whether it is asked. Equal similarities are put in an order that is
    drawn, so that no order of the files can favour a method that can't tell photos apart.
    """
    count = len(groups)
    sizes = np.bincount(groups)
    asked = np.flatnonzero(queries & (sizes[groups] > 1))
    drawn = np.random.default_rng(seed).permutation(count)
    ranks, nearest, with_self = [], np.full((len(asked), DEPTH), -1), []
    for row, query in enumerate(asked):
        order = np.lexsort((drawn, -similarity[query]))
        with_self.append(int((groups[order[:NS_GROUP]] == groups[query]).sum()))
        others = order[order != query]
        nearest[row, : min(DEPTH, count - 1)] = others[:DEPTH]
        ranks.append(np.flatnonzero(groups[others] == groups[query]) + 1)
    return Judged(
        asked=asked,
        precision=np.array([average_precision(each) for each in ranks]),
        precision_at_10=np.array([average_precision_at(each, DEPTH) for each in ranks]),
        trapezoid=np.array([trapezoid_precision(each) for each in ranks]),
        recall=np.array([[recall_at(each, depth) for depth in range(1, CURVE + 1)] for each in ranks]),
        hit=np.array([each[0] == 1 for each in ranks]),
        first_right=np.array([each[0] for each in ranks]),
        nearest=nearest,
        ns_with_self=np.array(with_self),
        ns_without=np.array([int((each < NS_GROUP).sum()) for each in ranks]),
        separation=separation(similarity, groups),
    )


def separation(similarity: Array, groups: Array) -> Separation:
    """Compare the similarities of pairs within a group with those of two groups. Memory grows with the rows."""
    rows = [similarity[at, at + 1 :] for at in range(len(groups) - 1)]
    low, high = (float(edge(list(map(edge, rows)))) for edge in (np.min, np.max))
    edges = np.linspace(low, max(high, low + 1e-9), _BINS + 1)
    within, between = _Sample(edges), _Sample(edges)
    for at, row in enumerate(rows):
        same = groups[at + 1 :] == groups[at]
        within.take(row[same])
        between.take(row[~same])
    return Separation(edges, within.shares, between.shares, _criterion(within, between))


class _Sample:
    """Numbers that come in parts: how many fall into each bin, their mean and variance."""

    def __init__(self, edges: Array) -> None:
        self._edges = edges
        self._counts = np.zeros(len(edges) - 1)
        self.count, self._sum, self._squares = 0, 0.0, 0.0

    def take(self, values: Array) -> None:
        """Add some."""
        beyond = values.astype(np.float64) - self._edges[0]
        self._counts += np.histogram(values, self._edges)[0]
        self.count += len(values)
        self._sum += float(beyond.sum())
        self._squares += float((beyond**2).sum())

    @property
    def shares(self) -> Array:
        """The share of each bin."""
        return self._counts / max(self.count, 1)

    @property
    def mean(self) -> float:
        """The mean, above the lowest edge."""
        return self._sum / max(self.count, 1)

    @property
    def variance(self) -> float:
        """The variance; what rounding leaves of none is none."""
        square = self._squares / max(self.count, 1)
        found = square - self.mean**2
        return found if found > _ROUNDING * square else 0.0


def _criterion(one: _Sample, other: _Sample) -> float:
    """Return Fisher's criterion; 0 where one is empty or the means are equal, infinite where nothing varies besides."""
    apart = (one.mean - other.mean) ** 2
    if not one.count or not other.count or not apart:
        return 0.0
    spread = one.variance + other.variance
    return apart / spread if spread else math.inf


def fisher_ratios(vectors: Array, groups: Array) -> Array:
    """Return for each feature (column) the variance of the groups' means over the mean variance within groups.

    Both are weighted by the groups' sizes (Duda and Hart 1973, section 4.11, for one feature). 0 where nothing varies
    within; what varies between groups alone is infinite.
    """
    values = vectors.astype(np.float64)
    sizes = np.bincount(groups).astype(np.float64)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, groups, values)
    means = sums / np.maximum(sizes, 1)[:, None]
    between = (sizes[:, None] * (means - values.mean(axis=0)) ** 2).sum(axis=0) / len(values)
    within = ((values - means[groups]) ** 2).sum(axis=0) / len(values)
    tiny = 1e-12 * np.maximum(values.var(axis=0), 1e-300)
    ratios: Array = np.where(within > tiny, between / np.maximum(within, 1e-300), np.where(between > tiny, np.inf, 0.0))
    return ratios
