"""Everything that is known of one photo."""

from __future__ import annotations

import os
import shlex
from typing import Any

import pyarrow as pa

from photoidx.errors import QueryError
from photoidx.queries.report import report
from photoidx.records import path_text
from photoidx.store import Store

_COMPARED = ("technical", "sharpness_subject")
_NOT_SHOWN = frozenset({"files", "ledger", "scans", "meta", "thumbnails", "labels"})


def show(store: Store, photo: str) -> dict[str, Any]:
    """Tell a file's row, its measures by table, what its scores say, its labels, the files of its shot, what failed.

    Raises QueryError if the file is not in the library.
    """
    file = file_row(store, photo)
    path = file["path"]
    mates = _rows(store, "files", f"shot_id = {_quoted(file['shot_id'] or '')}")
    result: dict[str, Any] = {
        "file": file,
        "shot": [{"path": row["path"], "rule": row["shot_rule"]} for row in mates if row["path"] != path],
    }
    if file["content_id"] is None:
        return {**result, "failures": {"read": file["error"]}}
    mine = f"content_id = {_quoted(file['content_id'])}"
    for name in sorted(store.names() - _NOT_SHOWN):
        if not name.startswith("vectors_"):
            found = [_told(row) for row in _rows(store, name, mine)]
            if found:
                result[name] = found[0] if len(found) == 1 else dict(enumerate(found, 1))
    for mate in mates:
        if mate["kind"] == "sidecar" and os.path.dirname(mate["path"]) == os.path.dirname(path):
            for row in _rows(store, "sidecars", f"content_id = {_quoted(mate['content_id'] or '')}"):
                result[f"sidecar {os.path.basename(mate['path'])}"] = _told(row)
    for row in _rows(store, "labels", mine) if "labels" in store.names() else ():
        result["labels"] = dict(zip(row["labels"], row["probabilities"], strict=True))
    if "quality" in result:
        people = rows_of(store, "faces", file["content_id"])
        people.sort(key=lambda row: int(row["face"]))
        result["report"] = report(result["quality"], people, _in_library(store))
    failed = _rows(store, "ledger", f"{mine} AND status = 'failed'")
    result["failures"] = {row["stage"]: row["error"] for row in failed}
    return result


def file_row(store: Store, photo: str) -> dict[str, Any]:
    """Give a photo's row of the table `files`. Raises QueryError if it is not in the library."""
    whole = os.path.abspath(photo)
    rows = _rows(store, "files", f"path = {_quoted(path_text(whole))}")
    if not rows:
        raise QueryError(
            f"{photo} is not in the library. Scan its folder first: photoidx scan {shlex.quote(os.path.dirname(whole))}"
        )
    return rows[0]


def rows_of(store: Store, table: str, content_id: str) -> list[dict[str, Any]]:
    """Give a content's rows of a table; none where there is no such table yet."""
    return _rows(store, table, f"content_id = {_quoted(content_id)}") if table in store.names() else []


def _in_library(store: Store) -> dict[str, list[float]]:
    table = store.read("quality", [name for name in _COMPARED if name in store.schema("quality").names])
    return {name: sorted(table[name].drop_null().to_pylist()) for name in table.column_names}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None and name not in {"content_id", "tags"}}


def _rows(store: Store, table: str, where: str) -> list[dict[str, Any]]:
    found: pa.Table = store.read(table, where=where)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
