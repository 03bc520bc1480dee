"""One writer at a time: a lock beside the tables, with the name of its holder. And one watch of a library."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from photoidx.errors import LibraryLockedError, PhotoidxError
from photoidx.storage.damage import tell_system

LOCK, HOLDER = "writer.lock", "writer.json"
WATCH_LOCK, WATCH_HOLDER = "watch.lock", "watch.json"
EXPORT_LOCK = "export.lock"
WATCH = "the watch"
WATCH_PATIENCE_S = 60.0
"""How long every writer waits for a watch, which writes often and briefly."""
_POLL_S = 0.2
_LOGGER = logging.getLogger("photoidx")


@contextlib.contextmanager
def writer_lock(folder: Path, uri: str, wait_s: float = 0.0, role: str = "") -> Iterator[None]:
    """Hold the lock of a library's folder. Raises LibraryLockedError, naming the holder, if it isn't free in time.

    The operating system frees the lock when its holder dies. For a watch everybody but another watch waits longer, and
    the log `photoidx` is told.
    """
    lock = filelock.FileLock(str(folder / LOCK))
    holder = folder / HOLDER
    began, told = time.monotonic(), False
    while not _acquired(lock, uri):
        who = _read_holder(holder)
        is_watch = who.get("role") == WATCH and role != WATCH
        if time.monotonic() - began >= max(wait_s, WATCH_PATIENCE_S if is_watch else 0.0):
            raise LibraryLockedError(
                f"The library at {uri} is being written by {_words(who)}. Wait until it ends, and try again."
            )
        if is_watch and not told:
            _LOGGER.warning("Waiting for %s, which writes to the library now.", _words(who))
            told = True
        time.sleep(_POLL_S)
    try:
        _note_holder(holder, uri, role)
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def watch_lock(folder: Path, uri: str) -> Iterator[None]:
    """Be the one watch of a library, beside which others may write. Raises LibraryLockedError if there is another."""
    lock = filelock.FileLock(str(folder / WATCH_LOCK))
    if not _acquired(lock, uri):
        who = _words(_read_holder(folder / WATCH_HOLDER))
        raise LibraryLockedError(f"The library at {uri} is already watched, by {who}. One watch takes several folders.")
    try:
        _note_holder(folder / WATCH_HOLDER, uri, WATCH)
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def export_lock(folder: Path, uri: str) -> Iterator[None]:
    """Be the one export of a library, beside scans and a watch. Raises LibraryLockedError if there is another."""
    lock = filelock.FileLock(str(folder / EXPORT_LOCK))
    if not _acquired(lock, uri):
        raise LibraryLockedError(f"Another export from the library at {uri} is running. Wait until it ends.")
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: filelock.BaseFileLock, uri: str) -> bool:
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return False
    except OSError as error:
        raise PhotoidxError(
            f"Can't write to the library at {uri}: {error.strerror}. Choose another with --library."
        ) from error
    return True


def is_held(folder: Path) -> bool:
    """Return whether someone holds the lock now."""
    lock = filelock.FileLock(str(folder / LOCK))
    if not (folder / LOCK).exists():
        return False
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    except OSError:  # a library that may only be read
        return False
    lock.release()
    return False


def _note_holder(holder: Path, uri: str, role: str) -> None:
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "role": role}))
    except OSError as error:
        tell_system(uri, error)
        raise PhotoidxError(f"Can't write to the library at {uri}: {error.strerror}.") from error


def _read_holder(path: Path) -> dict[str, Any]:
    try:
        holder = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _words(holder: Mapping[str, Any]) -> str:
    if "pid" not in holder or "host" not in holder:
        return "another process"
    process = f"process {holder['pid']} on {holder['host']}"
    return f"{holder['role']} ({process})" if holder.get("role") else process
