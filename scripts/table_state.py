"""What the tables say, in a form in which two libraries of the same files can be compared."""

from __future__ import annotations

from photoidx import Library

_UNSTABLE = {"at", "seen_at", "_rowid"}
_NOT_BY_CONTENT = {"scans", "meta", "pairs", "looks", "bursts", "decisions"}


def state_of(library: Library) -> dict[str, list[str]]:
    """Give all rows that files refer to, without the times of writing."""
    store = library.store
    used = set(store.read("files", ["content_id"])["content_id"].to_pylist())
    result = {}
    for name in sorted(store.names() - _NOT_BY_CONTENT):
        mine = [row for row in store.read(name).to_pylist() if row["content_id"] in used]
        result[name] = sorted(
            repr({column: row[column] for column in sorted(row) if column not in _UNSTABLE}) for row in mine
        )
    return result
