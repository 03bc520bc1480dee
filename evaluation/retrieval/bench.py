"""Which method finds your photos best: labelled photos ask for the others of their group, method by method."""

from __future__ import annotations

import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from photoidx.errors import PhotoError, PhotoidxError
from photoidx.evaluation.datasets.findings import Finding
from photoidx.evaluation.datasets.labelled import LabelledPhoto, LabelledSet
from photoidx.evaluation.reading import open_photo
from photoidx.evaluation.retrieval.feature_cache import KeptFeatures
from photoidx.evaluation.retrieval.measures import (
    Judged,
    fisher_ratios,
    grouped_by_likeness,
    grouping_measures,
    judge,
)
from photoidx.evaluation.retrieval.methods import SimilarityMethod
from photoidx.evaluation.statistics import difference_interval, interval
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.records import content_id_of
from photoidx.storage.store import Store

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
_NAMED = 5
_MOST_FOR_GROUPS = 5000
"""Photos up to which groups are made of similarities: memory and time grow with the square."""
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
class RetrievalReport:
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
    """Draw so many photos at most: whole groups where they are small, else as many of each group; 0 takes all.

    Of a group with a query one is kept, and a group that can be asked about is among those drawn. That it is a part of
    the set, and which, is among the findings.
    """
    if not most or len(labelled.photos) <= most:
        return labelled
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    members: dict[str, list[LabelledPhoto]] = {}
    for photo in labelled.photos:
        members.setdefault(photo.group, []).append(photo)
    names = sorted(members)
    if len(labelled.photos) / len(names) <= _SMALL_GROUP:
        rng.shuffle(names)
        room = max(2, most // 2)  # one group may not take it all: there would be nothing to confuse it with
    else:
        names = rng.sample(names, min(len(names), max(2, most // 2)))
        room = max(2, most // len(names))
    names.sort(key=lambda name: not _can_be_asked(members[name]))  # what was drawn first stays first among its like
    chosen: set[LabelledPhoto] = set()
    for name in names[:1] + rng.sample(names[1:], len(names) - 1):
        part = _part(members[name], room, rng)
        if len(chosen) + len(part) <= max(most, 2 * room):
            chosen.update(part)
    photos = tuple(photo for photo in labelled.photos if photo in chosen)
    what = f"{len(photos):,} of {len(labelled.photos):,} photos were drawn (seed {seed})"
    told = Finding(f"{what}: figures do not compare with those of the whole set", fatal=False)
    return replace(labelled, photos=photos, findings=(*labelled.findings, told))


def _can_be_asked(group: Sequence[LabelledPhoto]) -> bool:
    return len(group) > 1 and any(photo.is_query for photo in group)


def _part(group: Sequence[LabelledPhoto], most: int, rng: random.Random) -> list[LabelledPhoto]:
    """Draw so many photos of a group at most, one that asks among them if there is one."""
    if len(group) <= most:
        return list(group)
    found = rng.sample(group, most)
    queries = [photo for photo in group if photo.is_query]
    if queries and not any(photo.is_query for photo in found):
        found[0] = rng.choice(queries)
    return found


def bench(
    labelled: LabelledSet,
    methods: Sequence[SimilarityMethod],
    store: Store,
    seed: int = 0,
    progress: Progress = lambda _step, _done, _total: None,
) -> RetrievalReport:
    """Judge each method on the photos of a checked set that all of them can read. Only inside `Store.writing`.

    Raises PhotoidxError if too few photos can be read.
    """
    contents, unread = _contents(labelled.photos, progress)
    findings = [*labelled.findings, *_torn(labelled.photos, contents)]
    kept: dict[str, dict[str, Array]] = {}
    for each in methods:
        kept[each.name] = _features(each, contents, store, unread, progress)
    photos = tuple(photo for photo in labelled.photos if photo.path not in unread)
    names, groups = np.unique([photo.group for photo in photos], return_inverse=True)
    queries = np.array([photo.is_query for photo in photos], bool)
    if not (len(names) > 1 and (queries & (np.bincount(groups)[groups] > 1)).any()):
        raise PhotoidxError(_nothing_left(labelled, unread))
    asked = _Questions(labelled.layout, groups, queries, seed)
    results = []
    for each in methods:
        progress(f"judging {each.name}", 0, 0)
        features = [kept[each.name][contents[photo.path]] for photo in photos]
        results.append(_judged(each, features, asked))
    results.append(_by_chance(asked))
    return RetrievalReport(
        labelled.layout,
        str(labelled.folder),
        labelled.protocol,
        photos,
        groups,
        tuple(results),
        tuple(agreement(results[:-1], groups, seed)),
        (*map(str, findings), *(each.note for each in methods if each.note)),
        unread,
    )


def _nothing_left(labelled: LabelledSet, unread: Mapping[str, str]) -> str:
    if not unread:
        return f"The photos of {labelled.folder} that were drawn leave nothing to find. Draw more by --limit."
    first = "; ".join(f"{path}: {why}" for path, why in sorted(unread.items())[:_NAMED])
    return f"Too few photos of {labelled.folder} can be read: there is nothing to find. {len(unread):,} can't: {first}"


def _torn(photos: Sequence[LabelledPhoto], contents: Mapping[str, str]) -> list[Finding]:
    """Note photos that lie in two groups: none of them can be right."""
    groups: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        if photo.path in contents:
            groups[contents[photo.path]].add(photo.group)
    torn = tuple(photo.path for photo in photos if len(groups.get(contents.get(photo.path, ""), ())) > 1)
    return [Finding("equal files in different groups", torn, fatal=False)] if torn else []


def _contents(photos: Sequence[LabelledPhoto], progress: Progress) -> tuple[dict[str, str], dict[str, str]]:
    """Return the content of each photo's path, and why those that can't be read can't."""
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
    """Return by content what the method reads, from the library where it is there. Photos that fail go to `unread`."""
    keeper = KeptFeatures(store, method.fingerprint)
    found = keeper.read(sorted(set(contents.values())))
    missing = {content_id: path for path, content_id in contents.items() if content_id not in found}
    lacking = list(missing.items())
    for start in range(0, len(lacking), method.batch_size):
        progress(method.name, start, len(lacking))
        made = _read(method, _decoded(lacking[start : start + method.batch_size], unread), unread, missing)
        keeper.write(made)
        found |= made
    bad = {content_id for content_id, path in missing.items() if path in unread}
    unread |= {path: unread[missing[of]] for path, of in contents.items() if of in bad}
    return found


def _read(
    method: SimilarityMethod, batch: dict[str, DecodedPhoto], unread: dict[str, str], paths: Mapping[str, str]
) -> dict[str, Array]:
    """Return what a method reads of photos, by content; those that it can't read go to `unread`."""
    if not batch:
        return {}
    try:
        return dict(zip(batch, method.read(list(batch.values())), strict=True))
    except PhotoError as error:  # at another size than the one that was tried
        if len(batch) == 1:
            unread[paths[next(iter(batch))]] = str(error)
            return {}
        found: dict[str, Array] = {}
        for each in batch.items():
            found |= _read(method, dict([each]), unread, paths)
        return found


def _decoded(batch: Sequence[tuple[str, str]], unread: dict[str, str]) -> dict[str, DecodedPhoto]:
    photos = {}
    for content_id, path in batch:
        try:
            photo = open_photo(path)
            photo.image()
        except OSError as error:
            unread[path] = error.strerror or str(error)
        except PhotoError as error:
            unread[path] = str(error)
        else:
            if photo.content_id == content_id:
                photos[content_id] = photo
            else:  # what is kept under the old name would be wrong for good
                unread[path] = "it was changed while the benchmark ran"
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
    similarity = method.similarity(vectors)
    seconds = round(time.process_time() - begun, 2)
    judged = judge(similarity, asked.groups, asked.queries, asked.seed)
    row = _row(method.name, method.weights, judged, asked) | _groups_row(similarity, asked.groups)
    row["compare_cpu_s"] = seconds
    return MethodResult(method.name, method.weights, row, judged, fisher_ratios(vectors, asked.groups))


def _by_chance(asked: _Questions) -> MethodResult:
    """Judge similarities that are drawn: what a method must be better than."""
    count = len(asked.groups)
    noise = np.random.default_rng(asked.seed).random((count, count), np.float32)
    similarity = (noise + noise.T) / 2
    np.fill_diagonal(similarity, 1)
    judged = judge(similarity, asked.groups, asked.queries, asked.seed)
    row = _row(CHANCE, "", judged, asked) | _groups_row(similarity, asked.groups) | {"compare_cpu_s": None}
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


def _groups_row(similarity: Array, groups: Array) -> Row:
    """Return how well groups are found again where their number is told; nothing where there are too many photos."""
    if len(groups) > _MOST_FOR_GROUPS:
        return dict.fromkeys(("pair_f1", "bcubed_f1", "ari"))
    labels = grouped_by_likeness(similarity, len(np.unique(groups)))
    return {name: round(value, _DIGITS) for name, value in grouping_measures(labels, groups).items()}


def _mean(values: Array) -> float:
    return round(float(values.mean()), _DIGITS)


def agreement(results: Sequence[MethodResult], groups: Array, seed: int) -> Iterator[Row]:
    """Find for each two methods how much better the first is, how often both, one or none is right, and how alike.

    `difference` is that of mAP@10, with a 95 % interval by paired bootstrap over groups. Right is who has a right photo
    nearest. `shared_10` is the mean share of the first ten answers that are among the other's first ten.
    """
    for one, other in itertools.combinations(results, 2):
        first, second = one.judged.hit, other.judged.hit
        shared = [
            len(set(mine) & set(theirs)) / len(mine)
            for mine, theirs in zip(_answers(one.judged), _answers(other.judged), strict=True)
        ]
        precisions = one.judged.precision_at_10, other.judged.precision_at_10
        low, high = difference_interval(*precisions, groups[one.judged.asked], seed)
        yield {
            "first": one.name,
            "second": other.name,
            "difference": _mean(precisions[0] - precisions[1]),
            "difference_low": round(low, _DIGITS),
            "difference_high": round(high, _DIGITS),
            "both_right": _mean(first & second),
            "only_first": _mean(first & ~second),
            "only_second": _mean(~first & second),
            "both_wrong": _mean(~first & ~second),
            "shared_10": round(float(np.mean(shared)), _DIGITS),
        }


def _answers(judged: Judged) -> list[list[int]]:
    return [[int(each) for each in row if each >= 0] for row in judged.nearest]


def worst(result: MethodResult, count: int) -> list[int]:
    """Find the rows of the questions that went worst: lowest average precision, then the right one furthest behind."""
    order = np.lexsort((-result.judged.first_right, result.judged.precision_at_10))
    return [int(row) for row in order[:count] if result.judged.precision_at_10[row] < 1]
