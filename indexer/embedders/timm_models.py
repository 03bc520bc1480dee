"""Models of timm as embedders."""

from __future__ import annotations

import difflib
import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photoidx.assets import SUFFIXES, HubWeights, without_hub
from photoidx.errors import AssetError, PhotoidxError
from photoidx.indexer.embedders.base import Vision
from photoidx.indexer.embedders.hub import HubStage, ModelFacts, remembered, slug_of, unfit, weights_in_file

if TYPE_CHECKING:
    from photoidx.config import Config

_FILES = ("model.safetensors", "pytorch_model.bin")
_PLACES = frozenset(":/\\")  # in no name of a model; timm looks for them in hf-hub:OWNER/NAME and local-dir:FOLDER

DINOV2 = "vit_small_patch14_dinov2.lvd142m"
# DINOv2 at the 518 pixels that it was trained on last is seven times as slow as at 224. A test compares with timm.
DINOV2_VISION = Vision(
    width=384, size=224, resize=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation="bicubic"
)
DINOV2_WEIGHTS = HubWeights("dinov2", "dinov2", repo=f"timm/{DINOV2}", files=_FILES, megabytes=88)


class TimmStage(HubStage):
    """Vectors of a model of timm: its pooled features before the classifier."""

    def __init__(self, model: str, weights: HubWeights, vision: Vision, config: Config, img_size: int = 0) -> None:
        super().__init__(weights, vision, config)
        self.timm_name = model
        self.img_size = img_size

    def open_model(self) -> Any:
        """Return timm's model with the weights."""
        arguments = {"img_size": self.img_size} if self.img_size else {}
        return open_checkpoint(self.timm_name, self.weights.locate(self.config), **arguments)

    def features(self, batch: Any) -> Any:
        """Return the pooled features."""
        return self.model(batch)


def dinov2(file: str, config: Config) -> TimmStage:
    """Return DINOv2 (ViT-S/14) at 224 pixels."""
    weights = weights_in_file("dinov2", "@", file) if file else DINOV2_WEIGHTS
    return TimmStage(DINOV2, weights, DINOV2_VISION, config, img_size=DINOV2_VISION.size)


def by_name(model: str, file: str, config: Config) -> TimmStage:
    """Return any model of timm. Raises PhotoidxError if timm has none of that name, or one that sees otherwise."""
    refuse_places(model)
    known = facts(model)
    if file:
        weights = weights_in_file(f"timm:{model}", "@", file)
    else:
        name = f"timm:{model}"
        weights = HubWeights(name, slug_of(name, exact=True), "", known.repo, known.files, known.megabytes)
    return TimmStage(model, weights, known.vision, config)


def refuse_places(model: str) -> None:
    """Raise PhotoidxError for a name that is a place, as `hf-hub:OWNER/NAME`: timm would ask the network for it."""
    if _PLACES & set(model):
        raise PhotoidxError(
            f"timm:{model} is a place, and no name of a model of timm. Give a name, as timm:resnet50, and for weights "
            f"of your own timm:NAME@/FILE. Only `photoidx models pull` asks the network."
        )


@lru_cache(maxsize=16)
def facts(model: str) -> ModelFacts:
    """Return how a model sees and where its weights are kept."""
    return remembered("timm", model, lambda: _ask(model))


def _ask(model: str) -> ModelFacts:
    """Ask timm. The model's tensors are not made. Brings torch."""
    from timm.data.config import resolve_model_data_config  # noqa: PLC0415

    empty = _empty(model)
    numbers = sum(int(tensor.numel()) for tensor in empty.state_dict().values())
    empty.reset_classifier(0)
    resolve: Any = resolve_model_data_config
    told = resolve(empty)
    channels, height, width = told["input_size"]
    if channels != 3 or height != width or told["crop_mode"] == "border":  # noqa: PLR2004 - red, green, blue
        raise PhotoidxError(f"timm:{model} does not see square pictures in colour, which photoidx needs.")
    vision = Vision(
        width=_width(empty, height),
        size=height,
        resize=math.floor(height / told["crop_pct"]),
        mean=tuple(told["mean"]),
        std=tuple(told["std"]),
        interpolation=told["interpolation"],
        squash=told["crop_mode"] == "squash",
    )
    repo = empty.pretrained_cfg.get("hf_hub_id") or ""
    return ModelFacts(vision, repo, _FILES if repo else (), round(4 * numbers / 1e6))


