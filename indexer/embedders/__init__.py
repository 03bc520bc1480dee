"""Embedders by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photoidx.assets import ASSETS, find
from photoidx.errors import PhotoidxError
from photoidx.indexer.embedders.efficientnet import NAME, EfficientNetLite0

if TYPE_CHECKING:
    from photoidx.config import Config
    from photoidx.stage import BatchStage


@dataclass(frozen=True)
class Listed:
    """An embedder as `photoidx models` lists it."""

    name: str
    dimensions: int
    licence: str
    state: str
    about: str
    how_to_get: str


def embedder(name: str, config: Config) -> BatchStage:
    """Give the embedder of that name."""
    if name == NAME:
        return EfficientNetLite0(config)
    raise PhotoidxError(f"Unknown embedder {name!r}; known are {NAME}.")


def catalogue(config: Config) -> list[Listed]:
    """List the embedders."""
    asset = ASSETS[NAME]
    state = "ready" if find(asset, config) else "missing"
    return [Listed(NAME, 1280, asset.licence, state, asset.about, "comes with the install")]
