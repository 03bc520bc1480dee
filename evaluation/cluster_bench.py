"""How well clusters agree with classes that are known: each method on each reduction.

**ARI** is the adjusted Rand index (Hubert and Arabie 1985): 1 for the same groups, 0 on average for groups at random.
Each photo of noise counts as a cluster of its own, which costs what it should: a method can't gain by leaving out what
is hard. `ari_one` counts all noise as one cluster, `ari_in` leaves it out; both are for comparing with others' figures.
BCubed is that of `statistics`, with noise as clusters of one.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from photoidx.errors import PhotoidxError
from photoidx.evaluation.datasets.tables import classes_of_folders, classes_of_table
from photoidx.evaluation.statistics import bcubed
from photoidx.queries.bursts.frames import read_frames
from photoidx.queries.clusters.clustering import METHODS, NOISE, REDUCTIONS, Array, Parameters, grouped, reduced
from photoidx.storage.store import Store

_FEWEST_CLASSES = 2

Row = dict[str, Any]


def read_classes(store: Store, folder: Path, table: Path | None) -> tuple[Array, list[str]]:
    """Return the vectors (n x d) of a library's photos below a folder whose class is known, and those classes.

    Raises PhotoidxError if fewer than two classes are found.
    """
    frames = read_frames(store)
    top = os.path.join(os.path.abspath(folder), "")
    here = [path for at, path in enumerate(frames.paths) if frames.embedded[at] and path.startswith(top)]
    classes = classes_of_table(table, here) if table else classes_of_folders(folder, here)
    if len(set(classes.values())) < _FEWEST_CLASSES:
        raise PhotoidxError(
            f"{folder} needs a folder for each class, two or more, or --labels CSV with path and class."
        )
    rows = [at for at, path in enumerate(frames.paths) if path in classes]
    return frames.vectors[rows], [classes[frames.paths[at]] for at in rows]


def bench(vectors: Array, classes: Sequence[str], min_size: int, methods: Sequence[str] = METHODS) -> Iterator[Row]:
    """Cluster by each method on each reduction, and give a row of measures for each.

    kmeans runs twice: with the number of clusters that it chooses, and with that of the classes, which no user knows.
    """
    known = len(set(classes))
    for reduction in REDUCTIONS:
        begun = time.process_time()
        rows = reduced(vectors, reduction)
        reducing = time.process_time() - begun
        if rows.how != reduction:
            continue
        for method in methods:
            for k in (None, known) if method == "kmeans" else (None,):
                begun = time.process_time()
                labels, _ = grouped(rows, Parameters(method, min_size, k, reduction))
                seconds = time.process_time() - begun
                name = f"{method}, k = {k}" if k else method
                yield {"method": name, "reduction": reduction, **measures(labels, classes), **_cost(reducing, seconds)}


def _cost(reducing: float, clustering: float) -> Row:
    return {"reduce_cpu_s": round(reducing, 1), "cluster_cpu_s": round(clustering, 1)}


def measures(labels: Array, classes: Sequence[str]) -> Row:
    """Return how far clusters agree with classes; see the module for what each measure is."""
    from sklearn.metrics import adjusted_rand_score  # noqa: PLC0415 - slow to import

    noise = labels == NOISE
    alone = np.where(noise, np.arange(len(labels)) + int(labels.max(initial=0)) + 1, labels)
    truth = np.unique(np.asarray(classes), return_inverse=True)[1]
    _, _, f1 = bcubed(_by_number(alone), _by_number(truth))
    inside = adjusted_rand_score(truth[~noise], labels[~noise]) if (~noise).any() else 0.0
    return {
        "ari": round(float(adjusted_rand_score(truth, alone)), 3),
        "bcubed_f1": round(f1, 3),
        "noise": round(float(noise.mean()), 3),
        "clusters": len(set(labels[~noise].tolist())),
        "ari_one": round(float(adjusted_rand_score(truth, labels)), 3),
        "ari_in": round(float(inside), 3),
    }


def _by_number(labels: Array) -> Mapping[str, str]:
    return {str(number): str(label) for number, label in enumerate(labels)}


def sizes(classes: Sequence[str]) -> str:
    """Say how many photos and classes there are."""
    count = Counter(classes)
    return f"{len(classes):,} photos of {len(count)} classes, {min(count.values())} to {max(count.values())} each"
