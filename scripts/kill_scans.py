"""Kill scans at random moments, and look after each kill whether the library is whole and nothing was lost.

Each kill is a SIGKILL of the whole process group of a real `photoidx scan`, at a moment that is uniform over the scan's
duration; between kills the album changes, and now and then a photo is decided to be kept. After a dozen kills a scan
may end, and its tables must equal those of a fresh scan, row by row; then the next library begins.

    .venv/bin/python scripts/kill_scans.py --kills 200 --seed 1
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
from collections import Counter
from pathlib import Path

from killed_album import KilledAlbum
from killed_library import PHASES, Looker
from photoidx import Config, Library
from photoidx.errors import LibraryNotFoundError
from photoidx.schema import FILES
from table_state import state_of

_KILLS_OF_A_LIBRARY = 12
_SHARE_DECIDED = 0.3
_FAILED = 3  # the album holds files that are no photos


class Kills:
    """What was done, and what became of it."""

    def __init__(self, folder: Path, seed: int, photos: int, without: tuple[str, ...]) -> None:
        self.folder, self.album = folder, KilledAlbum(folder / "album", seed, photos)
        self.by_phase: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.doubled: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()
        self.compared = self.unlike = self.libraries = 0
        (folder / "tmp").mkdir()
        self._config = Config(workers=1, without=without)
        self._options = ["--workers", "1", *(word for name in without for word in ("--without", name))]
        self._longest_s = 0.0

    def do(self, count: int) -> None:
        """Kill so many scans, one library after another."""
        self._longest_s = self._fresh(self.folder / "first")  # also warms the disk's cache
        while self.by_phase.total() < count:
            self.libraries += 1
            uri = self.folder / f"library-{self.libraries}"
            if self._kill_scans_of(uri, min(_KILLS_OF_A_LIBRARY, count - self.by_phase.total())):
                self._compare(uri)

    def _kill_scans_of(self, uri: Path, count: int) -> bool:
        """Kill so many scans of a library. Tells whether it can still be read."""
        looker, killed = Looker(uri), 0
        while killed < count:
            died = self._scan(uri, self.album.random.uniform(0, self._longest_s))
            phase, harm = looker.look([str(self.album.root / name) for name in self.album.holds])
            if died:
                killed += 1
                self.by_phase[phase] += 1
            self.lost[phase] += len(harm.lost)
            self.doubled[phase] += len(harm.doubled)
            if harm:
                print(f"{uri.name}, after kill {killed} ({phase}): {harm}", flush=True)
            if harm.unreadable:
                self.unreadable[phase] += 1
                return False
            for _ in range(self.album.random.randint(0, 12)):
                self.album.change()
            if self.album.random.random() < _SHARE_DECIDED:
                self._decide(Library(uri, self._config))
        return True

    def _decide(self, library: Library) -> None:
        """Decide that a photo is kept, if a scan has come so far that there is one to decide on."""
        with contextlib.suppress(LibraryNotFoundError, KeyError):
            known = library.store.read(FILES.name, ["path"], "shot_id IS NOT NULL AND kind = 'photo'")
            if known.num_rows:
                library.decide("keep", self.album.random.choice(sorted(known["path"].to_pylist())))

    def _scan(self, uri: Path, kill_after_s: float | None) -> bool:
        """Scan, and kill that if it takes longer. Tells whether it was killed."""
        command = [
            sys.executable,
            "-m",
            "photoidx.cli",
            "scan",
            str(self.album.root),
            "--library",
            str(uri),
            *self._options,
        ]
        environment = {**os.environ, "TMPDIR": str(self.folder / "tmp")}
        with (self.folder / "talk").open("wb") as talk:
            process = subprocess.Popen(
                command, stdout=talk, stderr=talk, start_new_session=True, env=environment, cwd=self.folder
            )
            try:
                status = process.wait(kill_after_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return process.wait() == -signal.SIGKILL
        if status not in {0, _FAILED}:
            raise SystemExit(f"a scan ended with {status}:\n{(self.folder / 'talk').read_text()[-3000:]}")
        return False

    def _fresh(self, uri: Path) -> float:
        began = time.monotonic()
        self._scan(uri, None)
        return time.monotonic() - began

    def _compare(self, uri: Path) -> None:
        """Let a scan end, and compare its tables with those of a fresh one."""
        fresh = self.folder / f"{uri.name}-fresh"
        self._scan(uri, None)
        self._longest_s = max(self._longest_s, self._fresh(fresh))
        ours, theirs = Library(uri, self._config), Library(fresh, self._config)
        like = state_of(ours) == state_of(theirs) and _groups(ours) == _groups(theirs)
        self.compared += 1
        self.unlike += not like
        if not like:
            print(f"{uri.name}: its tables are not those of a fresh scan", flush=True)


def _groups(library: Library) -> set[frozenset[str]]:
    return {frozenset(frame["shot_id"] for frame in each["frames"]) for each in library.bursts()}


def kill_scans(folder: Path, kills: int, seed: int, photos: int = 60, without: tuple[str, ...] = ("faces",)) -> bool:
    """Do it, print the table, and tell whether all held."""
    began = time.monotonic()
    done = Kills(folder, seed, photos, without)
    done.do(kills)
    counts = (done.by_phase, done.lost, done.doubled, done.unreadable)
    print("| the scan was | kills | lost rows | doubled rows | unreadable libraries |\n| --- | --: | --: | --: | --: |")
    for phase in PHASES:
        print(f"| {phase} | " + " | ".join(f"{each[phase]}" for each in counts) + " |")
    print("| **all** | " + " | ".join(f"**{each.total()}**" for each in counts) + " |\n")
    print(
        f"{done.libraries} libraries, seed {seed}, {len(done.album.holds)} files at the end; "
        f"{sum(done.album.did.values())} changes between the kills; "
        f"{done.compared - done.unlike} of {done.compared} finished scans equal a fresh one; "
        f"{time.monotonic() - began:.0f} s"
    )
    return not (done.lost.total() or done.doubled.total() or done.unreadable.total() or done.unlike)


def main() -> None:
    """Parse, kill, and end with status 1 if something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="photoidx-kills-") as folder:
        sys.exit(0 if kill_scans(Path(folder), options.kills, options.seed) else 1)


if __name__ == "__main__":
    main()
