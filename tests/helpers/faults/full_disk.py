"""Scans on a disk that is full: `python full_disk.py WAY HOME`. It prints what was wrong, as a list in JSON.

WAY is `disk` (a file system of a few MiB is mounted, which takes a name space of one's own: `unshare -rm`) or `limit`
(no file may grow over a limit).
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from faults.dying_scan import CONFIG
from faults.ready import faults_of, is_as_fresh, scan
from photoidx import Library
from photoidx.errors import LibraryNotFoundError, PhotoidxError
from photoidx.indexer.engines.pool import WorkerPool
from pictures import draw
from table_state import state_of

_DISK = 96 << 20
# Bytes that are left to a library that there is, and to one that is to be made.
_ROOMS = {"disk": ((0, 60_000), (20_000,)), "limit": ((0, 3000), (1000,))}
_ALL_ROOMS = {"disk": (range(0, 240_000, 8000), range(0, 160_000, 8000)), "limit": (range(0, 10_000, 500),) * 2}


@contextlib.contextmanager
def full_disk(place: Path, room: int) -> Iterator[None]:
    """Fill the disk at a place with a file, but for so many bytes."""
    filler = place / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        os.truncate(filler, max(0, filler.stat().st_size - room))
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def limited_files(_place: Path, most: int) -> Iterator[None]:
    """Let no file grow over a limit."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


Full = Callable[[Path, int], contextlib.AbstractContextManager[None]]


def message(uri: Path, photos: Path, pool: WorkerPool) -> str:
    """Return what a scan says that does not come to its end."""
    try:
        scan(uri, photos, pool)
    except PhotoidxError as error:
        return str(error)
    return "it ended"


def rows(uri: Path) -> set[str]:
    return {row for found in state_of(Library(uri, CONFIG)).values() for row in found}


def try_out(full: Full, rooms: tuple[Sequence[int], Sequence[int]], home: Path, place: Path) -> list[str]:
    """Scan with so little room, first for a library that there is, then for ones that are to be made."""
    wrong = []
    photos = home / "photos"
    for number in range(3):
        draw(photos / f"{number}.jpg", number)
    with contextlib.closing(WorkerPool(CONFIG)) as pool:
        scan(place / "library", photos, pool)
        for room in rooms[0]:
            draw(photos / f"new-{room}.jpg", 10 + room % 70)
            wrong += one(full, room, place / "library", photos, pool)
        for room in rooms[1]:
            wrong += one(full, room, place / f"made-{room}", photos, pool)
    return wrong


def one(full: Full, room: int, uri: Path, photos: Path, pool: WorkerPool) -> list[str]:
    """Scan with so much room, and then with enough, and tell what is wrong."""
    wrong = []
    before = rows(uri) if uri.exists() else set()
    with full(uri.parent, room):
        said = message(uri, photos, pool)
        if "\n" in said or str(uri) not in said or not said.endswith("Make room, and do it again."):
            wrong.append(f"with {room} bytes it says: {said}")
        with contextlib.suppress(LibraryNotFoundError):
            wrong += [f"with {room} bytes: {words}" for words in faults_of(uri)]
            wrong += [f"with {room} bytes lost: {row}" for row in before - (rows(uri) if before else set())]
    if not is_as_fresh(uri, photos, pool, photos.with_name(f"fresh-{uri.name}-{room}")):
        wrong.append(f"after {room} bytes the next scan does not make it good")
    return wrong


def main(way: str, home: Path) -> None:
    """Try one way, and print what was wrong."""
    place = home / "disk"
    place.mkdir()
    if way == "disk":
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "none", place], check=True)
    rooms = (_ALL_ROOMS if os.environ.get("PHOTOIDX_ALL_ROOMS") else _ROOMS)[way]
    json.dump(try_out(full_disk if way == "disk" else limited_files, rooms, home, place), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
