"""A watch of a real album with real workers, models and tables, in a thread of the test."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from photoidx import Config, Library
from photoidx.errors import LibraryLockedError
from photoidx.indexer.watch.loop import Pace
from pictures import draw
from table_state import state_of

CONFIG = Config(workers=1, without=("faces",))
PACE = Pace(quiet_s=0.5, longest_s=20, tidy_s=0.5, rest_s=3, test_s=1, again_s=0.5)
PATIENCE_S = 600.0


class Watching:
    """A watch that runs, and what it has said."""

    def __init__(self, library: Library, root: Path) -> None:
        self.library, self.root = library, root
        self.said: list[str] = []
        self.states: list[str] = []
        self.trouble: BaseException | None = None

    def names(self) -> set[str]:
        if "files" not in self.library.store.names():
            return set()
        paths = self.library.store.read("files", ["path"])["path"].to_pylist()
        return {os.path.relpath(path, self.root) for path in paths}

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert self.trouble is None, self.trouble
            assert time.monotonic() < end, f"it never came; said: {self.said}; last: {self.states[-3:]}"
            time.sleep(0.1)

    def until_there(self, *names: str) -> None:
        self.until(lambda: self.names() == set(names))


class _Said(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


@contextmanager
def watching(library: Library, root: Path, pace: Pace = PACE) -> Iterator[Watching]:
    found, stop = Watching(library, root), threading.Event()
    logger, handler = logging.getLogger("photoidx.watch"), _Said(found.said)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def work() -> None:
        try:
            library.watch(root, stop=stop, pace=pace, on_status=found.states.append)
        except BaseException as error:  # noqa: BLE001 - told by the test
            found.trouble = error

    thread = threading.Thread(target=work)
    thread.start()
    try:
        found.until(lambda: any(each.startswith("watching") for each in found.states))
        yield found
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        logger.removeHandler(handler)
    assert not thread.is_alive()
    assert found.trouble is None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    draw(tmp_path / "album" / "first.jpg", 1)
    return tmp_path / "album"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library", CONFIG)


@pytest.mark.slow
def test_whatever_is_done_to_an_album_the_tables_become_those_of_a_fresh_scan(
    root: Path, library: Library, tmp_path: Path
):
    with watching(library, root) as watch:
        watch.until_there("first.jpg")
        draw(root / "second.jpg", 2)
        (tmp_path / "card" / "DCIM").mkdir(parents=True)
        for number in (3, 4):
            draw(tmp_path / "card" / "DCIM" / f"{number}.jpg", number)
        os.rename(tmp_path / "card", root / "card")
        watch.until_there("first.jpg", "second.jpg", "card/DCIM/3.jpg", "card/DCIM/4.jpg")
        os.rename(root / "first.jpg", root / "card" / "moved.jpg")
        draw(root / ".new.jpg", 5)  # an atomic save
        os.replace(root / ".new.jpg", root / "second.jpg")
        (root / "card" / "DCIM" / "4.jpg").unlink()
        draw(root / "deep" / "er" / "6.jpg", 6)
        watch.until_there("second.jpg", "card/moved.jpg", "card/DCIM/3.jpg", "deep/er/6.jpg")
        watch.until(lambda: any("1 moved" in each for each in watch.said))
        os.rename(root / "deep", tmp_path / "deep")
        os.rename(root / "card", root / "holiday")
        watch.until_there("second.jpg", "holiday/moved.jpg", "holiday/DCIM/3.jpg")
        watch.until(lambda: not library.plan(root).decisions)
        watch.until(lambda: library.is_grouped() and library.store.version("pairs") > 1)
    fresh = Library(tmp_path / "fresh", CONFIG)
    fresh.scan(root)
    assert state_of(library) == state_of(fresh)


def test_a_root_that_goes_keeps_its_photos_and_is_taken_up_when_it_comes_back(
    root: Path, library: Library, tmp_path: Path
):
    with watching(library, root) as watch:
        watch.until_there("first.jpg")
        os.rename(root, tmp_path / "away")
        watch.until(lambda: any("not there now" in each for each in watch.said))
        draw(tmp_path / "away" / "second.jpg", 2)
        watch.until(lambda: any("is not there now" in each for each in watch.states))
        assert watch.names() == {"first.jpg"}
        os.rename(tmp_path / "away", root)
        watch.until_there("first.jpg", "second.jpg")
        draw(root / "third.jpg", 3)
        watch.until_there("first.jpg", "second.jpg", "third.jpg")


@pytest.mark.slow
def test_a_change_without_an_event_is_noticed_and_the_root_is_polled_from_then_on(
    root: Path, library: Library, tmp_path: Path
):
    # The kernel tells of a write by the folder of the name that was opened: another name is another folder.
    os.link(root / "first.jpg", tmp_path / "other name.jpg")
    with watching(library, root) as watch:
        watch.until_there("first.jpg")
        before = library.show(root / "first.jpg")["file"]["content_id"]
        seeds, again = itertools.count(7), [0.0]

        def edited_until_polled() -> bool:  # the first edits may come before the watch has looked by itself
            if time.monotonic() >= again[0]:
                again[0] = time.monotonic() + 5
                draw(tmp_path / "edited.jpg", next(seeds))
                with (tmp_path / "other name.jpg").open("r+b") as file:
                    file.truncate(file.write((tmp_path / "edited.jpg").read_bytes()))
            return any("It is polled." in each for each in watch.said)

        watch.until(edited_until_polled)
        watch.until(lambda: library.show(root / "first.jpg")["file"]["content_id"] != before)


@pytest.mark.slow
def test_what_gives_no_event_is_found_when_everything_is_looked_at_again(root: Path, library: Library, tmp_path: Path):
    draw(tmp_path / "elsewhere" / "2.jpg", 2)
    (root / "link").symlink_to(tmp_path / "elsewhere")
    with watching(library, root, replace(PACE, rescan_s=3)) as watch:
        watch.until_there("first.jpg", "link/2.jpg")
        draw(tmp_path / "elsewhere" / "3.jpg", 3)
        watch.until_there("first.jpg", "link/2.jpg", "link/3.jpg")
    assert not any("polled" in each for each in watch.said)


def test_a_library_that_goes_away_is_waited_for(root: Path, library: Library, tmp_path: Path):
    with watching(library, root) as watch:
        watch.until_there("first.jpg")
        os.rename(library.uri, tmp_path / "unplugged")
        draw(root / "second.jpg", 2)
        watch.until(lambda: any("Trying again" in each for each in watch.said))
        assert not Path(library.uri).exists()
        os.rename(tmp_path / "unplugged", library.uri)
        watch.until_there("first.jpg", "second.jpg")


def test_others_read_and_write_beside_a_watch_but_there_is_one_watch(root: Path, library: Library, tmp_path: Path):
    draw(tmp_path / "other" / "else.jpg", 8)
    with watching(library, root) as watch:
        watch.until_there("first.jpg")
        with pytest.raises(LibraryLockedError, match="already watched"):
            Library(library.uri, CONFIG).watch(root)
        assert Library(library.uri, CONFIG).scan(tmp_path / "other").new == 1
        library.decide("keep", root / "first.jpg")
        draw(root / "second.jpg", 2)
        watch.until(lambda: "second.jpg" in watch.names())
        with library.store.writing():  # another writer is waited for
            draw(root / "third.jpg", 3)
            watch.until(lambda: any("Waiting" in each for each in watch.said))
            assert "third.jpg" not in watch.names()
        watch.until(lambda: "third.jpg" in watch.names())
    assert [each["verb"] for each in library.decisions()] == ["keep"]


@pytest.mark.slow
def test_the_memory_of_workers_is_given_back_when_nothing_happens(root: Path, library: Library):
    def workers() -> set[int]:
        found = set()
        for each in psutil.Process().children():
            with contextlib.suppress(psutil.Error):  # it has just ended
                if "spawn_main" in " ".join(each.cmdline()):
                    found.add(each.pid)
        return found

    before = workers()
    with watching(library, root) as watch:
        watch.until_there("first.jpg")

        watch.until(lambda: workers() <= before)
        draw(root / "second.jpg", 2)
        watch.until_there("first.jpg", "second.jpg")


@pytest.mark.skipif(sys.platform == "win32", reason="ends it by a signal")
def test_the_command_tells_what_it_did_and_ends_by_a_signal(root: Path, tmp_path: Path):
    library = str(tmp_path / "library")
    command = [sys.executable, "-m", "photoidx.cli", "watch", str(root), "--library", library, "--without", "faces"]
    command += ["--workers", "1", "--format", "jsonl", "--log", str(tmp_path / "watch.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        try:
            assert watch.stdout is not None
            assert json.loads(watch.stdout.readline())["new"] == 1
            watch.send_signal(signal.SIGTERM)
            _, said = watch.communicate(timeout=PATIENCE_S)
        finally:
            watch.kill()
    assert watch.returncode == 0
    assert "1 new" in said
    assert "1 new" in (tmp_path / "watch.log").read_text()


def test_once_looks_once(root: Path, tmp_path: Path):
    library = str(tmp_path / "library")
    command = [sys.executable, "-m", "photoidx.cli", "watch", "--once", str(root), "--library", library]
    command += ["--without", "faces", "--workers", "1", "--log", str(tmp_path / "watch.log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert "1 new" in done.stderr
    assert Library(library).store.count("files") == 1
    shutil.rmtree(root)
    gone = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert "its 1 files stay" in gone.stderr
