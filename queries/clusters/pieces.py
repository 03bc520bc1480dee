"""Look again at clusters that hold more than their share, until what remains is one thing. Pure functions.

What sets the photos of one album apart is little beside what sets albums apart: of 10 kinds of clothing the reduction
of a whole library may make one cloud. So the cluster's own vectors are taken, what all of them share is taken off, and
k means looks for groups among their own principal components.

**More than its share** holds a cluster of 100 rows and a fiftieth of all, if it is three times as large as the median
of the others. It is **one thing** unless the grouping has a modularity (`count.py`) that is .08 above the one
that the same finds in random vectors of the same covariance: a gap statistic (Tibshirani, Walther and Hastie 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photoidx.queries.clusters.count import best_means, joined, unit

Array = np.ndarray[Any, Any]

LEAST_ROWS, LEAST_SHARE = 100, 0.02
"""A cluster with no more of all rows is not looked at again, so there are at most 50, whatever the library's size."""
TIMES_THE_OTHERS = 3
LEAST_GAIN = 0.08
_JUDGED_ROWS = 2000
_COMPONENTS = 32
_SEED = 0
_NEAREST = 20
_BLOCK = 4096


def pieces(vectors: Array, labels: Array, confidence: Array, min_size: int) -> tuple[Array, Array]:
    """Divide the clusters that hold more than their share (see the module); the labels and probabilities, anew.

    `vectors` is n x d, `labels` n with -1 for noise, `confidence` n. A new cluster has `min_size` rows or more, and
    one of the pieces keeps the number. In a piece a row is no surer than the share of its 20 nearest that lie there.
    """
    labels, confidence = labels.copy(), confidence.copy()
    one_thing: set[int] = set()
    while (number := _largest(labels, one_thing)) is not None:
        rows = np.flatnonzero(labels == number)
        found = divided(vectors[rows], min_size)
        if found is None:
            one_thing.add(number)
            continue
        numbers, near = found
        labels[rows] = np.where(numbers == 0, number, numbers + labels.max())
        confidence[rows] = np.minimum(confidence[rows], near)
    return labels, confidence


def _largest(labels: Array, known: set[int]) -> int | None:
    """Return the largest cluster that holds more than its share and is not `known`, None if there is none."""
    sizes = np.bincount(labels[labels >= 0])
    for number in np.argsort(-sizes, kind="stable").tolist():
        others = np.delete(sizes, number)
        usual = float(np.median(others[others > 0])) if others.any() else 0.0
        if sizes[number] <= max(LEAST_ROWS, LEAST_SHARE * len(labels), TIMES_THE_OTHERS * usual):
            return None
        if number not in known:
            return int(number)
    return None


def divided(vectors: Array, min_size: int) -> tuple[Array, Array] | None:
    """Divide rows (n x d) into pieces (n, from 0), with the share of each row's nearest in its piece.

    None if they are one thing. At most 2,000 rows, drawn with a fixed seed, say how many pieces there are; the others
    go to the nearest centre.
    """
    judged = np.arange(len(vectors))
    if len(vectors) > _JUDGED_ROWS:
        judged = np.sort(np.random.default_rng(_SEED).choice(len(vectors), _JUDGED_ROWS, replace=False))
    own = _own(vectors[judged])
    if own is None:
        return None
    seen = own.of(vectors[judged])
    found = best_means(seen, joined(seen))
    if found.modularity < own.by_chance(len(seen)) + LEAST_GAIN:
        return None
    rows = own.of(vectors)
    numbers = _settled(rows, found.centres, min_size)
    return (numbers, _share_near(rows, seen, numbers, numbers[judged])) if numbers.any() else None


@dataclass(frozen=True)
class _Own:
    """The principal components of a cluster's own vectors: their mean (d), directions (c x d) and variances (c)."""

    mean: Array
    directions: Array
    variances: Array

    def of(self, vectors: Array) -> Array:
        """Return the components of vectors (n x d), each row of length 1."""
        found = np.empty((len(vectors), len(self.directions)), np.float32)
        for start in range(0, len(vectors), _BLOCK):
            here = slice(start, start + _BLOCK)
            found[here] = (unit(vectors[here].astype(np.float32)) - self.mean) @ self.directions.T
        return unit(found)

    def by_chance(self, count: int) -> float:
        """Return the modularity that k means finds in so many normal vectors with these variances."""
        drawn = np.random.default_rng(_SEED).standard_normal((count, len(self.variances))) * np.sqrt(self.variances)
        rows = unit(drawn.astype(np.float32))
        return best_means(rows, joined(rows)).modularity


def _own(vectors: Array) -> _Own | None:
    """Return the components; None where all vectors are the same."""
    from sklearn.decomposition import PCA  # noqa: PLC0415 - slow to import

    rows = unit(vectors.astype(np.float32))
    if not np.ptp(rows, axis=0).any():
        return None
    model = PCA(min(_COMPONENTS, *rows.shape), svd_solver="randomized", random_state=_SEED).fit(rows)
    return _Own(model.mean_, model.components_, model.explained_variance_)


def _settled(rows: Array, centres: Array, min_size: int) -> Array:
    """Return the nearest centre of each row. Centres of fewer than `min_size` rows are left out, smallest first."""
    while True:
        nearest = (rows @ centres.T - (centres**2).sum(axis=1) / 2).argmax(axis=1)
        sizes = np.bincount(nearest, minlength=len(centres))
        if len(centres) == 1 or sizes.min() >= min_size:
            return np.asarray(nearest, np.int64)
        centres = np.delete(centres, int(sizes.argmin()), axis=0)


def _share_near(rows: Array, seen: Array, numbers: Array, seen_numbers: Array) -> Array:
    """Return for each row the share of its 20 nearest rows of `seen`, itself among them, that have its number."""
    import faiss  # noqa: PLC0415

    index = faiss.IndexFlatIP(seen.shape[1])
    index.add(seen)
    _, places = index.search(rows, min(_NEAREST, len(seen)))
    return np.asarray((seen_numbers[places] == numbers[:, None]).mean(axis=1).clip(1 / _NEAREST), np.float32)
