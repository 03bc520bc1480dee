"""The views that SQL sees, as SQL over the tables. One row per file in `photos`, everything flattened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_PHOTOS_HEAD = """
    f.path, f.root, regexp_extract(f.path, '[^/\\\\]+$') AS name,
    regexp_replace(f.path, '[/\\\\][^/\\\\]+$', '') AS folder,
    f.size, f.format, f.content_id, f.shot_id, f.shot_rule,
    make_timestamp(f.mtime_ns // 1000) AS modified_at,
    coalesce(exif.taken_at, f.name_time) AS taken_at,
    CASE WHEN exif.taken_at IS NOT NULL THEN 'exif' WHEN f.name_time IS NOT NULL THEN 'file name' END
        AS taken_at_source,
    coalesce(exif.taken_at, f.name_time, make_timestamp(f.mtime_ns // 1000)) AS best_time,
    CASE WHEN exif.taken_at IS NOT NULL THEN 'exif' WHEN f.name_time IS NOT NULL THEN 'file name'
        ELSE 'file time' END AS best_time_source,
    coalesce(s.rating, exif.rating) AS rating, coalesce(s.label, exif.label) AS label,
    coalesce(s.keywords, exif.keywords) AS keywords, labels.labels[1] AS top_label
"""
_GIVEN_IN_HEAD = frozenset({"content_id", "taken_at", "rating", "label", "keywords"})
_SIDECARS_OF_SHOTS = """
    (SELECT f.shot_id, regexp_replace(f.path, '[/\\\\][^/\\\\]+$', '') AS folder,
        any_value(s.rating) AS rating, any_value(s.label) AS label, any_value(s.keywords) AS keywords
    FROM t.files f JOIN t.sidecars s USING (content_id) WHERE f.kind = 'sidecar' GROUP BY ALL)
"""
_LABELS = """
    SELECT f.path, i.rank, l.labels[i.rank] AS label, l.probabilities[i.rank] AS probability
    FROM t.files f JOIN t.labels l USING (content_id), (SELECT unnest(range(1, 6)) AS rank) i
    WHERE f.kind = 'photo' AND i.rank <= len(l.labels)
"""
_FAILURES = """
    SELECT f.path, l.stage, l.error, l.at FROM t.ledger l JOIN t.files f USING (content_id) WHERE l.status = 'failed'
    UNION ALL SELECT path, 'read', error, seen_at FROM t.files WHERE error IS NOT NULL
"""
# Tables that are not joined to `photos`: not one row for each content, or too large for a flat row.
_APART = frozenset({"files", "ledger", "scans", "meta", "labels", "thumbnails", "sidecars", "faces"})


def photos_view(columns: Mapping[str, Iterable[str]]) -> str:
    """Give the view `photos` over the tables that exist, each with its columns."""
    others = {name for name in columns if name not in _APART and not name.startswith("vectors_")}
    joined = ["exif", *sorted(others - {"exif"})]
    taken = set(_GIVEN_IN_HEAD)
    parts = [_PHOTOS_HEAD.strip()]
    for table in joined:
        own = [name for name in columns[table] if name not in taken]
        taken.update(own)
        parts += [f'"{table}"."{name}"' for name in own]
    joins = "\n".join(f'LEFT JOIN t."{table}" AS "{table}" USING (content_id)' for table in [*joined, "labels"])
    selected = ", ".join(part.replace("f.content_id", "content_id") for part in parts)
    return f"""SELECT {selected} FROM t.files f {joins}
        LEFT JOIN {_SIDECARS_OF_SHOTS} s ON s.shot_id = f.shot_id AND starts_with(f.path, s.folder || '/')
        WHERE f.kind = 'photo'"""  # noqa: S608 - names of tables and columns, quoted


def views(columns: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Give every view by name."""
    return {"photos": photos_view(columns), "labels": _LABELS, "failures": _FAILURES} | {
        name: f'SELECT * FROM t."{name}"'  # noqa: S608 - names that stand here
        for name in ("files", "exif", "sidecars", "scans")
    }
