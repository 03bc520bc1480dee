"""Damage files of a library at random, and look whether every command then answers rightly, or says what is wrong.

A small library is scanned once. Each damage is done to a copy of it: one file of one table is cut, emptied, filled with
zeros, changed, or removed, or a whole table is. Then each command runs on the copy. It may answer as it does on the
whole library, or end with an error that names `photoidx doctor`; a traceback, a crash, a hang, or another answer is a
fault. Only where bytes of a file were changed at random another answer is merely counted, for Lance keeps no checksums.

    .venv/bin/python scripts/damage_libraries.py --damages 500 --seed 1
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pebble
from click.testing import CliRunner

from killed_album import KilledAlbum
from photoidx import Config, Library
from photoidx.cli import cli
from photoidx.errors import PhotoidxError
from photoidx.queries.sql import process as sql_process

_LIMIT_S = 180.0
_OPTIONS = ["--workers", "2", "--without", "faces"]
_TOLD_EVERY = 25
_BLOCK = 4096  # what a power cut loses
QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("decide", "list"),
    ("sql", "SELECT count(*), count(taken_at), sum(size), count(technical) FROM photos"),
    ("sql", "SELECT (SELECT count(*) FROM ledger), (SELECT count(*) FROM decisions), (SELECT count(*) FROM pairs)"),
    ("status", "--format", "json"),
    ("best", "--burst"),
    ("bursts",),
    ("failures",),
    ("learn",),
    ("dups",),
    ("clusters", "--min-size", "3"),
    ("search", "--words", "sony"),
    ("similar", "PHOTO"),
    ("show", "PHOTO", "--format", "json"),
    ("gallery", "OUT", "--no-map", "--overwrite"),
)
CHANGES: tuple[tuple[str, ...], ...] = (
    ("decide", "keep", "PHOTO"),
    ("optimize",),
    ("bursts", "--regroup"),
    ("doctor",),
    ("doctor", "--repair"),
    ("backup", "BACKUP"),
    ("scan", "ALBUM", *_OPTIONS),
)
_SPOKEN = ("decide list", "sql", "best", "bursts", "failures", "similar")
"""Questions whose answer must stay the same, to the letter; the others tell times and sizes."""


def cut(data: bytes, at: random.Random) -> bytes:
    """Cut a file off somewhere."""
    return data[: at.randrange(len(data))]


def empty(_data: bytes, _at: random.Random) -> bytes:
    """Leave nothing of a file."""
    return b""


def zero(data: bytes, _at: random.Random) -> bytes:
    """Fill a file with zeros."""
    return bytes(len(data))


def zero_the_end(data: bytes, _at: random.Random) -> bytes:
    """Fill the last block of a file with zeros."""
    kept = (len(data) - 1) // _BLOCK * _BLOCK
    return data[:kept] + bytes(len(data) - kept)


def flip(data: bytes, at: random.Random) -> bytes:
    """Change one bit."""
    changed = bytearray(data)
    changed[at.randrange(len(data))] ^= 1 << at.randrange(8)
    return bytes(changed)


def garble(data: bytes, at: random.Random) -> bytes:
    """Change up to 64 bytes in a row."""
    start = at.randrange(len(data))
    part = data[start : start + at.randint(1, 64)]
    return data[:start] + at.randbytes(len(part)) + data[start + len(part) :]


def lengthen(data: bytes, at: random.Random) -> bytes:
    """Write more behind the end."""
    return data + at.randbytes(at.randint(1, 200))


WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (cut, empty, zero, zero_the_end, flip, garble, lengthen)
_SECRET = {flip, garble}  # what no reader can notice without checksums


@dataclass(frozen=True)
class Damage:
    """What is done to a copy: a way, and the file (below the library) or the table that it is done to."""

    number: int
    way: str
    path: str
    is_secret: bool


@dataclass
class Found:
    """What the commands said on one copy: outcomes by command, and the faults."""

    damage: Damage
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    secret: list[str] = field(default_factory=list)


def make(folder: Path, seed: int, photos: int) -> tuple[Path, Path]:
    """Scan an album, decide, change it and scan again. Returns the library and the album."""
    album = KilledAlbum(folder / "album", seed, photos)
    uri = folder / "library"
    library = Library(uri, Config(workers=2, without=("faces",)))
    for turn in range(3):
        library.scan(album.root)
        names = sorted(row["path"] for row in library.sql("SELECT path FROM photos").to_pylist())
        library.decide(("keep", "reject", "best")[turn], names[turn])
        for _ in range(4):
            album.change()
    library.scan(album.root)
    for question in QUESTIONS:
        ask(question, uri, folder)  # they bring up to date what they answer from
    return uri, album.root


def ask(words: Sequence[str], uri: Path, place: Path) -> tuple[str, str]:
    """Run a command. Returns how it ended (answered, refused, or what it raised), and what it said."""
    album = place / "album" if (place / "album").exists() else place.parent / "album"
    names = {"OUT": str(place / "gallery"), "BACKUP": str(place / "backup"), "ALBUM": str(album)}
    names["PHOTO"] = str(min(path for path in album.rglob("*.jpg")))
    arguments = [names.get(word, word) for word in words]
    try:
        done = CliRunner().invoke(cli, [*arguments, "--library", str(uri)])
    except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception
        return f"{type(error).__name__}: {error}"[:300], ""
    if isinstance(done.exception, PhotoidxError):
        return "refused", str(done.exception)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return f"{type(done.exception).__name__}: {done.exception}"[:300], ""
    return "answered" if done.exit_code == 0 else f"status {done.exit_code}", done.stdout


def choose(uri: Path, number: int, seed: int) -> Damage:
    """Choose a damage: the table first, then the kind of file, so that none is rare."""
    at = random.Random(f"{seed} {number}")
    table = at.choice(sorted(uri.glob("*.lance")))
    if at.random() < 0.06:  # noqa: PLR2004 - a share
        return Damage(number, "remove the table", table.name, is_secret=False)
    kinds = sorted({path.parent for path in table.rglob("*") if path.is_file() and path.stat().st_size})
    files = sorted(path for path in at.choice(kinds).iterdir() if path.is_file() and path.stat().st_size)
    # Lance names newer descriptions by counting down: half of the time the newest of its kind is taken.
    path = files[0] if at.random() < 0.5 else at.choice(files)  # noqa: PLR2004 - a share
    if at.random() < 0.12:  # noqa: PLR2004 - a share
        return Damage(number, "remove", path.relative_to(uri).as_posix(), is_secret=False)
    way = at.choice(WAYS)
    return Damage(number, way.__name__.replace("_", " "), path.relative_to(uri).as_posix(), way in _SECRET)


def harm(copy: Path, damage: Damage, seed: int) -> None:
    """Do the damage. The copy shares its files with the whole library by links: they are written anew."""
    path = copy / damage.path
    if damage.way == "remove the table":
        shutil.rmtree(path)
        return
    data = path.read_bytes()
    path.unlink()
    if damage.way != "remove":
        way = {each.__name__.replace("_", " "): each for each in WAYS}[damage.way]
        path.write_bytes(way(data, random.Random(f"{seed} {damage.number} bytes")))


def try_out(
    uri: str, damage: Damage, seed: int, truth: dict[tuple[str, ...], str], changes: tuple[tuple[str, ...], ...]
) -> Found:
    """Damage a copy and run every command on it."""
    found = Found(damage)
    with tempfile.TemporaryDirectory(dir=Path(uri).parent) as place:
        copy = Path(place) / "library"
        shutil.copytree(uri, copy, copy_function=os.link)
        harm(copy, damage, seed)
        for words in (*QUESTIONS, *changes):
            ended, said = ask(words, copy, Path(place))
            name = " ".join(words[:2] if words[0] == "decide" else words[:1])
            if ended == "refused":
                found.outcomes["refused"] += 1
                if "photoidx doctor" not in said:
                    found.faults.append(f"{name}: it names no remedy: {said}")
            elif ended == "answered" or (ended == "status 1" and words[0] in {"doctor", "scan"}) or ended == "status 3":
                same = truth.get(words) in {None, said}
                found.outcomes["answered" if same else "answered otherwise"] += 1
                if not same:
                    (found.secret if damage.is_secret else found.faults).append(f"{name}: another answer")
            else:
                found.faults.append(f"{name}: {ended}")
    return found


def keep_sql_ready() -> None:
    """Ask all SQL of this process of one and the same process, as a `Library` does: to start one takes 2.5 s of CPU."""
    sql_process.ask_once = sql_process.Questions().ask


def run(folder: Path, damages: int, seed: int, photos: int, first: int = 0) -> list[Found]:
    """Make the library and damage it, each time in a process that may die of it."""
    uri, _ = make(folder, seed, photos)
    keep_sql_ready()
    truth = {}
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for words in QUESTIONS:
            ended, said = ask(words, uri, Path(place))
            if ended != "answered":
                raise SystemExit(f"{words} on the whole library: {ended} {said}")
            if " ".join(words).startswith(_SPOKEN):
                truth[words] = said
    found = []
    context = multiprocessing.get_context("spawn")
    with pebble.ProcessPool(1, context=context, max_tasks=100, initializer=keep_sql_ready) as pool:
        for number in range(first, first + damages):
            damage = choose(uri, number, seed)
            changes = (CHANGES[number % len(CHANGES)],)
            job = pool.schedule(try_out, args=(str(uri), damage, seed, truth, changes), timeout=_LIMIT_S)
            try:
                found.append(job.result())
            except (pebble.ProcessExpired, concurrent.futures.TimeoutError) as error:
                found.append(Found(damage, faults=[f"the process died or hung: {error!r}"]))
            if len(found) % _TOLD_EVERY == 0:
                print(f"{len(found)} of {damages}", file=sys.stderr, flush=True)
            for each in found[-1].faults:
                print(f"{number}: {damage.way} {damage.path}: {each}", flush=True)
    return found


def report(found: Sequence[Found]) -> None:
    """Print what came of each way of damaging."""
    print("| damage | times | answered | refused | other answers after changed bytes | faults |")
    print("| --- | --: | --: | --: | --: | --: |")
    for way in sorted({each.damage.way for each in found}):
        ours = [each for each in found if each.damage.way == way]
        outcomes: Counter[str] = sum((each.outcomes for each in ours), Counter())
        secret, faults = sum(len(each.secret) for each in ours), sum(len(each.faults) for each in ours)
        print(f"| {way} | {len(ours)} | {outcomes['answered']} | {outcomes['refused']} | {secret} | {faults} |")


def main() -> None:
    """Parse, damage, and end with status 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--damages", type=int, default=500)
    parser.add_argument(
        "--first", type=int, default=0, help="the number of the first: each is drawn by seed and number"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--photos", type=int, default=24)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="photoidx-damage-") as folder:
        found = run(Path(folder), options.damages, options.seed, options.photos, options.first)
    report(found)
    faults: list[Any] = [fault for each in found for fault in each.faults]
    print(json.dumps({"damages": len(found), "faults": len(faults), "seconds": round(time.monotonic() - began)}))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
