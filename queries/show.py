"""Everything that is known of one photo."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from photoidx.errors import QueryError
from photoidx.records import path_text
from photoidx.store import Store

_NOT_SHOWN = frozenset({"files", "ledger", "scans", "meta", "thumbnails", "labels"})


def show(store: Store, photo: str) -> dict[str, Any]:
    """Tell a file's row, its measures by table, its labels, the other files of its shot, and what failed.

    Raises QueryError if the file is not in the library.
    """
    path = path_text(os.path.abspath(photo))
    rows = _rows(store, "files", f"path = {_quoted(path)}")
    if not rows:
        raise QueryError(
            f"{photo} is not in the library. Scan its folder first: photoidx scan {os.path.dirname(photo)}"
        )
    file = rows[0]
    mates = _rows(store, "files", f"shot_id = {_quoted(file['shot_id'] or '')}")
    result: dict[str, Any] = {
        "file": file,
        "shot": [{"path": row["path"], "rule": row["shot_rule"]} for row in mates if row["path"] != path],
    }
    if file["content_id"] is None:
        return result
    mine = f"content_id = {_quoted(file['content_id'])}"
    for name in sorted(store.names() - _NOT_SHOWN):
        if not name.startswith("vectors_"):
            found = _rows(store, name, mine)
            if found:
                result[name] = {key: value for key, value in found[0].items() if value is not None}
                result[name].pop("content_id")
                result[name].pop("tags", None)
    if "labels" in store.names():
        for row in _rows(store, "labels", mine):
            result["labels"] = dict(zip(row["labels"], row["probabilities"], strict=True))
    failed = _rows(store, "ledger", f"{mine} AND status = 'failed'")
    result["failures"] = {row["stage"]: row["error"] for row in failed}
    return result


def _rows(store: Store, table: str, where: str) -> list[dict[str, Any]]:
    found: pa.Table = store.read(table, where=where)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
