"""What the tables say, in a form in which two libraries of the same files can be compared."""

from __future__ import annotations

from photoidx import Library

_UNSTABLE = {"at", "seen_at", "_rowid"}
_NOT_BY_CONTENT = {"scans", "meta", "pairs", "looks", "bursts", "decisions"}


_SHOWN = 3


def differences(own: dict[str, list[str]], other: dict[str, list[str]]) -> list[str]:
    """Name the tables that differ between two states, with the first rows that only one of them has."""
    lines = []
    for name in sorted(own.keys() | other.keys()):
        rows = set(own.get(name, ())), set(other.get(name, ()))
        for words, only in (("only here", rows[0] - rows[1]), ("only anew", rows[1] - rows[0])):
            lines += [f"{name}, {words}: {row[:600]}" for row in sorted(only)[:_SHOWN]]
    return lines


def state_of(library: Library) -> dict[str, list[str]]:
    """Return all rows that files refer to, without the times of writing."""
    store = library.store
    used = set(store.read("files", ["content_id"])["content_id"].to_pylist())
    result = {}
    for name in sorted(store.names() - _NOT_BY_CONTENT):
        mine = [row for row in store.read(name).to_pylist() if row["content_id"] in used]
        result[name] = sorted(
            repr({column: row[column] for column in sorted(row) if column not in _UNSTABLE}) for row in mine
        )
    return result
