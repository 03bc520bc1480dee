"""When the watch takes a file, told by a clock and a stat that the tests set."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.media.walk import FileState
from photoidx.indexer.watch.tracker import Tracker, look

QUIET, LONGEST = 2.0, 30.0


class Disk:
    """Files whose sizes the test sets."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}

    def __call__(self, path: str) -> FileState | None:
        return FileState(self.sizes[path], 0, 1) if path in self.sizes else None


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def tracker(disk: Disk) -> Tracker:
    return Tracker(QUIET, LONGEST, disk)


def when_due(tracker: Tracker, folder: str, start: float, end: float, step: float = 0.1) -> float:
    """Ask again and again, as the watch does; give when a folder was due."""
    for tick in range(round((end - start) / step) + 1):
        if folder in tracker.due(start + tick * step):
            return start + tick * step
    return math.inf


def test_a_file_is_taken_when_it_has_been_quiet(tracker: Tracker, disk: Disk):
    disk.sizes["/a/1.jpg"] = 10
    tracker.note_file("/a/1.jpg", 0.0)
    assert when_due(tracker, "/a", 0.0, 10.0) == pytest.approx(QUIET, abs=0.11)
    assert len(tracker) == 0


def test_a_file_that_grows_without_events_is_not_taken(tracker: Tracker, disk: Disk):
    tracker.note_file("/a/1.jpg", 0.0)
    for tick in range(200):
        disk.sizes["/a/1.jpg"] = tick
        assert not tracker.due(tick * 0.1)
    assert when_due(tracker, "/a", 20.0, 40.0) == pytest.approx(20.0 + QUIET / 2, abs=0.21)


def test_a_file_that_never_rests_is_taken_after_the_longest_wait(tracker: Tracker, disk: Disk):
    for tick in range(299):
        disk.sizes["/a/1.jpg"] = tick
        tracker.note_file("/a/1.jpg", tick * 0.1)
        assert not tracker.due(tick * 0.1)
    assert tracker.due(LONGEST) == {"/a"}


def test_a_long_import_keeps_no_finished_file_waiting(tracker: Tracker, disk: Disk):
    taken = []
    for tick in range(600):
        now = tick * 0.1
        if tick % 10 == 0:  # a photo a second, for a minute
            disk.sizes[f"/a/{tick}.jpg"] = 10
            tracker.note_file(f"/a/{tick}.jpg", now)
        taken += [now for folder in tracker.due(now) if folder == "/a"]
    assert len(taken) > 50
    assert taken[0] == pytest.approx(QUIET, abs=0.2)


def test_a_file_that_is_gone_makes_its_folder_due(tracker: Tracker):
    tracker.note_file("/a/1.jpg", 0.0)
    assert when_due(tracker, "/a", 0.0, 5.0) == pytest.approx(QUIET, abs=0.11)


def test_the_folder_that_a_file_left_is_looked_at_with_the_one_that_it_came_to(tracker: Tracker, disk: Disk):
    disk.sizes["/b/1.jpg"] = 10
    tracker.note_file("/b/1.jpg", 0.0, left="/a")
    assert not tracker.due(2.5)  # the watch was busy: this is the first look at the file
    assert tracker.due(3.5) == {"/a", "/b"}


def test_the_folder_that_a_file_came_to_is_looked_at_with_the_one_that_it_left(tracker: Tracker, disk: Disk):
    disk.sizes["/b/1.jpg"] = 10
    tracker.note_folder("/a", 0.0)
    tracker.note_file("/b/1.jpg", 1.0, left="/a")
    assert tracker.due(2.0) == {"/a", "/b"}


def test_a_folder_that_loses_files_all_the_time_is_looked_at_after_the_longest_wait(tracker: Tracker):
    for tick in range(290):
        tracker.note_folder("/a", tick * 0.1)
        assert not tracker.due(tick * 0.1)
    assert when_due(tracker, "/a", 29.0, 40.0) <= LONGEST


@given(st.lists(st.tuples(st.floats(0, 60), st.sampled_from(["/a/1", "/a/2", "/b/1"]), st.integers(0, 3)), max_size=40))
def test_whatever_happens_everything_is_looked_at_after_its_last_change_and_nothing_waits_for_ever(changes):
    disk = Disk()
    tracker = Tracker(QUIET, LONGEST, disk)
    waiting = sorted(changes)
    looked: dict[str, float] = {}
    for tick in range(1000):
        now = tick * 0.1
        while waiting and waiting[0][0] <= now:
            _, path, size = waiting.pop(0)
            disk.sizes[path] = size
            tracker.note_file(path, now)
        looked |= dict.fromkeys(tracker.due(now), now)
        wait = tracker.wait_s(now)
        assert (wait is None) == (len(tracker) == 0)
        assert wait is None or 0 <= wait <= LONGEST
    assert len(tracker) == 0
    for at, path, _size in changes:
        assert looked[path.rpartition("/")[0]] >= at


def test_the_look_is_that_of_a_scan(tmp_path):
    file = tmp_path / "a.jpg"
    assert look(str(file)) is None
    file.write_bytes(b"12")
    status = file.stat()
    assert look(str(file)) == FileState(2, status.st_mtime_ns, status.st_ino)
