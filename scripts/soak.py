"""A soak: a watch of an album in which photos come, change, move and go at random, while the watch is killed at random.

At the end the tables must equal those of a fresh scan, no photo may differ from what was written, and memory must be
flat. All of it is real: the command, its workers and models, the files, and the kills (SIGKILL of the process group).

    .venv/bin/python scripts/soak.py --minutes 30 --seed 1
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from photoidx import Config, Library
from photoidx.errors import SOME_FAILED
from soak_album import Album
from table_state import differences, state_of

_OPTIONS = ("--workers", "1", "--without", "faces")
_CONFIG = Config(workers=1, without=("faces",))
_PATIENCE_S = 120.0
_MIB = 1 << 20


class Watched:
    """The command that watches, started again when it was killed."""

    def __init__(self, root: Path, library: str, talk: Path) -> None:
        self._command = [sys.executable, "-m", "photoidx.cli", "watch", str(root), "--library", library, *_OPTIONS]
        self._command += ["--log", str(talk.with_suffix(".log"))]
        self._talk = talk
        self.kills = self.stops = 0
        self.memory: list[tuple[float, float]] = []
        self.start()

    def start(self) -> None:
        """Start it, in a process group of its own."""
        with self._talk.open("ab") as talk:
            self._process = subprocess.Popen(self._command, stdout=talk, stderr=talk, start_new_session=True)
        self._began = time.monotonic()

    def end(self, how: signal.Signals) -> None:
        """Kill it and its workers, or ask it to stop."""
        if how == signal.SIGKILL:
            os.killpg(self._process.pid, how)
            self.kills += 1
        else:
            self._process.send_signal(how)
            self.stops += 1
        if self._process.wait(_PATIENCE_S) not in {
            0,
            -signal.SIGKILL,
            -signal.SIGTERM,
        }:  # it may not have been listening yet
            raise SystemExit(f"the watch ended with {self._process.returncode}:\n{self._talk.read_text()[-3000:]}")

    def sample(self) -> None:
        """Note the memory of the watch itself and of its workers (MiB), and see that it runs."""
        if self._process.poll() is not None:
            raise SystemExit(f"the watch ended by itself:\n{self._talk.read_text()[-3000:]}")
        with contextlib.suppress(psutil.Error):
            ours = psutil.Process(self._process.pid)
            self.memory.append((time.monotonic() - self._began, ours.memory_info().rss / _MIB))


def soak(folder: Path, minutes: float, seed: int, kill_every_s: float, patience_s: float = _PATIENCE_S) -> bool:
    """Do it, print what happened, and tell whether all held."""
    album, uri = Album(folder / "album", seed), str(folder / "library")
    watch = Watched(album.root, uri, folder / "talk")
    end = time.monotonic() + 60 * minutes
    next_kill = time.monotonic() + album.random.expovariate(1 / kill_every_s)
    while time.monotonic() < end:
        album.change()
        watch.sample()
        time.sleep(album.random.expovariate(1 / 0.7))
        if time.monotonic() >= next_kill:
            watch.end(album.random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            time.sleep(album.random.uniform(0, 2))
            watch.start()
            next_kill = time.monotonic() + album.random.expovariate(1 / kill_every_s)
    library = Library(uri, _CONFIG)
    settled = _until(lambda: not library.plan(album.root).decisions, patience_s)
    watch.sample()
    watch.end(signal.SIGTERM)
    fresh = _scanned_anew(album.root, folder / "fresh")
    doctor = subprocess.run(
        [sys.executable, "-m", "photoidx.cli", "doctor", "--library", uri], capture_output=True, text=True, check=False
    )
    own, anew = state_of(library), state_of(fresh)
    held = {
        f"everything was taken, within {patience_s:g} s of the end": settled,
        "the tables equal those of a fresh scan": own == anew,
        "no photo differs from what was written": album.is_as_written(),
        "the doctor finds nothing": doctor.returncode == 0,
    }
    print(f"{minutes:g} minutes, seed {seed}: {sum(album.did.values())} changes, {len(album.holds)} files at the end")
    print(", ".join(f"{count} {name}" for name, count in album.did.most_common()))
    print(f"{watch.kills} kills, {watch.stops} stops")
    _print_memory(watch.memory)
    for line in differences(own, anew):
        print(line)
    for what, holds in held.items():
        print(f"{'yes' if holds else 'NO ':<4}{what}")
    if doctor.returncode:
        print(doctor.stdout[-2000:])
    return all(held.values())


def _scanned_anew(root: Path, uri: Path) -> Library:
    """Scan the album by the command, as the watch did: the threads of a process change the last bits of the sums."""
    command = [sys.executable, "-m", "photoidx.cli", "scan", str(root), "--library", str(uri), *_OPTIONS]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode not in {0, SOME_FAILED}:
        raise SystemExit(f"the scan anew ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return Library(uri, _CONFIG)


def _print_memory(samples: list[tuple[float, float]]) -> None:
    """Print the most memory of the watch by the time since its start: it must not grow with it."""
    for least, most in ((0, 30), (30, 60), (60, 120), (120, 300), (300, 1e9)):
        here = [mib for age, mib in samples if least <= age < most]
        if here:
            until = f"{most:.0f} s" if most < 1e9 else "the end"  # noqa: PLR2004 - no end
            print(f"memory of the watch from {least} s to {until} after its start: at most {max(here):.0f} MiB")


def _until(holds: Callable[[], bool], patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() >= end:
            return False
        time.sleep(1)
    return True


def main() -> None:
    """Parse, soak, and end with status 1 if something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill-every", type=float, default=90, metavar="SECONDS", help="on average")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="photoidx-soak-") as folder:
        sys.exit(0 if soak(Path(folder), options.minutes, options.seed, options.kill_every) else 1)


if __name__ == "__main__":
    main()
