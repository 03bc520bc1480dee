"""PhotoTriage (Chang et al., "Automatic Triage for a Photo Series", SIGGRAPH 2016): which of two photos people keep.

`*_pairlist.txt` has a line for each pair: SERIES PHOTO1 PHOTO2 PREFERENCE_RATIO_1_OVER_2 RANK1 RANK2. The ratio is the
share of people who prefer photo 1. **RANK1 is the rank of photo 1 in its series, 1 being the best; it is not the
winner.** Who takes it for the winner's number trains on noise, so ranks are held against ratios here. The review files
(JSON) do not agree with the list and are not read.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from photoidx.evaluation.datasets.findings import Finding, Findings, photo_files, refuse, twice

_COLUMNS = 6
EVEN = 0.5
CLEAR = 0.7
"""From this share of people on one side a pair counts as clear (Chang et al. 2016)."""
MOST_CONTRADICTED = 0.01
"""Share of the pairs whose ranks may say otherwise than their ratios. In the published lists (12,075 and 483 pairs)
they agree in all 12,466 pairs that are decided. Where "photo 1 wins" was read from RANK1 == PHOTO1, simulated series
of 3, 4, 5 and 8 photos contradict in 26, 36, 40 and 45 % of the pairs; where a higher rank was taken for the better
one, in all."""


@dataclass(frozen=True)
class PreferencePair:
    """Two photos of a series and how many of the people who were asked prefer the first, 0 to 1."""

    split: str
    series: int
    first: str
    second: str
    preference: float
    ranks: tuple[int, int]

    @property
    def agreement(self) -> float:
        """The share of people on the side of the majority, 0.5 to 1."""
        return max(self.preference, 1 - self.preference)


@dataclass(frozen=True)
class PhotoTriage:
    """The pairs whose two photos are there, with what was found wrong."""

    folder: Path
    pairs: tuple[PreferencePair, ...]
    findings: tuple[Finding, ...]

    def split(self, name: str) -> tuple[PreferencePair, ...]:
        """Return the pairs of one list: train, val, test, or what stands before `_pairlist.txt`."""
        return tuple(pair for pair in self.pairs if pair.split == name)

    def checked(self) -> PhotoTriage:
        """Return the set itself, or raise DataSetError with everything that makes it unfit."""
        refuse(self.folder, self.findings)
        return self


@dataclass(frozen=True)
class _Line:
    where: str
    split: str
    series: int
    photos: tuple[int, int]
    ratio: float
    ranks: tuple[int, int]

    @property
    def names(self) -> tuple[str, str]:
        first, second = (f"{self.series:06d}-{photo:02d}.JPG" for photo in self.photos)
        return first, second


def read_phototriage(folder: Path) -> PhotoTriage:
    """Read all pair lists below a folder, and look for the photos that they name wherever they lie below it."""
    findings = Findings(folder)
    # Hidden ones are what macOS puts beside a file in an archive.
    lists = sorted(path for path in Path(folder).rglob("*_pairlist.txt") if not path.name.startswith("."))
    if not lists:
        findings.add("there is no *_pairlist.txt")
    lines = [line for path in lists for line in _lines(path, findings)]
    if lists and not lines:
        findings.add("the pair lists have no pair")
    _check_lines(lines, findings)
    files = photo_files(folder, findings)
    findings.each("photos that lie there twice", twice(files))
    paths = {name.upper(): places[0] for name, places in files.items()}
    named = {name for line in lines for name in line.names}
    findings.each("photos that are not there", sorted(name for name in named if name not in paths))
    unused = sorted(set(paths).difference(named)) if named else []
    findings.each("photos in no pair", unused, fatal=False)
    pairs = [
        PreferencePair(line.split, line.series, paths[line.names[0]], paths[line.names[1]], line.ratio, line.ranks)
        for line in lines
        if paths.keys() >= set(line.names)
    ]
    return PhotoTriage(folder, tuple(pairs), tuple(findings.found))


def _lines(path: Path, findings: Findings) -> Iterable[_Line]:
    split = path.name.removesuffix("_pairlist.txt")
    unread = []
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        words = text.split("#", 1)[0].split()
        if not words:
            continue
        where = f"{path.name}:{number}"
        try:
            one, two, three, ratio, five, six = words
            series, first, second, best, other = map(int, (one, two, three, five, six))
            lines.append(_Line(where, split, series, (first, second), float(ratio), (best, other)))
        except ValueError:
            unread.append(where)
    findings.each(f"lines that are not {_COLUMNS} numbers: series, photo, photo, ratio, rank, rank", unread)
    return lines


def _check_lines(lines: Sequence[_Line], findings: Findings) -> None:
    # `not (0 <= ...)` is true for NaN, too.
    findings.each("ratios that are no share, 0 to 1", [x.where for x in lines if not 0 <= x.ratio <= 1])
    findings.each("a photo paired with itself", [x.where for x in lines if x.photos[0] == x.photos[1]])
    findings.each("ranks below 1", [x.where for x in lines if min(x.ranks) < 1])
    seen: dict[tuple[int, int, int], str] = {}
    again = []
    for line in lines:
        key = (line.series, min(line.photos), max(line.photos))
        if key in seen:
            again.append(f"{line.where} and {seen[key]}")
        seen.setdefault(key, line.where)
    findings.each("pairs that stand there twice", again)
    splits: dict[int, set[str]] = defaultdict(set)
    for line in lines:
        splits[line.series].add(line.split)
    findings.each("series in more than one list", sorted(each for each, names in splits.items() if len(names) > 1))
    _check_ranks(lines, findings)


def _check_ranks(lines: Sequence[_Line], findings: Findings) -> None:
    ranks: dict[tuple[int, int], set[int]] = defaultdict(set)
    for line in lines:
        for photo, rank in zip(line.photos, line.ranks, strict=True):
            ranks[line.series, photo].add(rank)
    torn = sorted(f"{series:06d}-{photo:02d}.JPG" for (series, photo), found in ranks.items() if len(found) > 1)
    findings.each("photos with different ranks in different pairs: the columns are no ranks", torn)
    told = [line for line in lines if line.ratio != EVEN and line.ranks[0] != line.ranks[1]]
    against = [line.where for line in told if (line.ratio > EVEN) != (line.ranks[0] < line.ranks[1])]
    if len(against) > MOST_CONTRADICTED * len(told):
        share = f"in {len(against):,} of {len(told):,} pairs"
        findings.add(
            f"ranks and ratios contradict each other {share}: RANK1 is the rank of photo 1 (1 is the best), not the "
            "winner; take the file as it was published",
            against,
        )
    else:
        findings.each("pairs whose ranks say otherwise than their ratio", against, fatal=False)


def majority_accuracy(pairs: Sequence[PreferencePair]) -> float:
    """Return the share of pairs that are right if the photo with the lower number is always (or never) the better.

    The better of the two constant answers: what can be reached without looking. Even pairs count as half.
    """
    return majority([pair.preference for pair in map(_in_order, pairs)])


def majority(preferences: Sequence[float]) -> float:
    """Return the better of the two constant answers: that the first is always preferred, or never."""
    wins = sum(credit(each, 1) for each in preferences) / max(1, len(preferences))
    return max(wins, 1 - wins) if preferences else 0.0


def credit(preference: float, difference: float) -> float:
    """Return 1 if a score differs as people prefer, 0 if it does not; half where either is undecided, or not known."""
    if preference == EVEN or not difference or math.isnan(difference):
        return EVEN
    return float((preference > EVEN) == (difference > 0))


def _in_order(pair: PreferencePair) -> PreferencePair:
    if os.path.basename(pair.first) <= os.path.basename(pair.second):
        return pair
    swapped = 1 - pair.preference
    return PreferencePair(pair.split, pair.series, pair.second, pair.first, swapped, pair.ranks[::-1])
