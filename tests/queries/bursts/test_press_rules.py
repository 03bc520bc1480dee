"""The rules that make one press of the shutter of a RAW and a developed file in two folders, one row each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from burst_album import NOON
from photoidx.queries.bursts.presses import presses

EXACT = NOON + timedelta(milliseconds=370)
BARE: dict[str, Any] = {"serial": None, "phash_64": None}


def row(path: str, taken_at: datetime | None = EXACT, **given: Any) -> dict[str, Any]:
    ours = {"path": path, "shot_id": path, "taken_at": taken_at, "make": "Canon", "model": "EOS R6", "serial": "42"}
    return {**ours, "phash_64": "0" * 16, "raw": int(path.endswith("CR3")), **given}


def raw(taken_at: datetime | None = EXACT, **given: Any) -> dict[str, Any]:
    return row("/a/RAW/IMG_1.CR3", taken_at, **given)


def jpeg(taken_at: datetime | None = EXACT, path: str = "/a/JPG/IMG_1.JPG", **given: Any) -> dict[str, Any]:
    return row(path, taken_at, **given)


def tied(*rows: dict[str, Any]) -> bool:
    return bool(presses(pa.table({name: pa.array([each[name] for each in rows]) for name in rows[0]})))


ROWS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "sibling folders": (raw(), jpeg(), True),
    "a folder and its parent": (raw(), jpeg(path="/a/IMG_1.JPG"), True),
    "a folder below the RAW's": (raw(), jpeg(path="/a/RAW/JPG/IMG_1.JPG"), True),
    "a folder two levels up": (raw(), jpeg(path="/IMG_1.JPG"), False),
    "one folder is for the shots' rules": (raw(), jpeg(path="/a/RAW/IMG_1.JPG"), False),
    "cousins": (raw(), jpeg(path="/b/JPG/IMG_1.JPG"), False),
    "another name": (raw(), jpeg(path="/a/JPG/IMG_2.JPG"), False),
    "a name in other letters": (raw(), jpeg(path="/a/JPG/img_1.jpg"), True),
    "another hundredth": (raw(), jpeg(EXACT + timedelta(milliseconds=10)), False),
    "sub-seconds that one lost": (raw(), jpeg(NOON), True),
    "another second": (raw(NOON), jpeg(NOON + timedelta(seconds=1)), False),
    "no time": (raw(None), jpeg(None), False),
    "no time in one": (raw(), jpeg(None), False),
    "another serial": (raw(), jpeg(serial="43"), False),
    "equal serials need no look": (raw(phash_64="f" * 16), jpeg(), True),
    "another make": (raw(), jpeg(make="Nikon"), False),
    "another model": (raw(), jpeg(model="EOS R5"), False),
    "no model": (raw(model=None), jpeg(model=None), False),
    "without serials: alike": (raw(NOON, serial=None), jpeg(NOON, serial=None), True),
    "without serials: twelve bits apart": (
        raw(NOON, serial=None),
        jpeg(NOON, serial=None, phash_64="fff".zfill(16)),
        True,
    ),
    "without serials: thirteen bits": (
        raw(NOON, serial=None),
        jpeg(NOON, serial=None, phash_64="1fff".zfill(16)),
        False,
    ),
    "one serial is none": (raw(NOON), jpeg(NOON, serial=None, phash_64="f" * 16), False),
    "nothing to look at, one instant": (raw(**BARE), jpeg(**BARE), True),
    "nothing to look at, one second": (raw(NOON, **BARE), jpeg(NOON, **BARE), False),
    "nothing to look at, sub-seconds lost": (raw(**BARE), jpeg(NOON, **BARE), False),
}


@pytest.mark.parametrize(("first", "second", "expected"), ROWS.values(), ids=ROWS.keys())
def test_a_raw_and_a_developed_file_are_one_press_or_two(first, second, expected):
    assert tied(first, second) is expected


def test_two_raws_or_two_developed_files_are_no_press():
    assert not tied(raw(), row("/a/JPG/IMG_1.CR3"))
    assert not tied(jpeg(), jpeg(path="/a/export/IMG_1.JPG"))
