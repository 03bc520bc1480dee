"""One writer at a time: a lock beside the tables, with the name of its holder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from photoidx.errors import LibraryLockedError, PhotoidxError

LOCK, HOLDER = "writer.lock", "writer.json"
_POLL_S = 0.2


@contextlib.contextmanager
def writer_lock(folder: Path, uri: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the lock of a library's folder. Raises LibraryLockedError, naming the holder, if it isn't free in time.

    The operating system frees the lock when its holder dies.
    """
    lock = filelock.FileLock(str(folder / LOCK))
    holder = folder / HOLDER
    until = time.monotonic() + wait_s
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except filelock.Timeout:
            if time.monotonic() >= until:
                who = _read_holder(holder)
                raise LibraryLockedError(
                    f"The library at {uri} is being written by {who}. Wait until it ends, and try again."
                ) from None
            time.sleep(_POLL_S)
        except OSError as error:
            raise PhotoidxError(
                f"Can't write to the library at {uri}: {error.strerror}. Choose another with --library."
            ) from error
    try:
        _note_holder(holder, uri)
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Tell whether someone holds the lock now."""
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


def _note_holder(holder: Path, uri: str) -> None:
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
    except OSError as error:
        raise PhotoidxError(f"Can't write to the library at {uri}: {error.strerror}.") from error


def _read_holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
