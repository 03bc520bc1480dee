"""The watch where the system limits it, and where drives come and go: in namespaces of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from photoidx import Library
from pictures import draw

PATIENCE_S = 600.0
WATCH = (sys.executable, "-m", "photoidx.cli", "watch", "--without", "faces", "--workers", "1")


def can(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=600).returncode == 0
    except OSError:
        return False


@contextmanager
def running(command: Sequence[str], talk: Path) -> Iterator[subprocess.Popen[bytes]]:
    with talk.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True) as watch:
        try:
            yield watch
        finally:
            os.killpg(watch.pid, signal.SIGKILL)


def until_said(talk: Path, *words: str) -> None:
    """Wait until these words were said, one after the other, whatever was said between them."""
    end = time.monotonic() + PATIENCE_S
    while not re.search(".*".join(map(re.escape, words)), " ".join(talk.read_text().split())):
        assert time.monotonic() < end, f"{words!r} was not said, but:\n{talk.read_text()}"
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.skipif(
    not can("unshare", "-U", "--map-root-user", "sh", "-c", "echo 5 > /proc/sys/user/max_inotify_watches"),
    reason="needs a user namespace in which the limit of watches can be set",
)
def test_a_root_with_more_folders_than_may_be_watched_is_polled(tmp_path: Path):
    for number in range(8):
        draw(tmp_path / "album" / str(number) / "1.jpg", number)
    talk, library = tmp_path / "talk", tmp_path / "library"
    watch = [*WATCH, str(tmp_path / "album"), "--library", str(library), "--log", str(tmp_path / "log")]
    limited = ["unshare", "-U", "--map-root-user", "sh", "-c"]
    with running([*limited, 'echo 5 > /proc/sys/user/max_inotify_watches && exec "$@"', "sh", *watch], talk):
        until_said(talk, "has folders that this system does not let us watch. It is polled.")
        until_said(talk, "8 new")
        draw(tmp_path / "album" / "7" / "2.jpg", 9)
        until_said(talk, "1 new")


@pytest.mark.slow
@pytest.mark.skipif(
    not can("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"), reason="needs a namespace in which to mount"
)
def test_a_card_that_is_mounted_below_a_root_is_taken_and_taken_again_without_being_computed_again(tmp_path: Path):
    album, talk, library = tmp_path / "album", tmp_path / "talk", tmp_path / "library"
    draw(album / "1.jpg", 1)
    draw(tmp_path / "image" / "2.jpg", 2)
    (album / "card").mkdir()
    watch = [*WATCH, str(album), "--library", str(library), "--log", str(tmp_path / "log")]
    # The shell that watches and the one that mounts are in one namespace.
    script = f"""
        "$@" & watch=$!
        for step in mount unmount again; do
            until [ -e {tmp_path}/$step ]; do sleep 0.1; done
            if [ $step = unmount ]; then umount {album}/card; else mount --bind {tmp_path}/image {album}/card; fi
        done
        wait $watch
    """
    with running(["unshare", "-m", "sh", "-c", script, "sh", *watch], talk):
        until_said(talk, "1 new")
        (tmp_path / "mount").touch()
        until_said(talk, "has other drives below it. 1 new")
        (tmp_path / "unmount").touch()
        until_said(talk, "1 gone")
        (tmp_path / "again").touch()
        until_said(talk, "1 gone", "has other drives below it. 1 new")
    store = Library(library).store
    assert store.count("files") == 2
    assert store.count("vectors_efficientnet_lite0") == 2
