"""AVA (Murray, Marchesotti and Perronnin, CVPR 2012): how many people gave a photo each rating from 1 to 10."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photoidx.evaluation.datasets.findings import Finding, Findings, photo_files, refuse, twice

RATINGS = 10
_COLUMNS = 2 + RATINGS + 2 + 1


@dataclass(frozen=True)
class RatedPhoto:
    """A photo with the counts of its ratings 1 to 10, the ids of up to two tags, and of its challenge."""

    path: str
    image_id: int
    votes: tuple[int, ...]
    tags: tuple[int, ...]
    challenge: int

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of each rating, of sum 1."""
        whole = sum(self.votes)
        return tuple(vote / whole for vote in self.votes)

    @property
    def mean(self) -> float:
        """The mean rating, 1 to 10."""
        return float(np.dot(self.shares, np.arange(1, RATINGS + 1)))


@dataclass(frozen=True)
class Ava:
    """The photos that are there and were rated, with what was found wrong."""

    folder: Path
    photos: tuple[RatedPhoto, ...]
    findings: tuple[Finding, ...]

    def checked(self) -> Ava:
        """Return the set itself, or raise DataSetError with everything that makes it unfit."""
        refuse(self.folder, self.findings)
        return self


def read_ava(folder: Path) -> Ava:
    """Read AVA.txt below a folder, and the photos ID.jpg wherever they lie below it.

    A line has an index, the photo's id, ten counts, two tags (0 for none) and a challenge. Photos that are not there
    are told and left out: no copy of the set is whole. That is fatal only where none is there.
    """
    findings = Findings(folder)
    tables = sorted(Path(folder).rglob("AVA.txt"))
    if len(tables) != 1:
        findings.add(f"there {'is no' if not tables else 'is more than one'} AVA.txt", tables)
    rows = _rows(tables[0], findings) if tables else {}
    files = photo_files(folder, findings)
    files = {name: places for name, places in files.items() if name.lower().endswith((".jpg", ".jpeg"))}
    findings.each("photos that lie there twice", twice(files))
    paths = {os.path.splitext(name)[0]: places[0] for name, places in files.items()}
    missing = [f"{image_id}.jpg" for image_id in rows if str(image_id) not in paths]
    findings.each("photos that are not there", missing, fatal=len(missing) == len(rows))
    unrated = sorted(stem for stem in paths if not stem.isdecimal() or int(stem) not in rows)
    findings.each("photos that AVA.txt does not name", unrated if rows else (), fatal=False)
    photos = [
        RatedPhoto(paths[str(image_id)], image_id, row[:RATINGS], tuple(tag for tag in row[RATINGS:-1] if tag), row[-1])
        for image_id, row in rows.items()
        if str(image_id) in paths
    ]
    return Ava(folder, tuple(photos), tuple(findings.found))


def _rows(table: Path, findings: Findings) -> dict[int, tuple[int, ...]]:
    """Return for each photo's id its counts, tags and challenge; lines that are wrong are noted and left out."""
    rows: dict[int, tuple[int, ...]] = {}
    unread, negative, unrated, again = [], [], [], []
    for number, words in _lines(table):
        where = f"{table.name}:{number}"
        try:
            values = tuple(map(int, words))
        except ValueError:
            values = ()
        if len(values) != _COLUMNS:
            unread.append(where)
        elif min(values[2 : 2 + RATINGS]) < 0:
            negative.append(where)
        elif not sum(values[2 : 2 + RATINGS]):
            unrated.append(where)
        elif values[1] in rows:
            again.append(where)
        else:
            rows[values[1]] = values[2:]
    findings.each(f"lines that are not {_COLUMNS} whole numbers", unread)
    findings.each("counts of votes below 0", negative)
    findings.each("photos without a vote", unrated)
    findings.each("photos that are rated twice", again)
    if not (rows or unread or negative or unrated):
        findings.add("AVA.txt is empty")
    return rows


def _lines(table: Path) -> Iterable[tuple[int, list[str]]]:
    with table.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if words := line.split():
                yield number, words
