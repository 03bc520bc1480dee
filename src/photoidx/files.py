"""Paths, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def is_below(path: str, folder: str) -> bool:
    """Return whether a path lies in a folder or deeper."""
    return path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def is_at_or_below(path: str, folder: str) -> bool:
    """Return whether a path is a folder, or lies in it or deeper."""
    return path == folder or is_below(path, folder)


def write_whole(path: Path, data: bytes | str) -> None:
    """Write a file so that its name has the old bytes or the new ones, whatever happens. Raises OSError.

    Text is UTF-8. Killed, it may leave `<name>.partial` beside it, which the next writing replaces.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
