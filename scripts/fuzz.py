"""Scan thousands of broken files with the real `photoidx scan`, and look whether each of them ends as a row.

    scripts/fuzz.py --files 10000 --seed 1

The files are made from sound ones by scripts/mutations.py; with --seeds, also from the files of a folder. A scan that
crashes or hangs, or a file without a row, is a fault: the command then ends with status 1. A worker that had to be
replaced is no fault, for its file is recorded as failed; how often it happened is printed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fuzz_seeds import seeds
from memory import children, resident
from mutations import Mutated, mutate
from photoidx import Library
from photoidx.errors import SOME_FAILED

_COMMAND = Path(sys.executable).parent / "photoidx"
_LOOK_EVERY_S = 0.2
_LARGEST_SEED = 400_000
_LOST = re.compile(r"^(the worker|took longer)")
_KNOWN = re.compile(r"\d[\d,.]*|'[^']*'|b\".*\"")


@dataclass
class Tally:
    """What became of the files. Sizes are in MiB."""

    by_kind: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    reasons: Counter[str] = field(default_factory=Counter)
    lost: list[tuple[str, str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    main_mib: float = 0.0
    worker_mib: float = 0.0
    seconds: float = 0.0

    @property
    def files(self) -> int:
        """The number of files that were scanned."""
        return sum(sum(outcomes.values()) for outcomes in self.by_kind.values())


def write_files(folder: Path, made: list[Mutated]) -> None:
    """Write the files as if they were an hour old, so that the scan does not wait for them to settle."""
    folder.mkdir(parents=True)
    then = time.time() - 3600
    for each in made:
        (folder / each.name).write_bytes(each.data)
        os.utime(folder / each.name, (then, then))


def scan(folder: Path, library: Path, options: list[str], limit_s: float, tally: Tally) -> bool:
    """Scan a folder in a process of its own and look at its memory. Tell whether it ended as it should."""
    words = [str(_COMMAND), "scan", str(folder), "--library", str(library), *options]
    began = time.monotonic()
    with tempfile.TemporaryFile() as said, subprocess.Popen(words, stdout=said, stderr=said) as process:
        while process.poll() is None:
            tally.main_mib = max(tally.main_mib, resident(process.pid))
            tally.worker_mib = max(tally.worker_mib, *map(resident, children(process.pid)), 0.0)
            if time.monotonic() - began > limit_s:
                process.kill()
                tally.faults.append(f"the scan of {folder.name} did not end within {limit_s:g} s")
                return False
            time.sleep(_LOOK_EVERY_S)
        tally.seconds += time.monotonic() - began
        if process.returncode in (0, SOME_FAILED):
            return True
        said.seek(0)
        words_said = said.read().decode("utf-8", "replace").strip().splitlines()[-3:]
    tally.faults.append(f"the scan of {folder.name} ended with status {process.returncode}: {' | '.join(words_said)}")
    return False


def look(made: list[Mutated], library: Path, tally: Tally) -> None:
    """Count what became of each file by the library's own tables."""
    ours = Library(library)
    known = {os.path.basename(row["path"]) for row in ours.sql("SELECT path FROM files").to_pylist()}
    failed: dict[str, dict[str, str]] = defaultdict(dict)
    for row in ours.sql("SELECT path, stage, error FROM failures").to_pylist():
        failed[os.path.basename(row["path"])][row["stage"]] = row["error"]
    shown = ours.sql("SELECT path FROM photos JOIN thumbnails USING (content_id)").to_pylist()
    done = {os.path.basename(row["path"]) for row in shown}
    for each in made:
        tally.by_kind[each.kind][_outcome(each, known, failed, done, tally)] += 1


def _outcome(
    each: Mutated, known: set[str], failed: Mapping[str, Mapping[str, str]], done: set[str], tally: Tally
) -> str:
    if each.name not in known:
        tally.faults.append(f"{each.name} has no row")
        return "no row"
    reasons = failed.get(each.name, {})
    for stage, why in reasons.items():
        tally.reasons[f"{stage}: {_KNOWN.sub('#', why)[:100]}"] += 1
        if _LOST.match(why):
            tally.lost.append((each.name, stage, why))
    if any(_LOST.match(why) for why in reasons.values()):
        return "worker lost"
    if reasons:
        return "failed" if {"decode", "read", "sidecar"} & set(reasons) else "part failed"
    if each.name.endswith((".xmp", ".aae")) or each.name in done:
        return "read"
    tally.faults.append(f"{each.name} has neither results nor a failure")
    return "nothing"


