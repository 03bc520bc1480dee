"""The picks: each group of the library with its best frame, every frame's rank and reason, and the user's decisions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.errors import QueryError
from photoidx.queries.best.bradley_terry import Array
from photoidx.queries.best.ranker import Choices, Learnt, default_weights, features, learn, uncertainty
from photoidx.queries.best.selection import Candidate, Ranking, differences, judge, pick_reason
from photoidx.queries.best.sharper import GATE
from photoidx.queries.best.trained_scores import Opinion, opinion
from photoidx.queries.bursts.table import bursts
from photoidx.queries.contents import vectors_of
from photoidx.queries.decisions.view import DecisionView, Flag, read_view
from photoidx.queries.resolve import resolve_photo
from photoidx.remembered import used_scorers
from photoidx.storage.store import Store

# A bracket, a panorama, a time-lapse and a focus stack are one picture in several frames: nothing is to be chosen.
CHOSEN_FROM = frozenset({"burst"})
_KEPT_IN_DOUBT = 2
_SHOWN = ("technical", "sharpness_subject", "face_sharpness_min", "eyes_min", "smile_mean", "noise_sigma")


def best_of_bursts(
    store: Store,
    *,
    kinds: Iterable[str] = CHOSEN_FROM,
    keep: int = 1,
    within_s: float | None = None,
    as_decided: bool = True,
    known: Sequence[Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Return for each burst its pick, what decided, and every frame with its rank and reason.

    Of each burst `keep` frames are marked to be kept, the first by rank; two if it is too close to call. What the user
    rejected is not kept, and what the user keeps is. `within_s` is as for `bursts`. Without `as_decided` frames are
    told as if nothing had been decided of them; what was learnt from decisions counts all the same. `known` are the
    groups, where `bursts` has been asked already.
    """
    asked = set(kinds)
    groups = [each for each in (bursts(store, within_s) if known is None else known) if each["kind"] in asked]
    said = read_view(store)
    facts = _Facts(store, groups)
    facts.learn(groups, said)
    shown = said if as_decided else DecisionView()
    return [_picked(each, facts, shown, keep) for each in groups]


def lessons(store: Store, count: int) -> tuple[Learnt | None, list[dict[str, Any]]]:
    """Return what was learnt from the decisions, and the undecided bursts that would teach most."""
    groups = [each for each in bursts(store) if each["kind"] in CHOSEN_FROM]
    said = read_view(store)
    facts = _Facts(store, groups)
    learnt = facts.learn(groups, said)
    open_ones = [each for each in groups if _chosen(said, each) is None]
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
    """Return what the user's choices of the best say: scores of the chosen frame and of another, and their burst."""
    groups = [each for each in bursts(store) if each["kind"] in CHOSEN_FROM]
    said, facts = read_view(store), _Facts(store, groups)
    found = []
    for each in groups:
        chosen = _chosen(said, each)
        scores = [facts.quality(frame["content_id"]) for frame in each["frames"]]
        if chosen is not None and scores[chosen]:
            others = [quality for number, quality in enumerate(scores) if number != chosen and quality]
            found += [(scores[chosen], quality, each["burst_id"]) for quality in others]
    return found


def why(store: Store, first: str, second: str) -> dict[str, Any]:
    """Say what decided between two photos of one burst, and what would have to change for the other to win.

    Raises QueryError if they are not of one burst.
    """
    shots = [resolve_photo(store, photo)["shot_id"] for photo in (first, second)]
    groups = bursts(store)
    for each in groups:
        places = {shot_id: number for number, frame in enumerate(each["frames"]) for shot_id in frame["shots"]}
        asked = [places[shot_id] for shot_id in shots if shot_id in places]
        if len(set(asked)) == len(shots):
            said = read_view(store)
            facts = _Facts(store, groups)
            facts.learn(groups, said)
            verdict = _verdict(each, facts)
            chosen = _chosen(said, each)
            if chosen is not None and chosen in asked:
                return _by_decision(each, verdict, chosen, next(at for at in asked if at != chosen))
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
        """Return a content's scores; none if it was not scored."""
        return self._quality.get(content_id, {})

    def faces(self, content_id: str) -> Sequence[Mapping[str, Any]]:
        """Return a content's faces, the largest first."""
        return sorted(self._faces.get(content_id, ()), key=lambda row: int(row["face"]))

    def learn(self, groups: Sequence[Mapping[str, Any]], said: DecisionView) -> Learnt | None:
        """Learn from the user's choices of the best. From then on `scores` are the ranker's, if it is of use."""
        decided = []
        for each in groups:
            chosen = _chosen(said, each)
            if chosen is not None and each["kind"] in CHOSEN_FROM:
                decided.append(Choices(self._features(each), chosen))
        learnt = learn(decided)
        if learnt is not None and learnt.is_on:
            self._weights = learnt.weights
        return learnt

    def scores(self, each: Mapping[str, Any]) -> list[float] | None:
        """Return the learnt scores of a group's frames; None while the default ranks.

        What was learnt from the user's own choices comes before what a trained scorer says.
        """
        if self._weights is not None:
            found: list[float] = (self._features(each) @ self._weights).tolist()
            return found
        said = self.opinion(each)
        return None if said is None else list(said.scores)

    def opinion(self, each: Mapping[str, Any]) -> Opinion | None:
        """Return what a trained scorer says of a group's frames, if it is the one that ranks."""
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


