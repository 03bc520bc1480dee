"""The views that SQL sees, as SQL over the tables. One row per file in `photos`, everything flattened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

_SEP = os.sep.replace("\\", "\\\\")
_NAME = f"regexp_extract(f.path, '[^{_SEP}]+$')"
_FOLDER, _FOLDER_OF_SIDECAR = (f"regexp_replace({file}.path, '{_SEP}[^{_SEP}]+$', '')" for file in ("f", "sf"))
_FILE_TIME = "make_timestamp(f.mtime_ns // 1000)"
# Which source a photo's time is taken from. A sidecar's time of the shot corrects the file's; one of digitising only
# stands in for it. A whole time goes before a day. Takeout's time is UTC, a name's what its program made of it.
_CORRECTS = "(s.is_original AND (s.taken_at IS NOT NULL OR s.taken_on IS NOT NULL))"
_AS_IN_FILE = """coalesce(CASE WHEN s.taken_at IS NOT NULL
    THEN date_trunc('second', s.taken_at) = date_trunc('second', exif.taken_at)
    ELSE date_trunc(coalesce(s.taken_on_precision, 'day'), exif.taken_on) = s.taken_on END, false)"""
_SOURCE = f"""CASE
    WHEN {_CORRECTS} AND NOT {_AS_IN_FILE} THEN 'sidecar'
    WHEN exif.taken_at IS NOT NULL THEN coalesce(exif.taken_at_source, 'exif')
    WHEN s.taken_at IS NOT NULL THEN 'sidecar'
    WHEN f.name_time IS NOT NULL AND f.name_offset_min IS NULL THEN 'file name'
    WHEN g.taken_at IS NOT NULL THEN 'takeout'
    WHEN f.name_time IS NOT NULL THEN 'file name'
    WHEN s.taken_on IS NOT NULL THEN 'sidecar'
    WHEN exif.taken_on IS NOT NULL THEN exif.taken_at_source
    WHEN f.name_day IS NOT NULL THEN 'file name' END"""


def _by_source(file: str, sidecar: str, takeout: str, name: str) -> str:
    """Return the expression for a column of time, given where each source has it."""
    return (
        f"CASE ({_SOURCE}) WHEN 'sidecar' THEN {sidecar} WHEN 'takeout' THEN {takeout} "
        f"WHEN 'file name' THEN {name} ELSE {file} END"
    )


def _first(name: str) -> str:
    """Return the expression for what a sidecar says, else the file, else Takeout."""
    return f"coalesce(s.{name}, exif.{name}, g.{name})"


_TAKEN_AT = _by_source("exif.taken_at", "s.taken_at", "g.taken_at", "f.name_time")
_PLACED = "CASE WHEN s.gps_lat IS NOT NULL THEN s.{0} WHEN exif.gps_lat IS NOT NULL THEN exif.{0} ELSE g.{0} END"
_NAMED = (
    "coalesce(s.{0}, exif.{0}, CASE WHEN s.gps_lat IS NOT NULL THEN s.near_{0} "
    "WHEN exif.gps_lat IS NOT NULL THEN places.{0} ELSE g.near_{0} END)"
)
# The columns of `photos` that are not simply a table's: name and expression.
_HEAD = {
    "path": "f.path",
    "root": "f.root",
    "name": _NAME,
    "folder": _FOLDER,
    "size": "f.size",
    "format": "f.format",
    "content_id": "content_id",
    "shot_id": "f.shot_id",
    "shot_rule": "f.shot_rule",
    "modified_at": _FILE_TIME,
    "taken_at": _TAKEN_AT,
    "taken_at_source": _SOURCE,
    "taken_at_utc": _by_source(
        "exif.taken_at_utc",
        "s.taken_at_utc",
        "g.taken_at_utc",
        "f.name_time - to_minutes(f.name_offset_min::INTEGER)",
    ),
    "utc_offset_min": _by_source("exif.utc_offset_min", "s.utc_offset_min", "g.utc_offset_min", "f.name_offset_min"),
    # Rows of before the days were written have times alone.
    "taken_on": _by_source(
        "coalesce(exif.taken_on, exif.taken_at::DATE)",
        "s.taken_on",
        "g.taken_on",
        "coalesce(f.name_day, f.name_time::DATE)",
    ),
    "taken_on_precision": _by_source(
        "coalesce(exif.taken_on_precision, CASE WHEN exif.taken_at IS NOT NULL THEN 'second' END)",
        "s.taken_on_precision",
        "g.taken_on_precision",
        "CASE WHEN f.name_time IS NOT NULL THEN 'second' WHEN f.name_day IS NOT NULL THEN 'day' END",
    ),
    "best_time": f"coalesce({_TAKEN_AT}, {_FILE_TIME})",
    "best_time_source": f"CASE WHEN {_TAKEN_AT} IS NOT NULL THEN {_SOURCE} "
    "WHEN f.mtime_ns IS NOT NULL THEN 'file time' END",
    **{name: _PLACED.format(name) for name in ("gps_lat", "gps_lon", "gps_alt_m")},
    **{name: _NAMED.format(name) for name in ("country", "region", "city")},
    "location": "coalesce(s.location, exif.location)",
    **{name: f"coalesce(s.{name}, exif.{name})" for name in ("rating", "label", "pick", "keywords", "keyword_paths")},
    "is_favourite": "g.is_favourite",
    **{name: _first(name) for name in ("people", "title", "caption")},
    "comments": "coalesce(s.comments, exif.comments)",
    "top_label": "labels.labels[1]",
}
_SAID = (
    *("rating", "label", "pick", "keywords", "keyword_paths", "people", "title", "caption", "comments", "location"),
    *("city", "region", "country", "taken_at", "taken_at_utc", "utc_offset_min", "taken_on", "taken_on_precision"),
    *("is_original", "is_favourite", "gps_lat", "gps_lon", "gps_alt_m"),
)
# A sidecar speaks for its shot in its own folder: a copy elsewhere has its own. One with a photo's full name speaks for
# that photo alone. Of several, the newest that says it, darktable's further versions last. What belongs together, as
# time and offset, is taken from one sidecar.
_ONE_TIME = ("taken_at", "taken_at_utc", "utc_offset_min", "taken_on", "taken_on_precision", "is_original")
_ONE_PLACE = ("gps_lat", "gps_lon", "gps_alt_m")
_TOGETHER = dict.fromkeys(_ONE_TIME, "taken_on") | dict.fromkeys(_ONE_PLACE, "gps_lat")
_AGE = (
    "(sf.shot_rule IS DISTINCT FROM 'sidecar of a version', "
    "coalesce(sf.mtime_ns, -9223372036854775808), sf.path)"  # a null would count as the newest
)


def _newest(value: str, said: str) -> str:
    """Return the expression for a value of the newest sidecar that says something; the value itself may be null."""
    return f"(arg_max({{'v': {value}}}, {_AGE}) FILTER (WHERE s.{said} IS NOT NULL)).v"


def _sidecars(condition: str) -> str:
    """Return the sidecars of one kind, a row for each photo that has any."""
    said = [f"{_newest(f's.{name}', _TOGETHER.get(name, name))} AS {name}" for name in _SAID]
    near = [f"{_newest(f'p.{name}', 'gps_lat')} AS near_{name}" for name in ("country", "region", "city")]
    return f"""
        (SELECT f.path, {", ".join([*said, *near])}
        FROM t.files f JOIN t.files sf ON sf.shot_id = f.shot_id AND sf.kind = 'sidecar' AND {condition}
            AND {_FOLDER_OF_SIDECAR} = {_FOLDER} AND (sf.about IS NULL OR sf.about = f.path)
        JOIN t.sidecars s ON s.content_id = sf.content_id LEFT JOIN t.places p ON p.content_id = sf.content_id
        WHERE f.kind = 'photo' GROUP BY f.path)
    """  # noqa: S608 - an expression that stands here


_WRITTEN, _OF_GOOGLE = _sidecars("sf.format <> 'takeout'"), _sidecars("sf.format = 'takeout'")
_LABELS = """
    SELECT f.path, content_id, rank, l.labels[rank] AS label, l.probabilities[rank] AS probability
    FROM t.files f
    JOIN (SELECT *, unnest(range(1, len(labels) + 1)) AS rank FROM t.labels) l USING (content_id)
    WHERE f.kind = 'photo'