def report(tally: Tally) -> None:
    """Print the counts by kind of mutation and outcome, the commonest reasons, the peaks and the faults."""
    outcomes = ("read", "failed", "part failed", "worker lost", "no row", "nothing")
    print(f"{'mutation':<18}" + "".join(f"{outcome:>13}" for outcome in outcomes))
    for kind, counts in sorted(tally.by_kind.items()):
        print(f"{kind:<18}" + "".join(f"{counts[outcome]:>13,}" for outcome in outcomes))
    whole = sum(tally.by_kind.values(), Counter())
    print(f"{'all':<18}" + "".join(f"{whole[outcome]:>13,}" for outcome in outcomes))
    print("\ncommonest reasons:")
    for reason, count in tally.reasons.most_common(15):
        print(f"{count:>7,}  {reason}")
    for name, stage, why in tally.lost:
        print(f"worker lost: {name} at {stage}: {why}")
    print(f"\n{tally.files:,} files in {tally.seconds:.0f} s of scanning; peak of the main process "
          f"{tally.main_mib:,.0f} MiB, of the largest worker {tally.worker_mib:,.0f} MiB")  # fmt: skip
    print(f"faults (crashes, hangs, files without a row): {len(tally.faults)}")
    for fault in tally.faults[:50]:
        print(f"  {fault}")


def sound_files(folder: str | None) -> Mapping[str, bytes]:
    """Return the files to break: made ones, and with a folder its own too, the small ones."""
    found = dict(seeds())
    for path in sorted(Path(folder).rglob("*")) if folder else ():
        if path.is_file() and path.stat().st_size <= _LARGEST_SEED and path.suffix.lower() in _SUFFIXES:
            found[f"{path.stem}{path.suffix.lower()}"] = path.read_bytes()
    return {name: data for name, data in found.items() if data}


_SUFFIXES = frozenset(
    f".{name.rpartition('.')[2]}" for name in (*seeds(), "x.raf", "x.crw", "x.cr3", "x.jpeg", "x.tiff")
)


def run(files: int, seed: int, options: argparse.Namespace) -> Tally:
    """Make, scan and look, a batch at a time."""
    tally, sound = Tally(), sound_files(options.seeds)
    with tempfile.TemporaryDirectory(prefix="photoidx-fuzz-") as place:
        root = Path(options.keep) if options.keep else Path(place)
        for start in range(0, files, options.batch):
            made = [mutate(seed, number, sound) for number in range(start, min(start + options.batch, files))]
            folder = root / f"files-{seed}-{start}"
            write_files(folder, made)
            library = Path(place) / f"library-{start}"
            if scan(folder, library, options.scan_option, options.limit, tally):
                look(made, library, tally)
            print(f"... {start + len(made):,} files, {len(tally.faults)} faults", file=sys.stderr, flush=True)
            if not options.keep:
                for path in folder.iterdir():
                    path.unlink()
    return tally


def main() -> None:
    """Run, print, and end with status 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1000, help="files of one scan")
    parser.add_argument("--seeds", metavar="FOLDER", help="a folder whose small files are broken too")
    parser.add_argument("--keep", metavar="FOLDER", help="where the files are left for a closer look")
    parser.add_argument("--limit", type=float, default=1800, metavar="SECONDS", help="a longer scan of a batch hangs")
    parser.add_argument("--scan-option", action="append", default=[], metavar="OPTION", help="handed to the scan")
    options = parser.parse_args()
    if not Path("/proc/self/status").exists():
        sys.exit("This needs /proc, which Linux has.")
    tally = run(options.files, options.seed, options)
    report(tally)
    sys.exit(bool(tally.faults))


if __name__ == "__main__":
    main()
