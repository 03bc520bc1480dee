"""The picks: each group of the library with its best frame, every frame's rank and reason, and the user's decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.errors import QueryError
from photoidx.queries.best import GATE, Candidate, Verdict, differences, judge, praise
from photoidx.queries.burst_table import bursts
from photoidx.queries.contents import vectors_of
from photoidx.queries.decisions import Choice, decisions
from photoidx.queries.learned import Opinion, opinion
from photoidx.queries.ranker import Array, Choices, Learnt, default_weights, features, learn, uncertainty
from photoidx.queries.show import file_row
from photoidx.remembered import used_scorers
from photoidx.store import Store

# A bracket, a panorama, a time-lapse and a focus stack are one picture in several frames: nothing is to be chosen.
CHOSEN_FROM = frozenset({"burst"})
_KEPT_IN_DOUBT = 2
_SHOWN = ("technical", "sharpness_subject", "face_sharpness_min", "eyes_min", "smile_mean", "noise_sigma")


def best_of_bursts(
    store: Store, *, kinds: Iterable[str] = CHOSEN_FROM, keep: int = 1, within_s: float | None = None
) -> list[dict[str, Any]]:
    """Give for each burst its pick, what decided, and every frame with its rank and reason.

    Of each burst `keep` frames are marked to be kept, the first by rank; two if it is too close to call. What the user
    rejected is not kept, and what the user keeps is. `within_s` is as for `bursts`.
    """
    groups = [each for each in bursts(store, within_s) if each["kind"] in set(kinds)]
    held = _held(store, groups)
    facts = _Facts(store, groups)
    facts.learn(groups, held)
    return [_picked(each, facts, held, keep) for each in groups]


def _held(store: Store, groups: Iterable[Mapping[str, Any]]) -> list[Choice]:
    """Give the decisions that hold, with the shots by which the frames of these groups go."""
    own = {shot_id: frame["shot_id"] for each in groups for frame in each["frames"] for shot_id in frame["shots"]}
    return [
        replace(choice, shot_ids=tuple(own.get(shot_id, shot_id) for shot_id in choice.shot_ids))
        for choice in decisions(store)
    ]


def lessons(store: Store, count: int) -> tuple[Learnt | None, list[dict[str, Any]]]:
    """Give what was learnt from the decisions, and the undecided bursts that would teach most."""
    groups = [each for each in bursts(store) if each["kind"] in CHOSEN_FROM]
    held = _held(store, groups)
    facts = _Facts(store, groups)
    learnt = facts.learn(groups, held)
    open_ones = [each for each in groups if _chosen(held, [frame["shot_id"] for frame in each["frames"]]) is None]
    rows = [
        {
            "burst_id": each["burst_id"],
            "teaches": round(facts.uncertainty(each), 3),
            "paths": [frame["path"] for frame in each["frames"]],
        }
        for each in open_ones
    ]
    return learnt, sorted(rows, key=lambda row: (-row["teaches"], row["burst_id"]))[:count]


def chosen_pairs(store: Store) -> list[tuple[Mapping[str, Any], Mapping[str, Any], str]]:
    """Give what the user's choices of the best say: scores of the chosen frame and of another one, and their burst."""
    groups = [each for each in bursts(store) if each["kind"] in CHOSEN_FROM]
    held, facts = _held(store, groups), _Facts(store, groups)
    found = []
    for each in groups:
        chosen = _chosen(held, [frame["shot_id"] for frame in each["frames"]])
        scores = {frame["shot_id"]: facts.quality(frame["content_id"]) for frame in each["frames"]}
        if chosen is not None and scores[chosen]:
            others = [quality for shot_id, quality in scores.items() if shot_id != chosen and quality]
            found += [(scores[chosen], quality, each["burst_id"]) for quality in others]
    return found


def why(store: Store, first: str, second: str) -> dict[str, Any]:
    """Say what decided between two photos of one burst, and what would have to change for the other to win.

    Raises QueryError if they are not of one burst.
    """
    shots = [file_row(store, photo)["shot_id"] for photo in (first, second)]
    groups = bursts(store)
    for each in groups:
        places = {shot_id: number for number, frame in enumerate(each["frames"]) for shot_id in frame["shots"]}
        asked = [places[shot_id] for shot_id in shots if shot_id in places]
        if len(set(asked)) == len(shots):
            held = _held(store, groups)
            facts = _Facts(store, groups)
            facts.learn(groups, held)
            verdict = _verdict(each, facts)
            chosen = _chosen(held, [frame["shot_id"] for frame in each["frames"]])
            if chosen is not None and places[chosen] in asked:
                return _by_decision(each, verdict, places[chosen], next(at for at in asked if at != places[chosen]))
            ranks = {frame.number: rank for rank, frame in enumerate(verdict.ranked)}
            winner, other = sorted(asked, key=lambda number: ranks[number])
            return _compared(each, verdict, verdict.ranked[ranks[winner]], verdict.ranked[ranks[other]])
    raise QueryError(f"{first} and {second} are not two shots of one burst. `photoidx bursts` lists the bursts.")