"""
_FACES = """
    SELECT f.path, faces.* FROM t.files f JOIN t.faces faces USING (content_id) WHERE f.kind = 'photo'
"""
# A film's own local time goes before its name's, and both before the header's, which is UTC.
_VIDEO_SOURCE = """CASE WHEN v.taken_at IS NOT NULL AND (v.utc_offset_min IS DISTINCT FROM 0 OR f.name_time IS NULL
    OR f.name_offset_min IS NOT NULL) THEN 'video' WHEN f.name_day IS NOT NULL THEN 'file name' END"""
_VIDEOS = f"""
    SELECT f.path, f.root, {_NAME} AS name, {_FOLDER} AS folder, f.size, f.format, f.content_id, f.shot_id,
        f.shot_rule, {_FILE_TIME} AS modified_at, v.duration_s, v.width, v.height,
        CASE {_VIDEO_SOURCE} WHEN 'video' THEN v.taken_at ELSE f.name_time END AS taken_at,
        {_VIDEO_SOURCE} AS taken_at_source,
        coalesce(v.taken_at_utc, CASE WHEN f.name_offset_min = 0 THEN f.name_time END) AS taken_at_utc,
        CASE {_VIDEO_SOURCE} WHEN 'video' THEN v.taken_at::DATE ELSE f.name_day END AS taken_on,
        v.gps_lat, v.gps_lon, v.gps_alt_m, v.make, v.model
    FROM t.files f LEFT JOIN t.video_facts v USING (content_id) WHERE f.kind = 'video'
