"""A trained series ranker at work: a photo becomes one number, which counts within its series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from photoidx.errors import AssetError
from photoidx.scoring.learned.card import read_scorer

if TYPE_CHECKING:
    import torch

    from photoidx.scoring.series.network import Head

KIND = "series"
LONG_SIDE = 384
_GREY = 128
_BACKBONE = "backbone."
_HEAD = "head."

Array = np.ndarray[Any, Any]
OpenBackbone = Callable[..., Any]
"""Gives a backbone by its name: `photoidx.indexer.embedders.backbones.open_backbone` with its configuration bound."""


def prepared(image: Image.Image, long_side: int = LONG_SIDE) -> Array:
    """Bring a picture (RGB) to the network's input: its long side to `long_side`, nothing cut off, grey around it.

    Gives long_side x long_side x 3, uint8.
    """
    scale = long_side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    fitted = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    found = np.full((long_side, long_side, 3), _GREY, np.uint8)
    left, top = ((long_side - side) // 2 for side in size)
    found[top : top + size[1], left : left + size[0]] = np.asarray(fitted)
    return found


def split_weights(tensors: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Give the weights of the head, and those of the backbone; none where it was not trained."""
    parts: tuple[dict[str, Array], dict[str, Array]] = ({}, {})
    for name, tensor in tensors.items():
        for prefix, part in zip((_HEAD, _BACKBONE), parts, strict=True):
            if name.startswith(prefix):
                part[name.removeprefix(prefix)] = tensor
    return parts


def joined_weights(head: Mapping[str, Array], backbone: Mapping[str, Array]) -> dict[str, Array]:
    """Give the weights of both under names that `split_weights` takes apart."""
    return {f"{_HEAD}{name}": each for name, each in head.items()} | {
        f"{_BACKBONE}{name}": each for name, each in backbone.items()
    }


class SeriesScorer:
    """Scores photos by a trained directory. Raises AssetError if it is not whole or not of this kind."""

    def __init__(self, directory: Path, open_backbone: OpenBackbone, device: str = "cpu") -> None:
        from photoidx.scoring.series.network import Head, fill  # noqa: PLC0415 - brings torch

        self.card, tensors = read_scorer(directory, KIND)
        settings = self.card.settings
        try:
            self.long_side = int(settings["long_side"])
            head, backbone = split_weights(tensors)
            self._backbone = open_backbone(str(settings["backbone"]), pretrained=not backbone)
            self._head: Head = Head(self._backbone.channels)
        except KeyError as error:
            raise AssetError(f"The card of {directory} lacks the setting {error}. Train the scorer again.") from error
        if backbone:
            fill(self._backbone, backbone, str(directory))
        fill(self._head, head, str(directory))
        self._device = device
        self._backbone.eval().to(device)
        self._head.eval().to(device)

    def scores(self, arrays: Sequence[Array]) -> list[float]:
        """Give the number of each prepared picture; it does not depend on the others."""
        import torch  # noqa: PLC0415

        with torch.inference_mode():
            return [self._score(torch.from_numpy(array[None]).to(self._device)) for array in arrays]

    def _score(self, picture: torch.Tensor) -> float:
        return float(self._head(self._backbone(picture))[0])
