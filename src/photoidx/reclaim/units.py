"""What may go together: files of one shot, as units that are moved whole or not at all. Pure functions of records."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from photoidx.records import Kind

Row = Mapping[str, Any]
Place = tuple[str, str]
"""A shot, and a folder in which files of it lie."""
Beside = Callable[[str], Sequence[str]]
"""Returns the paths beside a file that bear its name and that the library does not know."""

_IDENTICAL, _SAME, _REJECTED = range(3)


@dataclass(frozen=True)
class Member:
    """A file of a unit. `content_id` is None for one that the library does not know, such as a program's notes."""

    path: str
    content_id: str | None
    size: int


@dataclass(frozen=True)
class Kept:
    """A file that must be there, byte for byte, for a unit to go."""

    path: str
    content_id: str


@dataclass(frozen=True)
class Unit:
    """Files that go together. `what`: duplicate or rejected. `regret`: what is lost with it; the lowest goes first."""

    what: str
    root: str
    reason: str
    members: tuple[Member, ...]
    kept: tuple[Kept, ...] = ()
    regret: tuple[float, ...] = (0.0,)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(member.size for member in self.members)


@dataclass(frozen=True)
class Staying:
    """A file that was to go, and why it stays."""

    path: str
    why: str


def find_units(
    files: Iterable[Row], groups: Iterable[Row], rejected: Collection[str], beside: Beside
) -> tuple[list[Unit], list[Staying]]:
    """Return the units that may go, those first that lose least, and what stays although it was to go.

    `files` are rows of the table (path, root, size, content_id, kind, shot_id), `groups` those of
    `Library.duplicates`, `rejected` shots.
    """
    rows = list(files)
    of_rejected = list(_of_rejected(rows, rejected, beside))
    gone = [each for each in of_rejected if isinstance(each, Unit)]
    taken = {member.path for unit in gone for member in unit.members}
    extra = {
        file["path"]: file for group in groups for file in group["files"] if file["extra"] and file["path"] not in taken
    }
    finder = _Duplicates(rows, extra, taken, beside)
    units, staying = finder.find()
    unclear = [each for each in of_rejected if isinstance(each, Staying)]
    return sorted([*gone, *units], key=_order), [*unclear, *staying]


def take(units: Sequence[Unit], goal: int | None) -> tuple[list[Unit], list[Unit]]:
    """Return the units to move until so many bytes are reached, and those that would come next."""
    if goal is None:
        return list(units), []
    total = 0
    for number, unit in enumerate(units):
        if total >= goal:
            return list(units[:number]), list(units[number:])
        total += unit.size
    return list(units), []


def _order(unit: Unit) -> tuple[Any, ...]:
    return *unit.regret, -unit.size, unit.members[0].path


def _of_rejected(rows: Iterable[Row], rejected: Collection[str], beside: Beside) -> Iterable[Unit | Staying]:
    """Return a unit for the files of each rejected shot, with what lies beside them by name, or why it stays.

    A copy in another folder and an edit are of the same shot. Whoever rejected one of them may count on the others, so
    only photos of one name in one folder go: a JPEG, and its RAW.
    """
    by_shot: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["shot_id"] in rejected:
            by_shot[row["shot_id"]].append(row)
    for _, own in sorted(by_shot.items()):
        photos = [row["path"] for row in own if row["kind"] == Kind.PHOTO.value]
        if len({(os.path.dirname(path), _stem(path)) for path in photos}) > 1:
            why = f"its shot has {len(photos)} photos, copies or edits: it is unclear which of them you rejected"
            yield from (Staying(path, why) for path in sorted(photos))
            continue
        root = next(row["root"] for row in own if not photos or row["path"] == photos[0])
        below = [row for row in own if row["root"] == root]
        below.sort(key=lambda row: (row["kind"] != Kind.PHOTO.value, row["path"]))
        paths = {row["path"] for row in below}
        notes = {path for row in below for path in beside(row["path"])} - paths
        members = (*map(_member, below), *(Member(path, None, 0) for path in sorted(notes)))
        yield Unit("rejected", root, "you rejected it", members, regret=(_REJECTED, 0.0))


