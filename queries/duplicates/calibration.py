"""How far two pictures may be apart and still be called the same, for a share of false calls that the user names.

The probability that a pair is not the same picture rises with their distance. It is the isotonic regression (pool
adjacent violators) over pairs whose truth is known: those that ship with photoidx (`calibration.json`, made by
`scripts/calibrate_duplicates.py` from real photos and 16 kinds of edit), and the user's own answers. The cut is the
largest distance up to which the expected share of false pairs, in this library, stays below what was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from photoidx.queries.contents import Array

STRICTNESS = {"strict": 0.001, "normal": 0.01, "loose": 0.05}
"""Words for the largest expected share of false pairs."""
_WIDEST = 0.3  # from .28 on the shipped pairs are as often other views as copies
_WORST = 10  # times the share that was asked for: many sure pairs must not pay for a doubtful one
# False pairs assumed in each step of distance beyond those seen: none seen does not mean that there are none.
_UNSEEN = 0.1
_OWN_WEIGHT = 5.0  # of an answer about the user's own photos, against one of the shipped pairs


@dataclass(frozen=True)
class Calibration:
    """The curve: at these distances (ascending), these probabilities (not falling) that a pair is false."""

    distances: Array
    chances: Array

    def false(self, distance: Array) -> Array:
        """Return the probability that a pair at this distance is not the same picture."""
        return np.asarray(np.interp(distance, self.distances, self.chances))

    def cut(self, distances: Array, most_false: float) -> float:
        """Return the largest distance up to which the pairs' expected share of false ones is at most `most_false`.

        No single pair within it is more likely false than ten times that, or than true.
        """
        ordered = np.sort(distances[distances <= _WIDEST])
        chances = self.false(ordered)
        share = np.cumsum(chances) / np.arange(1, len(ordered) + 1)
        allowed = (share <= most_false) & (chances <= min(0.5, _WORST * most_false))
        return float(ordered[allowed].max(initial=0.0))


def calibrate(answers: Sequence[tuple[float, bool]] = ()) -> Calibration:
    """Fit the curve to the shipped pairs and the user's answers: distance, and whether the pair is the same picture."""
    distance, same, other = _shipped()
    own = np.array(answers, np.float64).reshape(-1, 2)
    distance = np.concatenate([distance, own[:, 0]])
    same = np.concatenate([same, own[:, 1] * _OWN_WEIGHT])
    other = np.concatenate([other + _UNSEEN, (1 - own[:, 1]) * _OWN_WEIGHT])
    order = np.argsort(distance, kind="stable")
    weight = (same + other)[order]
    return Calibration(distance[order], rising(other[order] / weight, weight))


def rising(values: Array, weights: Array) -> Array:
    """Return the numbers nearest to the values (n) that nowhere fall: weighted isotonic regression by pooling.

    SciPy has it, too, but takes a second to import, which is a third of what an answer costs.
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, count
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, total, count = value, weight, 1
        while pools and pools[-1][0] >= mean:
            before, own, number = pools.pop()
            mean, total, count = (before * own + mean * total) / (own + total), own + total, count + number
        pools.append((mean, total, count))
    return np.repeat([mean for mean, _, _ in pools], [count for _, _, count in pools])


@lru_cache(maxsize=1)
def _shipped() -> tuple[Array, Array, Array]:
    told = json.loads((resources.files("photoidx.queries.duplicates") / "calibration.json").read_text())
    table = np.array([(each["distance"], each["same"], each["other"]) for each in told["bins"]], np.float64)
    return table[:, 0], table[:, 1], table[:, 2]
