"""The watch's log, its low priority, and its rest on battery."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.watch import priority as courtesy
from photoidx.indexer.watch.log_file import LOGGER, _Lines, default_log, last_lines, log_file
from photoidx.indexer.watch.priority import NICENESS, BatteryRest, on_battery

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} (INFO   |WARNING|ERROR  ) .*")
log = logging.getLogger(LOGGER)


def silent(_line: str) -> None:
    raise AssertionError(_line)


def test_each_line_of_the_log_has_a_time_and_a_level(tmp_path: Path):
    path = tmp_path / "new" / "watch.log"
    with log_file(str(path), silent) as written:
        assert written == str(path)
        log.info("Took %d photos.", 3)
        log.warning("A name\nERROR forged \x1b[2J %s", os.fsdecode(b"\xff"))
        try:
            int("gone\nwrong")
        except ValueError:
            log.exception("It failed.")
    lines = path.read_text().splitlines()
    assert all(map(LINE.fullmatch, lines)), lines
    assert lines[0].endswith("INFO    Took 3 photos.")
    assert lines[1].endswith(r"WARNING A name\nERROR forged \x1b[2J \udcff")
    assert any("ValueError: invalid literal" in line for line in lines)
    log.info("after the end")
    assert path.read_text().splitlines() == lines


@given(st.text())
def test_no_message_makes_a_line_of_its_own_or_one_without_end(message: str):
    record = logging.makeLogRecord({"msg": "%s", "args": (message * 50,), "levelname": "INFO", "levelno": logging.INFO})
    line = _Lines().format(record)
    assert len(line.splitlines()) == 1
    assert len(line) < 2_100


def test_the_log_stays_below_eight_megabytes_and_keeps_the_newest(tmp_path: Path):
    path = tmp_path / "watch.log"
    largest = 0
    with log_file(str(path), silent):
        for number in range(40):
            for _ in range(20):
                log.info("a" * 2_000)
            try:
                raise ValueError("\n".join(["🏔" * 2_000] * 40))  # noqa: TRY301
            except ValueError:
                log.exception("%d", number)
            log.info("Went on after %d", number)
            largest = max(largest, sum(file.stat().st_size for file in tmp_path.iterdir()))
    assert len(os.listdir(tmp_path)) == 4
    assert 5_000_000 < largest <= 8_000_000
    assert last_lines(str(path), 1)[0].endswith("Went on after 39")


def test_the_last_lines_are_found_across_a_rotation(tmp_path: Path):
    (tmp_path / "watch.log.1").write_text("one\ntwo\n")
    (tmp_path / "watch.log").write_text("three\n")
    assert last_lines(str(tmp_path / "watch.log"), 2) == ["two", "three"]
    assert last_lines(str(tmp_path / "none.log"), 2) == []


def test_an_unwritable_log_is_said_once_and_nothing_stops(tmp_path: Path):
    said: list[str] = []
    (tmp_path / "file").write_text("")
    with log_file(str(tmp_path / "file" / "watch.log"), said.append) as written:
        assert written is None
        log.error("nobody reads this")
    assert len(said) == 1
    assert str(tmp_path / "file" / "watch.log") in said[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_once_and_nothing_stops():
    said: list[str] = []
    with log_file("/dev/full", said.append):
        for _ in range(3):
            log.info("a line")
    assert len(said) == 1
    assert "No space left" in said[0]


def test_the_log_lies_in_the_users_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert default_log() == str(tmp_path / "photoidx" / "log" / "watch.log")


CHILD = """
import multiprocessing, pebble, psutil
from photoidx.indexer.watch.priority import step_back

def priority():
    ours = psutil.Process()
    return int(ours.nice()), int(ours.ionice().ioclass)

if __name__ == "__main__":
    print(step_back())
    with pebble.ProcessPool(max_workers=1, context=multiprocessing.get_context("spawn")) as pool:
        print(priority(), pool.schedule(priority).result())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux keeps both priorities")
def test_worker_processes_have_the_low_priority_too(tmp_path: Path):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    printed = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=600).stdout
    idle = 3
    expected = max(NICENESS, os.nice(0))
    assert printed.splitlines()[1] == f"{(expected, idle)} {(expected, idle)}"
    assert f"niceness {expected}" in printed


# Batteries: psutil itself reads a folder that looks as the kernel's does.

BATTERY = {"energy_now": "30", "energy_full": "50", "power_now": "10", "type": "Battery", "capacity": "60"}


@pytest.fixture
def power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    linux = pytest.importorskip("psutil._pslinux")
    monkeypatch.setattr(linux, "POWER_SUPPLY_PATH", str(tmp_path))
    return tmp_path


def supply(folder: Path, status: str, online: str | None = None) -> None:
    (folder / "BAT0").mkdir(exist_ok=True)
    for name, value in {**BATTERY, "status": status}.items():
        (folder / "BAT0" / name).write_text(f"{value}\n")
    if online is not None:
        (folder / "AC0").mkdir(exist_ok=True)
        (folder / "AC0" / "online").write_text(online)


def test_a_machine_without_a_battery_always_works(power: Path):
    assert on_battery() is None
    assert BatteryRest()()


def test_on_battery_the_watch_rests_says_why_and_goes_on(power: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, LOGGER)
    now = 0.0
    may_work = BatteryRest(lambda: now)
    supply(power, "Charging", "1")
    assert may_work()
    assert may_work.reason is None
    supply(power, "Discharging", "0")
    assert may_work()  # it was asked a moment ago
    now = 11.0
    assert not may_work()
    assert may_work.reason == "on battery (60 % left)"
    now = 22.0
    assert not may_work()
    supply(power, "Charging", "1")
    now = 33.0
    assert may_work()
    assert [record.message for record in caplog.records] == [
        "Resting: on battery (60 % left).",
        "Going on: no longer on battery.",
    ]


def test_a_supply_that_can_not_be_told_is_no_reason_to_rest(power: Path):
    supply(power, "Unknown")
    assert on_battery() is None


def test_the_logger_is_one_and_the_same():
    assert courtesy.LOGGER is log
