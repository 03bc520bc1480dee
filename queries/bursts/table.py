"""The table `bursts`: brought up to date after a scan, in the neighbourhood of what changed, with ids that stay.

It has a row for each shot. Two shots that are one press of the shutter (`presses.py`) are one frame: they have one
position, and are told as one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.config import DEFAULT_EMBEDDER
from photoidx.queries.bursts.frames import NO_TIME, Frames, narrowed, read_frames
from photoidx.queries.decisions.migrate import follow
from photoidx.queries.decisions.record import Decision, decisions
from photoidx.queries.stable_ids import keep_ids
from photoidx.storage.schema import BURSTS, META, PENDING, arrow_schema
from photoidx.storage.store import Store

if TYPE_CHECKING:
    from photoidx.queries.bursts.rules import Edge, FrameGroup

VERSION = 7
"""Of the rules; raised when they change: the next scan then groups the whole library again."""
_STATE = "grouping"
_REACH_US = 120 * 1_000_000
_LAPSE_REACH, _LAPSE_GAP_US = 10, 3600 * 1_000_000
_FINEST = "%Y-%m-%dT%H:%M:%S.%f"


def group_after_scan(store: Store, *, touched: bool, interrupted: bool) -> None:
    """Group anew what a scan touched, or what an earlier grouping left. The caller holds the writer lock."""
    if not interrupted and (touched or not is_current(store)):
        regroup(store)


def regroup(store: Store, *, whole: bool = False) -> int:
    """Group what changed since the last time, or everything. Returns the number of groups. The caller holds the lock.

    Regrouped are the frames within two minutes of a changed one, by the same camera, every group that they touch, and
    the same of what decisions tell of these.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    last = _last(store, decisions(store))
    ended = _ended(store)  # under other rules or decisions, too: what came since is the same
    if ended is not None:
        follow(store, ended)
    before = stored_groups(store)
    held = decisions(store)
    since = None if whole else last
    frames = read_frames(store, with_vectors=since is None)
    if since is not None:
        near = _reached(frames, before, _changed(store, frames, since, before), held)
        if not near:
            _note(store, now, held)
            return len(set(before.values()))
        frames = narrowed(store, frames, near)
    groups = _groups(frames, held)
    _write(store, frames, groups, before)
    _note(store, now, held)
    return len(set(store.read(BURSTS.name, ["burst_id"])["burst_id"].to_pylist()))


def _groups(frames: Frames, held: Sequence[Decision], within_s: float | None = None) -> list[FrameGroup]:
    """Return the groups by the rules, as the decisions leave them."""
    from photoidx.queries.bursts.corrections import decided  # noqa: PLC0415 - who only reads needs no rules
    from photoidx.queries.bursts.rules import group  # noqa: PLC0415

    found = group(frames) if within_s is None else group(frames, within_s)
    return decided(frames, found, held)


def is_current(store: Store) -> bool:
    """Return whether this version grouped the library, under the decisions that hold now."""
    return store.meta().get(PENDING) != "yes" and _last(store, decisions(store)) is not None


