"""Read from the tables what each file holds, as records for the rule of `rules.py`."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.shots.rules import is_edited
from photoidx.queries.contents import columns_of
from photoidx.queries.duplicates.holdings.rules import Companion, Holdings
from photoidx.records import RAW_FORMATS
from photoidx.scoring.exif.software import is_by_editor
from photoidx.storage.store import Store

Files = Mapping[str, Sequence[Mapping[str, Any]]]
"""The files of each content, by content id."""

_CAMERA = ("make", "model", "serial", "lens", "iso", "f_number", "exposure_time_s", "focal_length_mm", "flash")
_PEOPLES = ("rating", "label", "keywords", "title", "description", "caption", "people")
_FACTS = ("taken_at", "gps_lat", "gps_lon", *_PEOPLES, *_CAMERA)
_HELD = (
    *("pictures", "parts", "film_bytes", "bits", "colour", "alpha", "wide_gamut", "lossless", "detail", "words"),
    "picture_id",
)
_SIDECAR = ("rating", "label", "keywords", "title")
_NOTES = "MakerNote "
_SIZE_TAGS = ("EXIF ExifImageWidth", "EXIF ExifImageLength")
_RESIZED = 0.01


def read_holdings(store: Store, files: Files, company: pa.Table) -> dict[str, Holdings]:
    """Return what each of the files holds, by path. `company` are rows of `files` in which their shots' others are."""
    ids = sorted(files)
    columns = columns_of(store, "exif", ("width", "height", "software", "tags", *_FACTS), ids)
    columns |= {f"held {name}": each for name, each in columns_of(store, "holdings", _HELD, ids).items()}
    known = {name: column.to_pylist() for name, column in columns.items()}
    beside = _company(store, files, company)
    found = {}
    for at, content_id in enumerate(ids):
        row = {name: column[at] for name, column in known.items()}
        common = _of_content(content_id, row)
        for file in files[content_id]:
            found[file["path"]] = Holdings(
                path=file["path"],
                format=file["format"],
                company=frozenset(beside.get(file["path"], ())),
                edited=is_edited(file["path"]) or is_by_editor(row.get("software")),
                **common,
            )
    return found


def _of_content(content_id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    tags = json.loads(row.get("tags") or "{}")
    parts, words = row.get("held parts"), row.get("held words")
    return {
        "content": content_id,
        "width": row.get("width"),
        "height": row.get("height"),
        "facts": MappingProxyType(dict(_facts(row))),
        "tags": frozenset(name for name in tags if name.startswith(_NOTES)),
        "resized": _is_resized(tags, max(row.get("width") or 0, row.get("height") or 0)),
        "parts": None if parts is None else frozenset(parts),
        "words": None if words is None else frozenset(words),
        **{name: row.get(f"held {name}") for name in _HELD if name not in {"parts", "words"}},
    }


def _facts(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in _FACTS:
        value = row.get(name)
        if isinstance(value, list):
            value = tuple(value)
        if value is not None and value != () and not (name == "rating" and value == 0):
            yield name, value


def _is_resized(tags: Mapping[str, str], long_side: int) -> bool:
    """Return whether EXIF speaks of a picture of another size: programs that resize keep what the camera wrote."""
    told = [int(tags[name]) for name in _SIZE_TAGS if tags.get(name, "").isdigit()]
    return len(told) == len(_SIZE_TAGS) and max(told) > 0 and abs(max(told) - long_side) > _RESIZED * long_side


def _company(store: Store, files: Files, rows: pa.Table) -> dict[str, list[Companion]]:
    """Return for each of the files those of its shot that lie beside it."""
    shots = {file["shot_id"] for own in files.values() for file in own if file["shot_id"]}
    mates = rows.filter(pc.is_in(rows["shot_id"], value_set=pa.array(sorted(shots), pa.string()))).to_pylist()
    told = _told(store, [mate["content_id"] for mate in mates if mate["kind"] == "sidecar" and mate["content_id"]])
    by_place: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for mate in mates:
        by_place[mate["shot_id"], os.path.dirname(mate["path"])].append(mate)
    found = {}
    for own in files.values():
        for file in own:
            others = by_place.get((file["shot_id"], os.path.dirname(file["path"])), ())
            found[file["path"]] = [
                _companion(mate, told)
                for mate in others
                if mate["path"] != file["path"] and mate["content_id"] != file["content_id"]
            ]
    return found


def _companion(mate: Mapping[str, Any], told: Mapping[str, str]) -> Companion:
    kind = "raw" if mate["format"] in RAW_FORMATS else mate["kind"]
    name = os.path.basename(mate["path"])
    return Companion(kind, mate["content_id"], name, told.get(mate["content_id"] or "", ""))


def _told(store: Store, ids: Sequence[str]) -> dict[str, str]:
    """Say in a few words what sidecars tell."""
    unique = sorted(set(ids))
    columns = {name: each.to_pylist() for name, each in columns_of(store, "sidecars", _SIDECAR, unique).items()}
    found = {}
    for at, content_id in enumerate(unique):
        row = {name: column[at] for name, column in columns.items()}
        said = [f"{row['rating']} stars"] if row.get("rating") else []
        said += [row[name] for name in ("label", "title") if row.get(name)]
        said += [", ".join(row["keywords"])] if row.get("keywords") else []
        found[content_id] = ", ".join(said)
    return found
