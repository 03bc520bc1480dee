"""Clusters of photos that look alike, from their vectors: a pure function, the same for the same vectors.

The vectors are reduced first: to 64 principal components of length 1, and those by UMAP (McInnes et al. 2018) to 10
numbers, in which near neighbours lie close together. HDBSCAN (Campello et al. 2013) finds the dense parts of that and
leaves the rest as noise. UMAP draws the outliers to the nearest group, so what has no like neighbours is noise, too.
Parts whose photos are each other's neighbours are merged, and those that hold more than their share are divided
(`pieces.py`). How each choice does on photos whose classes are known: docs/clusters.md.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from photoidx.queries.clusters.count import best_means, joined, joins_of, means, merged, unit
from photoidx.queries.clusters.pieces import pieces

VERSION = 2
"""Raised when the same vectors and parameters give other clusters."""
METHODS = ("hdbscan", "kmeans", "dbscan")
REDUCTIONS = ("umap", "pca", "none")
NOISE, NEW = -1, -2
"""Labels of rows that belong to no cluster, and of rows that no clustering has seen yet."""
Array = np.ndarray[Any, Any]

_SEED = 0
_COMPONENTS = 64
_FITTED_ON = 20_000  # rows: the components of more are the same within noise
_NEIGHBOURS = 20
_VOTERS = 15
_UMAP_COLUMNS = 10
_LEAST_FOR_UMAP = 100  # fewer rows have too few neighbours, and importing UMAP would cost more than all the rest
_BLOCK = 4096
_ALIKE, _LEAST_COSINE = 3, 0.4
"""A photo whose third neighbour has a lower cosine, of the components, is like no others. It takes .1 % of 1,634 photos
of imagenette out of the clusters and 1.8 % of 600; .45 would take 4.8 % of those."""
# CPU seconds of hdbscan / fast_hdbscan: 64 columns, 2,000 rows .14 / .49, 10,000 rows 3.1 / .7, and before that
# fast_hdbscan compiles itself for 23 s in each process. 10 columns, 20,000 rows .3 / 2.0, 100,000 rows 8 / 53.
_FAST_FROM_ROWS, _FAST_FROM_COLUMNS = 30_000, 20
_MOST_MERGED = 64
"""Clusters. Merging raised the ARI of 11 of 12 albums of some 1,000 photos, by up to .2, and lowered one by .013."""
# DBSCAN's radius: so many of the rows have `min_size` neighbours in it. Found on imagenette (docs/clusters.md).
_RADIUS_REACHES = {"umap": 0.95, "pca": 0.65, "none": 0.5}


@dataclass(frozen=True)
class Parameters:
    """How to cluster.

    `min_size` is the fewest photos of a cluster to hdbscan, and of a dense place to dbscan. `k` is the number of
    clusters of kmeans; None takes the one with the highest modularity (`count.py`).
    """

    method: str = "hdbscan"
    min_size: int = 10
    k: int | None = None
    reduce: str = "umap"

    def __post_init__(self) -> None:
        """Raise ValueError for what there is not."""
        if self.method not in METHODS or self.reduce not in REDUCTIONS:
            raise ValueError(f"methods are {', '.join(METHODS)}; reductions are {', '.join(REDUCTIONS)}")
        if self.min_size < 2 or (self.k is not None and self.k < 1):  # noqa: PLR2004 - one photo is no cluster
            raise ValueError("min_size must be 2 or more, and k 1 or more")


@dataclass(frozen=True)
class Reduced:
    """Rows with fewer columns (n x d, float32), how they were reduced, and what they were reduced from.

    `components` (n x c) are the principal ones, or the points themselves. For UMAP `neighbours` and `cosines` (n x 20)
    are each row's nearest among the components, itself the first.
    """

    points: Array
    how: str
    vectors: Array
    components: Array
    neighbours: Array | None = None
    cosines: Array | None = None

    def outliers(self, min_size: int) -> Array:
        """Return which rows are like no others."""
        if self.cosines is None:
            return np.zeros(len(self.points), np.bool_)
        return np.asarray(self.cosines[:, min(_ALIKE, min_size - 1)] < _LEAST_COSINE, np.bool_)


def cluster(vectors: Array, parameters: Parameters) -> tuple[Array, Array]:
    """Return each row (n x d) the number of its cluster, NOISE if none, and how surely it belongs there, 0 to 1."""
    if not len(vectors) or (len(vectors) < parameters.min_size and parameters.method != "kmeans"):
        return np.full(len(vectors), NOISE), np.zeros(len(vectors), np.float32)
    return grouped(reduced(vectors, parameters.reduce), parameters)


def grouped(rows: Reduced, parameters: Parameters) -> tuple[Array, Array]:
    """Do as `cluster` does with rows that `reduced` gave."""
    if parameters.method == "kmeans":
        return _kmeans(rows, parameters.k)
    if parameters.method == "dbscan":
        labels, confidence = _dbscan(rows.points, parameters.min_size, _RADIUS_REACHES[rows.how])
    else:
        labels, confidence = hdbscan_of(rows.points, parameters.min_size)
    outliers = rows.outliers(parameters.min_size)
    labels[outliers], confidence[outliers] = NOISE, 0
    labels, confidence = put_together(rows, labels, confidence)
    return pieces(rows.vectors, labels, confidence, parameters.min_size)


def put_together(rows: Reduced, labels: Array, confidence: Array) -> tuple[Array, Array]:
    """Merge clusters whose photos are each other's neighbours, then let noise join that lies among a cluster's photos.

    A row of noise joins where half or more of its neighbours are, as new rows do (`join`), and only neighbours that are
    like it count. Clusters are
    merged only where they are few: modularity does not tell apart groups that are small beside the whole (Fortunato
    and Barthelemy, "Resolution limit in community detection", 2007).
    """
    if rows.neighbours is None or rows.cosines is None or (labels == NOISE).all():
        return labels, confidence
    labels, confidence = labels.copy(), confidence.copy()
    inside = np.flatnonzero(labels != NOISE)
    labels[inside] = np.unique(labels[inside], return_inverse=True)[1]
    if labels.max() < _MOST_MERGED:
        labels[inside] = merged(labels[inside], joins_of(rows.neighbours, rows.cosines).among(inside))
    for row in np.flatnonzero((labels == NOISE) & ~rows.outliers(_ALIKE)):
        around = np.where(rows.cosines[row][1:] < _LEAST_COSINE, NOISE, labels[rows.neighbours[row][1:]])
        votes = np.bincount(around[around != NOISE], minlength=1)
        if 2 * votes.max() >= len(around):
            labels[row], confidence[row] = votes.argmax(), votes.max() / len(around)
    return labels, confidence


def reduced(vectors: Array, how: str) -> Reduced:
    """Reduce rows (n x d) to fewer columns. Few rows get no UMAP."""
    if how == "none":
        points = unit(vectors.astype(np.float32))
        return Reduced(points, "none", vectors, points)
    points = _principal(vectors)
    few = len(points) < _LEAST_FOR_UMAP or points.shape[1] == 1
    if how == "pca" or few:
        return Reduced(points, "pca", vectors, points)
    found, neighbours, cosines = _umap(points)
    return Reduced(found, "umap", vectors, points, neighbours, cosines)


def _principal(vectors: Array) -> Array:
    """Find the first principal components, each row of length 1. Not whitened: that makes noise as loud as meaning."""
    from sklearn.decomposition import PCA  # noqa: PLC0415 - slow to import

    fitted_on = vectors
    if len(vectors) > _FITTED_ON:
        drawn = np.random.default_rng(_SEED).choice(len(vectors), _FITTED_ON, replace=False)
        fitted_on = vectors[np.sort(drawn)]
    if not np.ptp(fitted_on, axis=0).any():  # all the same
        return np.zeros((len(vectors), 1), np.float32)
    columns = min(_COMPONENTS, *fitted_on.shape)
    model = PCA(columns, svd_solver="covariance_eigh").fit(fitted_on.astype(np.float32))
    found = np.empty((len(vectors), columns), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        here = slice(start, start + _BLOCK)
        found[here] = model.transform(vectors[here].astype(np.float32))
    return unit(found)


def _umap(points: Array) -> tuple[Array, Array, Array]:
    """Reduce rows (n x c, length 1) by UMAP; also the rows and cosines of each row's nearest, itself the first."""
    import faiss  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on unseen rows, threads and TensorFlow: none of them is used
        import umap  # noqa: PLC0415 - compiles itself

        # Exact neighbours: UMAP's own search is approximate and compiles for some seconds.
        index = faiss.IndexFlatIP(points.shape[1])
        index.add(points)
        cosines, places = index.search(points, _NEIGHBOURS)
        distances = np.sqrt(np.maximum(2 - 2 * cosines, 0)).astype(np.float32)
        # Starting from the principal components is as good as from the spectrum and five times as quick (30,000 rows).
        model = umap.UMAP(
            n_neighbors=_NEIGHBOURS,
            n_components=min(_UMAP_COLUMNS, points.shape[1]),
            min_dist=0.0,
            init="pca",
            precomputed_knn=(places, distances),
            random_state=_SEED,
            n_jobs=1,
        )
        return np.asarray(model.fit_transform(points), np.float32), places, cosines


