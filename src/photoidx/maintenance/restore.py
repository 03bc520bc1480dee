"""Bringing a backup back: everything is checked before it takes the library's place, and the old library stays."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from photoidx.errors import PhotoidxError, TableDamagedError
from photoidx.maintenance.decisions_file import read_decisions, take_decisions
from photoidx.maintenance.doctor import read_all
from photoidx.maintenance.snapshot import (
    LIBRARY,
    RECORD,
    Progress,
    Snapshot,
    check_files,
    check_tables,
    copy_hashed,
    read_snapshot,
    snapshots,
    sync_folder,
)
from photoidx.storage.damage import made_by
from photoidx.storage.lock import writer_lock
from photoidx.storage.schema import DECISIONS, MADE, META
from photoidx.storage.store import Store
from photoidx.storage.tables import Tables

_BEFORE = ".before-restore"


@dataclass(frozen=True)
class Restored:
    """What was restored, and where the library that was there before is now; None if there was none."""

    snapshot: Snapshot
    before: Path | None


def find_snapshot(source: Path) -> Snapshot:
    """Return the backup at a place: the folder itself, or the newest of those in it. Raises PhotoidxError."""
    source = source.expanduser()
    if (source / RECORD).is_file():
        return read_snapshot(source)
    found = snapshots(source) if source.is_dir() else []
    if not found:
        raise PhotoidxError(f"There is no backup at {source}. Make one with: photoidx backup FOLDER")
    return read_snapshot(found[-1])


def restore(
    source: Path,
    uri: str,
    *,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> Restored:
    """Put the backup in the library's place. An older library is renamed, with `force` only. Never half a library.

    With `dry_run` the backup is only checked. Raises PhotoidxError if the backup is not whole, or there is a library
    and no `force`; LibraryLockedError while another process writes; LibraryTooNewError.
    """
    if "://" in uri:
        raise PhotoidxError(f"{uri} is in an object store: restore to a folder, and copy that.")
    snapshot = find_snapshot(source)
    target = Path(uri).expanduser().resolve()
    there = target.exists() and not (target.is_dir() and not any(target.iterdir()))
    if dry_run:
        check_files(snapshot, progress)
        check_tables(snapshot.folder / LIBRARY, snapshot)
        return Restored(snapshot, _free_name(target) if there else None)
    if there and not force:
        raise PhotoidxError(
            f"There is a library at {uri}. With --force the backup of {snapshot.made_at} takes its place, and it is "
            f"kept as {_free_name(target)}."
        )
    half = target.with_name(f"{target.name}.restoring-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with writer_lock(target, uri) if there and target.is_dir() else contextlib.nullcontext():
            _copy(snapshot, half, progress)
            return Restored(snapshot, _swap(half, target, is_there=there))
    except OSError as error:
        raise PhotoidxError(f"Can't restore to {target}: {error.strerror}. What was there is as it was.") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)


def restore_decisions(source: Path, uri: str, *, force: bool = False) -> tuple[int, int]:
    """Add the decisions of a file to the library; give how many it has, and how many were new.

    Where the library's own are damaged or missing, `force` sets them aside and begins anew. Raises PhotoidxError if the
    file is none of decisions, TableDamagedError, LibraryLockedError.
    """
    told = read_decisions(source.expanduser())
    tables = Tables(uri)
    with tables.writing():
        if not _can_be_read(tables):
            if not force:
                raise TableDamagedError(
                    f"The decisions of the library at {uri} are damaged or missing. Look with `photoidx doctor`, save "
                    "what can be read with `photoidx doctor --repair`; with --force those of the file take their place."
                )
            if DECISIONS.name in tables.names():
                tables.set_aside(DECISIONS.name)
            facts = Store(uri, is_whole=False)
            made = sorted(made_by(uri, facts.meta()) - {DECISIONS.name})
            facts.upsert(META, [{"name": MADE, "value": json.dumps(made)}])
        store = Store(uri, is_whole=False)
        store.ensure(DECISIONS)
        return len(told), take_decisions(store, told)


def _can_be_read(tables: Tables) -> bool:
    made = made_by(tables.uri, Store(tables.uri, is_whole=False).meta())
    if DECISIONS.name not in tables.names():
        return DECISIONS.name not in made
    try:
        read_all(tables, DECISIONS.name, tables.newest(DECISIONS.name), ())
        tables.versions(DECISIONS.name)
    except TableDamagedError:
        return False
    return True


def _copy(snapshot: Snapshot, half: Path, progress: Progress) -> None:
    done = 0
    for entry in snapshot.files:
        path = snapshot.folder / LIBRARY / entry.path
        if not (half / entry.path).resolve().is_relative_to(half.resolve()):
            raise PhotoidxError(f"The backup {snapshot.folder} names a file outside of the library: {entry.path}")
        try:
            found = copy_hashed(path, half / entry.path)
        except FileNotFoundError:
            raise PhotoidxError(f"The backup {snapshot.folder} is not whole: {path} is missing.") from None
        if found != (entry.size, entry.blake3):
            raise PhotoidxError(f"The backup {snapshot.folder} is damaged: {path} is not as it was written.")
        done += entry.size
        progress(done, snapshot.size)
    check_tables(half, snapshot)
    Store(str(half))  # raises LibraryTooNewError
    for each in {half, *(path.parent for path in half.rglob("*"))}:
        sync_folder(each)


def _swap(half: Path, target: Path, *, is_there: bool) -> Path | None:
    before = _free_name(target) if is_there else None
    if before is not None:
        target.rename(before)
    elif target.exists():
        target.rmdir()  # it is empty
    try:
        half.rename(target)
    except OSError:
        if before is not None:
            before.rename(target)
        raise
    sync_folder(target.parent)
    return before


def _free_name(target: Path) -> Path:
    names = itertools.chain([_BEFORE], (f"{_BEFORE}-{number}" for number in itertools.count(2)))
    return next(place for name in names if not (place := target.with_name(target.name + name)).exists())
