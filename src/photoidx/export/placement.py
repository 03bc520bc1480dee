"""Which sidecar a photo is given: the one that it has, or a new one, by the naming that is asked for.

    as-found    the sidecar that is there; a new one is named as the others of its folder, else as Adobe's
    adobe       IMG_1.xmp, for the RAW and the JPEG of one press together
    darktable   IMG_1.CR3.xmp and IMG_1.JPG.xmp, one for each file

IMG_1.xmp is used only where all files of that stem are of one shot: it would speak for all of them.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from photoidx.export.known import Photo
from photoidx.indexer.shots.fold import fold
from photoidx.indexer.shots.sidecar_names import FolderNames, Spoken, adobe_name, darktable_name
from photoidx.records import Kind, format_of, kind_of

Naming = Literal["as-found", "adobe", "darktable"]
_ORDER = {"full": 0, "stem": 1, "version": 2}


@dataclass(frozen=True)
class Target:
    """A sidecar, that is there or not, and the photos for which it speaks. `others` are more sidecars of theirs."""

    path: str
    photos: tuple[Photo, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Folder:
    """What lies in a folder: its photos, for each its sidecars, of which shots the files of a stem are, and a style."""

    photos: frozenset[str]
    sidecars: Mapping[str, Sequence[tuple[str, Spoken]]]
    shots: Mapping[str, frozenset[str]]
    style: Literal["stem", "full"] | None

    def sidecars_of(self, photo: Photo) -> list[tuple[str, Spoken]]:
        """Return the sidecars that speak for a photo, but for those of darktable's versions."""
        found = self.sidecars.get(os.path.basename(photo.path), ())
        return [each for each in found if each[1].form == "full" or (each[1].form == "stem" and self.is_one(photo))]

    def is_one(self, photo: Photo) -> bool:
        """Return whether all files of a photo's stem are of one shot."""
        return len(self.shots[_stem(photo.path)]) == 1


def by_folder(photos: Iterable[Photo]) -> dict[str, list[Photo]]:
    """Return photos by the folder that they lie in, in the order of paths."""
    folders: dict[str, list[Photo]] = defaultdict(list)
    for photo in sorted(photos, key=lambda photo: photo.path):
        folders[os.path.dirname(photo.path)].append(photo)
    return folders


def targets(path: str, photos: Sequence[Photo], naming: Naming, shot_of: Mapping[str, str]) -> list[Target]:
    """Return the sidecars of photos of one folder, which is listed. `shot_of` has all photos of the library.

    Raises OSError if the folder can't be listed. Photos that are not there now are left out.
    """
    folder = _look(path, shot_of)
    speaks: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        if os.path.basename(photo.path) in folder.photos:
            speaks[_name(folder, photo, naming)].append(photo)
    result = []
    for name, members in sorted(speaks.items()):
        members.sort(key=lambda photo: (not photo.is_raw, photo.path))
        others = dict.fromkeys(each for photo in members for each, _ in folder.sidecars_of(photo) if each != name)
        paths = tuple(os.path.join(path, each) for each in others)
        result.append(Target(os.path.join(path, name), tuple(members), paths))
    return result


def _look(path: str, shot_of: Mapping[str, str]) -> _Folder:
    names = sorted(os.listdir(path))
    kinds = {name: kind_of(file_format) for name in names if (file_format := format_of(name)) is not None}
    speaking = FolderNames(name for name, kind in kinds.items() if kind is not Kind.SIDECAR)
    sidecars: dict[str, list[tuple[str, Spoken]]] = defaultdict(list)
    forms: Counter[str] = Counter()
    for name, kind in kinds.items():
        found = speaking.spoken_for(name) if kind is Kind.SIDECAR else None
        if found is not None:
            forms["stem" if found.form == "stem" else "full"] += 1
            for photo in found.photos:
                sidecars[photo].append((name, found))
    for each in sidecars.values():
        each.sort(key=lambda one: (_ORDER[one[1].form], one[0]))
    shots: dict[str, set[str]] = defaultdict(set)
    here = frozenset(name for name, kind in kinds.items() if kind is Kind.PHOTO)
    for name in here:
        shots[_stem(name)].add(shot_of.get(os.path.join(path, name), name))
    style: Literal["stem", "full"] | None = None
    if forms:
        style = "stem" if forms["stem"] >= forms["full"] else "full"
    return _Folder(here, sidecars, {stem: frozenset(each) for stem, each in shots.items()}, style)


def _stem(path: str) -> str:
    return fold(os.path.splitext(os.path.basename(path))[0])


def _name(folder: _Folder, photo: Photo, naming: Naming) -> str:
    """Return the name of the sidecar that a photo is given."""
    base = os.path.basename(photo.path)
    there = {found.form: name for name, found in reversed(folder.sidecars_of(photo))}
    if naming == "as-found":
        if there:
            return there.get("full") or there["stem"]
        naming = "darktable" if folder.style == "full" else "adobe"
    if naming == "adobe" and folder.is_one(photo):
        return there.get("stem") or adobe_name(base)
    return there.get("full") or darktable_name(base)