class _Facts:
    """Scores and faces of the contents that are asked for."""

    def __init__(self, store: Store, groups: Sequence[Mapping[str, Any]]) -> None:
        content_ids = [frame["content_id"] for each in groups for frame in each["frames"]]
        self._store, self._ids = store, content_ids
        self._weights: Array | None = None
        self._scorers = used_scorers(store)
        self._vectors: dict[str, Array] | None = None
        self._quality = {row["content_id"]: row for row in _rows(store, "quality", content_ids)}
        self._faces: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in _rows(store, "faces", content_ids):
            self._faces[row["content_id"]].append(row)

    def quality(self, content_id: str) -> Mapping[str, Any]:
        """Give a content's scores; none if it was not scored."""
        return self._quality.get(content_id, {})

    def faces(self, content_id: str) -> Sequence[Mapping[str, Any]]:
        """Give a content's faces, the largest first."""
        return sorted(self._faces.get(content_id, ()), key=lambda row: int(row["face"]))

    def learn(self, groups: Sequence[Mapping[str, Any]], held: Sequence[Choice]) -> Learnt | None:
        """Learn from the user's choices of the best. From then on `scores` are the ranker's, if it is of use."""
        decided = []
        for each in groups:
            shots = [frame["shot_id"] for frame in each["frames"]]
            chosen = _chosen(held, shots)
            if chosen is not None and each["kind"] in CHOSEN_FROM:
                decided.append(Choices(self._features(each), shots.index(chosen)))
        learnt = learn(decided)
        if learnt is not None and learnt.is_on:
            self._weights = learnt.weights
        return learnt

    def scores(self, each: Mapping[str, Any]) -> list[float] | None:
        """Give the learnt scores of a group's frames; None while the default ranks.

        What was learnt from the user's own choices comes before what a trained scorer says.
        """
        if self._weights is not None:
            found: list[float] = (self._features(each) @ self._weights).tolist()
            return found
        said = self.opinion(each)
        return None if said is None else list(said.scores)

    def opinion(self, each: Mapping[str, Any]) -> Opinion | None:
        """Give what a trained scorer says of a group's frames, if it is the one that ranks."""
        if self._weights is not None:
            return None
        return opinion([self.quality(frame["content_id"]) for frame in each["frames"]], self._scorers)

    def uncertainty(self, each: Mapping[str, Any]) -> float:
        """Say how much a choice in this group would teach, 0 to 1."""
        frames = self._features(each)
        return uncertainty(frames, default_weights(frames.shape[1]) if self._weights is None else self._weights)

    def _features(self, each: Mapping[str, Any]) -> Array:
        if self._vectors is None:
            self._vectors = dict(zip(self._ids, vectors_of(self._store, self._ids), strict=True))
        qualities = [self.quality(frame["content_id"]) for frame in each["frames"]]
        vectors = [self._vectors[frame["content_id"]] for frame in each["frames"]]
        return features(qualities, [quality.get("sharpness_subject") for quality in qualities], np.array(vectors))


def _rows(store: Store, table: str, content_ids: Sequence[str]) -> list[dict[str, Any]]:
    if table not in store.names() or not content_ids:
        return []
    found = store.read(table)
    rows: list[dict[str, Any]] = found.filter(
        pc.is_in(found["content_id"], value_set=pa.array(sorted(set(content_ids)), pa.string()))
    ).to_pylist()
    return rows


def _verdict(each: Mapping[str, Any], facts: _Facts) -> Verdict:
    frames = each["frames"]
    return judge(
        [frame["path"] for frame in frames],
        [facts.quality(frame["content_id"]) for frame in frames],
        [facts.faces(frame["content_id"]) for frame in frames],
        facts.scores(each),
    )


