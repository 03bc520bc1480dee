"""The table `pairs`: photos that look alike, found among all, and brought up to date for what is new."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.config import DEFAULT_EMBEDDER
from photoidx.queries.contents import Array, thumbnails_of
from photoidx.queries.duplicates.alignment import SIDE, Likeness, aligned, at_side, direct
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
from photoidx.queries.duplicates.orientation import turned, turned_hashes
from photoidx.queries.duplicates.pictures import Pictures, read_pictures
from photoidx.schema import META, PAIRS, arrow_schema
from photoidx.store import Store

VERSION = 3
_STATE = "pairs"
_FINEST = "%Y-%m-%dT%H:%M:%S.%f"
_BLOCK = 4000
_AT_ONCE = 16  # pairs that a thread compares before it is given others
_TURNED_256 = 64  # bits up to which another orientation than the upright is believed
_DIRECT = 0.1  # a distance up to which the pictures need not be laid on each other
_KEPT_DISTANCE = 0.5  # pairs that are more unlike are not worth a row
# A copy is cut, framed or turned by quarters; hands turn a camera by fractions of a degree and scale nothing unevenly.
# Measured on 40 photos: cropped and framed copies lie at 0.1 degrees at most, frames of a walk at 1.2 and more.
_MOST_ROLL_DEG, _MOST_STRETCH = 0.3, 1.03
# Turned by more than this on the rough laying, a pair is not laid finer, which is most of the cost; but only where the
# rough laying can be trusted. Of 1,776 copies that needed laying 1,460 are laid so well, at 0.63 degrees at most; the
# others lie at up to 1.9 (two albums of 16 edits).
_SURE_ROLL_DEG, _SURE_STRUCTURE, _SURE_DISTANCE = 1.0, 100.0, 0.1
# Where both pictures have structure, but not the same, something moved. Measured on 85 photos with 16 edits: 0.006 at
# most in 95 of 100 stamped copies, 0.04 where a frame is laid a pixel beside. A thing that moved by a tenth: 0.012.
_MOST_CONFLICT, _MOST_CONFLICT_LAID = 0.012, 0.045
# Of a page (so much of it has one bright grey level) a few letters may be all that differs: nothing may have changed.
_PAGE, _LEVELS, _BRIGHT, _MOST_CHANGED_PAGE = 0.5, 6, 200, 0.0005
# Pictures without structure (a wall, a black frame) are the same only if their colours are: grey levels squared, and
# grey levels.
_FLAT, _FLAT_COLOUR = 15.0, 4.0

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
    """Give when this version looked for pairs last, UTC; None if it never did."""
    version, _, when = store.meta().get(_STATE, "").partition(" ")
    return datetime.strptime(when, _FINEST) if version == str(VERSION) else None  # noqa: DTZ007 - UTC without a zone


def is_current(store: Store) -> bool:
    """Tell whether all photos have been compared."""
    since = last_update(store)
    return since is not None and not _fresh_since(store, since)


def _fresh_since(store: Store, since: datetime) -> set[str]:
    """Give the contents that were measured since, or whose file came, came back or was renamed."""
    moment = pa.scalar(since, pa.timestamp("us"))
    files = store.read("files", ["content_id", "seen_at"], "kind = 'photo' AND content_id IS NOT NULL")
    seen = set(files.filter(pc.greater_equal(files["seen_at"], moment))["content_id"].to_pylist())
    ledger = store.read("ledger", ["content_id", "stage", "at"])
    ours = pc.is_in(ledger["stage"], value_set=pa.array(["exif", "hashes", "thumbnails", DEFAULT_EMBEDDER]))
    return seen | set(ledger.filter(pc.and_(ours, pc.greater_equal(ledger["at"], moment)))["content_id"].to_pylist())


def _fresh(store: Store, pictures: Pictures, since: datetime) -> Array:
    measured = pa.array(sorted(_fresh_since(store, since)), pa.string())
    return np.flatnonzero(np.asarray(pc.is_in(pa.array(pictures.content_ids, pa.string()), value_set=measured)))


def find_pairs(store: Store, pictures: Pictures, fresh: Array | None, progress: Progress) -> Iterator[pa.Table]:
    """Look at all candidates, and give the rows of those that are alike, block by block."""
    twins = equal_pixels(pictures)
    if fresh is not None:
        twins = twins[np.isin(twins, fresh).any(axis=1)]
    # A RAW file and a picture developed from it are two things, however alike they look.
    twins = twins[pictures.raw[twins[:, 0]] == pictures.raw[twins[:, 1]]]
    yield _rows(pictures, twins, np.ones(len(twins), np.float32), [_EQUAL] * len(twins), np.zeros(len(twins), np.int8))
    moments = of_one_moment(pictures, fresh)
    pairs = unique_pairs(np.concatenate([candidates(pictures, fresh), moments]))
    pairs = pairs[pictures.raw[pairs[:, 0]] == pictures.raw[pairs[:, 1]]]
    for start in range(0, len(pairs), _BLOCK):
        progress(start, len(pairs))
        block = pairs[start : start + _BLOCK]
        cosine = cosines(pictures, block)
        maybe = _one_press(pictures, block)
        orientation = orientations(pictures, block)
        looked: list[Likeness | None] = [None] * len(block)
        compare = Comparison(store, pictures, block[maybe])
        found = compare.all(np.column_stack([block, orientation])[maybe])
        for at, each in zip(np.flatnonzero(maybe), found, strict=True):
            looked[at] = each
        kept = np.array([each is not None for each in looked], np.bool_) | (cosine >= NEAR_COSINE)
        kept |= are_of_one_moment(pictures, block) & (cosine >= MOMENT_COSINE)
        chosen = [looked[at] for at in np.flatnonzero(kept)]
        yield _rows(pictures, block[kept], cosine[kept], chosen, orientation[kept])
    progress(len(pairs), len(pairs))


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
    """Tell of pairs whether they may be of one press of the shutter, each standing for all that have its pixels.

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


