"""Embedders by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photoidx.assets import ASSETS, find
from photoidx.errors import AssetError, PhotoidxError
from photoidx.extras import MissingExtraError
from photoidx.indexer.embedders import hub
from photoidx.indexer.embedders.base import VectorStage
from photoidx.indexer.embedders.efficientnet import NAME, EfficientNetLite0

if TYPE_CHECKING:
    from photoidx.config import Config

NAMES = (NAME, "dinov2", "openclip")
FORMS = ("timm:NAME", "timm:NAME@/FILE", "openclip:NAME/PRETRAINED", "openclip:NAME//FILE")


@dataclass(frozen=True)
class Listed:
    """An embedder as `photoidx models` lists it."""

    name: str
    dimensions: int | None
    licence: str
    state: str
    about: str
    how_to_get: str


def embedder(name: str, config: Config) -> VectorStage:
    """Return the embedder of that name. Raises PhotoidxError if the name says nothing.

    Two spellings of one embedder give stages of the same name.
    """
    if name == NAME:
        return EfficientNetLite0(config)
    found = hub.embedder(name, config)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, [*NAMES, "timm:", "openclip:"], 1)
    hint = f" Is it {near[0]}?" if near else ""
    raise PhotoidxError(f"Unknown embedder {name!r}.{hint} Known are {', '.join((*NAMES, *FORMS))}.")


def pull(name: str, config: Config) -> str:
    """Fetch the weights of an embedder, if they are not here, and give their place. Raises AssetError."""
    stage = embedder(name, config)
    if isinstance(stage, hub.HubStage):
        return str(stage.weights.fetch(config))
    stage.check()
    return str(find(ASSETS[NAME], config))


def catalogue(config: Config) -> list[Listed]:
    """List the embedders."""
    asset = ASSETS[NAME]
    state = "ready" if find(asset, config) else "missing"
    rows = [Listed(NAME, 1280, asset.licence, state, f"{asset.about}; brings labels", "comes with the install")]
    about = {
        "dinov2": ("Apache-2.0", "DINOv2 ViT-S/14 at 224 pixels, trained without labels"),
        "openclip": ("MIT", "CLIP ViT-B/32, trained on LAION-2B; brings text search"),
    }
    for name, (licence, words) in about.items():
        width = None
        try:
            stage = embedder(name, config)
            width = stage.vision.width
            stage.check()
            state, how = "ready", ""
        except MissingExtraError:
            state, how = "missing", "pip install 'photoidx-library[models]'"
        except AssetError:
            state, how = "missing", f"photoidx models pull {name}, or {name}@/FILE"
        rows.append(Listed(name, width, licence, state, words, how))
    by_name = "by the model"
    rows += [
        Listed("timm:NAME", None, by_name, "", "Any model of timm", "photoidx models pull timm:NAME, or NAME@/FILE"),
        Listed(
            "openclip:NAME/PRETRAINED",
            None,
            by_name,
            "",
            "Any model of open_clip; brings text search",
            "photoidx models pull openclip:NAME/PRETRAINED, or openclip:NAME//FILE",
        ),
    ]
    return rows
