"""What the library knows of photos that a sidecar can tell: what you decided and when, and what the files say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from photoidx.config import Config
from photoidx.export.xmp.fields import Fields
from photoidx.queries.best.picks import best_of_bursts
from photoidx.queries.contents import columns_of
from photoidx.queries.decisions.view import Flag, read_view
from photoidx.records import RAW_FORMATS, text_path
from photoidx.storage.schema import BURSTS, DECISIONS
from photoidx.storage.store import Store

_OF_SHOTS = frozenset({"best", "keep", "keep-all", "reject"})
SURE_LABEL = 0.5
"""The probability from which on a label of the classifier is a keyword: below it, it is wrong as often as right."""
EXTRA = ("labels", "places", "people")
"""What is made keywords when it is asked for."""
_PLACES = ("country", "region", "city")
_PEOPLE = "people"


@dataclass(frozen=True)
class Photo:
    """A photo file and what is known of it. `path` is as the system takes it.

    `flag` is what you decided of its shot, `decided_at_ns` when (since 1970, UTC); `is_picked` tells whether it is the
    pick of a burst. `said` is what the file itself says, `words` the keywords that were asked for.
    """

    path: str
    root: str
    shot_id: str
    is_raw: bool = False
    flag: Flag = Flag.UNDECIDED
    decided_at_ns: int | None = None
    is_picked: bool = False
    said: Fields = field(default_factory=Fields)
    words: tuple[str, ...] = ()


def known_photos(
    store: Store,
    chosen: AbstractSet[str] | None = None,
    *,
    with_picks: bool = False,
    extra: Iterable[str] = (),
    config: Config | None = None,
) -> list[Photo]:
    """Return what is known of the photos at these paths (as tables have them), or of all, by path.

    `with_picks` works out the picks of bursts. `extra` are of `EXTRA`.
    """
    rows = [
        row
        for row in store.read("files", ["path", "root", "shot_id", "content_id", "format", "kind"]).to_pylist()
        if row["kind"] == "photo" and row["content_id"] and (chosen is None or row["path"] in chosen)
    ]
    rows.sort(key=lambda row: row["path"])
    flags, times = read_view(store).flags, _times(store)
    picked = picked_shots(store) if with_picks else frozenset()
    said = _said(store, [row["content_id"] for row in rows])
    words = _words(store, rows, frozenset(extra), config)
    return [
        Photo(
            text_path(row["path"]),
            text_path(row["root"]),
            row["shot_id"] or row["content_id"],
            row["format"] in RAW_FORMATS,
            flags.get(row["shot_id"], Flag.UNDECIDED),
            times.get(row["shot_id"]),
            row["shot_id"] in picked,
            said[at],
            tuple(words.get(row["path"], ())),
        )
        for at, row in enumerate(rows)
    ]


def shots_by_path(store: Store) -> dict[str, str]:
    """Return the shot of every photo file, by its path as the system takes it."""
    rows = store.read("files", ["path", "shot_id", "kind"]).to_pylist()
    return {text_path(row["path"]): row["shot_id"] for row in rows if row["kind"] == "photo" and row["shot_id"]}


def picked_shots(store: Store) -> frozenset[str]:
    """Return the shots of the frames that `best --burst` marks to be kept."""
    shots: set[str] = set()
    kept = {frame["path"] for each in best_of_bursts(store) for frame in each["frames"] if frame["keep"]}
    files = store.read("files", ["path", "shot_id"])
    shots |= {
        shot_id
        for path, shot_id in zip(files["path"].to_pylist(), files["shot_id"].to_pylist(), strict=True)
        if path in kept and shot_id is not None
    }
    return _with_presses(store, shots)


def _with_presses(store: Store, shots: AbstractSet[str]) -> frozenset[str]:
    """Return shots with the others of their press: a RAW's and a JPEG's in two folders have one place in a burst."""
    found = set(shots)
    for mates in _mates(store).values():
        if not mates.isdisjoint(shots):
            found |= mates
    return frozenset(found)


def _mates(store: Store) -> Mapping[tuple[str, int], set[str]]:
    mates: dict[tuple[str, int], set[str]] = defaultdict(set)
    if BURSTS.name in store.names():
        for row in store.read(BURSTS.name, ["shot_id", "burst_id", "position"]).to_pylist():
            mates[row["burst_id"], row["position"]].add(row["shot_id"])
    return mates


def _times(store: Store) -> Mapping[str, int]:
    """Return for each shot when something was decided last about it, in nanoseconds since 1970."""
    times: dict[str, int] = {}
    if DECISIONS.name not in store.names():
        return times
    for row in store.read(DECISIONS.name).to_pylist():
        if row["undone_at"] is None and row["verb"] in _OF_SHOTS:
            at = int(_utc(row["at"]).timestamp() * 1_000_000) * 1000
            for shot_id in row["shot_ids"][:1] if row["verb"] == "best" else row["shot_ids"]:
                times[shot_id] = max(at, times.get(shot_id, at))
    for mates in _mates(store).values():
        newest = max((times[each] for each in mates if each in times), default=None)
        if newest is not None:
            times |= dict.fromkeys(mates, newest)
    return times


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _said(store: Store, content_ids: list[str]) -> list[Fields]:
    """Return what each content says of itself, in its EXIF and its embedded XMP."""
    wanted = ("rating", "label", "keywords", "title", "caption")
    found = {name: column.to_pylist() for name, column in columns_of(store, "exif", wanted, content_ids).items()}
    return [
        Fields(
            rating=_at(found, "rating", at),
            label=_at(found, "label", at),
            keywords=tuple(_at(found, "keywords", at) or ()),
            title=_at(found, "title", at),
            caption=_at(found, "caption", at),
        )
        for at in range(len(content_ids))
    ]


def _at(found: Mapping[str, list[Any]], name: str, at: int) -> Any:
    return found[name][at] if name in found else None


def _words(
    store: Store, rows: list[dict[str, Any]], extra: AbstractSet[str], config: Config | None
) -> Mapping[str, list[str]]:
    """Return the keywords that were asked for, by path: labels, places and people."""
    words: dict[str, list[str]] = defaultdict(list)
    if "labels" in extra:
        found = columns_of(store, "labels", ("labels", "probabilities"), [row["content_id"] for row in rows])
        if found:
            for row, labels, chances in zip(
                rows, found["labels"].to_pylist(), found["probabilities"].to_pylist(), strict=True
            ):
                pairs = zip(labels or (), chances or (), strict=True)
                words[row["path"]] += [label.partition(",")[0] for label, chance in pairs if chance >= SURE_LABEL]
    asked = [*(_PLACES if "places" in extra else ()), *((_PEOPLE,) if "people" in extra else ())]
    if asked:
        from photoidx.queries.sql.query import run_sql  # noqa: PLC0415 - brings DuckDB

        there = set(run_sql(store, "SELECT * FROM photos LIMIT 0", config).column_names)
        columns = [name for name in asked if name in there]
        if columns:
            answer = run_sql(store, f"SELECT path, {', '.join(columns)} FROM photos", config)  # noqa: S608 - fixed names
            for row in answer.to_pylist():
                place = [row[name] for name in _PLACES if row.get(name)]
                words[row["path"]] += ["|".join(["Places", *place])] * bool(place)
                words[row["path"]] += [f"People|{name}" for name in row.get(_PEOPLE) or ()]
    return words
