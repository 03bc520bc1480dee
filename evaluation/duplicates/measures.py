"""What counts as right where copies of pictures are looked for: pure functions of the pairs that were called.

A pair of files is true if both come from one press of the shutter. Precision is the share of the called pairs that are
true. Recall is the share of the pairs of an original and an edited copy of it that are called. Intervals are 95 %, by
bootstrap over originals; a false pair counts half to each of the two photos that it ties.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

from photoidx.evaluation.bursts.builder import KINDS
from photoidx.evaluation.duplicates.builder import ORIGINAL, TrueFile
from photoidx.evaluation.statistics import bcubed, interval
from photoidx.union_find import UnionFind

Row = dict[str, Any]
Pair = tuple[str, str]
"""Two paths, the lower one first."""
Group = Mapping[str, Any]
"""A group as `Library.duplicates` gives it: `keep`, and `files` with a `path` and a `kind` each."""

CLOSE = frozenset({"identical", "same", "edited", "part of"})
UNRELATED = "unrelated"
BYTES = "bytes"  # the edit that changes nothing
_DIGITS = 4


def pair(one: str, other: str) -> Pair:
    """Put two paths in order."""
    return (one, other) if one <= other else (other, one)


def pairs_of(groups: Iterable[Group], kinds: Collection[str] = CLOSE) -> dict[Pair, float]:
    """Return the pairs of files in one group that both have one of the kinds, and how far apart they may be.

    That is the larger of their distances to the kept file; one that is not told is taken as 1.
    """
    found: dict[Pair, float] = {}
    for group in groups:
        members = [(file["path"], file["distance"]) for file in group["files"] if file["kind"] in kinds]
        for (one, first), (other, second) in itertools.combinations(members, 2):
            found[pair(one, other)] = max(1.0 if each is None else each for each in (first, second))
    return found


def components(items: Iterable[str], pairs: Iterable[Pair]) -> dict[str, str]:
    """Label items by the lowest of those that they hang together with."""
    joined = UnionFind(items).join_all(pairs)
    return {item: head for head, members in joined.sets().items() for item in members}


def asked_pairs(truth: Iterable[TrueFile]) -> dict[Pair, TrueFile]:
    """Return the pairs of an original and an edited copy of it, with the copy."""
    files = list(truth)
    originals = {file.press: file.path for file in files if file.edit == ORIGINAL}
    return {pair(originals[file.press], file.path): file for file in files if file.edit != ORIGINAL}


def overall_row(name: str, truth: Sequence[TrueFile], called: Collection[Pair], seed: int) -> Row:
    """Return precision, recall and BCubed F1 of what one way has called, with intervals.

    Recall is over copies of originals; copies of frames of bursts have a line of their own among the edits.
    `all_pairs` is the share of all true pairs that is called, of two copies as well.
    """
    of = {file.path: file for file in truth}
    right: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for one, other in called:
        for file in (of[one], of[other]):
            count[file.press] += 1
            right[file.press] += of[one].press == of[other].press
    # Each pair was counted on both of its sides: all counts are doubled alike.
    precision = _share([(right[press], count[press]) for press in count], seed)
    asked = [(each, file) for each, file in asked_pairs(truth).items() if not file.trap]
    recall = _share(_by_press([(file, each in called) for each, file in asked]), seed)
    possible = _true_pairs(truth)
    found = right.total() // 2
    clusters = bcubed(components(of, called), {file.path: file.press for file in truth})
    return {
        "by": name,
        "called_pairs": len(called),
        "false_pairs": len(called) - found,
        **_named("precision", precision),
        **_named("recall", recall),
        "all_pairs": _round(found / possible) if possible else None,
        "bcubed_f1": _round(clusters[2]),
    }


def edit_rows(truth: Sequence[TrueFile], ways: Mapping[str, Collection[Pair]], seed: int) -> list[Row]:
    """Return for each kind of edit how many copies are found together with their original, by each way.

    The interval is that of the first way.
    """
    parts: dict[str, list[tuple[Pair, TrueFile]]] = defaultdict(list)
    for each, file in asked_pairs(truth).items():
        parts[f"{file.edit}, of a burst" if file.trap else file.edit].append((each, file))
    first, *_ = ways
    rows = []
    for name, asked in parts.items():
        row: Row = {"edit": name, "pairs": len(asked)}
        for way, called in ways.items():
            shares = _by_press([(file, each in called) for each, file in asked])
            named = _named("recall", _share(shares, seed))
            row |= named if way == first else {way: named["recall"]}
        rows.append(row)
    return rows


def trap_rows(truth: Sequence[TrueFile], ways: Mapping[str, Collection[Pair]]) -> list[Row]:
    """Return for each kind of look-alikes how many pairs of them there are, and how many each way calls."""
    of = {file.path: file for file in truth}
    possible: Counter[str] = Counter()
    scenes: dict[str, list[TrueFile]] = defaultdict(list)
    for file in truth:
        scenes[file.scene].append(file)
    for files in scenes.values():
        possible[_label(files[0], files[0])] += _all_pairs(files) - _true_pairs(files)
    possible[UNRELATED] = _all_pairs(truth) - _true_pairs(truth) - possible.total()
    wrong = {
        way: Counter(_label(of[one], of[other]) for one, other in called if of[one].press != of[other].press)
        for way, called in ways.items()
    }
    return [
        {"trap": label, "pairs": count, **{way: wrong[way][label] for way in ways}}
        for label, count in possible.items()
        if count
    ]


def _all_pairs(files: Collection[TrueFile]) -> int:
    return len(files) * (len(files) - 1) // 2


def _true_pairs(files: Iterable[TrueFile]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(file.press for file in files).values())


def _label(one: TrueFile, other: TrueFile) -> str:
    """Name what two files that are not of one press have in common."""
    if one.scene != other.scene:
        return UNRELATED
    return one.trap if one.trap in KINDS else f"two of {one.scene}"


def group_rows(truth: Sequence[TrueFile], groups: Sequence[Group]) -> list[Row]:
    """Count the groups, those that mix pictures, and what is kept: counts, and shares of the groups of copies.

    A group is judged by the press that most of its close files come from.
    """
    of = {file.path: file for file in truth}
    kept: Counter[str] = Counter()
    heads: set[str] = set()
    mixed = judged = complete = 0
    sizes = Counter(file.press for file in truth)
    for group in groups:
        presses = Counter(of[file["path"]].press for file in group["files"] if file["kind"] in CLOSE)
        if presses.total() < 2:  # noqa: PLR2004 - a pair
            continue
        judged += 1
        mixed += len(presses) > 1
        complete += len(presses) == 1 and presses.total() == sizes[next(iter(presses))]
        kept[of[group["keep"]].edit] += 1
        heads.add(of[group["keep"]].press)
    split = judged - len(heads)
    extra = [
        (of[file["path"]], of[file["goes_for"]]) for group in groups for file in group["files"] if file.get("extra")
    ]
    counts = {
        "of copies": judged,
        "that mix pictures": mixed,
        "whole and pure": complete,
        "beyond one a picture": split,
        "files that may go": len(extra),
        "of them originals": sum(file.edit == ORIGINAL and kept.edit != BYTES for file, kept in extra),
        "of them of another press": sum(file.press != kept.press for file, kept in extra),
        **{f"keep: {edit}": count for edit, count in kept.most_common()},
    }
    rows: list[Row] = [{"what": name, "groups": count} for name, count in counts.items()]
    return [row | {"share": _round(row["groups"] / judged) if judged else None} for row in rows]


def error_rows(truth: Sequence[TrueFile], called: Mapping[Pair, float]) -> list[Row]:
    """Name what went wrong: false pairs, the nearest first, then copies that are not with their original."""
    of = {file.path: file for file in truth}
    false = sorted((distance, each) for each, distance in called.items() if of[each[0]].press != of[each[1]].press)
    rows = [
        _error(f"false: {_label(of[one], of[other])}, {of[one].edit} and {of[other].edit}", (one, other), distance)
        for distance, (one, other) in false
    ]
    missed = sorted((file.edit, each) for each, file in asked_pairs(truth).items() if each not in called)
    return rows + [_error(f"missed: {edit}", each) for edit, each in missed]


def partition_errors(name: str, truth: Mapping[str, Hashable], called: Mapping[Pair, float]) -> list[Row]:
    """Name the false pairs, the nearest first, and the true ones that are not called."""
    false = sorted((distance, each) for each, distance in called.items() if truth[each[0]] != truth[each[1]])
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for path in sorted(truth):
        groups[truth[path]].append(path)
    true = (each for paths in groups.values() for each in itertools.combinations(paths, 2))
    rows = [_error(f"false: {name}", each, distance) for distance, each in false]
    return rows + [_error(f"missed: {name}", each) for each in true if each not in called]


def _error(what: str, paths: Pair, distance: float | None = None) -> Row:
    shown = None if distance is None else _round(distance)
    return {"error": what, "first": paths[0], "second": paths[1], "distance": shown}


def partition_row(name: str, truth: Mapping[str, Hashable], called: Collection[Pair]) -> Row:
    """Compare called pairs with groups that are true: precision and recall of pairs, and BCubed.

    `truth` gives each file's group. Precision is empty where nothing was called, recall where there is nothing to call.
    """
    right = sum(truth[one] == truth[other] for one, other in called)
    possible = sum(size * (size - 1) // 2 for size in Counter(truth.values()).values())
    labels = {path: str(group) for path, group in truth.items()}
    precision, recall, f1 = bcubed(components(truth, called), labels)
    return {
        "of": name,
        "files": len(truth),
        "called_pairs": len(called),
        "true_pairs": possible,
        "precision": _round(right / len(called)) if called else None,
        "recall": _round(right / possible) if possible else None,
        "bcubed_precision": _round(precision),
        "bcubed_recall": _round(recall),
        "bcubed_f1": _round(f1),
    }


def _by_press(found: Iterable[tuple[TrueFile, bool]]) -> list[tuple[float, int]]:
    right: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for file, is_right in found:
        count[file.press] += 1
        right[file.press] += is_right
    return [(right[press], count[press]) for press in count]


def _share(counts: Sequence[tuple[float, int]], seed: int) -> tuple[float, float, float] | None:
    """Return a share and its interval from the right ones and all of each original; None if there is nothing."""
    total = sum(count for _, count in counts)
    if not total:
        return None
    return sum(right for right, _ in counts) / total, *interval(counts, seed)


def _named(name: str, share: tuple[float, float, float] | None) -> Row:
    value, low, high = (None, None, None) if share is None else map(_round, share)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _round(share: float) -> float:
    return round(share, _DIGITS)
