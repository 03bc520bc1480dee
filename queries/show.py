"""Everything that is known of one photo."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from photoidx.queries.contents import quoted
from photoidx.queries.report import report
from photoidx.queries.resolve import resolve_photo
from photoidx.storage.store import Store

_COMPARED = ("technical", "sharpness_subject")
_NOT_SHOWN = frozenset(
    {
        "files",
        "ledger",
        "scans",
        "meta",
        "thumbnails",
        "labels",
        "bursts",
        "clusters",
        "decisions",
        "pairs",
        "panels",
        "looks",
        "texts",
    }
)


def show(store: Store, photo: str) -> dict[str, Any]:
    """Return a file's row, its measures by table, what its scores say, its labels, the files of its shot, what failed.

    Raises QueryError if the file is not in the library.
    """
    file = resolve_photo(store, photo)
    path = file["path"]
    mates = _rows(store, "files", f"shot_id = {quoted(file['shot_id'] or '')}")
    result: dict[str, Any] = {
        "file": file,
        "shot": [{"path": row["path"], "rule": row["shot_rule"]} for row in mates if row["path"] != path],
    }
    group = _rows(store, "bursts", f"shot_id = {quoted(file['shot_id'] or '')}") if "bursts" in store.names() else []
    if group:
        result["burst"] = {name: value for name, value in group[0].items() if value is not None and name != "shot_id"}
    if file["content_id"] is None:
        return {**result, "failures": {"read": file["error"]}}
    result |= _measures(store, file["content_id"])
    for mate in mates:
        if mate["kind"] == "sidecar" and os.path.dirname(mate["path"]) == os.path.dirname(path):
            for row in rows_of(store, "sidecars", mate["content_id"] or ""):
                result[f"sidecar {os.path.basename(mate['path'])}"] = _told(row)
    for row in rows_of(store, "labels", file["content_id"]):
        result["labels"] = dict(zip(row["labels"], row["probabilities"], strict=True))
    failed = [row for row in rows_of(store, "ledger", file["content_id"]) if row["status"] == "failed"]
    result["failures"] = {row["stage"]: row["error"] for row in failed}
    return result


def _measures(store: Store, content_id: str) -> dict[str, Any]:
    """Return a content's rows by table, and what its scores say."""
    result: dict[str, Any] = {}
    for name in sorted(store.names() - _NOT_SHOWN):
        if not name.startswith("vectors_"):
            found = [_told(row) for row in rows_of(store, name, content_id)]
            if found:
                result[name] = found[0] if len(found) == 1 else dict(enumerate(found, 1))
    if "quality" in result:
        people = sorted(rows_of(store, "faces", content_id), key=lambda row: int(row["face"]))
        result["report"] = report(result["quality"], people, _in_library(store))
    return result


def rows_of(store: Store, table: str, content_id: str) -> list[dict[str, Any]]:
    """Return a content's rows of a table; none where there is no such table yet."""
    return _rows(store, table, f"content_id = {quoted(content_id)}") if table in store.names() else []


def _in_library(store: Store) -> dict[str, list[float]]:
    known = [name for name in _COMPARED if name in store.schema("quality").names]
    table = store.read("quality", ["content_id", *known]).select(known)
    return {name: sorted(table[name].drop_null().to_pylist()) for name in table.column_names}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None and name not in {"content_id", "tags"}}


def _rows(store: Store, table: str, where: str) -> list[dict[str, Any]]:
    found: pa.Table = store.read(table, where=where)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows
