"""Which method finds your photos best: labelled photos ask for the others of their group, method by method."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from photoidx.config import Config
from photoidx.errors import PhotoError, PhotoidxError
from photoidx.evaluation.datasets.labelled import LabelledPhoto, LabelledSet
from photoidx.evaluation.degradation_bench import interval
from photoidx.evaluation.kept_features import KeptFeatures
from photoidx.evaluation.retrieval_measures import (
    Judged,
    fisher_ratios,
    grouped_by_likeness,
    grouping_measures,
    judge,
)
from photoidx.evaluation.similarity_methods import SimilarityMethod
from photoidx.indexer.decode import DecodedPhoto
from photoidx.records import content_id_of, format_of
from photoidx.store import Store

Array = np.ndarray[Any, Any]
Row = dict[str, Any]
Progress = Callable[[str, int, int], None]

QUICK_PHOTOS = 300
CHANCE = "chance"
PUBLISHED = {
    "ukbench": {"dinov2": 0.958, "openclip": 0.947, "timm:resnet50": 0.946, "sift": 0.500, "emd": 0.265},
    "holidays": {"dinov2": 0.885, "openclip": 0.861, "timm:resnet50": 0.820, "sift": 0.368, "emd": 0.225},
}
"""mAP@10 that others published, on the whole sets; in what way they computed it beyond that is not known to us."""
_SMALL_GROUP = 10
_MOST_FOR_GROUPS = 5000
"""Photos up to which groups are made of likenesses: memory and time grow with the square."""
_DIGITS = 4


@dataclass(frozen=True)
class MethodResult:
    """What one method did on the set: its line of the table, its answers, and what separates the groups."""

    name: str
    weights: str
    row: Row
    judged: Judged
    fisher: Array
    """Fisher's ratio of each of its features; empty for chance."""


@dataclass(frozen=True)
class Report:
    """Everything that is printed or drawn."""

    layout: str
    folder: str
    protocol: str
    photos: tuple[LabelledPhoto, ...]
    groups: Array
    results: tuple[MethodResult, ...]
    agreement: tuple[Row, ...]
    notes: tuple[str, ...]
    unread: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """The table: a line for each method, in the order in which they were asked for, and one for chance."""
        return [result.row for result in self.results]