def bursts(store: Store, within_s: float | None = None) -> list[dict[str, Any]]:
    """Return the groups, each with burst_id, kind and frames: path, shot_id, files, taken_at, rule, gap_s, cosine.

    A frame's `shots` are all of its press of the shutter, `files` those of all of them. With `within_s` they are worked
    out anew for this answer, with frames that far apart (`bursts.group`); what is stored stays as it is. Decisions hold
    in both, and a group has the id of the stored one that most of its frames are in.
    """
    if within_s is None:
        if BURSTS.name not in store.names():
            return []
        rows = store.read(BURSTS.name).to_pylist()
        frames = read_frames(store, only={row["shot_id"] for row in rows}, with_vectors=False)
    else:
        frames = read_frames(store)
        groups = _groups(frames, decisions(store), within_s)
        rows = _all_rows(frames, groups, stored_groups(store))
    files = _files(store, frames.place)
    told: set[int] = set()
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    kinds: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: (row["burst_id"], row["position"])):
        at = frames.place.get(row["shot_id"], -1)
        if at < 0 or at in told:
            continue
        told.add(at)
        shots = frames.shots_of(at)
        kinds[row["burst_id"]] = row["kind"]
        found[row["burst_id"]].append(
            {
                "path": frames.paths[at],
                "shot_id": shots[0],
                "shots": list(shots),
                "content_id": frames.content_ids[at],
                "files": sorted(path for shot_id in shots for path in files[shot_id]),
                "taken_at": frames.time_of(at),
                "rule": row["rule"],
                "gap_s": row["gap_s"],
                "cosine": row["cosine"],
            }
        )
    whole = [
        {"burst_id": burst_id, "kind": kinds[burst_id], "frames": members}
        for burst_id, members in found.items()
        if len(members) > 1
    ]
    return sorted(whole, key=lambda each: (str(each["frames"][0]["taken_at"] or ""), each["frames"][0]["path"]))


def _files(store: Store, shots: Iterable[str]) -> Mapping[str, list[str]]:
    table = store.read("files", ["shot_id", "path"])
    table = table.filter(pc.is_in(table["shot_id"], value_set=pa.array(sorted(shots), pa.string())))
    found: dict[str, list[str]] = defaultdict(list)
    for shot_id, path in zip(table["shot_id"].to_pylist(), table["path"].to_pylist(), strict=True):
        found[shot_id].append(path)
    return found


def _last(store: Store, held: Sequence[Decision]) -> datetime | None:
    """Return when this version grouped last, under the same decisions; None if everything is to be grouped."""
    state = store.meta().get(_STATE, "")
    return _ended(store) if state.startswith(f"{VERSION} {_named(held)} ") else None


def _ended(store: Store) -> datetime | None:
    """Return when any version grouped last, under whatever decisions; None if it never did."""
    when = store.meta().get(_STATE, "").rpartition(" ")[2]
    return datetime.strptime(when, _FINEST) if when else None  # noqa: DTZ007 - UTC without a zone, as in the tables


def _note(store: Store, now: datetime, held: Sequence[Decision]) -> None:
    state = f"{VERSION} {_named(held)} {now.strftime(_FINEST)}"
    store.upsert(META, [{"name": _STATE, "value": state}, {"name": PENDING, "value": ""}])


def _named(held: Sequence[Decision]) -> str:
    """Name the decisions about groups: with others, everything is grouped again."""
    ours = [choice.decision_id for choice in held if choice.verb in {"together", "apart"}]
    return ",".join(ours) or "-"


def _changed(store: Store, frames: Frames, since: datetime, before: Mapping[str, str]) -> set[str]:
    """Return the shots that are new, have a file that changed, were measured since, or are gone."""
    moment = pa.scalar(since, pa.timestamp("us"))
    files = store.read("files", ["shot_id", "seen_at"])
    fresh: set[str] = set(files.filter(pc.greater_equal(files["seen_at"], moment))["shot_id"].to_pylist())
    ledger = store.read("ledger", ["content_id", "stage", "at"])
    ours = pc.is_in(ledger["stage"], value_set=pa.array(["exif", "hashes", DEFAULT_EMBEDDER]))
    ledger = ledger.filter(pc.and_(pc.greater_equal(ledger["at"], moment), ours))
    measured = set(ledger["content_id"].to_pylist())
    if measured:
        fresh |= {
            shot_id
            for shot_id, content_id in zip(frames.shot_ids, frames.content_ids, strict=True)
            if content_id in measured
        }
    return fresh | (before.keys() - frames.place.keys())


def _reached(frames: Frames, before: Mapping[str, str], changed: set[str], held: Sequence[Decision]) -> set[str]:
    """Return the shots to group again, and those that decisions tie to them or keep apart, however far away."""
    ours = [set(choice.shot_ids) for choice in held if choice.verb in {"together", "apart"}]
    near: set[str] = set()
    reached: set[str] = set()
    while changed:
        found = _neighbourhood(frames, before, changed)
        near |= found
        reached |= changed
        reached |= {each for one in found if one in frames.place for each in frames.shots_of(frames.place[one])}
        changed = {shot_id for shots in ours if not shots.isdisjoint(reached) for shot_id in shots} - reached
    return near


