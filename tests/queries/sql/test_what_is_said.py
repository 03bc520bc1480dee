# ruff: noqa: DTZ001 - the table's times are naive
"""Which of the things that a file, its sidecars and its name say, a photo's row in SQL has."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from made_library import file, write
from photoidx.library import Library
from photoidx.storage.store import Store

NOON, LATER = datetime(2000, 1, 1, 12), datetime(2019, 7, 21, 23, 6, 38)
EXIF = {"taken_at": NOON, "taken_at_source": "exif", "taken_on": NOON.date(), "taken_on_precision": "second"}
TIME = {"taken_at": LATER, "taken_on": LATER.date(), "taken_on_precision": "second", "is_original": True}
GOOGLE = {
    **TIME,
    "taken_at_utc": LATER,
    "utc_offset_min": 0,
    "gps_lat": 38.7,
    "gps_lon": -9.1,
    "caption": "from Google",
}
DAY = {"taken_on": date(1987, 6, 5), "taken_on_precision": "day", "is_original": True}


def photo(folder: Path, *, exif: Any = None, xmp: Any = None, google: Any = None, name: Any = None) -> dict[str, Any]:
    """Return the row of the one photo of a library in which these things are said."""
    files = [file("/p/a.jpg", "a", shot_id="s", **(name or {}))]
    files += [file("/p/a.xmp", "x", "sidecar", shot_id="s")] if xmp else []
    files += [file("/p/a.jpg.json", "g", "sidecar", shot_id="s", format="takeout")] if google else []
    sidecars = [{"content_id": key, **row} for key, row in (("x", xmp), ("g", google)) if row]
    places = [{"content_id": "g", "city": "Lisbon", "country": "Portugal"}, {"content_id": "a", "city": "Rome"}]
    store = Store(str(folder / "library"), create=True)
    write(store, files=files, exif=[{"content_id": "a", **(exif or {})}], sidecars=sidecars, places=places)
    [row] = Library(folder / "library").sql("SELECT * FROM photos").to_pylist()
    return row


@pytest.mark.parametrize(
    ("said", "source", "taken_at", "taken_on"),
    [
        ({"exif": EXIF}, "exif", NOON, NOON.date()),
        ({"exif": EXIF, "xmp": TIME}, "sidecar", LATER, LATER.date()),
        ({"exif": EXIF, "xmp": {**TIME, "is_original": False}}, "exif", NOON, NOON.date()),
        ({"exif": {**EXIF, "taken_at": LATER.replace(microsecond=250000)}, "xmp": TIME}, "exif",
         LATER.replace(microsecond=250000), NOON.date()),
        ({"xmp": {**TIME, "is_original": False}}, "sidecar", LATER, LATER.date()),
        ({"exif": EXIF, "xmp": DAY}, "sidecar", None, date(1987, 6, 5)),
        ({"exif": EXIF, "xmp": {**DAY, "taken_on": NOON.date()}}, "exif", NOON, NOON.date()),
        ({"exif": EXIF, "xmp": {**DAY, "taken_on": date(2000, 1, 1), "taken_on_precision": "year"}}, "exif", NOON,
         NOON.date()),
        ({"exif": EXIF, "google": GOOGLE}, "exif", NOON, NOON.date()),
        ({"google": GOOGLE, "name": {"name_day": date(2019, 7, 20)}}, "takeout", LATER, LATER.date()),
        ({"google": GOOGLE, "name": {"name_time": NOON, "name_day": NOON.date()}}, "file name", NOON, NOON.date()),
        ({"name": {"name_day": date(2019, 7, 4)}}, "file name", None, date(2019, 7, 4)),
        ({"exif": {"taken_on": date(2012, 3, 4), "taken_on_precision": "day", "taken_at_source": "exif"},
          "name": {"name_time": LATER, "name_day": LATER.date()}}, "file name", LATER, LATER.date()),
        ({}, None, None, None),
    ],
)  # fmt: skip
def test_a_photo_s_time_comes_from_the_best_source_that_tells_it(
    tmp_path: Path, said: dict[str, Any], source: str | None, taken_at: datetime | None, taken_on: date | None
):
    row = photo(tmp_path, **said)
    assert (row["taken_at_source"], row["taken_at"], row["taken_on"]) == (source, taken_at, taken_on)
    assert row["best_time_source"] == (source if taken_at else "file time")


def test_a_name_in_utc_is_known_in_utc(tmp_path: Path):
    row = photo(tmp_path, name={"name_time": LATER, "name_day": LATER.date(), "name_offset_min": 0})
    assert (row["taken_at"], row["taken_at_utc"], row["utc_offset_min"]) == (LATER, LATER, 0)


def test_the_place_and_words_of_takeout_stand_in_for_those_of_the_file(tmp_path: Path):
    row = photo(tmp_path, google=GOOGLE)
    assert (row["gps_lat"], row["city"], row["country"], row["caption"]) == (38.7, "Lisbon", "Portugal", "from Google")


def test_what_the_file_says_goes_before_takeout(tmp_path: Path):
    row = photo(tmp_path, exif={"gps_lat": 41.9, "gps_lon": 12.5, "caption": "own"}, google=GOOGLE)
    assert (row["gps_lat"], row["city"], row["country"], row["caption"]) == (41.9, "Rome", None, "own")


def test_what_people_wrote_of_a_place_goes_before_its_coordinates(tmp_path: Path):
    assert photo(tmp_path, exif={"gps_lat": 41.9, "gps_lon": 12.5, "city": "Roma"})["city"] == "Roma"


def test_a_sidecar_with_a_full_name_speaks_for_that_file_alone_and_versions_come_last(tmp_path: Path):
    store = Store(str(tmp_path / "library"), create=True)
    write(
        store,
        files=[
            file("/p/a.dng", "raw", shot_id="s"),
            file("/p/a.jpg", "jpg", shot_id="s"),
            file("/p/a.dng.xmp", "x1", "sidecar", shot_id="s", about="/p/a.dng", mtime_ns=1),
            file("/p/a.jpg.xmp", "x2", "sidecar", shot_id="s", about="/p/a.jpg", mtime_ns=2),
            file("/p/a_01.jpg.xmp", "x3", "sidecar", shot_id="s", about="/p/a.jpg", mtime_ns=3,
                 shot_rule="sidecar of a version"),
            file("/p/a.xmp", "x4", "sidecar", shot_id="s", mtime_ns=0),
        ],
        sidecars=[
            {"content_id": "x1", "rating": 5},
            {"content_id": "x2", "rating": 1},
            {"content_id": "x3", "rating": 3, "label": "Red"},
            {"content_id": "x4", "rating": 2, "title": "Both"},
        ],
    )  # fmt: skip
    rows = Library(tmp_path / "library").sql("SELECT format, rating, label, title FROM photos ORDER BY 1").to_pylist()
    assert [tuple(row.values()) for row in rows] == [("dng", 5, None, "Both"), ("jpeg", 1, "Red", "Both")]
