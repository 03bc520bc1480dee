"""From scores to an answer: the best photos, one for each shot."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.errors import QueryError
from photoidx.records import RAW_FORMATS
from photoidx.storage.store import Store

Array = np.ndarray[Any, Any]
RANKED_COLUMNS = ("path", "content_id", "kind", "format", "shot_id")


def ranked(
    store: Store,
    key: Literal["content_id", "path"],
    keys: pa.Array,
    scores: Array,
    *,
    count: int,
    least: float | None = None,
    allowed: Collection[str] | None = None,
    without: Collection[str] = (),
    files: pa.Table | None = None,
) -> list[dict[str, Any]]:
    """Find path and score of the best photos. Of a shot, and of copies, the best alone; a RAW only if it has no other.

    `scores` belong to `keys`. `allowed` are the paths that may be in the answer, `without` the shots and
    contents that may not. `files` are the `RANKED_COLUMNS` of the library's files, or of all that may be in the answer.
    Raises QueryError if `least` is no number.
    """
    if least is not None and math.isnan(least):
        raise QueryError("The least score must be a number.")
    files = store.read("files", RANKED_COLUMNS) if files is None else files
    files = files.filter(pc.equal(files["kind"], "photo")).combine_chunks()
    place = np.asarray(pc.fill_null(pc.index_in(files[key].combine_chunks(), value_set=keys), -1), np.int64)
    kept = (place >= 0) & np.asarray(pc.is_valid(files[key]))
    if allowed is not None:
        kept &= np.asarray(pc.is_in(files["path"], value_set=pa.array(sorted(allowed), pa.string())))
    raw = pc.is_in(files["format"], value_set=pa.array(sorted(RAW_FORMATS)))
    developed = files["shot_id"].filter(pa.array(kept & ~np.asarray(raw))).unique().drop_null()
    kept &= ~np.asarray(pc.and_(raw, pc.is_in(files["shot_id"], value_set=developed)))
    files, score = files.filter(pa.array(kept)), scores[place[kept]]
    by_path = pc.sort_indices(files["path"])
    files, score = files.take(by_path), score[np.asarray(by_path)]
    paths = files["path"].to_pylist()
    order = np.argsort(-score, kind="stable")
    shots, contents = files["shot_id"].to_pylist(), files["content_id"].to_pylist()
    seen = set(without)
    rows: list[dict[str, Any]] = []
    for at in order.tolist():
        if len(rows) >= count or (least is not None and score[at] < least):
            break
        same = {each for each in (shots[at], contents[at]) if each is not None}
        if seen.isdisjoint(same):
            rows.append({"path": paths[at], "score": round(float(score[at]), 4)})
        seen |= same
    return rows
