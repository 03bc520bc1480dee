"""A scan in a process of its own, which tests stop or kill when it has come to something."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from pictures import age, draw

PHOTOIDX = Path(sys.executable).with_name("photoidx")
PATIENCE_S = 300.0
"""How long a test waits for what must come: far longer than it takes on any machine."""


def wait_for(condition: Callable[[], object], what: str = "it") -> None:
    """Wait until something is so. Raises AssertionError if it never comes."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"{what} never came"
        time.sleep(0.02)


def many_photos(folder: Path, count: int) -> Path:
    """Make so many photos of different bytes, and quickly."""
    first = draw(folder / "0.jpg").read_bytes()
    for number in range(1, count):
        path = folder / f"{number}.jpg"
        path.write_bytes(first + number.to_bytes(2, "big"))
        age(path, 9999)
    return folder


def start(folder: Path, *arguments: str | Path, **rest: object) -> subprocess.Popen[str]:
    """Start `photoidx` with a library and a temporary folder beside the photos, in a session of its own."""
    (folder / "tmp").mkdir(exist_ok=True)
    rest = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True, **rest}
    environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "PHOTOIDX_LIBRARY": str(folder / "library")}
    return subprocess.Popen([PHOTOIDX, *arguments], text=True, env=environment, **rest)


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the worker processes of a scan: those that multiprocessing has started to run something."""
    try:
        children = psutil.Process(process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def is_at_work(process: subprocess.Popen[str]) -> bool:
    """Return whether a scan has worker processes that can be stopped, or has ended."""
    return process.poll() is not None or bool(workers(process))
