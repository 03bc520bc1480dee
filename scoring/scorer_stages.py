"""The stage of a scorer's directory, by what its card says that it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from photoidx.errors import AssetError
from photoidx.scoring.aesthetic.scorer import KIND as AESTHETIC
from photoidx.scoring.aesthetic.scorer import AestheticStage
from photoidx.scoring.learned.card import read_card
from photoidx.scoring.learned.vectors import OpenEmbedder
from photoidx.scoring.series.scorer import KIND as SERIES
from photoidx.scoring.series.scorer import OpenBackbone
from photoidx.scoring.series.stage import SeriesStage
from photoidx.stage import Stage

BLEND = "blend"


def check_blend(settings: Mapping[str, Any], directory: str) -> None:
    """Raise AssetError if these are no columns with weights, as a blend has them."""
    sure = True
    try:
        for told in settings["columns"].values():
            numbers = [told["weight"], *([told["missing"]] if told["missing"] is not None else [])]
            sure = sure and all(math.isfinite(each) for each in numbers)
    except (KeyError, TypeError, AttributeError) as error:
        raise AssetError(f"The card of {directory} has no columns with weights. Train the scorer again.") from error
    if not sure:
        raise AssetError(f"The card of {directory} has a weight that is no number. Train the scorer again.")


def scorer_stages(directory: str, open_backbone: OpenBackbone, open_embedder: OpenEmbedder) -> list[Stage]:
    """Return what runs on each photo for a scorer; nothing for one that only weighs the others' results.

    Raises AssetError if there is no scorer.
    """
    card, _ = read_card(Path(directory))
    if card.kind == BLEND:
        check_blend(card.settings, directory)
    if card.kind == SERIES:
        return [SeriesStage(Path(directory), open_backbone, open_embedder)]
    return [AestheticStage(Path(directory), open_embedder)] if card.kind == AESTHETIC else []
