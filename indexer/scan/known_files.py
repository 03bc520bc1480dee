"""What the tables hold of files, in as little memory as a library of a million of them allows."""

from __future__ import annotations

import bisect
import contextlib
import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.media.walk import FileState
from photoidx.indexer.scan.plan import KnownFile
from photoidx.records import path_text, text_path
from photoidx.storage.schema import FILES
from photoidx.storage.store import Store

_COLUMNS = ("path", "size", "mtime_ns", "inode", "root", "content_id", "kind")
_AT_ONCE = 1 << 16  # rows


def read_known(store: Store) -> dict[str, KnownFile]:
    """Read what the tables hold of each file, by its path as the operating system spells it."""
    if FILES.name not in store.names():
        return {}
    found: dict[str, KnownFile] = {}
    roots: dict[str, str] = {}
    with collector_paused():
        for rows in store.batches(FILES.name, _COLUMNS, _AT_ONCE):
            paths, sizes, times, inodes = (rows[name].to_pylist() for name in _COLUMNS[:4])
            # Equal texts become one: there are few roots and kinds, and maybe many copies.
            told, content_ids, kinds = (_shared(rows[name]) for name in _COLUMNS[4:])
            paths = [path if path.isascii() else text_path(path) for path in paths]
            told = [roots.get(root) or roots.setdefault(root, text_path(root)) for root in told]
            states = map(FileState, sizes, times, inodes)
            found.update(zip(paths, map(KnownFile, states, content_ids, told, kinds, paths), strict=True))
    return found


def shots_of(store: Store, paths: Sequence[str]) -> dict[str, str]:
    """Read the shots of these files, by path as the tables spell it."""
    if not paths:
        return {}
    wanted = pa.array([path_text(path) for path in paths], pa.string())
    found: dict[str, str] = {}
    for rows in store.batches(FILES.name, ("path", "shot_id"), _AT_ONCE):
        ours = rows.filter(pc.is_in(rows["path"], value_set=wanted))
        found.update(zip(ours["path"].to_pylist(), ours["shot_id"].to_pylist(), strict=True))
    return found


def _shared(column: pa.Array) -> list[Any]:
    coded = column.dictionary_encode()
    words = coded.dictionary.to_pylist()
    return [None if at is None else words[at] for at in coded.indices.to_pylist()]


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Make many small objects that all stay, without looking again and again for some that could go.

    Measured on 20,000 files: a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def found_below(files: Mapping[str, str | None], root: str, new_contents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return those of a root's files (contents by path) that came again under another root, with the same content.

    `new_contents` are the new paths of each content. The path below the root must be the end of a new one. Paths are
    sorted from their ends, so that a content with a million copies costs no more than a million contents.
    """
    backwards: dict[str, list[str]] = {}
    found = []
    for path, content_id in files.items():
        if content_id is None or content_id not in new_contents:
            continue
        if content_id not in backwards:
            backwards[content_id] = sorted(new[::-1] for new in new_contents[content_id])
        ends = (os.sep + os.path.relpath(path, root))[::-1]
        at = bisect.bisect_left(backwards[content_id], ends)
        if at < len(backwards[content_id]) and backwards[content_id][at].startswith(ends):
            found.append(path)
    return found
