"""The photos whose vectors are nearest to one: the nearest contents first, and more of them until they are enough."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.embedders.base import VectorStage
from photoidx.queries.contents import among, vectors_of
from photoidx.queries.search.ranking import RANKED_COLUMNS, Array, ranked
from photoidx.queries.vectors import cosines, nearest
from photoidx.records import RAW_FORMATS
from photoidx.storage.store import Store

_AT_ONCE = 1000
_FIRST, _MORE, _MOST = 4, 8, 20_000
"""How many contents are asked for: so many times the photos wanted, then so many times more. Above the last, all."""


def nearest_photos(
    store: Store,
    stage: VectorStage,
    query: Array,
    *,
    count: int,
    least: float | None = None,
    allowed: Collection[str] | None = None,
    without: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Return path and score of the photos nearest to a vector of length 1, as `ranked` chooses them."""
    rest: dict[str, Any] = {"count": count, "least": least, "allowed": allowed, "without": without}
    wanted = _FIRST * count + 100 + len(without)
    while allowed is None and wanted <= _MOST:
        ids, scores = nearest(store, stage, query, wanted)
        files, others = _files(store, ids)
        slug = stage.vector_table.removeprefix("vectors_")
        beside = vectors_of(store, others, slug).astype(np.float32) if others else np.zeros((0, len(query)), np.float32)
        has = beside.any(axis=1)
        keys = pa.concat_arrays([ids, pa.array(others, ids.type).filter(pa.array(has))])
        rows = ranked(store, "content_id", keys, np.concatenate([scores, beside[has] @ query]), files=files, **rest)
        is_enough = len(rows) >= count or len(ids) < wanted
        if is_enough or (least is not None and scores[-1] < least):
            return rows
        wanted *= _MORE
    ids, scores = cosines(store, stage, query)
    return ranked(store, "content_id", ids, scores, **rest)


def _files(store: Store, ids: pa.Array) -> tuple[pa.Table, list[str]]:
    """Return the files of contents and all of shots with a RAW among them, and the contents that so came beside."""
    files = _read(store, "content_id", ids.to_pylist())
    raw = files.filter(pc.is_in(files["format"], value_set=pa.array(sorted(RAW_FORMATS))))
    shots = raw["shot_id"].drop_null().unique().to_pylist()
    if not shots:
        return files, []
    same = _read(store, "shot_id", shots)
    same = same.filter(pc.invert(pc.is_in(same["path"], value_set=files["path"].combine_chunks())))
    others = same["content_id"].drop_null().unique()
    others = others.filter(pc.invert(pc.is_in(others, value_set=ids)))
    return pa.concat_tables([files, same]), others.to_pylist()


def _read(store: Store, column: str, values: Sequence[str]) -> pa.Table:
    parts = [
        store.read("files", RANKED_COLUMNS, among(values[at : at + _AT_ONCE], column))
        for at in range(0, len(values), _AT_ONCE)
    ]
    return pa.concat_tables(parts) if parts else store.read("files", RANKED_COLUMNS, "false")
