"""How soon a photo that is saved into a watched folder is in the tables, counted from its last write.

A real `photoidx watch` in a process of its own, on a made album; photos are saved one after the other, some at once,
some slowly, some by renaming a finished file. A query asks for each until it is there. The first look at everything
is over by then: what is saved meanwhile waits for its end. With `--rows` the library has that many made photos besides
(as `scripts/bench_duplicates.py` makes them).
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from bench_duplicates import Album, Pool, add_photos
from photoidx import Library
from photoidx.config import Config
from photoidx.registry import stages
from photoidx.storage.lock import is_held
from photoidx.storage.schema import tables_of
from photoidx.storage.store import Store

_WAYS = ("at once", "slowly", "renamed")
_PATIENCE_S = 60.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--rows", type=int, default=0, help="made photos that the library has besides")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="photoidx-latency-") as folder:
        uri, album = str(Path(folder) / "library"), Path(folder) / "album"
        album.mkdir()
        _save(album / "first.jpg", 0, "at once")
        if options.rows:
            _fill(uri, options.rows)
        command = [sys.executable, "-m", "photoidx.cli", "watch", str(album), "--library", uri]
        with (Path(folder) / "talk").open("wb") as talk:
            watch = subprocess.Popen(command, stdout=talk, stderr=talk)
        try:
            _wait(uri, album / "first.jpg", watch)
            _settle(uri)
            found: dict[str, list[float]] = {way: [] for way in _WAYS}
            for number in range(options.photos):
                way = _WAYS[number % len(_WAYS)]
                time.sleep(3)
                path = album / f"{number}.jpg"
                _save(path, number + 1, way)
                found[way].append(_wait(uri, path, watch))
        finally:
            watch.send_signal(signal.SIGTERM)
            watch.wait(60)
    print(f"{'saved':<10}{'photos':>8}{'median s':>10}{'longest s':>11}   beside {options.rows:,} photos")
    for way, times in found.items():
        if times:
            print(f"{way:<10}{len(times):>8}{statistics.median(times):>10.1f}{max(times):>11.1f}")


def _fill(uri: str, rows: int) -> None:
    store = Store(uri, create=True)
    with store.writing():
        store.ensure(*tables_of(stages(Config())).values())
        add_photos(store, Album(rows), Pool(None), 0, rows)


def _save(path: Path, number: int, way: str) -> None:
    pixels = np.random.default_rng(number).integers(0, 256, (60, 80, 3), np.uint8)
    partly = path.with_name(f".{path.name}.part")
    Image.fromarray(pixels).resize((1600, 1200)).save(partly, "JPEG")
    if way == "renamed":
        os.replace(partly, path)
        return
    data = partly.read_bytes()
    partly.unlink()
    with path.open("wb") as file:
        for start in range(0, len(data), len(data) // 5 + 1):
            file.write(data[start : start + len(data) // 5 + 1])
            file.flush()
            time.sleep(0.5 if way == "slowly" else 0)


def _wait(uri: str, path: Path, watch: subprocess.Popen[bytes]) -> float:
    """Wait until a photo is in the tables with its vector; give the seconds since its last write."""
    end = time.monotonic() + _PATIENCE_S
    while watch.poll() is None and time.monotonic() < end:
        if Path(uri, "writer.lock").exists() and _is_there(uri, path):
            return time.time() - max(path.stat().st_mtime, path.stat().st_ctime)
        time.sleep(0.05)
    raise SystemExit(f"{path} never came into the tables")


def _settle(uri: str) -> None:
    """Wait until the watch has ended its first look at everything, and grouped what it found."""
    while not Library(uri).is_grouped() or is_held(Path(uri)):
        time.sleep(0.5)


def _is_there(uri: str, path: Path) -> bool:
    store = Store(uri)
    if not {"files", "vectors_efficientnet_lite0"} <= store.names():
        return False
    rows = store.read("files", ["content_id"], f"path = '{path}'")["content_id"].to_pylist()
    return bool(rows) and bool(store.read("vectors_efficientnet_lite0", ["content_id"], f"content_id = '{rows[0]}'"))


if __name__ == "__main__":
    main()
