"""The map: photos that look alike lie near each other on a plane."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

FEW = 30
"""Below so many photos UMAP has no neighbourhoods to keep: the two main directions of the vectors are the map."""
SAMPLE = 20_000
"""Of more photos than this a sample is laid out, and the others are put between those of it."""
# Measured on the 2,118 embedded photos of the sample folder, by the share of the 10 nearest on the map that are of the
# same class, over the 1,619 photos of known class. Vectors .937; UMAP of the vectors .939, of 50 main directions .943,
# begun from the main directions, not UMAP's own way, .942, in 200 rounds instead of 500 .940; the two main directions
# alone .632. A map is to be looked at: with a least distance of .1 it fills .15 of 30 x 30 cells, with .5 .26 (same
# class .934), mixed with the standings by .7 .45 (.935); with .8 .57 (.915). As it stands here: .930, and with half of
# the photos put between the three nearest of the other half .90 to .92 (by UMAP's own transform .929, at five times the
# cost). CPU seconds, neighbours found by faiss: 8 for 2,000 photos, 7 of them for compiling UMAP, which each process
# does once; then 7 for 10,000, 12 for 20,000, 20 for 100,000. With UMAP's own search for neighbours 43 for 11,500.
_DIMENSIONS = 50
_NEIGHBOURS, _MIN_DISTANCE, _ROUNDS = 15, 0.5, 200
_EVENED = 0.7
_PLACED_BY = 3
_BLOCK = 1024


def layout(vectors: Array, seed: int = 0, sample: int = SAMPLE) -> Array:
    """Lay vectors (n x d) out on a plane: n x 2 places, float64, from 0 to 1 on each side, the same each time.

    UMAP (McInnes, Healy, Melville 2018) of the 50 main directions. Of more than `sample` vectors a sample is laid out,
    and each other one is put between the three of the sample that it is most like.
    """
    everyone = np.arange(len(vectors))
    chosen = everyone
    if len(vectors) > sample:
        chosen = np.sort(np.random.default_rng(seed).choice(len(vectors), sample, replace=False))
    reduced = _main(vectors, chosen, 2 if len(vectors) < FEW else _DIMENSIONS)
    if len(vectors) < FEW or not np.ptp(reduced, axis=0).any():  # equal vectors make UMAP divide by zero
        return _fitted(reduced[:, :2])
    places = np.empty((len(reduced), 2))
    places[chosen] = _umap(reduced[chosen], seed)
    rest = np.setdiff1d(everyone, chosen)
    places[rest] = _between(reduced[rest], reduced[chosen], places[chosen])
    return _EVENED * _evened(places) + (1 - _EVENED) * _fitted(places)


def _main(vectors: Array, chosen: Array, dimensions: int) -> Array:
    """Return the coordinates on the main directions of the chosen vectors, zeros where there are fewer directions."""
    from sklearn.decomposition import PCA  # noqa: PLC0415

    result = np.zeros((len(vectors), dimensions), np.float32)
    known = np.asarray(vectors[chosen], np.float32)
    if len(known) > 1 and np.ptp(known, axis=0).any():
        kept = min(dimensions, *known.shape)
        main = PCA(kept, svd_solver="randomized", random_state=0).fit(known)
        for start in range(0, len(vectors), _BLOCK):  # a large library's vectors are not copied whole
            block = np.asarray(vectors[start : start + _BLOCK], np.float32)
            result[start : start + _BLOCK, :kept] = main.transform(block)
    return result


def _umap(vectors: Array, seed: int) -> Array:
    import faiss  # noqa: PLC0415
    import umap  # noqa: PLC0415

    # Exact neighbours: UMAP's own search would take longer to compile than this takes to run.
    squares, nearest = faiss.knn(vectors, vectors, _NEIGHBOURS)
    known = (nearest, np.sqrt(squares))
    with warnings.catch_warnings():  # that nothing can be added later, which nobody wants
        warnings.simplefilter("ignore", UserWarning)
        reducer = umap.UMAP(
            n_neighbors=_NEIGHBOURS,
            min_dist=_MIN_DISTANCE,
            n_epochs=_ROUNDS,
            init="pca",
            precomputed_knn=known,
            random_state=seed,
            n_jobs=1,
        )
        return np.asarray(reducer.fit_transform(vectors), np.float64)


def _between(vectors: Array, known: Array, places: Array) -> Array:
    """Put each vector at the mean place of those it is nearest to, the nearer ones counting more."""
    import faiss  # noqa: PLC0415

    if not len(vectors):
        return np.empty((0, 2))
    squares, nearest = faiss.knn(vectors, known, _PLACED_BY)
    weights = 1 / (np.maximum(squares, 0) + 1e-6)
    return np.asarray(np.einsum("ij,ijk->ik", weights, places[nearest]) / weights.sum(1)[:, None])


def _fitted(places: Array) -> Array:
    """Move and scale the places into the unit square, each side on its own."""
    if not len(places):
        return np.zeros((0, 2))
    moved = np.asarray(places, np.float64) - places.min(axis=0)
    widest = moved.max(axis=0)
    return np.asarray(moved / np.where(widest > 0, widest, 1.0))


def _evened(places: Array) -> Array:
    """Return each place's standing on each side, from 0 to 1: the empty space between islands goes."""
    order = np.argsort(np.argsort(places, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray(order / max(1, len(places) - 1))
