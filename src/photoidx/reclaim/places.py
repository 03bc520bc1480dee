"""Where the trash is, which roots look incomplete, and what lies beside a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from photoidx.records import path_text, text_path

TRASH = ".photoidx-trash"
"""The trash folder's name. A scan leaves out names that begin with a dot."""
_MISSING_SHARE = 0.05


def trash_of(root: str) -> str:
    """Return the trash folder of a root (both as the operating system spells them), on the same file system.

    It is beside the root; inside it where the root is a disk of its own, or the folder around it can't be written to.
    """
    real = os.path.realpath(root)
    parent = os.path.dirname(real)
    with contextlib.suppress(OSError):
        if parent != real and os.stat(parent).st_dev == os.stat(real).st_dev and os.access(parent, os.W_OK):
            return os.path.join(parent, TRASH)
    return os.path.join(real, TRASH)


def trashes(roots: Iterable[str]) -> list[str]:
    """Return the trash folders that there are for these roots, wherever they were put."""
    found = []
    for root in roots:
        real = os.path.realpath(root)
        found += [os.path.join(os.path.dirname(real), TRASH), os.path.join(real, TRASH)]
    return [each for each in dict.fromkeys(found) if os.path.isdir(each)]


def incomplete(files: Iterable[Mapping[str, Any]], moved: Collection[str] = ()) -> dict[str, str]:
    """Say of the roots that look incomplete why. One stat a file.

    A root does if it can't be listed, or if more than one file in twenty, and more than one, is not there that the
    last scan saw. `moved` are paths of files that are in the trash.
    """
    counts: dict[str, list[int]] = {}
    for row in files:
        if row["path"] not in moved:
            count = counts.setdefault(row["root"], [0, 0])
            count[0] += 1
            count[1] += not os.path.lexists(text_path(row["path"]))
    found = {}
    for root, (total, missing) in counts.items():
        try:
            with os.scandir(text_path(root)):
                pass
        except OSError as error:
            found[root] = f"{root} can't be listed ({error.strerror}); is a drive away?"
            continue
        if missing > 1 and missing > _MISSING_SHARE * total:
            found[root] = (
                f"{missing:,} of {total:,} files that the last scan saw below {root} are not there; is a drive away? "
                "If you moved them, scan it first."
            )
    return found


def unknown_beside(known: Collection[str]) -> Callable[[str], list[str]]:
    """Return a function that lists the files beside a path that bear its name, and are not among the known ones.

    Such are a program's notes: `IMG_1.pp3`, `IMG_1.jpg.json`. Paths are as the tables have them.
    """

    @cache
    def names(folder: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        with contextlib.suppress(OSError):
            for entry in os.scandir(text_path(folder)):
                if not entry.name.startswith(".") and not entry.is_dir():
                    found.setdefault(entry.name.partition(".")[0], []).append(path_text(entry.name))
        return found

    def beside(path: str) -> list[str]:
        folder, name = os.path.split(path)
        return [
            whole
            for whole in (os.path.join(folder, other) for other in _of_name(names(folder), name))
            if whole not in known
        ]

    return beside


def _of_name(names: Mapping[str, list[str]], name: str) -> Iterator[str]:
    stem = os.path.splitext(name)[0]
    for other in names.get(text_path(name).partition(".")[0], ()):
        if other != name and (other.startswith(name + ".") or os.path.splitext(other)[0] == stem):
            yield other
