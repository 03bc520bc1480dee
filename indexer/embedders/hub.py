"""Embedders by name beside the default: what the names mean, and what their stages share. Imports no torch.

timm:NAME, timm:NAME@FILE           any model of timm, with the hub's weights or with those in a file
openclip:NAME/PRETRAINED            any model of open_clip; PRETRAINED is a tag, or the path of a file
dinov2, openclip                    one good choice of each; also as dinov2@FILE and openclip@FILE
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photoidx.assets import HubWeights, cache_folder, one_line
from photoidx.errors import AssetError, PhotoidxError
from photoidx.extras import require
from photoidx.indexer.embedders.base import VectorStage, Vision

if TYPE_CHECKING:
    from photoidx.config import Config

_NAMED_TENSORS = 3


@dataclass(frozen=True)
class ModelFacts:
    """What timm or open_clip knows of a model before its weights are here."""

    vision: Vision
    repo: str = ""
    files: tuple[str, ...] = ()
    megabytes: int = 0
    tag: str = ""


def remembered(package: str, question: str, ask: Callable[[], ModelFacts]) -> ModelFacts:
    """Return the answer of the last time, kept on disk for each version of the package, or ask.

    Asking imports torch, which takes seconds; every process of every scan needs the answer.
    """
    place = cache_folder().parent / "facts" / f"{slug_of(f'{package} {version(package)} {question}', exact=False)}.json"
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
        vision: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in told["vision"].items()
        }
        return ModelFacts(**{**told, "vision": Vision(**vision), "files": tuple(told["files"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        facts = ask()
    with contextlib.suppress(OSError):  # the answer is good without being kept
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_suffix(f".{os.getpid()}")
        half.write_text(json.dumps(asdict(facts)), encoding="utf-8")
        half.replace(place)
    return facts


class HubStage(VectorStage):
    """An embedder whose weights are a hub's, or lie in a file."""

    def __init__(self, weights: HubWeights, vision: Vision, config: Config) -> None:
        super().__init__(weights.name, weights.slug, vision, config)
        self.weights = weights
        numbers = (f"{value:.6g}" for value in (*vision.mean, *vision.std))
        self.preprocessing += f" mean and std {' '.join(numbers)}"

    @cached_property
    def weights_id(self) -> str:  # type: ignore[override]
        """The SHA-256 of a file, else the hub's name. Reading a large file takes a moment."""
        return self.weights.identity(self.config)

    def check(self) -> None:
        """Raise AssetError at once if the weights are not here."""
        self.weights.locate(self.config)


def slug_of(name: str, *, exact: bool) -> str:
    """Spell a name in lower-case letters, digits and underscores.

    `exact` says that no other name is spelled so; without it a digest of the name keeps them apart.
    """
    spelled = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if exact:
        return spelled
    return f"{spelled[:60].rstrip('_')}_{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def weights_in_file(kind: str, separator: str, file: str, repo: str = "") -> HubWeights:
    """Name weights that lie in a file: `kind` is the name before the separator. The table's name has its place."""
    path = os.path.abspath(os.path.expanduser(file))
    name = f"{kind}{separator}{path}"
    stem = f"{kind} {Path(path).stem[:20]} "
    digest = slug_of(name, exact=False).rpartition("_")[2]
    return HubWeights(name, slug_of(stem, exact=True) + "_" + digest, path=path, repo=repo)


def unfit(path: Path, model: str, error: BaseException) -> AssetError:
    """Say why a checkpoint can't be loaded; where torch lists tensors that do not fit the model, name the first."""
    parts = []
    for what in ("Missing", "Unexpected"):
        found = re.search(rf'{what} key\(s\) in state_dict: ((?:"[^"]+"(?:, )?)+)', str(error))
        if found:
            names = re.findall(r'"([^"]+)"', found.group(1))
            more = ", ..." if len(names) > _NAMED_TENSORS else ""
            parts.append(f"{len(names)} {what.lower()} ({', '.join(names[:_NAMED_TENSORS])}{more})")
    if parts:
        return AssetError(f"{path} is no checkpoint of {model}: tensors {' and '.join(parts)}.")
    return AssetError(f"{path} can't be loaded as {model}: {one_line(error)}")


def embedder(name: str, config: Config) -> HubStage | None:
    """Return the embedder of that name, or None if the name has none of the forms. Raises PhotoidxError.

    All of these need torch: without it that is a MissingExtraError.
    """
    kind, at, file = name.partition("@")
    if at and not file:
        raise PhotoidxError(f"{name!r} names no file after the @.")
    if kind == "dinov2" or name.startswith("timm:"):
        require("models", f"The embedder {name}")
        from photoidx.indexer.embedders import timm_models  # noqa: PLC0415

        return timm_models.dinov2(file, config) if kind == "dinov2" else timm_models.by_name(kind[5:], file, config)
    if kind == "openclip" or name.startswith("openclip:"):
        require("models", f"The embedder {name}")
        from photoidx.indexer.embedders import clip  # noqa: PLC0415

        return clip.default(file, config) if kind == "openclip" else clip.by_name(name[9:], config)
    return None
