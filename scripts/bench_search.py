"""What `photoidx similar`, `search` and `similarity` in SQL cost, and how that grows with the library.

The rows are made, the library and its tables are real, and each command is a process of its own: its CPU time and peak
memory are with its start. Needs Linux. Every photo has a vector of 1,280 numbers, five labels, a camera
and a time.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from datetime import datetime

import pyarrow as pa

from bench_grouping import add_shots
from photoidx.config import Config
from photoidx.indexer.embedders.imagenet import class_words
from photoidx.registry import stages
from photoidx.storage.schema import arrow_schema, tables_of
from photoidx.storage.store import Store

_PHOTO = "/photos/0000/IMG_0007.JPG"
_QUESTIONS = {
    "the start alone: sql SELECT 1": ("sql", "SELECT 1"),
    "similar PHOTO": ("similar", _PHOTO),
    'similar PHOTO --where "height IS NULL"': ("similar", _PHOTO, "--where", "height IS NULL"),
    "search, the first: makes the index": ("search", "lighthouse"),
    "search lighthouse": ("search", "lighthouse"),
    "search canon (every photo has it)": ("search", "canon"),
    "search dog june 2020": ("search", "dog", "june", "2020"),
    "search a beginning: lightho": ("search", "lightho"),
    "search misspelt: ligthhouse": ("search", "ligthhouse"),
    'search lighthouse --where "iso IS NULL"': ("search", "lighthouse", "--where", "iso IS NULL"),
    "sql: best 20 by similarity": (
        "sql",
        f"SELECT path, similarity('{_PHOTO}') AS s FROM photos ORDER BY s DESC LIMIT 20",
    ),
}

# The peak of the process alone: what getrusage tells includes that of the process which started it.
_WRAPPER = """
import re, sys, time
from photoidx.cli import main
try:
    main()
finally:
    peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
    print("\\n", time.process_time(), peak, file=sys.stderr)
"""


def make(folder: str, count: int) -> None:
    """Make a library of so many photos."""
    store = Store(folder, create=True)
    specs = tables_of(stages(Config()))
    chosen, words = random.Random(1), class_words()
    with store.writing():
        for spec in specs.values():
            store.ensure(spec)
        for first in range(0, count, 20_000):
            number = min(20_000, count - first)
            add_shots(store, first, number, first, datetime(2020, 6, 1))  # noqa: DTZ001
            rows = [
                {
                    "content_id": f"{first + each:032x}",
                    "labels": chosen.sample(words, 5),
                    "probabilities": [0.6, 0.2, 0.1, 0.05, 0.01],
                }
                for each in range(number)
            ]
            store.upsert(specs["labels"], pa.Table.from_pylist(rows, schema=arrow_schema(specs["labels"])))


def ask(folder: str, question: tuple[str, ...]) -> list[float]:
    """Run a command. Gives its CPU seconds, wall seconds and peak MiB."""
    command = [sys.executable, "-c", _WRAPPER, *question, "--library", folder, "--format", "csv"]
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    wall = time.perf_counter() - start
    cpu, kilobytes = map(float, done.stderr.split()[-2:])
    return [cpu, wall, kilobytes / 1024]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, nargs="+", default=[25_000, 50_000, 100_000])
    for count in parser.parse_args().photos:
        with tempfile.TemporaryDirectory(prefix="photoidx-search-") as folder:
            make(folder, count)
            print(f"\n{count:,} photos{'CPU':>45}{'wall':>9}{'peak':>11}")
            for name, question in _QUESTIONS.items():
                cpu, wall, memory = ask(folder, question)
                print(f"{name:<46}{cpu:>8.2f} s{wall:>7.2f} s{memory:>7.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
