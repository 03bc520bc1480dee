"""What is on disk: the photos, sidecars and videos below a folder."""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from photoidx.records import format_of, mtime_of

# Folders that programs and network drives keep for themselves.
_OWN_FOLDERS = frozenset({"@eaDir", "#recycle", "lost+found"})
# What was deleted since its folder was listed, and links to nothing, into a file, or to themselves.
_NOTHING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_HALF = 1 << 63
WITHOUT_SUFFIX, OTHER = "(none)", "(other)"
_LONGEST_SUFFIX = 12


class StoppedError(Exception):
    """A walk was asked to stop. What it did not list is not gone."""


class FileState(NamedTuple):
    """A file as a folder's listing shows it. Two equal states mean that the bytes have not changed.

    `mtime_ns` is None for a time that the tables can't hold: before 1678 or after 2262. A tuple, because a rescan makes
    two of them for each file and compares them.
    """

    size: int
    mtime_ns: int | None
    inode: int


class Remembered(Protocol):
    """What the tables hold of a file."""

    @property
    def path(self) -> str:
        """Its path, or an empty text."""

    @property
    def state(self) -> FileState:
        """Its state when it was last seen."""


@dataclass
class Listing:
    """What a walk found. `unlisted` are folders that could not be listed: nothing is known about what lies below.

    `not_understood` counts files of no known kind, by suffix. Of a file that is in `known` with the same state, the
    very path and state are taken from there: a rescan of a million files would else hold each of them twice.
    """

    root: str
    files: dict[str, FileState] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)
    excluded: int = 0
    not_understood: Counter[str] = field(default_factory=Counter)
    known: Mapping[str, Remembered] = field(default_factory=dict, repr=False)


def walk(
    root: str,
    excludes: tuple[str, ...] = (),
    known: Mapping[str, Remembered] | None = None,
    *,
    follows: Callable[[str], bool] = lambda _folder: True,
    stop: threading.Event | None = None,
) -> Listing:
    """List the files of interest below `root`, an absolute path.

    Hidden names, the folders of programs, and names or paths that match one of the globs are left out. Links to files
    and folders are followed, also out of the root, where `follows` says so of the folder that they lie in; a folder is
    entered once, so a loop of links ends. Pipes and devices are not files. Costs one scandir a folder and one stat a
    file. Raises StoppedError soon after `stop` is set.
    """
    listing = Listing(root, known=known or {})
    entered: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            waiting += take(listing, enter(folder, entered), excludes, follow=follows(folder), stop=stop)
        except OSError as error:
            listing.unlisted[folder] = error.strerror or str(error)
    return listing


def take(
    listing: Listing,
    entries: Iterable[os.DirEntry[str]],
    excludes: tuple[str, ...],
    *,
    follow: bool = True,
    stop: threading.Event | None = None,
) -> list[str]:
    """Take the files of interest among a folder's entries into a listing, and return its folders of interest.

    Raises StoppedError when `stop` is set.
    """
    folders: list[str] = []
    for entry in entries:
        if stop is not None and stop.is_set():
            raise StoppedError
        if is_excluded(entry.name, entry.path, excludes):
            listing.excluded += 1
            continue
        try:
            if not follow and _is_link(entry):
                continue
            if entry.is_dir():
                folders.append(entry.path)
            elif format_of(entry.name) is not None:
                _add(listing, entry)
            elif entry.is_file():
                listing.not_understood[suffix_of(entry.name)] += 1
        except OSError as error:
            if error.errno not in _NOTHING:
                listing.unlisted[entry.path] = error.strerror or str(error)
    return folders


def enter(folder: str, entered: set[tuple[int, int]]) -> Iterator[os.DirEntry[str]]:
    """List a folder, unless it was entered before, under another name. Raises OSError, also in the middle.

    No list is made: of a folder with a million entries it would take 300 MB, and 700 once stat was asked of each.
    """
    status = os.stat(folder)
    identity = (status.st_dev, status.st_ino)
    if status.st_ino and identity in entered:
        return
    entered.add(identity)
    with os.scandir(folder) as entries:
        yield from entries


def is_excluded(name: str, path: str, excludes: tuple[str, ...]) -> bool:
    """Return whether an entry of a folder is left out by its name or path."""
    if name.startswith(".") or name in _OWN_FOLDERS:
        return True
    return bool(excludes) and any(fnmatch.fnmatch(name, glob) or fnmatch.fnmatch(path, glob) for glob in excludes)


def suffix_of(name: str) -> str:
    """Return a name's suffix as files that are not understood are counted by: in lower case, with its dot."""
    stem, _, suffix = name.rpartition(".")
    if not stem:
        return WITHOUT_SUFFIX
    return f".{suffix.lower()}" if suffix.isprintable() and 0 < len(suffix) <= _LONGEST_SUFFIX else OTHER


def _is_link(entry: os.DirEntry[str]) -> bool:
    # Python 3.12 and later tell Windows' other kind of link to a folder.
    return entry.is_symlink() or bool(getattr(entry, "is_junction", bool)())


def _add(listing: Listing, entry: os.DirEntry[str]) -> None:
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        return
    old = listing.known.get(entry.path)
    told: object = (status.st_size, status.st_mtime_ns, status.st_ino)
    if old is not None and old.path and told == old.state:
        listing.files[old.path] = old.state
    else:
        listing.files[entry.path] = state_of(status)


def state_of(status: os.stat_result) -> FileState:
    """Return a file's state, each number of which fits a signed integer of 64 bits, as the tables hold it."""
    return FileState(_signed(status.st_size), mtime_of(status), _signed(status.st_ino))


def _signed(number: int) -> int:
    # An inode number may use all 64 bits, and on Windows 128.
    return number if -_HALF <= number < _HALF else (number + _HALF) % (2 * _HALF) - _HALF
