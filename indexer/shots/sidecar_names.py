"""Which photo a sidecar speaks for, by its name, and what a photo's sidecar is called. Pure functions of names.

    IMG_1.xmp          photos of the stem IMG_1, whatever their suffix (Lightroom, Capture One)
    IMG_1.jpg.xmp      IMG_1.jpg alone (darktable, digiKam)
    IMG_1_01.jpg.xmp   IMG_1.jpg alone: darktable's version 1 of it

Names are those of one folder. They are compared without case and in one form of Unicode, as `fold` makes it. What is
there decides: `photo.raw.xmp` is of the stem `photo.raw` if there is a `photo.raw.jpg` and no `photo.raw`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from photoidx.indexer.shots.fold import fold

Form = Literal["full", "version", "stem"]
_SUFFIX = ".xmp"
_VERSION = re.compile(r"_(\d{2,})(?=\.[^.]+$)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a sidecar speaks for: the names of the photos, as they were given, and the form of its name that says so.

    Forms "full" and "version" are about exactly one photo. A "stem" may have several, as a RAW and its JPEG; which of
    them are meant is the reader's to say. `version` is darktable's number, 0 for the photo's own.
    """

    photos: tuple[str, ...]
    form: Form
    version: int = 0


class FolderNames:
    """The names of the photos (and films) of one folder, to be asked for sidecars. Building costs one pass."""

    def __init__(self, photos: Iterable[str]) -> None:
        """Note the names of the folder's photos and films."""
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for name in photos:
            folded = fold(name)
            self._by_name[folded].append(name)
            self._by_stem[folded.rpartition(".")[0] or folded].append(name)

    def spoken_for(self, sidecar: str) -> Spoken | None:
        """Return what a sidecar of this name speaks for; None if no photo here is meant, or it is no XMP."""
        folded = fold(sidecar)
        if not folded.endswith(_SUFFIX):
            return None
        named = folded.removesuffix(_SUFFIX)
        full = self._same_case_first(self._by_name.get(named, ()), sidecar)
        if full:
            return Spoken(full[:1], "full")
        stem = self._by_stem.get(named, ())
        if stem:
            return Spoken(tuple(stem), "stem")
        version = _VERSION.search(named)
        if version:
            own = self._by_name.get(named[: version.start()] + named[version.end() :], ())
            if own:
                return Spoken(tuple(own[:1]), "version", int(version[1]))
        return None

    @staticmethod
    def _same_case_first(names: Iterable[str], sidecar: str) -> tuple[str, ...]:
        """Put the photo first that is spelt as the sidecar spells it: a disk may have IMG_1.jpg and IMG_1.JPG."""
        return tuple(sorted(names, key=lambda name: not sidecar.startswith(name + ".")))


def sidecars_of(photo: str, sidecars: Iterable[str], photos: Iterable[str]) -> list[tuple[str, Spoken]]:
    """Return which of a folder's sidecars speak for a photo: full names first, then stems, then versions in order.

    `photos` are the names of all photos of the folder, the one that is asked for among them.
    """
    folder = FolderNames(photos)
    found = [(name, spoken) for name in sidecars if (spoken := folder.spoken_for(name)) and photo in spoken.photos]
    order = {"full": 0, "stem": 1, "version": 2}
    return sorted(found, key=lambda each: (order[each[1].form], each[1].version, each[0]))


def adobe_name(photo: str) -> str:
    """Return what Lightroom, Camera Raw and Capture One call a photo's sidecar: IMG_1.xmp."""
    stem, dot, _ = photo.rpartition(".")
    return (stem if dot and stem else photo) + _SUFFIX


def darktable_name(photo: str, version: int = 0) -> str:
    """Return what darktable and digiKam call it: IMG_1.jpg.xmp, or IMG_1_01.jpg.xmp for darktable's version 1."""
    if not version:
        return photo + _SUFFIX
    stem, dot, suffix = photo.rpartition(".")
    return f"{stem}_{version:02d}.{suffix}{_SUFFIX}" if dot and stem else f"{photo}_{version:02d}{_SUFFIX}"
