"""Files and folders that can't be read, are no files, or change under a scan: nothing hangs, nothing is lost."""

from __future__ import annotations

import ctypes
import io
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faults.dying_scan import CONFIG
from faults.ready import is_as_fresh, scan
from photoidx import Library
from photoidx.indexer.engines import worker
from photoidx.indexer.engines.pool import WorkerPool
from photoidx.indexer.media.walk import walk
from photoidx.indexer.scan import run as scanning
from pictures import age, draw

RUN_ALL = """
import json, sys
from click.testing import CliRunner
from photoidx.cli import cli
if __name__ == "__main__":
    found = [CliRunner().invoke(cli, command) for command in json.loads(sys.argv[1])]
    print(json.dumps([(each.exit_code, each.stdout, each.stderr, str(each.exception)) for each in found]))
"""
Happens = Callable[[Callable[[], object]], None]
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="root must be bound by permissions, by prctl")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "in/c.jpg"):
        draw(tmp_path / "photos" / name, len(name))
    draw(tmp_path / "photos" / "d.jpg", 9)
    return tmp_path / "photos"


@pytest.fixture
def uri(tmp_path: Path) -> Path:
    return tmp_path / "library"


def names(uri: Path) -> set[str]:
    table = Library(uri, CONFIG).store.read("files", ["path"])
    return {Path(path).name for path in table["path"].to_pylist()}


# -- what can't be read -----------------------------------------------------------------------------------------------


def bound(*commands: list[str]) -> list[list[Any]]:
    """Run commands in a process to which permissions apply, even if it is root's."""

    def give_up_power() -> None:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; refused where there is no power

    command = [sys.executable, "-c", RUN_ALL, json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=give_up_power)
    return json.loads(done.stdout)


@needs_linux
def test_what_may_not_be_read_is_told_by_name_and_nothing_of_it_is_lost(
    photos: Path, uri: Path, pool: WorkerPool, tmp_path: Path
):
    scan(uri, photos, pool)
    draw(photos / "new.jpg", 20)
    (photos / "link.jpg").symlink_to(photos / "in" / "c.jpg")
    os.chmod(photos / "new.jpg", 0)
    os.chmod(photos / "in", 0)
    options = ["--workers", "1", "--without", "faces", "--without", "efficientnet_lite0", "--library", str(uri)]
    (status, _, talk, _), (_, failures, *_) = bound(
        ["scan", str(photos), *options], ["failures", "--library", str(uri), "--format", "json"]
    )
    os.chmod(photos / "new.jpg", stat.S_IRUSR)
    os.chmod(photos / "in", stat.S_IRWXU)
    assert status == 3, talk
    assert f"{photos / 'in'} can't be listed (Permission denied): its files stay in the library" in talk
    assert [(Path(row["path"]).name, row["error"]) for row in json.loads(failures)] == [
        ("new.jpg", "Permission denied")
    ]
    assert "c.jpg" in names(uri)
    assert is_as_fresh(uri, photos, pool, tmp_path / "fresh")
    assert "link.jpg" in names(uri)


@needs_linux
def test_a_library_that_may_only_be_read_is_asked_as_ever_and_a_scan_says_why_it_ends(
    photos: Path, uri: Path, pool: WorkerPool
):
    scan(uri, photos, pool)
    draw(photos / "new.jpg", 20)
    everything = [uri, *uri.rglob("*")]
    for path in everything:
        path.chmod(path.stat().st_mode & ~0o222)
    own = ["--library", str(uri)]
    scanned, asked, counted, doubles, bursts = bound(
        ["scan", str(photos), *own],
        ["sql", "SELECT count(*) AS n FROM photos", *own, "--format", "json"],
        ["status", *own],
        ["dups", *own],
        ["bursts", *own],
    )
    for path in everything:
        path.chmod(path.stat().st_mode | 0o200)
    assert scanned[0] == 1
    assert scanned[3] == f"Can't write to the library at {uri}: Permission denied. Choose another with --library."
    assert json.loads(asked[1]) == [{"n": 4}]
    assert [each[0] for each in (asked, counted, doubles, bursts)] == [0, 0, 0, 0]


# -- what is no file --------------------------------------------------------------------------------------------------


