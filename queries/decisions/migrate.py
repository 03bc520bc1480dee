"""Decisions follow a photo that was edited and renamed between two scans: neither its path nor its content is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.storage.schema import BURSTS, DECISIONS
from photoidx.storage.store import Store

_CAMERA = ("make", "model", "serial")


def follow(store: Store, since: datetime) -> None:
    """Return decisions about shots that are gone to those that came since (UTC) and are the same.

    The caller holds the lock. The same are a shot whose pixels are equal, as where metadata were edited, else one that
    the same camera took at the same time, known with its sub-seconds. Where there are several, the decision stays with
    the shot that is gone, unless another shot of its press is left.
    """
    rows = [row for row in store.read(DECISIONS.name).to_pylist() if row["undone_at"] is None]
    files = store.read("files", ["shot_id", "content_id", "kind", "seen_at"])
    here = set(files["shot_id"].to_pylist())
    gone = {shot_id for row in rows for shot_id in row["shot_ids"]} - here
    if not gone:
        return
    is_new = pc.greater_equal(files["seen_at"], pa.scalar(since, pa.timestamp("us")))
    fresh = files.filter(pc.and_(pc.equal(files["kind"], "photo"), is_new))
    came = dict(zip(fresh["content_id"].to_pylist(), fresh["shot_id"].to_pylist(), strict=True))
    new = _matches(store, {shot_id.removeprefix("shot-"): shot_id for shot_id in gone}, came)
    grouped = store.read(BURSTS.name).to_pylist()
    moved = [row for row in grouped if row["shot_id"] in new]
    new |= _left_of_presses(grouped, gone - new.keys(), here)
    for row in rows:
        after = list(dict.fromkeys(new.get(shot_id, shot_id) for shot_id in row["shot_ids"]))
        if after != row["shot_ids"]:
            store.upsert(DECISIONS, [{**row, "shot_ids": after}])
    store.upsert(BURSTS, [{**row, "shot_id": new[row["shot_id"]]} for row in moved])
    store.delete(BURSTS.name, "shot_id", sorted(row["shot_id"] for row in moved))


def _left_of_presses(
    grouped: Iterable[Mapping[str, Any]], gone: Iterable[str], here: AbstractSet[str]
) -> dict[str, str]:
    """Return for shots that are gone another one of their press that is here: the two had one place in a group."""
    places = {row["shot_id"]: (row["burst_id"], row["position"]) for row in grouped}
    left = {place: shot_id for shot_id, place in places.items() if shot_id in here}
    return {shot_id: left[places[shot_id]] for shot_id in gone if places.get(shot_id) in left}


def _matches(store: Store, gone: Mapping[str, str], came: Mapping[str, str]) -> dict[str, str]:
    """Return for the shots that are gone the one that came in their place. Both are given by their contents."""
    contents = {*gone, *(content_id for content_id in came if content_id is not None)}
    found: dict[str, str] = {}
    for names in (_pixels(store, contents), _moments(store, contents)):
        here: dict[Any, set[str]] = defaultdict(set)
        for content_id, shot_id in came.items():
            if content_id in names:
                here[names[content_id]].add(shot_id)
        for content_id, shot_id in gone.items():
            candidates = here[names[content_id]] if content_id in names else set()
            if len(candidates) == 1:
                found.setdefault(shot_id, *candidates)
    return found


def _pixels(store: Store, contents: Iterable[str]) -> dict[str, Any]:
    return {row["content_id"]: row["pixel_id"] for row in _rows(store, "hashes", ["pixel_id"], contents)}


def _moments(store: Store, contents: Iterable[str]) -> dict[str, Any]:
    return {
        row["content_id"]: tuple(row[name] for name in (*_CAMERA, "taken_at"))
        for row in _rows(store, "exif", [*_CAMERA, "taken_at"], contents)
        if row["model"] and row["taken_at"] and row["taken_at"].microsecond
    }


def _rows(store: Store, table: str, columns: list[str], contents: Iterable[str]) -> list[dict[str, Any]]:
    if table not in store.names():
        return []
    found = store.read(table, ["content_id", *columns])
    rows: list[dict[str, Any]] = found.filter(
        pc.is_in(found["content_id"], value_set=pa.array(sorted(contents), pa.string()))
    ).to_pylist()
    return rows
