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
from photoidx.queries.duplicates.presence import Identity, is_link, present
from photoidx.queries.duplicates.words import EQUAL, relation
from photoidx.records import path_text
from photoidx.store import Store

LEVELS = ("identical", "same", "similar")
# Of 1,670 photos of ten kinds of things, 0.4, 2 and 10 % have a stranger that is as near (imagenette).
_SIMILAR = {"strict": 0.9, "normal": 0.86, "loose": 0.8}
_ALIKE = "of the same moment, or much alike"
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
    reason, width, height, size, keep, there, extra), the kept one first. `there`: it is as the last scan saw it.
    `extra`: it is a copy that may go, for the one to keep is there.
    """
    known = Known(store, asked)
    ties = {} if asked.level == "identical" else known.ties()
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
        _described(known, [same.get(each, [each]) for each in (head, *rest)], ties) for head, rest in alike.items()
    ]
    wanted = [each for each in groups if _is_of_use(each) and _is_across(each, asked.across)]
    return sorted(wanted, key=lambda each: (-each["bytes_freed"], each["keep"]))


def _orientation(ties: Ties, head: int, at: int) -> int:
    """Give how a picture is turned against its group's representative; turning back is told apart from turning."""
    tie = ties.get((head, at))
    if tie is not None:
        return int(tie["orientation"])
    tie = ties.get((at, head))
    return 0 if tie is None else inverse(int(tie["orientation"]))


def doubtful_pairs(store: Store, count: int) -> list[dict[str, Any]]:
    """Give the pairs whose answer would teach most: those nearest to an even chance of being the same picture.

    Each has first and second (paths), distance, and the chance. Pairs that the user has judged are left out.
    """
    known = Known(store, Question())
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


def _path(known: Known, picture: int) -> str:
    path: str = known.files[known.ids[known.pictures[picture][0]]][0]["path"]
    return path


def _by_head(heads: Mapping[int, tuple[int, float]]) -> dict[int, list[int]]:
    """Give the members of each representative, itself first, the nearest before the others."""
    found: dict[int, list[int]] = defaultdict(list)
    for member, (head, _) in sorted(heads.items(), key=lambda each: (each[1][1], each[0] != each[1][0], each[0])):
        found[head].append(member)
    return found


def _similar(known: Known, order: Sequence[int], same: Mapping[int, list[int]]) -> dict[int, list[int]]:
    """Give for each picture that has copies or is like others those others, by the representatives of their copies."""
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
    """Tell whether a group has something to show: not only one file, what the user keeps, and other names of these."""
    return any(file["extra"] or file["kind"] == "similar" or not file["there"] for file in group["files"])


def _is_across(group: Mapping[str, Any], folders: Collection[str]) -> bool:
    paths = [file["path"] for file in group["files"]]
    return all(any(is_below(path, folder) for path in paths) for folder in folders)


def _described(known: Known, members: Sequence[Sequence[int]], ties: Ties) -> dict[str, Any]:
    """Describe a group: pictures that are the same, and after them such that are similar, each with its copies."""
    rows, *others = (_copies_of(known, each, ties) for each in members)
    keep = rows[0]
    for alike in others:
        alike[0] |= {"kind": "similar", "distance": None, "reason": _ALIKE, "keep": False}
        rows += alike
    return {
        "group_id": f"dup-{known.ids[min(at for each in members[0] for at in known.pictures[each])][:12]}",
        "kind": max((row["kind"] for row in rows[1:]), key=LEVELS.index, default="identical"),
        "keep": keep["path"],
        "bytes_freed": sum(row["size"] for row in rows if row["extra"]),
        "files": rows,
    }


def _copies_of(known: Known, pictures: Sequence[int], ties: Ties) -> list[dict[str, Any]]:
    """Describe the files of one picture, the one to keep first: one that is there, if any is."""
    contents = [at for each in pictures for at in known.pictures[each]]
    there = present(file for at in contents for file in known.files[known.ids[at]])
    files = {at: sorted(known.files[known.ids[at]], key=lambda file: _rank(file, there)) for at in contents}
    contents.sort(key=lambda at: (there[files[at][0]["path"]] is None, preference(known.copies[at])))
    first, *rest = contents
    keep, *twins = files[first]
    why = reason(known.copies[first], [known.copies[at] for at in rest]) if rest else _of_equals(keep, twins)
    rows = [_row(known, keep, first, ("identical", 0.0, f"keep: {why}"), keep=True)]
    words = f"byte for byte {os.path.basename(keep['path'])}"
    rows += [_row(known, file, first, ("identical", 0.0, words), keep=known.is_kept(file, keep)) for file in twins]
    for at in rest:
        told = _told(known, first, at, ties)
        rows += [_row(known, file, at, told, keep=known.is_kept(file, keep)) for file in files[at]]
    # A larger copy without the camera's data may be an enlarged one: the camera's own is not given up for it.
    camera = next((at for at in rest if known.copies[at].camera), None)
    if camera is not None and not known.copies[first].camera:
        row = next(row for row in rows if row["path"] == files[camera][0]["path"])
        row |= {"keep": True, "reason": f"keep too: smaller, but with the camera's data; {row['reason']}"}
    _note_presence(rows, there)
    return rows


def _rank(file: Mapping[str, Any], there: Mapping[str, Identity | None]) -> tuple[bool, bool]:
    """Put what is gone behind what is there, and links behind the files that they lead to. Sorting keeps the rest."""
    return there[file["path"]] is None, there[file["path"]] is not None and is_link(file)


def _note_presence(rows: Sequence[dict[str, Any]], there: Mapping[str, Identity | None]) -> None:
    """Note in rows which files are there, and which may go: copies that are there, of one that is there and stays."""
    known: set[Identity] = set()
    kept = there[rows[0]["path"]]
    for row in rows:
        identity = there[row["path"]]
        row["there"] = identity is not None
        row["extra"] = None not in (kept, identity) and not row["keep"] and identity not in known
        if identity is None:
            row["reason"] += "; not there now as the last scan saw it"
        elif identity in known:
            row["reason"] = "another name of the same file"
        else:
            known.add(identity)


def _told(known: Known, first: int, at: int, ties: Ties) -> tuple[str, float | None, str]:
    """Give kind, distance and words of a content beside the one that is kept."""
    pair = known.picture[first], known.picture[at]
    tie = EQUAL if pair[0] == pair[1] else ties.get(pair) or ties.get(pair[::-1])
    distance = None if tie is None else round(float(tie["distance"]), 4)
    swapped = pair not in ties and pair[::-1] in ties
    return "same", distance, relation(tie, known.copies[first], known.copies[at], swapped=swapped)


def _of_equals(keep: Mapping[str, Any], twins: Sequence[Mapping[str, Any]]) -> str:
    """Say why a file is kept rather than those of the same bytes."""
    if not twins:
        return "the others are like it"
    return "the older file" if keep["mtime_ns"] < min(twin["mtime_ns"] for twin in twins) else "the shorter path"


def _row(
    known: Known, file: Mapping[str, Any], at: int, told: tuple[str, float | None, str], *, keep: bool
) -> dict[str, Any]:
    copy = known.copies[at]
    kind, distance, words = told
    return {
        "path": file["path"],
        "kind": kind,
        "distance": distance,
        "reason": words,
        "width": copy.width,
        "height": copy.height,
        "size": file["size"],
        "keep": keep,
    }
