"""Put a file where it belongs so that its name has the old bytes or the new ones, and nobody else's work is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator

from blake3 import blake3

from photoidx.errors import ExportError

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up", errno.EFBIG: "no file may be so large"}
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EINVAL})


class ChangedMeanwhileError(OSError):
    """A file is not as it was when it was read: another program has written it, and what that wrote stays."""


def partial_of(path: str) -> str:
    """Return where a file's new bytes lie until they are whole: hidden, and of no kind that a scan or a watch takes."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".photoidx-{blake3(os.fsencode(name)).hexdigest(length=8)}.partial")


def put(path: str, data: bytes, expected: bytes | None, mtime_ns: int | None = None) -> None:
    """Write a file whose bytes were `expected` (None: there was none). Raises ChangedMeanwhileError, OSError.

    The new bytes are on the disk before the name has them. `mtime_ns` is the time that the file is to have.
    """
    partial = partial_of(path)
    try:
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if expected is not None:
            if not os.stat(path).st_mode & stat.S_IWUSR:
                raise PermissionError(errno.EACCES, "the file is write-protected", path)
            shutil.copymode(path, partial)
        if mtime_ns is not None:
            os.utime(partial, ns=(mtime_ns, mtime_ns))
        if read_or_none(path) != expected:
            raise ChangedMeanwhileError(errno.EBUSY, "another program has changed it meanwhile", path)
        if expected is None:
            place_new(partial, path)
        else:
            os.replace(partial, path)
        sync_folder(os.path.dirname(path))
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


def place_new(partial: str, path: str) -> None:
    """Give a whole file its name, which nothing may have. Raises ChangedMeanwhileError if something has it."""
    try:
        os.link(partial, path)
    except FileExistsError:
        raise ChangedMeanwhileError(errno.EEXIST, "another program has made it meanwhile", path) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):  # FAT and the like know no links: here alone a moment is left to another program
            raise ChangedMeanwhileError(errno.EEXIST, "another program has made it meanwhile", path) from None
        os.rename(partial, path)
        return
    os.unlink(partial)


def read_or_none(path: str) -> bytes | None:
    """Return a file's bytes; None if there is no such file. Raises OSError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def sync_folder(folder: str) -> None:
    """Have the names of a folder on the disk, where the system can do so."""
    with contextlib.suppress(OSError):
        handle = os.open(folder or os.curdir, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_full(error: OSError) -> bool:
    """Return whether an error says that there is no room: what follows would fail, too."""
    return error.errno in _FULL


@contextlib.contextmanager
def ended_when_full(what: str) -> Iterator[None]:
    """Raise ExportError for a disk that is full: what follows would fail, too."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise ExportError(
                f"Can't go on with {what}: {_FULL[error.errno or 0]}. What was written before is whole; make room "
                "and do it again, or take it back with: photoidx export --undo"
            ) from error
        raise


def words_of(error: Exception) -> str:
    """Return what an error says, in a few words."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
