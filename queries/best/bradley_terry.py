"""The Bradley-Terry model: which of two things is preferred, from the difference of their features.

P(first before second) = 1 / (1 + exp(-w . (x1 - x2))) (Bradley and Terry, 1952): swapping the two flips the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

_STEPS = 50
_HALVINGS = 30
_EXACT = 1e-10


def fit(differences: Array, preferred: Array, prior: Array, precision: float) -> Array:
    """Return the weights (d) of the largest posterior, by Newton's method.

    `differences` is n x d, the features of the first thing of each pair less those of the second; `preferred` n, the
    share of answers for the first, 0 to 1. The prior is normal around `prior` (d) with this precision (> 0). Where
    there are more features than pairs it works in the span of the pairs: n^3 instead of d^3.
    """
    offset = differences @ prior
    basis = None
    if differences.shape[1] > len(differences):
        basis, triangle = np.linalg.qr(differences.T)
        differences = triangle.T

    def loss(weights: Array) -> float:
        odds = offset + differences @ weights
        return float((np.logaddexp(0, odds) - preferred * odds).sum() + precision / 2 * weights @ weights)

    weights = np.zeros(differences.shape[1])
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(offset + differences @ weights, -500, 500)))
        slope = differences.T @ (chances - preferred) + precision * weights
        curve = (differences.T * (chances * (1 - chances))) @ differences + precision * np.eye(len(weights))
        step = np.asarray(np.linalg.solve(curve, slope), np.float64)
        weights = weights - _length(loss, weights, step) * step
        if np.abs(step).max(initial=0.0) < _EXACT:
            break
    return np.asarray(prior + (weights if basis is None else basis @ weights))


def _length(loss: Callable[[Array], float], weights: Array, step: Array) -> float:
    """Return how much of Newton's step makes things no worse: all of it, or a half, a quarter ... of it."""
    now = loss(weights)
    return next((0.5**times for times in range(_HALVINGS) if loss(weights - 0.5**times * step) <= now), 0.0)
