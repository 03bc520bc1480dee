"""What exports write: noted before it is done, so that it can be taken back, however an export ends.

A journal is a file of lines in JSON in the library's folder `exports`, a line for each file, on the disk before the
file is touched. No line says that a write was done: whether it was, the file itself tells by its bytes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from blake3 import blake3
from platformdirs import user_data_path

from photoidx.errors import ExportError
from photoidx.export.writing import partial_of, sync_folder
from photoidx.records import next_id, path_text, text_path
from photoidx.storage.lock import export_lock
from photoidx.storage.store import Store

FOLDER = "exports"
_SUFFIX, _UNDONE = ".jsonl", ".undone.jsonl"


@dataclass(frozen=True)
class Write:
    """A file that is written: a sidecar or a list. `before` are its bytes until then, None if there was no file.

    `fields` has for each field that changes `before`, `after`, and `foreign`: what others had written there, which is
    what stands before our first export. `keywords` has `added`. `foreign_at_ns` is when others wrote the file last.
    """

    path: str
    before: bytes | None
    before_mtime_ns: int | None
    after: str
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    foreign_at_ns: int | None = None


@dataclass(frozen=True)
class Placed:
    """A file that is copied or linked to a new name, by its content id."""

    path: str
    content_id: str


@dataclass(frozen=True)
class Folder:
    """A folder that is made."""

    path: str


Entry = Write | Placed | Folder


def digest(data: bytes) -> str:
    """Return the identity of bytes, as content ids have it."""
    return blake3(data).hexdigest(length=16)


class Journal:
    """The journal of one export. Its file is made with the first entry."""

    def __init__(self, folder: Path, kind: str, export_id: str) -> None:
        self.export_id = export_id
        self._path = folder / f"{export_id}{_SUFFIX}"
        self._kind = kind

    def note(self, entries: Iterable[Entry]) -> None:
        """Note what will be done, on the disk. Raises ExportError if it can't be noted: then it must not be done."""
        self._append([_told(entry) for entry in entries])

    def withdraw(self, path: str) -> None:
        """Note that a file was left as it was after all."""
        self._append([{"do": "nothing", "path": path_text(path)}])

    def _append(self, lines: Sequence[Mapping[str, Any]]) -> None:
        if not lines:
            return
        try:
            is_new = not self._path.exists()
            self._path.parent.mkdir(exist_ok=True, parents=True)
            head = [{"export": self.export_id, "kind": self._kind, "version": 1}] if is_new else []
            with self._path.open("a", encoding="utf-8") as file:
                file.write("".join(json.dumps(line) + "\n" for line in (*head, *lines)))
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                sync_folder(str(self._path.parent))
        except OSError as error:
            raise ExportError(
                f"Can't write the export's journal {self._path}: {error.strerror}. Without it nothing is written."
            ) from error

    def end(self) -> None:
        """Note that the export came to its end."""
        if self._path.exists():
            self._append([{"do": "end"}])


@dataclass(frozen=True)
class Past:
    """An export that was done: its entries in order, and whether it came to its end."""

    export_id: str
    kind: str
    entries: tuple[Entry, ...]
    is_ended: bool
    path: Path

    def whole(self) -> Past:
        """Return it with what the files held before."""
        return _read(self.path, with_bytes=True) or self

    def close(self) -> None:
        """Note of one that was cut off that what it left is cleared; half a line at its end goes."""
        with self.path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
            file.seek(0, os.SEEK_END)
            file.write(json.dumps({"do": "end"}).encode() + b"\n")

    def mark_undone(self) -> None:
        """Note that it was taken back."""
        self.path.rename(self.path.with_name(f"{self.export_id}{_UNDONE}"))
        sync_folder(str(self.path.parent))


def home_of(store: Store) -> Path:
    """Return the folder of a library's journals; that of a library in an object store lies in the user's data."""
    if store.folder is not None:
        return Path(store.folder) / FOLDER
    return user_data_path("photoidx") / FOLDER / digest(store.uri.encode())


@contextlib.contextmanager
def exporting(store: Store, kind: str) -> Iterator[Journal]:
    """Be the one export of a library, with a new journal. Raises LibraryLockedError, ExportError."""
    with alone(store):
        home = home_of(store)
        journal = Journal(home, kind, next_id(each.name.partition(".")[0] for each in home.glob(f"*{_SUFFIX}")))
        clear_leftovers(store)
        yield journal
        journal.end()


