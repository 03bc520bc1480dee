"""Albums as lists that other programs read: paths, a table, a smart collection, an upload. They are in the journal."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from photoidx.config import Config
from photoidx.errors import ExportError
from photoidx.export.journal import Folder, Write, digest, exporting, pasts
from photoidx.export.known import Photo, known_photos
from photoidx.export.selection import Selection, chosen_paths, cluster_shots, paths_of_shots
from photoidx.export.template import key_of, numbered, safe_name
from photoidx.export.writing import ended_when_full, put, read_or_none
from photoidx.files import is_at_or_below
from photoidx.queries.decisions.view import Flag
from photoidx.queries.sql.query import run_sql
from photoidx.records import path_text, text_path
from photoidx.storage.store import Store

_AT_ONCE = 100  # paths of one call: the shortest line of arguments that systems take is 32 KiB
_FACTS = ("rating", "label", "keywords", "taken_at")


@dataclass(frozen=True)
class Album:
    """A name, and the paths of the photos as tables have them."""

    name: str
    paths: tuple[str, ...]


def albums_of(store: Store, selection: Selection, name: str | None, config: Config | None = None) -> list[Album]:
    """Return the album that is selected; where nothing is, the picks and each cluster."""
    if not selection.is_all:
        given = name or selection.cluster or ("picks" if selection.picks else "selection")
        return [Album(given, tuple(sorted(chosen_paths(store, selection, config) or ())))]
    found = [Album("picks", tuple(sorted(chosen_paths(store, Selection(picks=True), config) or ())))]
    for label, shots in cluster_shots(store).values():
        found.append(Album(label, tuple(sorted(paths_of_shots(store, shots)))))
    return [album for album in found if album.paths]


def write_albums(store: Store, to: str, albums: Sequence[Album], formats: Sequence[str]) -> list[dict[str, Any]]:
    """Write a file for each album and format. A list of an earlier export is replaced, another file never.

    Raises ExportError for a file of another program's in the way, LibraryLockedError.
    """
    folder = os.path.abspath(to)
    if store.folder is not None and is_at_or_below(os.path.realpath(folder), os.path.realpath(store.folder)):
        raise ExportError(f"{to} lies in the library. Choose another folder.")
    facts = _facts(store, albums) if "csv" in formats else {}
    rows: list[dict[str, Any]] = []
    taken: set[str] = set()
    with exporting(store, "albums") as journal:
        ours = {each.path: each.after for past in pasts(store) for each in past.entries if isinstance(each, Write)}
        new = _missing(folder)
        journal.note(Folder(each) for each in new)
        os.makedirs(folder, exist_ok=True)
        for album in albums:
            stem = next(each for each in _stems(album.name) if key_of(each) not in taken)
            taken.add(key_of(stem))
            for form in dict.fromkeys(formats):
                suffix, make = _FORMATS[form]
                path = os.path.join(folder, f"{stem}{suffix}")
                data = make(album, facts)
                before = read_or_none(path)
                if before is not None and before != data and ours.get(path) != digest(before):
                    raise ExportError(f"{path} is there, and is not as an export left it. Choose another folder.")
                if before != data:
                    mtime = os.stat(path).st_mtime_ns if before is not None else None
                    journal.note([Write(path, before, mtime, digest(data))])
                    with ended_when_full("writing albums"):
                        put(path, data, before)
                rows.append({"album": album.name, "photos": len(album.paths), "path": path_text(path)})
    return rows


def _stems(name: str) -> Any:
    """Yield the names that an album's file may have."""
    number = 1
    while True:
        yield numbered(safe_name(name), number)
        number += 1


def _missing(folder: str) -> list[str]:
    new = []
    while folder and not os.path.isdir(folder):
        new.append(folder)
        folder = os.path.dirname(folder)
    return new[::-1]


def _facts(store: Store, albums: Sequence[Album]) -> dict[str, dict[str, Any]]:
    wanted = {path for album in albums for path in album.paths}
    known: dict[str, Photo] = {path_text(photo.path): photo for photo in known_photos(store, wanted)}
    found = run_sql(store, f"SELECT path, {', '.join(_FACTS)} FROM photos").to_pylist()  # noqa: S608 - fixed names
    return {row["path"]: {**row, "flag": known[row["path"]].flag} for row in found if row["path"] in known}


def _paths(album: Album, _facts: dict[str, dict[str, Any]]) -> bytes:
    return b"".join(os.fsencode(text_path(path)) + b"\n" for path in album.paths)


def _csv(album: Album, facts: dict[str, dict[str, Any]]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(_CSV_HEAD)
    for path in album.paths:
        row = facts.get(path, {})
        flag = _FLAGS.get(row.get("flag", Flag.UNDECIDED), "")
        words = ", ".join(row.get("keywords") or ())
        rating, label, taken = (row.get(name) for name in ("rating", "label", "taken_at"))
        table.writerow(
            [_cell(each) for each in (os.path.basename(path), path, rating, label, words, flag, taken, album.name)]
        )
    return text.getvalue().encode("utf-8-sig", "surrogateescape")


_FLAGS = {Flag.REJECTED: "reject", Flag.CHOSEN: "pick", Flag.KEPT: "pick"}
_CSV_HEAD = ("Filename", "Path", "Rating", "Label", "Keywords", "Flag", "Captured", "Collection")


def _cell(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "@", "\t")) else text


def _lightroom(album: Album, _facts: dict[str, dict[str, Any]]) -> bytes:
    """Return a smart collection as Lightroom Classic imports it: a table of Lua, with one rule."""
    name = json.dumps(album.name, ensure_ascii=False)
    made = uuid.uuid5(uuid.NAMESPACE_URL, f"photoidx:{album.name}")
    return (
        f's = {{\n\tid = "{str(made).upper()}",\n\tinternalName = {name},\n\ttitle = {name},\n'
        '\ttype = "LibrarySmartCollection",\n\tvalue = {\n'
        f'\t\t{{\n\t\t\tcriteria = "keywords",\n\t\t\toperation = "all",\n\t\t\tvalue = {name},\n'
        '\t\t\tvalue2 = "",\n\t\t},\n\t\tcombine = "intersect",\n\t},\n\tversion = 0,\n}\n'
    ).encode()


def _immich(album: Album, _facts: dict[str, dict[str, Any]]) -> bytes:
    """Return a script that has Immich's command line put the photos into an album."""
    lines = [
        "#!/bin/sh",
        "# photoidx: needs `immich login` before. Files that Immich has are not sent again.",
        "set -e",
    ]
    for start in range(0, len(album.paths), _AT_ONCE):
        paths = " ".join(shlex.quote(text_path(path)) for path in album.paths[start : start + _AT_ONCE])
        lines.append(f"immich upload --album-name {shlex.quote(album.name)} -- {paths}")
    return os.fsencode("\n".join([*lines, ""]))


Make = Callable[[Album, dict[str, dict[str, Any]]], bytes]
_FORMATS: dict[str, tuple[str, Make]] = {
    "paths": (".txt", _paths),
    "csv": (".csv", _csv),
    "lightroom": (".lrsmcol", _lightroom),
    "immich": (".immich.sh", _immich),
}
