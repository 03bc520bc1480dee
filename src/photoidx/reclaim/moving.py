"""Files moved whole or not at all, after their bytes were read again; nothing is ever written over."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from photoidx.reclaim.journal import Entry, Journal, Moved, State
from photoidx.reclaim.units import Kept, Unit
from photoidx.records import content_id_of_stream, text_path

_NOREPLACE, _HERE = 1, -100
_NOT_HERE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})


class ChangedError(Exception):
    """A file is not what it should be; the message says so in words."""


class _Seen(NamedTuple):
    """A file when its bytes were read."""

    device: int
    inode: int
    size: int
    mtime_ns: int


class Hashes:
    """The hashes of files, read again if anything about a file is another than when it was read last."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int, int, int], str] = {}

    def check(self, path: str, content_id: str | None) -> tuple[_Seen, str]:
        """Read a file (its path as the tables have it) and return what it is. Raises ChangedError."""
        place = text_path(path)
        try:
            status = os.lstat(place)
            if not stat.S_ISREG(status.st_mode):
                raise ChangedError(f"{path} is a link, or no file")
            key = (place, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if key not in self._known:
                with open(place, "rb") as file:
                    self._known[key] = content_id_of_stream(file)
        except OSError as error:
            raise ChangedError(f"{path} can't be read: {error.strerror}") from None
        if content_id is not None and self._known[key] != content_id:
            raise ChangedError(f"{path} is not what the last scan saw: its bytes are others. Scan it again")
        seen = _Seen(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        return seen, self._known[key]


def move_unit(unit: Unit, number: int, folder: str, journal: Journal, hashes: Hashes) -> str:
    """Move a unit's files into a batch's folder, and return why it stays, else nothing.

    Every file, and every one that is kept for it, is read again first. Raises OSError where the journal can't be
    written.
    """
    try:
        members = [(member, *hashes.check(member.path, member.content_id)) for member in unit.members]
        seen = [each for _, each, _ in members]
        _check_kept(unit.kept, seen, hashes)
        files = []
        for member, state, content_id in members:
            _check_place(member.path, unit.root)
            target = _target(member.path, unit.root, folder)
            files.append(Moved(text_path(member.path), target, content_id, state.size))
    except ChangedError as error:
        return str(error)
    entry = Entry(number, unit.what, unit.reason, files, [(each.path, each.content_id) for each in unit.kept])
    journal.begin_unit(entry)
    try:
        for file, state in zip(files, seen, strict=True):
            os.makedirs(os.path.dirname(file.target), exist_ok=True)
            rename_new(file.source, file.target)
            status = os.lstat(file.target)
            if _Seen(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) != state:
                raise ChangedError(f"{file.source} was changed while it was moved")  # noqa: TRY301 - put back as others
        journal.note(entry, State.MOVED)
    except (OSError, ChangedError) as error:
        left = put_back(entry)
        with contextlib.suppress(OSError):
            if not left:
                journal.note(entry, State.RESTORED)
        words = f"{unit.members[0].path}: {error.strerror}" if isinstance(error, OSError) else str(error)
        return "; ".join([words, *left])
    return ""


def put_back(entry: Entry) -> list[str]:
    """Move the files of a unit that are in the trash to where they were; say of each that stays there why."""
    left = []
    for file in entry.files:
        if not os.path.lexists(file.target):
            continue
        try:
            os.makedirs(os.path.dirname(file.source), exist_ok=True)
            rename_new(file.target, file.source)
        except FileExistsError:
            left.append(f"{file.source} is there again; its old bytes stay at {file.target}")
        except OSError as error:
            left.append(f"{file.source} can't be put back: {error.strerror}; it stays at {file.target}")
    return left


def rename_new(source: str, target: str) -> None:
    """Rename a file, in one step, to a name that there is not. Raises FileExistsError if there is, and OSError."""
    call = _exclusive_rename()
    if call is not None:
        problem = call(os.fsencode(source), os.fsencode(target))
        if not problem:
            return
        if problem not in _NOT_HERE:
            raise OSError(problem, os.strerror(problem), source, None, target)
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    os.rename(source, target)


@cache
def _exclusive_rename() -> Callable[[bytes, bytes], int] | None:
    """Return the system's rename that never replaces a file, giving an error number; None where it has none."""
    try:
        if sys.platform == "linux":
            call = ctypes.CDLL(None, use_errno=True).renameat2
            return lambda old, new: ctypes.get_errno() if call(_HERE, old, _HERE, new, _NOREPLACE) else 0
    except (OSError, AttributeError):
        pass
    return None


def _check_kept(kept: Sequence[Kept], going: Sequence[_Seen], hashes: Hashes) -> None:
    for each in kept:
        seen, _ = hashes.check(each.path, each.content_id)
        if any((seen.device, seen.inode) == (other.device, other.inode) for other in going):
            raise ChangedError(f"{each.path} is another name of the file that was to go")


def _check_place(path: str, root: str) -> None:
    """Raise ChangedError if a path leads out of its root by a link: what is moved must be the file itself."""
    place, top = text_path(path), text_path(root)
    if os.path.realpath(place) != os.path.join(os.path.realpath(top), os.path.relpath(place, top)):
        raise ChangedError(f"{path} is reached by a link")


def _target(path: str, root: str, folder: str) -> str:
    place, top = text_path(path), text_path(root)
    return os.path.join(folder, os.path.basename(top) or "root", os.path.relpath(place, top))
