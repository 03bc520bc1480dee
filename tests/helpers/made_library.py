"""Rows of a library as a scan would write them, for tests that need no pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from photoidx.config import Config
from photoidx.registry import stages
from photoidx.storage.schema import tables_of
from photoidx.storage.store import Store

SPECS = tables_of(stages(Config()))
WIDTH = 1280


def file(path: str, content_id: str | None, kind: str = "photo", **rest: Any) -> dict[str, Any]:
    """Return a row of `files`; its shot is that of its content, unless told otherwise."""
    suffix = path.rpartition(".")[2].lower()
    return {
        "path": path,
        "root": "/p",
        "size": 10,
        "mtime_ns": 10**18,
        "inode": 0,
        "content_id": content_id,
        "kind": kind,
        "format": {"jpg": "jpeg"}.get(suffix, suffix),
        "shot_id": f"shot-{content_id}",
        **rest,
    }


def write(store: Store, **tables: Sequence[dict[str, Any]]) -> None:
    """Write rows into the tables of these names."""
    with store.writing():
        for name, rows in tables.items():
            store.ensure(SPECS[name])
            store.upsert(SPECS[name], rows)


def vector(*parts: float, width: int = WIDTH) -> list[np.float16]:
    """Return a vector of length 1 that begins with these numbers."""
    whole = np.zeros(width)
    whole[: len(parts)] = parts
    return list((whole / np.linalg.norm(whole)).astype(np.float16))
