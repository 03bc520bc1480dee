"""Ways to tell how alike two photos are, behind one small interface: embedders, visual words, colours.

A method reads photos one by one, and what it read of each is kept. Over the whole set it makes a vector of each photo,
and of the vectors a matrix of similarities.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from photoidx.errors import AssetError
from photoidx.indexer.embedders import embedder
from photoidx.indexer.embedders.base import unit

if TYPE_CHECKING:
    from photoidx.config import Config
    from photoidx.indexer.embedders.base import VectorStage
    from photoidx.stage import Photo

Array = np.ndarray[Any, Any]

SIFT, EMD = "sift", "emd"
HAND_MADE = (SIFT, EMD)
RANDOM = "random"


class SimilarityMethod(ABC):
    """One way to compare photos. `weights` says where what it learned comes from: `random` where it learned nothing."""

    name: str
    weights: str = ""
    note: str = ""
    """What is to be known of its figures."""
    batch_size: int = 16

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Name everything that what it reads of a photo depends on."""

    @abstractmethod
    def read(self, photos: Sequence[Photo]) -> list[Array]:
        """Return what is to be kept of each photo. Raises PhotoError if one can't be decoded."""

    @abstractmethod
    def vectors(self, kept: Sequence[Array]) -> Array:
        """Return a row of features for each photo of a set: n x d."""

    def similarity(self, vectors: Array) -> Array:
        """Return n x n numbers, larger where photos are more alike. Here the cosine of the rows."""
        rows = unit(vectors.astype(np.float32))
        found: Array = rows @ rows.T
        return found


class EmbedderMethod(SimilarityMethod):
    """The cosine of the vectors of an embedder."""

    def __init__(self, name: str, stage: VectorStage, weights: str) -> None:
        self.name = name
        self.stage = stage
        self.weights = weights
        self.batch_size = stage.batch_size

    @property
    def fingerprint(self) -> str:
        """Return that of the embedder: its weights, its preprocessing and its arithmetic."""
        return self.stage.fingerprint

    def read(self, photos: Sequence[Photo]) -> list[Array]:
        """Return each photo's vector, float16."""
        rows = self.stage.run_batch([self.stage.prepare(photo) for photo in photos])
        return [np.asarray(row[self.stage.vector_table][0]["vector"], np.float16) for row in rows]

    def vectors(self, kept: Sequence[Array]) -> Array:
        """Return the vectors as they are."""
        return np.stack(kept).astype(np.float32)


def method(name: str, config: Config, *, random_weights: bool = False, quick: bool = False) -> SimilarityMethod:
    """Return the method of a name: `sift`, `emd`, or an embedder as `photoidx models` lists them.

    An embedder whose weights are not here raises AssetError; with `random_weights` it gets random ones, which says
    that it runs and nothing about how good it is. Raises PhotoidxError for a name that says nothing.
    """
    if name == SIFT:
        from photoidx.evaluation.retrieval.visual_words import QUICK_WORDS, WORDS, VisualWords  # noqa: PLC0415 - brings OpenCV

        return VisualWords(QUICK_WORDS if quick else WORDS)
    if name == EMD:
        from photoidx.evaluation.retrieval.colour_distances import ColourDistances  # noqa: PLC0415 - brings OpenCV

        return ColourDistances()
    stage = embedder(name, config)
    try:
        stage.check()
    except AssetError:
        if not random_weights or "@" in name or "//" in name:  # a file that was named is a mistake
            raise
        from photoidx.evaluation.retrieval.random_weights import with_random_weights  # noqa: PLC0415 - brings torch

        return EmbedderMethod(name, with_random_weights(stage), RANDOM)
    return EmbedderMethod(name, stage, "trained")
