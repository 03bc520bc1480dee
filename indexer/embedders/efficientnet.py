"""The default embedder, EfficientNet-Lite0, by ONNX Runtime. Its weights come with the install; it gives the labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from photoidx.assets import ASSETS, find, locate
from photoidx.indexer.embedders.base import VectorStage, Vision, unit
from photoidx.indexer.embedders.imagenet import class_words
from photoidx.indexer.embedders.lite0_weights import folded
from photoidx.indexer.embedders.onnx import open_session
from photoidx.stage import Rows, TableSpec, column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photoidx.config import Config

NAME = "efficientnet_lite0"
LABELS = 5
GRAPH = Path(__file__).with_name("lite0.onnx")
"""The network without its weights (`scripts/export_lite0.py`)."""
_LABELS_TABLE = TableSpec(
    "labels",
    "What the picture shows, in words: ImageNet's 1,000 classes as EfficientNet-Lite0 tells them apart.",
    (
        column("labels", pa.list_(pa.string()), "The five most probable classes, the most probable first."),
        column("probabilities", pa.list_(pa.float32()), "The probability of each of the labels, from 0 to 1."),
    ),
)


class EfficientNetLite0(VectorStage):
    """Vectors of 1,280 numbers and ImageNet's labels.

    They are torch's in float32 (cosine >= .9999, the same labels), so its arithmetic still names them.
    """

    weights_id = ASSETS[NAME].sha256

    def __init__(self, config: Config) -> None:
        super().__init__(NAME, NAME, Vision(width=1280), config, precision="float32")
        self.tables = (*self.tables, _LABELS_TABLE)
        self.words: list[str] = []
        self.session: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Travel to other processes without the model."""
        return {**super().__getstate__(), "session": None}

    def check(self) -> None:
        """Raise AssetError if the weights are not here. Loading them tells whether they are the right ones."""
        if find(ASSETS[NAME], self.config) is None:
            locate(ASSETS[NAME], self.config)

    def load(self) -> None:
        """Open the graph with its weights, and the words of its classes."""
        self.session = open_session(GRAPH, folded(locate(ASSETS[NAME], self.config)), self.config.device)
        self.words = class_words()

    def open_model(self) -> Any:
        """Return the network in torch, up to the pooled features."""
        from photoidx.indexer.embedders.lite0 import lite0  # noqa: PLC0415 - brings torch

        return lite0(folded(locate(ASSETS[NAME], self.config)))

    def features(self, batch: Any) -> Any:
        """Return the pooled features in torch."""
        return self.model(batch)

    def run_batch(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Sequence[Rows]:
        """Return each picture's vector and labels."""
        if self.session is None:
            self.load()
        return [self._run(array) for array in arrays]

    def _run(self, array: np.ndarray[Any, Any]) -> Rows:
        # One picture at a time: no slower on a processor, and a result can't depend on what shares a batch.
        vectors, chances = self.session.run(None, {"pictures": array[None]})
        best = np.argsort(-chances[0], kind="stable")[:LABELS]
        return {
            self.vector_table: [{"vector": unit(vectors)[0].astype(np.float16)}],
            "labels": [{"labels": [self.words[at] for at in best], "probabilities": chances[0][best].tolist()}],
        }
