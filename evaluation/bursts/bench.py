"""How well bursts are found, and their best frames picked, in an album of which all is known.

Grouping is judged by BCubed (Amigo et al. 2009): a shot's precision is the share of true companions in the group that
was found for it, its recall the share of its true group that was found with it; a shot always counts itself, and one
that is alone is a group of one. Means are over shots, and F1 is the harmonic mean of the two means. A pair of files
from one press of the shutter is one shot.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from photoidx.evaluation.bursts.builder import DAMAGES, KINDS, BurstAmount, TrueFrame, Truth, build
from photoidx.evaluation.bursts.closed_eyes import CLOSED_EYES, Finder, found_faces
from photoidx.evaluation.bursts.closed_eyes import DAMAGES as EYES
from photoidx.evaluation.bursts.frames import laplacian_variance
from photoidx.evaluation.statistics import bcubed_items, means

Row = dict[str, Any]
NO_GROUP = "none"
_WALK = "walk"


class BurstAnswers(Protocol):
    """What is asked of a library, as `photoidx.Library` answers it."""

    def bursts(self) -> Sequence[Mapping[str, Any]]:
        """Return the groups: burst_id, kind, and frames with the paths of all `files` of a shot."""

    def best_of_bursts(self) -> Sequence[Mapping[str, Any]]:
        """Return for each burst its burst_id, its `pick` with a path, and whether it is a `close_call`."""


Index = Callable[[Path], BurstAnswers]
"""Reads an album and gives what can be asked about it."""


@dataclass(frozen=True)
class FoundBursts:
    """A group that was found: its shots as the truth names them, the pick among them, whether that was a close call."""

    burst_id: str
    kind: str
    shots: frozenset[str]
    pick: str | None = None
    close_call: bool = False


@dataclass(frozen=True)
class BurstReport:
    """The tables of the benchmark, by name, and a line for each error."""

    tables: Mapping[str, Sequence[Row]]
    errors: Sequence[Row]


def bench(  # noqa: PLR0917 - the last five have defaults that suit
    folders: Iterable[Path],
    album: Path,
    seed: int,
    index: Index,
    amount: BurstAmount | None = None,
    walks: Iterable[Path] = (),
    truth_file: Path | None = None,
    faces: Iterable[Path] = (),
    finder: Finder = found_faces,
) -> BurstReport:
    """Build an album into an empty folder, have it read, ask for the bursts and their best frames, and judge both.

    The truth is written to `truth_file`, if there is one, before the album is read.
    """
    truth = build(folders, album, seed, amount, walks, faces, finder)
    if truth_file:
        truth.save(truth_file)
    answers = index(album)
    return judge(truth, album, answers.bursts(), answers.best_of_bursts())


def judge(
    truth: Truth, album: Path, bursts: Sequence[Mapping[str, Any]], best: Sequence[Mapping[str, Any]]
) -> BurstReport:
    """Compare the answers about an album with the truth. Raises KeyError if they name a file that it has not."""
    shot_of = {os.path.join(os.path.abspath(album), file.path): file.shot for file in truth.files}
    choices = {each["burst_id"]: each for each in best}
    found, twice = [], 0
    for group in bursts:
        frames = [{shot_of[path] for path in frame["files"]} for frame in group["frames"]]
        shots = frozenset().union(*frames)
        twice += sum(map(len, frames)) - len(shots)
        choice = choices.get(group["burst_id"])
        pick = shot_of[choice["pick"]["path"]] if choice and choice["pick"] else None
        close = bool(choice and choice["close_call"])
        found.append(FoundBursts(group["burst_id"], group["kind"], shots, pick, close))
    shots_of_truth = {file.shot: file for file in truth.files}
    sharpness = _sharpness(shots_of_truth.values(), album)
    return BurstReport(
        {
            "grouping": grouping_rows(shots_of_truth, found),
            "mistakes": _mistake_rows(shots_of_truth, found, twice),
            "kinds": kind_rows(shots_of_truth, found),
            "choice": choice_rows(shots_of_truth, found, sharpness),
            **({CLOSED_EYES: eyes} if (eyes := eye_rows(truth)) else {}),
        },
        [*_grouping_errors(shots_of_truth, found), *_choice_errors(shots_of_truth, found)],
    )


def grouping_rows(truth: Mapping[str, TrueFrame], found: Sequence[FoundBursts]) -> list[Row]:
    """Return BCubed of all shots, of those that belong to a group, of each kind and of each trap.

    `truth` has one file for each shot. A group of another kind than the true one counts as right here.
    """
    predicted = {shot: f"alone {shot}" for shot in truth}
    for place, group in enumerate(found):
        predicted.update(dict.fromkeys(group.shots, f"group {place}"))
    items = bcubed_items(predicted, {shot: file.group or f"alone {shot}" for shot, file in truth.items()})
    parts: dict[str, list[str]] = {"all": list(truth)}
    parts["in groups"] = [shot for shot, file in truth.items() if file.group]
    for kind in (*KINDS, None):
        name = kind or "single"
        parts[name] = [shot for shot, file in truth.items() if file.kind == kind and file.trap is None]
    for trap in dict.fromkeys(file.trap for file in truth.values() if file.trap):
        parts[f"trap: {trap}"] = [shot for shot, file in truth.items() if file.trap == trap]
    rows = []
    for name, shots in parts.items():
        if shots:
            precision, recall, f1 = (round(each, 4) for each in means([items[shot] for shot in shots]))
            groups = len({truth[shot].group for shot in shots} - {None})
            row = {"of": name, "shots": len(shots), "groups": groups}
            rows.append(row | {"precision": precision, "recall": recall, "f1": f1})
    return rows


def _mistake_rows(truth: Mapping[str, TrueFrame], found: Sequence[FoundBursts], twice: int) -> list[Row]:
    """Count what must not be at all: a walk is no burst, whatever its photos look like."""
    counts = {
        "groups that mix cameras": sum(_mixes(truth, group, "camera") for group in found),
        "groups that mix scenes": sum(_mixes(truth, group, "scene") for group in found),
        "groups in walks": sum(any(truth[shot].trap == _WALK for shot in group.shots) for group in found),
        "shots counted twice": twice,
    }
    return [{"mistake": name, "count": count} for name, count in counts.items()]


def _mixes(truth: Mapping[str, TrueFrame], group: FoundBursts, what: str) -> bool:
    return len({getattr(truth[shot], what) for shot in group.shots}) > 1


def _true_groups(truth: Mapping[str, TrueFrame]) -> dict[str, list[TrueFrame]]:
    groups: dict[str, list[TrueFrame]] = defaultdict(list)
    for file in truth.values():
        if file.group:
            groups[file.group].append(file)
    return groups


def match(frames: Iterable[TrueFrame], found: Sequence[FoundBursts]) -> FoundBursts | None:
    """Return the found group that shares the most shots with a true one; None if none shares two."""
    shots = {file.shot for file in frames}
    nearest = max(found, key=lambda group: len(group.shots & shots), default=None)
    return nearest if nearest and len(nearest.shots & shots) > 1 else None


def kind_rows(truth: Mapping[str, TrueFrame], found: Sequence[FoundBursts]) -> list[Row]:
    """Return how many true groups of each kind were called what; the last row: found groups without a true one."""
    groups = _true_groups(truth)
    rows: list[Row] = []
    known: set[str] = set()
    for kind in KINDS:
        called: Counter[str] = Counter()
        for frames in groups.values():
            if frames[0].kind == kind:
                nearest = match(frames, found)
                called[nearest.kind if nearest else NO_GROUP] += 1
                known |= {nearest.burst_id} if nearest else set()
        rows.append({"truth": kind} | {name: called[name] for name in (*KINDS, NO_GROUP)})
    more = Counter(group.kind for group in found if group.burst_id not in known)
    return [*rows, {"truth": NO_GROUP} | {name: more[name] for name in KINDS} | {NO_GROUP: None}]


def _judged(truth: Mapping[str, TrueFrame]) -> dict[str, dict[str, list[TrueFrame]]]:
    """Return the bursts that are no traps: for each kind of damage, or "none", the frames of each."""
    judged: dict[str, dict[str, list[TrueFrame]]] = {name: {} for name in (*DAMAGES, *EYES, "none")}
    for name, frames in _true_groups(truth).items():
        if frames[0].kind == "burst" and frames[0].trap is None:
            judged[_damage_of(frames)][name] = frames
    return judged


def _damage_of(frames: Iterable[TrueFrame]) -> str:
    damages = {file.damage for file in frames if file.damage}
    return "mixed" if len(damages) > 1 else next(iter(damages), "none")


def choice_rows(
    truth: Mapping[str, TrueFrame], found: Sequence[FoundBursts], sharpness: Mapping[str, float]
) -> list[Row]:
    """Return for each kind of damage the share of bursts whose undamaged frame is picked, and what else would give.

    A burst that was not found counts as a wrong pick. `laplacian` picks the highest variance of the Laplacian. Shares
    are in per cent. In the last row, of equally good frames, it is `close_calls` that should be as many as there are.
    Bursts with closed eyes do not count in the row of all damages: those are as sharp as their best frame.
    """
    judged = _judged(truth)
    whole = {name: frames for damage in DAMAGES for name, frames in judged[damage].items()}
    rows = []
    parts = {name: judged[name] for name in DAMAGES} | {"all": whole}
    for damage, bursts in {**parts, **{name: judged[name] for name in EYES}, "none": judged["none"]}.items():
        if not bursts:
            continue
        groups = [match(frames, found) for frames in bursts.values()]
        row: Row = {
            "damage": damage,
            "bursts": len(bursts),
            "found": sum(group is not None for group in groups),
            "close_calls": sum(group is not None and group.close_call for group in groups),
        }
        row |= dict.fromkeys(("picked", "chance", "laplacian"))
        if damage != "none":
            best = [next(file.shot for file in frames if file.best) for frames in bursts.values()]
            sharpest = [max(frames, key=lambda file: sharpness[file.shot]).shot for frames in bursts.values()]
            row["picked"] = _percent([bool(group) and group.pick == shot for group, shot in _zip(groups, best)])
            row["chance"] = _percent([1 / len(frames) for frames in bursts.values()])
            row["laplacian"] = _percent([one == other for one, other in _zip(sharpest, best)])
        rows.append(row)
    return rows


def eye_rows(truth: Truth) -> list[Row]:
    """Return for each light how painted eyes are read, in per cent, and what was passed over in the last row.

    `believed` are those that read as open before they were painted; `shut`, `unclear` and `open` are of these.
    """
    rows: list[Row] = []
    for damage in EYES:
        files = {file.shot: file for file in truth.files if file.damage == damage and file.eyes is not None}.values()
        if not files:
            continue
        after = [end for start, end in (str(file.eyes).split(" to ") for file in files) if start == "open"]
        median, most = (
            round(float(each), 2) for each in np.percentile([file.strength or 0.0 for file in files], (50, 90))
        )
        row: Row = {"eyes": damage, "frames": len(files), "median": median, "p90": most, "believed": len(after)}
        parts = {"shut": {"shut", "one shut"}, "unclear": {"unclear"}, "open": {"open"}}
        rows.append(
            row | {name: _percent([each in told for each in after]) if after else None for name, told in parts.items()}
        )
    photos, faces = truth.passed_over
    if rows:
        rows.append(dict.fromkeys(rows[0]) | {"eyes": f"passed over: {photos} photos, {faces} faces"})
    return rows


def _zip(one: Sequence[Any], other: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(one, other, strict=True)


def _percent(shares: Sequence[float]) -> float:
    return round(100 * float(np.mean(shares)), 1)


def _sharpness(files: Iterable[TrueFrame], album: Path) -> dict[str, float]:
    """Measure the frames of the bursts that are judged."""
    found = {}
    for file in files:
        if file.kind == "burst" and file.trap is None:
            with Image.open(album / file.path) as image:
                found[file.shot] = laplacian_variance(np.asarray(image.convert("RGB")))
    return found


def _grouping_errors(truth: Mapping[str, TrueFrame], found: Sequence[FoundBursts]) -> list[Row]:
    """Name what was torn apart, not found, called otherwise, or put together with unrelated photos."""
    errors = []
    for name, frames in _true_groups(truth).items():
        nearest = match(frames, found)
        shots = {file.shot for file in frames}
        if nearest is None:
            errors.append(_error("not found", frames[0], name))
        elif missing := sorted(shots - nearest.shots):
            errors.append(_error("frames missing", frames[0], f"{name}, {nearest.burst_id}: {', '.join(missing)}"))
        if nearest and nearest.kind != frames[0].kind:
            errors.append(_error(f"called {nearest.kind}", frames[0], f"{name}, {nearest.burst_id}"))
    for group in found:
        shots_in_order = sorted(group.shots)
        if len({truth[shot].group or shot for shot in group.shots}) > 1:
            errors.append(
                _error(
                    "unrelated photos in one group",
                    truth[shots_in_order[0]],
                    f"{group.burst_id}: {', '.join(shots_in_order)}",
                )
            )
    return errors


def _choice_errors(truth: Mapping[str, TrueFrame], found: Sequence[FoundBursts]) -> list[Row]:
    errors = []
    for damage, bursts in _judged(truth).items():
        for name, frames in bursts.items():
            nearest = match(frames, found)
            best = next((file for file in frames if file.best), None)
            if nearest is None:
                continue
            if best is None and not nearest.close_call:
                errors.append(_error("no close call", frames[0], f"{name}, {nearest.burst_id}"))
            elif best is not None and nearest.pick != best.shot:
                picked = truth[nearest.pick] if nearest.pick else best
                detail = f"{name}, {nearest.burst_id}: picked {nearest.pick}, {picked.damage} {picked.strength}"
                errors.append(_error(f"wrong pick among {damage}", best, detail))
    return errors


def _error(what: str, file: TrueFrame, detail: str) -> Row:
    trap = f" (trap: {file.trap})" if file.trap else ""
    return {"error": what + trap, "detail": f"{file.path}: {detail}"}