_EQUAL = Likeness(
    distance=0.0, changed=0.0, conflict=0.0, overlap=1.0, scale=1.0, roll_deg=0.0, stretch=1.0, structure=0.0
)


def orientations(pictures: Pictures, pairs: Array) -> Array:
    """Give how the second of each pair is turned, by the hashes; 0 where they do not tell."""
    whole = turned_hashes(pictures.hash_256[pairs[:, 1]], 16)
    bits = np.bitwise_count(whole ^ pictures.hash_256[pairs[:, 0]][None]).sum(axis=2)
    best = bits.argmin(axis=0)
    return np.where(bits.min(axis=0) <= _TURNED_256, best, 0).astype(np.int8)


class Thumbnail(NamedTuple):
    """A thumbnail's grey levels, whole (uint8) and at the side of comparison (float32)."""

    grey: Array
    small: Array
    page: bool


class Comparison:
    """Compares the thumbnails of pairs of one block, each of them decoded once."""

    def __init__(self, store: Store, pictures: Pictures, pairs: Array) -> None:
        self._ids = pictures.content_ids
        self._jpegs: Mapping[str, bytes] = thumbnails_of(store, {self._ids[at] for at in pairs.ravel()})
        self._picture = lru_cache(maxsize=2 * _BLOCK)(self._decoded)

    def __call__(self, first: int, second: int, orientation: int) -> Likeness | None:
        """Give what two pictures have in common; None if they are surely not the same."""
        found = self._look(first, second, orientation, _is_surely_turned)
        return found if found is not None and self._may_be_same(found, first, second) else None

    def all(self, turns: Array) -> list[Likeness | None]:
        """Compare pairs (m x 3: both places, and how the second is turned) on all cores."""
        parts = [turns[at : at + _AT_ONCE].tolist() for at in range(0, len(turns), _AT_ONCE)]
        with one_thread_each(), ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(lambda part: [self(*each) for each in part], parts))
        self._picture.cache_clear()  # a cycle: the pictures would stay until garbage is collected
        return list(itertools.chain.from_iterable(found))

    def look(self, first: int, second: int, orientation: int) -> Likeness | None:
        """Give what two pictures have in common, also if an edit can't have made it; None if nothing is."""
        return self._look(first, second, orientation)

    def _look(
        self, first: int, second: int, orientation: int, is_lost: Callable[[Likeness], bool] = lambda _rough: False
    ) -> Likeness | None:
        here, there = self._picture(first), self._picture(second)
        if here is None or there is None:
            return None
        if here.page:
            whole, other = (each.astype(np.float32) for each in (here.grey, turned(there.grey, orientation)))
            return direct(whole, other, max(whole.shape))
        grey, other = here.small, turned(there.small, orientation)
        found = direct(grey, other)
        if found is None or found.distance > _DIRECT:
            found = min((each for each in (found, aligned(grey, other, is_lost)) if each), key=_distance, default=None)
        return found

    def _may_be_same(self, found: Likeness, first: int, second: int) -> bool:
        if found.distance > _KEPT_DISTANCE or abs(found.roll_deg) > _MOST_ROLL_DEG or found.stretch > _MOST_STRETCH:
            return False
        if found.conflict > (_MOST_CONFLICT if found.overlap == 1 else _MOST_CONFLICT_LAID):
            return False
        picture = self._picture(first)
        if found.changed > _MOST_CHANGED_PAGE and picture is not None and picture.page:
            return False
        return found.structure >= _FLAT or self._of_one_colour(first, second)

    def _of_one_colour(self, first: int, second: int) -> bool:
        pictures = [self._read(at, cv2.IMREAD_COLOR) for at in (first, second)]
        colours = [np.array(cv2.mean(each)[:3]) for each in pictures if each is not None]
        return float(np.abs(colours[0] - colours[-1]).max()) <= _FLAT_COLOUR

    def _decoded(self, at: int) -> Thumbnail | None:
        grey = self._read(at, cv2.IMREAD_GRAYSCALE)  # at half the cost of the colours, which few pairs need
        if grey is None:
            return None
        return Thumbnail(grey, at_side(grey.astype(np.float32), SIDE), _is_page(grey))

    def _read(self, at: int, how: int) -> Array | None:
        jpeg = self._jpegs.get(self._ids[at])
        picture = None if jpeg is None else cv2.imdecode(np.frombuffer(jpeg, np.uint8), how)
        return None if picture is None else np.asarray(picture)


