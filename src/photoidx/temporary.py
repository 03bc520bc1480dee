"""Temporary folders. Each is locked by the process that made it, so that another can tell that its maker is dead."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from photoidx.errors import PhotoidxError

PREFIX = "photoidx-"
_LOCK = "owner.lock"
_FORGOTTEN_S = 86_400.0
"""A folder without a lock was made by a process that died at once, if it is so old."""
_open: set[TemporaryFolder] = set()


class TemporaryFolder:
    """A folder at `path`, until `close`. Raises PhotoidxError if none can be made."""

    def __init__(self, purpose: str = "scan") -> None:
        try:
            self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-"))
            self._lock = filelock.FileLock(str(self.path / _LOCK))
            self._lock.acquire(timeout=0)
        except OSError as error:
            raise too_little_room(error) from error
        _open.add(self)

    def close(self) -> None:
        """Remove the folder and what is in it."""
        _open.discard(self)
        _remove(self.path, self._lock)


def close_all() -> None:
    """Remove the temporary folders of this process, which ends."""
    for each in list(_open):
        each.close()


@contextlib.contextmanager
def temporary_folder(purpose: str) -> Iterator[str]:
    """Return the path of a folder that is removed at the end. Raises PhotoidxError if none can be made."""
    folder = TemporaryFolder(purpose)
    try:
        yield str(folder.path)
    finally:
        folder.close()


def too_little_room(error: OSError) -> PhotoidxError:
    """Return the error for a temporary folder that can't be made or written to."""
    place = tempfile.tempdir or "for temporary files"
    return PhotoidxError(
        f"The folder {place} takes no temporary files: {error.strerror or error}. "
        "Make room there, or name another folder in the environment variable TMPDIR."
    )


def remove_abandoned() -> int:
    """Remove the temporary folders of processes that were killed, and return their number. Those in use stay."""
    removed = 0
    try:
        with os.scandir(tempfile.gettempdir()) as entries:
            found = [Path(entry.path) for entry in entries if entry.name.startswith(PREFIX) and _is_ours(entry)]
    except OSError:
        return 0
    for folder in found:
        lock = filelock.FileLock(str(folder / _LOCK))
        try:
            if not (folder / _LOCK).exists() and time.time() - folder.stat().st_mtime < _FORGOTTEN_S:
                continue
            lock.acquire(timeout=0)
        except (OSError, filelock.Timeout):
            continue
        _remove(folder, lock)
        removed += 1
    return removed


def _is_ours(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder of this user, and no link to one."""
    try:
        owner = entry.stat(follow_symlinks=False).st_uid
        return entry.is_dir(follow_symlinks=False) and (not hasattr(os, "getuid") or owner == os.getuid())
    except OSError:
        return False


def _remove(folder: Path, lock: filelock.BaseFileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()  # Windows keeps a file that is open
    shutil.rmtree(folder, ignore_errors=True)
