"""Kill scans at random moments, and look after each kill whether the library is whole and nothing was lost.

Each kill is a SIGKILL of the whole process group of a real scan that commits every few files: some time after
a commit that is drawn from all that the scan has to make, none and the last among them. Between kills the album
changes, and now and then a photo is decided to be kept. After a dozen kills a scan may end, and its tables must equal
those of a fresh scan, row by row; then the next library begins. How many kills fell after how many commits is printed.

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
from photoidx.storage.schema import FILES
from photoidx.storage.tables import number_of_manifest
from table_state import state_of

_KILLS_OF_A_LIBRARY = 12
_SHARE_DECIDED = 0.3
_COMMIT_ROWS = 6  # files: about a dozen commits for an album
_LOOK_EVERY_S = 0.005
_SCAN = """
import sys
from photoidx import Config, Library
config = Config(workers=1, commit_rows=int(sys.argv[3]), without=tuple(sys.argv[4:]))
Library(sys.argv[1], config).scan(sys.argv[2])
"""


class Kills:
    """What was done, and what became of it."""

    def __init__(self, folder: Path, seed: int, photos: int, without: tuple[str, ...]) -> None:
        self.folder, self.album = folder, KilledAlbum(folder / "album", seed, photos)
        self.by_phase: Counter[str] = Counter()
        self.by_commits: Counter[int] = Counter()
        self.lost: Counter[str] = Counter()
        self.doubled: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()
        self.compared = self.unlike = self.libraries = 0
        (folder / "tmp").mkdir()
        self._config = Config(workers=1, without=without)
        self._longest_s, self._commits = 0.0, 1

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
            before = _version(uri)
            died = self._scan(uri, self._moment(uri))
            commits = _version(uri) - max(before, 1)
            phase, harm = looker.look([str(self.album.root / name) for name in self.album.holds])
            if died:
                killed += 1
                self.by_phase[phase] += 1
                self.by_commits[max(0, commits)] += 1
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

    def _moment(self, uri: Path) -> tuple[int, float]:
        """Draw when to kill: after so many commits, and then so many seconds."""
        try:
            there = Library(uri, self._config).store.count(FILES.name)
        except LibraryNotFoundError:
            there = 0
        left = max(1, (len(self.album.holds) - there) // _COMMIT_ROWS)
        commits = self.album.random.randint(0, left)
        # After the last of them come shots, the merging of files, and bursts.
        longest = self._longest_s / self._commits if 0 < commits < left else self._longest_s / 2
        return commits, self.album.random.uniform(0, longest)

    def _decide(self, library: Library) -> None:
        """Decide that a photo is kept, if a scan has come so far that there is one to decide on."""
        with contextlib.suppress(LibraryNotFoundError, KeyError):
            known = library.store.read(FILES.name, ["path"], "shot_id IS NOT NULL AND kind = 'photo'")
            if known.num_rows:
                library.decide("keep", self.album.random.choice(sorted(known["path"].to_pylist())))

    def _scan(self, uri: Path, moment: tuple[int, float] | None) -> bool:
        """Scan, and kill that some seconds after so many commits. Tells whether it was killed before it ended."""
        words = [sys.executable, "-c", _SCAN, str(uri), str(self.album.root), str(_COMMIT_ROWS), *self._config.without]
        environment = {**os.environ, "TMPDIR": str(self.folder / "tmp")}
        before = max(1, _version(uri))
        with (self.folder / "talk").open("wb") as talk:
            process = subprocess.Popen(
                words, stdout=talk, stderr=talk, start_new_session=True, env=environment, cwd=self.folder
            )
            while moment is not None and process.poll() is None and _version(uri) - before < moment[0]:
                time.sleep(_LOOK_EVERY_S)
            try:
                status = process.wait(None if moment is None else moment[1])
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return process.wait() == -signal.SIGKILL
        if status:
            raise SystemExit(f"a scan ended with {status}:\n{(self.folder / 'talk').read_text()[-3000:]}")
        return False

    def _fresh(self, uri: Path) -> float:
        began = time.monotonic()
        self._scan(uri, None)
        self._commits = max(1, _version(uri) - 1)
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


def _version(uri: Path) -> int:
    """Return the newest version of the table of files; 0 where there is none."""
    manifests = (uri / f"{FILES.name}.lance" / "_versions").glob("*.manifest")
    return max(map(number_of_manifest, manifests), default=0)


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
    told = ", ".join(f"{commits}: {kills}" for commits, kills in sorted(done.by_commits.items()))
    print("| **all** | " + " | ".join(f"**{each.total()}**" for each in counts) + " |\n")
    print(f"kills after so many commits of the scan that was killed: {told}\n")
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
