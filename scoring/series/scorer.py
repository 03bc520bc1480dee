"""A trained series ranker at work: a photo becomes one number, which counts within its series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photoidx.errors import AssetError
from photoidx.scoring.learned.card import read_scorer
from photoidx.scoring.series.inputs import Array, Inputs

if TYPE_CHECKING:
    from photoidx.scoring.series.network import Ranker

KIND = "series"

OpenBackbone = Callable[..., Any]
"""Return a backbone by its name: `photoidx.indexer.embedders.backbones.open_backbone` with its configuration bound."""


class SeriesScorer:
    """Scores photos by a trained directory. Raises AssetError if it is not whole or not of this kind."""

    def __init__(self, directory: Path, open_backbone: OpenBackbone, inputs: Inputs, device: str = "cpu") -> None:
        from photoidx.scoring.series.network import Ranker, has_backbone  # noqa: PLC0415 - brings torch

        self.card, weights = read_scorer(directory, KIND)
        try:
            backbone = open_backbone(str(self.card.settings["backbone"]), pretrained=not has_backbone(weights))
        except KeyError as error:
            raise AssetError(f"The card of {directory} lacks the setting {error}. Train the scorer again.") from error
        self._inputs, self._device = inputs, device
        self._ranker: Ranker = Ranker(backbone, inputs.width)
        self._ranker.fill(weights, str(directory))
        self._ranker.eval().to(device)

    def scores(self, rows: Sequence[Array]) -> list[float]:
        """Return the number of each photo that the inputs prepared; it does not depend on the others."""
        import torch  # noqa: PLC0415

        if not rows:
            return []
        pictures, beside = (
            torch.from_numpy(each).to(self._device) for each in (self._inputs.pictures(rows), self._inputs.beside(rows))
        )
        with torch.inference_mode():
            return [float(self._ranker(pictures[at : at + 1], beside[at : at + 1])[0]) for at in range(len(rows))]
