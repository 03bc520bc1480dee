"""What the gallery reads from the tables: the photos in the order in which they are shown, their places, thumbnails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from photoidx.config import Config
from photoidx.queries.bursts.frames import Frames
from photoidx.queries.contents import thumbnails_of
from photoidx.queries.gallery.layout import layout
from photoidx.queries.sql.process import ask_once
from photoidx.queries.sql.query import as_condition, run_sql
from photoidx.storage.store import Store

_COLUMNS = (
    *("path", "folder", "format", "content_id", "shot_id", "taken_at", "make", "model", "lens"),
    *("exposure_time_s", "f_number", "iso", "focal_length_mm", "width", "height", "rating"),
    *("technical", "blur_kind", "face_count"),
)
_AT_ONCE = 500
QUALITY = 70


def photo_rows(store: Store, where: str | None = None) -> list[dict[str, Any]]:
    """Return the photos for which the SQL condition holds: the newest first, those without a time last, by path.

    Each has some columns of the view `photos`, and labels, probabilities, thumbnail_width, thumbnail_height. Raises
    QueryError if the condition is not one, or can't be answered.
    """
    condition = "" if where is None else f"WHERE {as_condition(where)}"
    query = f"SELECT {', '.join(_COLUMNS)} FROM photos {condition} ORDER BY taken_at DESC NULLS LAST, path"  # noqa: S608 - the user's own query
    # What the user wrote may have to be stopped.
    answer = run_sql(store, query) if where is None else ask_once(store.uri, query, Config(), store.as_of)
    rows: list[dict[str, Any]] = answer.to_pylist()
    labels = _by_content(store, "labels", ("labels", "probabilities"))
    sizes = _by_content(store, "thumbnails", ("width", "height"))
    for row in rows:
        row["labels"], row["probabilities"] = labels.get(row["content_id"], (None, None))
        row["thumbnail_width"], row["thumbnail_height"] = sizes.get(row["content_id"], (None, None))
    return rows


def _by_content(store: Store, table: str, columns: tuple[str, str]) -> dict[str, tuple[Any, Any]]:
    if table not in store.names():
        return {}
    found = store.read(table, ["content_id", *columns])
    values = (found[name].to_pylist() for name in columns)
    return dict(zip(found["content_id"].to_pylist(), zip(*values, strict=True), strict=True))


def places(frames: Frames, paths: set[str]) -> dict[str, tuple[float, float]]:
    """Lay out those frames of these paths that have a vector. Gives x and y by path, each from 0 to 1."""
    at = [n for n in np.flatnonzero(frames.embedded).tolist() if frames.paths[n] in paths]
    found = layout(frames.vectors[at])
    return {frames.paths[n]: (float(x), float(y)) for n, (x, y) in zip(at, found, strict=True)}


def thumbnails(store: Store, content_ids: Sequence[str], long_side: int | None) -> Iterator[tuple[str, bytes]]:
    """Return the thumbnails of these contents in their order, as JPEG files; made smaller if a long side is given.

    One that can't be read, or that a scan has removed meanwhile, is empty.
    """
    for start in range(0, len(content_ids), _AT_ONCE):
        block = content_ids[start : start + _AT_ONCE]
        found = thumbnails_of(store, block)
        for content_id in block:
            jpeg = found.get(content_id, b"")
            if long_side is not None:
                try:
                    jpeg = smaller(jpeg, long_side)
                except OSError:
                    jpeg = b""
            yield content_id, jpeg


def smaller(jpeg: bytes, long_side: int) -> bytes:
    """Make a JPEG file's picture smaller, to this long side in pixels; one that is no larger stays as it is."""
    with Image.open(BytesIO(jpeg)) as image:
        if max(image.size) <= long_side:
            return jpeg
        size = [max(1, round(side * long_side / max(image.size))) for side in image.size]
        image.draft("RGB", (size[0], size[1]))  # halving costs nothing where JPEG's own scaling does it
        out = BytesIO()
        image.resize((size[0], size[1]), Image.Resampling.LANCZOS).save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()
