"""Embedders with random weights: they show that a model runs where its weights can't be had, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from photoidx.assets import without_hub
from photoidx.errors import PhotoidxError
from photoidx.indexer.embedders.clip import ClipStage
from photoidx.indexer.embedders.timm_models import TimmStage

if TYPE_CHECKING:
    from photoidx.indexer.embedders.base import VectorStage

_WEIGHTS_ID = f"random weights, seed 0, torch {version('torch')}"


@contextmanager
def _drawn() -> Iterator[None]:
    import torch  # noqa: PLC0415 - slow to import

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class _RandomTimm(TimmStage):
    """A model of timm as it is before training."""

    weights_id = f"{_WEIGHTS_ID}, timm {version('timm')}"

    def check(self) -> None:
        """Ask for no weights."""

    def open_model(self) -> Any:
        """Return timm's model with random weights, without its classifier."""
        import timm  # noqa: PLC0415 - slow to import

        arguments: dict[str, Any] = {"img_size": self.img_size} if self.img_size else {}
        with _drawn(), without_hub():
            return timm.create_model(self.timm_name, pretrained=False, num_classes=0, **arguments)


class _RandomClip(ClipStage):
    """A model of open_clip as it is before training."""

    weights_id = f"{_WEIGHTS_ID}, open_clip {version('open_clip_torch')}"

    def check(self) -> None:
        """Ask for no weights."""

    def open_model(self) -> Any:
        """Return open_clip's model with random weights, both towers."""
        import open_clip  # noqa: PLC0415 - slow to import

        with _drawn(), without_hub():
            return open_clip.create_model(self.clip_name, pretrained=None)


def with_random_weights(stage: VectorStage) -> VectorStage:
    """Return the same embedder with random weights, always the same ones. Raises PhotoidxError for other kinds."""
    if isinstance(stage, TimmStage):
        return _RandomTimm(stage.timm_name, stage.weights, stage.vision, stage.config, stage.img_size)
    if isinstance(stage, ClipStage):
        return _RandomClip(stage.clip_name, stage.weights, stage.vision, stage.config, stage.tag)
    raise PhotoidxError(f"{stage.name} can't be had with random weights. Install photoidx again to get its own.")
