"""Earlier states: what moments mean, which versions they are, and that commands answer from them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from made_library import file, write
from photoidx.cli import cli
from photoidx.errors import EarlierStateError
from photoidx.library import Library
from photoidx.moments import parse_moment, spelt
from photoidx.storage.as_of import Version, passed_twice, versions_at
from photoidx.storage.schema import FILES, META, REPAIRED
from photoidx.storage.store import Store

NOW = datetime(2026, 11, 26, 12, 0).astimezone()
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def minutes(*at: float) -> list[Version]:
    """Return versions written so many minutes after noon."""
    return [Version(number, NOON + timedelta(minutes=minute)) for number, minute in enumerate(at, 1)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2 hours ago", timedelta(hours=2)),
        ("an hour ago", timedelta(hours=1)),
        ("90 min ago", timedelta(minutes=90)),
        ("1.5h ago", timedelta(minutes=90)),
        ("10s  ago", timedelta(seconds=10)),
        ("1 Week ago", timedelta(days=7)),
        ("09:30", timedelta(hours=2, minutes=30)),
        ("today 11:59:30", timedelta(seconds=30)),
        ("yesterday", timedelta(hours=36)),
        ("Yesterday at 14:00", timedelta(hours=22)),
        ("2026-11-25", timedelta(hours=36)),
        ("2026-11-25 14:00", timedelta(hours=22)),
        ("2026-11-25T14:00:00", timedelta(hours=22)),
    ],
)
def test_a_moment_is_understood(text: str, meant: timedelta):
    assert parse_moment(text, NOW) == NOW - meant


def test_a_moment_with_a_zone_is_of_that_zone():
    assert parse_moment("2026-11-25T14:00:00+03:00", NOW) == datetime(2026, 11, 25, 11, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2 parsecs ago", "2026-13-01", "ago", "yesterday 7", "-1 h ago"])
def test_what_is_no_moment_is_told_with_what_would_be(text: str):
    with pytest.raises(ValueError, match="2 hours ago"):
        parse_moment(text, NOW)


def test_a_time_to_come_or_before_all_time_is_refused():
    with pytest.raises(ValueError, match="still to come"):
        parse_moment("2026-11-27", NOW)
    with pytest.raises(ValueError, match="further back"):
        parse_moment("9999999 weeks ago", NOW)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_is_spelt_is_read_back_and_never_before(moment: datetime):
    assert timedelta(0) <= parse_moment(spelt(moment), NOW) - moment < timedelta(seconds=1)


def test_the_state_is_the_last_version_of_each_table_and_later_tables_are_left_out():
    tables = {"meta": minutes(0, 5), "files": minutes(1, 2, 3), "later": minutes(9)}
    assert versions_at(tables, NOON + timedelta(minutes=2.5), None) == {"meta": 1, "files": 2}
    assert versions_at(tables, NOON + timedelta(minutes=9), None) == {"meta": 2, "files": 3, "later": 1}


@pytest.mark.parametrize(
    ("tables", "repaired"),
    [
        ({"meta": minutes(5)}, None),
        ({"meta": minutes(0), "files": minutes(1, 5)[1:]}, None),
        ({"meta": minutes(0)}, NOON + timedelta(minutes=5)),
    ],
    ids=["before the library", "removed version", "before a table was repaired"],
)
def test_too_early_a_moment_is_refused_with_the_earliest(tables: dict[str, list[Version]], repaired: datetime | None):
    earliest = NOON + timedelta(minutes=5)
    with pytest.raises(EarlierStateError, match=spelt(earliest.astimezone()).replace("+", r"\+")):
        versions_at(tables, earliest - timedelta(seconds=1), repaired)
    assert versions_at(tables, earliest, repaired)


def test_a_moment_that_the_clock_passed_twice_is_refused():
    tables = {"meta": minutes(0), "ledger": minutes(1, 55, 10, 20, 65)}
    assert passed_twice(tables["ledger"]) == (NOON + timedelta(minutes=10), NOON + timedelta(minutes=65))
    for minute in (10, 30, 64):
        with pytest.raises(EarlierStateError, match="clock was set back"):
            versions_at(tables, NOON + timedelta(minutes=minute), None)
    assert versions_at(tables, NOON + timedelta(minutes=5), None)["ledger"] == 1
    assert versions_at(tables, NOON + timedelta(minutes=65), None)["ledger"] == 5


@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=6),
    st.integers(0, 5),
    st.integers(-200, -61) | st.integers(0, 60),  # minutes: set back by less than the last commit took can't be seen
)
def test_no_state_has_a_ledger_ahead_of_its_data_whatever_the_clock_did(steps: list[int], set_at: int, by: int):
    """Data is written, then the ledger; the clock goes forward by steps and is once set, forward or back."""
    clock, tables = 0, {"meta": minutes(0), "data": minutes(0), "ledger": minutes(0)}
    for number, step in enumerate(steps):
        for name in ("data", "ledger"):
            clock += step + (by if number == set_at % len(steps) and name == "ledger" else 0)
            tables[name].append(Version(len(tables[name]) + 1, NOON + timedelta(minutes=clock)))
    for minute in range(0, 400, 10):
        try:
            found = versions_at(tables, NOON + timedelta(minutes=minute), None)
        except EarlierStateError:
            continue
        assert found["data"] >= found["ledger"]


@pytest.fixture
def library(tmp_path: Path) -> tuple[str, str]:
    """A library, and a moment at which it had one photo; now it has two, and the first has other EXIF data."""
    uri = str(tmp_path / "library")
    store = Store(uri, create=True)
    write(store, files=[file("/p/a.jpg", "a")], exif=[{"content_id": "a", "model": "Old"}])
    time.sleep(0.02)
    moment = datetime.now().astimezone().isoformat()
    time.sleep(0.02)
    write(store, files=[file("/p/b.jpg", "b")], exif=[{"content_id": "a", "model": "New"}])
    return uri, moment


def run(*arguments: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(cli, arguments)
    return found.exit_code, found.stdout, found.stderr + (str(found.exception) if found.exception else "")


def test_commands_answer_from_the_earlier_state(library: tuple[str, str]):
    uri, moment = library
    where = ("--library", uri, "--format", "json")
    query = "SELECT path, model FROM photos ORDER BY path"
    assert json.loads(run("sql", query, *where)[1]) == [
        {"path": "/p/a.jpg", "model": "New"},
        {"path": "/p/b.jpg", "model": None},
    ]
    assert json.loads(run("sql", query, *where, "--as-of", moment)[1]) == [{"path": "/p/a.jpg", "model": "Old"}]
    assert json.loads(run("status", *where, "--as-of", moment)[1])["files"] == {"photo": 1}
    assert json.loads(run("show", "/p/a.jpg", *where, "--as-of", moment)[1])["exif"]["model"] == "Old"
    assert json.loads(run("show", "/p/a.jpg", *where)[1])["exif"]["model"] == "New"
    assert "not in the library" in run("show", "/p/b.jpg", *where, "--as-of", moment)[2]


@pytest.mark.parametrize(
    "command",
    [("failures",), ("best", "--burst"), ("bursts",), ("dups",), ("search", "old"), ("clusters",)],
    ids=lambda command: command[0],
)
def test_other_commands_take_the_moment_and_write_nothing(library: tuple[str, str], command: tuple[str, ...]):
    uri, moment = library
    before = {name: Store(uri).version(name) for name in Store(uri).names()}
    _, _, talk = run(*command, "--library", uri, "--as-of", moment)
    assert "Traceback" not in talk
    assert {name: Store(uri).version(name) for name in Store(uri).names()} == before


def test_an_earlier_state_can_not_be_changed(library: tuple[str, str], tmp_path: Path):
    uri, moment = library
    ours = Library(uri, as_of=datetime.fromisoformat(moment))
    with pytest.raises(EarlierStateError, match="only be read"):
        ours.scan(tmp_path)
    with pytest.raises(EarlierStateError, match="only be read"):
        ours.decide("keep", "/p/a.jpg")


def test_a_moment_before_the_library_names_the_earliest_and_ends_with_status_1(library: tuple[str, str]):
    status, _, talk = run("status", "--library", library[0], "--as-of", "yesterday")
    assert status == 1
    assert "the earliest there is, is of 20" in talk
    status, _, talk = run("status", "--library", library[0], "--as-of", "soon")
    assert status == 2
    assert "2 hours ago" in talk


def test_optimizing_keeps_the_state_that_was_current_so_long_ago_though_it_was_written_before(tmp_path: Path):
    for pause_s in (0.3, 3.0, 30.0):  # a slower machine needs the longer one
        store = Store(str(tmp_path / f"library-{pause_s}"), create=True)
        write(store, files=[file("/p/a.jpg", "a")])
        time.sleep(pause_s)
        asked = datetime.now(UTC)
        with store.writing():
            store.upsert(FILES, [file("/p/b.jpg", "b")])
            kept = datetime.now(UTC) - asked + timedelta(seconds=pause_s / 2)  # after `a` was written, before `asked`
            store.optimize(kept)
        if datetime.now(UTC) - kept < asked:
            break
    assert Store(store.uri, as_of=asked).read("files")["path"].to_pylist() == ["/p/a.jpg"]
    assert store.count("files") == 2


def test_what_was_before_a_mended_table_is_refused(library: tuple[str, str]):
    uri, moment = library
    store = Store(uri)
    with store.writing():
        store.upsert(META, [{"name": REPAIRED, "value": datetime.now(UTC).isoformat()}])
    with pytest.raises(EarlierStateError):
        Store(uri, as_of=datetime.fromisoformat(moment))


def test_times_of_versions_hold_in_another_time_zone(library: tuple[str, str]):
    uri, moment = library
    script = "import sys; from photoidx.cli import main; main()"
    command = [sys.executable, "-c", script, "status", "--library", uri, "--as-of", moment, "--format", "json"]
    done = subprocess.run(command, env={**os.environ, "TZ": "Asia/Tokyo"}, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["files"] == {"photo": 1}
