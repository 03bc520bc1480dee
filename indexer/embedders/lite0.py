"""The network EfficientNet-Lite0 in torch alone: the default scan need not import timm, which takes seconds.

The layout is that of Tan and Le, "EfficientNet" (2019), in its Lite variant: no squeeze-and-excitation, ReLU6
throughout, and a stem and a head of fixed width. A test holds it against timm's model of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Blocks, channels, how much wider the inside is, stride of the first block, kernel.
_STAGES = (
    (1, 16, 1, 1, 3),
    (2, 24, 6, 2, 3),
    (2, 40, 6, 2, 5),
    (3, 80, 6, 2, 3),
    (3, 112, 6, 1, 5),
    (4, 192, 6, 2, 5),
    (1, 320, 6, 1, 3),
)
_STEM, _HEAD, _CLASSES = 32, 1280, 1000
_EPSILON = 1e-3  # of TensorFlow's batch normalisation


def lite0(weights: Mapping[str, torch.Tensor]) -> tuple[nn.Module, nn.Linear]:
    """Return the network up to its 1,280 pooled features, and its classifier, from the weights of the original.

    The tensors are taken in their order: each convolution's, then those of its batch normalisation, which is folded
    into it. Raises ValueError if their number or a shape does not fit.
    """
    tensors = iter(weights.values())
    layers = [_conv(tensors, 3, _STEM, 3, 2), nn.ReLU6(inplace=True)]
    channels = _STEM
    for blocks, out, wider, stride, kernel in _STAGES:
        for block in range(blocks):
            first = stride if block == 0 else 1
            layers.append(_Block(tensors, channels, out, wider=wider, stride=first, kernel=kernel))
            channels = out
    layers += [_conv(tensors, channels, _HEAD, 1, 1), nn.ReLU6(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    head = nn.Linear(_HEAD, _CLASSES)
    _fill(head, next(tensors, None), next(tensors, None))
    if next(tensors, None) is not None:
        raise ValueError("there are more tensors than EfficientNet-Lite0 has")
    return nn.Sequential(*layers), head


class _Block(nn.Module):
    """Widen, filter each channel by itself, narrow; added to its input where their shapes agree."""

    def __init__(
        self, tensors: Iterator[torch.Tensor], channels: int, out: int, *, wider: int, stride: int, kernel: int
    ) -> None:
        super().__init__()
        inside = channels * wider
        widen = [_conv(tensors, channels, inside, 1, 1), nn.ReLU6(inplace=True)] if wider > 1 else []
        filters = _conv(tensors, inside, inside, kernel, stride, groups=inside)
        self.path = nn.Sequential(*widen, filters, nn.ReLU6(inplace=True), _conv(tensors, inside, out, 1, 1))
        self.adds = stride == 1 and channels == out

    def forward(self, batch: Any) -> Any:
        """Return the block's output."""
        found = self.path(batch)
        return found + batch if self.adds else found


def _conv(
    tensors: Iterator[torch.Tensor], channels: int, out: int, kernel: int, stride: int, *, groups: int = 1
) -> nn.Module:
    """Return a convolution with its batch normalisation folded in, padded as TensorFlow pads inputs of even size."""
    conv = nn.Conv2d(channels, out, kernel, stride, padding=(kernel - 1) // 2 if stride == 1 else 0, groups=groups)
    weight, gain, bias, mean, variance, _count = (next(tensors, None) for _ in range(6))
    if weight is None or gain is None or bias is None or mean is None or variance is None:
        raise ValueError("there are fewer tensors than EfficientNet-Lite0 has")
    _fill(conv, *fuse_conv_bn_weights(weight, None, mean, variance, _EPSILON, gain, bias))
    if stride == 1:
        return conv
    before = (kernel - stride) // 2
    after = kernel - stride - before
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), conv)


def _fill(layer: nn.Conv2d | nn.Linear, weight: torch.Tensor | None, bias: torch.Tensor | None) -> None:
    """Put weights into a layer."""
    if weight is None or bias is None or weight.shape != layer.weight.shape:
        raise ValueError(f"a tensor does not have the shape {tuple(layer.weight.shape)}")
    layer.weight, layer.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
