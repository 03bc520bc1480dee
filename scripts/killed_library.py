"""What a scan left that was killed: how far it had come, and whether everything that was ever committed is there."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from photoidx.errors import LibraryNotFoundError, PhotoidxError
from photoidx.maintenance.doctor import Repair, examine, key_columns
from photoidx.records import text_path
from photoidx.storage.schema import BURSTS, DECISIONS, FILES, META, PENDING, SCANS
from photoidx.storage.tables import Tables

PHASES = (
    "making the library",
    "starting: imports, walk, plan",
    "reading, decoding, measuring",
    "a commit of results",
    "after a commit: more photos, or tying shots",
    "merging small files, then grouping bursts",
    "after the last write",
)
_LATE = {SCANS.name, META.name, FILES.name, BURSTS.name, DECISIONS.name, "quality"}  # quality grows when it is made


@dataclass
class Harm:
    """What must not be: rows that were committed or that the ledger claims, rows twice, and what can't be read."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.unreadable)


class Looker:
    """A library between kills: it remembers which versions it has seen, and which were the newest."""

    def __init__(self, uri: Path) -> None:
        self.uri = str(uri)
        self._seen: dict[str, int] = {}
        self._is_made = False

    def look(self, held: Sequence[str]) -> tuple[str, Harm]:
        """Return the phase in which the last scan ended, and the harm. `held` are the paths that are on disk."""
        harm = Harm()
        try:
            tables = Tables(self.uri)
            newest = {name: tables.newest(name) for name in tables.names()}
        except LibraryNotFoundError as error:
            if self._is_made:
                harm.unreadable.append(str(error))
            return PHASES[0], harm
        except PhotoidxError as error:
            harm.unreadable.append(str(error))
            return PHASES[0], harm
        self._is_made = True
        for each in (each for each in examine(tables) if each.is_fault):
            if each.repair is Repair.FORGET_RESULTS:
                harm.lost += [f"{each.table} {row}" for row in each.rows]
            elif each.repair is not Repair.DROP_ROWS:  # rows that are there twice are counted below
                harm.unreadable.append(f"{each.table}: {each.words}")
        if harm.unreadable:
            return PHASES[0], harm
        there = {os.fsencode(path) for path in held}
        for name, number in newest.items():
            keys = self._keys(tables, name, number)
            harm.doubled += [f"{name} {key}" for key, count in keys.items() if count > 1]
            for earlier in range(self._seen.get(name, 1), number):
                gone = self._keys(tables, name, earlier).keys() - keys.keys()
                harm.lost += [f"{name} {key}" for key in gone if _must_stay(name, key, there)]
        phase = self._phase(tables, newest)
        self._seen = newest
        return phase, harm

    @staticmethod
    def _keys(tables: Tables, name: str, version: int) -> Counter[tuple[Any, ...]]:
        key = key_columns(tables.schema(name, version))
        return Counter(row for batch in tables.batches(name, version) for row in _rows(batch.select(key)))

    def _phase(self, tables: Tables, newest: dict[str, int]) -> str:
        def changed(names: set[str]) -> bool:
            return any(newest[name] != self._seen.get(name, 1) for name in names)

        scans = _all_rows(tables, SCANS.name, newest.get(SCANS.name))
        if not scans:
            return PHASES[0]
        if not changed({SCANS.name}):
            return PHASES[1]
        if max(scans, key=lambda row: str(row["scan_id"]))["status"] == "running":
            if changed({FILES.name}):
                return PHASES[4]
            return PHASES[3] if changed(newest.keys() - _LATE) else PHASES[2]
        facts = {row["name"]: row["value"] for row in _all_rows(tables, META.name, newest[META.name])}
        return PHASES[5] if facts.get(PENDING) == "yes" else PHASES[6]


def _all_rows(tables: Tables, name: str, version: int | None) -> list[dict[str, Any]]:
    return [] if version is None else [row for batch in tables.batches(name, version) for row in batch.to_pylist()]


def _rows(batch: Any) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _must_stay(table: str, key: tuple[Any, ...], there: set[bytes]) -> bool:
    """Return whether no scan may take a row out: only files that are gone go, and groups are made anew."""
    if table == FILES.name:
        return os.fsencode(text_path(key[0])) in there
    return table != BURSTS.name
