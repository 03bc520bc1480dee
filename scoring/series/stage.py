"""The stage of a series ranker: one number for each photo, to be compared within a series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from photoidx.extras import require
from photoidx.scoring.learned.card import fingerprint_of, read_card
from photoidx.scoring.learned.table import learned_column, learned_table
from photoidx.scoring.learned.vectors import OpenEmbedder
from photoidx.scoring.series.inputs import Inputs
from photoidx.scoring.series.scorer import OpenBackbone, SeriesScorer
from photoidx.stage import BatchStage, Rows

if TYPE_CHECKING:
    from photoidx.stage import Photo


class SeriesStage(BatchStage):
    """Runs a directory that `photoidx train series` wrote. Raises AssetError if its card can't be used."""

    batch_size = 4

    def __init__(self, directory: Path, open_backbone: OpenBackbone, open_embedder: OpenEmbedder) -> None:
        card, digest = read_card(directory)
        self._directory, self._open = directory, open_backbone
        self._inputs = Inputs(card.settings, open_embedder, str(directory))
        self._scorer: SeriesScorer | None = None
        self.name = f"series ranker {card.name}"
        self.weights_id = f"{fingerprint_of(directory)} {digest}"
        self.preprocessing = self._inputs.fingerprint
        self._column = learned_column(card.name)
        about = (
            "How this photo compares with others of its series, as a trained ranker sees it: differences are logits."
        )
        self.tables = (learned_table(card.name, about),)

    def __getstate__(self) -> dict[str, Any]:
        """Travel to other processes without the network; an embedder leaves its own model behind."""
        return {**self.__dict__, "_scorer": None, "_open": None}

    def check(self) -> None:
        """Raise MissingExtraError where torch is not here, AssetError if the weights of an embedder are not."""
        require("models", f"The scorer {self.name}")
        if self._inputs.embedder is not None:
            self._inputs.embedder.check()

    def prepare(self, photo: Photo) -> np.ndarray[Any, Any]:
        """Bring the whole picture to the network's size, with what stands beside it."""
        return self._inputs.prepare(photo)

    def load(self) -> None:
        """Open the network."""
        self._scorer = SeriesScorer(self._directory, self._open, self._inputs)

    def run_batch(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Sequence[Rows]:
        """Return each photo's number."""
        if self._scorer is None:
            self.load()
        assert self._scorer is not None
        return [{self.tables[0].name: [{self._column: score}]} for score in self._scorer.scores(arrays)]
