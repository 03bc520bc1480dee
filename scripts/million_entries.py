"""How a scan grows with the number of entries in one folder: time and peak memory of each step.

The entries are hard links to a few small photos, all in one folder: many files, few contents, which the library knows
already, so that no picture is decoded. The steps are a look without a library (walk and plan), the first scan of the
folder, a rescan with nothing new, and one with 100 new links.

    .venv/bin/python scripts/million_entries.py --entries 10000 100000 1000000
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

_CONTENTS = 8
_LINKS_OF_A_FILE = 50_000  # ext4 allows 65,000
_NEW = 100
_LONG_AGO = 1_600_000_000
_OPTIONS = ["--workers", "2", "--without", "faces"]
_PLAN = "import sys; from photoidx import Library; print(len(Library(sys.argv[1]).plan(sys.argv[2]).decisions))"


@dataclass(frozen=True)
class Cost:
    """What a step took: seconds by the clock, seconds of CPU with its workers, MiB at most of its main process."""

    seconds: float
    cpu_s: float
    peak_mib: float


def make(folder: Path, entries: int) -> list[Path]:
    """Make a folder of hard links, and give the files that they are of."""
    aside = folder.with_name("aside")
    aside.mkdir()
    folder.mkdir()
    files = []
    for number in range(max(_CONTENTS, -(-entries // _LINKS_OF_A_FILE) + 1)):
        pixels = np.random.default_rng(number % _CONTENTS).integers(0, 256, (6, 8, 3), np.uint8)
        files.append(aside / f"{number}.jpg")
        Image.fromarray(pixels).resize((160, 120), Image.Resampling.BICUBIC).save(files[-1])
        os.utime(files[-1], (_LONG_AGO, _LONG_AGO))
    link(folder, files, range(entries))
    return files


def link(folder: Path, files: list[Path], numbers: range) -> None:
    """Add links with these numbers."""
    for number in numbers:
        os.link(files[number % len(files)], f"{folder}/IMG_{number:07}.jpg")


def run(command: list[str], environment: dict[str, str]) -> Cost:
    """Run a process to its end, and measure it."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return Cost(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measure(home: Path, entries: int) -> None:
    """Make a folder, and print a line for each step."""
    folder, library = home / "photos", str(home / "library")
    began = time.monotonic()
    files = make(folder, entries)
    made_s = time.monotonic() - began
    environment = {**os.environ, "TMPDIR": str(home)}
    look = [sys.executable, "-c", _PLAN, str(home / "none"), str(folder)]
    scan = [sys.executable, "-m", "photoidx.cli", "scan", str(folder), "--library", library, *_OPTIONS]
    run([*scan[:4], str(files[0].parent), *scan[5:]], environment)
    steps = {"walk and plan, no library": look, "first scan, no decoding": scan, "rescan, nothing new": scan}
    for name, command in [*steps.items(), (f"rescan, {_NEW} new links", scan)]:
        if name not in steps:
            link(folder, files, range(entries, entries + _NEW))
        cost = run(command, environment)
        each = f"{1e6 * cost.seconds / entries:.0f}"
        print(
            f"| {entries:,} | {name} | {cost.seconds:.1f} | {cost.cpu_s:.1f} | {cost.peak_mib:.0f} | {each} |",
            flush=True,
        )
    print(f"(making the folder of {entries:,} entries took {made_s:.0f} s)", file=sys.stderr)


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    print("| entries | step | s | CPU s | peak MiB | us an entry |\n| --: | --- | --: | --: | --: | --: |")
    for entries in options.entries:
        with tempfile.TemporaryDirectory(prefix="photoidx-million-") as home:
            measure(Path(home), entries)


if __name__ == "__main__":
    main()
