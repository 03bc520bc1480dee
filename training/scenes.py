"""Which photos show one scene, so that a split never has one scene on both sides.

Photos are of one scene if their hashes are near in any orientation, if their vectors are, if one camera took them
within the time of a burst, or within a minute and they look a little alike: what the search for duplicates and the
grouping of bursts know. A chain of such pairs is one scene. To take too much for one scene costs nothing but room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from photoidx.config import Config
from photoidx.errors import PhotoidxError
from photoidx.indexer.embedders import embedder
from photoidx.indexer.embedders.efficientnet import NAME as LITE0
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.queries.bursts.frames import NO_TIME
from photoidx.queries.bursts.rules import WINDOW_S
from photoidx.queries.compare.orientation import turned_hashes
from photoidx.queries.contents import codes
from photoidx.queries.duplicates.candidates import NEAR_256, NEAR_COSINE, candidates, cosines, of_one_moment
from photoidx.queries.duplicates.pictures import Pictures
from photoidx.scoring.exif.stage import Exif
from photoidx.scoring.hashes import Hashes
from photoidx.scoring.learned.vectors import vectors_of
from photoidx.union_find import UnionFind

_NAMED = 5
# Vectors are near from the first of these on. Where photos are so alike that chains of them make most of the set one
# scene (pages, textures), from the first on with which they do not.
_COSINES, _LARGEST = (NEAR_COSINE, 0.86, 0.9, 0.94, 0.97, 0.985, 0.995), 0.34
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a camera writes local time
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Scenes:
    """Photos by name, the pairs (m x 2) that show one scene, and for each photo the number of its scene."""

    names: Sequence[str]
    pairs: Array
    of: Array

    def kept_back(self, one_in: int, seed: int, *, what: str = "The photos") -> Array:
        """Return which photos are for testing: about one in so many, whole scenes, drawn by lot.

        Raises PhotoidxError if there is one scene only.
        """
        numbers, sizes = np.unique(self.of, return_counts=True)
        if len(numbers) < 2:  # noqa: PLR2004 - one to learn from, one to test on
            raise PhotoidxError(f"{what} show one scene: there is nothing that was not learnt to test on. Take others.")
        order = np.random.default_rng(seed).permutation(len(numbers))
        room = max(1.0, len(self.of) / one_in)
        taken: list[int] = []
        for place in order:
            if sizes[place] <= room and len(taken) < len(numbers) - 1:
                taken.append(int(numbers[place]))
                room -= sizes[place]
        return np.isin(self.of, taken or [numbers[sizes.argmin()]])

    def refuse_across(self, tested: Array) -> None:
        """Raise PhotoidxError, naming them, if photos of one scene lie on both sides of a split."""
        across = self.pairs[tested[self.pairs[:, 0]] != tested[self.pairs[:, 1]]] if len(self.pairs) else self.pairs
        if len(across):
            named = "; ".join(f"{self.names[one]} and {self.names[other]}" for one, other in across[:_NAMED].tolist())
            more = "; ..." if len(across) > _NAMED else ""
            raise PhotoidxError(
                f"{len(across):,} pairs of near-duplicates lie on both sides of the split, so what is tested was "
                f"learnt: {named}{more}. Take them out of one of the lists."
            )


class SceneReader:
    """Takes photos one by one, and tells their scenes."""

    def __init__(self, config: Config | None = None) -> None:
        self._embedder: Any = embedder(LITE0, config or Config())
        self._embedder.load()
        self._hashes, self._exif = Hashes(), Exif()
        self._names: list[str] = []
        self._rows: list[dict[str, Any]] = []
        self._waiting: list[Any] = []
        self._vectors: list[Array] = []

    def take(self, name: str, photo: DecodedPhoto) -> None:
        """Look at a photo. Raises PhotoError if it can't be decoded."""
        waiting = self._embedder.prepare(photo)
        hashes = self._hashes.run(photo)["hashes"][0]
        self._rows.append({**self._exif.run(photo)["exif"][0], **hashes})
        self._names.append(name)
        self._waiting.append(waiting)
        if len(self._waiting) >= self._embedder.batch_size:
            self._embed()

    def scenes(self) -> Scenes:
        """Return the scenes of what was taken, in its order."""
        self._embed()
        if not self._names:
            return Scenes((), np.zeros((0, 2), np.int64), np.zeros(0, np.int64))
        return scenes_of(self._names, pictures_of(self._rows, np.concatenate(self._vectors)))

    def _embed(self) -> None:
        if self._waiting:
            self._vectors.append(vectors_of(self._embedder, self._waiting).astype(np.float16))
            self._waiting = []


