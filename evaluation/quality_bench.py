"""How well the scores of `quality` predict what people say: which of two photos they keep, or the ratings they give.

Every column is taken as "more is better", and none is turned round: one that falls with quality, such as noise, comes
out below what chance gives, and that is how it is to be read.
"""

from __future__ import annotations

import math
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from photoidx.errors import PhotoidxError
from photoidx.evaluation.datasets.ava import RatedPhoto, read_ava
from photoidx.evaluation.datasets.findings import Finding
from photoidx.evaluation.datasets.phototriage import (
    CLEAR,
    EVEN,
    PreferencePair,
    credit,
    majority_accuracy,
    read_phototriage,
)
from photoidx.evaluation.statistics import correlation, correlation_interval, interval
from photoidx.records import path_text
from photoidx.storage.store import Store
from photoidx.temporary import temporary_folder

Row = dict[str, Any]
Scores = Mapping[str, Mapping[str, float | None]]
"""By path, each column's value."""

CHANCE, MAJORITY = "chance", "majority"
_DIGITS = 4
_FEWEST = 3  # photos of which a correlation can be told


def read_pairs(
    folder: Path, split: str | None, most: int, seed: int
) -> tuple[list[PreferencePair], tuple[Finding, ...]]:
    """Read PhotoTriage, one of its lists or all, and draw from it; with what is to be known of it.

    Raises PhotoidxError if there is no such list, DataSetError if the set can't be used.
    """
    found = read_phototriage(folder).checked()
    chosen = found.split(split) if split else found.pairs
    if not chosen:
        lists = ", ".join(sorted({pair.split for pair in found.pairs}))
        raise PhotoidxError(f"{folder} has no list {split}; it has {lists}.")
    return drawn_pairs(chosen, most, seed), found.findings


def read_marked(folder: Path, most: int, seed: int) -> tuple[list[RatedPhoto], tuple[Finding, ...]]:
    """Read AVA and draw from it; with what is to be known of it. Raises DataSetError if the set can't be used."""
    found = read_ava(folder).checked()
    return drawn_photos(found.photos, most, seed), found.findings


def drawn_pairs(pairs: Sequence[PreferencePair], most: int, seed: int) -> list[PreferencePair]:
    """Draw whole series with so many pairs at most; 0 takes all."""
    if not most or len(pairs) <= most:
        return list(pairs)
    series = sorted({pair.series for pair in pairs})
    random.Random(seed).shuffle(series)  # noqa: S311 - a sample, not a secret
    count = Counter(pair.series for pair in pairs)
    sizes = np.cumsum([count[each] for each in series])
    chosen = set(series[: max(1, int((sizes <= most).sum()))])
    return [pair for pair in pairs if pair.series in chosen]


def drawn_photos(photos: Sequence[RatedPhoto], most: int, seed: int) -> list[RatedPhoto]:
    """Draw so many photos at most; 0 takes all."""
    if not most or len(photos) <= most:
        return list(photos)
    return random.Random(seed).sample(list(photos), most)  # noqa: S311 - a sample, not a secret


def scores(index: Callable[[str], Store], paths: Iterable[str]) -> dict[str, dict[str, float | None]]:
    """Return all number columns of `quality` for these photos, by path; photos that can't be read are left out.

    `index` scans a folder and gives the library's tables. The photos lie in it as links, so that nothing else of their
    own folders is scanned. What the library knows already, by content, is not computed again.
    """
    wanted = sorted(set(paths))
    with temporary_folder("quality") as folder:
        links = {}
        for number, path in enumerate(wanted):
            link = os.path.join(os.path.realpath(folder), f"{number:08d}{os.path.splitext(path)[1]}")
            os.symlink(os.path.abspath(path), link)
            links[path_text(link)] = path
        store = index(os.path.realpath(folder))
        files = store.read("files", ["path", "content_id"]).to_pylist()
    contents = {links[row["path"]]: row["content_id"] for row in files if row["path"] in links and row["content_id"]}
    names = [field.name for field in store.schema("quality") if _is_number(field.type) and field.name != "content_id"]
    of_content: dict[str, dict[str, float | None]] = {}
    for batch in store.batches("quality", ["content_id", *names]):
        for row in batch.to_pylist():
            of_content[row["content_id"]] = {name: _finite(row[name]) for name in names}
    return {path: of_content[content] for path, content in contents.items() if content in of_content}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _is_number(kind: Any) -> bool:
    import pyarrow as pa  # noqa: PLC0415 - slow to import

    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def columns_of(found: Scores) -> list[str]:
    """Return the columns that tell at least two photos apart, in the order of their names. Raises PhotoidxError."""
    values: dict[str, set[float]] = {}
    for row in found.values():
        for name, value in row.items():
            if value is not None:
                values.setdefault(name, set()).add(value)
    names = sorted(name for name, seen in values.items() if len(seen) > 1)
    if not values:
        raise PhotoidxError("No photo of the set could be scored. Keep the scores by --library, and ask: failures.")
    if not names:
        raise PhotoidxError(f"{len(found)} photos were scored, all alike: there is nothing to compare. Take more.")
    return names


