"""Groups of photos that are the same picture, or alike; which of each to keep, and why."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from photoidx.errors import QueryError
from photoidx.queries.duplicates.calibration import STRICTNESS
from photoidx.queries.duplicates.groups import consistent, stars
from photoidx.queries.duplicates.keep import preference, reason
from photoidx.queries.duplicates.known import Known, Question, is_below
from photoidx.queries.duplicates.orientation import inverse
from photoidx.queries.duplicates.words import EQUAL, relation
from photoidx.records import path_text
from photoidx.store import Store

LEVELS = ("identical", "same", "similar")
# Of 1,670 photos of ten kinds of things, 0.4, 2 and 10 % have a stranger that is as near (imagenette).
_SIMILAR = {"strict": 0.9, "normal": 0.86, "loose": 0.8}
Ties = Mapping[tuple[int, int], Mapping[str, Any]]


def question(
    level: str, strictness: str, most_false: float | None, within: Iterable[str | Path], across: Iterable[str | Path]
) -> Question:
    """Put a question together. Raises QueryError for a word that there is not."""
    for word, words in ((level, LEVELS), (strictness, tuple(STRICTNESS))):
        if word not in words:
            raise QueryError(f"There is no {word!r}; there are: {', '.join(words)}.")
    below, both = (tuple(path_text(os.path.abspath(each)) for each in folders) for folders in (within, across))
    share = STRICTNESS[strictness] if most_false is None else most_false
    return Question(level, share, _SIMILAR[strictness], below, both)


def duplicates(store: Store, asked: Question) -> list[dict[str, Any]]:
    """Give the groups, the one that frees most bytes first.

    Each has group_id, kind (the widest of its files'), keep (a path), bytes_freed, and files (path, kind, distance,
    reason, width, height, size, keep), the kept one first.
    """
    known = Known(store, asked)
    pictures, ties = _pictures(known), _ties(known, asked.level)
    order = sorted(pictures, key=lambda at: min(preference(known.copies[each]) for each in pictures[at]))
    nearest = [(one, other, float(row["distance"])) for (one, other), row in ties.items()]
    heads = stars(order, consistent(nearest, lambda one, other: known.are_apart(pictures[one], pictures[other])))
    same = _by_head(heads)
    same |= {at: [at] for at, copies in pictures.items() if at not in heads and (len(copies) > 1 or known.is_twice(at))}
    alike = _similar(known, order, same, heads) if asked.level == "similar" else {head: [] for head in same}
    groups = []
    for head, others in alike.items():
        members = same.get(head, [head])
        known.note_turned({at: _orientation(ties, head, at) for at in members}, pictures)
        contents, beside = ([at for first in some for at in pictures[first]] for some in (members, others))
        groups.append(_described(known, contents, beside, ties))
    wanted = [each for each in groups if len(each["files"]) > 1 and _is_across(each, asked.across)]
    return sorted(wanted, key=lambda each: (-each["bytes_freed"], each["keep"]))


def _orientation(ties: Ties, head: int, at: int) -> int:
    """Give how a picture is turned against its group's representative; turning back is told apart from turning."""
    tie = ties.get((head, at))
    if tie is not None:
        return int(tie["orientation"])
    tie = ties.get((at, head))
    return 0 if tie is None else inverse(int(tie["orientation"]))


def _pictures(known: Known) -> dict[int, list[int]]:
    """Give the contents of each picture, by the first of them: those whose pixels are equal are one from the start."""
    found: dict[int, list[int]] = defaultdict(list)
    for at, first in enumerate(known.first):
        found[first].append(at)
    return found


def _ties(known: Known, level: str) -> Ties:
    """Give the pairs of pictures that are the same, the nearest two contents of each."""
    found: dict[tuple[int, int], Mapping[str, Any]] = {}
    rows = known.ties().items() if level != "identical" else ()
    for (one, other), row in sorted(rows, key=lambda each: float(each[1]["distance"])):
        found.setdefault((known.first[one], known.first[other]), row)
    return found


