"""A real library with bursts, and `photoidx review` running over it, for tests and for the pictures of its page."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from skimage import data

from burst_album import NOON, shoot
from photoidx import Config, Library

SCENES = ("astronaut", "coffee", "chelsea")
FRAMES = 4


def make_library(home: Path, copy: str = "IMG_0001.JPG") -> Library:
    """Scan three bursts of four frames, of which the second one is sharp, and a copy of a photo by another name."""
    photos = home / "photos"
    for number, name in enumerate(SCENES):
        scene = getattr(data, name)()
        for frame in range(FRAMES):
            at = NOON + timedelta(minutes=10 * number, milliseconds=200 * frame)
            shoot(photos / f"IMG_{10 * number + frame:04}.JPG", scene, at, blur=frame != 1, shift=frame)
    (photos / "copies").mkdir()
    shutil.copy2(photos / "IMG_0001.JPG", photos / "copies" / copy)
    ours = Library(home / "library", Config(workers=1, settle_s=0.0))
    ours.scan(photos)
    return ours


class Running(NamedTuple):
    """A server: the address that it printed, its process."""

    address: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self.address.split(":")[2].split("/")[0])

    @property
    def key(self) -> str:
        """The key in the address."""
        return self.address.partition("key=")[2]

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request; headers are named with _ for -. Gives status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host="Host" in sent)
        if body is not None:
            sent["Content-Length"] = str(len(body.encode()))
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body.encode() if body is not None else None)
        with contextlib.closing(connection):
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def cookie(self) -> str:
        """Return the session's cookie, as the one who has the key gets it."""
        return self.ask(f"/?key={self.key}")[1]["set-cookie"].partition(";")[0]


@contextlib.contextmanager
def running(library: Library, *options: str) -> Iterator[Running]:
    """Run the command, and end it by Ctrl-C."""
    command = [sys.executable, "-m", "photoidx.cli", "review", "--no-browser", "--library", library.uri, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise AssertionError(process.communicate()[1])
        yield Running(address, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