class _Duplicates:
    """The extra files of groups of duplicates, with the files that belong to each."""

    def __init__(self, rows: Sequence[Row], extra: Mapping[str, Row], taken: Collection[str], beside: Beside) -> None:
        self._extra, self._taken, self._beside = extra, taken, beside
        self._row = {row["path"]: row for row in rows}
        self._places: dict[Place, list[Row]] = defaultdict(list)
        self._by_name: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in rows:
            self._places[_place(row)].append(row)
            if row["kind"] != Kind.PHOTO.value:
                self._by_name[os.path.dirname(row["path"]), _stem(row["path"])].append(row["path"])

    def find(self) -> tuple[list[Unit], list[Staying]]:
        """Return the units, and the extra files that stay."""
        units: list[Unit] = []
        staying: list[Staying] = []
        by_place: dict[Place, list[str]] = defaultdict(list)
        for path in sorted(self._extra):
            by_place[_place(self._row[path])].append(path)
        for place, paths in by_place.items():
            photos = [row["path"] for row in self._places[place] if row["kind"] == Kind.PHOTO.value]
            inside = [path for path in paths if _place(self._row[self._keeper(path)]) == place]
            if set(photos) == set(paths) and not inside:
                found = [self._unit(paths, self._places[place])]
            else:
                found = [self._unit([path], self._named_after(path, photos)) for path in inside]
                why = "another file of its shot stays"
                staying += [Staying(path, why) for path in paths if path not in inside]
            units += [each for each in found if isinstance(each, Unit)]
            staying += [each for each in found if isinstance(each, Staying)]
        return units, staying

    def _keeper(self, path: str) -> str:
        keeper: str = self._extra[path]["goes_for"]
        return keeper

    def _named_after(self, path: str, photos: Sequence[str]) -> list[Row]:
        """Return a photo and the files of its place that bear its name and that of no other photo there."""
        own = [row for row in self._places[_place(self._row[path])] if row["kind"] != Kind.PHOTO.value]
        others = {_stem(photo) for photo in photos if photo != path}
        mates = [row for row in own if row["path"].startswith(path + ".")]
        mates += [
            row for row in own if row not in mates and _stem(row["path"]) == _stem(path) and _stem(path) not in others
        ]
        return [self._row[path], *mates]

    def _unit(self, paths: Sequence[str], rows: Sequence[Row]) -> Unit | Staying:
        """Make a unit of these extra photos and the files that belong to them, or say why it stays."""
        keepers = [self._row[self._keeper(path)] for path in paths]
        first = paths[0]
        if any(row["path"] in self._extra or row["path"] in self._taken for row in keepers):
            return Staying(first, "the file that it goes for is to go, too")
        known = {row["path"] for row in rows}
        notes = [note for row in rows for note in self._beside(row["path"]) if note not in known]
        notes += [path for row in rows for path in self._of_name(row["path"], keepers) if path not in known]
        if notes:
            return Staying(first, f"{os.path.basename(notes[0])} lies beside it, and may belong to it")
        kept = [Kept(row["path"], row["content_id"]) for row in keepers]
        for row in rows:
            if row["path"] not in paths:
                twin = self._twin(row, keepers)
                if twin is None:
                    return Staying(first, f"{os.path.basename(row['path'])} belongs to it, and is nowhere else")
                kept.append(Kept(twin["path"], twin["content_id"]))
        told = [self._extra[path] for path in paths]
        regret = max(_SAME if row["kind"] != "identical" else _IDENTICAL for row in told)
        distance = max(row["distance"] or 0.0 for row in told)
        ordered = sorted(rows, key=lambda row: (row["path"] not in paths, row["path"]))
        words = f"{told[0]['reason']}; {keepers[0]['path']} stays"
        members = tuple(map(_member, ordered))
        root = self._row[first]["root"]
        return Unit("duplicate", root, words, members, tuple(dict.fromkeys(kept)), (regret, distance))

    def _of_name(self, path: str, keepers: Sequence[Row]) -> list[str]:
        """Return the films and sidecars beside a file that bear its name, but for those of a kept file."""
        places = {_place(keeper) for keeper in keepers}
        named = self._by_name[os.path.dirname(path), _stem(path)]
        return [each for each in named if _place(self._row[each]) not in places]

    def _twin(self, row: Row, keepers: Sequence[Row]) -> Row | None:
        """Return a file with the same bytes that belongs to one of the keepers and stays."""
        places = dict.fromkeys(_place(keeper) for keeper in keepers)
        for place in places:
            for other in self._places[place]:
                same = row["content_id"] is not None and other["content_id"] == row["content_id"]
                if same and other["path"] != row["path"] and other["path"] not in self._taken:
                    return other
        return None


def _member(row: Row) -> Member:
    return Member(row["path"], row["content_id"], row["size"] or 0)


def _place(row: Row) -> Place:
    return row["shot_id"] or f"path {row['path']}", os.path.dirname(row["path"])


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]
