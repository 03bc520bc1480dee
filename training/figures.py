"""What a ranker of series is worth, beside what can be had without looking at the pictures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from photoidx.evaluation.datasets.phototriage import CLEAR, EVEN, credit, majority
from photoidx.evaluation.statistics import interval
from photoidx.training.series_data import Pair

_LEAST = 1e-7


def figures(pairs: Sequence[Pair], scores: Mapping[int, float]) -> dict[str, Any]:
    """Return pair accuracy (all, clear, and by kind), log-loss in nats, and top-1, with chance and the constant answer.

    A pair on which people are divided evenly counts as half right, and so does one that the scores do not tell apart.
    Top-1: in how many series the picture with the highest score is the one that people prefer on average; of equal
    ones one is drawn.
    """
    clear = [pair for pair in pairs if max(pair.preference, 1 - pair.preference) >= CLEAR]
    kinds = sorted({pair.kind for pair in pairs if pair.kind})
    top, by_lot = _top(pairs, scores)
    by_scene: dict[str, list[float]] = defaultdict(list)
    for pair in pairs:
        by_scene[pair.scene or pair.series].append(credit(pair.preference, scores[pair.first] - scores[pair.second]))
    low, high = interval([(sum(each), len(each)) for each in by_scene.values()], 0)
    return {
        "pairs": len(pairs),
        "accuracy": _accuracy(pairs, scores),
        "accuracy_low": low,
        "accuracy_high": high,
        "scenes": len(by_scene),
        "accuracy_clear": _accuracy(clear, scores) if clear else None,
        "clear_pairs": len(clear),
        "majority": majority([p.preference if p.first < p.second else 1 - p.preference for p in pairs]),
        "chance": EVEN,
        "log_loss": _log_loss(pairs, scores),
        "log_loss_chance": math.log(2),
        "log_loss_floor": _floor(pairs),
        "top_1": top,
        "top_1_chance": by_lot,
        "by_kind": {kind: _accuracy([pair for pair in pairs if pair.kind == kind], scores) for kind in kinds},
    }


def _accuracy(pairs: Sequence[Pair], scores: Mapping[int, float]) -> float:
    if not pairs:
        return math.nan
    return sum(credit(pair.preference, scores[pair.first] - scores[pair.second]) for pair in pairs) / len(pairs)


def _log_loss(pairs: Sequence[Pair], scores: Mapping[int, float]) -> float:
    total = 0.0
    for pair in pairs:
        chance = 1 / (1 + math.exp(-max(-50.0, min(50.0, scores[pair.first] - scores[pair.second]))))
        chance = min(max(chance, _LEAST), 1 - _LEAST)
        total -= pair.preference * math.log(chance) + (1 - pair.preference) * math.log(1 - chance)
    return total / max(1, len(pairs))


def _floor(pairs: Sequence[Pair]) -> float:
    """Return the entropy of the shares, in nats: the log-loss of whoever knows them all. No score comes below it."""
    shares = [each for pair in pairs for each in (pair.preference, 1 - pair.preference) if each > 0]
    return -sum(each * math.log(each) for each in shares) / max(1, len(pairs))


def _top(pairs: Sequence[Pair], scores: Mapping[int, float]) -> tuple[float, float]:
    liked: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for pair in pairs:
        liked[pair.series][pair.first].append(pair.preference)
        liked[pair.series][pair.second].append(1 - pair.preference)
    hits = by_lot = 0.0
    for pictures in liked.values():
        means = {number: sum(shares) / len(shares) for number, shares in pictures.items()}
        best = max(means.values())
        highest = max(scores[number] for number in pictures)
        first = [means[number] == best for number in pictures if scores[number] == highest]
        hits += sum(first) / len(first)
        by_lot += sum(mean == best for mean in means.values()) / len(means)
    return hits / max(1, len(liked)), by_lot / max(1, len(liked))
