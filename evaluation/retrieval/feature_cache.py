"""What methods read of photos, kept in a library's table: a second run of a benchmark decodes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from photoidx.stage import TableSpec, column
from photoidx.storage.store import Store

Array = np.ndarray[Any, Any]

FEATURES = TableSpec(
    "features",
    "What a similarity method read of a photo, for `photoidx bench retrieval`. No scan writes or needs it.",
    (
        column("method", pa.string(), "The method's fingerprint: what it reads depends on no more."),
        column("dtype", pa.string(), "The kind of number, as NumPy names it."),
        column("shape", pa.list_(pa.int32()), "The array's shape."),
        column("data", pa.binary(), "The numbers, row by row."),
    ),
    row_key=("method",),
)
_AT_ONCE = 500


class KeptFeatures:
    """The features of one method in a library."""

    def __init__(self, store: Store, fingerprint: str) -> None:
        self._store = store
        self._fingerprint = fingerprint

    def read(self, content_ids: Sequence[str]) -> dict[str, Array]:
        """Return the features of those contents that have some."""
        found: dict[str, Array] = {}
        if FEATURES.name not in self._store.names():
            return found
        method = self._fingerprint.replace("'", "''")
        for start in range(0, len(content_ids), _AT_ONCE):
            quoted = ", ".join(f"'{each}'" for each in content_ids[start : start + _AT_ONCE])
            where = f"method = '{method}' AND content_id IN ({quoted})"
            for row in self._store.read(FEATURES.name, None, where).to_pylist():
                array = np.frombuffer(row["data"], np.dtype(row["dtype"]))
                found[row["content_id"]] = array.reshape(row["shape"])
        return found

    def write(self, features: Mapping[str, Array]) -> None:
        """Keep features by content. Only inside `Store.writing`."""
        self._store.ensure(FEATURES)
        rows = [
            {
                "content_id": content_id,
                "method": self._fingerprint,
                "dtype": array.dtype.str,
                "shape": list(array.shape),
                "data": np.ascontiguousarray(array).tobytes(),
            }
            for content_id, array in features.items()
        ]
        self._store.upsert(FEATURES, rows)
