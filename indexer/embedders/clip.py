"""Models of open_clip as embedders: they put pictures and texts into one space."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from photoidx.assets import SUFFIXES, HubWeights, without_hub
from photoidx.errors import AssetError, PhotoidxError
from photoidx.indexer.embedders.base import Vision, unit
from photoidx.indexer.embedders.hub import HubStage, ModelFacts, remembered, slug_of, unfit, weights_in_file

if TYPE_CHECKING:
    from photoidx.config import Config

_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)

MODEL, TAG = "ViT-B-32", "laion2b_s34b_b79k"
# What open_clip says of the default; a test compares.
VISION = Vision(width=512, size=224, resize=224, mean=_MEAN, std=_STD, interpolation="bicubic")
WEIGHTS = HubWeights("openclip", "openclip", repo="laion/CLIP-ViT-B-32-laion2B-s34B-b79K", files=_FILES, megabytes=605)


class ClipStage(HubStage):
    """Vectors of the image tower; `encode_text` gives those of the text tower."""

    def __init__(self, model: str, weights: HubWeights, vision: Vision, config: Config, tag: str = "") -> None:
        super().__init__(weights, vision, config)
        self.clip_name = model
        self.tag = tag
        self.tokenizer: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Travel to other processes without the model."""
        return {**super().__getstate__(), "tokenizer": None}

    def open_model(self) -> Any:
        """Return open_clip's model with the weights, both towers."""
        return open_checkpoint(self.clip_name, self.tag, self.weights.locate(self.config))

    def features(self, batch: Any) -> Any:
        """Return the vectors of the image tower."""
        return self.model.encode_image(batch)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """Return the vector of each text, of length 1: float32, texts x width. They compare with those of pictures."""
        import torch  # noqa: PLC0415

        if self.model is None:
            self.load()
        if self.tokenizer is None:
            self.tokenizer = open_tokenizer(self.clip_name)
        found = [np.empty((0, self.vision.width), np.float32)]
        for start in range(0, len(texts), self.batch_size):
            part = list(texts[start : start + self.batch_size])
            # Padded as the pictures are, so that a text's vector does not depend on the others.
            tokens = self.tokenizer(part + [""] * (self.batch_size - len(part)))
            with torch.inference_mode():
                vectors = self.model.encode_text(tokens.to(self.device))[: len(part)].float()
            found.append(unit(vectors.cpu().numpy()))
        return np.concatenate(found)


def default(file: str, config: Config) -> ClipStage:
    """Return ViT-B/32 trained on LAION-2B."""
    return ClipStage(MODEL, weights_in_file("openclip", "@", file) if file else WEIGHTS, VISION, config, TAG)


def by_name(rest: str, config: Config) -> ClipStage:
    """Return any model of open_clip from `NAME/PRETRAINED`. Raises PhotoidxError if open_clip has none such."""
    model, _, pretrained = rest.partition("/")
    if _is_path(pretrained):
        known = facts(model, "")
        return ClipStage(model, weights_in_file(f"openclip:{model}", "/", pretrained), known.vision, config)
    known = facts(model, pretrained or "?")
    name = f"openclip:{model}/{known.tag}"
    weights = HubWeights(name, slug_of(name, exact=True), "", known.repo, known.files)
    return ClipStage(model, weights, known.vision, config, known.tag)


@lru_cache(maxsize=16)
def facts(model: str, pretrained: str) -> ModelFacts:
    """Return how a model sees, and where the weights of that name are kept; none are named for those in a file."""
    return remembered("open_clip_torch", f"{model}/{pretrained}", lambda: _ask(model, pretrained))


