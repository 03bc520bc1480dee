"""What clustering costs: CPU seconds and peak memory of each step, by the number of photos.

Usage: python scripts/bench_clusters.py --library LIBRARY [--photos N...] [--reduce umap|pca]

The vectors are made: noisy copies around those of a library, so that they are grouped as real ones are. Each size runs
in a process of its own; its first step makes the vectors and is not counted.
"""

import argparse
import resource
import subprocess
import sys
import time

import numpy as np

from photoidx.library import Library
from photoidx.queries.bursts.frames import read_frames
from photoidx.queries.clusters.clustering import NEW, Array, Parameters, grouped, join, reduced

_BLOCK = 4096
_NOISE = 0.7  # length of what is added to a vector of length 1: a copy has a cosine of .82 with its original
_ADDED = 0.01


def made(real: Array, count: int) -> Array:
    """Return so many vectors (float16, length 1) around real ones."""
    random = np.random.default_rng(0)
    found = np.empty((count, real.shape[1]), np.float16)
    for start in range(0, count, _BLOCK):
        rows = real[random.integers(0, len(real), min(_BLOCK, count - start))].astype(np.float32)
        rows += random.standard_normal(rows.shape).astype(np.float32) * (_NOISE / real.shape[1] ** 0.5)
        found[start : start + len(rows)] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found


def measure(real: Array, count: int, reduction: str) -> None:
    """Print one line."""
    vectors = made(real, count)
    before = time.process_time()
    rows = reduced(vectors, reduction)
    reducing, before = time.process_time() - before, time.process_time()
    labels, _ = grouped(rows, Parameters(reduce=reduction))
    clustering, before = time.process_time() - before, time.process_time()
    labels[np.random.default_rng(1).choice(count, int(_ADDED * count), replace=False)] = NEW
    join(vectors, labels)
    joining = time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    clusters = len(set(labels[labels >= 0].tolist()))
    print(
        f"| {count:,} | {rows.how} | {reducing:.1f} | {clustering:.1f} | {joining:.1f} | {memory:.2f} | {clusters:,} |",
        flush=True,
    )


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True)
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--reduce", default="umap", choices=["umap", "pca"])
    options = parser.parse_args()
    if len(options.photos) == 1:
        frames = read_frames(Library(options.library).store)
        measure(frames.vectors[frames.embedded], options.photos[0], options.reduce)
        return
    print("| photos | reduced by | reduce, CPU s | cluster, CPU s | 1 % joins, CPU s | peak GiB | clusters |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for count in options.photos:
        again = ["--library", options.library, "--reduce", options.reduce, "--photos", str(count)]
        subprocess.run([sys.executable, __file__, *again], check=True)


if __name__ == "__main__":
    main()
