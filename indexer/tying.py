"""The files of one press of the shutter are tied: in the folders that a scan touched, or in all of them.

Costs a read of the table of files, and the work of `shots` for the files of the touched folders.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.shots import Member, shots
from photoidx.records import path_text, text_path
from photoidx.schema import BURSTS, DECISIONS, FILES, arrow_schema
from photoidx.store import Store


def tie_shots(
    store: Store,
    touched: Collection[str] | None,
    forget: Collection[str],
    root_of: Callable[[str], str],
    now: Callable[[], datetime],
) -> None:
    """Tie the files of the touched folders anew, those of all folders if `touched` is None.

    `forget` are paths, as the tables spell them, that are about to leave; `root_of` gives the root of a path.
    """
    files = store.read("files")
    keep = [
        touched is None or os.path.dirname(text_path(path)) in touched or not shot_id
        for path, shot_id in zip(files["path"].to_pylist(), files["shot_id"].to_pylist(), strict=True)
    ]
    rows = [row for row in files.filter(pa.array(keep, pa.bool_())).to_pylist() if row["path"] not in forget]
    times = _times(store, {row["content_id"] for row in rows})
    tied = shots(
        [
            Member(
                row["path"],
                row["content_id"] or row["path"],
                row["kind"],
                row["format"],
                times.get(row["content_id"]),
            )
            for row in rows
        ]
    )
    changed = []
    for row in rows:
        root = path_text(root_of(text_path(row["path"])))
        new = {"shot_id": tied[row["path"]][0], "shot_rule": tied[row["path"]][1], "root": root}
        if any(row[name] != value for name, value in new.items()):
            seen_at = row["seen_at"] if row["shot_id"] == new["shot_id"] else now()
            changed.append({**row, **new, "seen_at": seen_at})
    apart = files.filter(pa.array([not each for each in keep], pa.bool_()))
    _carry_over(
        store,
        {row["shot_id"]: tied[row["path"]][0] for row in rows if row["shot_id"]},
        {shot_id for shot_id, _ in tied.values()} | set(apart["shot_id"].to_pylist()),
    )
    store.upsert(FILES, pa.Table.from_pylist(changed, schema=arrow_schema(FILES)))


def _carry_over(store: Store, new_ids: Mapping[str, str], there: set[str]) -> None:
    """Let decisions and groups follow shots whose id changes: the file that gave it was edited, or is gone.

    `there` are the ids that some file still has: those stay where they are.

    Done before the files' own rows: a crash in between repeats it.
    """
    changed = {old: new for old, new in new_ids.items() if old not in there}
    if not changed:
        return
    for spec, name in ((DECISIONS, "shot_ids"), (BURSTS, "shot_id")):
        for row in store.read(spec.name).to_pylist():
            before = row[name] if isinstance(row[name], list) else [row[name]]
            after = [changed.get(shot_id, shot_id) for shot_id in before]
            if after != before:
                value = after if isinstance(row[name], list) else after[0]
                store.upsert(spec, [{**row, name: value}])
    store.delete(BURSTS.name, "shot_id", sorted(changed))


def _times(store: Store, content_ids: set[str | None]) -> dict[str, Any]:
    if "exif" not in store.names():
        return {}
    exif = store.read("exif", ["content_id", "taken_at"])
    exif = exif.filter(pc.is_in(exif["content_id"], value_set=pa.array(list(content_ids), pa.string())))
    return dict(zip(exif["content_id"].to_pylist(), exif["taken_at"].to_pylist(), strict=True))
