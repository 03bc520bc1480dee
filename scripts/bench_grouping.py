"""What grouping costs: all shots of a library of made rows, and again after some were added.

The rows are made, the library and its tables are real. Bursts of three to eight frames of one camera, with single
photos between them; every frame has a vector of 1,280 numbers and a hash.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from photoidx.config import DEFAULT_EMBEDDER, Config
from photoidx.queries.bursts.table import regroup
from photoidx.registry import stages
from photoidx.storage.schema import FILES, arrow_schema, tables_of
from photoidx.storage.store import Store

_WIDTH = 1280
_START = datetime(2020, 1, 1)  # noqa: DTZ001 - a camera writes local time


def add_shots(store: Store, first: int, count: int, seed: int, now: datetime) -> None:
    """Write rows of so many shots, whose times go on from the first number's."""
    random = np.random.default_rng(seed)
    scene = np.zeros(count, np.int64)
    at = 0
    while at < count:
        length = int(random.integers(3, 9)) if random.random() < 1 / 2 else 1
        scene[at : at + length] = at
        at += length
    seconds = (first + scene) * 10.0 + (np.arange(count) - scene) * 0.25
    ids = [f"{first + number:032x}" for number in range(count)]
    times = [_START + timedelta(seconds=float(each), milliseconds=7) for each in seconds]
    specs = tables_of(stages(Config()))
    _files(store, ids, first, now)
    write = {name: [{"content_id": each} for each in ids] for name in ("exif", "hashes")}
    for row, taken in zip(write["exif"], times, strict=True):
        row |= {"taken_at": taken, "make": "Canon", "model": "EOS R6", "serial": "1"}
    for row, group in zip(write["hashes"], scene, strict=True):
        row |= {"phash_64": f"{int(group) * 0x9E3779B97F4A7C15 % 2**64:016x}"}
    for name, rows in write.items():
        store.upsert(specs[name], pa.Table.from_pylist(rows, schema=arrow_schema(specs[name])))
    vectors = np.empty((count, _WIDTH), np.float16)
    for number in range(count):
        vectors[number] = np.random.default_rng(int(scene[number]) + first).standard_normal(_WIDTH) / _WIDTH**0.5
    spec = specs[f"vectors_{DEFAULT_EMBEDDER}"]
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), _WIDTH)
    store.upsert(spec, pa.table({"content_id": ids, "vector": column}, schema=arrow_schema(spec)))


def _files(store: Store, ids: Sequence[str], first: int, now: datetime) -> None:
    rows = [
        {
            "path": f"/photos/{number // 1000:04}/IMG_{number % 10_000:04}.JPG",
            "root": "/photos",
            "content_id": content_id,
            "kind": "photo",
            "format": "jpeg",
            "shot_id": f"shot-{content_id}",
            "seen_at": now,
        }
        for number, content_id in enumerate(ids, first)
    ]
    store.upsert(FILES, pa.Table.from_pylist(rows, schema=arrow_schema(FILES)))


def timed(store: Store, what: str, *, whole: bool) -> None:
    """Group, and print what it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    groups = regroup(store, whole=whole)
    print(f"{what:<34}{groups:>9,} groups{time.process_time() - cpu:>9.2f} s CPU{time.perf_counter() - wall:>9.2f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=int, default=100_000)
    parser.add_argument("--added", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="photoidx-grouping-") as folder:
        store = Store(str(Path(folder) / "library"), create=True)
        with store.writing():
            for spec in tables_of(stages(Config())).values():
                store.ensure(spec)
            long_ago = datetime(2020, 6, 1)  # noqa: DTZ001
            for first in range(0, options.shots, 20_000):
                add_shots(store, first, min(20_000, options.shots - first), first, long_ago)
            timed(store, f"all {options.shots:,} shots", whole=True)
            timed(store, "nothing changed", whole=False)
            soon = datetime(2100, 1, 1)  # noqa: DTZ001 - after the grouping, whenever that was
            add_shots(store, options.shots, options.added, 1, soon)
            timed(store, f"{options.added:,} shots added", whole=False)


if __name__ == "__main__":
    main()
