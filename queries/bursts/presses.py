"""One press of the shutter whose RAW and developed file lie in two folders, as RAW/IMG_1.CR3 beside JPG/IMG_1.JPG.

Shots (`indexer/shots/rules.py`) are of one folder, and so are sidecars and ids. Here two of them are seen as one
frame, for bursts and the choice of the best alone. Two cameras may give equal names, even in one second: names never
suffice.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa

from photoidx.indexer.shots.fold import fold
from photoidx.indexer.shots.names import press_stem

_ALIKE_BITS = 12
"""A RAW's preview and the JPEG of the same press differ in less; other scenes in 20 of 64 bits or more."""
_COLUMNS = ("path", "shot_id", "taken_at", "make", "model", "serial", "phash_64")

Row = Mapping[str, Any]


def presses(rows: pa.Table, apart: AbstractSet[frozenset[str]] = frozenset()) -> dict[str, tuple[str, ...]]:
    """Return for shots that stand for others of the same press the ids of those others.

    `rows` are one for each shot, with `raw` (whether it has nothing but a RAW) and its EXIF. Tied are a RAW and a
    developed file of equal stems, in sibling folders or in a folder and its parent, by one camera at exactly one time;
    sub-seconds count if both have them. That it is one camera is told by equal serials; without serials the two must
    look alike, or tell the same sub-seconds where there is nothing to look at. The developed one stands for both. The
    pairs of shots in `apart` are never tied, nor by way of a third.
    """
    lone = np.asarray(rows["raw"].combine_chunks()) == 1
    if not lone.any() or lone.all():
        return {}
    stems = np.array([_stem(path) for path in rows["path"].to_pylist()], object)
    common = set(stems[lone]) & set(stems[~lone])
    fits = np.array([stem in common for stem in stems], np.bool_)
    columns = [name for name in _COLUMNS if name in rows.column_names]
    waiting: dict[str, list[Row]] = defaultdict(list)
    for row in rows.filter(pa.array(fits & lone)).select(columns).to_pylist():
        waiting[_stem(row["path"])].append(row)
    developed = rows.filter(pa.array(fits & ~lone)).select(columns).to_pylist()
    pairs = [
        (row, raw)
        for row in sorted(developed, key=lambda row: str(row["path"]))
        for raw in waiting[_stem(row["path"])]
        if _is_one_press(row, raw)
    ]
    return _united([(row["shot_id"], raw["shot_id"]) for row, raw in pairs], apart)


def _united(pairs: list[tuple[str, str]], apart: AbstractSet[frozenset[str]]) -> dict[str, tuple[str, ...]]:
    """Return the shots that hang together below the first developed one of them."""
    below: dict[str, set[str]] = {}
    head: dict[str, str] = {}
    for developed, raw in pairs:
        first = head.setdefault(developed, developed)
        # A RAW may have two developed files, as a camera's and an export: the first of them stands for all three.
        stays, goes = (head[raw], first) if raw in head else (first, raw)
        ones, others = below.setdefault(stays, {stays}), below.get(goes, {goes})
        if stays == goes or any(frozenset(pair) in apart for pair in product(ones, others)):
            continue
        below[stays] = ones | others
        below.pop(goes, None)
        head |= dict.fromkeys(others, stays)
    return {first: tuple(sorted(shots - {first})) for first, shots in below.items() if len(shots) > 1}


def _stem(path: str) -> str:
    """Return a file's stem as shots have it: PXL_1.RAW-01.COVER.jpg and PXL_1.RAW-02.ORIGINAL.dng have one."""
    return press_stem(fold(os.path.splitext(os.path.basename(path))[0]))[0]


def _is_one_press(developed: Row, raw: Row) -> bool:
    return (
        _are_near(os.path.dirname(developed["path"]), os.path.dirname(raw["path"]))
        and _is_one_time(developed["taken_at"], raw["taken_at"])
        and _is_one_camera(developed, raw)
    )


def _are_near(first: str, second: str) -> bool:
    """Return siblings, and a folder and its parent. Within one folder it is the shots' rules that tie."""
    above, below = os.path.dirname(first), os.path.dirname(second)
    return first != second and (above in {below, second} or first == below)


def _is_one_time(first: datetime | None, second: datetime | None) -> bool:
    if first is None or second is None:
        return False
    if first.microsecond and second.microsecond:
        return first == second
    return first.replace(microsecond=0) == second.replace(microsecond=0)


def _is_one_camera(first: Row, second: Row) -> bool:
    if not first["model"] or any(first[name] != second[name] for name in ("make", "model")):
        return False
    if first["serial"] and second["serial"]:
        return bool(first["serial"] == second["serial"])
    hashes = (first.get("phash_64"), second.get("phash_64"))
    if hashes[0] and hashes[1]:
        return (int(hashes[0], 16) ^ int(hashes[1], 16)).bit_count() <= _ALIKE_BITS
    return first["taken_at"] == second["taken_at"] and bool(first["taken_at"].microsecond)
