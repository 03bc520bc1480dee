"""Photos in groups of which each shows one thing: the data sets of retrieval, whatever their layout on disk."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from photoidx.errors import PhotoidxError
from photoidx.evaluation.datasets.findings import Finding, Findings, is_photo, photo_files, refuse, twice
from photoidx.evaluation.datasets.tables import classes_of_folders, labelled_rows

UKBENCH_GROUP = 4
PUBLISHED_PHOTOS = {"ukbench": 10_200, "holidays": 1_491}
PROTOCOLS = ("official", "all")
"""Which photos of INRIA Holidays ask: those whose number ends in 00, or each one."""
_UKBENCH_NAME = re.compile(r"ukbench(\d{5})\.jpe?g", re.IGNORECASE)
_HOLIDAYS_NAME = re.compile(r"(\d{6})\.jpe?g", re.IGNORECASE)
_FEWEST_GROUPS = 2


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo, the group whose other photos are the right answers to it, and whether it is asked."""

    path: str
    group: str
    is_query: bool = True


@dataclass(frozen=True)
class LabelledSet:
    """The photos of a data set, in the order of their paths, and what was found wrong with it."""

    layout: str
    folder: Path
    photos: tuple[LabelledPhoto, ...]
    findings: tuple[Finding, ...]
    protocol: str = "all"

    @property
    def group_sizes(self) -> Counter[str]:
        """How many photos each group has."""
        return Counter(photo.group for photo in self.photos)

    def checked(self) -> LabelledSet:
        """Return the set itself, or raise DataSetError with everything that makes it unfit."""
        refuse(self.folder, self.findings)
        return self


def _finished(layout: str, photos: Sequence[LabelledPhoto], findings: Findings, protocol: str = "all") -> LabelledSet:
    """Note what no layout may be: empty, of one group, or without a question that has an answer."""
    sizes = Counter(photo.group for photo in photos)
    if not photos:
        findings.add(f"there is no photo of the layout {layout}")
    elif len(sizes) < _FEWEST_GROUPS:
        findings.add("all photos are of one group: there is nothing to tell apart")
    elif not any(photo.is_query and sizes[photo.group] > 1 for photo in photos):
        findings.add("no query has another photo of its group: nothing can be found")
    published = PUBLISHED_PHOTOS.get(layout, 0)
    if photos and len(photos) < published:
        part = f"this is a part of the published set: {len(photos):,} of {published:,} photos"
        findings.add(f"{part}; figures do not compare with published ones", fatal=False)
    ordered = tuple(sorted(photos, key=lambda photo: photo.path))
    return LabelledSet(layout, findings.folder, ordered, tuple(findings.found), protocol)


def _numbered(folder: Path, pattern: re.Pattern[str], findings: Findings) -> dict[int, str]:
    """Return the path of each number that a file's name carries; note names of another form and numbers twice."""
    by_name = photo_files(folder, findings)
    findings.each("files that lie there twice", twice(by_name))
    matched = {name: pattern.fullmatch(name) for name in by_name}
    findings.each("photos with another name, left out", sorted(n for n, m in matched.items() if not m), fatal=False)
    found: dict[int, str] = {}
    clashes = []
    for name, match in sorted(matched.items()):
        if match and int(match[1]) in found:
            clashes.append(name)
        elif match:
            found[int(match[1])] = by_name[name][0]
    findings.each("numbers that two files carry", clashes)
    return found


