"""What the watch hears of, with the events of the operating system itself."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from photoidx.indexer.watch.events import Events

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the order of events is that of inotify")
PATIENCE_S, MARKER = 600.0, "marker"


class Heard:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.folders: set[str] = set()
        self.complaints: list[str] = []

    def file(self, path: str, left: str | None = None) -> None:
        self.files.add(path)
        if left is not None:
            self.folders.add(left)

    def folder(self, folder: str) -> None:
        self.folders.add(folder)

    def lost(self, why: str) -> None:
        self.complaints.append(why)

    def forget(self) -> None:
        self.files.clear()
        self.folders.clear()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it was never told"
        time.sleep(0.02)


def until_all_is_told(root: Path, heard: Heard) -> None:
    """Wait until what happened below a root before is told: a file that comes after it is."""
    marker = root / f"{MARKER}{len(list(root.glob(MARKER + '*')))}.jpg"
    marker.touch()
    until(lambda: str(marker) in heard.files)


def without_markers(files: set[str]) -> set[str]:
    return {path for path in files if MARKER not in path}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "album" / "sub").mkdir(parents=True)
    return tmp_path / "album"


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def events(root: Path, heard: Heard) -> Iterator[Events]:
    events = Events([str(root)], heard, ("*.tif",), [str(root / "library")])
    events.start()
    yield events
    events.close()


@pytest.mark.usefixtures("events")
def test_a_photo_that_is_written_is_told(root: Path, heard: Heard):
    (root / "sub" / "1.jpg").write_bytes(b"1")
    until(lambda: str(root / "sub" / "1.jpg") in heard.files)


@pytest.mark.usefixtures("events")
def test_an_atomic_save_is_told_by_the_name_that_it_gets(root: Path, heard: Heard):
    (root / ".1.jpg.tmp").write_bytes(b"1")
    os.replace(root / ".1.jpg.tmp", root / "1.jpg")
    until(lambda: str(root / "1.jpg") in heard.files)
    assert heard.files == {str(root / "1.jpg")}


@pytest.mark.usefixtures("events")
def test_other_times_and_rights_are_told(root: Path, heard: Heard):
    photo = root / "1.jpg"
    photo.write_bytes(b"1")
    until(lambda: str(photo) in heard.files)
    until_all_is_told(root, heard)
    heard.forget()
    os.utime(photo, (1, 1))
    until(lambda: str(photo) in heard.files)


@pytest.mark.usefixtures("events")
def test_a_move_is_told_of_both_folders(root: Path, heard: Heard):
    (root / "1.jpg").write_bytes(b"1")
    until(lambda: str(root / "1.jpg") in heard.files)
    heard.forget()
    os.rename(root / "1.jpg", root / "sub" / "2.jpg")
    until(lambda: str(root) in heard.folders and str(root / "sub" / "2.jpg") in heard.files)


@pytest.mark.usefixtures("events")
def test_a_photo_that_is_deleted_or_leaves_is_told_by_its_folder(root: Path, heard: Heard, tmp_path: Path):
    for name in ("1.jpg", "2.jpg"):
        (root / "sub" / name).write_bytes(b"1")
    until(lambda: len(heard.files) == 2)
    until_all_is_told(root, heard)
    heard.forget()
    (root / "sub" / "1.jpg").unlink()
    until(lambda: str(root / "sub") in heard.folders)
    heard.forget()
    os.rename(root / "sub" / "2.jpg", tmp_path / "2.jpg")
    until(lambda: str(root / "sub") in heard.folders)


@pytest.mark.usefixtures("events")
def test_a_folder_that_comes_goes_or_is_renamed_is_told(root: Path, heard: Heard, tmp_path: Path):
    (tmp_path / "card" / "DCIM").mkdir(parents=True)
    (tmp_path / "card" / "DCIM" / "1.jpg").write_bytes(b"1")
    os.rename(tmp_path / "card", root / "card")
    until(lambda: {str(root), str(root / "card")} <= heard.folders)
    until(lambda: str(root / "card" / "DCIM" / "1.jpg") in heard.files)
    (root / "card" / "DCIM" / "2.jpg").write_bytes(b"2")  # the new folders are watched, too
    until(lambda: str(root / "card" / "DCIM" / "2.jpg") in heard.files)
    heard.forget()
    os.rename(root / "card", root / "holiday")
    until(lambda: str(root / "holiday") in heard.folders)
    heard.forget()
    (root / "holiday" / "DCIM" / "3.jpg").write_bytes(b"3")
    until(lambda: str(root / "holiday" / "DCIM" / "3.jpg") in heard.files)
    heard.forget()
    os.rename(root / "holiday", tmp_path / "away")
    until(lambda: str(root) in heard.folders)


@pytest.mark.usefixtures("events")
def test_what_a_scan_leaves_out_is_not_told(root: Path, heard: Heard):
    for name in (".hidden/1.jpg", "library/1.jpg", "sub/1.tif", "sub/notes.txt", "sub/.1.jpg", "@eaDir/1.jpg"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"1")
    (root / "sub" / "1.jpg").write_bytes(b"1")
    until(lambda: bool(heard.files))
    until_all_is_told(root, heard)
    assert without_markers(heard.files) == {str(root / "sub" / "1.jpg")}
    # A new folder of no interest is an entry of the root, nothing else.
    assert heard.folders <= {str(root)}


@pytest.mark.usefixtures("events")
def test_reading_photos_is_not_told(root: Path, heard: Heard):
    (root / "1.jpg").write_bytes(b"1")
    until(lambda: bool(heard.files))
    until_all_is_told(root, heard)
    heard.forget()
    (root / "1.jpg").read_bytes()
    list(os.scandir(root))
    until_all_is_told(root, heard)
    assert not without_markers(heard.files) | heard.folders


def test_a_root_that_goes_and_comes_back_is_watched_again(events: Events, root: Path, heard: Heard):
    shutil.rmtree(root)
    until(lambda: events.moved(str(root)))
    events.restart(str(root))
    assert not events.moved(str(root))
    root.mkdir()
    until(lambda: events.moved(str(root)))
    events.restart(str(root))
    assert not events.trouble(str(root))
    heard.forget()
    (root / "1.jpg").write_bytes(b"1")
    until(lambda: str(root / "1.jpg") in heard.files)


def test_events_that_the_kernel_had_to_drop_are_complained_of(tmp_path: Path, heard: Heard):
    # The queue's length is the system's to set; watchdog tells of a full one by its log.
    events = Events([str(tmp_path)], heard)
    events.start()
    try:
        logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed")
    finally:
        events.close()
    assert heard.complaints == ["Inotify queue overflowed"]
