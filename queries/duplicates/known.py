"""What is known when duplicates are asked for: the files in question, what speaks for each, pairs and decisions."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.errors import QueryError
from photoidx.files import is_below
from photoidx.indexer.shots.rules import is_edited
from photoidx.queries.contents import Array, columns_of
from photoidx.queries.decisions.view import Flag, read_view
from photoidx.queries.duplicates.calibration import calibrate
from photoidx.queries.duplicates.candidates import MOMENT_COSINE, are_of_one_moment
from photoidx.queries.duplicates.holdings.read import Files, read_holdings
from photoidx.queries.duplicates.holdings.rules import Holdings
from photoidx.queries.duplicates.keep import Copy, age
from photoidx.queries.duplicates.pictures import read_pictures
from photoidx.records import Kind
from photoidx.storage.schema import PAIRS, arrow_schema
from photoidx.storage.store import Store

_FILE_COLUMNS = ("path", "content_id", "kind", "format", "size", "mtime_ns", "shot_id")
_FLAGS = {Flag.CHOSEN: -1, Flag.KEPT: -1, Flag.UNDECIDED: 0, Flag.REJECTED: 1}
_COLOURED = 15.0  # colourfulness from which on a picture is "slightly colourful" (Hasler and Suesstrunk)
DECIDED: Mapping[str, Any] = {"distance": 0.0, "orientation": 0, "decided": True}
"""The tie of two pictures that the user called the same."""


@dataclass(frozen=True)
class Question:
    """What is asked: how alike, how sure, and of which folders.

    `level`: identical bytes, also the same picture, edits of it, or similar ones. `most_false`: the largest
    expected share of false pairs, 0 to 1. `least_cosine`: of pictures that are similar though not of one moment.
    `within`: only files below these folders. `across`: only groups with files in each of these. `include`: the
    relations, `edited` or `part of`, whose files may go too where only the edit would be lost.
    """

    level: str = "edited"
    most_false: float = 0.01
    least_cosine: float = 0.86
    within: tuple[str, ...] = ()
    across: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


class KnownFacts:
    """The contents that may be grouped, by their place in `ids`, and the pictures that they are copies of.

    `files` gives the files of a content, the one to keep first; `copies` what speaks for each content; `pictures` the
    contents with the same pixels, by a number; `picture` that number of each content; `rows` the pairs of pictures that
    were found alike; `curve` how likely a pair is false.
    """

    def __init__(self, store: Store, asked: Question) -> None:
        said = read_view(store)
        self.asked = asked
        self._different, self._kept_all, self._same = said.different, said.kept_all, said.same
        self.flags = {shot_id: _FLAGS[flag] for shot_id, flag in said.flags.items()}
        self._wanted = {shot_id for shot_id in self.flags if said.is_wanted([shot_id])}
        pairs = _pairs(store, asked)
        every = store.read("files", list(_FILE_COLUMNS))
        is_photo = pc.and_(pc.equal(every["kind"], Kind.PHOTO.value), pc.is_valid(every["content_id"]))
        rows = every.filter(is_photo)
        hashes = _pixels(store)
        concerned = _concerned(rows, pairs, hashes, set().union(*self._same))
        self.files = _files(rows, concerned, asked)
        self.ids = sorted(self.files)
        self.holdings: Mapping[str, Holdings] = read_holdings(store, self.files, every)
        self.copies = list(self._copies(store))
        self._presses = read_pictures(store, with_vectors=False, among=concerned)
        hashes = hashes.filter(pc.is_in(hashes["content_id"], value_set=concerned))
        self.picture, self.pictures, number = self._numbered(hashes)
        self._shots = {
            picture: {file["shot_id"] for at in places for file in self.files[self.ids[at]]}
            for picture, places in self.pictures.items()
        }
        told = (((number.get(row["first"], -1), number.get(row["second"], -1)), row) for row in pairs.to_pylist())
        found = [(pair, row) for pair, row in told if pair[0] != pair[1] and set(pair) <= self.pictures.keys()]
        self.curve = calibrate(list(self._answers(found)))
        self.rows = [(pair, row) for pair, row in found if not self._are_said(pair, self._kept_all, one_shot=True)]

    def _copies(self, store: Store) -> Iterator[Copy]:
        columns = columns_of(store, "quality", ("jpeg_quality", "colourfulness"), self.ids)
        known = {name: column.to_pylist() for name, column in columns.items()}
        for at, content_id in enumerate(self.ids):
            own = self.files[content_id]
            yield Copy(
                self.holdings[own[0]["path"]],
                flag=min(self.flags.get(file["shot_id"], 0) for file in own),
                quality=known["jpeg_quality"][at] if "jpeg_quality" in known else None,
                colourfulness=known["colourfulness"][at] if "colourfulness" in known else None,
                mtime_ns=min((file["mtime_ns"] for file in own), key=age),
            )

    def _numbered(self, hashes: pa.Table) -> tuple[list[int], dict[int, list[int]], dict[str, int]]:
        """Return the pictures numbers. A content that is gone has that of one with the same pixels that is there."""
        press = {content_id: at for at, content_id in enumerate(self._presses.content_ids)}
        known = {content_id: int(self._presses.pixels[at]) for content_id, at in press.items()}
        fresh = int(self._presses.pixels.max(initial=-1)) + 1
        picture = [known.get(content_id, fresh + at) for at, content_id in enumerate(self.ids)]
        if self.asked.level == "identical":
            picture = list(range(len(self.ids)))
        places: dict[int, list[int]] = defaultdict(list)
        for at, number in enumerate(picture):
            places[number].append(at)
        self._press = {at: press[content_id] for at, content_id in enumerate(self.ids) if content_id in press}
        pixels = dict(zip(hashes["content_id"].to_pylist(), hashes["pixel_id"].to_pylist(), strict=True))
        here = {pixels[content_id]: number for content_id, number in reversed(known.items())}
        known |= {each: here[pixel_id] for each, pixel_id in pixels.items() if each not in known and pixel_id in here}
        return picture, places, known

    def ties(self) -> dict[tuple[int, int], Mapping[str, Any]]:
        """Return the pairs of pictures that are the same, by their nearest contents. Frames are noted in `copies`."""
        distances = np.array([row["distance"] for _, row in self.rows if row["distance"] is not None], np.float64)
        cut = self.curve.cut(distances, self.asked.most_false)
        near = [(pair, row) for pair, row in self.rows if row["distance"] is not None and row["distance"] <= cut]
        found: dict[tuple[int, int], Mapping[str, Any]] = {}
        for pair, row in sorted(near, key=lambda each: float(each[1]["distance"])):
            if pair not in found and pair[::-1] not in found:
                found[pair] = row
        for pair, row in found.items():
            for at in self.pictures[pair[abs(row["framed"]) - 1]] if row["framed"] else ():
                self.copies[at] = replace(self.copies[at], framed=row["framed"] > 0)
        for pair in self._decided_same():
            if pair not in found and pair[::-1] not in found:
                found[pair] = DECIDED
        return found

    def _decided_same(self) -> Iterator[tuple[int, int]]:
        shots: dict[str, set[int]] = defaultdict(set)
        for picture, own in self._shots.items() if self._same else ():
            for shot_id in own:
                shots[shot_id].add(picture)
        for said in self._same:
            pictures = sorted({picture for shot_id in said for picture in shots.get(shot_id, ())})
            yield from itertools.combinations(pictures, 2)

    def similar(self) -> dict[tuple[int, int], float]:
        """Return the pairs of pictures that are alike or of one moment, with 1 - the cosine."""
        rows = [(pair, row) for pair, row in self.rows if row["cosine"] is not None]
        cosine = np.array([row["cosine"] for _, row in rows], np.float64)
        first = [[self._press.get(self.pictures[picture][0], -1) for picture in pair] for pair, _ in rows]
        at = np.array(first, np.int64).reshape(-1, 2)
        alike = cosine >= self.asked.least_cosine
        alike |= (at >= 0).all(axis=1) & are_of_one_moment(self._presses, at) & (cosine >= MOMENT_COSINE)
        return {rows[each][0]: 1 - cosine[each] for each in np.flatnonzero(alike)}

    def apart(self, pairs: Array) -> Array:
        """Return for pairs of pictures (m x 2) whether they are of two presses of the shutter, or said to be different.

        A picture has several presses if its contents do, as where a copy's time was changed: one in common is enough.
        """
        presses = [[self._press[at] for at in self._at(each)] for each in pairs.ravel().tolist()]
        both = zip(presses[::2], presses[1::2], strict=True)
        owners = [(place, *each) for place, two in enumerate(both) for each in itertools.product(*two)]
        place, one, other = np.array(owners, np.int64).reshape(-1, 3).T
        count = np.bincount(place, minlength=len(pairs))
        of_two = np.bincount(place, self._presses.other_press(one, other), len(pairs))
        return self._as_decided(pairs, (count > 0) & (of_two == count))

    def differ(self, pairs: Array) -> Array:
        """Return for pairs of pictures (m x 2) whether the user said that they are different."""
        return self._as_decided(pairs, np.zeros(len(pairs), np.bool_))

    def _as_decided(self, pairs: Array, found: Array) -> Array:
        for value, sets in ((False, self._same), (True, self._different)):
            for at, pair in enumerate(pairs.tolist() if sets else ()):
                if self._are_said(pair, sets):
                    found[at] = value
        return found

    def _at(self, picture: int) -> list[int]:
        return [at for at in self.pictures[picture] if at in self._press]

    def copy_of(self, file: Mapping[str, Any], at: int) -> Copy:
        """Return what decides about one file of a content."""
        flag = self.flags.get(file["shot_id"], 0)
        holdings = self.holdings[file["path"]]
        return replace(self.copies[at], holdings=holdings, flag=flag, mtime_ns=file["mtime_ns"])

    def are_kept_all(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Return whether the user wants both of two files."""
        shots = {one["shot_id"], other["shot_id"]}
        return any(shots <= said for said in self._kept_all)

    def is_wanted(self, file: Mapping[str, Any]) -> bool:
        """Return whether the user wants a file: chose it, keeps it, or keeps all of those that it is one of."""
        return file["shot_id"] in self._wanted

    def is_twice(self, at: int) -> bool:
        """Return whether a content has several files, and the user has not said to keep them all."""
        files = self.files[self.ids[at]]
        return len(files) > 1 and not any(file["shot_id"] in said for file in files for said in self._kept_all)

    def note_odd(self, orientations: Mapping[int, int]) -> None:
        """Write into `copies` which pictures of a group are turned otherwise than most of it, or lost colour."""
        group = [at for picture in orientations for at in self.pictures[picture]]
        count = Counter(orientations[self.picture[at]] for at in group)
        (most, votes), *rest = count.most_common()
        tell = bool(rest) and votes > rest[0][1]
        colour = max((self.copies[at].colourfulness or 0.0 for at in group), default=0.0)
        for at in group:
            own = self.copies[at].colourfulness
            turned = tell and orientations[self.picture[at]] != most
            self.copies[at] = replace(
                self.copies[at], turned=turned, faded=own is not None and _COLOURED < colour > 2 * own
            )

    def is_judged(self, pair: tuple[int, int]) -> bool:
        """Return whether the user has said what a pair is."""
        return self._are_said(pair, (*self._same, *self._different, *self._kept_all), one_shot=True)

    def _are_said(self, pair: Sequence[int], sets: Collection[frozenset[str]], *, one_shot: bool = False) -> bool:
        """Return whether one of the sets of shots holds both pictures, as two shots of it, or also as one."""
        if not sets:
            return False
        one, other = (self._shots[picture] for picture in pair)
        return any(bool(one & said and other & said) and (one_shot or len((one | other) & said) > 1) for said in sets)

    def _answers(self, rows: Iterable[tuple[tuple[int, int], Mapping[str, Any]]]) -> Iterator[tuple[float, bool]]:
        """Return the distances of the pairs that the user has judged, and whether they are the same picture."""
        for pair, row in rows if self._same or self._different else ():
            for same, sets in ((True, self._same), (False, self._different)):
                if row["distance"] is not None and self._are_said(pair, sets):
                    yield float(row["distance"]), same


