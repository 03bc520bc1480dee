"""The stage of a scorer's directory, by what its card says that it is."""

from __future__ import annotations

from pathlib import Path

from photoidx.scoring.aesthetic.scorer import KIND as AESTHETIC
from photoidx.scoring.aesthetic.scorer import AestheticStage
from photoidx.scoring.learned.card import read_card
from photoidx.scoring.learned.vectors import OpenEmbedder
from photoidx.scoring.series.scorer import KIND as SERIES
from photoidx.scoring.series.scorer import OpenBackbone
from photoidx.scoring.series.stage import SeriesStage
from photoidx.stage import Stage


def scorer_stages(directory: str, open_backbone: OpenBackbone, open_embedder: OpenEmbedder) -> list[Stage]:
    """Give what runs on each photo for a scorer; nothing for one that only weighs the others' results.

    Raises AssetError if there is no scorer.
    """
    card, _ = read_card(Path(directory))
    if card.kind == SERIES:
        return [SeriesStage(Path(directory), open_backbone, open_embedder)]
    return [AestheticStage(Path(directory), open_embedder)] if card.kind == AESTHETIC else []
