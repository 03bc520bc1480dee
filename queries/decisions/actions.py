"""Several decisions written in one step, ratings, and each step taken back exactly: what a screen with keys needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from photoidx.errors import QueryError
from photoidx.queries.decisions.record import VERBS
from photoidx.records import next_id
from photoidx.storage.schema import DECISIONS
from photoidx.storage.store import Store

RATINGS = tuple(f"rate-{stars}" for stars in range(1, 6))
"""The verbs of ratings. Of a shot the newest one holds. They say nothing of what stays or goes."""
_OF_ONE = frozenset({"best", "keep", "keep-all", "reject"})
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One step: the rows of the table `decisions` that it wrote, and what these were before; None for new ones."""

    before: tuple[Row | None, ...]
    after: tuple[Row, ...]


def take_decisions(store: Store, wanted: Sequence[tuple[str, Sequence[str]]]) -> Change:
    """Write decisions (a verb and shots each) in one step: all of them, or none. The caller holds the writer lock.

    Raises QueryError for a verb that there is not, or no shots.
    """
    known = store.read(DECISIONS.name, ["decision_id"])["decision_id"].to_pylist()
    rows: list[Row] = []
    for verb, shots in wanted:
        if verb not in {*VERBS, *RATINGS} or not shots:
            raise QueryError(f"There is no decision {verb!r} about {len(shots)} photos.")
        known.append(next_id(known))
        unique = list(dict.fromkeys(shots))
        rows.append({"decision_id": known[-1], "verb": verb, "shot_ids": unique, "at": _now(), "undone_at": None})
    return _written(store, Change((None,) * len(rows), tuple(rows)))


def unset(store: Store, shots: Sequence[str]) -> Change:
    """Take back whatever was said of these shots alone: best, keep, keep-all and reject. The caller holds the lock.

    A decision that names others, too, still holds for those.
    """
    named = set(shots)
    before = [
        row
        for row in store.read(DECISIONS.name).to_pylist()
        if row["undone_at"] is None and row["verb"] in _OF_ONE and not named.isdisjoint(row["shot_ids"])
    ]
    after = []
    for row in before:
        left = [shot_id for shot_id in row["shot_ids"] if shot_id not in named]
        after.append({**row, "shot_ids": left} if left else {**row, "undone_at": _now()})
    return _written(store, Change(tuple(before), tuple(after)))


def take_back(store: Store, change: Change) -> None:
    """Undo one step, in one step. The caller holds the writer lock."""
    rows = [
        {**after, "undone_at": _now()} if before is None else before
        for before, after in zip(change.before, change.after, strict=True)
    ]
    store.upsert(DECISIONS, rows)


def ratings(store: Store) -> dict[str, int]:
    """Return the stars of each shot that was rated."""
    if DECISIONS.name not in store.names():
        return {}
    rows = [row for row in store.read(DECISIONS.name).to_pylist() if row["undone_at"] is None]
    found: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: str(row["decision_id"])):
        if row["verb"] in RATINGS:
            found |= dict.fromkeys(row["shot_ids"], RATINGS.index(row["verb"]) + 1)
    return found


def _written(store: Store, change: Change) -> Change:
    if change.after:
        store.upsert(DECISIONS, list(change.after))
    return change


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
