"""The tables of a library: the project's own, and those that the registered stages declare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa

from photoidx.stage import Stage, TableSpec, column

SCHEMA_VERSION = 1
"""Raised when a library must be rewritten to be read by this version; `photoidx.storage.migrations` says how.

A new table or column needs no new version: `Store.ensure` adds it.
"""

_TIME = pa.timestamp("us")

FILES = TableSpec(
    "files",
    "One row per file: where its bytes were last seen.",
    (
        column(
            "path",
            pa.string(),
            "Absolute path; bytes that are not UTF-8 are kept reversibly (see `records.path_text`).",
        ),
        column("root", pa.string(), "The scanned folder that it lies under."),
        column("size", pa.int64(), "Bytes."),
        column(
            "mtime_ns",
            pa.int64(),
            "Time of last modification, nanoseconds since 1970; null for one before 1678 or after 2262.",
        ),
        column("inode", pa.int64(), "Inode number, 0 where the file system has none."),
        column("content_id", pa.string(), "Identity of the bytes; null if the file could not be read."),
        column("kind", pa.string(), "photo, sidecar or video."),
        column("format", pa.string(), "The format that the name announces: jpeg, heif, cr3, xmp, ..."),
        column("name_time", _TIME, "A full time that the file's name carries, local; null if it carries none."),
        column("name_day", pa.date32(), "The day that the file's name carries, with or without a time."),
        column("name_offset_min", pa.int16(), "0 where the name's time is in UTC, as Google's `PXL_`; else null."),
        column("shot_id", pa.string(), "One press of the shutter: files of one shot share it."),
        column("shot_rule", pa.string(), "The rule that ties the file to its shot; null for a file on its own."),
        column("about", pa.string(), "Of a sidecar whose name says so, the path of the only photo that it is about."),
        column("error", pa.string(), "Why the file could not be read; null if it could."),
        column("seen_at", _TIME, "When this state of the file was recorded, UTC."),
    ),
    row_key=("path",),
)
LEDGER = TableSpec(
    "ledger",
    "One row per content and stage: what was done, what failed and why.",
    (
        column("stage", pa.string(), "The stage, or `decode` for a picture that can't be decoded."),
        column("fingerprint", pa.string(), "Name, version and a digest of weights and preprocessing."),
        column("status", pa.string(), "done or failed."),
        column("error", pa.string(), "Why it failed; null if it did not."),
        column("at", _TIME, "When, UTC."),
    ),
    row_key=("stage",),
)
SCANS = TableSpec(
    "scans",
    "One row per scan.",
    (
        column("scan_id", pa.string(), "Identity of the scan; sorts by time."),
        column("started_at", _TIME, "UTC."),
        column("finished_at", _TIME, "UTC; null while it runs, or if it was killed."),
        column("status", pa.string(), "running, finished or interrupted."),
        column("roots", pa.list_(pa.string()), "The folders that were scanned."),
        column("counts", pa.string(), "What it found and did, as JSON."),
    ),
    row_key=("scan_id",),
)
BURSTS = TableSpec(
    "bursts",
    "One row per shot that belongs to a group of shots: burst, bracket, panorama, timelapse or focus_stack.",
    (
        column("shot_id", pa.string(), "The shot."),
        column("burst_id", pa.string(), "Its group; it stays when the group grows."),
        column("kind", pa.string(), "burst, bracket, panorama, timelapse or focus_stack."),
        column("position", pa.int32(), "Place in the group, from 0, by time."),
        column("rule", pa.string(), "What ties it to an earlier frame; null for the first one."),
        column("gap_s", pa.float32(), "Seconds since that frame; null if it is not known."),
        column("cosine", pa.float32(), "Cosine of the two frames' vectors; null if they were not compared."),
    ),
    row_key=("shot_id",),
)
PAIRS = TableSpec(
    "pairs",
    "One row per pair of contents that look alike: the same picture, or two of one scene.",
    (
        column("first", pa.string(), "Content id, the lower of the two."),
        column("second", pa.string(), "Content id."),
        column("cosine", pa.float32(), "Cosine of the two vectors of the default embedder; null if one has none."),
        column(
            "distance",
            pa.float32(),
            "How unlike the pixels are where both show the same, 0 to 1; null if they can't be the same picture.",
        ),
        column("equal_pixels", pa.bool_(), "Whether the decoded pictures are equal: only metadata differ."),
        column("orientation", pa.int8(), "How the second is turned against the first, 0 (not) to 7."),
        column(
            "scale", pa.float32(), "How much larger things are in the first than in the second, as shares of the frame."
        ),
        column("overlap", pa.float32(), "Share of the larger field of view that both show."),
        column("changed", pa.float32(), "Share of the structure that is another: a watermark, or a thing that moved."),
        column(
            "framed", pa.int8(), "1 if the first is the second with a frame, 2 the other way; negative if not surely."
        ),
        column(
            "relation",
            pa.string(),
            "same (only encoding, size, container or metadata differ), edited, or part of; null if only similar.",
        ),
        column(
            "edits",
            pa.list_(pa.string()),
            "What was done to one of them: cropped, turned, mirrored, grey, tone, sharpened, covered, framed, "
            "stretched, perspective, retouched.",
        ),
        column("shown_first", pa.float32(), "Share of the first picture's area that the second shows, 0 to 1."),
        column("shown_second", pa.float32(), "Share of the second picture's area that the first shows, 0 to 1."),
        column("roll_deg", pa.float32(), "Degrees by which the second picture is turned against the first."),
    ),
    row_key=("first", "second"),
)
LOOKS = TableSpec(
    "looks",
    "One row per pair of contents that were compared at full size: whether the one can have been made from the other.",
    (
        column("one", pa.string(), "Content id."),
        column("other", pa.string(), "Content id of what it may have been made from."),
        column(
            "ratio",
            pa.float32(),
            "How far it is from what can be made of the other, against what its encoding alone does: 1 for a copy; "
            "null if its encoding can't be repeated.",
        ),
        column("distance", pa.float32(), "The same distance in squared grey levels."),
        column("own", pa.float32(), "How far its own encoding alone moves a picture; null if it can't be repeated."),
        column("structured", pa.float32(), "Whether what is left lies where the other has structure, -1 to 1."),
        column("differs", pa.bool_(), "Whether something in the picture is another, which no encoding explains."),
    ),
    row_key=("one", "other"),
)
TEXTS = TableSpec(
    "texts",
    "One row per photo file: the words by which `photoidx search` finds it. A search brings them up to date.",
    (
        column("path", pa.string(), "Absolute path."),
        column("words", pa.string(), "The words, in lower case and without accents; those that weigh more, repeated."),
        column("facts", pa.string(), "What they come from, a line each: `label: tench`, `folder: 2014 Rome`, ..."),
    ),
    row_key=("path",),
)
CLUSTERS = TableSpec(
    "clusters",
    "One row per shot that has a vector: its cluster of like photos. `photoidx clusters` brings it up to date.",
    (
        column("shot_id", pa.string(), "The shot."),
        column("cluster_id", pa.string(), "Its cluster; it stays while most of its shots do. Null for noise."),
        column("label", pa.string(), "The cluster's name; null for noise."),
        column("probability", pa.float32(), "How surely the shot belongs to the cluster, 0 to 1; 0 for noise."),
        column("is_representative", pa.bool_(), "Whether the shot stands for the cluster: the nearest to its mean."),
    ),
    row_key=("shot_id",),
)
DECISIONS = TableSpec(
    "decisions",
    "What the user decided. No scan changes it.",
    (
        column("decision_id", pa.string(), "Identity of the decision; sorts by time."),
        column("verb", pa.string(), "best, together, apart, same, different, keep-all, keep or reject."),
        column("shot_ids", pa.list_(pa.string()), "The shots that it is about."),
        column("at", _TIME, "When, UTC."),
        column("undone_at", _TIME, "When it was taken back, UTC; null if it holds."),
    ),
    row_key=("decision_id",),
)
META = TableSpec(
    "meta",
    "Facts about the library itself.",
    (column("name", pa.string(), "What is told."), column("value", pa.string(), "Its value.")),
    row_key=("name",),
)
PENDING = "grouping_pending"
"""The fact in `meta` that is `yes` while shots may have changed that were not grouped since."""
MADE = "tables"
"""The fact in `meta` that lists, as JSON, the tables that were ever made: one of them that is missing was lost."""
REPAIRED = "mended_at"
"""The fact in `meta` that tells when a damaged table was last repaired, in UTC: its versions before say nothing."""
OWN_TABLES = (FILES, LEDGER, SCANS, BURSTS, PAIRS, LOOKS, TEXTS, CLUSTERS, DECISIONS, META)
# Tables that are not about a content have no content id in front.
_WITHOUT_CONTENT = frozenset({"files", "scans", "bursts", "pairs", "looks", "texts", "clusters", "decisions", "meta"})


def key_of(spec: TableSpec) -> tuple[str, ...]:
    """Return the columns that together identify a row."""
    return spec.row_key if spec.name in _WITHOUT_CONTENT else ("content_id", *spec.row_key)


def key_of_table(name: str) -> tuple[str, ...]:
    """Return the columns of a table's key; of a table that a stage may have declared none are known."""
    own = {spec.name: spec for spec in OWN_TABLES}
    return key_of(own[name]) if name in own else ()


