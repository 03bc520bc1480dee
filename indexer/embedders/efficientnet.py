"""The default embedder, EfficientNet-Lite0. Its weights come with the install, and its classifier gives the labels."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from photoidx.assets import ASSETS, find, locate
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
        from timm.data.imagenet_info import ImageNetInfo  # noqa: PLC0415 - brings torch

        super().load()
        info: Any = ImageNetInfo()
        self.words = [info.index_to_description(index).split(",")[0] for index in range(info.num_classes())]

    def open_model(self) -> Any:
        """Give timm's model with the weights of the original one: their tensors come in the same order."""
        import timm  # noqa: PLC0415
        import torch  # noqa: PLC0415

        path = locate(ASSETS[NAME], self.config)
        theirs = torch.load(path, map_location="cpu", weights_only=True)
        model: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
        ours = model.state_dict()
        if [tuple(t.shape) for t in theirs.values()] != [tuple(t.shape) for t in ours.values()]:
            raise AssetError(f"The tensors in {path} do not fit timm's tf_efficientnet_lite0; another timm may help.")
        model.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
        self.head = model.get_classifier().to(device_of(self.config)).requires_grad_(requires_grad=False)
        model.reset_classifier(0)
        fuse(model)
        return model

    def features(self, batch: Any) -> Any:
        """Give the pooled features."""
        return self.model.forward_head(self.model.forward_features(batch), pre_logits=True)

    def run_batch(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Sequence[Rows]:
        """Give each picture's vector and labels."""
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


def fuse(module: Any) -> None:
    """Fold each batch normalisation into the convolution before it. Its activation, if it has one, stays."""
    from torch import nn  # noqa: PLC0415
    from torch.nn.utils.fusion import fuse_conv_bn_weights  # noqa: PLC0415

    children = list(module.named_children())
    for (_, conv), (name, norm) in pairwise(children):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            weights: tuple[Any, ...] = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
            conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *weights)
            setattr(module, name, getattr(norm, "act", nn.Identity()))
    for _, child in children:
        fuse(child)
