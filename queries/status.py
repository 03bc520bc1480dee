"""What is in a library, in numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from photoidx.indexer.media.links import link_rules
from photoidx.indexer.media.not_understood import not_understood
from photoidx.records import path_text
from photoidx.storage.store import Store


def status(store: Store) -> dict[str, Any]:
    """Count bytes, files by kind and root, those not understood, shots, what each stage did; tell of the last scan."""
    files = store.read("files", ["root", "kind", "content_id", "shot_id"]).to_pylist()
    ledger = store.read("ledger", ["stage", "status"]).to_pylist()
    scans = sorted(store.read("scans").to_pylist(), key=lambda row: str(row["scan_id"]))
    stages: dict[str, dict[str, int]] = {}
    for (stage, outcome), count in sorted(Counter((row["stage"], row["status"]) for row in ledger).items()):
        stages.setdefault(stage, {"done": 0, "failed": 0})[outcome] = count
    return {
        "library": store.uri,
        "size_bytes": store.size_bytes(),
        "files": dict(Counter(row["kind"] for row in files)),
        "not_understood": not_understood(store),
        "contents": len({row["content_id"] for row in files if row["content_id"]}),
        "shots": len({row["shot_id"] for row in files if row["kind"] == "photo"}),
        "roots": dict(Counter(row["root"] for row in files)),
        "without_links": [path_text(root) for root, follows in link_rules(store, (), None).items() if not follows],
        "stages": stages,
        "last_scan": {name: scans[-1][name] for name in ("started_at", "finished_at", "status")} if scans else None,
    }
