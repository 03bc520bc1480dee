"""What interrupted work left behind: files that no version of a table names, and folders of half a restore."""

from __future__ import annotations

import os
import re
from pathlib import Path

from photoidx.storage.tables import SET_ASIDE, Tables

# Lance spells the names of its data files in the manifests as they are.
_DATA_FILE = re.compile(rb"[0-9a-f]{16,}\.lance")


def leftovers(tables: Tables) -> list[tuple[str, str]]:
    """Say what lies about, and what becomes of it."""
    if tables.folder is None:
        return []
    found = []
    loose = [file for name in sorted(tables.names()) for file in unnamed_files(tables.folder / f"{name}.lance")]
    if loose:
        words = f"{len(loose):,} data files ({_size(loose)}) belong to no version: a write was cut off, or is under way"
        found.append((words, "removed at the end of a scan, a week after they were written"))
    aside = [file for file in (tables.folder / SET_ASIDE).rglob("*") if file.is_file()]
    if aside:
        words = f"{SET_ASIDE} holds {len(aside):,} damaged files ({_size(aside)})"
        found.append((words, "delete the folder when all is well again"))
    beside = tables.folder.resolve()
    halves = sorted(beside.parent.glob(f"{beside.name}.restoring-*"))
    return found + [(f"{place} is what a restore left that was cut off", "delete it") for place in halves]


def unnamed_files(table: Path) -> list[Path]:
    """Return the data files of a table that none of its manifests names."""
    named: set[str] = set()
    for manifest in (table / "_versions").glob("*.manifest"):
        try:
            found = [name.decode() for name in _DATA_FILE.findall(manifest.read_bytes())]
        except OSError:  # removed meanwhile
            continue
        # A manifest puts the length of a name before it, which may look like a digit of the name.
        named |= {*found, *(name[1:] for name in found)}
    return [file for file in (table / "data").glob("*.lance") if file.name not in named]


def _size(files: list[Path]) -> str:
    total = 0
    for file in files:
        try:
            total += os.lstat(file).st_size
        except OSError:
            continue
    return f"{total / 1e6:,.1f} MB"
