"""Which photo one of Google Takeout's JSON files is about, by its name. Pure functions of names.

    IMG_1.jpg.supplemental-metadata.json       IMG_1.jpg
    IMG_1.jpg.json                             IMG_1.jpg, in older archives
    IMG_1.jpg.supplemental-metadata(2).json    IMG_1(2).jpg: the number stands elsewhere
    IMG_1.jpg(2).json                          IMG_1(2).jpg
    a-name-of-many-letters.jpg.supplem.json    cut to 46 characters before `.json`, in the middle of whatever is there

The names of the photos themselves are cut, too, to 47 characters before their suffix.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from photoidx.indexer.shots.fold import fold

_SUFFIX = ".json"
_SUPPLEMENT = ".supplemental-metadata"
_CUT = 46  # characters before `.json`, without the number in brackets
_START = 40  # characters that a cut name and the whole one share
_FILMS = frozenset(("mov", "mp4", "mp", "m4v"))
_NUMBER = re.compile(r"\((\d{1,4})\)$")
_NUMBER_OF_PHOTO = re.compile(r"\((\d{1,4})\)(?=\.[^.]+$|$)")


class TakeoutNames:
    """The names of the photos and films of one folder, to be asked for Takeout's JSON files."""

    def __init__(self, photos: Iterable[str]) -> None:
        """Note the names. Each is known by its number and by what it is without."""
        self._plain: dict[str, str] = {}
        self._numbered: dict[tuple[str, str], str] = {}
        self._by_start: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for name in sorted(photos, key=lambda each: (fold(each).rpartition(".")[2] in _FILMS, each)):
            folded = fold(name)
            number = _NUMBER_OF_PHOTO.search(folded)
            bare = folded[: number.start()] + folded[number.end() :] if number else folded
            count = number[1] if number else ""
            for key in (folded, folded.rpartition(".")[0]):
                self._plain.setdefault(key, name)
            for key in (bare, bare.rpartition(".")[0]):
                self._numbered.setdefault((key, count), name)
            self._by_start[bare[:_START]].append((bare, count, name))

    def photo_of(self, sidecar: str) -> str | None:
        """Return the photo that a JSON file of this name is about; None if there is none, or more than one."""
        folded = fold(sidecar)
        if not folded.endswith(_SUFFIX):
            return None
        stem = folded.removesuffix(_SUFFIX)
        number = _NUMBER.search(stem)
        count, bare = (number[1], stem[: number.start()]) if number else ("", stem)
        title = _without_supplement(bare)
        for key in dict.fromkeys((title, bare)):
            found = self._numbered.get((key, count)) or self._plain.get(key if not count else f"{key}({count})")
            if found is not None:
                return found
        if count and stem in self._plain:
            return self._plain[stem]
        return self._cut(bare, count) if len(bare) >= _CUT else None

    def _cut(self, bare: str, count: str) -> str | None:
        found = [
            name
            for whole, own, name in self._by_start.get(bare[:_START], ())
            if own == count and (whole.startswith(bare) or (whole + _SUPPLEMENT).startswith(bare))
        ]
        stems = {fold(name).rpartition(".")[0] for name in found}
        return found[0] if len(stems) == 1 else None


def _without_supplement(bare: str) -> str:
    """Take away `.supplemental-metadata`, or as much of it as is left."""
    title, dot, tail = bare.rpartition(".")
    return title if dot and title and tail and _SUPPLEMENT[1:].startswith(tail) else bare
