"""The journal of a batch in the trash: what is to be moved is written, and on the disk, before anything is moved.

A batch is a folder `TRASH/BATCH` with the files and `journal.jsonl`. A line is one record: first the batch itself, then
for each unit its files and each of its states. Nothing is ever changed in it; a line that was cut off tells of nothing
that was done.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

NAME = "journal.jsonl"


class State(StrEnum):
    """What is done with a unit. It is in its place, in the trash, or nowhere; or on its way (the words in -ing)."""

    MOVING = "moving"
    MOVED = "moved"
    RESTORING = "restoring"
    RESTORED = "restored"
    DELETING = "deleting"
    DELETED = "deleted"


@dataclass(frozen=True)
class Moved:
    """One file: where it was, where it is in the trash, and what it is."""

    source: str
    target: str
    content_id: str
    size: int


@dataclass
class Entry:
    """One unit of a batch. `kept` are the path and content id of each file that stays for it."""

    number: int
    what: str
    reason: str
    files: Sequence[Moved]
    kept: Sequence[tuple[str, str]]
    state: State = State.MOVING

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)


@dataclass
class Batch:
    """What one `reclaim` put into one trash folder. `at` is in UTC, as ISO 8601 spells it."""

    folder: str
    batch_id: str
    library: str
    root: str
    at: str
    entries: dict[int, Entry] = field(default_factory=dict)


class Journal:
    """A journal that is written to. Each line is on the disk when `write` returns."""

    def __init__(self, folder: str) -> None:
        """Open a batch's journal, and end a line that was cut off. Raises OSError."""
        self._file = open(os.path.join(folder, NAME), "ab+", buffering=0)  # noqa: SIM115 - closed by `close`
        end = self._file.seek(0, os.SEEK_END)
        if end:
            self._file.seek(end - 1)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    @classmethod
    def begin(cls, batch: Batch) -> Self:
        """Make a batch's folder with its journal. Raises OSError."""
        os.makedirs(batch.folder, exist_ok=False)
        journal = cls(batch.folder)
        head = {"batch": batch.batch_id, "library": batch.library, "root": batch.root, "at": batch.at}
        journal.write(head)
        for folder in (batch.folder, os.path.dirname(batch.folder)):
            sync_folder(folder)
        return journal

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a line. Raises OSError; then nothing of it is there."""
        line = json.dumps(record).encode() + b"\n"
        before = self._file.seek(0, os.SEEK_END)
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - as if the system had said it
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(before)
            raise

    def begin_unit(self, entry: Entry) -> None:
        """Note a unit before its files are moved."""
        files = [[file.source, file.target, file.content_id, file.size] for file in entry.files]
        kept = [list(each) for each in entry.kept]
        self.write({"unit": entry.number, "what": entry.what, "reason": entry.reason, "files": files, "kept": kept})

    def note(self, entry: Entry, state: State) -> None:
        """Note a unit's new state."""
        self.write({"unit": entry.number, "state": state.value})
        entry.state = state

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def read_batch(folder: str) -> Batch | None:
    """Read a batch; None if its folder has no journal, or one that was cut off before its first line."""
    batch: Batch | None = None
    for record in _records(os.path.join(folder, NAME)):
        if "batch" in record:
            batch = Batch(folder, record["batch"], record["library"], record["root"], record["at"])
        elif batch is not None and "files" in record:
            files = [Moved(*each) for each in record["files"]]
            kept = [(path, content_id) for path, content_id in record["kept"]]
            number = record["unit"]
            batch.entries[number] = Entry(number, record["what"], record["reason"], files, kept)
        elif batch is not None and record.get("unit") in batch.entries:
            batch.entries[record["unit"]].state = State(record["state"])
    return batch


def _records(path: str) -> Iterator[dict[str, Any]]:
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def sync_folder(folder: str) -> None:
    """Have a folder's entries on the disk, where the system can do that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:  # a file system without it
        return
    finally:
        os.close(handle)