def _pairs(store: Store, asked: Question) -> pa.Table:
    """Read the pairs that the question is about: those that are only alike are many, and asked for by one level."""
    if asked.level == "identical" or PAIRS.name not in store.names():
        return arrow_schema(PAIRS).empty_table()
    return store.read(PAIRS.name, None, None if asked.level == "similar" else "distance IS NOT NULL")


def _pixels(store: Store) -> pa.Table:
    if "hashes" in store.names():
        return store.read("hashes", ["content_id", "pixel_id"])
    return pa.table({name: pa.array([], pa.string()) for name in ("content_id", "pixel_id")})


def _concerned(files: pa.Table, pairs: pa.Table, hashes: pa.Table, shots: Collection[str]) -> pa.Array:
    """Return the contents that may be in a group; most of a library has no copy, and is not looked at any further.

    Such are those in a pair, those with several files or with the pixels of others, and those of the given shots.
    """
    said = files.filter(pc.is_in(files["shot_id"], value_set=pa.array(sorted(shots), pa.string())))
    twins = hashes.filter(pc.is_in(hashes["pixel_id"], value_set=_repeated(hashes["pixel_id"])))
    found = [pairs["first"], pairs["second"], _repeated(files["content_id"]), twins["content_id"], said["content_id"]]
    chunks = [chunk for each in found for chunk in (each.chunks if isinstance(each, pa.ChunkedArray) else [each])]
    return pa.chunked_array(chunks, pa.string()).unique()


def _repeated(column: pa.ChunkedArray) -> pa.Array:
    """Return the values that a column has more than once."""
    counted = pc.value_counts(column)
    return counted.field("values").filter(pc.greater(counted.field("counts"), 1))


def _files(rows: pa.Table, concerned: pa.Array, asked: Question) -> Files:
    """Return the files of each content in the folders that are asked for, the one to keep first."""
    limits = [each for each in (asked.within, asked.across) if each]
    paths = rows["path"].to_pylist() if limits else []
    inside = [all(any(is_below(path, each) for each in some) for some in limits) for path in paths]
    if limits:
        rows, paths = rows.filter(pa.array(inside, pa.bool_())), list(itertools.compress(paths, inside))
    for folder in itertools.chain.from_iterable(limits):
        if not any(is_below(path, folder) for path in paths):
            raise QueryError(f"No photo that was asked for lies below {folder}. Scan it first: photoidx scan {folder}")
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.filter(pc.is_in(rows["content_id"], value_set=concerned)).to_pylist():
        found[row["content_id"]].append(row)
    for own in found.values():
        own.sort(key=lambda row: (is_edited(row["path"]), age(row["mtime_ns"]), len(row["path"]), row["path"]))
    return found