@contextlib.contextmanager
def alone(store: Store) -> Iterator[None]:
    """Hold the lock of exports. Raises LibraryLockedError."""
    folder = Path(store.folder) if store.folder is not None else home_of(store)
    if store.folder is None:
        folder.mkdir(parents=True, exist_ok=True)
    with export_lock(folder, store.uri):
        yield


def pasts(store: Store, *, with_undone: bool = False) -> list[Past]:
    """Return the exports that were done and not taken back, the oldest first.

    What files held before is empty in the entries, where there was a file: `Past.whole` has it.
    """
    home = home_of(store)
    found = [each for each in sorted(home.glob(f"*{_SUFFIX}")) if with_undone or not each.name.endswith(_UNDONE)]
    return [past for each in found if (past := _read(each, with_bytes=False)) is not None]


@dataclass(frozen=True)
class Earlier:
    """What exports wrote into a sidecar and did not take back. `is_made` tells whether the first of them made it."""

    after: str
    fields: Mapping[str, Mapping[str, Any]]
    foreign_at_ns: int | None
    is_made: bool

    @property
    def added(self) -> list[str]:
        """The keywords that were added."""
        found: list[str] = self.fields.get("keywords", {}).get("added", [])
        return found


def earlier_writes(store: Store) -> dict[str, Earlier]:
    """Return what exports wrote into each sidecar, by path."""
    found: dict[str, Earlier] = {}
    for past in pasts(store):
        for entry in past.entries:
            if isinstance(entry, Write) and entry.fields:
                old = found.get(entry.path, Earlier("", {}, None, is_made=entry.before is None))
                fields = {**old.fields, **entry.fields}
                if "keywords" in entry.fields:
                    fields["keywords"] = {"added": [*old.added, *entry.fields["keywords"]["added"]]}
                found[entry.path] = Earlier(entry.after, fields, entry.foreign_at_ns, old.is_made)
    return found


def clear_leftovers(store: Store) -> None:
    """Remove the halves of files that a killed export left; the names have their old bytes."""
    for past in pasts(store, with_undone=True):
        if not past.is_ended:
            for entry in past.entries:
                with contextlib.suppress(OSError):
                    os.unlink(partial_of(entry.path))
            past.close()


def _told(entry: Entry) -> dict[str, Any]:
    path = path_text(entry.path)
    if isinstance(entry, Folder):
        return {"do": "folder", "path": path}
    if isinstance(entry, Placed):
        return {"do": "place", "path": path, "content_id": entry.content_id}
    packed = None if entry.before is None else base64.b64encode(zlib.compress(entry.before)).decode()
    return {
        "do": "write",
        "path": path,
        "before": packed,
        "before_mtime_ns": entry.before_mtime_ns,
        "after": entry.after,
        "fields": entry.fields,
        "foreign_at_ns": entry.foreign_at_ns,
    }


def _read(path: Path, *, with_bytes: bool) -> Past | None:
    """Read a journal. What was cut off at its end was never done: a line is whole before its file is touched."""
    entries: list[Entry] = []
    head: dict[str, Any] = {}
    is_ended = False
    for text in _whole_lines(path):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise ExportError(f"The export's journal {path} is damaged: {error}") from error
        does: Literal["write", "place", "folder", "nothing", "end"] | None = line.get("do")
        if does is None:
            head = line
        elif does == "nothing":
            entries = [each for each in entries if each.path != text_path(line["path"])]
        elif does == "end":
            is_ended = True
        else:
            entries.append(_entry(line, with_bytes=with_bytes))
    if not head:
        return None
    return Past(head["export"], head["kind"], tuple(entries), is_ended, path)


def _whole_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield line


def _entry(line: Mapping[str, Any], *, with_bytes: bool) -> Entry:
    path = text_path(line["path"])
    if line["do"] == "folder":
        return Folder(path)
    if line["do"] == "place":
        return Placed(path, line["content_id"])
    before = None if line["before"] is None else b""
    if with_bytes and before is not None:
        before = zlib.decompress(base64.b64decode(line["before"]))
    return Write(path, before, line["before_mtime_ns"], line["after"], line["fields"], line["foreign_at_ns"])
