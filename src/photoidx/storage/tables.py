"""A library's tables one by one, whatever state they are in: for whoever looks after them. `Store` is for the rest."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import lancedb
import pyarrow as pa

from photoidx.errors import LibraryNotFoundError
from photoidx.storage.as_of import Version
from photoidx.storage.damage import (
    VERSION_HINT,
    changing,
    check_described,
    check_newest,
    is_half_made,
    noted_version,
    reading,
)
from photoidx.storage.lock import writer_lock
from photoidx.storage.schema import FILES, META
from photoidx.temporary import temporary_folder, too_little_room

SET_ASIDE = "set-aside"
"""The folder within a library to which damaged files are moved; nothing reads it."""
_ROWS = 4096


class Tables:
    """The tables at a folder or object-store URI. Raises LibraryNotFoundError if none of them is a library's."""

    def __init__(self, uri: str, *, any_tables: bool = False) -> None:
        self.uri = uri
        self.folder = None if "://" in uri else Path(uri).expanduser()
        if self.folder is not None and not self.folder.is_dir():
            raise LibraryNotFoundError(f"There is no library at {uri}. Make one with: photoidx scan FOLDER")
        self._db = lancedb.connect(str(self.folder or uri))
        if not any_tables and not {META.name, FILES.name} & self.names():
            raise LibraryNotFoundError(f"There is no library at {uri}. Make one with: photoidx scan FOLDER")

    def names(self) -> set[str]:
        """Return the names of the tables that there are, in whatever state; not of those whose making was cut off."""
        with reading(self.uri, "list"):
            names = set(self._db.list_tables(limit=10_000).tables)
        if self.folder is not None:
            names -= {name for name in names if is_half_made(self.folder / f"{name}.lance")}
        return names

    def newest(self, name: str) -> int:
        """Return the number of a table's newest version. Raises TableDamagedError if it can't be opened."""
        with reading(self.uri, name):
            noted = noted_version(self.folder, name)
            table = self._db.open_table(name)
            check_described(self.uri, name, table.schema.names)
            check_newest(self.uri, name, table.version, noted)
            return int(table.version)

    def versions(self, name: str) -> list[Version]:
        """Return the versions of a table that are kept. Raises TableDamagedError if they can't be told."""
        with reading(self.uri, name):
            found = self._db.open_table(name).list_versions()
            # Lance tells local times without a zone.
            return sorted(Version(int(each["version"]), each["timestamp"].astimezone(UTC)) for each in found)

    def schema(self, name: str, version: int) -> pa.Schema:
        """Return the Arrow schema that a table had in a version."""
        with reading(self.uri, name):
            return self._db.open_table(name, version=version).schema

    def count(self, name: str, version: int) -> int:
        """Count the rows of a version."""
        with reading(self.uri, name):
            return int(self._db.open_table(name, version=version).count_rows())

    def batches(self, name: str, version: int) -> Iterator[pa.RecordBatch]:
        """Read every value of a version, in parts of a few thousand rows."""
        with reading(self.uri, name):
            found = iter(self._db.open_table(name, version=version).search().to_batches(_ROWS))
        while True:
            with reading(self.uri, name):
                batch = next(found, None)
            if batch is None:
                return
            yield batch

    @contextlib.contextmanager
    def writing(self, wait_s: float = 0.0) -> Iterator[None]:
        """Hold the library's writer lock, and prepare nothing. Raises LibraryLockedError."""
        with writer_lock(self.folder, self.uri, wait_s) if self.folder is not None else contextlib.nullcontext():
            yield

    def go_back(self, name: str, version: int) -> None:
        """Make a table again what it was in a version; the versions since stay in its history."""
        with changing(self.uri, name):
            table = self._db.open_table(name, version=version)
            table.restore()

    def set_aside(self, name: str) -> None:
        """Take a table out of the library: its files are moved to `set-aside`. In an object store it goes."""
        if self.folder is None:
            with changing(self.uri, name):
                self._db.drop_table(name)
            return
        self._move(self.folder / f"{name}.lance")

    def manifests(self, name: str) -> list[Path]:
        """Return the files that describe the versions of a table, the newest first; none in an object store."""
        if self.folder is None:
            return []
        found = (self.folder / f"{name}.lance" / "_versions").glob("*.manifest")
        return sorted(found, key=number_of_manifest, reverse=True)

    @contextlib.contextmanager
    def with_manifests(self, name: str, manifests: Iterable[Path]) -> Iterator[Tables]:
        """Look at a table as if it had these versions alone, by links in a temporary folder."""
        assert self.folder is not None
        table = self.folder.resolve() / f"{name}.lance"
        with temporary_folder("doctor") as place:
            copy = Path(place) / table.name
            try:
                (copy / "_versions").mkdir(parents=True)
                for each in table.iterdir():
                    if each.is_dir() and each.name != "_versions":
                        (copy / each.name).symlink_to(each)
                for manifest in manifests:
                    (copy / "_versions" / manifest.name).symlink_to(manifest.resolve())
            except OSError as error:
                raise too_little_room(error) from error
            yield Tables(place, any_tables=True)

    def set_manifests_aside(self, manifests: Sequence[Path]) -> None:
        """Move descriptions of versions to `set-aside`: the newest of the rest is then the table's newest version."""
        for manifest in manifests:
            (manifest.parent / VERSION_HINT).unlink(missing_ok=True)
            self._move(manifest)

    def forget_noted_version(self, name: str) -> None:
        """Let the newest version that there is be the newest, though a newer one was noted."""
        if self.folder is not None:
            (self.folder / f"{name}.lance" / "_versions" / VERSION_HINT).unlink(missing_ok=True)

    def _move(self, path: Path) -> None:
        assert self.folder is not None
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        of_table = f"{path.parent.parent.name}-" if path.is_file() else ""
        place = self.folder / SET_ASIDE / f"{stamp}-{of_table}{path.name}"
        place.parent.mkdir(exist_ok=True)
        path.replace(place)


def number_of_manifest(path: Path) -> int:
    """Return the number of the version that a manifest describes. Lance names newer ones by counting down."""
    number = int(path.stem) if path.stem.isdigit() else 0
    return 2**64 - 1 - number if len(path.stem) == len(str(2**64)) else number