def drawn(labelled: LabelledSet, most: int, seed: int) -> LabelledSet:
    """Draw at most about so many photos: whole groups where they are small, else as many of each group; 0 takes all.

    A query that the official protocol of Holidays names is kept with its group.
    """
    sizes = labelled.group_sizes
    if not most or len(labelled.photos) <= most:
        return labelled
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    if len(labelled.photos) / len(sizes) <= _SMALL_GROUP:
        names = sorted(sizes)
        rng.shuffle(names)
        total = list(itertools.accumulate(sizes[name] for name in names))
        chosen = set(names[: max(2, sum(count <= most for count in total))])
        photos = tuple(photo for photo in labelled.photos if photo.group in chosen)
    else:
        each = max(2, most // len(sizes))
        members = {name: [photo for photo in labelled.photos if photo.group == name] for name in sizes}
        kept = {photo for group in members.values() for photo in rng.sample(group, min(each, len(group)))}
        photos = tuple(photo for photo in labelled.photos if photo in kept)
    return replace(labelled, photos=photos)


def bench(
    labelled: LabelledSet,
    methods: Sequence[SimilarityMethod],
    store: Store,
    seed: int = 0,
    progress: Progress = lambda _step, _done, _total: None,
) -> Report:
    """Judge each method on the photos of a checked set that all of them can read. Only inside `Store.writing`.

    Raises PhotoidxError if too few photos can be read.
    """
    contents, unread = _contents(labelled.photos, progress)
    kept: dict[str, dict[str, Array]] = {}
    for each in methods:
        kept[each.name] = _features(each, contents, store, unread, progress)
    photos = tuple(photo for photo in labelled.photos if photo.path not in unread)
    names, groups = np.unique([photo.group for photo in photos], return_inverse=True)
    queries = np.array([photo.is_query for photo in photos], bool)
    if not (len(names) > 1 and (queries & (np.bincount(groups)[groups] > 1)).any()):
        raise PhotoidxError(f"Too few photos of {labelled.folder} can be read: there is nothing to find.")
    asked = _Questions(labelled.layout, groups, queries, seed)
    results = []
    for each in methods:
        progress(f"judging {each.name}", 0, 0)
        features = [kept[each.name][contents[photo.path]] for photo in photos]
        results.append(_judged(each, features, asked))
    results.append(_by_chance(asked))
    return Report(
        labelled.layout,
        str(labelled.folder),
        labelled.protocol,
        photos,
        groups,
        tuple(results),
        tuple(agreement(results[:-1])),
        tuple(str(finding) for finding in labelled.findings),
        unread,
    )


def _contents(photos: Sequence[LabelledPhoto], progress: Progress) -> tuple[dict[str, str], dict[str, str]]:
    """Give the content of each photo's path, and why those that can't be read can't."""
    contents, unread = {}, {}
    for number, photo in enumerate(photos):
        progress("reading", number, len(photos))
        try:
            contents[photo.path] = content_id_of(Path(photo.path).read_bytes())
        except OSError as error:
            unread[photo.path] = error.strerror or str(error)
    return contents, unread


def _features(
    method: SimilarityMethod, contents: dict[str, str], store: Store, unread: dict[str, str], progress: Progress
) -> dict[str, Array]:
    """Give by content what the method reads, from the library where it is there. Photos that fail go to `unread`."""
    keeper = KeptFeatures(store, method.fingerprint)
    found = keeper.read(sorted(set(contents.values())))
    missing = {content_id: path for path, content_id in contents.items() if content_id not in found}
    lacking = list(missing.items())
    for start in range(0, len(lacking), method.batch_size):
        progress(method.name, start, len(lacking))
        batch = _decoded(lacking[start : start + method.batch_size], unread)
        made = dict(zip(batch, method.read(list(batch.values())), strict=True)) if batch else {}
        keeper.write(made)
        found |= made
    bad = {content_id for content_id, path in missing.items() if path in unread}
    unread |= {path: unread[missing[of]] for path, of in contents.items() if of in bad}
    return found


def _decoded(batch: Sequence[tuple[str, str]], unread: dict[str, str]) -> dict[str, DecodedPhoto]:
    photos = {}
    for content_id, path in batch:
        try:
            data = Path(path).read_bytes()
            photo = DecodedPhoto(data, format_of(path) or "", Config().max_pixels)
            photo.image()
        except OSError as error:
            unread[path] = error.strerror or str(error)
        except PhotoError as error:
            unread[path] = str(error)
        else:
            photos[content_id] = photo
    return photos


@dataclass(frozen=True)
class _Questions:
    """What every method is asked."""

    layout: str
    groups: Array
    queries: Array
    seed: int


def _judged(method: SimilarityMethod, features: Sequence[Array], asked: _Questions) -> MethodResult:
    begun = time.process_time()
    vectors = method.vectors(features)
    likeness = method.likeness(vectors)
    seconds = round(time.process_time() - begun, 2)
    judged = judge(likeness, asked.groups, asked.queries, asked.seed)
    row = _row(method.name, method.weights, judged, asked) | _groups_row(likeness, asked.groups)
    row["compare_cpu_s"] = seconds
    return MethodResult(method.name, method.weights, row, judged, fisher_ratios(vectors, asked.groups))


def _by_chance(asked: _Questions) -> MethodResult:
    """Judge likenesses that are drawn: what a method must be better than."""
    count = len(asked.groups)
    noise = np.random.default_rng(asked.seed).random((count, count), np.float32)
    likeness = (noise + noise.T) / 2
    np.fill_diagonal(likeness, 1)
    judged = judge(likeness, asked.groups, asked.queries, asked.seed)
    row = _row(CHANCE, "", judged, asked) | _groups_row(likeness, asked.groups) | {"compare_cpu_s": None}
    return MethodResult(CHANCE, "", row, judged, np.empty(0))


def _row(name: str, weights: str, judged: Judged, asked: _Questions) -> Row:
    groups = asked.groups
    counts = [
        (float(judged.precision_at_10[inside].sum()), int(inside.sum()))
        for inside in (groups[judged.asked] == group for group in np.unique(groups[judged.asked]))
    ]
    low, high = interval(counts, asked.seed)
    row: Row = {
        "method": name,
        "weights": weights,
        "queries": len(judged.asked),
        "map_10": _mean(judged.precision_at_10),
        "low": round(low, _DIGITS),
        "high": round(high, _DIGITS),
        "map": _mean(judged.precision),
        "nearest": _mean(judged.hit),
        **{f"recall_{depth}": _mean(judged.recall[:, depth - 1]) for depth in (1, 5, 10)},
    }
    if asked.layout == "holidays":
        row["map_trapezoid"] = _mean(judged.trapezoid)
    if asked.layout == "ukbench":
        row |= {"ns_of_4": _mean(judged.ns_with_self), "ns_of_3": _mean(judged.ns_without)}
    row["fisher"] = round(judged.separation.criterion, 3)
    if asked.layout in PUBLISHED:
        row["published_map_10"] = PUBLISHED[asked.layout].get(name)
    return row


def _groups_row(likeness: Array, groups: Array) -> Row:
    """Give how well groups are found again where their number is told; nothing where there are too many photos."""
    if len(groups) > _MOST_FOR_GROUPS:
        return dict.fromkeys(("pair_f1", "bcubed_f1", "ari"))
    labels = grouped_by_likeness(likeness, len(np.unique(groups)))
    return {name: round(value, _DIGITS) for name, value in grouping_measures(labels, groups).items()}


def _mean(values: Array) -> float:
    return round(float(values.mean()), _DIGITS)


def agreement(results: Sequence[MethodResult]) -> Iterator[Row]:
    """Tell for each two methods how often both, one or none has a right photo nearest, and how alike their answers are.

    `shared_10` is the mean share of the first ten answers that are among the other's first ten.
    """
    for one, other in itertools.combinations(results, 2):
        first, second = one.judged.hit, other.judged.hit
        shared = [
            len(set(mine) & set(theirs)) / len(mine)
            for mine, theirs in zip(_answers(one.judged), _answers(other.judged), strict=True)
        ]
        yield {
            "first": one.name,
            "second": other.name,
            "both_right": _mean(first & second),
            "only_first": _mean(first & ~second),
            "only_second": _mean(~first & second),
            "both_wrong": _mean(~first & ~second),
            "shared_10": round(float(np.mean(shared)), _DIGITS),
        }


def _answers(judged: Judged) -> list[list[int]]:
    return [[int(each) for each in row if each >= 0] for row in judged.nearest]


def worst(result: MethodResult, count: int) -> list[int]:
    """Give the rows of the questions that went worst: lowest average precision, then the right one furthest behind."""
    order = np.lexsort((-result.judged.first_right, result.judged.precision_at_10))
    return [int(row) for row in order[:count] if result.judged.precision_at_10[row] < 1]
