"""Killed at every commit: the next scan makes the tables those of a scan that nobody disturbed.

A few of the commits, spread over all, are tried here; all of them with PHOTOIDX_ALL_COMMITS=1 (some minutes).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from faults import dying_scan
from faults.dying_scan import CONFIG, count_writes
from faults.ready import faults_of, scan
from photoidx import Library
from photoidx.errors import LibraryNotFoundError
from photoidx.indexer.engines.pool import WorkerPool
from photoidx.queries.decisions.record import decisions
from pictures import age, draw
from table_state import state_of

_ALL = bool(os.environ.get("PHOTOIDX_ALL_COMMITS"))
GROUPS: list[int] = []
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")


def dies(uri: Path, photos: Path, number: int) -> bool:
    """Scan in a process that is killed, alone, at its n-th write. Tells whether it did not end before."""
    command = [sys.executable, dying_scan.__file__, str(uri), str(photos), str(number)]
    process = subprocess.Popen(command, start_new_session=True)
    status = process.wait(100)
    assert status in {0, -signal.SIGKILL}
    GROUPS.append(process.pid)
    return status != 0


def left_alone() -> list[int]:
    """Return the processes that still run of those that were started by scans that died."""
    found = []
    for each in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(each.pid) in GROUPS and each.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(each.pid)
    return found


def outcome(uri: Path) -> tuple[object, ...]:
    """Return what a scan's end must be: all rows, the groups, and the decisions, without the times of writing."""
    library = Library(uri, CONFIG)
    kept = [(choice.verb, choice.shot_ids) for choice in decisions(library.store)]
    groups = [(each["kind"], [frame["shot_id"] for frame in each["frames"]]) for each in library.bursts()]
    return state_of(library), kept, sorted(groups)


def killed_at_each(before: Path, photos: Path, pool: WorkerPool, home: Path, *shares: float) -> None:
    """Kill scans of copies of a library at these of their commits, or at all, and compare what the next scan makes."""
    undisturbed, writes = home / "undisturbed", [0]
    copy(before, undisturbed)
    with pytest.MonkeyPatch.context() as patch:
        count_writes(writes.append, patch.setattr)
        scan(undisturbed, photos, pool)
    expected = outcome(undisturbed)
    for number in itertools.count() if _ALL else [int(share * writes[-1]) for share in shares]:
        uri = home / f"killed-{number}"
        copy(before, uri)
        died = dies(uri, photos, number)
        assert faults(uri) == [], number
        scan(uri, photos, pool)
        assert outcome(uri) == expected, f"killed at write {number} of {writes[-1]}"
        assert faults(uri) == [], number
        shutil.rmtree(uri)
        if not died:
            assert _ALL
            return


def faults(uri: Path) -> list[str]:
    try:
        return faults_of(uri)
    except LibraryNotFoundError:
        return []


def copy(before: Path, uri: Path) -> None:
    if before.exists():
        shutil.copytree(before, uri)


def album(folder: Path) -> Path:
    for number in range(3):
        draw(folder / f"{number}.jpg", number)
    (folder / "2.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    age(folder / "2.xmp", 9999)
    return folder


def test_a_first_scan_that_is_killed_at_a_commit_is_made_good_by_the_next(tmp_path: Path, pool: WorkerPool):
    killed_at_each(tmp_path / "none", album(tmp_path / "photos"), pool, tmp_path, 0.3)


@pytest.mark.slow
def test_a_later_scan_that_is_killed_at_a_commit_is_made_good_by_the_next(tmp_path: Path, pool: WorkerPool):
    photos, before = album(tmp_path / "photos"), tmp_path / "before"
    scan(before, photos, pool)
    for number in (1, 2):
        Library(before, CONFIG).decide("keep", photos / f"{number}.jpg")
    draw(photos / "1.jpg", 40)  # a decided one, whose shot gets another id
    (photos / "0.jpg").rename(photos / "moved.jpg")
    (photos / "2.jpg").unlink()
    draw(photos / "new.jpg", 41)
    killed_at_each(before, photos, pool, tmp_path, 0.18, 0.38)


def test_the_workers_of_scans_that_were_killed_alone_have_ended_by_themselves():
    assert GROUPS
    end = time.monotonic() + 600
    while left_alone() and time.monotonic() < end:
        time.sleep(0.1)
    assert left_alone() == []