def doubtful_pairs(store: Store, count: int) -> list[dict[str, Any]]:
    """Give the pairs whose answer would teach most: those nearest to an even chance of being the same picture.

    Each has first and second (paths), distance, and the chance. Pairs that the user has judged are left out.
    """
    known = Known(store, Question())
    rows = [row for row in known.pairs if row["distance"] is not None and not known.is_judged(row)]
    chances = 1 - known.curve.false(np.array([row["distance"] for row in rows], np.float64))
    return [
        {
            "first": known.files[rows[at]["first"]][0]["path"],
            "second": known.files[rows[at]["second"]][0]["path"],
            "distance": round(float(rows[at]["distance"]), 4),
            "chance": round(float(chances[at]), 4),
        }
        for at in np.argsort(np.abs(chances - 0.5), kind="stable")[:count]
    ]


def _by_head(heads: Mapping[int, tuple[int, float]]) -> dict[int, list[int]]:
    """Give the members of each representative, itself first, the nearest before the others."""
    found: dict[int, list[int]] = defaultdict(list)
    for member, (head, _) in sorted(heads.items(), key=lambda each: (each[1][1], each[0] != each[1][0], each[0])):
        found[head].append(member)
    return found


def _similar(
    known: Known, order: Sequence[int], same: Mapping[int, list[int]], heads: Mapping[int, tuple[int, float]]
) -> dict[int, list[int]]:
    """Give for each group of one picture the pictures that are similar to it, with their copies."""
    near: dict[tuple[int, ...], float] = {}
    for (one, other), cost in known.similar().items():
        pair = tuple(heads.get(known.first[at], (known.first[at], 0.0))[0] for at in (one, other))
        near[pair] = min(cost, near.get(pair, cost))
    joined = _by_head(stars(order, [(one, other, cost) for (one, other), cost in near.items()]))
    beside = {other for head, rest in joined.items() for other in rest if other != head}
    found: dict[int, list[int]] = {head: [] for head in same if head not in beside}
    for head, rest in joined.items():
        found[head] = [each for other in rest if other != head for each in same.get(other, [other])]
    return found


def _is_across(group: Mapping[str, Any], folders: Collection[str]) -> bool:
    paths = [file["path"] for file in group["files"]]
    return all(any(is_below(path, folder) for path in paths) for folder in folders)


def _described(known: Known, same: Sequence[int], alike: Sequence[int], ties: Ties) -> dict[str, Any]:
    """Describe a group of contents that are one picture, and of others that are similar."""
    first, *rest = sorted(same, key=lambda at: preference(known.copies[at]))
    keep, *twins = known.files[known.ids[first]]
    words = f"byte for byte {os.path.basename(keep['path'])}"
    rows = [_row(known, file, first, "identical", 0.0, words) for file in twins]
    for at in rest:
        pair = known.first[first], known.first[at]
        tie = EQUAL if pair[0] == pair[1] else ties.get(pair) or ties.get(pair[::-1])
        distance = None if tie is None else round(float(tie["distance"]), 4)
        words = relation(tie, known.copies[first], known.copies[at], swapped=pair[::-1] in ties)
        rows += [_row(known, file, at, "same", distance, words) for file in known.files[known.ids[at]]]
    for at in alike:
        rows += [
            _row(known, file, at, "similar", None, "of the same moment, or much alike")
            for file in known.files[known.ids[at]]
        ]
    why = reason(known.copies[first], [known.copies[at] for at in rest]) if rest else _of_equals(keep, twins)
    return {
        "group_id": f"dup-{known.ids[min(same)][:12]}",
        "kind": max((row["kind"] for row in rows), key=LEVELS.index, default="identical"),
        "keep": keep["path"],
        "bytes_freed": sum(row["size"] for row in rows if row["kind"] != "similar"),
        "files": [{**_row(known, keep, first, "identical", 0.0, f"keep: {why}"), "keep": True}, *rows],
    }


def _of_equals(keep: Mapping[str, Any], twins: Sequence[Mapping[str, Any]]) -> str:
    """Say why a file is kept rather than those of the same bytes."""
    if not twins:
        return "the others are like it"
    return "the older file" if keep["mtime_ns"] < min(twin["mtime_ns"] for twin in twins) else "the shorter path"


def _row(  # noqa: PLR0917 - a row has that many columns
    known: Known, file: Mapping[str, Any], at: int, kind: str, distance: float | None, words: str
) -> dict[str, Any]:
    copy = known.copies[at]
    return {
        "path": file["path"],
        "kind": kind,
        "distance": distance,
        "reason": words,
        "width": copy.width,
        "height": copy.height,
        "size": file["size"],
        "keep": False,
    }
