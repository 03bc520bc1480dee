"""The views that SQL sees, as SQL over the tables. One row per file in `photos`, everything flattened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

_SEP = os.sep.replace("\\", "\\\\")
_NAME = f"regexp_extract(f.path, '[^{_SEP}]+$')"
_FOLDER = f"regexp_replace(f.path, '{_SEP}[^{_SEP}]+$', '')"
_FILE_TIME = "make_timestamp(f.mtime_ns // 1000)"
_AGE = "(coalesce(f.mtime_ns, -9223372036854775808), f.path)"  # a null would count as the newest
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
    "taken_at": "coalesce(exif.taken_at, f.name_time)",
    "taken_at_source": "CASE WHEN exif.taken_at IS NOT NULL THEN 'exif' "
    "WHEN f.name_time IS NOT NULL THEN 'file name' END",
    "best_time": f"coalesce(exif.taken_at, f.name_time, {_FILE_TIME})",
    "best_time_source": "CASE WHEN exif.taken_at IS NOT NULL THEN 'exif' "
    "WHEN f.name_time IS NOT NULL THEN 'file name' WHEN f.mtime_ns IS NOT NULL THEN 'file time' END",
    "rating": "coalesce(s.rating, exif.rating)",
    "label": "coalesce(s.label, exif.label)",
    "keywords": "coalesce(s.keywords, exif.keywords)",
    "top_label": "labels.labels[1]",
}
# A sidecar speaks for its shot in its own folder: a copy elsewhere has its own. Of several, the newest that says it.
_SIDECARS = f"""
    (SELECT f.shot_id, {_FOLDER} AS folder,
        arg_max(s.rating, {_AGE}) AS rating,
        arg_max(s.label, {_AGE}) AS label,
        arg_max(s.keywords, {_AGE}) AS keywords
    FROM t.files f JOIN t.sidecars s USING (content_id) WHERE f.kind = 'sidecar' GROUP BY ALL)
"""  # noqa: S608 - an expression that stands here
_LABELS = """
    SELECT f.path, content_id, rank, l.labels[rank] AS label, l.probabilities[rank] AS probability
    FROM t.files f
    JOIN (SELECT *, unnest(range(1, len(labels) + 1)) AS rank FROM t.labels) l USING (content_id)
    WHERE f.kind = 'photo'
"""
_FACES = """
    SELECT f.path, faces.* FROM t.files f JOIN t.faces faces USING (content_id) WHERE f.kind = 'photo'
"""
_FAILURES = """
    SELECT f.path, l.stage, l.error, l.at FROM t.ledger l JOIN t.files f USING (content_id) WHERE l.status = 'failed'
    UNION ALL SELECT path, 'read', error, seen_at FROM t.files WHERE error IS NOT NULL
"""
# Tables of one row per content that are not joined to `photos`: they are lists, large, or about other files.
_APART = frozenset({"labels", "thumbnails", "sidecars"})


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
        LEFT JOIN {_SIDECARS} s ON s.shot_id = f.shot_id AND s.folder = {_FOLDER}
        WHERE f.kind = 'photo'"""  # noqa: S608 - names of tables and columns, quoted


def views(columns: Mapping[str, Iterable[str]], joinable: Iterable[str]) -> dict[str, str]:
    """Return every view by name: `photos`, `labels`, `failures`, `faces`, and each other table as it is."""
    plain = {name: f'SELECT * FROM t."{name}"' for name in columns}  # noqa: S608 - a table's own name
    faces = {"faces": _FACES} if "faces" in columns else {}
    return {**plain, "photos": photos_view(columns, joinable), "labels": _LABELS, "failures": _FAILURES, **faces}
