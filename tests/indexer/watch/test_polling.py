"""Which folders' events can be believed, and how changes are found without them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.media.walk import FileState
from photoidx.indexer.watch import limits
from photoidx.indexer.watch.events import Events
from photoidx.indexer.watch.mounts import _plain, below, is_silent, kind_at, mounts
from photoidx.indexer.watch.polling import Poll, SelfTest, difference, folders_below

STATES = st.dictionaries(
    st.sampled_from(["/a/1", "/a/2", "/b/1", "/b/c/1"]), st.builds(FileState, st.integers(0, 1), st.just(0), st.just(0))
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells its mounts")
def test_the_systems_own_mounts_are_read(tmp_path: Path):
    known = mounts()
    assert known["/proc"] == "proc"
    assert kind_at("/proc/self", known) == "proc"
    assert kind_at(str(tmp_path), known)
    assert not below(str(tmp_path), known)
    assert "/proc" in below("/", known)


def test_a_mount_point_with_a_blank_is_unescaped():
    assert _plain("/media/my\\040card\\011x\\134y") == "/media/my card\tx\\y"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "smb3", "fuse.sshfs", "fuse", "9p", "vboxsf", "virtiofs"])
def test_file_systems_that_others_write_to_are_silent(kind: str):
    assert is_silent(kind)


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "tmpfs", "xfs", "vfat", "exfat", "fuseblk", "overlay", ""])
def test_file_systems_of_this_machine_are_not(kind: str):
    assert not is_silent(kind)


@given(STATES, STATES)
def test_the_difference_names_every_file_that_is_other_and_every_folder_that_lost_one(before, after):
    changes = difference(before, after)
    assert set(changes.files) == {path for path in after if before.get(path) != after[path]}
    assert changes.folders == {os.path.dirname(path) for path in before if path not in after}


def test_a_poll_finds_what_came_what_is_other_and_what_went(tmp_path: Path):
    clock = Clock()
    for name in ("1.jpg", "2.jpg", "sub/3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    poll = Poll(str(tmp_path), clock=clock)
    assert poll.is_due()
    first = poll.look()
    assert not first.files
    assert not first.folders
    (tmp_path / "1.jpg").write_bytes(b"12")
    (tmp_path / "sub" / "3.jpg").unlink()
    (tmp_path / "4.jpg").write_bytes(b"1")
    found = poll.look()
    assert sorted(found.files) == [str(tmp_path / "1.jpg"), str(tmp_path / "4.jpg")]
    assert found.folders == {str(tmp_path / "sub")}


def test_a_poll_that_cannot_list_a_folder_says_nothing_of_it(tmp_path: Path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "1.jpg").write_bytes(b"1")
    poll = Poll(str(root))
    poll.look()
    root.rename(tmp_path / "away")
    away = poll.look()
    assert not away.files
    assert not away.folders
    (tmp_path / "away").rename(root)
    again = poll.look()
    assert not again.files
    assert not again.folders


def test_polls_come_seldom_while_nothing_happens_and_often_after_a_change(tmp_path: Path):
    clock = Clock()
    poll = Poll(str(tmp_path), clock=clock)
    every = []
    for _ in range(20):
        poll.look()
        every.append(poll.every_s)
        assert not poll.is_due()
        clock.now += poll.every_s
        assert poll.is_due()
    assert every == sorted(every)
    assert every[-1] == pytest.approx(600)
    (tmp_path / "1.jpg").write_bytes(b"1")
    poll.look()
    assert poll.every_s == pytest.approx(10)


def test_a_root_that_takes_long_to_list_is_polled_a_twentieth_of_the_time(tmp_path: Path):
    now = iter(range(0, 10_000, 30))
    poll = Poll(str(tmp_path), clock=lambda: next(now))  # whatever is done takes half a minute
    poll.look()
    assert poll.every_s >= 20 * 30


def test_a_change_that_was_told_is_no_reason_for_doubt_and_one_in_silence_is(tmp_path: Path):
    clock, told = Clock(), {}
    test = SelfTest(told.get, clock=clock)
    folder = str(tmp_path)
    assert test.check([folder]) is None
    clock.now += 15
    (tmp_path / "1.jpg").write_bytes(b"1")
    told[folder] = clock.now
    assert test.check([folder]) is None
    clock.now += 15
    assert test.check([folder]) is None
    (tmp_path / "1.jpg").write_bytes(b"12")
    assert test.check([folder]) is None  # an event may still be on its way
    clock.now += 6
    assert test.check([folder]) == folder


def test_an_event_that_comes_late_takes_the_doubt_away(tmp_path: Path):
    clock, told = Clock(), {}
    test = SelfTest(told.get, clock=clock)
    folder = str(tmp_path)
    test.check([folder])
    clock.now += 15
    (tmp_path / "1.jpg").write_bytes(b"1")
    assert test.check([folder]) is None
    told[folder] = clock.now + 1
    clock.now += 6
    assert test.check([folder]) is None


def test_of_many_folders_some_are_looked_at_twice_so_that_they_can_be_compared(tmp_path: Path):
    clock = Clock()
    for number in range(30):
        (tmp_path / str(number)).mkdir()
    folders = folders_below(str(tmp_path))
    assert len(folders) == 31
    test = SelfTest({}.get, sample=5, clock=clock)
    for round_ in range(40):
        for number in range(30):
            (tmp_path / str(number) / f"{round_}.jpg").write_bytes(b"1")
        clock.now += 6
        if test.check(folders) is not None:
            return
    pytest.fail("no change in silence was noticed")


def test_a_link_whose_target_changes_elsewhere_is_no_reason_for_doubt(tmp_path: Path):
    clock = Clock()
    (tmp_path / "album").mkdir()
    (tmp_path / "real.jpg").write_bytes(b"1")
    (tmp_path / "album" / "link.jpg").symlink_to(tmp_path / "real.jpg")
    test = SelfTest({}.get, clock=clock)
    folder = str(tmp_path / "album")
    for size in range(4):
        (tmp_path / "real.jpg").write_bytes(b"1" * size)
        assert test.check([folder]) is None
        clock.now += 6


def test_the_limit_is_told_before_it_bites_with_the_command_that_raises_it():
    assert not limits.advice(1000, None)
    assert not limits.advice(1000, 8192)
    said = limits.advice(7900, 8192)
    assert "7,900 folders" in said
    assert "sudo sysctl fs.inotify.max_user_watches=65536" in said
    assert "fs.inotify.max_user_watches=1048576" in limits.advice(500_000, 65_536)


@pytest.mark.skipif(sys.platform != "linux", reason="reads what the kernel tells of inotify")
def test_the_folders_that_are_watched_are_counted(tmp_path: Path):
    class Sink:
        def file(self, path: str, left: str | None = None) -> None: ...
        def folder(self, folder: str) -> None: ...
        def lost(self, why: str) -> None: ...

    for number in range(9):
        (tmp_path / str(number)).mkdir()
    before = limits.held()
    events = Events([str(tmp_path)], Sink())
    events.start()
    try:
        assert limits.held() == before + 10
    finally:
        events.close()
    assert limits.most_folders() is not None
