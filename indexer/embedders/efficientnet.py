"""The default embedder, EfficientNet-Lite0. Its weights come with the install, and its classifier gives the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from photoidx.assets import ASSETS, PackageFile, find, locate
from photoidx.errors import AssetError
from photoidx.indexer.embedders.base import VectorStage, Vision, device_of, unit
from photoidx.stage import Rows, TableSpec, column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photoidx.config import Config

NAME = "efficientnet_lite0"
LABELS = 5
_LABELS_TABLE = TableSpec(
    "labels",
    "What the picture shows, in words: ImageNet's 1,000 classes as EfficientNet-Lite0 tells them apart.",
    (
        column("labels", pa.list_(pa.string()), "The five most probable classes, the most probable first."),
        column("probabilities", pa.list_(pa.float32()), "The probability of each of the labels, from 0 to 1."),
    ),
)


class EfficientNetLite0(VectorStage):
    """Vectors of 1,280 numbers and ImageNet's labels."""

    weights_id = ASSETS[NAME].sha256

    def __init__(self, config: Config) -> None:
        super().__init__(NAME, NAME, Vision(width=1280), config)
        self.tables = (*self.tables, _LABELS_TABLE)
        self.words: list[str] = []
        self.head: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Travel to other processes without the model."""
        return {**super().__getstate__(), "head": None}

    def check(self) -> None:
        """Raise AssetError if the weights are not here. Loading them tells whether they are the right ones."""
        if find(ASSETS[NAME], self.config) is None:
            locate(ASSETS[NAME], self.config)

    def load(self) -> None:
        """Open the model, its classifier in float32, and the words of its classes."""
        super().load()
        self.words = class_words()

    def open_model(self) -> Any:
        """Return the network with the weights of the original one, up to the pooled features."""
        import torch  # noqa: PLC0415

        from photoidx.indexer.embedders.lite0 import lite0  # noqa: PLC0415 - brings torch

        path = locate(ASSETS[NAME], self.config)
        model, head = lite0(torch.load(path, map_location="cpu", weights_only=True))
        self.head = head.to(device_of(self.config)).requires_grad_(requires_grad=False)
        return model

    def features(self, batch: Any) -> Any:
        """Return the pooled features."""
        return self.model(batch)

    def run_batch(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Sequence[Rows]:
        """Return each picture's vector and labels."""
        import torch  # noqa: PLC0415

        if not arrays:
            return []
        pooled = self.pooled(arrays)
        # The classifier's result must not depend on the batch's shape either.
        full = torch.zeros((max(self.batch_size, len(arrays)), pooled.shape[1]), device=pooled.device)
        full[: len(arrays)] = pooled
        with torch.inference_mode():
            best = self.head(full).softmax(dim=1).topk(LABELS)
        vectors = unit(pooled.cpu().numpy()).astype(np.float16)
        chances, indices = best.values.cpu().tolist(), best.indices.cpu().tolist()
        return [
            {
                self.vector_table: [{"vector": vector}],
                "labels": [{"labels": [self.words[i] for i in index], "probabilities": chance}],
            }
            for vector, chance, index in zip(vectors, chances, indices, strict=False)
        ]


def class_words() -> list[str]:
    """Return a word for each of ImageNet's 1,000 classes, from the lists that timm carries. Does not import timm."""
    lists = []
    for name in ("imagenet_synsets.txt", "imagenet_synset_to_lemma.txt"):
        path = PackageFile("timm", f"timm/data/_info/{name}").find()
        if path is None:
            raise AssetError(f"The installed timm does not hold {name}. Install timm again.")
        lists.append(path.read_text(encoding="utf-8").splitlines())
    synsets, lemmas = lists
    words = {synset: names.split(",")[0].strip('"') for synset, names in (line.split("\t") for line in lemmas)}
    return [words[synset] for synset in synsets]
