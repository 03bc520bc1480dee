"""Networks as backbones: the feature maps of three scales instead of one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from photoidx.errors import AssetError, PhotoidxError
from photoidx.indexer.embedders.base import Vision
from photoidx.indexer.embedders.efficientnet import NAME as LITE0
from photoidx.indexer.embedders.efficientnet import EfficientNetLite0

if TYPE_CHECKING:
    from photoidx.config import Config

LEVELS = 3
_STRIDES = (8, 16, 32)
_AFTER_THE_MAPS = 4  # layers of EfficientNet-Lite0: the wide convolution, its ReLU, and the pooling


class Backbone(nn.Module):
    """A network that gives three feature maps, the finest first, of pictures (n x height x width x 3, uint8)."""

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        self.mean = nn.Buffer(torch.tensor(mean) * 255)
        self.std = nn.Buffer(torch.tensor(std) * 255)
        with torch.inference_mode():
            maps = self.eval()(torch.zeros((1, 64, 64, 3), dtype=torch.uint8))
        self.channels: list[int] = [each.shape[1] for each in maps]

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Give the maps."""
        batch = (pictures.float() - self.mean) / self.std
        found: list[torch.Tensor] = self.network(batch.permute(0, 3, 1, 2))
        return found


class _Lite0Maps(nn.Module):
    """The maps of EfficientNet-Lite0 at 1/8, 1/16 and 1/32 of the picture's size."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.layers = nn.ModuleList(list(network)[:-_AFTER_THE_MAPS])

    def forward(self, batch: torch.Tensor) -> list[torch.Tensor]:
        """Give the last map of each size."""
        sizes = [-(-batch.shape[2] // stride) for stride in _STRIDES]
        found: dict[int, torch.Tensor] = {}
        for layer in self.layers:
            batch = layer(batch)
            found[batch.shape[2]] = batch
        return [found[size] for size in sizes]


def open_backbone(name: str, config: Config, *, pretrained: bool = True) -> Backbone:
    """Give the backbone `efficientnet_lite0`, which comes with photoidx, or `timm:NAME`, as `timm:resnet50`.

    Raises PhotoidxError if there is none of that name or it has no maps, AssetError if its weights can't be had.
    """
    if name == LITE0:
        vision = Vision(width=0)
        return Backbone(_Lite0Maps(EfficientNetLite0(config).open_model()), vision.mean, vision.std)
    if not name.startswith("timm:"):
        raise PhotoidxError(f"There is no backbone {name}. Use {LITE0}, or timm:NAME, as timm:resnet50.")
    import timm  # noqa: PLC0415 - takes seconds

    try:
        network: Any = timm.create_model(
            name.removeprefix("timm:"), pretrained=pretrained, features_only=True, out_indices=(-3, -2, -1)
        )
    except OSError as error:  # also what the hub raises where there is no network
        raise AssetError(f"The weights of {name} can't be had: {' '.join(str(error).split())[:200]}") from error
    except (RuntimeError, AttributeError, ValueError, IndexError, TypeError) as error:
        raise PhotoidxError(f"timm has no backbone for {name}: {' '.join(str(error).split())[:200]}") from error
    told = timm.get_pretrained_cfg(name.removeprefix("timm:"), allow_unregistered=True)
    mean, std = (told.mean, told.std) if told is not None else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return Backbone(network, tuple(mean), tuple(std))