def read_ukbench(folder: Path) -> LabelledSet:
    """Read UKBench (Nister and Stewenius 2006): ukbench00000.jpg and on, four consecutive numbers an object.

    Objects that lack photos are fatal where photos of theirs stand before the last number, since the N-S score is out
    of 4; a last object that is cut short, as in a sample of the set, is left out and told.
    """
    findings = Findings(folder)
    numbers = _numbered(folder, _UKBENCH_NAME, findings)
    last = max(numbers, default=0) // UKBENCH_GROUP
    objects: dict[int, list[int]] = defaultdict(list)
    for number in sorted(numbers):
        objects[number // UKBENCH_GROUP].append(number)
    short = {key: members for key, members in objects.items() if len(members) < UKBENCH_GROUP}
    findings.each(
        "photos that their objects lack",
        [
            f"ukbench{number:05d}.jpg"
            for key, members in short.items()
            if key != last
            for number in range(UKBENCH_GROUP * key, UKBENCH_GROUP * key + UKBENCH_GROUP)
            if number not in members
        ],
    )
    cut = short.get(last, [])
    findings.each("photos of a last object that is cut short, left out", [numbers[n] for n in cut], fatal=False)
    if objects:
        absent = [f"object {key}" for key in range(last) if key not in objects]
        findings.each("objects of which no photo is there", absent, fatal=False)
    photos = [
        LabelledPhoto(numbers[number], f"object {key:05d}")
        for key, members in objects.items()
        if key not in short
        for number in members
    ]
    return _finished("ukbench", photos, findings)


def read_holidays(folder: Path, protocol: str = "official") -> LabelledSet:
    """Read INRIA Holidays (Jegou et al. 2008): 100000.jpg and on; the first four digits are the group.

    By the official protocol the photo of each group whose number ends in 00 asks, by `all` each photo does.
    """
    if protocol not in PROTOCOLS:
        raise PhotoidxError(f"Unknown protocol {protocol!r}; known are {', '.join(PROTOCOLS)}.")
    findings = Findings(folder)
    numbers = _numbered(folder, _HOLIDAYS_NAME, findings)
    groups: dict[int, list[int]] = defaultdict(list)
    for number in sorted(numbers):
        groups[number // 100].append(number % 100)
    headless = [f"{key}00.jpg" for key, members in groups.items() if members[0] != 0]
    findings.each("queries (numbers that end in 00) that their groups lack", headless, fatal=protocol == "official")
    gaps = [
        f"{key:04d}{place:02d}.jpg"
        for key, members in groups.items()
        for place in range(1, max(members))
        if place not in members
    ]
    findings.each("numbers that are not there within their groups", gaps, fatal=False)
    alone = [f"{key}{members[0]:02d}.jpg" for key, members in groups.items() if len(members) == 1]
    official = protocol == "official"
    findings.each(f"{'queries' if official else 'photos'} without another photo of their group", alone, fatal=official)
    photos = [
        LabelledPhoto(path, f"group {number // 100}", protocol == "all" or number % 100 == 0)
        for number, path in numbers.items()
    ]
    return _finished("holidays", photos, findings, protocol)


def read_folders(folder: Path) -> LabelledSet:
    """Read a folder of folders: photos of one folder, however deep, are a group. Photos beside the folders are told."""
    findings = Findings(folder)
    paths = [path for places in photo_files(folder, findings).values() for path in places]
    classes = classes_of_folders(folder, paths)
    findings.each("photos in no folder, left out", sorted(set(paths).difference(classes)), fatal=False)
    groups = Counter(classes.values())
    alone = sorted(of for of, count in groups.items() if count == 1)
    findings.each("folders with a single photo, which is never asked", alone, fatal=False)
    photos = [LabelledPhoto(path, of, groups[of] > 1) for path, of in classes.items()]
    return _finished("folders", photos, findings)


def read_table(table: Path) -> LabelledSet:
    """Read a CSV file with a column of paths, from its own folder, and one of labels.

    Raises PhotoidxError if the file can't be read or has no such columns.
    """
    findings = Findings(table)
    labels: dict[str, str] = {}
    unlabelled: list[str] = []
    clashing: list[str] = []
    repeated: list[str] = []
    for name, label in labelled_rows(table):
        path = os.path.abspath(table.parent / name)
        if not name or not label:
            unlabelled.append(name or "a line without a path")
        elif path in labels:
            (repeated if labels[path] == label else clashing).append(name)
        else:
            labels[path] = label
    findings.each("lines without a path or a label", unlabelled)
    findings.each("photos with two labels", clashing)
    findings.each("photos that are named twice", repeated, fatal=False)
    findings.each("files that are not there", sorted(path for path in labels if not os.path.isfile(path)))
    there = {path: of for path, of in labels.items() if os.path.isfile(path)}
    findings.each("files that are no photos, by their names", sorted(path for path in there if not is_photo(path)))
    findings.each("empty files", sorted(path for path in there if not os.path.getsize(path)))
    groups = Counter(there.values())
    alone = sorted(of for of, count in groups.items() if count == 1)
    findings.each("labels with a single photo, which is never asked", alone, fatal=False)
    photos = [LabelledPhoto(path, of, groups[of] > 1) for path, of in there.items() if is_photo(path)]
    return _finished("csv", photos, findings)


def _one_table(place: Path) -> Path:
    """Return the table that is meant: the file itself, or the only CSV file of a folder."""
    if place.is_file():
        return place
    tables = sorted(place.glob("*.csv"))
    if len(tables) != 1:
        raise PhotoidxError(f"{place} has {len(tables)} CSV files: name the one with the labels itself.")
    return tables[0]


_READERS: Mapping[str, Callable[[Path, str], LabelledSet]] = {
    "ukbench": lambda folder, _protocol: read_ukbench(folder),
    "holidays": read_holidays,
    "folders": lambda folder, _protocol: read_folders(folder),
    "csv": lambda place, _protocol: read_table(_one_table(place)),
}
LAYOUTS = tuple(_READERS)


def read(layout: str, place: Path, protocol: str = "official") -> LabelledSet:
    """Read a labelled set of a layout, as `LAYOUTS` lists them; only Holidays has protocols. Raises PhotoidxError."""
    if layout not in _READERS:
        raise PhotoidxError(f"Unknown layout {layout!r}; known are {', '.join(LAYOUTS)}.")
    if layout != "csv" and not place.is_dir():
        raise PhotoidxError(f"{place} is no folder. Name the folder of the data set.")
    return _READERS[layout](place, protocol)
