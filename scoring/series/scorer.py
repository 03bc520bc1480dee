"""A trained series ranker at work: a photo becomes one number, which counts within its series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photoidx.errors import AssetError
from photoidx.scoring.learned.card import read_scorer
from photoidx.scoring.series.inputs import Array, Inputs

if TYPE_CHECKING:
    from photoidx.scoring.series.network import Head

KIND = "series"
_BACKBONE = "backbone."
_HEAD = "head."

OpenBackbone = Callable[..., Any]
"""Gives a backbone by its name: `photoidx.indexer.embedders.backbones.open_backbone` with its configuration bound."""


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

    def __init__(self, directory: Path, open_backbone: OpenBackbone, inputs: Inputs, device: str = "cpu") -> None:
        from photoidx.scoring.series.network import Head, fill  # noqa: PLC0415 - brings torch

        self.card, tensors = read_scorer(directory, KIND)
        self._inputs = inputs
        head, backbone = split_weights(tensors)
        try:
            self._backbone = open_backbone(str(self.card.settings["backbone"]), pretrained=not backbone)
        except KeyError as error:
            raise AssetError(f"The card of {directory} lacks the setting {error}. Train the scorer again.") from error
        self._head: Head = Head(self._backbone.channels, inputs.width)
        if backbone:
            fill(self._backbone, backbone, str(directory))
        fill(self._head, head, str(directory))
        self._device = device
        self._backbone.eval().to(device)
        self._head.eval().to(device)

    def scores(self, rows: Sequence[Array]) -> list[float]:
        """Give the number of each photo that the inputs prepared; it does not depend on the others."""
        import torch  # noqa: PLC0415

        if not rows:
            return []
        pictures, beside = (
            torch.from_numpy(each).to(self._device) for each in (self._inputs.pictures(rows), self._inputs.beside(rows))
        )
        with torch.inference_mode():
            return [
                float(self._head(self._backbone(pictures[at : at + 1]), beside[at : at + 1])[0])
                for at in range(len(rows))
            ]
