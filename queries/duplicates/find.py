"""Groups of photos that are the same picture, or alike; which of each to keep, and why."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from photoidx.errors import QueryError
from photoidx.files import is_below
from photoidx.queries.compare.orientation import inverse
from photoidx.queries.duplicates.calibration import STRICTNESS
from photoidx.queries.duplicates.described import DuplicateGroup, Ties
from photoidx.queries.duplicates.groups import consistent, stars
from photoidx.queries.duplicates.holdings.looks import Looks
from photoidx.queries.duplicates.keep import preference
from photoidx.queries.duplicates.known import KnownFacts, Question
from photoidx.queries.duplicates.words import relation_of, widest
from photoidx.records import path_text
from photoidx.storage.store import Store

LEVELS = ("identical", "same", "edited", "similar")
INCLUDED = ("edited", "part of")
# Of 1,670 photos of ten kinds of things, 0.4, 2 and 10 % have an unrelated photo that is as near (imagenette).
_SIMILAR = {"strict": 0.9, "normal": 0.86, "loose": 0.8}
_ALIKE = "of the same moment, or much alike"


def question(  # noqa: PLR0917 - one for each option of the command
    level: str,
    strictness: str,
    most_false: float | None,
    within: Iterable[str | Path],
    across: Iterable[str | Path],
    include: Iterable[str] = (),
) -> Question:
    """Put a question together. Raises QueryError for a word that there is not."""
    include = tuple(include)
    asked = [(level, LEVELS), (strictness, tuple(STRICTNESS)), *((each, INCLUDED) for each in include)]
    for word, words in asked:
        if word not in words:
            raise QueryError(f"There is no {word!r}; there are: {', '.join(words)}.")
    below, both = (tuple(path_text(os.path.abspath(each)) for each in folders) for folders in (within, across))
    share = STRICTNESS[strictness] if most_false is None else most_false
    return Question(level, share, _SIMILAR[strictness], below, both, include)


def duplicates(store: Store, asked: Question) -> list[dict[str, Any]]:
    """Return the groups, the one that frees most bytes first.

    Each has group_id, kind (the widest of its files'), keep (a path), bytes_freed, and files, the kept one first. A
    file has path, kind (its relation to the kept one), distance, reason, width, height, size, keep, there, extra,
    goes_for, settled and only. `there`: it is as the last scan saw it. `keep`: it stays. `extra`: it may go, for the
    file `goes_for` stays, is there, and holds all that it holds. `only`: what it has that the kept file lacks, as code
    (`what`) and words. `settled`: the user decided that it stays, or it is another name of a file that does.
    """
    known, looks = KnownFacts(store, asked), Looks(store)
    ties = {} if asked.level == "identical" else known.ties()
    if asked.level == "same":
        ties = {pair: row for pair, row in ties.items() if _is_same(known, pair, row)}
    order = sorted(known.pictures, key=lambda each: min(preference(known.copies[at]) for at in known.pictures[each]))
    nearest = [(one, other, float(row["distance"])) for (one, other), row in ties.items()]
    same = _by_head(stars(order, consistent(nearest, known.apart)))
    grouped = {each for rest in same.values() for each in rest}
    same |= {
        each: [each]
        for each, places in known.pictures.items()
        if each not in grouped and (len(places) > 1 or known.is_twice(places[0]))
    }
    for head, members in same.items():
        known.note_odd({each: _orientation(ties, head, each) for each in members})
    alike = _similar(known, order, same) if asked.level == "similar" else {head: [] for head in same}
    groups = [
        _described(known, [same.get(each, [each]) for each in (head, *rest)], ties, looks)
        for head, rest in alike.items()
    ]
    looks.save()
    _keep_company(known, groups)
    wanted = [each for each in groups if _is_of_use(each) and _is_across(each, asked.across)]
    return sorted(wanted, key=lambda each: (-each["bytes_freed"], each["keep"]))


def _is_same(known: KnownFacts, pair: tuple[int, int], row: Mapping[str, Any]) -> bool:
    one, other = (known.copies[known.pictures[each][0]] for each in pair)
    return relation_of(row, one, other) == "same"


def _keep_company(known: KnownFacts, groups: Sequence[dict[str, Any]]) -> None:
    """Let those photos stay that belong to a file for which another goes: it goes because they are there."""
    keepers = {file["goes_for"] for each in groups for file in each["files"] if file["extra"]}
    belonging = {
        os.path.join(os.path.dirname(path), mate.name): path
        for path in keepers
        for mate in known.holdings[path].company
        if mate.kind in {"raw", "photo"}
    }
    for group in groups:
        own = {file["path"] for file in group["files"]}
        for file in group["files"]:
            keeper = belonging.get(file["path"])
            if file["extra"] and keeper is not None and keeper not in own:
                told = f"{file['reason']}; stays: it belongs to {os.path.basename(keeper)}"
                file |= {"extra": False, "keep": True, "goes_for": None, "reason": told}
        group["bytes_freed"] = sum(file["size"] for file in group["files"] if file["extra"])


def _orientation(ties: Ties, head: int, at: int) -> int:
    """Return how a picture is turned against its group's representative; turning back is told apart from turning."""
    tie = ties.get((head, at))
    if tie is not None:
        return int(tie["orientation"])
    tie = ties.get((at, head))
    return 0 if tie is None else inverse(int(tie["orientation"]))


def doubtful_pairs(store: Store, count: int) -> list[dict[str, Any]]:
    """Return the pairs whose answer would teach most: those nearest to an even chance of being the same picture.

    Each has first and second (paths), distance, and the chance. Pairs that the user has judged are left out.
    """
    known = KnownFacts(store, Question())
    rows = [(pair, row) for pair, row in known.rows if row["distance"] is not None and not known.is_judged(pair)]
    chances = 1 - known.curve.false(np.array([row["distance"] for _, row in rows], np.float64))
    return [
        {
            "first": _path(known, rows[at][0][0]),
            "second": _path(known, rows[at][0][1]),
            "distance": round(float(rows[at][1]["distance"]), 4),
            "chance": round(float(chances[at]), 4),
        }
        for at in np.argsort(np.abs(chances - 0.5), kind="stable")[:count]
    ]


def _path(known: KnownFacts, picture: int) -> str:
    path: str = known.files[known.ids[known.pictures[picture][0]]][0]["path"]
    return path


def _by_head(heads: Mapping[int, tuple[int, float]]) -> dict[int, list[int]]:
    """Return the members of each representative, itself first, the nearest before the others."""
    found: dict[int, list[int]] = defaultdict(list)
    for member, (head, _) in sorted(heads.items(), key=lambda each: (each[1][1], each[0] != each[1][0], each[0])):
        found[head].append(member)
    return found


def _similar(known: KnownFacts, order: Sequence[int], same: Mapping[int, list[int]]) -> dict[int, list[int]]:
    """Return for each picture that has copies or is like others these, by the representatives of their copies."""
    head = {each: first for first, rest in same.items() for each in rest}
    near: dict[tuple[int, int], float] = {}
    for (one, other), cost in known.similar().items():
        pair = head.get(one, one), head.get(other, other)
        near[pair] = min(cost, near.get(pair, cost))
    ties = consistent([(one, other, cost) for (one, other), cost in near.items()], known.differ)
    joined = _by_head(stars(order, ties))
    beside = {other for first, rest in joined.items() for other in rest if other != first}
    found: dict[int, list[int]] = {first: [] for first in same if first not in beside}
    return found | {first: [other for other in rest if other != first] for first, rest in joined.items()}


def _is_of_use(group: Mapping[str, Any]) -> bool:
    """Return whether a group has something to show: not only what the user keeps, and other names of one file."""
    return any(
        file["kind"] == "similar" or file["extra"] or not file["there"] or not file["settled"]
        for file in group["files"]
    )


def _is_across(group: Mapping[str, Any], folders: Collection[str]) -> bool:
    paths = [file["path"] for file in group["files"]]
    return all(any(is_below(path, folder) for path in paths) for folder in folders)


def _described(known: KnownFacts, members: Sequence[Sequence[int]], ties: Ties, looks: Looks) -> dict[str, Any]:
    """Describe a group: pictures that are the same, and after them such that are similar, each with its copies."""
    include = known.asked.include
    rows, *others = (DuplicateGroup(known, each, ties, looks).rows(include) for each in members)
    keep = rows[0]
    for alike in others:
        alike[0] |= {"kind": "similar", "distance": None, "reason": _ALIKE}
        rows += alike
    return {
        "group_id": f"dup-{known.ids[min(at for each in members[0] for at in known.pictures[each])][:12]}",
        "kind": widest([row["kind"] for row in rows[1:]]),
        "keep": keep["path"],
        "bytes_freed": sum(row["size"] for row in rows if row["extra"]),
        "files": rows,
    }
