"""A table of photos and labels, whatever its columns are called."""

from __future__ import annotations

import csv
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