def _is_surely_turned(rough: Likeness) -> bool:
    """Tell by the rough laying of two pictures that a finer one would show the camera to have been turned."""
    is_laid_well = rough.structure > _SURE_STRUCTURE and rough.distance <= _SURE_DISTANCE
    return is_laid_well and abs(rough.roll_deg) > _SURE_ROLL_DEG


def _is_page(grey: Array) -> bool:
    """Tell whether a picture is mostly of one bright grey level, as pages, forms, slides and screenshots are."""
    histogram = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel()
    counts = np.add.reduceat(histogram, np.arange(0, 256, _LEVELS))
    return bool(counts.max() > _PAGE * grey.size and counts.argmax() * _LEVELS >= _BRIGHT)


def _distance(likeness: Likeness) -> float:
    return likeness.distance


def _rows(
    pictures: Pictures, pairs: Array, cosine: Array, looked: list[Likeness | None], orientation: Array
) -> pa.Table:
    ids = pa.array(pictures.content_ids, pa.string())
    names: dict[str, Any] = {"first": ids.take(pa.array(pairs[:, 0])), "second": ids.take(pa.array(pairs[:, 1]))}
    measures = {
        name: pa.array([None if each is None else getattr(each, name) for each in looked], pa.float32())
        for name in ("distance", "scale", "overlap", "changed")
    }
    framed = pa.array([None if each is None else each.framed for each in looked], pa.int8())
    known = pa.array(cosine, pa.float32(), mask=cosine == 0)
    columns = {**names, "cosine": known, "orientation": pa.array(orientation, pa.int8()), "framed": framed, **measures}
    columns["equal_pixels"] = pa.array([each is _EQUAL for each in looked], pa.bool_())
    schema = arrow_schema(PAIRS)
    whole = {field.name: pa.nulls(len(pairs), field.type) for field in schema} | columns
    return pa.table([whole[name] for name in schema.names], schema=schema)
