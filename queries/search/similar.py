"""What looks like given photos: the nearest by an embedder's vectors."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from photoidx.config import Config
from photoidx.errors import PhotoError, QueryError
from photoidx.indexer.embedders.base import VectorStage, unit
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.queries.contents import vectors_of
from photoidx.queries.resolve import resolve_photo
from photoidx.queries.search.nearest import nearest_photos
from photoidx.queries.sql.process import paths_where
from photoidx.queries.vectors import Array, stage_of
from photoidx.records import content_id_of, format_of, text_path
from photoidx.storage.store import Store

# How much of the mean of the photos to avoid is taken from the mean of the photos to find. Measured on Imagenette: one
# photo of a kind A and one of B, and not one of B. Of the 20 nearest, the mean of 90 pairs of kinds (A, B, another):
# 0: 50, 47, 3 %; 0.25: 73, 22, 5 %; 0.5: 81, 12, 7 %; 0.75: 82, 9, 9 %; 1: 83, 7, 10 %.
AVOIDED = 0.5


def similar(
    store: Store,
    photos: Sequence[str],
    config: Config,
    *,
    against: Sequence[str] = (),
    where: str | None = None,
    count: int = 20,
    least: float | None = None,
    embedder: str | None = None,
    include_self: bool = False,
) -> list[dict[str, Any]]:
    """Return path and score of what looks like the photos and not like those `against`, one row a shot, the best first.

    The score is the cosine with unit(mean of the photos - AVOIDED x mean of `against`), -1 to 1. Shots of the given
    photos, and their copies, are left out. A photo that the library does not have is read from disk and embedded.
    Raises QueryError.
    """
    if not photos:
        raise QueryError("Name at least one photo that the others should look like.")
    allowed = None if where is None else paths_where(store, where, config)
    stage = stage_of(store, config, embedder)
    examples = _Examples(store, stage)
    liked, avoided = examples.add(photos), examples.add(against)
    vectors = examples.vectors()
    query = query_vector(vectors[liked], vectors[avoided])
    own: Collection[str] = () if include_self else examples.own
    return nearest_photos(store, stage, query, count=count, least=least, allowed=allowed, without=own)


def query_vector(liked: Array, avoided: Array) -> Array:
    """Return the vector of length 1 to look for: the mean of the rows of `liked`, less a share of that of `avoided`."""
    wanted = liked.mean(axis=0)
    if len(avoided):
        wanted = wanted - AVOIDED * avoided.mean(axis=0)
    query: Array = unit(wanted[None])[0]
    return query


class _Examples:
    """The photos that a user names, and their vectors: those of the library, or made on the spot."""

    def __init__(self, store: Store, stage: VectorStage) -> None:
        self._store = store
        self._stage = stage
        self._names: list[str] = []
        self._contents: list[str] = []
        self._data: dict[int, bytes] = {}
        self.own: set[str] = set()  # the shots and contents of those that the library has

    def add(self, photos: Sequence[str]) -> slice:
        """Take photos, and give their places among the vectors. Raises QueryError if one is not to be found."""
        first = len(self._names)
        for photo in photos:
            try:
                row: dict[str, Any] | None = resolve_photo(self._store, photo)
            except QueryError:
                if not os.path.exists(photo):
                    raise
                row = None
            self._take(photo, row)
        return slice(first, len(self._names))

    def _take(self, photo: str, row: dict[str, Any] | None) -> None:
        content_id = row["content_id"] if row else None
        if row:
            self.own |= {each for each in (row["shot_id"], content_id) if each is not None}
        if content_id is None:
            data = _read(text_path(row["path"]) if row else photo)
            self._data[len(self._names)] = data
            content_id = content_id_of(data)
        self._names.append(text_path(row["path"]) if row else photo)
        self._contents.append(content_id)

    def vectors(self) -> Array:
        """Return the vectors: n x d, float32, length 1. Raises QueryError if a photo can't be decoded."""
        slug = self._stage.vector_table.removeprefix("vectors_")
        stored = vectors_of(self._store, self._contents, slug).astype(np.float32)
        lacking = [at for at, row in enumerate(stored) if not row.any()]
        if not lacking:
            return stored
        if stored.shape[1] != self._stage.vision.width:
            stored = np.zeros((len(stored), self._stage.vision.width), np.float32)
        self._stage.check()
        for at in lacking:
            data = self._data.get(at) or _read(self._names[at])
            stored[at] = _embedded(self._stage, data, self._names[at])
        return stored


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise QueryError(f"{path} can't be read: {error.strerror or error}") from None


def _embedded(stage: VectorStage, data: bytes, path: str) -> Array:
    photo = DecodedPhoto(data, format_of(path) or "", stage.config.max_pixels)
    try:
        array = stage.prepare(photo)
    except PhotoError as error:
        raise QueryError(f"{path} is no photo that can be read: {error}") from None
    (found,) = stage.run_batch([array])
    vector: Array = np.asarray(found[stage.vector_table][0]["vector"], np.float32)
    return vector
