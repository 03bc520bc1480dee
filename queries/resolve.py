"""Find a photo of the library by what a user calls it: its path, or its file's name alone."""

from __future__ import annotations

import difflib
import os
import shlex
from typing import Any

from photoidx.errors import QueryError
from photoidx.queries.contents import quoted
from photoidx.records import path_text
from photoidx.storage.store import Store

_TOLD = 3
_LIKE = 0.7
_COMPARED = 20_000  # names among which the nearest are looked for: some 0.2 s


def resolve_photo(store: Store, photo: str, *, look_at_disk: bool = True) -> dict[str, Any]:
    """Return the row of `files` that a user means: by path, or by the name of one file in the library.

    A file that is there and that the library does not know is never taken for another of its name, but where
    `look_at_disk` is false: SQL looks at no file.
    Raises QueryError, with the nearest names or with all photos of that name.
    """
    is_there = look_at_disk and os.path.lexists(photo)
    row = _by_path(store, photo) or (None if is_there else _by_name(store, photo))
    if row is None:
        raise _unknown(store, photo, is_there=is_there)
    return row


def _by_path(store: Store, photo: str) -> dict[str, Any] | None:
    return _first(_rows(store, f"path = {quoted(path_text(os.path.abspath(photo)))}"))


def _by_name(store: Store, photo: str) -> dict[str, Any] | None:
    if not photo or os.path.basename(photo) != photo:
        return None
    rows = _rows(store, f"ends_with(path, {quoted(path_text(os.sep + photo))}) AND kind = 'photo'")
    if len({row["content_id"] for row in rows}) > 1:
        paths = sorted(row["path"] for row in rows)
        more = f" and {len(paths) - _TOLD:,} more" if len(paths) > _TOLD else ""
        raise QueryError(
            f"There are {len(paths):,} photos named {photo}: {', '.join(paths[:_TOLD])}{more}. Give the path of one."
        )
    return _first(rows)


def _unknown(store: Store, photo: str, *, is_there: bool) -> QueryError:
    """Return the error that says that a photo is not known, with the nearest names."""
    name, folder = os.path.basename(photo), os.path.dirname(os.path.abspath(photo))
    beside = f"starts_with(path, {quoted(path_text(os.path.join(folder, '')))})"
    paths = store.read("files", ["path"], beside)["path"].to_pylist()
    if not paths:
        paths = store.read("files", ["path"])["path"].to_pylist()
    names = {os.path.basename(path): path for path in paths[:_COMPARED]}
    near = [names[each] for each in difflib.get_close_matches(name, names, _TOLD, _LIKE)]
    if near:
        return QueryError(f"{photo} is not in the library. The nearest are: {', '.join(near)}.")
    if folder == os.getcwd():
        if is_there:
            return QueryError(f"{photo} is not in the library. Scan the folder that it lies in first.")
        return QueryError(f"The library has no photo named {name}, and there is none in the current folder.")
    return QueryError(f"{photo} is not in the library. Scan its folder first: photoidx scan {shlex.quote(folder)}")


def _rows(store: Store, where: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = store.read("files", where=where).to_pylist()
    return rows


def _first(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return min(rows, key=lambda row: str(row["path"])) if rows else None
