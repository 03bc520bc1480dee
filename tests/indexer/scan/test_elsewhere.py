"""What Linux has and another system has not is done without."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from photoidx import Config, Library
from photoidx import memory_limit as allocator
from photoidx.cli import cli
from photoidx.indexer.engines import worker
from photoidx.indexer.media.walk import state_of
from photoidx.indexer.watch.limits import most_folders
from photoidx.indexer.watch.mounts import mounts
from pictures import draw

ONLY_HERE = (
    (os, "sched_getaffinity"),
    (os, "O_DIRECTORY"),
    (os, "statvfs"),
    (os, "getuid"),
    (os, "geteuid"),
    (signal, "SIGHUP"),
    (signal, "SIGPIPE"),
    (signal, "pthread_sigmask"),
)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch):
    """Take away what Windows or macOS have not. The worker processes, which start anew, have it still."""
    for module, name in ONLY_HERE:
        monkeypatch.delattr(module, name, raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("multiprocessing.resource_tracker._HAVE_SIGMASK", False)  # Python looked when it was imported


@pytest.mark.parametrize(
    ("asked", "affinity", "processors", "expected"),
    [
        (3, {0, 1}, 8, 3),
        (0, {0, 1}, 8, 2),
        (3, None, 8, 3),
        (0, None, 8, 8),
        (3, None, None, 3),
        (0, None, None, 1),
    ],
)
def test_there_are_as_many_workers_as_asked_for_whether_or_not_the_system_tells_of_its_processors(
    monkeypatch: pytest.MonkeyPatch, asked: int, affinity: set[int] | None, processors: int | None, expected: int
):
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    if affinity is None:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    else:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: affinity, raising=False)
    assert Config(workers=asked).worker_count == expected


def test_fewer_workers_than_none_are_a_wrong_call(tmp_path: Path):
    from click.testing import CliRunner

    done = CliRunner().invoke(cli, ["scan", str(tmp_path), "--workers", "-1"])
    assert done.exit_code == 2
    assert "--workers" in done.output


def test_a_scan_runs_to_its_end(tmp_path: Path, elsewhere: None):
    photo = draw(tmp_path / "photos" / "a.jpg")
    result = Library(tmp_path / "library", Config(workers=1)).scan(photo.parent)
    assert (result.new, result.analysed, result.failed) == (1, 1, 0)


def test_a_file_that_a_worker_has_mapped_can_not_be_removed_and_that_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    photo = draw(tmp_path / "photos" / "a.jpg")
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name.startswith(("complete-", "same_pixels-", "claims-")):
            raise PermissionError(13, "The process cannot access the file", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert Library(tmp_path / "library", Config(workers=1)).scan(photo.parent).analysed == 1


def test_a_worker_reads_and_has_no_limit_of_memory(tmp_path: Path, elsewhere: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "O_NONBLOCK")  # which Windows alone lacks
    photo = draw(tmp_path / "a.jpg")
    state = state_of(photo.stat())
    known = worker.KnownFiles(*(str(tmp_path / name) for name in worker.KnownFiles._fields))
    (tmp_path / "complete").touch()
    (tmp_path / "same_pixels").touch()
    (tmp_path / "claims").write_bytes(bytes(48))
    one = worker.Worker(Config())
    one.know(known)
    outcome = one.look_at(worker.Task(str(photo), state))
    assert not outcome.failures
    assert outcome.rows
    allocator.limit_memory(1)
    assert allocator.memory_limit() is None


def test_mounts_and_limits_of_watched_folders_are_not_known(elsewhere: None):
    assert mounts() == {}
    assert most_folders() is None
