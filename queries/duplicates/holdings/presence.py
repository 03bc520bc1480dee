"""Whether files are still what the last scan saw: nobody may throw a copy away for one that is no longer there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from photoidx.records import mtime_of, text_path

Identity = tuple[int, int]
"""Device and inode: names with the same one are names of one file, by links or by mounts."""


def present(files: Iterable[Mapping[str, Any]]) -> dict[str, Identity | None]:
    """Return by path what file is there now; None if there is none, or if it was changed since. One stat a file."""
    return {file["path"]: _identity(file) for file in files}


def is_link(file: Mapping[str, Any]) -> bool:
    """Return whether a file is only a link to another, or lies below one."""
    path = text_path(file["path"])
    return os.path.realpath(path) != path


def _identity(file: Mapping[str, Any]) -> Identity | None:
    try:
        status = os.stat(text_path(file["path"]))
    except OSError:
        return None
    unchanged = (status.st_size, mtime_of(status)) == (file["size"], file["mtime_ns"])
    return (status.st_dev, status.st_ino) if unchanged else None