def hdbscan_of(points: Array, min_size: int, *, fast: bool | None = None) -> tuple[Array, Array]:
    """Cluster by HDBSCAN, by the implementation that suits the size, or by `fast_hdbscan` or not as `fast` says."""
    if fast is None:
        fast = len(points) >= _FAST_FROM_ROWS and points.shape[1] >= _FAST_FROM_COLUMNS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hdbscan has escapes in its docstrings
        if fast:
            import fast_hdbscan  # noqa: PLC0415 - compiles itself

            model = fast_hdbscan.HDBSCAN(min_cluster_size=min_size)
        else:
            import hdbscan  # noqa: PLC0415

            model = hdbscan.HDBSCAN(min_cluster_size=min_size, core_dist_n_jobs=1)
        model.fit(points)
    return np.array(model.labels_, np.int64), np.array(model.probabilities_, np.float32)


def _kmeans(rows: Reduced, k: int | None) -> tuple[Array, Array]:
    """Cluster by k means. A row belongs the less surely, the nearer the next centre is."""
    count = min(k or _best_k(rows), len(np.unique(rows.points, axis=0)))
    labels, centres = means(rows.points, count)
    if count == 1:
        return labels, np.ones(len(labels), np.float32)
    squares = (rows.points**2).sum(axis=1, keepdims=True) - 2 * rows.points @ centres.T + (centres**2).sum(axis=1)
    distances = np.sort(np.sqrt(np.maximum(squares, 0)), axis=1)
    confidence = 1 - distances[:, 0] / np.maximum(distances[:, 1], 1e-12)
    return labels, confidence.astype(np.float32)


