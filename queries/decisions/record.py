"""What the user decided: recorded, taken back, and read. Decisions survive every scan and win over the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from photoidx.errors import QueryError
from photoidx.records import next_id
from photoidx.storage.schema import DECISIONS
from photoidx.storage.store import Store

VERBS = ("best", "together", "apart", "same", "different", "keep-all", "keep", "reject")


@dataclass(frozen=True)
class Decision:
    """One decision that holds. `best`: the shot is its group's best. `together`: the shots are of one group.

    `apart`: none of the shots is of one group with another. `same`, `different`: they are, or are not, the same
    picture. `keep-all`: duplicates or not, all are wanted. `keep`, `reject`: what the user will do with the shots.
    """

    decision_id: str
    verb: str
    shot_ids: tuple[str, ...]


def decisions(store: Store) -> list[Decision]:
    """Return the decisions that hold, the oldest first."""
    if DECISIONS.name not in store.names():
        return []
    rows = store.read(DECISIONS.name).to_pylist()
    held = sorted((row for row in rows if row["undone_at"] is None), key=lambda row: str(row["decision_id"]))
    return [Decision(row["decision_id"], row["verb"], tuple(row["shot_ids"])) for row in held]


def decision_rows(store: Store) -> list[dict[str, Any]]:
    """Return the decisions that hold, the oldest first, a row for each shot, with the path of its first file."""
    paths: dict[str, str] = {}
    files = store.read("files", ["shot_id", "path"])
    for shot_id, path in zip(files["shot_id"].to_pylist(), files["path"].to_pylist(), strict=True):
        paths[shot_id] = min(path, paths.get(shot_id, path))
    return [
        {"decision_id": choice.decision_id, "verb": choice.verb, "path": paths.get(shot_id)}
        for choice in decisions(store)
        for shot_id in choice.shot_ids
    ]


def record(store: Store, verb: str, shot_ids: Sequence[str]) -> Decision:
    """Write a decision. The caller holds the writer lock. Raises QueryError if it makes no sense."""
    if verb not in VERBS:
        raise QueryError(f"There is no decision {verb!r}; there are: {', '.join(VERBS)}.")
    unique = tuple(dict.fromkeys(shot_ids))
    if verb in {"together", "apart", "same", "different"} and len(unique) < 2:  # noqa: PLR2004 - two things or more
        raise QueryError(f"`{verb}` needs two or more different shots.")
    choice = Decision(next_id(store.read(DECISIONS.name, ["decision_id"])["decision_id"].to_pylist()), verb, unique)
    row = {"decision_id": choice.decision_id, "verb": verb, "shot_ids": list(unique), "at": _now(), "undone_at": None}
    store.upsert(DECISIONS, [row])
    return choice


def undo(store: Store) -> Decision:
    """Take back the last decision that holds. The caller holds the writer lock. Raises QueryError if there is none."""
    held = decisions(store)
    if not held:
        raise QueryError("There is no decision to take back.")
    last = held[-1]
    rows = store.read(DECISIONS.name, where=f"decision_id = '{last.decision_id}'").to_pylist()
    store.upsert(DECISIONS, [{**row, "undone_at": _now()} for row in rows])
    return last


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
