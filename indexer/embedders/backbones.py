"""Networks as backbones: the feature maps of three scales instead of one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from photoidx.assets import without_hub
from photoidx.errors import PhotoidxError
from photoidx.indexer.embedders.base import Vision
from photoidx.indexer.embedders.efficientnet import NAME as LITE0
from photoidx.indexer.embedders.efficientnet import EfficientNetLite0
from photoidx.indexer.embedders.timm_models import by_name, open_checkpoint, overlay_of, refuse_places

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
        """Return the maps."""
        batch = (pictures.float() - self.mean) / self.std
        found: list[torch.Tensor] = self.network(batch.permute(0, 3, 1, 2))
        return found


class _Lite0Maps(nn.Module):
    """The maps of EfficientNet-Lite0 at 1/8, 1/16 and 1/32 of the picture's size."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.layers = nn.ModuleList(list(network)[:-_AFTER_THE_MAPS])

    def forward(self, batch: torch.Tensor) -> list[torch.Tensor]:
        """Return the last map of each size."""
        sizes = [-(-batch.shape[2] // stride) for stride in _STRIDES]
        found: dict[int, torch.Tensor] = {}
        for layer in self.layers:
            batch = layer(batch)
            found[batch.shape[2]] = batch
        return [found[size] for size in sizes]


def open_backbone(name: str, config: Config, *, pretrained: bool = True) -> Backbone:
    """Return the backbone `efficientnet_lite0`, which comes with photoidx, or `timm:NAME`, as `timm:resnet50`.

    `timm:NAME@/FILE` takes the weights from a file. Raises PhotoidxError if there is none of that name or it has no
    maps, AssetError if its weights are not here: they are not fetched.
    """
    if name == LITE0:
        vision = Vision(width=0)
        return Backbone(_Lite0Maps(EfficientNetLite0(config).open_model()), vision.mean, vision.std)
    if not name.startswith("timm:"):
        raise PhotoidxError(f"There is no backbone {name}. Use {LITE0}, or timm:NAME, as timm:resnet50.")
    model, _, file = name.removeprefix("timm:").partition("@")
    refuse_places(model)
    import timm  # noqa: PLC0415 - takes seconds

    overlay = None
    if pretrained:
        path = by_name(model, file, config).weights.locate(config)
        open_checkpoint(model, path)  # which is strict; for the maps alone timm takes what fits
        overlay = overlay_of(path)
    try:
        with without_hub():
            network: Any = timm.create_model(
                model,
                pretrained=pretrained,
                pretrained_cfg_overlay=overlay,
                features_only=True,
                out_indices=(-3, -2, -1),
            )
    except (RuntimeError, AttributeError, ValueError, IndexError, TypeError) as error:
        raise PhotoidxError(f"timm has no backbone for {name}: {' '.join(str(error).split())[:200]}") from error
    told = timm.get_pretrained_cfg(model, allow_unregistered=True)
    mean, std = (told.mean, told.std) if told is not None else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return Backbone(network, tuple(mean), tuple(std))