def _best_k(rows: Reduced) -> int:
    """Return the number of clusters with the highest modularity, of 20,000 rows at most."""
    drawn = np.arange(len(rows.points))
    if len(drawn) > _FITTED_ON:
        drawn = np.sort(np.random.default_rng(_SEED).choice(len(drawn), _FITTED_ON, replace=False))
    return len(best_means(rows.points[drawn], joined(unit(rows.components[drawn]))).centres)


def _dbscan(points: Array, min_size: int, reaches: float) -> tuple[Array, Array]:
    """Cluster by DBSCAN. A row at the border of a dense place belongs half as surely as one within."""
    from sklearn.cluster import DBSCAN  # noqa: PLC0415
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415

    farthest = NearestNeighbors(n_neighbors=min_size).fit(points).kneighbors(points)[0][:, -1]
    radius = max(float(np.quantile(farthest, reaches)), 1e-6)
    model = DBSCAN(eps=radius, min_samples=min_size).fit(points)
    confidence = np.where(model.labels_ == NOISE, 0.0, 0.5)
    confidence[model.core_sample_indices_] = 1
    return np.array(model.labels_, np.int64), confidence.astype(np.float32)


def join(vectors: Array, labels: Array) -> tuple[Array, Array]:
    """Let new rows join the clusters that there are, without clustering again.

    `labels` are the rows' clusters, NOISE, or NEW. A new row goes where most of its 15 nearest rows (by cosine) are, if
    half of them are there, and is noise otherwise; other new rows are no help to it. Gives for the new rows, in their
    order, the labels and the shares of neighbours.
    """
    new = np.flatnonzero(labels == NEW)
    wanted = vectors[new].astype(np.float32)
    count = min(_VOTERS, len(vectors) - 1)
    best = np.full((len(new), 0), 0, np.float32)
    where = np.empty((len(new), 0), np.int64)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK].astype(np.float32)
        here = np.arange(start, start + len(block))
        cosines = wanted @ block.T
        cosines[new[:, None] == here[None, :]] = -np.inf
        best = np.hstack([best, cosines])
        where = np.hstack([where, np.broadcast_to(here, cosines.shape)])
        order = np.argsort(-best, axis=1, kind="stable")[:, :count]
        best, where = np.take_along_axis(best, order, 1), np.take_along_axis(where, order, 1)
    found = np.full(len(new), NOISE, np.int64)
    confidence = np.zeros(len(new), np.float32)
    for row, neighbours in enumerate(labels[where]):
        names, votes = np.unique(neighbours[neighbours >= 0], return_counts=True)
        if len(votes) and 2 * votes.max() >= count:
            found[row], confidence[row] = names[votes.argmax()], votes.max() / count
    return found, confidence
