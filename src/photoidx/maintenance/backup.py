"""Backups: a copy of the library's files that is checked before it counts, beside the earlier ones."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import filelock

from photoidx.errors import PhotoidxError
from photoidx.maintenance.snapshot import (
    LIBRARY,
    PARTIAL,
    PREFIX,
    Entry,
    Progress,
    Snapshot,
    check_files,
    check_tables,
    copy_hashed,
    hash_of,
    read_snapshot,
    snapshots,
    sync_folder,
    write_record,
)
from photoidx.storage.damage import VERSION_HINT
from photoidx.storage.store import Store
from photoidx.storage.tables import Tables, number_of_manifest

_LOCK = ".photoidx-backup.lock"
_LOOKS, _PAUSE_S = 100, 0.05
_HINT = VERSION_HINT  # it changes, and Lance does without


@dataclass(frozen=True)
class Made:
    """A backup that was made: its record, the bytes that were copied, how many older ones were removed.

    `warnings` tell what is wrong with the backup before it; this one is whole.
    """

    snapshot: Snapshot
    copied: int
    removed: int
    warnings: tuple[str, ...] = ()


def backup(
    tables: Tables,
    place: Path,
    *,
    wait: bool = False,
    keep: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Made:
    """Put a new backup beside the earlier ones at a place. Files that did not change are links to the last backup's.

    Beside a scan it holds the state at its beginning; with `wait` it begins when nobody writes. `keep` removes older
    ones, so that this many stay. Raises PhotoidxError if the place can't take it, or a table is lost or can't be read.
    """
    if tables.folder is None:
        raise PhotoidxError(f"{tables.uri} is in an object store: back it up with the tools of that store.")
    Store(
        tables.uri
    )  # raises TableDamagedError: a backup that lacks a table must not take the place of one that has it
    source = tables.folder.resolve()
    place = place.expanduser().resolve()
    if place == source or source in place.parents:
        raise PhotoidxError(f"{place} lies in the library that is to be backed up. Choose a place outside of it.")
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _alone(place), tables.writing(math.inf) if wait else contextlib.nullcontext():
            made = _make(tables, source, place, progress)
            made = replace(made, removed=_thin_out(place, keep))
    except OSError as error:
        raise PhotoidxError(f"Can't write the backup to {place}: {error.strerror}. Earlier ones are whole.") from error
    return made


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keep a second backup away from a place. What one that was cut off left there goes."""
    lock = filelock.FileLock(str(place / _LOCK))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise PhotoidxError(f"Another backup to {place} is under way. Wait until it ends.") from None
    try:
        for half in place.glob(f"{PREFIX}*{PARTIAL}"):
            shutil.rmtree(half)
        yield
    finally:
        lock.release()


def _make(tables: Tables, source: Path, place: Path, progress: Progress) -> Made:
    now = datetime.now(UTC)
    last = _Last(snapshots(place))
    versions = _at_one_moment(tables)
    rows = {name: tables.count(name, version) for name, version in versions.items()}
    final = place / f"{PREFIX}{now.strftime('%Y%m%dT%H%M%S%fZ')}"
    partial = final.with_name(final.name + PARTIAL)
    files: list[Entry] = []
    copied = 0
    wanted = [each for name, version in versions.items() for each in _files(source, name, version)]
    total = sum(status.st_size for _, status in wanted)
    done = 0
    for path, status in wanted:
        relative = path.relative_to(source).as_posix()
        target = partial / LIBRARY / relative
        try:
            entry = last.take_over(relative, status, target)
            if entry is None:
                size, digest = copy_hashed(path, target)
                entry = Entry(relative, size, status.st_mtime_ns, digest)
                copied += size
            files.append(entry)
        except FileNotFoundError:  # a scan's clean-up took it, with the earlier version that it belongs to
            target.unlink(missing_ok=True)
            continue
        done += status.st_size
        progress(done, total)
    # Earlier versions that went meanwhile may lack files.
    gone = {each.path for each in files if "/_versions/" in each.path and not (source / each.path).exists()}
    for path_gone in gone:
        (partial / LIBRARY / path_gone).unlink()
    kept = tuple(each for each in files if each.path not in gone)
    snapshot = Snapshot(partial, tables.uri, now.isoformat(timespec="seconds"), versions, rows, kept)
    check_files(replace(snapshot, files=tuple(each for each in kept if each.path not in last.linked)))
    check_tables(partial / LIBRARY, snapshot)
    for each in {path.parent for path in partial.rglob("*")}:
        sync_folder(each)
    write_record(snapshot)
    sync_folder(partial)
    partial.rename(final)
    sync_folder(place)
    return Made(replace(snapshot, folder=final), copied, 0, tuple(last.warnings))


def _at_one_moment(tables: Tables) -> dict[str, int]:
    """Return the newest version of each table, all of one moment: none changed from the first look to the second."""
    for _ in range(_LOOKS):
        first, second = ({name: tables.newest(name) for name in sorted(tables.names())} for _ in range(2))
        if first == second:
            return first
        time.sleep(_PAUSE_S)
    raise PhotoidxError(f"The library at {tables.uri} is written without a pause. Use --wait, or try again later.")


def _files(source: Path, name: str, version: int) -> Iterator[tuple[Path, os.stat_result]]:
    """Return a table's files, without the descriptions of versions that came since."""
    for folder, _, names in os.walk(source / f"{name}.lance"):
        for each in sorted(names):
            path = Path(folder, each)
            if each == _HINT:
                continue
            if path.suffix == ".manifest" and number_of_manifest(path) > version:
                continue
            with contextlib.suppress(FileNotFoundError):  # a scan's clean-up may take it
                yield path, path.stat()


class _Last:
    """The newest of the earlier backups, from which files are taken over that did not change and are as written."""

    def __init__(self, earlier: Sequence[Path]) -> None:
        self.warnings: list[str] = []
        self.linked: set[str] = set()
        self._folder = earlier[-1] if earlier else Path()
        self._known: dict[str, Entry] = {}
        try:
            self._known = {entry.path: entry for entry in read_snapshot(self._folder).files} if earlier else {}
        except PhotoidxError as error:
            self.warnings.append(f"{error} All files were copied anew.")

    def take_over(self, relative: str, status: os.stat_result, target: Path) -> Entry | None:
        """Link a file of the library, by its path there, to the backup's copy; None if it has to be copied."""
        entry = self._known.get(relative)
        if entry is None or (entry.size, entry.mtime_ns) != (status.st_size, status.st_mtime_ns):
            return None
        old = self._folder / LIBRARY / relative
        why = "is not as it was written"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if hash_of(old) == entry.blake3:
                with contextlib.suppress(OSError):  # the disk may know no links
                    os.link(old, target)
                    self.linked.add(relative)
                    return entry
                return None
        except OSError as error:
            why = f"can't be read ({error.strerror})"
        self.warnings.append(
            f"The backup {self._folder} is damaged: {old} {why}. It was copied anew from the library; take no older "
            "backup that shares the file."
        )
        return None


def _thin_out(place: Path, keep: int | None) -> int:
    older = snapshots(place)[:-keep] if keep else []
    for folder in older:
        half = folder.with_name(folder.name + PARTIAL)
        folder.rename(half)  # cut off in between, it does not look whole
        shutil.rmtree(half)
    return len(older)
