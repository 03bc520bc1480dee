"""What may go, from the tables of a library; and the trash of all its roots."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from photoidx.errors import PhotoidxError, QueryError
from photoidx.queries.decisions.view import read_view
from photoidx.reclaim.journal import Batch
from photoidx.reclaim.places import incomplete, trashes, unknown_beside
from photoidx.reclaim.trash import batches, locked, recover
from photoidx.reclaim.units import Staying, Unit, find_units, take
from photoidx.records import path_text, text_path
from photoidx.storage.store import Store

KINDS = ("duplicate", "rejected")
_SIZE = re.compile(r"(?P<number>\d{1,9}(\.\d{1,9})?) ?(?P<unit>[kmgt]?)(?P<binary>i(?=b))?b?")
_UNITS = ("", "k", "m", "g", "t")
_COLUMNS = ("path", "root", "size", "content_id", "kind", "shot_id")


@dataclass(frozen=True)
class Reclaimable:
    """What may go: the units that are taken, those that would come next, and what stays although it was to go."""

    units: list[Unit] = field(default_factory=list)
    following: list[Unit] = field(default_factory=list)
    staying: list[Staying] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the units that are taken."""
        return sum(unit.size for unit in self.units)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each file that goes: path, size, what, reason, unit, kept."""
        return [
            {
                "path": member.path,
                "size": member.size,
                "what": unit.what,
                "reason": unit.reason,
                "unit": number,
                "kept": [each.path for each in unit.kept],
            }
            for number, unit in enumerate(self.units, 1)
            for member in unit.members
        ]


def find(
    store: Store, groups: Sequence[Mapping[str, Any]], *, goal: int | None = None, kinds: Sequence[str] = KINDS
) -> Reclaimable:
    """Say what may go, what loses least first. `groups` are `Library.duplicates`. Nothing is moved.

    With `goal` as much is taken as frees so many bytes. Nothing goes from a root that looks incomplete, nor for a file
    in one.
    """
    files = store.read("files", list(_COLUMNS)).to_pylist()
    in_trash = _in_trash(store)
    away = incomplete(files, in_trash)
    there = [row for row in files if row["path"] not in in_trash]
    said = read_view(store)
    rejected = {shot for shot in said.reject if not said.is_wanted([shot])} if "rejected" in kinds else set()
    asked = groups if "duplicate" in kinds else ()
    known = {row["path"] for row in files}
    units, staying = find_units(there, asked, rejected, unknown_beside(known))
    roots = {row["path"]: row["root"] for row in files}
    whole = []
    for unit in units:
        concerned = {unit.root, *(roots[each.path] for each in unit.kept)}
        why = next((away[root] for root in sorted(concerned) if root in away), None)
        if why is None:
            whole.append(unit)
        else:
            staying.append(Staying(unit.members[0].path, why))
    taken, following = take(whole, goal)
    return Reclaimable(taken, following, staying)


def roots_of(store: Store) -> list[str]:
    """Return the folders that were ever scanned, as the operating system spells them."""
    found = set(store.read("files", ["root"])["root"].to_pylist())
    if "scans" in store.names():
        found |= {root for roots in store.read("scans", ["roots"])["roots"].to_pylist() for root in roots or ()}
    return sorted(map(text_path, found))


def _in_trash(store: Store) -> set[str]:
    """Return the paths, as the tables have them, of files that are in the trash now."""
    entries = (entry for batch in batches(trashes(roots_of(store))) for entry in batch.entries.values())
    return {path_text(file.source) for entry in entries for file in entry.files if os.path.lexists(file.target)}


def open_trash(store: Store) -> tuple[list[Batch], list[str]]:
    """Return the batches in the trash of every root, after what a killed command left was made good.

    With it come the words about what could not be made good. Raises PhotoidxError if a trash can't be used.
    """
    problems: list[str] = []
    found = trashes(roots_of(store))
    for trash in found:
        try:
            with locked(trash):
                problems += recover(trash)
        except OSError as error:
            raise PhotoidxError(f"The trash at {path_text(trash)} can't be used: {error.strerror}.") from error
    return batches(found), problems


def library_of(store: Store) -> str:
    """Return the name by which batches know their library."""
    return store.folder or store.uri


def bytes_of(text: str) -> int:
    """Return the bytes that `20GB`, `500 MB` or `1.5 TiB` mean. Raises QueryError for anything else."""
    found = _SIZE.fullmatch(text.strip().lower())
    size = 0.0
    if found is not None:
        size = float(found["number"]) * (1024 if found["binary"] else 1000) ** _UNITS.index(found["unit"])
    if size < 1:
        raise QueryError(f"{text!r} is no size. Write it as 20GB, 500MB or 1.5TB.")
    return round(size)
