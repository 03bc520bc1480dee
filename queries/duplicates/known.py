"""What is known when duplicates are asked for: the files in question, what speaks for each, pairs and decisions."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from photoidx.indexer.shots import is_edited
from photoidx.queries.contents import columns_of
from photoidx.queries.decisions import Choice, decisions
from photoidx.queries.duplicates.calibration import calibrate
from photoidx.queries.duplicates.candidates import MOMENT_COSINE, are_of_one_moment
from photoidx.queries.duplicates.keep import Copy
from photoidx.queries.duplicates.pictures import read_pictures
from photoidx.schema import PAIRS
from photoidx.store import Store

_FILE_COLUMNS = ("path", "content_id", "kind", "format", "size", "mtime_ns", "shot_id")
_TOLD = ("make", "model", "taken_at", "serial", "lens", "iso", "f_number", "gps_lat", "flash")
# What programs that change pictures write as the software; cameras write the version of theirs.
_EDITORS = re.compile(
    r"adobe|photoshop|lightroom|gimp|darktable|rawtherapee|snapseed|capture one|luminar|affinity|picasa|paint|digikam|"
    r"imagemagick|acdsee|dxo|vsco|pixelmator|photoscape|irfanview|xnview|instagram|google|canva|skylum",
    re.IGNORECASE,
)
_WISHES = {"best": -1, "keep": -1, "reject": 1}
Files = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Question:
    """What is asked: how alike, how sure, and of which folders.

    `level`: identical bytes, also the same picture, or also similar ones. `most_false`: the largest expected share of
    false pairs, 0 to 1. `least_cosine`: of pictures that are similar though not of one moment. `within`: only files
    below these folders. `across`: only groups with files in each of these.
    """

    level: str = "same"
    most_false: float = 0.01
    least_cosine: float = 0.86
    within: tuple[str, ...] = ()
    across: tuple[str, ...] = ()


class Known:
    """The contents that may be grouped, by their place in `ids`.

    `files` gives the files of a content, the one to keep first; `copies` what speaks for each content; `pairs` those
    that the user has left to the machine; `first` the place of the first content with the same pixels; `curve` how
    likely a pair is false.
    """

    def __init__(self, store: Store, asked: Question) -> None:
        held = decisions(store)
        self._asked = asked
        self._apart = [frozenset(choice.shot_ids) for choice in held if choice.verb == "different"]
        self._kept = [frozenset(choice.shot_ids) for choice in held if choice.verb == "keep-all"]
        self._same = [frozenset(choice.shot_ids) for choice in held if choice.verb == "same"]
        self.files = _files(store, (*asked.within, *asked.across))
        self.ids = sorted(self.files)
        self._place = {content_id: at for at, content_id in enumerate(self.ids)}
        self.copies = list(_copies(store, self.ids, self.files, held))
        rows = store.read(PAIRS.name).to_pylist() if PAIRS.name in store.names() else []
        rows = [row for row in rows if row["first"] in self._place and row["second"] in self._place]
        self.curve = calibrate(list(self._answers(rows)))
        self.pairs = [row for row in rows if self._is_open(row)]
        self.first = self._first_of_pixels()
        self._pictures = read_pictures(store, with_vectors=False)
        row = {content_id: at for at, content_id in enumerate(self._pictures.content_ids)}
        self._row = [row.get(content_id, -1) for content_id in self.ids]

    def is_twice(self, at: int) -> bool:
        """Tell whether a content has several files, and the user has not said to keep them all."""
        files = self.files[self.ids[at]]
        return len(files) > 1 and not any(file["shot_id"] in each for file in files for each in self._kept)

    def ties(self) -> dict[tuple[int, int], dict[str, Any]]:
        """Give the pairs that are the same picture, by their places. Frames are noted in `copies`."""
        distances = np.array([row["distance"] for row in self.pairs if row["distance"] is not None], np.float64)
        cut = self.curve.cut(distances, self._asked.most_false)
        found = {
            (self._place[row["first"]], self._place[row["second"]]): row
            for row in self.pairs
            if row["distance"] is not None and (row["distance"] <= cut or self._said(row, self._same))
        }
        for (one, other), row in found.items():  # a frame around a picture makes it no larger
            if row["framed"]:
                at = one if abs(row["framed"]) == 1 else other
                share = min(row["overlap"], self.copies[at].share)
                self.copies[at] = replace(self.copies[at], framed=row["framed"] > 0, share=share)
        return found

    def are_apart(self, first: Sequence[int], second: Sequence[int]) -> bool:
        """Tell whether two pictures, whichever contents are compared, are of two presses, or said to differ."""
        if any(self._said({"first": self.ids[a], "second": self.ids[b]}, self._apart) for a in first for b in second):
            return True
        places = [[self._row[at] for at in each if self._row[at] >= 0] for each in (first, second)]
        one, other = (each.ravel() for each in np.meshgrid(*places))
        return bool(len(one)) and bool(self._pictures.other_press(one, other).all())

    def note_turned(self, orientations: Mapping[int, int], pictures: Mapping[int, Sequence[int]]) -> None:
        """Note in `copies` which pictures of a group are turned otherwise than most of their contents."""
        count = Counter(orientation for at, orientation in orientations.items() for _ in pictures[at])
        (most, votes), *rest = count.most_common()
        if rest and votes > rest[0][1]:
            for at, orientation in orientations.items():
                for each in pictures[at]:
                    self.copies[each] = replace(self.copies[each], turned=orientation != most)

    def similar(self) -> dict[tuple[int, int], float]:
        """Give the pairs that are alike or of one moment, by their places, with 1 - the cosine."""
        rows = [row for row in self.pairs if row["cosine"] is not None]
        places = [(self._place[row["first"]], self._place[row["second"]]) for row in rows]
        cosine = np.array([row["cosine"] for row in rows], np.float64)
        at = np.array([[self._row[one], self._row[other]] for one, other in places], np.int64).reshape(-1, 2)
        alike = cosine >= self._asked.least_cosine
        alike |= (at >= 0).all(axis=1) & are_of_one_moment(self._pictures, at) & (cosine >= MOMENT_COSINE)
        return {places[each]: 1 - cosine[each] for each in np.flatnonzero(alike)}

    def is_judged(self, row: Mapping[str, Any]) -> bool:
        """Tell whether the user has said what a pair is."""
        return self._said(row, (*self._same, *self._apart, *self._kept))

    def _first_of_pixels(self) -> list[int]:
        first = list(range(len(self.ids)))
        if self._asked.level != "identical":
            for row in sorted(self.pairs, key=lambda row: (row["first"], row["second"])):
                if row["equal_pixels"]:
                    one, other = self._place[row["first"]], self._place[row["second"]]
                    first[other] = min(first[one], first[other])
        return first

    def _is_open(self, row: Mapping[str, Any]) -> bool:
        return not self._said(row, self._apart) and not self._said(row, self._kept)

    def _said(self, row: Mapping[str, Any], sets: Collection[frozenset[str]]) -> bool:
        """Tell whether one of the sets of shots holds both contents of a pair, as two shots or as one of the set."""
        if not sets:
            return False
        one, other = ({file["shot_id"] for file in self.files[row[name]]} for name in ("first", "second"))
        return any(one & said and other & said for said in sets)

    def _answers(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, bool]]:
        """Give the distances of the pairs that the user has judged, and whether they are the same picture."""
        for row in rows if self._same or self._apart else ():
            for same, sets in ((True, self._same), (False, self._apart)):
                if row["distance"] is not None and self._said(row, sets):
                    yield float(row["distance"]), same


def is_below(path: str, folder: str) -> bool:
    """Tell whether a file lies in a folder or deeper."""
    return path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _files(store: Store, folders: Sequence[str]) -> Files:
    """Give the files of each content that lie below the folders, or all; the one to keep first."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in store.read("files", list(_FILE_COLUMNS), "kind = 'photo' AND content_id IS NOT NULL").to_pylist():
        if not folders or any(is_below(row["path"], folder) for folder in folders):
            found[row["content_id"]].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (is_edited(row["path"]), row["mtime_ns"], len(row["path"]), row["path"]))
    return found


def _copies(store: Store, ids: Sequence[str], files: Files, held: Iterable[Choice]) -> Iterator[Copy]:
    exif = columns_of(store, "exif", ("width", "height", "software", *_TOLD), ids)
    columns = {**exif, **columns_of(store, "quality", ("jpeg_quality",), ids)}
    known = {name: column.to_pylist() for name, column in columns.items()}
    wishes = {shot_id: _WISHES[each.verb] for each in held if each.verb in _WISHES for shot_id in each.shot_ids}

    def of(name: str, at: int) -> Any:
        return known[name][at] if name in known else None

    for at, content_id in enumerate(ids):
        own = files[content_id]
        yield Copy(
            path=own[0]["path"],
            wish=min(wishes.get(file["shot_id"], 0) for file in own),
            width=of("width", at) or 0,
            height=of("height", at) or 0,
            camera=bool(of("make", at) or of("model", at)),
            time=of("taken_at", at) is not None,
            facts=sum(known[name][at] is not None for name in _TOLD if name in known),
            edited=is_edited(own[0]["path"]) or bool(_EDITORS.search(of("software", at) or "")),
            format=own[0]["format"],
            quality=of("jpeg_quality", at),
            mtime_ns=min(file["mtime_ns"] for file in own),
        )
