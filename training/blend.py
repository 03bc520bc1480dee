"""Training a blend: how much each score of a photo counts when people choose among the photos of a series.

A Bradley-Terry model: the log-odds that one photo is preferred is the weighted sum of the differences of their scores
(Bradley and Terry, 1952). It is fitted on PhotoTriage, or on what the user decided in a library, and held against the
single scores on series that it has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold

from photoidx.config import Config
from photoidx.errors import PhotoidxError
from photoidx.evaluation.datasets.phototriage import EVEN, credit
from photoidx.evaluation.quality_bench import read_pairs
from photoidx.evaluation.statistics import interval
from photoidx.library import Library
from photoidx.queries.best import bradley_terry
from photoidx.queries.best.picks import chosen_pairs
from photoidx.records import path_text
from photoidx.scoring.learned.card import Card, check_new, read_card, write_scorer
from photoidx.scoring.learned.table import PREFIX
from photoidx.storage.store import Store
from photoidx.temporary import temporary_folder
from photoidx.training.series_data import LEARNT_LIST, PHOTOTRIAGE

KIND = "blend"
COLUMNS = ("technical", "sharpness_subject", "midtone", "eyes_min", "smile_mean", "noise_sigma", "colourfulness")
"""The scores that may count, besides those of trained scorers."""
_FOLDS = 5
_FEWEST = 10  # pairs
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)

Array = np.ndarray[Any, Any]
Quality = Mapping[str, Any]


@dataclass(frozen=True)
class Preference:
    """The scores of two photos of a series, and the share of people who prefer the first."""

    first: Quality
    second: Quality
    preference: float
    series: str


def choices_of_library(library: Library) -> list[Preference]:
    """Return the user's choices of the best: the chosen photo of each decided burst against each other one."""
    return [Preference(first, second, 1.0, burst) for first, second, burst in chosen_pairs(library.store)]


def choices_of_triage(folder: Path, config: Config, split: str | None = None) -> tuple[list[Preference], int]:
    """Return the pairs of one list of PhotoTriage, and how many were left out, for a photo of theirs can't be scored.

    By default it is the list `train`, or `val` if one of the scorers has learnt from the first: what a ranker says of
    pairs whose answers it has seen is no guide to how much it should count. The photos are scanned into a library that
    is removed. Raises DataSetError, and PhotoidxError if there is no such list or a scorer has learnt from it.
    """
    cards = [read_card(Path(directory))[0] for directory in config.scorers]
    learnt = [card.name for card in cards if card.data.get("name") == PHOTOTRIAGE]
    split = split or ("val" if learnt else LEARNT_LIST)
    if learnt and split == LEARNT_LIST:
        raise PhotoidxError(f"{', '.join(learnt)} learnt from the list {split}. Name another: --split val")
    pairs, _ = read_pairs(folder, split, 0, 0)
    with temporary_folder("blend") as place:
        library = Library(Path(place) / "library", config)
        library.scan(folder)
        of_path = _qualities(library.store)
    found = [
        Preference(of_path[one], of_path[two], each.preference, f"{each.series:06d}")
        for each in pairs
        if (one := path_text(each.first)) in of_path and (two := path_text(each.second)) in of_path
    ]
    return found, len(pairs) - len(found)


def _qualities(store: Store) -> dict[str, Quality]:
    of_content = {row["content_id"]: row for row in store.read("quality").to_pylist()}
    files = store.read("files", ["path", "content_id"])
    places = zip(files["path"].to_pylist(), files["content_id"].to_pylist(), strict=True)
    return {path: of_content[content] for path, content in places if content in of_content}


