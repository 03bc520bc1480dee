"""One group of duplicates as rows: which file is kept, which may go for which, and what only some of them hold."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from photoidx.queries.duplicates.holdings.looks import Looks
from photoidx.queries.duplicates.holdings.presence import Identity, is_link, present
from photoidx.queries.duplicates.holdings.rules import (
    CLOSE,
    Holdings,
    Lack,
    Tie,
    lacks,
    lacks_apart_from_the_picture,
    needs_look,
)
from photoidx.queries.duplicates.keep import Copy, in_order, reason, that_go
from photoidx.queries.duplicates.known import KnownFacts
from photoidx.queries.duplicates.words import EQUAL, described, relation_of, widest

_MOST_WORDS = 3  # things that a line says only one file has
Row = dict[str, Any]
Ties = Mapping[tuple[int, int], Mapping[str, Any]]


class _File(NamedTuple):
    """One file of a group: its row of the table, its content's place in `KnownFacts.ids`, and what decides about it."""

    row: Mapping[str, Any]
    at: int
    copy: Copy


class DuplicateGroup:
    """The files of one picture. `ties` are the pairs of pictures that were found alike."""

    def __init__(self, known: KnownFacts, pictures: Sequence[int], ties: Ties, looks: Looks) -> None:
        self._known, self._ties, self._looks = known, ties, looks
        self._head = pictures[0]
        contents = [at for each in pictures for at in known.pictures[each]]
        rows = [(row, at) for at in contents for row in known.files[known.ids[at]]]
        self._there = present(row for row, _ in rows)
        rows.sort(key=lambda each: _rank(each[0], self._there))
        self.files = [_File(row, at, known.copy_of(row, at)) for row, at in rows]
        looks.know([known.ids[at] for at in contents] if len(contents) > 1 else ())

    def rows(self, include: Sequence[str]) -> list[Row]:
        """Describe the files, the one to keep first."""
        copies = [file.copy for file in self.files]
        again = self._names_of_one_file()
        gone = {at for at, file in enumerate(self.files) if self._there[file.row["path"]] is None} | again
        stays = {at for at, file in enumerate(self.files) if file.copy.flag < 0 or self._known.is_wanted(file.row)}
        going = that_go(copies, self._tie, stays, gone)
        order = in_order(copies)
        keep = self._to_keep(order, going, gone)
        rows = [self._row(at, keep, going, gone) for at in (keep, *(each for each in order if each != keep))]
        for row, at in zip(rows[1:], (each for each in order if each != keep), strict=True):
            row["settled"] = (
                at in again or at in stays or self._known.are_kept_all(self.files[keep].row, self.files[at].row)
            )
            if at in again:
                row["reason"] = "another name of the same file"
            elif at not in going and at not in gone and at not in stays and row["kind"] in include:
                self._offer(row, keep, at)
        return rows

    def _to_keep(self, order: Sequence[int], going: Mapping[int, int], gone: set[int]) -> int:
        """Return the file to keep: one that is there, that the user wants, for which most others may go."""
        place = {at: number for number, at in enumerate(order)}
        staying = [at for at in order if at not in going and at not in gone] or list(order)
        count = {at: sum(keeper == at for keeper in going.values()) for at in staying}
        return min(staying, key=lambda at: (self.files[at].copy.flag, -count[at], place[at]))

    def _names_of_one_file(self) -> set[int]:
        """Return the files that are further names of one that comes before them."""
        seen: set[Identity] = set()
        found = set()
        for at, file in enumerate(self.files):
            identity = self._there[file.row["path"]]
            if identity is not None and identity in seen:
                found.add(at)
            elif identity is not None:
                seen.add(identity)
        return found

    def _pair(self, kept: int, other: int) -> tuple[Mapping[str, Any] | None, bool]:
        """Return what is known of two files' pictures, and whether the table has the second of them first."""
        one, two = (self._known.picture[self.files[at].at] for at in (kept, other))
        if one == two:
            return EQUAL, False
        found = self._ties.get((one, two))
        return (found, False) if found is not None else (self._ties.get((two, one)), True)

    def relation(self, kept: int, other: int) -> str:
        """Return how a file is related to another, by way of the one that all are tied to if they were not compared."""
        one, two = self.files[kept], self.files[other]
        if one.copy.holdings.content == two.copy.holdings.content:
            return "identical"
        tie, _ = self._pair(kept, other)
        if tie is not None:
            return relation_of(tie, one.copy, two.copy)
        head = next((at for at, file in enumerate(self.files) if self._known.picture[file.at] == self._head), None)
        if head is None or head in {kept, other}:
            return "edited"
        return widest([self.relation(head, kept), self.relation(head, other)])

    def _tie(self, kept: int, other: int) -> Tie:
        one, two = self.files[kept], self.files[other]
        if self._known.are_kept_all(one.row, two.row):
            return Tie("similar")
        pair, _ = self._pair(kept, other)
        tie = Tie(self.relation(kept, other), equal_pixels=bool(pair and pair.get("equal_pixels")))
        if needs_look(one.copy.holdings, two.copy.holdings, tie):
            looked = (
                self._looks.of(one.copy.holdings, two.copy.holdings),
                self._looks.of(two.copy.holdings, one.copy.holdings),
            )
            return Tie(tie.relation, tie.equal_pixels, *looked)
        return tie

    def _row(self, at: int, keep: int, going: Mapping[int, int], gone: set[int]) -> Row:
        file, kept = self.files[at], self.files[keep]
        pair, swapped = self._pair(keep, at)
        relation = "identical" if at == keep else self.relation(keep, at)
        distance = None if pair is None or pair.get("distance") is None else round(float(pair["distance"]), 4)
        only = self._only(at, keep, going, gone)
        there = self._there[file.row["path"]] is not None
        row = {
            "path": file.row["path"],
            "kind": relation,
            "distance": 0.0 if at == keep else distance,
            "reason": "",
            "width": file.copy.holdings.width or 0,
            "height": file.copy.holdings.height or 0,
            "size": file.row["size"],
            "keep": at not in going,
            "there": there,
            "extra": at in going,
            "goes_for": self.files[going[at]].row["path"] if at in going else None,
            "settled": at == keep,
            "only": [{"what": lack.code, "words": lack.words} for lack in only],
        }
        said = self._kept_because(keep) if at == keep else _said(relation, pair, kept, file, swapped)
        if only and at not in gone:
            said += f"; {_beyond(only)}" if at == keep else f"; stays: {_beyond(only)}"
        row["reason"] = said if there else f"{said}; not there now as the last scan saw it"
        return row

    def _only(self, at: int, keep: int, going: Mapping[int, int], gone: set[int]) -> tuple[Lack, ...]:
        """Return what a file that stays has beyond the kept one; of the kept one, beyond all the others that stay."""
        if at in going or at in gone:
            return ()
        if at != keep:
            tie = self._tie(keep, at)
            kept, own = self.files[keep].copy.holdings, self.files[at].copy.holdings
            return lacks(kept, own, tie) if tie.relation in CLOSE else lacks_apart_from_the_picture(kept, own)
        others = [each for each in range(len(self.files)) if each not in gone and each != keep]
        found: tuple[Lack, ...] | None = None
        for other in others:
            beyond = lacks_apart_from_the_picture(self.files[other].copy.holdings, self.files[keep].copy.holdings)
            codes = {lack.code for lack in beyond}
            found = beyond if found is None else tuple(lack for lack in found if lack.code in codes)
        return found or ()

    def _kept_because(self, keep: int) -> str:
        if len(self.files) == 1:
            return "keep: the others are like it"
        if self.files[keep].copy.flag < 0:
            return "keep: you decided so"
        copies = [file.copy for file in self.files]
        second = next(at for at in in_order(copies) if at != keep)
        return f"keep: {reason(copies[keep], copies[second])}"

    def _offer(self, row: Row, keep: int, at: int) -> None:
        """Offer an edited copy that was asked for, and say what is lost with it; never what may be the original."""
        one, other = self.files[keep].copy, self.files[at].copy
        wanted = self._known.is_wanted(self.files[at].row)
        left = lacks_apart_from_the_picture(one.holdings, other.holdings)
        left = tuple(lack for lack in left if lack.code not in {"colour", "words:unclear"})
        if wanted or left or not _is_the_edit(one.holdings, other):
            return
        row |= {"keep": False, "extra": True, "goes_for": self.files[keep].row["path"]}
        row["reason"] = f"would be lost: {row['reason'].split('; stays:')[0]}"


