"""What trained scorers say of the frames of a burst: a pure function of the frames' scores.

A blend is asked before a series ranker, and of several of a kind the one that a scan was given last. One that lacks a
number for some frame is not asked: numbers of two scorers can't be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from photoidx.scoring.learned.table import learned_column


@dataclass(frozen=True)
class Opinion:
    """A scorer's name, and its number for each frame: the difference of two is the log-odds that one is preferred."""

    name: str
    scores: tuple[float, ...]


def opinion(qualities: Sequence[Mapping[str, Any]], scorers: Sequence[Mapping[str, Any]]) -> Opinion | None:
    """Ask the scorers about frames with these scores, each as `used_scorers` gives it; None if none can tell."""
    for kind, numbers in (("blend", _blended), ("series", _ranked)):
        for scorer in reversed(scorers):
            if scorer["kind"] == kind:
                found = [numbers(quality, scorer) for quality in qualities]
                if all(each is not None for each in found):
                    return Opinion(scorer["name"], tuple(each for each in found if each is not None))
    return None


def _ranked(quality: Mapping[str, Any], scorer: Mapping[str, Any]) -> float | None:
    value = quality.get(learned_column(scorer["name"]))
    return None if value is None else float(value)


def _blended(quality: Mapping[str, Any], scorer: Mapping[str, Any]) -> float | None:
    """Return the weighted sum of the columns that the blend was fitted on.

    What no frame of the fitted bursts lacked must be there; what some lacked, as a smile, counts as its mean.
    """
    total = 0.0
    for column, told in scorer["settings"]["columns"].items():
        value = quality.get(column)
        if value is None:
            if told["missing"] is None:
                return None
            value = told["missing"]
        total += told["weight"] * float(value)
    return total
