"""A backup on disk: the library's files, and a record with the BLAKE3 of each, which is written last."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from blake3 import blake3

from photoidx.errors import PhotoidxError, TableDamagedError
from photoidx.maintenance.doctor import read_all
from photoidx.storage.tables import Tables

RECORD, LIBRARY = "backup.json", "library"
PREFIX, PARTIAL = "photoidx-", ".partial"
_MARK, _VERSION = "photoidx_backup", 1
_CHUNK = 1 << 20
Progress = Callable[[int, int], None]
"""Called with bytes done and bytes to do."""


@dataclass(frozen=True)
class Entry:
    """A file of a backup: path below `library`, size in bytes, modification time of the original, BLAKE3 in hex."""

    path: str
    size: int
    mtime_ns: int
    blake3: str


@dataclass(frozen=True)
class Snapshot:
    """A whole backup. `rows` counts each table's rows, `versions` are those of the tables."""

    folder: Path
    library: str
    made_at: str
    versions: Mapping[str, int]
    rows: Mapping[str, int]
    files: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(entry.size for entry in self.files)


def snapshots(place: Path) -> list[Path]:
    """Return the folders of the whole backups below a place, the oldest first."""
    found = place.glob(f"{PREFIX}*/{RECORD}")
    return sorted(record.parent for record in found if not record.parent.name.endswith(PARTIAL))


def read_snapshot(folder: Path) -> Snapshot:
    """Read a backup's record. Raises PhotoidxError, naming it, if it is damaged or is something else."""
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record[_MARK] != _VERSION:
            raise PhotoidxError(
                f"{folder} was written by a newer photoidx ({_MARK} {record[_MARK]!r}). Install that one."
            )
        if record.pop("blake3") != _digest(record):
            raise PhotoidxError(f"{path} is damaged: it is not as it was written. Take an older backup.")
        files = tuple(Entry(**each) for each in record["files"])
        return Snapshot(folder, record["library"], record["made_at"], record["versions"], record["rows"], files)
    except OSError as error:
        raise PhotoidxError(f"{folder} is no backup: {RECORD} can't be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PhotoidxError(f"{folder} is no backup, or a damaged one: {RECORD} makes no sense.") from error


def write_record(snapshot: Snapshot) -> None:
    """Write the record into the backup's folder, to the disk."""
    record: dict[str, Any] = {
        _MARK: _VERSION,
        "library": snapshot.library,
        "made_at": snapshot.made_at,
        "versions": dict(snapshot.versions),
        "rows": dict(snapshot.rows),
        "files": [vars(entry) for entry in snapshot.files],
    }
    with (snapshot.folder / RECORD).open("w", encoding="utf-8") as file:
        json.dump({**record, "blake3": _digest(record)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def copy_hashed(source: Path, target: Path) -> tuple[int, str]:
    """Copy a file's bytes to the disk; give their number and BLAKE3. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, target.open("xb") as written:
        digest = _hash(read, written)
        written.flush()
        os.fsync(written.fileno())
        return written.tell(), digest


def hash_of(path: Path) -> str:
    """Return the BLAKE3 of a file's bytes, in hex. Raises OSError."""
    with path.open("rb") as file:
        return _hash(file)


def check_files(snapshot: Snapshot, progress: Progress = lambda _done, _total: None) -> None:
    """Read every file of a backup. Raises PhotoidxError, naming the first that is missing or not as it was written."""
    done = 0
    for entry in snapshot.files:
        path = snapshot.folder / LIBRARY / entry.path
        try:
            found = hash_of(path)
        except OSError as error:
            raise PhotoidxError(f"The backup {snapshot.folder} is not whole: {path}: {error.strerror}.") from error
        if found != entry.blake3:
            raise PhotoidxError(f"The backup {snapshot.folder} is damaged: {path} is not as it was written.")
        done += entry.size
        progress(done, snapshot.size)


def check_tables(folder: Path, snapshot: Snapshot) -> None:
    """Read every row of a copy of a library. Raises PhotoidxError if it is not what the record says."""
    tables = Tables(str(folder))
    if tables.names() != set(snapshot.versions):
        raise PhotoidxError(f"{folder} does not have the tables that it should have.")
    for name, version in snapshot.versions.items():
        try:
            found = tables.newest(name), read_all(tables, name, version, ())[0]
        except TableDamagedError as error:
            raise PhotoidxError(f"The copy of the table {name} can't be read: {error}") from error
        if found != (version, snapshot.rows[name]):
            raise PhotoidxError(
                f"The copy of {name} has version {found[0]} with {found[1]:,} rows, and not version {version} with "
                f"{snapshot.rows[name]:,}."
            )


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _hash(file: BinaryIO, out: BinaryIO | None = None) -> str:
    digest = blake3()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        if out is not None:
            out.write(chunk)
    return digest.hexdigest()


def _digest(record: Mapping[str, Any]) -> str:
    return blake3(json.dumps(record, sort_keys=True).encode()).hexdigest()
