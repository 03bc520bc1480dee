"""Everything that is known of one photo."""

from __future__ import annotations

import os
import shlex
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
    whole = os.path.abspath(photo)
    path = path_text(whole)
    rows = _rows(store, "files", f"path = {_quoted(path)}")
    if not rows:
        raise QueryError(
            f"{photo} is not in the library. Scan its folder first: photoidx scan {shlex.quote(os.path.dirname(whole))}"
        )
    file = rows[0]
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
    failed = _rows(store, "ledger", f"{mine} AND status = 'failed'")
    result["failures"] = {row["stage"]: row["error"] for row in failed}
    return result


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None and name not in {"content_id", "tags"}}


def _rows(store: Store, table: str, where: str) -> list[dict[str, Any]]:
    found: pa.Table = store.read(table, where=where)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