def _ask(model: str, pretrained: str) -> ModelFacts:
    """Ask open_clip. Raises PhotoidxError if it has none such. Brings torch."""
    import open_clip  # noqa: PLC0415

    shape = _shape(model)
    tags: list[str] = open_clip.list_pretrained_tags_by_model(model)
    if not pretrained:
        return ModelFacts(_vision(model, shape, _agreed(model, tags)))
    tag = pretrained.lower().replace("-", "_")
    if tag not in tags:
        known = f"; open_clip knows {', '.join(tags)}" if tags else ""
        asked = "needs /PRETRAINED after its name" if pretrained == "?" else f"has no weights {pretrained!r}"
        raise PhotoidxError(f"openclip:{model} {asked}{known}. The path of a file is good, too.")
    told = open_clip.get_pretrained_cfg(model, tag)
    repo, files = _place(str(told.get("hf_hub", "")))
    return ModelFacts(_vision(model, shape, told), repo, files, tag=tag)


def _is_path(text: str) -> bool:
    return "/" in text or os.sep in text or text.endswith(SUFFIXES)


def _place(place: str) -> tuple[str, tuple[str, ...]]:
    """Cut REPOSITORY/FILE, or REPOSITORY/ where the file has its usual name, into repository and names to try."""
    repo, _, file = place.rpartition("/")
    if not repo or not file:
        return repo, _FILES if repo else ()
    return repo, tuple(dict.fromkeys((os.path.splitext(file)[0] + SUFFIXES[0], file)))


def _shape(model: str) -> tuple[int, int]:
    """Return the width of the vectors and the side of the pictures, in pixels. Brings torch."""
    import open_clip  # noqa: PLC0415

    told: Any = open_clip.get_model_config(model) if model in open_clip.list_models() else None
    if told is None:
        near = difflib.get_close_matches(model, open_clip.list_models(), 3)
        hint = f" Near are {', '.join(near)}." if near else ""
        raise PhotoidxError(f"open_clip has no model {model!r}.{hint}")
    size = told["vision_cfg"].get("image_size", 224)
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise PhotoidxError(f"openclip:{model} does not see square pictures, which photoidx needs.")
    return int(told["embed_dim"]), int(sides.pop())


def _vision(model: str, shape: tuple[int, int], told: Any) -> Vision:
    width, size = shape
    if told.get("resize_mode") == "longest":
        raise PhotoidxError(f"openclip:{model} sees pictures with a border, which photoidx does not make.")
    mean, std = tuple(told.get("mean") or _MEAN), tuple(told.get("std") or _STD)
    method = told.get("interpolation") or "bicubic"
    return Vision(width, size, size, mean, std, method, squash=told.get("resize_mode") == "squash")


def _agreed(model: str, tags: Sequence[str]) -> dict[str, Any]:
    """Return how all known weights of a model see pictures, for a file that does not say; nothing if they differ."""
    import open_clip  # noqa: PLC0415

    told: list[dict[str, Any]] = [open_clip.get_pretrained_cfg(model, tag) for tag in tags]
    names = ("mean", "std", "interpolation", "resize_mode")
    ways = {str([each.get(name) for name in names]) for each in told}
    return told[0] if len(ways) == 1 else {}


def open_checkpoint(model: str, tag: str, path: Path) -> Any:
    """Return the model with the weights of a file. Raises AssetError if they do not fit."""
    import open_clip  # noqa: PLC0415

    if path.suffix not in SUFFIXES:
        raise AssetError(f"{path} is none of the files that are read: {', '.join(SUFFIXES)}.")
    # Weights trained with QuickGELU are wrong without it; open_clip itself only warns.
    quick = bool(open_clip.get_pretrained_cfg(model, tag).get("quick_gelu")) if tag else False
    try:
        with without_hub():
            made: Any = open_clip.create_model(model, str(path), force_quick_gelu=quick, weights_only=True)
    except Exception as error:
        raise unfit(path, model, error) from error
    return made


def open_tokenizer(model: str) -> Any:
    """Return the model's tokenizer. Raises AssetError if it is one that open_clip does not carry."""
    import open_clip  # noqa: PLC0415

    try:
        with without_hub():
            return open_clip.get_tokenizer(model)
    except Exception as error:
        raise AssetError(f"The tokenizer of {model} is not here, so it can't read texts: {error}") from error