"""  # noqa: S608 - an expression that stands here
_FAILURES = """
    SELECT f.path, l.stage, l.error, l.at FROM t.ledger l JOIN t.files f USING (content_id) WHERE l.status = 'failed'
    UNION ALL SELECT path, 'read', error, seen_at FROM t.files WHERE error IS NOT NULL
"""
# Tables of one row per content that are not joined to `photos`: they are lists, large, or about other files.
_APART = frozenset({"labels", "thumbnails", "sidecars", "video_facts"})


def joins(table: str, key: Iterable[str]) -> bool:
    """Return whether a table with this key is a part of `photos`: it must have one row per content at most."""
    return list(key) == ["content_id"] and table not in _APART


def photos_view(columns: Mapping[str, Iterable[str]], joinable: Iterable[str]) -> str:
    """Return the view `photos` over the tables with their columns; `joinable` are those for which `joins` holds."""
    joined = ["exif", *sorted(set(joinable) - {"exif"})]
    parts = [f"{expression} AS {name}" for name, expression in _HEAD.items()]
    taken = set(_HEAD)
    for table in joined:
        own = [name for name in columns[table] if name not in taken]
        taken.update(own)
        parts += [f'"{table}"."{name}"' for name in own]
    joins = "\n".join(f'LEFT JOIN t."{table}" AS "{table}" USING (content_id)' for table in [*joined, "labels"])
    return f"""SELECT {", ".join(parts)} FROM t.files f {joins}
        LEFT JOIN {_WRITTEN} s ON s.path = f.path LEFT JOIN {_OF_GOOGLE} g ON g.path = f.path
        WHERE f.kind = 'photo'"""  # noqa: S608 - names of tables and columns, quoted


def views(columns: Mapping[str, Iterable[str]], joinable: Iterable[str]) -> dict[str, str]:
    """Return every view by name: `photos`, `videos`, `labels`, `failures`, `faces`, and each other table as it is."""
    plain = {name: f'SELECT * FROM t."{name}"' for name in columns}  # noqa: S608 - a table's own name
    faces = {"faces": _FACES} if "faces" in columns else {}
    own = {"photos": photos_view(columns, joinable), "videos": _VIDEOS, "labels": _LABELS, "failures": _FAILURES}
    return {**plain, **own, **faces}
