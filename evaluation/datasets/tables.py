"""Labels of photos: from a table, whatever its columns are called, or from the folders that they lie in."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from photoidx.errors import PhotoidxError

PATH_COLUMNS = ("path", "img", "image", "file", "name")
LABEL_COLUMNS = ("label", "class", "category", "group")


def labelled_rows(table: Path) -> list[tuple[str, str]]:
    """Return the path and the label of each line of a CSV file, as they stand there; empty where one is missing.

    Raises PhotoidxError if the file can't be read or has no such columns.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            names = list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PhotoidxError(f"{table} can't be read as a table: {error}. Save it as CSV in UTF-8.") from error
    path_column = next((name for name in PATH_COLUMNS if name in names), None)
    label_column = next((name for name in LABEL_COLUMNS if name in names), None)
    if path_column is None or label_column is None:
        raise PhotoidxError(f"{table} needs the columns path and label; it has {', '.join(names) or 'none'}.")
    return [((row[path_column] or "").strip(), (row[label_column] or "").strip()) for row in rows]


def classes_of_folders(folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return for each path below a folder the name of the folder in it that it lies in; others are left out."""
    top = os.path.abspath(folder)
    found = {}
    for path in paths:
        inside = os.path.relpath(path, top).split(os.sep)
        if inside[0] != os.pardir and len(inside) > 1:
            found[path] = inside[0]
    return found


def classes_of_table(table: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return the class of each path that a CSV file names, by its path or its file's name alone.

    Raises PhotoidxError if it has no column of paths or of classes.
    """
    classes = dict(labelled_rows(table))
    beside = {os.path.abspath(table.parent / name): of for name, of in classes.items()}
    by_name = {os.path.basename(name): of for name, of in classes.items()}
    found = {path: beside.get(path) or by_name.get(os.path.basename(path)) for path in paths}
    return {path: of for path, of in found.items() if of is not None}