def arrow_schema(spec: TableSpec) -> pa.Schema:
    """Return a table's Arrow schema. Key columns carry the mark by which Lance finds clashing concurrent merges."""
    fields = list(spec.columns)
    if spec.name not in _WITHOUT_CONTENT:
        fields.insert(0, column("content_id", pa.string(), "Identity of the file's bytes."))
    key = key_of(spec)
    return pa.schema([_as_key(field) if field.name in key else field for field in fields])


def _as_key(field: pa.Field) -> pa.Field:
    mark = {"lance-schema:unenforced-primary-key": "true"}
    return field.with_nullable(nullable=False).with_metadata({**(field.metadata or {}), **mark})


def tables_of(stages: Iterable[Stage]) -> dict[str, TableSpec]:
    """Collect the tables of the project and of the stages, by name; a shared one has all its columns."""
    specs = {spec.name: spec for spec in OWN_TABLES}
    for stage in stages:
        for spec in stage.tables:
            known = specs.get(spec.name)
            specs[spec.name] = spec if known is None else _joined(known, spec, stage)
    return specs


def _joined(known: TableSpec, spec: TableSpec, stage: Stage) -> TableSpec:
    """Add a stage's columns to a shared table."""
    if spec == known:
        return known
    if not (known.shared and spec.shared) or known.about != spec.about:
        raise ValueError(f"Stage {stage.name} declares table {spec.name} differently from another stage")
    twice = {field.name for field in known.columns}.intersection(field.name for field in spec.columns)
    if twice:
        raise ValueError(f"Stage {stage.name} declares {', '.join(sorted(twice))}, which another stage has")
    return replace(known, columns=(*known.columns, *spec.columns))
