"""The table `pairs`: photos that look alike, found among all, and brought up to date for what is new."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.config import DEFAULT_EMBEDDER
from photoidx.queries.bursts.frames import NO_TIME
from photoidx.queries.compare.orientation import turned_hashes
from photoidx.queries.compare.pictures import EDITED, EQUAL, SAME, Comparison, Picture, made_from, same
from photoidx.queries.contents import Array, thumbnails_of
from photoidx.queries.duplicates.candidates import (
    MOMENT_COSINE,
    NEAR_COSINE,
    are_of_one_moment,
    candidates,
    cosines,
    equal_pixels,
    of_one_moment,
    unique_pairs,
)
from photoidx.queries.duplicates.inside import Boxes, boxes_of, read_panels, shown_inside
from photoidx.queries.duplicates.pictures import Pictures, read_pictures
from photoidx.storage.schema import META, PAIRS, arrow_schema
from photoidx.storage.store import Store
from photoidx.union_find import UnionFind

VERSION = 5
_STATE = "pairs"
_FINEST = "%Y-%m-%dT%H:%M:%S.%f"
_BLOCK = 500  # pairs whose thumbnails are in memory at once, with their key points: some 0.3 MB each
_AT_ONCE = 8  # pairs that a thread compares before it is given others
_TURNED_256 = 64  # bits up to which another orientation than the upright is believed
_SURE = 0.2  # a distance up to which an edited copy is surely one
_NONE: frozenset[int] = frozenset()
_SURELY_EDITED = f"relation = '{EDITED}' AND distance < {_SURE}"
_NO_PAIRS = np.zeros((0, 2), np.int64)
_MOST_CLOSED = 64  # copies of one picture that are all compared with each other

Progress = Callable[[int, int], None]


def update_pairs(store: Store, progress: Progress = lambda _done, _total: None) -> None:
    """Find the pairs that what is new since the last time makes. The caller holds the writer lock."""
    now = datetime.now(UTC).replace(tzinfo=None)
    since = last_update(store)
    pictures = read_pictures(store)
    fresh = None if since is None else _fresh(store, pictures, since)
    if since is None:
        store.clear(PAIRS.name)
    if fresh is None or len(fresh):
        for rows in find_pairs(store, pictures, fresh, progress):
            store.upsert(PAIRS, rows)
    store.upsert(META, [{"name": _STATE, "value": f"{VERSION} {now.strftime(_FINEST)}"}])


def last_update(store: Store) -> datetime | None:
    """Return when this version looked for pairs last, UTC; None if it never did."""
    version, _, when = store.meta().get(_STATE, "").partition(" ")
    return datetime.strptime(when, _FINEST) if version == str(VERSION) else None  # noqa: DTZ007 - UTC without a zone


def is_current(store: Store) -> bool:
    """Return whether all photos have been compared."""
    since = last_update(store)
    return since is not None and not _fresh_since(store, since)


def _fresh_since(store: Store, since: datetime) -> set[str]:
    """Return the contents that were measured since, or whose file came, came back or was renamed."""
    moment = pa.scalar(since, pa.timestamp("us"))
    files = store.read("files", ["content_id", "seen_at"], "kind = 'photo' AND content_id IS NOT NULL")
    seen = set(files.filter(pc.greater_equal(files["seen_at"], moment))["content_id"].to_pylist())
    ledger = store.read("ledger", ["content_id", "stage", "at"])
    ours = pc.is_in(ledger["stage"], value_set=pa.array(["exif", "hashes", "panels", "thumbnails", DEFAULT_EMBEDDER]))
    return seen | set(ledger.filter(pc.and_(ours, pc.greater_equal(ledger["at"], moment)))["content_id"].to_pylist())


def _fresh(store: Store, pictures: Pictures, since: datetime) -> Array:
    measured = pa.array(sorted(_fresh_since(store, since)), pa.string())
    return np.flatnonzero(np.asarray(pc.is_in(pa.array(pictures.content_ids, pa.string()), value_set=measured)))


def find_pairs(store: Store, pictures: Pictures, fresh: Array | None, progress: Progress) -> Iterator[pa.Table]:
    """Compare all candidates, and return the rows of those that are alike, block by block.

    First each pair is compared as it is, which is quick, and finds what is the same. What is left is registered, which
    takes ten times as long: once for all copies of a picture, and not at all where one of them is of another press.
    """
    twins = equal_pixels(pictures)
    if fresh is not None:
        twins = twins[np.isin(twins, fresh).any(axis=1)]
    # A RAW file and a picture developed from it are two things, however alike they look.
    twins = twins[pictures.raw[twins[:, 0]] == pictures.raw[twins[:, 1]]]
    yield _rows(pictures, twins, np.ones(len(twins), np.float32), [EQUAL] * len(twins))
    moments = of_one_moment(pictures, fresh)
    panels = read_panels(store, pictures)
    inside = shown_inside(pictures, panels, fresh)
    boxes = boxes_of(panels, inside)
    shown = np.column_stack([panels.owners[inside[:, 0]], inside[:, 1]])
    pairs = unique_pairs(np.concatenate([candidates(pictures, fresh), moments, shown]))
    pairs = pairs[pictures.raw[pairs[:, 0]] == pictures.raw[pairs[:, 1]]]
    earlier = fresh is not None
    known = [_known(store, pictures, f"relation = '{each}'") if earlier else _NO_PAIRS for each in (SAME, EDITED)]
    copies = _Copies(pictures, known[0])
    maybe = _one_press(pictures, pairs)
    done = 0
    left = [np.zeros((0, 3), np.int64)]
    for block in _blocks(pairs[maybe]):
        turns = np.column_stack([block, orientations(pictures, block)])
        found = ThumbnailReader(store, pictures, block).compared(_same_or_turned, turns)
        told = np.array([each is not None for each in found], np.bool_)
        copies.add(block[np.array([each is not None and each.relation == SAME for each in found], np.bool_)])
        left.append(turns[~told])
        yield _rows(pictures, block[told], cosines(pictures, block[told]), [each for each in found if each])
        done += len(block)
        progress(done, len(pairs))
    closing = copies.unseen(np.concatenate([pairs, known[0]]))
    for block in _blocks(closing):
        found = ThumbnailReader(store, pictures, block).compared(_same_or_turned, np.pad(block, ((0, 0), (0, 1))))
        told = np.array([each is not None for each in found], np.bool_)
        yield _rows(pictures, block[told], cosines(pictures, block[told]), [each for each in found if each])
    rest = np.concatenate(left)[:, :2]
    asked = asked_for = copies.representatives(rest)
    compared: dict[tuple[int, int], Comparison] = {}
    while len(asked):
        now = _of_hubs(pictures, asked)
        asked = asked[~_are_among(asked, now)]
        for block in _blocks(now):
            found = ThumbnailReader(store, pictures, block, boxes).compared(_made_from, np.pad(block, ((0, 0), (0, 1))))
            compared |= {tuple(pair): each for pair, each in zip(block.tolist(), found, strict=True) if each}
            done += len(block)
            progress(min(done, len(pairs)), len(pairs))
        asked = asked[~_are_told(asked, now, compared)]
    ties = [pair for pair, found in compared.items() if found.relation == EDITED and found.distance < _SURE]
    if earlier:
        ties += [(one, two) for one, two in _known(store, pictures, _SURELY_EDITED).tolist()]
    for block in _blocks(copies.to_hubs(ties, seen=unique_pairs(np.concatenate([asked_for, *known])))):
        found = ThumbnailReader(store, pictures, block, boxes).compared(_made_from, np.pad(block, ((0, 0), (0, 1))))
        compared |= {tuple(pair): each for pair, each in zip(block.tolist(), found, strict=True) if each}
    yield from _alike(pictures, pairs, maybe, rest, compared)
    progress(len(pairs), len(pairs))


def _alike(
    pictures: Pictures, pairs: Array, maybe: Array, rest: Array, compared: dict[tuple[int, int], Comparison]
) -> Iterator[pa.Table]:
    """Return the rows of pairs that were made from each other, and of those that are only alike."""
    made = np.array(sorted(compared), np.int64).reshape(-1, 2)
    for block in _blocks(made):
        yield _rows(pictures, block, cosines(pictures, block), [compared[one, two] for one, two in block.tolist()])
    others = np.concatenate([pairs[~maybe], rest])
    others = others[~_are_among(others, made)]
    for start in range(0, len(others), 4000):
        block = others[start : start + 4000]
        cosine = cosines(pictures, block)
        kept = (cosine >= NEAR_COSINE) | (are_of_one_moment(pictures, block) & (cosine >= MOMENT_COSINE))
        yield _rows(pictures, block[kept], cosine[kept], [None] * int(kept.sum()))


def ranks(pictures: Pictures) -> Array:
    """Rank pictures (n, from 0) by how likely they are originals: camera and time known first, then the larger ones.

    What is known of one content is known of all that have its pixels.
    """
    told = np.zeros(int(pictures.pixels.max(initial=0)) + 1, np.int64)
    np.maximum.at(told, pictures.pixels, (pictures.time_us != NO_TIME).astype(int) + (pictures.cameras >= 0))
    told = told[pictures.pixels]
    rank = np.empty(len(pictures), np.int64)
    rank[np.lexsort((np.arange(len(pictures)), -pictures.size.prod(axis=1), -told))] = np.arange(len(pictures))
    return rank


def _of_hubs(pictures: Pictures, pairs: Array) -> Array:
    """Return the pairs that the likeliest originals have: pictures of lower rank than all that they are paired with."""
    rank = ranks(pictures)
    best = rank.copy()
    for side in (0, 1):
        np.minimum.at(best, pairs[:, side], rank[pairs[:, 1 - side]])
    return np.asarray(pairs[(best[pairs] == rank[pairs]).any(axis=1)])


def _are_told(asked: Array, now: Array, compared: Mapping[tuple[int, int], Comparison]) -> Array:
    """Return which pairs need not be compared: both were made from one picture, so they are copies of one."""
    hubs: dict[int, set[int]] = defaultdict(set)
    for one, other in now.tolist():
        found = compared.get((one, other))
        if found is not None and found.relation == EDITED and found.distance < _SURE:
            hubs[one].add(other)
            hubs[other].add(one)
    return np.array([bool(hubs.get(one, _NONE) & hubs.get(other, _NONE)) for one, other in asked.tolist()], np.bool_)


def _are_among(pairs: Array, others: Array) -> Array:
    """Return which pairs are among others."""
    width = int(max(pairs.max(initial=0), others.max(initial=0))) + 1
    return np.asarray(np.isin(pairs[:, 0] * width + pairs[:, 1], others[:, 0] * width + others[:, 1]))


def _blocks(pairs: Array) -> Iterator[Array]:
    for start in range(0, len(pairs), _BLOCK):
        yield pairs[start : start + _BLOCK]


def _known(store: Store, pictures: Pictures, where: str) -> Array:
    """Return the pairs that the table knows, by a condition (m x 2 places)."""
    rows = store.read(PAIRS.name, ["first", "second"], where)
    ids = pa.array(pictures.content_ids, pa.string())
    places = [pc.index_in(rows[name].combine_chunks(), value_set=ids) for name in ("first", "second")]
    both = pc.and_(*(pc.is_valid(each) for each in places))
    return np.column_stack([np.asarray(each.filter(both), np.int64) for each in places]).reshape(-1, 2)


class _Copies:
    """Which pictures are the same, in sets that grow: what is true of one of a set is true of all."""

    def __init__(self, pictures: Pictures, known: Iterable[Any]) -> None:
        self._pictures = pictures
        self._joined = UnionFind[int]()
        self.add(known)

    def add(self, pairs: Iterable[Any]) -> None:
        """Note that the pictures of pairs are the same."""
        self._joined.join_all((int(one), int(other)) for one, other in pairs)

    def unseen(self, seen: Array) -> Array:
        """Return the pairs within sets that are not among those seen: a chain of copies is compared end to end."""
        known = {tuple(pair) for pair in seen.tolist()}
        pairs = [
            pair
            for members in self._joined.sets().values()
            if len(members) <= _MOST_CLOSED
            for pair in itertools.combinations(members, 2)
            if pair not in known
        ]
        return np.array(pairs, np.int64).reshape(-1, 2)

    def to_hubs(self, ties: Sequence[Sequence[int]], seen: Array) -> Array:
        """Return the pairs of the likeliest original of pictures that hang together by ties with each of these.

        Those that were seen are left out. What was made from a copy of a copy is so compared with the first of all.
        """
        tied = _Copies(self._pictures, ties)
        for members in self._joined.sets().values():
            if any(each in tied._joined for each in members):
                tied.add(itertools.pairwise(members))
        known = {tuple(pair) for pair in seen.tolist()}
        rank = ranks(self._pictures)
        found = []
        for members in tied._joined.sets().values():
            hub = min(members, key=lambda place: rank[place])
            found += [tuple(sorted((hub, each))) for each in members if each != hub and not self._are_same(hub, each)]
        pairs = np.array([pair for pair in found if pair not in known], np.int64).reshape(-1, 2)
        return np.asarray(pairs[~self._pictures.other_press(pairs[:, 0], pairs[:, 1])])

    def _are_same(self, one: int, other: int) -> bool:
        return one in self._joined and other in self._joined and self._joined.head(one) == self._joined.head(other)

    def representatives(self, pairs: Array) -> Array:
        """Return pairs of one picture of each set in place of all: the likeliest original.

        Pairs within a set are left out, and pairs of sets that are surely of two presses.
        """
        rank = ranks(self._pictures)
        best = {place: place for place in np.unique(pairs).tolist()}
        for members in self._joined.sets().values():
            head = min(members, key=lambda place: rank[place])
            best |= dict.fromkeys(members, head)
        found = unique_pairs(np.vectorize(best.get, otypes=[np.int64])(pairs) if len(pairs) else pairs)
        found = found[found[:, 0] != found[:, 1]]
        return np.asarray(found[~self._pictures.other_press(found[:, 0], found[:, 1])])


def _same_or_turned(first: Picture, second: Picture, orientation: int) -> Comparison | None:
    found = same(first, second)
    return found if found is not None or not orientation else same(first, second, orientation)


def _made_from(first: Picture, second: Picture, _orientation: int) -> Comparison | None:
    return made_from(first, second)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let OpenCV use the thread that calls it: the pictures are small, and several are compared at once."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _one_press(pictures: Pictures, pairs: Array) -> Array:
    """Return for each pair whether they may be of one press of the shutter, each standing for all that have its pixels.

    A copy whose time was changed must not keep its original from being compared.
    """
    found = ~pictures.other_press(pairs[:, 0], pairs[:, 1])
    many = np.flatnonzero(np.bincount(pictures.pixels)[pictures.pixels] > 1)
    doubtful = ~found & np.isin(pairs, many).any(axis=1)
    for at in np.flatnonzero(doubtful):
        own = [np.flatnonzero(pictures.pixels == pictures.pixels[place]) for place in pairs[at]]
        first, second = (each.ravel() for each in np.meshgrid(*own))
        found[at] = not pictures.other_press(first, second).all()
    return np.asarray(found)


def orientations(pictures: Pictures, pairs: Array) -> Array:
    """Return how the second of each pair is turned, by the hashes; 0 where they do not tell."""
    whole = turned_hashes(pictures.hash_256[pairs[:, 1]], 16)
    bits = np.bitwise_count(whole ^ pictures.hash_256[pairs[:, 0]][None]).sum(axis=2)
    best = bits.argmin(axis=0)
    return np.where(bits.min(axis=0) <= _TURNED_256, best, 0).astype(np.int8)


Compare = Callable[[Picture, Picture, int], Comparison | None]


class ThumbnailReader:
    """The thumbnails of the pairs of one block, each of them decoded once."""

    def __init__(self, store: Store, pictures: Pictures, pairs: Array, boxes: Boxes | None = None) -> None:
        self._ids = pictures.content_ids
        self._boxes = boxes or {}
        self._jpegs: Mapping[str, bytes] = thumbnails_of(store, {self._ids[at] for at in pairs.ravel()})
        self._picture = lru_cache(maxsize=2 * _BLOCK)(self._decoded)

    def compared(self, compare: Compare, turns: Array) -> list[Comparison | None]:
        """Compare pairs (m x 3: both places, and how the second is turned) on all cores."""
        parts = [turns[at : at + _AT_ONCE].tolist() for at in range(0, len(turns), _AT_ONCE)]
        with one_thread_each(), ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda part: [self._compared(compare, *each) for each in part], parts))
        self._picture.cache_clear()  # a cycle: the pictures would stay until garbage is collected
        return list(itertools.chain.from_iterable(found))

    def _compared(self, compare: Compare, first: int, second: int, orientation: int) -> Comparison | None:
        here, there = self._picture(first), self._picture(second)
        return None if here is None or there is None else compare(here, there, orientation)

    def _decoded(self, at: int) -> Picture | None:
        jpeg = self._jpegs.get(self._ids[at])
        picture = None if jpeg is None else cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        return None if picture is None else Picture(np.asarray(picture), self._boxes.get(at, ()))


def _rows(pictures: Pictures, pairs: Array, cosine: Array, looked: list[Comparison | None]) -> pa.Table:
    ids = pa.array(pictures.content_ids, pa.string())
    schema = arrow_schema(PAIRS)

    def of(value: Callable[[Comparison], Any], name: str) -> pa.Array:
        return pa.array([None if each is None else value(each) for each in looked], schema.field(name).type)

    columns = {
        "first": ids.take(pa.array(pairs[:, 0])),
        "second": ids.take(pa.array(pairs[:, 1])),
        "cosine": pa.array(cosine, pa.float32(), mask=cosine == 0),
        "distance": of(lambda each: each.distance, "distance"),
        "equal_pixels": pa.array([each is EQUAL for each in looked], pa.bool_()),
        "orientation": pa.array([0 if each is None else each.orientation for each in looked], pa.int8()),
        "scale": of(lambda each: each.scale, "scale"),
        "overlap": of(lambda each: min(each.shown), "overlap"),
        "changed": of(lambda each: each.changed, "changed"),
        "framed": of(lambda each: each.framed, "framed"),
        "relation": of(lambda each: each.relation, "relation"),
        "edits": of(lambda each: list(each.edits), "edits"),
        "shown_first": of(lambda each: each.shown[0], "shown_first"),
        "shown_second": of(lambda each: each.shown[1], "shown_second"),
        "roll_deg": of(lambda each: each.roll_deg, "roll_deg"),
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)
