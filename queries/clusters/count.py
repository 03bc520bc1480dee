"""How many clusters there are: what k means can say of it, held against each photo's neighbours. Pure functions.

**Modularity** (Newman and Girvan, "Finding and evaluating community structure in networks", 2004) judges a grouping by
a graph that knows nothing of it: each photo is joined with its 20 nearest by their cosine, and what counts is the share
of the joins that stay within the groups, less the share that would by chance. Too few groups keep more by chance, too
many cut more joins, so it has a peak. The silhouette has its own at 2 wherever all photos are alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_SEED = 0
_STARTS = 3
_NEIGHBOURS = 20
_ROWS_FOR_A_NEIGHBOUR = 4  # of few rows, fewer neighbours: all of them say nothing
_KS = (2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 29, 35, 42, 50, 64, 80, 100, 128)
_FEWEST_ROWS = 6  # for each cluster


def unit(rows: Array) -> Array:
    """Bring rows to length 1; zero stays zero."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


@dataclass(frozen=True)
class Joins:
    """A graph of neighbours: the rows at both ends of each join, once in each direction, and its weight."""

    ends: tuple[Array, Array]
    weights: Array

    def modularity(self, labels: Array) -> float:
        """Return the modularity of a grouping, -0.5 to 1; 0 where there is no join."""
        total = float(self.weights.sum())
        if not total:
            return 0.0
        shares = np.bincount(labels[self.ends[0]], self.weights) / total
        one, other = (labels[each] for each in self.ends)
        return float(self.weights[one == other].sum()) / total - float((shares**2).sum())

    def among(self, rows: Array) -> Joins:
        """Return the joins of some rows with each other; these rows are then numbered from 0, in their order."""
        place = np.full(int(max(rows.max(initial=0), *(each.max(initial=0) for each in self.ends))) + 1, -1)
        place[rows] = np.arange(len(rows))
        one, other = (place[each] for each in self.ends)
        both = (one >= 0) & (other >= 0)
        return Joins((one[both], other[both]), self.weights[both])


def joined(rows: Array) -> Joins:
    """Return the graph of neighbours of rows (n x d, float32, length 1)."""
    import faiss  # noqa: PLC0415

    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    cosines, places = index.search(rows, min(_NEIGHBOURS, len(rows) // _ROWS_FOR_A_NEIGHBOUR) + 1)
    return joins_of(places, cosines)


def joins_of(places: Array, cosines: Array) -> Joins:
    """Return the graph of neighbours that were found: rows and cosines, n x m, a row itself among its own or not."""
    here, there = np.repeat(np.arange(len(places)), places.shape[1]), places.ravel()
    # A join counts once, whichever of the two is the other's neighbour.
    pairs = np.minimum(here, there) * len(places) + np.maximum(here, there)
    _, first = np.unique(pairs, return_index=True)
    first = first[here[first] != there[first]]
    low, high, weights = here[first], there[first], np.maximum(cosines.ravel()[first], 0)
    return Joins((np.concatenate([low, high]), np.concatenate([high, low])), np.concatenate([weights, weights]))


def merged(labels: Array, graph: Joins) -> Array:
    """Merge groups (n, from 0 without gaps) two by two, as long as that makes the modularity higher.

    The pair that gains most comes first (Clauset, Newman and Moore, "Finding community structure in very large
    networks", 2004). The groups that remain are numbered anew, without gaps.
    """
    count = int(labels.max(initial=-1)) + 1
    one, other = (labels[each] for each in graph.ends)
    between: Array = np.bincount(one * count + other, graph.weights, count * count).reshape(count, count)
    between = between / max(between.sum(), 1e-12)
    became = np.arange(count)
    while count:
        shares = between.sum(axis=1)
        gains = between - np.outer(shares, shares)
        np.fill_diagonal(gains, 0)
        first, second = np.unravel_index(gains.argmax(), gains.shape)
        if gains[first, second] <= 0:
            break
        between[first] += between[second]
        between[:, first] += between[:, second]
        between[second] = between[:, second] = 0
        became[became == second] = first
    return np.asarray(np.unique(became, return_inverse=True)[1][labels], np.int64)


@dataclass(frozen=True)
class Grouping:
    """K means at its best number: the modularity, the rows' clusters (n), and the centres (k x d)."""

    modularity: float
    labels: Array
    centres: Array


def best_means(rows: Array, graph: Joins) -> Grouping:
    """Group rows (n x d) by k means, with that k of `_KS` whose modularity in `graph` is the highest.

    Where none does better than chance, all are one group.
    """
    limit = min(len(np.unique(rows, axis=0)), len(rows) // _FEWEST_ROWS)
    found = Grouping(0.0, np.zeros(len(rows), np.int64), rows.mean(axis=0, keepdims=True))
    for k in (each for each in _KS if each <= limit):
        labels, centres = means(rows, k)
        score = graph.modularity(labels)
        if score > found.modularity:
            found = Grouping(score, labels, centres)
    return found


def means(rows: Array, k: int) -> tuple[Array, Array]:
    """Group rows (n x d) by k means: the clusters of the rows, and the centres."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import

    model = KMeans(k, n_init=_STARTS, random_state=_SEED).fit(rows)
    return np.asarray(model.labels_, np.int64), np.asarray(model.cluster_centers_, np.float32)