def test_pipes_devices_and_links_to_nothing_are_no_photos_and_nothing_hangs(photos: Path, uri: Path, pool: WorkerPool):
    os.mkfifo(photos / "pipe.jpg")
    (photos / "zero.jpg").symlink_to("/dev/zero")
    (photos / "nothing.jpg").symlink_to("no such file")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.mknod(photos / "device.jpg", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    result = scan(uri, photos, pool)
    assert (result.new, result.failed, result.warnings) == (4, 0, [])


def test_links_that_lead_to_themselves_are_passed_over(photos: Path, uri: Path, pool: WorkerPool):
    (photos / "self.jpg").symlink_to("self.jpg")
    (photos / "this").symlink_to("that")
    (photos / "that").symlink_to("this")
    (photos / "in" / "up").symlink_to(photos)
    result = scan(uri, photos, pool)
    assert (result.new, result.failed, result.warnings) == (4, 0, [])


# -- what changes -----------------------------------------------------------------------------------------------------


def edit(path: Path) -> None:
    draw(path, 77)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def vanish(path: Path) -> None:
    path.unlink()


def rename(path: Path) -> None:
    path.rename(path.with_name("renamed.jpg"))


def make_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def lose_the_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def make_its_folder_a_file(path: Path) -> None:
    shutil.rmtree(path.parent)
    draw(path.parents[1] / "other.jpg", 3).rename(path.parent)


CHANGES = [edit, grow, shrink, vanish, rename, make_a_pipe, make_a_folder, lose_the_folder, make_its_folder_a_file]


@pytest.fixture
def after_the_walk(monkeypatch: pytest.MonkeyPatch) -> Happens:
    """Have something happen between the listing of a folder and the reading of its files."""

    def happens(what: Callable[[], object]) -> None:
        def walk_and_change(*args: Any, **how: Any) -> Any:
            listing = walk(*args, **how)
            monkeypatch.setattr(scanning, "walk", walk)
            what()
            return listing

        monkeypatch.setattr(scanning, "walk", walk_and_change)

    return happens


def test_files_that_change_between_their_listing_and_their_reading_are_left_for_the_next_scan(
    photos: Path, uri: Path, pool: WorkerPool, tmp_path: Path, after_the_walk: Happens
):
    victims = {change: photos / change.__name__ / f"{change.__name__}.jpg" for change in CHANGES}
    for number, path in enumerate(victims.values()):
        draw(path, 30 + number)
    after_the_walk(lambda: [change(path) for change, path in victims.items()])
    result = scan(uri, photos, pool)  # to wait for a pipe would be a failure
    assert names(uri) == {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}
    assert (result.unsettled, result.failed) == (len(CHANGES), 0)
    assert is_as_fresh(uri, photos, pool, tmp_path / "fresh")
    assert names(uri) == {"a.jpg", "b.jpg", "c.jpg", "d.jpg", "edit.jpg", "grow.jpg", "shrink.jpg", "renamed.jpg"}


@pytest.mark.parametrize("change", [edit, grow, shrink])
def test_a_file_that_changes_while_it_is_read_is_taken_for_neither_state(
    photos: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
):
    path = photos / "a.jpg"
    state = walk(str(photos)).files[str(path)]

    class Slow(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            first = super().read(100)
            change(path)
            return first + super().read(size - 100)

    monkeypatch.setattr(worker, "open", Slow, raising=False)
    outcome = worker.Worker(CONFIG).look_at(worker.Task(str(path), state))
    assert outcome == worker.Outcome(outcome.task, changed=True)


def test_a_root_that_disappears_in_a_scan_and_comes_back_costs_no_row(
    photos: Path, uri: Path, pool: WorkerPool, tmp_path: Path, after_the_walk: Happens
):
    scan(uri, photos, pool)
    draw(photos / "new.jpg", 20)
    after_the_walk(lambda: photos.rename(tmp_path / "away"))
    assert scan(uri, photos, pool).unsettled == 1
    result = scan(uri, photos, pool)
    assert (result.gone, len(result.warnings)) == (0, 1)
    assert "can't be listed" in result.warnings[0]
    assert names(uri) == {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}
    (tmp_path / "away").rename(photos)
    result = scan(uri, photos, pool)
    assert (result.new, result.changed, result.unchanged) == (1, 0, 4)
    assert is_as_fresh(uri, photos, pool, tmp_path / "fresh")


def test_a_folder_that_becomes_a_photo_and_a_photo_that_becomes_a_folder_are_what_they_are_now(
    photos: Path, uri: Path, pool: WorkerPool, tmp_path: Path
):
    scan(uri, photos, pool)
    make_its_folder_a_file(photos / "in" / "c.jpg")
    (photos / "in").rename(photos / "in.jpg")
    make_a_folder(photos / "a.jpg")
    draw(photos / "a.jpg" / "e.jpg", 21)
    age(photos / "in.jpg", 999)
    assert is_as_fresh(uri, photos, pool, tmp_path / "fresh")
    assert names(uri) == {"in.jpg", "b.jpg", "d.jpg", "e.jpg"}
