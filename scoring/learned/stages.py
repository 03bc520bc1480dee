"""The stage of a scorer's directory, by what its card says that it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from photoidx.scoring.learned.card import read_card
from photoidx.scoring.series.scorer import KIND as SERIES
from photoidx.scoring.series.scorer import OpenBackbone
from photoidx.scoring.series.stage import SeriesStage
from photoidx.stage import Stage


def scorer_stages(directory: str, open_backbone: OpenBackbone, **_more: Any) -> list[Stage]:
    """Give what runs on each photo for a scorer; nothing for one that only weighs the others' results.

    Raises AssetError if there is no scorer.
    """
    card, _ = read_card(Path(directory))
    return [SeriesStage(Path(directory), open_backbone)] if card.kind == SERIES else []
