"""How well copies of photos are found: in an album of which all is known, and in folders whose names tell.

Beside what photoidx answers stand two simple ways on the same album: perceptual hashes of 64 bits that differ in at
most ten, which is what `imagededup` takes for duplicates unless told otherwise, and vectors with a cosine of 0.9 or
more.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from photoidx.evaluation.bursts.bench import BurstReport
from photoidx.evaluation.duplicates.builder import CopyAmount, TrueFile, build, save
from photoidx.evaluation.duplicates.measures import (
    CLOSE,
    Pair,
    Row,
    edit_rows,
    error_rows,
    group_rows,
    overall_row,
    pair,
    pairs_of,
    partition_errors,
    partition_row,
    trap_rows,
)
from photoidx.evaluation.reading import open_photo
from photoidx.indexer.media.walk import walk
from photoidx.queries.contents import vectors_of
from photoidx.records import Kind, format_of, kind_of, path_text, text_path
from photoidx.storage.store import Store

OURS = "photoidx"
BITS, PDQ_BITS, COSINE = 10, 31, 0.9
ANY = frozenset({*CLOSE, "similar"})
_UKBENCH = re.compile(r"ukbench(\d{5})")
_VIEWS = 4  # of each thing in ukbench
_ALIASES = {"alpha_channel_image.png": "ukbench00120"}  # of imagededup's set: that photo, with an alpha channel


class CopyAnswers(Protocol):
    """What is asked of a library, as `photoidx.Library` answers it."""

    @property
    def store(self) -> Store:
        """The library's tables."""

    def duplicates(self, *, level: str = "edited") -> Sequence[Mapping[str, Any]]:
        """Return the groups: `keep`, a path, and `files` with path, kind and distance."""


Index = Callable[[Sequence[Path]], CopyAnswers]
"""Reads folders and gives what can be asked about them."""


def bench(  # noqa: PLR0917 - the last three have defaults that suit
    folders: Iterable[Path],
    album: Path,
    seed: int,
    index: Index,
    amount: CopyAmount | None = None,
    walks: Iterable[Path] = (),
    truth_file: Path | None = None,
) -> BurstReport:
    """Build an album into an empty folder, have it read, ask for the copies, and judge the answer.

    The truth is written to `truth_file`, if there is one, before the album is read.
    """
    truth = build(folders, album, seed, amount, walks)
    if truth_file:
        save(truth, truth_file)
    answers = index([album])
    return judge(truth, album, answers.duplicates(), simple_ways(answers.store), seed)


def judge(
    truth: Sequence[TrueFile],
    album: Path,
    groups: Sequence[Mapping[str, Any]],
    others: Mapping[str, Iterable[Pair]],
    seed: int,
) -> BurstReport:
    """Compare the answers about an album with the truth, and other ways to call pairs beside them.

    Raises KeyError if they name a file that the album has not.
    """
    whole = [replace(file, path=path_text(os.path.join(os.path.abspath(album), file.path))) for file in truth]
    ours = pairs_of(groups)
    ways: dict[str, set[Pair]] = {OURS: set(ours), **{name: set(pairs) for name, pairs in others.items()}}
    return BurstReport(
        {
            "overall": [overall_row(name, whole, called, seed) for name, called in ways.items()],
            "edits": edit_rows(whole, ways, seed),
            "traps": trap_rows(whole, ways),
            "groups": group_rows(whole, groups),
        },
        error_rows(whole, ours),
    )


def simple_ways(store: Store) -> dict[str, set[Pair]]:
    """Return the pairs of files that near hashes call, and those that near vectors call."""
    files = store.read("files", ["path", "content_id"], f"kind = '{Kind.PHOTO.value}' AND content_id IS NOT NULL")
    paths, ids = files["path"].to_pylist(), files["content_id"].to_pylist()
    hashes = store.read("hashes", ["content_id", "phash_64"])
    of = dict(zip(hashes["content_id"].to_pylist(), hashes["phash_64"].to_pylist(), strict=True))
    hashed = np.array([int(of.get(each) or "0", 16) for each in ids], np.uint64)
    known = np.array([each in of for each in ids], np.bool_)
    bits = np.bitwise_count(hashed[:, None] ^ hashed[None, :])
    vectors = vectors_of(store, ids).astype(np.float32)
    every = known[:, None] & known
    near = {
        f"phash {BITS} bits": (bits <= BITS) & every,
        **{name: near & every for name, near in _other_hashes(paths)},
        f"cosine {COSINE}": vectors @ vectors.T >= COSINE,
    }
    return {
        name: {pair(paths[one], paths[other]) for one, other in zip(*np.nonzero(np.triu(found, 1)), strict=True)}
        for name, found in near.items()
    }


def _other_hashes(paths: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Return which pairs of files are near by other hashes, of those whose packages are here."""
    for name, module, most, read in (
        ("dhash", "imagehash", BITS, _dhash),
        ("pdq", "pdqhash", PDQ_BITS, _pdq),
    ):
        if importlib.util.find_spec(module) is None:
            continue
        words = np.stack([read(path) for path in paths])
        bits = np.stack([np.bitwise_count(words ^ each).sum(axis=1) for each in words])
        yield f"{name} {most} bits", bits <= most


def _rgb(path: str) -> Any:
    return open_photo(text_path(path)).image().convert("RGB")


def _dhash(path: str) -> Any:
    import imagehash  # noqa: PLC0415 - only for comparisons

    return np.packbits(imagehash.dhash(_rgb(path)).hash.ravel())


def _pdq(path: str) -> Any:
    import pdqhash  # noqa: PLC0415 - only for comparisons

    return np.packbits(pdqhash.compute(np.asarray(_rgb(path)))[0])


def bench_folders(folders: Sequence[Path], index: Index) -> BurstReport:
    """Have folders read whose names tell what is the same and what is similar, and judge the answers at both levels."""
    told = {path: labels for folder in folders for path, labels in told_by_names(folder).items()}
    answers = index(folders)
    levels = {"edited": CLOSE, "similar": ANY}
    called = {level: pairs_of(answers.duplicates(level=level), kinds) for level, kinds in levels.items()}
    others = simple_ways(answers.store)
    rows: list[Row] = []
    errors: list[Row] = []
    for place, level in enumerate(levels):
        truth = {path: labels[place] for path, labels in told.items()}
        ways = {OURS: set(called[level]), **others}
        rows += [partition_row(f"{level}, {name}", truth, pairs) for name, pairs in ways.items()]
        errors += partition_errors(level, truth, called[level])
    return BurstReport({"folders": rows}, errors)


def told_by_names(folder: Path) -> dict[str, tuple[str, str]]:
    """Return for each photo below a folder the names of its group at the levels same and similar.

    In a folder with names as `ukbench00120_hflip.jpg`, the number names the picture and four numbers name the thing; a
    file without one goes by its own name. Elsewhere the subfolder names both.
    """
    root = os.path.abspath(folder)
    paths = [path for path in walk(root).files if _is_photo(path)]
    by_number = any(_UKBENCH.match(os.path.basename(path)) for path in paths)
    found = {}
    for path in sorted(paths):
        below = os.path.relpath(path, root)
        name = os.path.basename(path)
        number = _UKBENCH.match(_ALIASES.get(name, name))
        label = below.split(os.sep)[0] if not by_number and os.sep in below else os.path.splitext(below)[0]
        labels = (label, label)
        if number:
            labels = (number[1], f"{int(number[1]) // _VIEWS}")
        found[path_text(path)] = labels
    return found


def _is_photo(path: str) -> bool:
    file_format = format_of(path)
    return file_format is not None and kind_of(file_format) is Kind.PHOTO
