"""What questions cost in a large library, and how that grows: CPU seconds and peak memory of each command.

The rows are made, the library and its tables are real, and each command is a process of its own. A photo has twelve
rows in the ledger, a vector of 1,280 numbers, a camera, a time, scores and labels; every second one is in a burst.

Usage: python scripts/bench_questions.py [--photos 10000 100000 1000000] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa

from bench_search import ask
from photoidx.config import DEFAULT_EMBEDDER, Config
from photoidx.indexer.embedders.imagenet import class_words
from photoidx.indexer.engines.worker import DECODE, DECODE_FINGERPRINT
from photoidx.registry import stages
from photoidx.stage import Stage, TableSpec
from photoidx.storage.schema import FILES, LEDGER, arrow_schema, tables_of
from photoidx.storage.store import Store

_WIDTH, _BLOCK, _PER_FOLDER = 1280, 50_000, 1_000
_PHOTO = "/photos/0000/IMG_0000007.JPG"
QUESTIONS = {
    "status": ("status",),
    "show PHOTO": ("show", _PHOTO),
    "similar PHOTO": ("similar", _PHOTO),
    "best --burst": ("best", "--burst"),
    "bursts": ("bursts",),
    "search lighthouse, the first: makes the index": ("search", "lighthouse"),
    "search lighthouse": ("search", "lighthouse"),
    "sql count": ("sql", "SELECT count(*) FROM photos"),
    "sql best 20 by similarity": (
        "sql",
        f"SELECT path, similarity('{_PHOTO}') AS s FROM photos ORDER BY s DESC LIMIT 20",
    ),
}


def make(folder: str, count: int) -> None:
    """Make a library of so many photos."""
    store = Store(folder, create=True)
    ours = stages(Config())
    specs = tables_of(ours)
    with store.writing():
        store.ensure(*specs.values())
        tables = lancedb.connect(folder)
        for first in range(0, count, _BLOCK):
            for spec, columns in _rows(first, min(_BLOCK, count - first), specs, ours):
                _add(tables.open_table(spec.name), spec, columns)
        store.optimize(timedelta(days=1))


def _add(table: lancedb.table.Table, spec: TableSpec, columns: dict[str, Any]) -> None:
    schema, length = arrow_schema(spec), len(columns["content_id"])
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(length, f.type) for f in schema]
    table.add(pa.table(arrays, schema=schema))


def _rows(
    first: int, count: int, specs: Mapping[str, TableSpec], ours: Sequence[Stage]
) -> Iterator[tuple[TableSpec, dict[str, Any]]]:
    """Return each table's columns for a block of photos."""
    random = np.random.default_rng(first)
    numbers = np.arange(first, first + count)
    ids = [f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}" for number in numbers.tolist()]
    scene = numbers - numbers % 4 * (numbers // 4 % 2)  # of eight photos four are one burst
    taken = np.datetime64("2005-01-01", "us") + (scene * 300_000_000 + (numbers - scene) * 250_000).astype("m8[us]")
    now = datetime(2026, 1, 1)  # noqa: DTZ001
    files = {
        "path": [f"/photos/{number // _PER_FOLDER:04}/IMG_{number:07}.JPG" for number in numbers.tolist()],
        "root": ["/photos"] * count,
        "content_id": ids,
        "size": random.integers(2_000_000, 9_000_000, count),
        "mtime_ns": numbers * 10**9 + 10**18,
        "inode": numbers,
        "kind": ["photo"] * count,
        "format": ["jpeg"] * count,
        "shot_id": [f"shot-{each}" for each in ids],
        "seen_at": [now] * count,
    }
    yield FILES, files
    names = [(stage.name, stage.fingerprint) for stage in ours] + [(DECODE, DECODE_FINGERPRINT)]
    for name, fingerprint in names:
        told = {"stage": [name] * count, "fingerprint": [fingerprint] * count, "status": ["done"] * count}
        yield LEDGER, {"content_id": ids, **told, "at": [now] * count}
    yield (
        specs["exif"],
        {
            "content_id": ids,
            "taken_at": taken,
            "make": ["Canon"] * count,
            "model": ["EOS R6"] * count,
            "serial": ["1"] * count,
            "width": [6000] * count,
            "height": [4000] * count,
        },
    )
    looks = scene.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    yield specs["hashes"], {"content_id": ids, "phash_64": [f"{look:016x}" for look in looks.tolist()]}
    scores = {"technical": random.random(count), "sharpness_subject": random.normal(-3, 1, count)}
    yield specs["quality"], {"content_id": ids, **scores}
    words = np.array(class_words())
    labels = words[(scene[:, None] * np.array([1, 7, 31, 101, 313])) % len(words)]
    yield (
        specs["labels"],
        {"content_id": ids, "labels": list(labels), "probabilities": [[0.6, 0.2, 0.1, 0.05, 0.01]] * count},
    )
    vectors = random.standard_normal((count, _WIDTH), np.float32)
    same = scene - first
    vectors = vectors[np.maximum(same, 0)] + 0.1 * vectors
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.astype(np.float16).ravel()), _WIDTH)
    yield specs[f"vectors_{DEFAULT_EMBEDDER}"], {"content_id": ids, "vector": column}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--keep", type=Path, help="a folder for the libraries; one that is there is used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="photoidx-questions-") as temporary:
        for count in options.photos:
            folder = (options.keep or Path(temporary)) / f"{count}"
            if not folder.exists():
                make(str(folder), count)
            print(f"\n{count:,} photos{'CPU':>45}{'wall':>9}{'peak':>11}")
            for name, question in QUESTIONS.items():
                cpu, wall, memory = ask(str(folder), question)
                print(f"{name:<46}{cpu:>8.2f} s{wall:>7.2f} s{memory:>7.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