def train(choices: Sequence[Preference], out: Path, name: str, about: str) -> dict[str, Any]:
    """Fit the weights, write them as a scorer, and give the figures: shares of pairs right, unseen, beside the singles.

    Raises PhotoidxError if there is too little to learn from.
    """
    check_new(out, name)
    told = [each for each in choices if each.preference != EVEN]
    series = sorted({each.series for each in told})
    if len(told) < _FEWEST or len(series) < 2:  # noqa: PLR2004 - one to learn from, one to test on
        raise PhotoidxError(
            f"There are {len(told)} choices in {len(series)} series; {_FEWEST} in two are the least. Choose more: "
            "photoidx decide best PHOTO (photoidx learn says which would teach most)"
        )
    columns, usual = _columns(told)
    if not columns:
        raise PhotoidxError("None of the scores tells the photos apart: there is nothing to weigh.")
    inputs = np.stack([_values(each.first, columns, usual) - _values(each.second, columns, usual) for each in told])
    groups = np.array([series.index(each.series) for each in told])
    wanted = np.array([each.preference for each in told])
    strength = _strength(inputs, wanted, groups)
    weights = _fit(inputs, wanted, strength)
    unseen, single = _nested(inputs, wanted, groups)
    low, high = interval(list(_by_group(_credits(unseen, wanted), groups)), 0)
    figures = {
        "pairs": len(told),
        "series": len(series),
        "accuracy": _right(unseen, wanted),
        "accuracy_low": low,
        "accuracy_high": high,
        "chance": EVEN,
        "single": {column: _right(single[:, at], wanted) for at, column in enumerate(columns)},
    }
    settings = {
        "columns": {
            column: {"weight": float(weight), "missing": usual[column]}
            for column, weight in zip(columns, weights, strict=True)
        }
    }
    protocol = {
        "cross-validation": f"{min(_FOLDS, len(series))} folds by series, nested: what is chosen is chosen within them",
        "regularisation": f"C = {strength:g}",
    }
    write_scorer(out, Card(KIND, name, settings, {"name": about}, protocol, figures), {"weights": weights})
    return figures


def _columns(choices: Sequence[Preference]) -> tuple[list[str], dict[str, float | None]]:
    """Return the columns that vary, and for each that is missing somewhere the mean, which stands for it."""
    rows = [quality for each in choices for quality in (each.first, each.second)]
    names = [*COLUMNS, *sorted({name for row in rows for name in row if name.startswith(PREFIX)})]
    columns, usual = [], {}
    for name in names:
        known = [float(row[name]) for row in rows if _is_known(row, name)]
        if len(set(known)) > 1:
            columns.append(name)
            usual[name] = None if len(known) == len(rows) else float(np.mean(known))
    return columns, usual


def _values(quality: Quality, columns: Sequence[str], usual: Mapping[str, float | None]) -> Array:
    return np.array([quality[name] if _is_known(quality, name) else usual[name] for name in columns], float)


def _is_known(quality: Quality, name: str) -> bool:
    return quality.get(name) is not None and math.isfinite(quality[name])


def _fit(inputs: Array, wanted: Array, strength: float) -> Array:
    """Fit without a bias, each column measured by its root mean square, so that regularisation is the same for all."""
    scales = np.maximum(np.sqrt((inputs**2).mean(axis=0)), 1e-9)
    return np.asarray(bradley_terry.fit(inputs / scales, wanted, np.zeros(len(scales)), 1 / strength) / scales)


def _folds(groups: Array) -> GroupKFold:
    return GroupKFold(min(_FOLDS, len(set(groups.tolist()))))


def _strength(inputs: Array, wanted: Array, groups: Array) -> float:
    """Return the strength of the regularisation that predicts most pairs, each without its series."""
    if len(set(groups.tolist())) < 2:  # noqa: PLR2004 - nothing to choose it by
        return 1.0
    right = {}
    for strength in _STRENGTHS:
        told = np.zeros(len(wanted))
        for learnt, tested in _folds(groups).split(inputs, groups=groups):
            told[tested] = inputs[tested] @ _fit(inputs[learnt], wanted[learnt], strength)
        right[strength] = _right(told, wanted)
    return max(right, key=lambda each: right[each])


def _nested(inputs: Array, wanted: Array, groups: Array) -> tuple[Array, Array]:
    """Predict each pair (n), and by each score alone (n x columns), from the other folds.

    The strength, and whether more or less of a score is better, are chosen on those other folds, too.
    """
    told, single = np.zeros(len(wanted)), np.zeros(inputs.shape)
    for learnt, tested in _folds(groups).split(inputs, groups=groups):
        strength = _strength(inputs[learnt], wanted[learnt], groups[learnt])
        told[tested] = inputs[tested] @ _fit(inputs[learnt], wanted[learnt], strength)
        for at in range(inputs.shape[1]):
            rises = _right(inputs[learnt, at], wanted[learnt]) >= EVEN
            single[tested, at] = inputs[tested, at] * (1 if rises else -1)
    return told, single


def _by_group(credits_: Sequence[float], groups: Array) -> Iterator[tuple[float, int]]:
    for group in np.unique(groups):
        inside = np.asarray(credits_)[groups == group]
        yield float(inside.sum()), len(inside)


def _credits(differences: Array, wanted: Array) -> list[float]:
    return [credit(*each) for each in zip(wanted.tolist(), differences.tolist(), strict=True)]


def _right(differences: Array, wanted: Array) -> float:
    return float(np.mean(_credits(differences, wanted)))
