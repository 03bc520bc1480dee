"""Kill `reclaim` and `undo` at random moments.

After each kill every file must be in its place or in the trash, once, with its own bytes; and after what was left is
made good, every unit whole. It runs in a temporary folder, and prints how many kills hit which work.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

from photoidx.reclaim.filling import move_units
from photoidx.reclaim.places import TRASH
from photoidx.reclaim.trash import batches, held, last_batch, locked, put_back_units, recover
from photoidx.reclaim.units import Kept, Member, Unit
from photoidx.records import content_id_of

UNITS = 12


def make(root: Path) -> tuple[list[Unit], dict[Path, bytes]]:
    """Write files of units of one to three, and return these with all bytes."""
    units, bytes_of = [], {}
    for number in range(UNITS):
        kept = root / "kept" / f"{number}.jpg"
        names = [f"{number}.jpg", f"{number}.mov", f"sub/{number}.xmp"][: 1 + number % 3]
        places = [kept, *(root / "copies" / name for name in names)]
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
            bytes_of[place] = f"{place.suffix} {number} ".encode() * (500 + 7000 * (number % 2))
            place.write_bytes(bytes_of[place])
        members = tuple(_member(place, bytes_of[place]) for place in places[1:])
        units.append(Unit("duplicate", str(root), "a copy", members, (Kept(str(kept), members[0].content_id or ""),)))
    return units, bytes_of


def _member(place: Path, data: bytes) -> Member:
    return Member(str(place), content_id_of(data), len(data))


def act(root: Path, units: list[Unit]) -> None:
    """Move everything into the trash, and bring it back."""
    move_units("library", units)
    trash = root.parent / TRASH
    with locked(str(trash)):
        recover(str(trash))
        put_back_units(last_batch(batches([str(trash)]), "library"))


def killed(root: Path, units: list[Unit], after_s: float) -> bool:
    """Run in a process of its own that is killed after so long; return whether it was killed before it ended."""
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            act(root, units)
            os._exit(0)
        os._exit(1)
    time.sleep(after_s)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise AssertionError("it failed")
    return os.WIFSIGNALED(status)


def check(root: Path, bytes_of: dict[Path, bytes], units: list[Unit]) -> str:
    """Raise AssertionError if a file is lost, doubled or changed; say where the work was cut off."""
    trash = root.parent / TRASH
    in_trash = [path for path in trash.rglob("*") if path.is_file() and path.name not in {"journal.jsonl", "lock"}]
    everywhere = sorted(path.read_bytes() for path in [*(p for p in root.rglob("*") if p.is_file()), *in_trash])
    assert everywhere == sorted(bytes_of.values()), "a file is lost, doubled or changed"
    if trash.is_dir():
        with locked(str(trash)):
            assert recover(str(trash)) == []
    for unit in units:
        here = {os.path.exists(member.path) for member in unit.members}
        assert len(here) == 1, f"{unit.members[0].path} is torn apart"
    for place, data in bytes_of.items():
        assert not place.exists() or place.read_bytes() == data
    moved = sum(not os.path.exists(unit.members[0].path) for unit in units)
    return "nothing moved" if not moved else "all moved" if moved == len(units) else "some moved"


def bring_all_back(root: Path) -> None:
    """Empty the trash into the places."""
    trash = str(root.parent / TRASH)
    if os.path.isdir(trash):
        with locked(trash):
            assert put_back_units(held(batches([trash]))).problems == []


def run(home: Path, kills: int, seed: int) -> Counter[str]:
    """Kill so often. Raises AssertionError."""
    rng = random.Random(seed)
    root = home / "photos"
    units, bytes_of = make(root)
    began = time.monotonic()
    act(root, units)
    whole = time.monotonic() - began
    found: Counter[str] = Counter()
    while sum(found.values()) < kills:
        if killed(root, units, rng.uniform(0.0, 1.3 * whole)):
            found[check(root, bytes_of, units)] += 1
        bring_all_back(root)
        assert all(place.read_bytes() == data for place, data in bytes_of.items())
    return found


def main() -> None:
    """Kill, and print where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(dict(run(Path(folder), options.kills, options.seed)))


if __name__ == "__main__":
    main()
