"""A ranker that learns from the user's choices: a Bradley-Terry model over the scores and the vector of a frame.

The weights are those of the largest posterior, with a normal prior around the default weights. It is used only if it
beats the default on bursts that it has not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from photoidx.queries.best import bradley_terry
from photoidx.queries.best.bradley_terry import Array

# Columns of `quality`, the scale by which each is divided, and its default weight on that scale.
FEATURES: Mapping[str, tuple[float, float]] = {
    "technical": (0.1, 1.0),
    "sharpness": (0.5, 1.0),
    "midtone": (0.3, 0.4),
    "eyes_min": (0.3, 0.5),
    "smile_mean": (0.3, 0.25),
    "noise_sigma": (3.0, 0.0),
    "clipped_highlights": (0.05, 0.0),
    "clipped_shadows": (0.05, 0.0),
    "luma_p50": (30.0, 0.0),
    "colourfulness": (15.0, 0.0),
}
_VECTOR_SCALE = 2.0
_PRIOR_PRECISION = 1.0
_LEAST_BURSTS = 5


@dataclass(frozen=True)
class Choices:
    """One burst that the user decided: its frames' features (n x d), and which frame was chosen."""

    frames: Array
    chosen: int


@dataclass(frozen=True)
class Learnt:
    """What was learnt. `hits` and `default_hits` count the decided bursts whose choice was foretold unseen."""

    weights: Array
    bursts: int
    hits: int
    default_hits: int

    @property
    def is_on(self) -> bool:
        """Whether it ranks: it foretold more choices than the default, of five or more."""
        return self.bursts >= _LEAST_BURSTS and self.hits > self.default_hits


def features(qualities: Sequence[Mapping[str, Any]], sharpness: Sequence[float | None], vectors: Array) -> Array:
    """Return the features of a burst's frames, n x (9 + d): scores on their scales, then the vector.

    A score that is missing in one frame counts in none.
    """
    columns = []
    for name, (scale, _) in FEATURES.items():
        values = list(sharpness) if name == "sharpness" else [quality.get(name) for quality in qualities]
        known = [value for value in values if value is not None]
        whole = len(known) == len(values)
        columns.append(np.array(known, float) / scale if whole else np.zeros(len(values)))
    return np.concatenate([np.array(columns).T.reshape(len(qualities), -1), vectors * _VECTOR_SCALE], axis=1)


def default_weights(width: int) -> Array:
    """Return the prior: the weights of the scores as they are chosen by hand, and none for the vector."""
    weights = np.zeros(width)
    weights[: len(FEATURES)] = [weight for _, weight in FEATURES.values()]
    return weights


def fit(bursts: Sequence[Choices]) -> Array:
    """Return the weights of the largest posterior: each chosen frame was preferred to each other one of its burst."""
    differences = _differences(bursts)
    prior = default_weights(bursts[0].frames.shape[1])
    return bradley_terry.fit(differences, np.ones(len(differences)), prior, _PRIOR_PRECISION)


def learn(bursts: Sequence[Choices]) -> Learnt | None:
    """Learn from the decided bursts, and count what it would have foretold leaving one out at a time."""
    usable = [burst for burst in bursts if len(burst.frames) > 1]
    if not usable:
        return None
    prior = default_weights(usable[0].frames.shape[1])
    hits = default_hits = 0
    for place, burst in enumerate(usable):
        rest = [*usable[:place], *usable[place + 1 :]]
        hits += _foretold(burst, fit(rest) if rest else prior)
        default_hits += _foretold(burst, prior)
    return Learnt(fit(usable), len(usable), hits, default_hits)


def _foretold(burst: Choices, weights: Array) -> bool:
    return int(np.argmax(burst.frames @ weights)) == burst.chosen


def _differences(bursts: Sequence[Choices]) -> Array:
    """Return the chosen frame less each other one, as rows."""
    rows = [
        burst.frames[burst.chosen] - frame
        for burst in bursts
        for number, frame in enumerate(burst.frames)
        if number != burst.chosen
    ]
    return np.array(rows)


def uncertainty(frames: Array, weights: Array) -> float:
    """Say how much a choice would teach: 1 if the first two frames are equally likely, 0 if there is no doubt."""
    scores = np.sort(frames @ weights)[::-1]
    return float(2 / (1 + np.exp(min(scores[0] - scores[1], 500.0)))) if len(scores) > 1 else 0.0