def _beyond(only: Sequence[Lack]) -> str:
    """Say what only one file has, and what it may have, which is unclear."""
    unclear = [each for each in only if each.words.startswith("perhaps")]
    sure = [each for each in only if each not in unclear]
    told = [f"only it has {_listed(sure)}"] * bool(sure) + [f"unclear: {_listed(unclear)}"] * bool(unclear)
    return "; ".join(told)


def _is_the_edit(kept: Holdings, other: Copy) -> bool:
    """Return whether it is sure that of two files the other one was made from the kept one."""
    held = other.holdings
    return kept.has_camera and not kept.edited and not kept.resized and (held.edited or not held.has_camera)


def _said(relation: str, pair: Mapping[str, Any] | None, kept: _File, file: _File, swapped: bool) -> str:
    if relation == "identical":
        return f"byte for byte {os.path.basename(kept.row['path'])}"
    return described(pair, kept.copy, file.copy, swapped=swapped)


def _listed(only: Sequence[Lack]) -> str:
    words = ", ".join(lack.words for lack in only[:_MOST_WORDS])
    return words + (f" and {len(only) - _MOST_WORDS} things more" if len(only) > _MOST_WORDS else "")


def _rank(file: Mapping[str, Any], there: Mapping[str, Identity | None]) -> tuple[bool, bool]:
    """Put what is gone behind what is there, and links behind the files that they lead to. Sorting keeps the rest."""
    return there[file["path"]] is None, there[file["path"]] is not None and is_link(file)