def _neighbourhood(frames: Frames, before: Mapping[str, str], changed: set[str]) -> set[str]:
    """Return the shots to group again."""
    near = {shot_id for shot_id in changed if shot_id in frames.place}
    for shot_id in list(near):
        at = frames.place[shot_id]
        for step in (-1, 1):
            other = at + step
            while 0 <= other < len(frames) and (_is_near(frames, at, other) or _may_lapse(frames, at, other, step)):
                near.add(frames.shot_ids[other])
                other += step
    groups = {before[shot_id] for shot_id in near | changed if shot_id in before}
    return near | {shot_id for shot_id, burst_id in before.items() if burst_id in groups}


def _is_near(frames: Frames, at: int, other: int) -> bool:
    if frames.cameras[at] != frames.cameras[other]:
        return False
    times = (int(frames.time_us[at]), int(frames.time_us[other]))
    return abs(other - at) <= 1 if NO_TIME in times else abs(times[0] - times[1]) <= _REACH_US


def _may_lapse(frames: Frames, at: int, other: int, step: int) -> bool:
    """Tell whether a frame may be of one time-lapse with another: a few frames away, at no gap of more than an hour."""
    before = other - step
    if abs(other - at) > _LAPSE_REACH or frames.cameras[at] != frames.cameras[other]:
        return False
    times = (int(frames.time_us[before]), int(frames.time_us[other]))
    return NO_TIME not in times and abs(times[0] - times[1]) <= _LAPSE_GAP_US


def stored_groups(store: Store) -> dict[str, str]:
    """Return the group of each shot that is in one."""
    if BURSTS.name not in store.names():
        return {}
    return {row["shot_id"]: row["burst_id"] for row in store.read(BURSTS.name, ["shot_id", "burst_id"]).to_pylist()}


def _all_rows(frames: Frames, groups: Sequence[FrameGroup], before: Mapping[str, str]) -> list[dict[str, Any]]:
    shots = [[shot_id for at in each.members for shot_id in frames.shots_of(at)] for each in groups]
    ids = keep_ids(shots, before, "burst")
    return [row for each, burst_id in zip(groups, ids, strict=True) for row in _rows(frames, each, burst_id)]


def _write(store: Store, frames: Frames, groups: Sequence[FrameGroup], before: Mapping[str, str]) -> None:
    rows = _all_rows(frames, groups, before)
    grouped = {row["shot_id"] for row in rows}
    regrouped = set(frames.place)
    known = regrouped | (before.keys() - set(_all_shots(store)))
    store.upsert(BURSTS, pa.Table.from_pylist(rows, schema=arrow_schema(BURSTS)))
    store.delete(BURSTS.name, "shot_id", sorted(shot_id for shot_id in before if shot_id in known - grouped))


def _all_shots(store: Store) -> list[str]:
    found: list[str] = store.read("files", ["shot_id"])["shot_id"].unique().to_pylist()
    return found


def _rows(frames: Frames, each: FrameGroup, burst_id: str) -> Iterable[dict[str, Any]]:
    ties: dict[int, Edge] = {}
    for tie in each.edges:
        ties.setdefault(tie.second, tie)
    for position, at in enumerate(each.members):
        edge: Edge | None = ties.get(at)
        row = {
            "burst_id": burst_id,
            "kind": each.kind,
            "position": position,
            "rule": None if position == 0 else edge.rule if edge is not None else "decision",
            "gap_s": _known(edge.gap_s) if edge is not None and position else None,
            "cosine": _known(edge.cosine) if edge is not None and position else None,
        }
        yield from ({"shot_id": shot_id, **row} for shot_id in frames.shots_of(at))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