def _verdict(each: Mapping[str, Any], facts: _Facts) -> Ranking:
    frames = each["frames"]
    return judge(
        [frame["path"] for frame in frames],
        [facts.quality(frame["content_id"]) for frame in frames],
        [facts.faces(frame["content_id"]) for frame in frames],
        facts.scores(each),
    )


def _picked(each: Mapping[str, Any], facts: _Facts, said: DecisionView, keep: int) -> dict[str, Any]:
    verdict = _verdict(each, facts)
    frames = each["frames"]
    ranked = list(verdict.ranked)
    chosen = _chosen(said, each)
    flags = [said.flag(frame["shots"]) for frame in frames]
    asked = facts.opinion(each)
    by = asked.name if asked is not None else ""
    decided_by, margin, close = verdict.decided_by, verdict.margin, verdict.close_call
    ranked.sort(key=lambda frame: (frame.number != chosen, flags[frame.number]))
    if ranked[0] is not verdict.ranked[0] or chosen is not None:
        decided_by, margin, close = "decision", 0.0, False
    kept = max(keep, _KEPT_IN_DOUBT if close else 1)
    rows = []
    for rank, frame in enumerate(ranked, 1):
        flag, shots = flags[frame.number], frames[frame.number]["shots"]
        found = differences(verdict.ranked[0], frame, verdict.leads.get((verdict.ranked[0].number, frame.number)))
        words = pick_reason(verdict, by) if frame is verdict.ranked[0] else "; ".join(one.words for one in found)
        yours = _FLAGGED[flag]
        reason = f"{yours} ({words or 'equal'})" if yours else words or "equally good"
        rows.append(
            {
                "path": frame.path,
                "files": frames[frame.number]["files"],
                "shot_id": frames[frame.number]["shot_id"],
                "rank": rank,
                "keep": said.is_wanted(shots) or (flag is Flag.UNDECIDED and rank <= kept),
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


def _by_decision(each: Mapping[str, Any], verdict: Ranking, winner: int, other: int) -> dict[str, Any]:
    """Say that the user decided, and what the rules would say."""
    by_number = {frame.number: frame for frame in verdict.ranked}
    told = _compared(each, verdict, by_number[winner], by_number[other])
    return {**told, "rule": "decision", "for_the_other_to_win": "you would have to choose it: photoidx decide best"}


_FLAGGED = {
    Flag.CHOSEN: "you chose it",
    Flag.KEPT: "you keep it",
    Flag.UNDECIDED: "",
    Flag.REJECTED: "you rejected it",
}


def _chosen(said: DecisionView, each: Mapping[str, Any]) -> int | None:
    """Return the number of a group's frame that the user chose; None if there is none."""
    return said.chosen_of([frame["shots"] for frame in each["frames"]])


def _compared(each: Mapping[str, Any], verdict: Ranking, winner: Candidate, other: Candidate) -> dict[str, Any]:
    lead = verdict.leads.get((winner.number, other.number))
    found = differences(winner, other, lead)
    if len(winner.closed) != len(other.closed):
        rule, change = "eyes", "nobody whose eyes are open in another frame may have them closed"
    elif winner.soft != other.soft:
        needed = math.exp((other.behind or 0.0) - GATE)
        rule, change = "sharpness", f"it would have to show {needed:.1f}x as much fine detail"
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
