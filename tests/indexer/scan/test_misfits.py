"""A value that its column can't hold is one null, or one recorded failure: never the end of a scan."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photoidx import Config, Library
from photoidx.errors import PhotoError
from photoidx.indexer.media.walk import FileState, Listing, state_of
from photoidx.indexer.scan.commit import Batch
from photoidx.indexer.scan.derive import derive
from photoidx.indexer.scan.plan import KnownFile, Verdict, plan
from photoidx.queries.duplicates.holdings.rules import Holdings
from photoidx.queries.duplicates.keep import Copy, preference, reason
from photoidx.scoring.exif.stage import Exif, facts
from photoidx.scoring.exif.xmp import Xmp
from photoidx.stage import DerivedStage, Photo, PhotoStage, Rows, TableSpec, column, fitting, quality
from photoidx.storage.schema import FILES, arrow_schema, tables_of
from photoidx.storage.store import Store
from pictures import draw

AT_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CONFIG = Config(embedders=(), workers=1, without=("faces",), settle_s=0.0)
ANY_NUMBER = st.integers(-(2**70), 2**70)
TOO_LATE_NS = 10_413_792_000 * 10**9  # 2300


@dataclass
class Status:
    st_size: int
    st_mtime_ns: int
    st_ino: int


@AT_ANY_SPEED
@given(ANY_NUMBER, ANY_NUMBER, ANY_NUMBER)
def test_every_state_of_a_file_fits_the_table_of_files(size: int, mtime_ns: int, inode: int):
    state = state_of(Status(size, mtime_ns, inode))  # type: ignore[arg-type]
    row = {"path": "/p/a", **state._asdict()}
    held = pa.Table.from_pylist([row], schema=arrow_schema(FILES)).to_pylist()[0]
    assert FileState(held["size"], held["mtime_ns"], held["inode"]) == state
    assert state.mtime_ns in {mtime_ns, None}


def test_a_file_whose_time_is_not_known_is_unchanged_while_size_and_inode_are():
    state = FileState(100, None, 7)
    known = {"/p/a": KnownFile(state, "a", "/p")}
    assert plan([Listing("/p", {"/p/a": state})], known, 10**18, 10**9).unchanged == ["/p/a"]
    (changed,) = plan([Listing("/p", {"/p/a": FileState(100, 5, 7)})], known, 10**18, 10**9).decisions
    assert changed.verdict is Verdict.CHANGED


def test_a_new_file_is_not_taken_for_a_moved_one_whose_time_is_not_known():
    state = FileState(100, None, 7)
    found = plan([Listing("/p", {"/p/b": state})], {"/p/a": KnownFile(state, "a", "/p")}, 10**18, 10**9)
    assert [each.verdict for each in found.decisions] == [Verdict.NEW, Verdict.GONE]


def test_a_copy_whose_time_is_not_known_is_never_called_the_older_file():
    known, unknown = (
        Copy(Holdings(path, path), mtime_ns=mtime_ns)
        for path, mtime_ns in (("/p/longer.jpg", 10**18), ("/p/a.jpg", None))
    )
    assert min(known, unknown, key=preference) == known
    assert reason(known, unknown) == "its time of change is known"


def test_a_file_dated_beyond_what_the_table_holds_has_a_null_and_stays_unchanged(tmp_path: Path):
    odd, plain = draw(tmp_path / "p" / "odd.jpg", 1), draw(tmp_path / "p" / "plain.jpg", 2)
    os.utime(odd, ns=(TOO_LATE_NS, TOO_LATE_NS))
    if odd.stat().st_mtime_ns != TOO_LATE_NS:
        pytest.skip("this file system does not hold the year 2300")
    library = Library(tmp_path / "library", CONFIG)
    first, second = library.scan(tmp_path / "p"), library.scan(tmp_path / "p")
    assert (first.new, first.failed, second.unchanged, second.analysed) == (2, 0, 2, 0)
    rows = library.sql("SELECT path, modified_at, best_time, best_time_source FROM photos ORDER BY path").to_pylist()
    assert rows[0] == {"path": str(odd), "modified_at": None, "best_time": None, "best_time_source": None}
    assert rows[1]["path"] == str(plain)
    assert rows[1]["best_time_source"] == "file time"


class Tag:
    """What exifread gives for a tag."""

    def __init__(self, values: Any) -> None:
        self.values = values
        self.printable = str(values)


class ZeroRatio:
    """A rational with a denominator of 0, as exifread has it."""

    def __float__(self) -> float:
        raise ZeroDivisionError

    def __str__(self) -> str:
        return "0/0"


NUMBERS = st.one_of(
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=True, allow_infinity=True),
    st.fractions(),
    st.just(Fraction(2**2000)),
    st.builds(ZeroRatio),
)
VALUES = st.one_of(
    NUMBERS,
    st.lists(NUMBERS, max_size=4),
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["N", "S", "9999:12:31 23:59:59", "2024:05:06 07:08:09", "+14:00", "APPLE", "FUJIFILM"]),
)
TAGS = (
    *("Image Orientation", "Image Make", "Image Model", "EXIF BodySerialNumber", "EXIF LensModel", "Image Rating"),
    *("EXIF DateTimeOriginal", "EXIF SubSecTimeOriginal", "EXIF OffsetTimeOriginal", "GPS GPSDate", "GPS GPSTimeStamp"),
    *("GPS GPSLatitude", "GPS GPSLatitudeRef", "GPS GPSLongitude", "GPS GPSLongitudeRef", "GPS GPSAltitude"),
    *("GPS GPSAltitudeRef", "EXIF Flash", "EXIF ISOSpeedRatings", "EXIF FNumber", "EXIF ExposureTime"),
    *("EXIF ExposureBiasValue", "EXIF FocalLength", "EXIF FocalLengthIn35mmFilm", "MakerNote SequenceNumber"),
    *("MakerNote Tag 0x1101", "MakerNote Tag 0x000B", "MakerNote SpecialMode", "Image Software"),
)


@AT_ANY_SPEED
@given(st.dictionaries(st.sampled_from(TAGS), VALUES.map(Tag), max_size=len(TAGS)))
def test_whatever_stands_in_the_tags_fits_the_columns_of_exif(tags: dict[str, Any]):
    row = facts(tags, Xmp())
    fitting(Exif(), {"exif": [row]})
    assert not any(isinstance(value, float) and not math.isfinite(value) for value in row.values())
    if row["tags"] is not None:
        json.loads(row["tags"])


MANY = TableSpec("many", "Rows.", (column("n", pa.int8(), "n"), column("v", pa.string(), "v")), row_key=("n",))
ONE = TableSpec(
    "one", "A row.", (column("at", pa.timestamp("us"), "at"), column("vector", pa.list_(pa.float16(), 2), "vector"))
)


class Teller(PhotoStage):
    name, tables = "teller", (MANY, ONE)

    def run(self, photo: Photo) -> Rows:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ({"many": [{"n": 300}]}, "many.n"),
        ({"many": [{"n": 2**70}]}, "many.n"),
        ({"many": [{"n": None}]}, "many.n"),
        ({"many": [{"n": 1}, {"n": 2, "v": "\udce9"}]}, "many.v"),
        ({"many": [{"n": 1, "v": b"\xff"}]}, "many.v"),
        ({"one": [{"at": "yesterday"}]}, "one.at"),
        ({"one": [{"vector": [1.0]}]}, "one.vector"),
        ({"one": [{"vector": "none"}]}, "one.vector"),
    ],
)
def test_rows_that_a_table_can_t_hold_are_refused_and_the_column_is_named(rows: Rows, word: str):
    with pytest.raises(PhotoError, match=word):
        fitting(Teller(), rows)


def test_rows_that_fit_are_given_back():
    rows = {"many": [{"n": 1, "v": None}], "one": [{"vector": [0.5, 1.0]}]}
    assert fitting(Teller(), rows) is rows
    assert fitting(Teller(), {}) == {}


class Source(PhotoStage):
    name = "source"
    tables = (TableSpec("numbers", "A number.", (column("number", pa.int64(), "It."),)),)

    def run(self, photo: Photo) -> Rows:
        raise NotImplementedError


class Narrow(DerivedStage):
    name = "narrow"
    source, source_table, source_columns = Source(), "numbers", ("number",)
    tables = (quality(column("narrow", pa.int8(), "The number.")),)

    def run_rows(self, rows: pa.RecordBatch) -> Sequence[Rows]:
        return [{"quality": [{"narrow": number}]} for number in rows["number"].to_pylist()]


def test_one_row_of_a_derived_stage_that_does_not_fit_is_one_failure(tmp_path: Path):
    store = Store(str(tmp_path), create=True)
    with store.writing():
        store.ensure(*tables_of([Source(), Narrow()]).values())
        batch = Batch(store, [Source(), Narrow()], 100)
        for number in (1, 300, 2):
            batch.add(f"c{number}", "source", {"numbers": [{"number": number}]})
        batch.commit()
        contents = ["c1", "c2", "c300"]
        failed = derive(store, Narrow(), contents, batch, stop=threading.Event(), done=lambda _done: None)
    assert failed == 1
    rows = store.read("quality", ["content_id", "narrow"]).to_pylist()
    assert {row["content_id"]: row["narrow"] for row in rows} == {"c1": 1, "c2": 2, "c300": None}
    (why,) = store.read("ledger", where="status = 'failed'")["error"].to_pylist()
    assert "quality.narrow" in why


def test_the_words_of_a_failure_fit_whatever_they_are(tmp_path: Path):
    store = Store(str(tmp_path), create=True)
    with store.writing():
        store.ensure(*tables_of([Source()]).values())
        batch = Batch(store, [Source()], 100)
        batch.fail("c", "source", "caf\udce9.jpg can't be read")
        batch.commit()
    assert store.read("ledger")["error"].to_pylist() == ["caf\\udce9.jpg can't be read"]
