"""What is in the trash: listed, put back, emptied; and what a killed command left is made good first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import filelock

from photoidx.errors import LibraryLockedError, QueryError
from photoidx.reclaim.journal import NAME, Batch, Entry, Journal, State, read_batch
from photoidx.reclaim.moving import ChangedError, Hashes, put_back
from photoidx.records import path_text

_LOCK = "lock"
_HELD = frozenset({State.MOVED})
_ON_ITS_WAY = frozenset({State.MOVING, State.RESTORING})
_OVER = frozenset({State.RESTORED, State.DELETED})


@dataclass
class Done:
    """What was done: files and bytes, and in words what was not, and why."""

    files: int = 0
    size: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Count a unit."""
        self.files += len(entry.files)
        self.size += entry.size


@contextlib.contextmanager
def locked(trash: str) -> Iterator[None]:
    """Be the only one that moves files into or out of a trash folder. Raises LibraryLockedError, OSError."""
    lock = filelock.FileLock(os.path.join(trash, _LOCK))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise LibraryLockedError(f"Another process moves files into or out of {trash}. Wait until it ends.") from None
    try:
        yield
    finally:
        lock.release()


def batches(trashes: Sequence[str]) -> list[Batch]:
    """Return the batches in these trash folders, the oldest first."""
    found = []
    for trash in trashes:
        with os.scandir(trash) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
        found += [batch for name in names if (batch := read_batch(os.path.join(trash, name))) is not None]
    return sorted(found, key=lambda batch: (batch.at, batch.batch_id))


def recover(trash: str) -> list[str]:
    """Make good what a killed command left in a trash folder: units on their way go back to their place.

    The caller has the folder locked. Returns what could not be made good, in words.
    """
    problems = []
    for batch in batches([trash]):
        for entry in batch.entries.values():
            if entry.state in _ON_ITS_WAY:
                left = put_back(entry)
                problems += left
                if not left:
                    _note(batch, entry, State.RESTORED)
            elif entry.state is State.DELETING:
                problems += _delete(batch, entry)
    return problems


def put_back_units(found: Sequence[tuple[Batch, Entry]]) -> Done:
    """Move these units back to where they were, the last one first. Each goes as a whole, or stays in the trash."""
    done = Done()
    for batch, entry in reversed(found):
        problem = _restore(batch, entry)
        if problem:
            done.problems.append(problem)
        else:
            done.add(entry)
    for folder in {batch.folder for batch, _ in found}:
        tidy(folder)
    return done


def held(found: Sequence[Batch]) -> list[tuple[Batch, Entry]]:
    """Return the units that are in the trash, the oldest first."""
    return [(batch, entry) for batch in found for entry in batch.entries.values() if entry.state in _HELD]


def rows(found: Sequence[Batch]) -> list[dict[str, Any]]:
    """Return a row for each file in the trash, the newest first; paths as the tables have them."""
    return [
        {
            "path": path_text(file.source),
            "size": file.size,
            "batch": batch.batch_id,
            "at": datetime.fromisoformat(batch.at).replace(tzinfo=None, microsecond=0),
            "what": entry.what,
            "reason": entry.reason,
            "kept": [path for path, _ in entry.kept],
            "in_trash": path_text(file.target),
        }
        for batch, entry in reversed(held(found))
        for file in entry.files
    ]


def last_batch(found: Sequence[Batch], library: str) -> list[tuple[Batch, Entry]]:
    """Return the units of the last `reclaim` of a library that are still in the trash. Raises QueryError if none is."""
    there = [(batch, entry) for batch, entry in held(found) if batch.library == library]
    if not there:
        raise QueryError("There is nothing in the trash to bring back.")
    last = there[-1][0].batch_id
    return [(batch, entry) for batch, entry in there if batch.batch_id == last]


def chosen(found: Sequence[Batch], wanted: Sequence[str]) -> list[tuple[Batch, Entry]]:
    """Return the units that are asked for, by the path where a file of theirs was, or by a batch.

    Raises QueryError for one that is not in the trash.
    """
    there = held(found)
    result: list[tuple[Batch, Entry]] = []
    for each in wanted:
        path = os.path.abspath(each)
        units = [
            (batch, entry)
            for batch, entry in there
            if each == batch.batch_id or any(path == file.source for file in entry.files)
        ]
        if not units:
            raise QueryError(f"{each} is not in the trash. `photoidx trash list` shows what is.")
        result += [unit for unit in units if unit not in result]
    return result


def older_than_units(found: Sequence[Batch], age: timedelta) -> list[tuple[Batch, Entry]]:
    """Return the units that were put into the trash longer ago than this."""
    limit = datetime.now(UTC) - age
    return [(batch, entry) for batch, entry in held(found) if datetime.fromisoformat(batch.at) <= limit]


def empty(found: Sequence[tuple[Batch, Entry]], *, even_last: bool, on_done: Callable[[], None] = lambda: None) -> Done:
    """Delete these units for good. One whose kept file is not there now, byte for byte, stays, unless `even_last`."""
    done, hashes = Done(), Hashes()
    for batch, entry in found:
        try:
            for path, content_id in () if even_last else entry.kept:
                hashes.check(path, content_id)
        except ChangedError as error:
            name = path_text(entry.files[0].source)
            done.problems.append(f"{name} stays in the trash, it may be the last copy: {error}")
            continue
        _note(batch, entry, State.DELETING)
        problems = _delete(batch, entry)
        done.problems += problems
        if not problems:
            done.add(entry)
        on_done()
    for folder in {batch.folder for batch, _ in found}:
        tidy(folder)
    return done


def _restore(batch: Batch, entry: Entry) -> str:
    taken = [file.source for file in entry.files if os.path.lexists(file.source)]
    lost = [file.target for file in entry.files if not os.path.lexists(file.target)]
    if taken:
        return f"{path_text(taken[0])} is there again: nothing is written over. Its old bytes stay in the trash."
    if lost:
        return f"{path_text(lost[0])} is not in the trash any more; is a drive away? Nothing of its unit was moved."
    if not os.path.isdir(batch.root):
        return f"There is no folder {path_text(batch.root)}; is a drive away?"
    try:
        _note(batch, entry, State.RESTORING)
        left = put_back(entry)
        if not left:
            _note(batch, entry, State.RESTORED)
    except OSError as error:
        return f"The journal in {path_text(batch.folder)} can't be written: {error.strerror}."
    return "; ".join(left)


def _delete(batch: Batch, entry: Entry) -> list[str]:
    problems = []
    for file in entry.files:
        try:
            os.unlink(file.target)
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{path_text(file.target)} can't be deleted: {error.strerror}.")
    if not problems:
        _note(batch, entry, State.DELETED)
    return problems


def _note(batch: Batch, entry: Entry, state: State) -> None:
    with Journal(batch.folder) as journal:
        journal.note(entry, state)


def tidy(folder: str) -> None:
    """Remove the empty folders of a batch; and the batch, if nothing of it is in the trash or on its way."""
    for below, _folders, _names in os.walk(folder, topdown=False):
        if below != folder:
            with contextlib.suppress(OSError):
                os.rmdir(below)
    batch = read_batch(folder)
    if batch is None or all(each.state in _OVER for each in batch.entries.values()):
        with contextlib.suppress(OSError):
            if os.listdir(folder) == [NAME]:
                os.unlink(os.path.join(folder, NAME))
            os.rmdir(folder)
