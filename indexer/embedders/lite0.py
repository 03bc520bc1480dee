"""The network EfficientNet-Lite0 in torch, for what needs gradients or feature maps; a scan runs it by ONNX Runtime.

The layout is that of Tan and Le, "EfficientNet" (2019), in its Lite variant: no squeeze-and-excitation, ReLU6
throughout, and a stem and a head of fixed width. A test holds it against timm's model of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from photoidx.indexer.embedders.lite0_weights import Layer, layers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np


def lite0(weights: Mapping[str, np.ndarray[Any, Any]]) -> nn.Sequential:
    """Return the network up to its 1,280 pooled features, with the weights of `lite0_weights.folded`."""
    found: list[nn.Module] = []
    for block in layers():
        parts = []
        for layer in block:
            parts += [_conv(layer, weights), nn.ReLU6(inplace=True)]
        if len(block) == 1:
            found += parts
        else:
            found.append(_Block(nn.Sequential(*parts[:-1]), adds=_adds(block)))  # no ReLU where it is narrow
    return nn.Sequential(*found, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _adds(block: tuple[Layer, ...]) -> bool:
    return block[0].channels == block[-1].out and all(layer.stride == 1 for layer in block)


class _Block(nn.Module):
    """Widen, filter each channel by itself, narrow; added to its input where their shapes agree."""

    def __init__(self, path: nn.Sequential, *, adds: bool) -> None:
        super().__init__()
        self.path = path
        self.adds = adds

    def forward(self, batch: Any) -> Any:
        """Return the block's output."""
        found = self.path(batch)
        return found + batch if self.adds else found


def _conv(layer: Layer, weights: Mapping[str, np.ndarray[Any, Any]]) -> nn.Module:
    """Return a convolution, padded as TensorFlow pads inputs of even size."""
    before, after = layer.padding
    conv = nn.Conv2d(
        layer.channels, layer.out, layer.kernel, layer.stride, before if before == after else 0, groups=layer.groups
    )
    conv.weight, conv.bias = (
        nn.Parameter(torch.from_numpy(weights[f"{layer.name}.{part}"].copy())) for part in ("weight", "bias")
    )
    return conv if before == after else nn.Sequential(nn.ZeroPad2d((before, after, before, after)), conv)
