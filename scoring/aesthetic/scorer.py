"""A linear head over an embedder's vector: the shares of the ratings 1 to 10, or one number.

The shares are those of NIMA (Talebi and Milanfar 2018); their mean is the score. One number is what LAION's linear head
over CLIP's vectors gives, whose weights `photoidx train aesthetic --laion` takes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from photoidx.errors import AssetError
from photoidx.scoring.learned.card import fingerprint_of, read_card, read_scorer
from photoidx.scoring.learned.table import learned_column, learned_table
from photoidx.scoring.learned.vectors import OpenEmbedder, named_embedder
from photoidx.stage import DerivedStage, Rows

KIND = "aesthetic"
RATINGS = 10

Array = np.ndarray[Any, Any]


def shares(logits: Array) -> Array:
    """Return the shares of the ratings (n x 10) from logits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def means(told: Array) -> Array:
    """Return the mean rating (n) of shares (n x 10)."""
    return np.asarray(told @ np.arange(1, RATINGS + 1))


class AestheticScorer:
    """The head of a trained directory. Raises AssetError if it is not whole, not of this kind, or of odd shapes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.card, tensors = read_scorer(directory, KIND)
        try:
            self._weight, self._bias = (tensors[name].astype(np.float64) for name in ("weight", "bias"))
        except KeyError as error:
            raise AssetError(f"The weights of {directory} lack {error}. Train the scorer again.") from error
        rows = len(self._weight) if self._weight.ndim == 2 else 0  # noqa: PLR2004 - a matrix
        if rows not in {1, RATINGS} or self._bias.shape != self._weight.shape[:1]:
            raise AssetError(f"The weights of {directory} are no head of {RATINGS} ratings or of one number.")

    def check_width(self, width: int) -> None:
        """Raise AssetError if the head takes no vectors of so many numbers."""
        if width != self._weight.shape[1]:
            raise AssetError(
                f"The aesthetic scorer {self._directory} takes vectors of {self._weight.shape[1]} numbers, not of "
                f"{width}: its card names the wrong embedder."
            )

    def scores(self, vectors: Array) -> list[float]:
        """Return the score of each vector (n x d, length 1). Raises AssetError if they are of another embedder."""
        self.check_width(vectors.shape[1])
        found = vectors.astype(np.float64) @ self._weight.T + self._bias
        scores: list[float] = (means(shares(found)) if len(self._weight) == RATINGS else found[:, 0]).tolist()
        return scores


class AestheticStage(DerivedStage):
    """Runs a directory that `photoidx train aesthetic` wrote, over the vectors of its embedder."""

    source_columns = ("vector",)

    def __init__(self, directory: Path, open_embedder: OpenEmbedder) -> None:
        card, digest = read_card(directory)
        self._directory = directory
        embedder = named_embedder(card.settings, open_embedder, str(directory))
        self.source, self.source_table = embedder, embedder.vector_table
        self._width = embedder.vision.width
        self._scorer: AestheticScorer | None = None
        self._column = learned_column(card.name)
        self.name = f"aesthetic scorer {card.name}"
        self.weights_id = f"{fingerprint_of(directory)} {digest}"
        about = "How people would rating this photo for its looks, as a trained scorer sees it: higher is better."
        self.tables = (learned_table(card.name, about),)

    def check(self) -> None:
        """Raise AssetError if the head is not whole or for other vectors, or the embedder's weights are away."""
        self.source.check()
        AestheticScorer(self._directory).check_width(self._width)

    def load(self) -> None:
        """Open the head."""
        self._scorer = AestheticScorer(self._directory)

    def run_rows(self, rows: pa.RecordBatch) -> Sequence[Rows]:
        """Return the score of each vector."""
        if self._scorer is None:
            self.load()
        assert self._scorer is not None
        vectors = np.asarray(rows["vector"].flatten(), np.float32).reshape(rows.num_rows, -1)
        return [{self.tables[0].name: [{self._column: score}]} for score in self._scorer.scores(vectors)]
