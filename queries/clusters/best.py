"""The best photo of each cluster, and why. What can not be compared between different scenes does not count.

1. What the user decided: the photo chosen last, then the kept ones; the rejected ones come last.
2. Membership: a photo that belongs to the cluster by less than half does not stand for it.
3. Eyes: a photo loses in which an important face has an eye clearly shut.
4. Score: the technical score. Sharpness is in it; alone it can't be compared between scenes. Of equal ones, wider open
   eyes, then the surer member.

Of a burst only the picked frame is a candidate (`queries/best/picks.py`); the others follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from photoidx.queries.best.picks import best_of_bursts
from photoidx.queries.best.selection import CLOSE_CALL
from photoidx.queries.clusters.table import Cluster, ClusterMember
from photoidx.queries.contents import columns_of
from photoidx.queries.decisions.view import Flag, read_view
from photoidx.storage.store import Store

_BELONGS = 0.5
_MEASURED = ("technical", "eyes_min", "eyes_shut", "eyes_unclear", "blur_kind", "clipped_highlights", "noise_sigma")
_SHOWN = ("technical", "eyes_min", "noise_sigma")
_CLIPPED = 0.02
_SAID = {Flag.CHOSEN: "you chose it", Flag.KEPT: "you keep it", Flag.REJECTED: "you rejected it"}


@dataclass(frozen=True)
class _Facts:
    """What decides about one member, in the order in which it decides."""

    member: ClusterMember
    flag: Flag
    wanted: bool
    newest: int
    beaten: bool
    quality: Mapping[str, Any]

    @property
    def strange(self) -> bool:
        return self.member.probability < _BELONGS

    @property
    def closed(self) -> bool:
        return bool(self.quality.get("eyes_shut"))

    @property
    def score(self) -> float:
        technical = self.quality.get("technical")
        return -1.0 if technical is None else float(technical)

    def order(self) -> tuple[Any, ...]:
        scored = self.score >= 0
        return (
            *(self.flag, -self.newest, self.beaten, self.strange, not scored, self.closed),
            *(
                -round(self.score, 4),
                -(self.quality.get("eyes_min") or 0.0),
                -self.member.probability,
                self.member.path,
            ),
        )


def best_of_clusters(store: Store, clusters: Sequence[Cluster], keep: int = 1) -> list[dict[str, Any]]:
    """Return each cluster's pick with its reason, and all its photos ranked; so many of each are marked to be kept.

    Noise is left out. What the user rejected is not kept, and what the user keeps is.
    """
    groups = [each for each in clusters if each.cluster_id is not None]
    content_ids = sorted({member.content_id for each in groups for member in each.members})
    columns = {
        name: column.to_pylist() for name, column in columns_of(store, "quality", _MEASURED, content_ids).items()
    }
    quality = {
        content_id: {name: values[at] for name, values in columns.items()} for at, content_id in enumerate(content_ids)
    }
    beaten = {frame["shot_id"] for each in best_of_bursts(store) for frame in each["frames"] if frame["rank"] > 1}
    said = read_view(store)
    found = []
    for each in groups:
        facts = [
            _Facts(
                member,
                said.flag(member.shots),
                said.is_wanted(member.shots),
                said.newest(member.shots),
                not beaten.isdisjoint(member.shots),
                quality[member.content_id],
            )
            for member in each.members
        ]
        found.append(_picked(each, sorted(facts, key=_Facts.order), keep))
    return found


def _picked(each: Cluster, ranked: Sequence[_Facts], keep: int) -> dict[str, Any]:
    decided_by, margin = _decided(ranked)
    close = decided_by in {"score", "order"} and margin < CLOSE_CALL
    rows = [
        {
            "path": facts.member.path,
            "shot_id": facts.member.shot_id,
            "rank": rank,
            "keep": facts.wanted or (facts.flag is Flag.UNDECIDED and rank <= keep),
            "reason": _reason(facts, ranked),
            "scores": {name: facts.quality.get(name) for name in _SHOWN},
        }
        for rank, facts in enumerate(ranked, 1)
    ]
    return {
        "cluster_id": each.cluster_id,
        "label": each.label,
        "size": len(ranked),
        "decided_by": decided_by,
        "margin": round(margin, 4),
        "close_call": close,
        "pick": {"path": rows[0]["path"], "reason": rows[0]["reason"]},
        "frames": rows,
    }


def _decided(ranked: Sequence[_Facts]) -> tuple[str, float]:
    """Return the first rule in which the first two differ; the margin is that of their scores."""
    if len(ranked) == 1:
        return "alone", 0.0
    first, second = ranked[:2]
    if (first.flag, first.newest) != (second.flag, second.newest):
        return "decision", 0.0
    for rule, one, other in (
        ("burst", first.beaten, second.beaten),
        ("membership", first.strange, second.strange),
        ("only one scored", first.score < 0, second.score < 0),
        ("eyes", first.closed, second.closed),
    ):
        if one != other:
            return rule, 0.0
    if first.score < 0:
        return "not scored", 0.0
    margin = first.score - second.score
    return ("score", margin) if margin > 0 else ("order", 0.0)


def _reason(facts: _Facts, ranked: Sequence[_Facts]) -> str:
    words = _pick_reason(ranked) if facts is ranked[0] else _faults(facts, ranked[0])
    said = _SAID.get(facts.flag)
    return f"{said} ({words})" if said else words


def _pick_reason(ranked: Sequence[_Facts]) -> str:
    first, *others = ranked
    if first.score < 0:
        return "the first by name: no photo was scored"
    said = [f"technical score {first.score:.2f}"]
    if others and first.score >= max(each.score for each in others):
        alone = all(each.score < first.score for each in others)
        said.append(f"{'the highest' if alone else 'as high as any'} of {len(ranked):,}")
    if first.quality.get("eyes_min") is not None and not (first.closed or first.quality.get("eyes_unclear")):
        said.append("eyes open")
    return ", ".join(said)


def _faults(facts: _Facts, first: _Facts) -> str:
    """Say what speaks against a photo, what decides first."""
    if facts.score < 0:
        return "it could not be scored"
    said = ["another frame of its burst is better"] if facts.beaten and not first.beaten else []
    if facts.strange:
        said.append("at the edge of the cluster")
    if facts.closed:
        said.append("an eye shut")
    if facts.quality.get("blur_kind") in {"motion", "defocus"}:
        said.append(f"blurred by {facts.quality['blur_kind']}")
    clipped = facts.quality.get("clipped_highlights") or 0.0
    if clipped >= max(_CLIPPED, 2 * (first.quality.get("clipped_highlights") or 0.0)):
        said.append(f"{100 * clipped:.0f} % of the highlights are clipped")
    said.append(f"technical score {facts.score:.2f}")
    return ", ".join(said)


def told(clusters: Sequence[Cluster], best: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the clusters as records: cluster_id, size, label, representative, best, files; `best` as found above."""
    picks = {each["cluster_id"]: each["pick"]["path"] for each in best}
    return [
        {
            "cluster_id": each.cluster_id,
            "size": len(each.members),
            "label": each.label,
            "representative": each.representative,
            "best": picks.get(each.cluster_id),
            "files": [{"path": member.path, "probability": member.probability} for member in each.members],
        }
        for each in clusters
    ]