def pair_rows(pairs: Sequence[PreferencePair], found: Scores, seed: int = 0) -> list[Row]:
    """Return for each column in how many per cent of the pairs the photo that people prefer has the higher score.

    Pairs of which people say neither are left out. Equal scores, and a score that is missing, count as half. Intervals
    are 95 %, by bootstrap over series. Below stand the best constant answer (always the lower number, or always the
    higher one) and chance.
    """
    told = [pair for pair in pairs if pair.preference != EVEN]
    clear = [pair for pair in told if pair.agreement >= CLEAR]
    if not told:
        raise PhotoidxError("People are undecided about all pairs: there is nothing to predict.")
    rows = [_pair_row(name, told, clear, found, seed) for name in columns_of(found)]
    rows.sort(key=lambda row: -row["correct"])
    for name, of_all, of_clear in (
        (MAJORITY, majority_accuracy(told), majority_accuracy(clear)),
        (CHANCE, EVEN, EVEN),
    ):
        rows.append(
            {
                "column": name,
                "pairs": len(told),
                "scored": None,
                "correct": round(100 * of_all, 2),
                "low": None,
                "high": None,
                "clear_pairs": len(clear),
                "clear_correct": round(100 * of_clear, 2) if clear else None,
            }
        )
    return rows


def _pair_row(
    name: str, told: Sequence[PreferencePair], clear: Sequence[PreferencePair], found: Scores, seed: int
) -> Row:
    credits_of: dict[int, list[float]] = {}
    for pair in told:
        credits_of.setdefault(pair.series, []).append(_credit(pair, name, found))
    low, high = interval([(sum(each), len(each)) for each in credits_of.values()], seed)
    scored = [all(found.get(path, {}).get(name) is not None for path in (pair.first, pair.second)) for pair in told]
    return {
        "column": name,
        "pairs": len(told),
        "scored": round(float(np.mean(scored)), _DIGITS),
        "correct": _percent([_credit(pair, name, found) for pair in told]),
        "low": round(100 * low, 2),
        "high": round(100 * high, 2),
        "clear_pairs": len(clear),
        "clear_correct": _percent([_credit(pair, name, found) for pair in clear]) if clear else None,
    }


def _credit(pair: PreferencePair, name: str, found: Scores) -> float:
    first, second = (found.get(path, {}).get(name) for path in (pair.first, pair.second))
    return EVEN if first is None or second is None else credit(pair.preference, first - second)


def _percent(credit: Sequence[float]) -> float:
    return round(100 * float(np.mean(credit)), 2)


def mark_rows(photos: Sequence[RatedPhoto], found: Scores, seed: int = 0) -> list[Row]:
    """Return for each column how its order goes with that of the mean ratings: Spearman's rho and Pearson's r.

    Photos without the score are left out, and counted. Intervals of rho are 95 %, by bootstrap over photos. For chance,
    scores are drawn.
    """
    rng = np.random.default_rng(seed)
    there = [photo for photo in photos if photo.path in found]
    drawn = {photo.path: {CHANCE: float(rng.random())} for photo in there}
    rows = list(_mark_rows(there, found, columns_of(found), seed))
    if not rows:
        raise PhotoidxError(
            f"{len(there)} photos were scored; {_FEWEST} with different ratings are the least. Take more."
        )
    rows.sort(key=lambda row: -row["spearman"])
    return [*rows, *_mark_rows(there, drawn, [CHANCE], seed)]


def _mark_rows(photos: Sequence[RatedPhoto], found: Scores, names: Sequence[str], seed: int) -> Iterator[Row]:
    from scipy.stats import rankdata  # noqa: PLC0415 - slow to import

    for name in names:
        both = [(value, photo.mean) for photo in photos if (value := found.get(photo.path, {}).get(name)) is not None]
        values, ratings = (np.array(each) for each in zip(*both, strict=True)) if both else (np.empty(0), np.empty(0))
        if len(both) < _FEWEST or not values.std() or not ratings.std():
            continue
        ranks = rankdata(values), rankdata(ratings)
        low, high = correlation_interval(*ranks, range(len(both)), seed)
        yield {
            "column": name,
            "photos": len(both),
            "spearman": round(correlation(*ranks), _DIGITS),
            "low": round(low, _DIGITS),
            "high": round(high, _DIGITS),
            "pearson": round(correlation(values, ratings), _DIGITS),
        }
