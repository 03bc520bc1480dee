"""What is in a library, in numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.media.links import link_rules
from photoidx.indexer.media.not_understood import not_understood
from photoidx.records import path_text
from photoidx.storage.store import Store

_ROWS_AT_ONCE = 1 << 18


def status(store: Store) -> dict[str, Any]:
    """Count bytes, files by kind and root, those not understood, shots, what each stage did; tell of the last scan."""
    files = store.read("files", ["root", "kind", "content_id", "shot_id"])
    scans = sorted(store.read("scans").to_pylist(), key=lambda row: str(row["scan_id"]))
    stages: dict[str, dict[str, int]] = {}
    for (stage, outcome), count in sorted(_outcomes(store).items()):
        stages.setdefault(stage, {"done": 0, "failed": 0})[outcome] = count
    return {
        "library": store.uri,
        "size_bytes": store.size_bytes(),
        "files": _counts(files["kind"]),
        "not_understood": not_understood(store),
        "contents": pc.count_distinct(files["content_id"]).as_py(),
        "shots": pc.count_distinct(files.filter(pc.equal(files["kind"], "photo"))["shot_id"], "all").as_py(),
        "roots": _counts(files["root"]),
        "without_links": [path_text(root) for root, follows in link_rules(store, (), None).items() if not follows],
        "stages": stages,
        "last_scan": {name: scans[-1][name] for name in ("started_at", "finished_at", "status")} if scans else None,
    }


def _outcomes(store: Store) -> Counter[tuple[str, str]]:
    """Count the ledger's rows by stage and outcome. It has a dozen rows for each photo: they are read in parts."""
    found: Counter[tuple[str, str]] = Counter()
    for batch in store.batches("ledger", ["stage", "status"], _ROWS_AT_ONCE):
        counts = pa.Table.from_batches([batch]).group_by(["stage", "status"]).aggregate([([], "count_all")])
        for row in counts.to_pylist():
            found[row["stage"], row["status"]] += row["count_all"]
    return found


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Count a column's values, in the order in which they come first."""
    return {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}
