"""What the tables hold of given contents: vectors, thumbnails, and columns, in the order that is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.config import DEFAULT_EMBEDDER
from photoidx.storage.store import Store

_FEW = 2000  # up to here the rows are asked for by name; above it, reading the whole table is quicker
_AT_ONCE, _MANY = 500, 1 << 15
Array = np.ndarray[Any, Any]


def vectors_of(store: Store, content_ids: Sequence[str], embedder: str = DEFAULT_EMBEDDER) -> Array:
    """Return an embedder's vectors (n x d, float16, length 1); zero for a content that has none, n x 1 if none has."""
    name = f"vectors_{embedder}"
    if name not in store.names() or not content_ids:
        return np.zeros((len(content_ids), 1), np.float16)
    if len(content_ids) <= _FEW:
        parts: Iterable[pa.RecordBatch] = store.read(name, ["content_id", "vector"], among(content_ids)).to_batches()
    else:
        parts = store.batches(name, ["content_id", "vector"], _MANY)  # each costs a look at all that are wanted
    asked = pa.array(content_ids, pa.string())
    wanted = asked.unique()
    found: Array | None = None
    for part in parts:  # each is put where it belongs as it comes: the whole is not in memory twice
        width = part.schema.field("vector").type.list_size
        if found is None:
            found = np.zeros((len(wanted), width), np.float16)
        place = pc.index_in(part["content_id"], value_set=wanted)
        rows = np.asarray(part["vector"].flatten(), np.float16).reshape(-1, width)
        if place.null_count:
            rows = rows[np.asarray(pc.is_valid(place))]
        found[np.asarray(place.drop_null(), np.int64)] = rows
    if found is None:
        return np.zeros((len(content_ids), 1), np.float16)
    return found if len(wanted) == len(asked) else found[np.asarray(pc.index_in(asked, value_set=wanted), np.int64)]


def thumbnails_of(store: Store, content_ids: Collection[str]) -> Mapping[str, bytes]:
    """Return the thumbnails of contents as JPEG files; those that have none are left out."""
    found: dict[str, bytes] = {}
    ids = sorted(content_ids)
    if "thumbnails" not in store.names():
        return found
    for start in range(0, len(ids), _AT_ONCE):
        rows = store.read("thumbnails", ["content_id", "jpeg"], among(ids[start : start + _AT_ONCE]))
        found |= dict(zip(rows["content_id"].to_pylist(), rows["jpeg"].to_pylist(), strict=True))
    return found


def columns_of(store: Store, table: str, columns: Sequence[str], content_ids: Sequence[str]) -> dict[str, pa.Array]:
    """Return columns of a table of one row per content, null where it has no row for one; none if there is no table."""
    if table not in store.names() or not content_ids:
        return {}
    there = [name for name in columns if name in store.schema(table).names]
    few = among(content_ids) if len(content_ids) <= _FEW else None
    rows = store.read(table, ["content_id", *there], few).combine_chunks()
    place = pc.index_in(pa.array(content_ids, pa.string()), value_set=rows["content_id"].combine_chunks())
    taken = rows.take(place).combine_chunks()
    return {name: taken[name].combine_chunks() for name in there}


def codes(values: Sequence[str | None] | pa.Array) -> Array:
    """Return each text a number (int32) in the order of first appearance, equal ones the same; -1 for None."""
    coded = pa.array(values, pa.string()).dictionary_encode()
    return np.asarray(pc.fill_null(coded.indices, -1), np.int32)


def quoted(text: str) -> str:
    """Write a text as SQL does."""
    return "'" + text.replace("'", "''") + "'"


def among(values: Sequence[str], column: str = "content_id") -> str:
    """Return the condition that a column has one of these values."""
    return f"{column} IN ({', '.join(map(quoted, values))})"