def pictures_of(rows: Sequence[Mapping[str, Any]], vectors: Array) -> Pictures:
    """Put hashes, EXIF (rows of both) and vectors (n x d, float16) together as the search for duplicates has them."""
    words = np.frombuffer(bytes.fromhex("".join(row["phash_256"] for row in rows)), ">u8")
    cameras = [f"{row['make'] or ''} {row['model'] or ''}" if row["make"] or row["model"] else None for row in rows]
    count = len(rows)
    nowhere = np.full(count, -1)
    return Pictures(
        content_ids=[str(number) for number in range(count)],
        pixels=codes([row["pixel_id"] for row in rows]),
        hash_64=np.array([int(row["phash_64"], 16) for row in rows], np.uint64),
        hash_256=words.reshape(-1, 4).astype(np.uint64),
        vectors=vectors,
        cameras=codes(cameras),
        time_us=np.array([_time_us(row["taken_at"]) for row in rows], np.int64),
        streams=nowhere,
        numbers=nowhere,
        bursts=codes([row["burst_uuid"] for row in rows]),
        sequence=nowhere,
        exposure=np.full((count, 4), np.nan),
        size=np.zeros((count, 2), np.int32),
        raw=np.zeros(count, np.bool_),
    )


def _time_us(moment: datetime | None) -> int:
    return NO_TIME if moment is None else round((moment - _EPOCH).total_seconds() * 1e6)


def scenes_of(names: Sequence[str], pictures: Pictures) -> Scenes:
    """Join the pairs of one scene. A pure function of what is known of the pictures."""
    near = candidates(pictures)
    turned = turned_hashes(pictures.hash_256[near[:, 0]], 16)
    bits = np.bitwise_count(turned ^ pictures.hash_256[near[:, 1]]).sum(axis=-1).min(axis=0)
    cosine = cosines(pictures, near)
    sure = [of_one_moment(pictures), _in_a_burst(pictures), _runs(pictures.pixels), _runs(pictures.bursts)]
    found = Scenes(names, np.zeros((0, 2), np.int64), np.arange(len(names)))
    for least in _COSINES:
        pairs = np.concatenate([near[(cosine >= least) | (bits <= NEAR_256)], *sure])
        joined = UnionFind[int](range(len(names))).join_all((int(one), int(other)) for one, other in pairs)
        found = Scenes(names, pairs, np.array([joined.head(at) for at in range(len(names))], np.int64))
        if np.unique(found.of, return_counts=True)[1].max(initial=0) <= max(2, _LARGEST * len(names)):
            break
    return found


def _runs(labels: Array) -> Array:
    """Return pairs that chain what has one label, -1 being none."""
    order = np.argsort(labels, kind="stable")
    pairs = np.stack([order[:-1], order[1:]], axis=1).astype(np.int64)
    return np.asarray(pairs[(labels[pairs[:, 0]] == labels[pairs[:, 1]]) & (labels[pairs[:, 0]] >= 0)])


def _in_a_burst(pictures: Pictures) -> Array:
    """Pair what one camera took one after another within the time of a burst, whatever it looks like."""
    known = np.flatnonzero((pictures.time_us != NO_TIME) & (pictures.cameras >= 0))
    known = known[np.lexsort((pictures.time_us[known], pictures.cameras[known]))]
    pairs = np.stack([known[:-1], known[1:]], axis=1).astype(np.int64)
    close = np.diff(pictures.time_us[known]) <= WINDOW_S * 1e6
    return np.asarray(pairs[close & (pictures.cameras[pairs[:, 0]] == pictures.cameras[pairs[:, 1]])])
