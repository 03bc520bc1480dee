"""The installed watch, run as the system would run it: from the unit's own line, in an environment of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from photoidx.errors import LibraryNotFoundError
from photoidx.indexer.watch.service_install import state
from photoidx.library import Library
from pictures import draw
from service_readers import systemd_command

PATIENCE_S = 600
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="installs for systemd")


def until(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert process.poll() is None, f"the watch ended:\n{log.read_text()}"
        assert time.monotonic() < end, f"it never came:\n{log.read_text()}"
        time.sleep(0.2)


def names(library: Path) -> set[str]:
    try:
        return set(Library(library).sql("SELECT name FROM photos")["name"].to_pylist())
    except LibraryNotFoundError:  # not yet
        return set()


@pytest.mark.slow
def test_an_installed_watch_takes_a_photo_that_comes_and_ends_with_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    album, library, log = tmp_path / "50% $HOME 'album'", tmp_path / "library", tmp_path / "logs" / "watch.log"
    draw(album / "first.jpg", 1)
    (tmp_path / "bin").mkdir()
    for name, value in {"HOME": tmp_path, "PATH": tmp_path / "bin", "XDG_CONFIG_HOME": ""}.items():
        monkeypatch.setenv(name, str(value))
    photoidx = Path(sys.executable).with_name("photoidx")
    options = ("--library", "library", "--log", "logs/watch.log", "--nice", "--workers", "1")
    command = [photoidx, "watch", "--install", album.name, *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    unit = Path(state("linux").file or "").read_text()
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart=")).removeprefix("ExecStart=")
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"], "PATH": "/usr/bin:/bin"}
    with (tmp_path / "talk").open("wb") as talk:
        watch = subprocess.Popen(
            systemd_command(line, environment),
            cwd="/",
            env=environment,
            stdout=talk,
            stderr=talk,
            stdin=subprocess.DEVNULL,
        )
    try:
        until(lambda: names(library) == {"first.jpg"}, watch, tmp_path / "talk")
        assert psutil.Process(watch.pid).nice() > 0
        draw(album / "second.jpg", 2)
        until(lambda: names(library) == {"first.jpg", "second.jpg"}, watch, tmp_path / "talk")
        children = psutil.Process(watch.pid).children(recursive=True)
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(PATIENCE_S) in (0, 130, -signal.SIGTERM, 143)
        assert not psutil.wait_procs(children, 30)[1]
    finally:
        watch.kill()
        watch.wait()
    assert "Low priority" in log.read_text()


def test_a_scorer_is_named_from_the_root_for_the_service_starts_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "album").mkdir()
    for name, value in {"HOME": tmp_path, "PATH": tmp_path, "XDG_CONFIG_HOME": ""}.items():
        monkeypatch.setenv(name, str(value))
    command = [Path(sys.executable).with_name("photoidx"), "watch", "--install", "album", "--scorer", "my ranker"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    service = state("linux").service
    assert service is not None
    assert f"--scorer={tmp_path / 'my ranker'}" in service.options