def _empty(model: str) -> Any:
    """Return the model without numbers, or with random ones where timm can't make it without."""
    import timm  # noqa: PLC0415
    import torch  # noqa: PLC0415

    for device in ("meta", "cpu"):
        try:
            with torch.device(device), without_hub():
                return timm.create_model(model, pretrained=False)
        except Exception as error:
            if device == "cpu" or not timm.is_model(model):
                raise _unknown(model, error) from error
    raise AssertionError


def _width(empty: Any, size: int) -> int:
    import torch  # noqa: PLC0415

    try:
        with torch.inference_mode():
            shape = empty.eval()(torch.empty(1, 3, size, size, device="meta")).shape
    except (RuntimeError, NotImplementedError):  # it computes with numbers that are not there
        return int(empty.num_features)
    if len(shape) != 2:  # noqa: PLR2004 - pictures and features
        raise PhotoidxError(f"{type(empty).__name__} gives no vectors, but tensors of the shape {tuple(shape)}.")
    return int(shape[1])


def _unknown(model: str, error: Exception) -> PhotoidxError:
    import timm  # noqa: PLC0415

    names = {*timm.list_models(pretrained=True), *timm.list_models()}
    if model in names:
        return PhotoidxError(f"timm can't build {model}: {error}")
    near = difflib.get_close_matches(model, sorted(names), 3)
    return PhotoidxError(f"timm has no model {model!r}." + (f" Near are {', '.join(near)}." if near else ""))


def open_checkpoint(model: str, path: Path, **arguments: Any) -> Any:
    """Return the model with the weights of a file, without its classifier. Raises AssetError if they do not fit.

    timm loads strictly only with a classifier of the checkpoint's own size, so the classifier is taken off afterwards.
    """
    import timm  # noqa: PLC0415

    if path.suffix not in SUFFIXES:
        raise AssetError(f"{path} is none of the files that are read: {', '.join(SUFFIXES)}.")
    troubles: list[Exception] = []
    for classes in _classes(model, path):
        overlay = {**overlay_of(path), "num_classes": classes, "label_offset": 0, "custom_load": False}
        try:
            with without_hub():
                made: Any = timm.create_model(
                    model, pretrained=True, num_classes=classes, pretrained_cfg_overlay=overlay, **arguments
                )
        except Exception as error:  # noqa: BLE001 - raised below
            troubles.append(error)
        else:
            made.reset_classifier(0)
            return made
    raise unfit(path, model, troubles[0]) from troubles[0]


def overlay_of(path: Path) -> dict[str, Any]:
    """Return timm to take the weights from this file, wherever it would have them from."""
    return {"file": str(path), "source": None}


def _classes(model: str, path: Path) -> list[int]:
    """Return the sizes to try for a checkpoint's classifier: that of the one that it has, else none.

    A checkpoint from outside timm may have one by another name, which timm itself translates: then the usual size.
    """
    import timm  # noqa: PLC0415

    try:
        tensors: Any = timm.models.load_state_dict(str(path), weights_only=True)
    except Exception as error:
        raise unfit(path, model, error) from error
    known: Any = timm.get_pretrained_cfg(model)
    heads = [known.classifier] if isinstance(known.classifier, str) else list(known.classifier or ())
    for head in heads:
        if f"{head}.weight" in tensors:
            return [int(tensors[f"{head}.weight"].shape[0])]
    return [0, known.num_classes] if known.num_classes else [0]
