"""A scan of some folders of a root: what is listed, and which known files may be judged by it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from photoidx.files import is_below
from photoidx.indexer.media.walk import Listing, enter, is_excluded, take

_Known = TypeVar("_Known")
Identity = tuple[int, int]


def walk_some(
    root: str,
    folders: Iterable[str],
    known: Mapping[str, _Known],
    excludes: tuple[str, ...] = (),
    *,
    follows: Callable[[str], bool] = lambda _folder: True,
    stop: threading.Event | None = None,
) -> tuple[Listing, dict[str, _Known]]:
    """List these folders of a root, and below them the folders that hold no known file; the rest is as in `walk`.

    Returns the listing, and those of the known files that are judged by it: the files of the folders that were listed,
    and of folders that those no longer hold. A folder that is not there is judged by the one that it lay in, up to the
    root; if that can't be listed either, nothing is judged. Costs one scandir a folder, one stat a file, and a look at
    the folder of each known file.
    """
    listing = Listing(root)
    below = {path: each for path, each in known.items() if is_below(path, root)}
    holding = _folders_of(below, root)
    inside: dict[str, list[str]] = {}
    entered: set[tuple[int, int]] = set()
    waiting = [folder for folder in folders if folder == root or is_of_interest(folder, root, excludes)]
    began_with = identity(root)
    while waiting:
        folder = waiting.pop()
        if folder in inside or folder in listing.unlisted:
            continue
        if _is_behind_link(folder, root, follows):
            waiting.append(os.path.dirname(folder))
            continue
        try:
            inside[folder] = take(listing, enter(folder, entered), excludes, follow=follows(folder), stop=stop)
        except (FileNotFoundError, NotADirectoryError) as error:
            if folder == root:
                listing.unlisted[root] = error.strerror or str(error)
            else:
                waiting.append(os.path.dirname(folder))
            continue
        except OSError as error:
            listing.unlisted[folder] = error.strerror or str(error)
            continue
        waiting += [each for each in inside[folder] if each not in holding]
    if began_with != identity(root):  # a drive that leaves in the middle leaves an empty folder
        listing.unlisted[root] = "another folder came in its place meanwhile"
    judged = {folder for folder in holding if folder in inside or _has_left(folder, inside)}
    return listing, {path: each for path, each in below.items() if os.path.dirname(path) in judged}


def _is_behind_link(folder: str, root: str, follows: Callable[[str], bool]) -> bool:
    """Return whether a folder below a root, or one that it lies in, is a link that is not followed."""
    while folder != root:
        above = os.path.dirname(folder)
        if not follows(above) and os.path.islink(folder):
            return True
        folder = above
    return False


def is_of_interest(folder: str, root: str, excludes: tuple[str, ...]) -> bool:
    """Return whether a walk of the root would come to a folder."""
    if not is_below(folder, root):
        return False
    while folder != root:
        above, name = os.path.split(folder)
        if is_excluded(name, folder, excludes):
            return False
        folder = above
    return True


def identity(folder: str) -> Identity | None:
    """Name the very folder that is at a path now; None if there is none. Another mount is another folder."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _has_left(folder: str, inside: Mapping[str, Collection[str]]) -> bool:
    """Return whether a folder, or one that it lay in, is no longer in the listed one that held it."""
    above = os.path.dirname(folder)
    while above != folder:
        if above in inside:
            return folder not in inside[above]
        folder, above = above, os.path.dirname(above)
    return False


def _folders_of(paths: Iterable[str], root: str) -> set[str]:
    """Return the folders of files, and all that those lie in, up to the root."""
    found: set[str] = set()
    for folder in {os.path.dirname(path) for path in paths}:
        each = folder
        while each not in found and (each == root or is_below(each, root)):
            found.add(each)
            each = os.path.dirname(each)
    return found