def _picked(each: Mapping[str, Any], facts: _Facts, held: Sequence[Choice], keep: int) -> dict[str, Any]:
    verdict = _verdict(each, facts)
    frames = each["frames"]
    ranked = list(verdict.ranked)
    shots = [frame["shot_id"] for frame in frames]
    chosen = _chosen(held, shots)
    wish = _wishes(held)
    asked = facts.opinion(each)
    said = asked.name if asked is not None else ""
    decided_by, margin, close = verdict.decided_by, verdict.margin, verdict.close_call
    ranked.sort(key=lambda frame: (shots[frame.number] != chosen, wish.get(shots[frame.number], 0)))
    if ranked[0] is not verdict.ranked[0] or chosen is not None:
        decided_by, margin, close = "decision", 0.0, False
    kept = max(keep, _KEPT_IN_DOUBT if close else 1)
    rows = []
    for rank, frame in enumerate(ranked, 1):
        wished = wish.get(shots[frame.number], 0)
        found = differences(verdict.ranked[0], frame, on_faces=verdict.on_faces)
        words = praise(verdict, said) if frame is verdict.ranked[0] else "; ".join(one.words for one in found)
        yours = "you chose it" if shots[frame.number] == chosen else _WISHED[wished]
        reason = f"{yours} ({words or 'equal'})" if yours else words or "equally good"
        rows.append(
            {
                "path": frame.path,
                "files": frames[frame.number]["files"],
                "shot_id": shots[frame.number],
                "rank": rank,
                "keep": shots[frame.number] == chosen or wished < 0 or (wished == 0 and rank <= kept),
                "reason": reason,
                "differences": [asdict(one) for one in found],
                "scores": {name: frame.quality.get(name) for name in _SHOWN},
            }
        )
    return {
        "burst_id": each["burst_id"],
        "kind": each["kind"],
        "decided_by": decided_by,
        "margin": round(margin, 4),
        "close_call": close,
        "pick": {"path": rows[0]["path"], "files": rows[0]["files"], "reason": rows[0]["reason"]},
        "frames": rows,
        "everyone_open": [frames[number]["path"] for number in verdict.cover]
        if len(verdict.open_in) > 1 and all(verdict.open_in)
        else [],
    }


def _by_decision(each: Mapping[str, Any], verdict: Verdict, winner: int, other: int) -> dict[str, Any]:
    """Say that the user decided, and what the rules would say."""
    by_number = {frame.number: frame for frame in verdict.ranked}
    told = _compared(each, verdict, by_number[winner], by_number[other])
    return {**told, "rule": "decision", "for_the_other_to_win": "you would have to choose it: photoidx decide best"}


_WISHED = {-1: "you keep it", 0: "", 1: "you rejected it"}


def _chosen(held: Sequence[Choice], shots: Sequence[str]) -> str | None:
    """Give the shot of a group that the user chose last, and has not rejected since; None if there is none."""
    since: dict[str, str] = {}
    for each in reversed(held):
        first = each.shot_ids[0]
        if each.verb == "best" and first in shots and since.get(first) != "reject":
            return first
        if each.verb in {"keep", "reject"}:
            since = dict.fromkeys(each.shot_ids, each.verb) | since
    return None


def _wishes(held: Sequence[Choice]) -> dict[str, int]:
    """Give -1 for shots to keep and 1 for rejected ones; the newest decision holds."""
    found: dict[str, int] = {}
    for each in held:
        if each.verb in {"keep", "reject"}:
            found |= dict.fromkeys(each.shot_ids, -1 if each.verb == "keep" else 1)
    return found


def _compared(each: Mapping[str, Any], verdict: Verdict, winner: Candidate, other: Candidate) -> dict[str, Any]:
    found = differences(winner, other, on_faces=verdict.on_faces)
    if len(winner.closed) != len(other.closed):
        rule, change = "eyes", "nobody whose eyes are open in another frame may have them closed"
    elif winner.soft != other.soft:
        needed, has = max(one.sharpness or 0.0 for one in verdict.ranked if not one.soft) - GATE, other.sharpness or 0.0
        rule, change = "sharpness", f"its sharpness would have to be {needed:.1f} or more, it is {has:.1f}"
    else:
        rule, change = "score", f"its score would have to rise by {max(winner.score - other.score, 0):.3f}"
    return {
        "burst_id": each["burst_id"],
        "winner": winner.path,
        "other": other.path,
        "rule": rule,
        "score": {"winner": round(winner.score, 4), "other": round(other.score, 4)},
        "parts": {"winner": winner.parts, "other": other.parts},
        "differences": [asdict(one) for one in found],
        "for_the_other_to_win": change,
    }
