"""Training a series ranker: soft preferences, swapped and mirrored pairs, an epoch at a time, so that it can go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from photoidx.config import Config
from photoidx.errors import PhotoidxError
from photoidx.files import write_whole
from photoidx.indexer.embedders import embedder
from photoidx.indexer.embedders.backbones import open_backbone
from photoidx.indexer.embedders.base import device_of
from photoidx.indexer.embedders.efficientnet import NAME as LITE0
from photoidx.scoring.learned.card import Card, check_new, fingerprint_of, read_scorer, write_scorer
from photoidx.scoring.series.inputs import LONG_SIDE, Inputs, described
from photoidx.scoring.series.network import Head, Ranker, has_backbone
from photoidx.scoring.series.scorer import KIND
from photoidx.training.features import VIEWS, Features
from photoidx.training.figures import figures
from photoidx.training.series_data import Pair, SeriesData

_STATE, _TOLD = "state.safetensors", "state.json"
_OPTIMIZER = "optimizer."
_GENTLY = 0.1  # a backbone that knows much learns so much slower than the head, which knows nothing


@dataclass(frozen=True)
class Settings:
    """How a ranker is trained.

    `beside` is what its head is told beside the maps: `measures`, `vector` (of the embedder). With `whole` the backbone
    learns, too.
    """

    backbone: str = LITE0
    pretrained: bool = True
    beside: tuple[str, ...] = ()
    embedder: str = LITE0
    whole: bool = False
    epochs: int = 8
    batch: int = 32
    rate: float = 1e-3
    decay: float = 1e-4
    seed: int = 0
    long_side: int = LONG_SIDE


Tell = Callable[[str, int, int], None]
"""Called with what is being done, and how much of it is done."""


def train(
    data: SeriesData,
    out: Path,
    name: str,
    settings: Settings | None = None,
    *,
    start: Path | None = None,
    resume: bool = False,
    config: Config | None = None,
    tell: Tell = lambda _what, _done, _of: None,
) -> dict[str, Any]:
    """Train a ranker and write it as a scorer; give its figures on the pairs that it did not learn from.

    Unless the settings say otherwise the backbone stays as it is, and only what is put on it learns. `start` is a
    ranker to begin with, as one that learnt from degradations; it must have the same inputs. What is being worked on
    lies in `OUT.work`; with `resume` a run that was cut off goes on there, and comes to the same weights. Raises
    PhotoidxError.
    """
    settings = settings or Settings()
    check_new(out, name)
    work = out.with_name(f"{out.name}.work")
    if work.exists() and not resume:
        raise PhotoidxError(f"{work} is there, from a training that was cut off. Go on with --resume, or remove it.")
    config = config or Config()
    shown = described(settings.beside, settings.long_side, data.seen_at, settings.embedder)
    inputs = Inputs(shown, partial(embedder, config=config), "this training")
    began = f"{start.name} {fingerprint_of(start)}" if start is not None else "random weights"
    told = {"settings": asdict(settings), "inputs": inputs.fingerprint, "data": data.identity, "start": began}
    first = _epochs_done(work, told)
    torch.manual_seed(settings.seed)
    ranker, is_own = _begin(settings, {"backbone": settings.backbone, **shown}, inputs.width, start, config)
    head, device = ranker.head, device_of(config)
    ranker.to(device)
    maps = Features(
        work, data.count, ranker.backbone, inputs, name=json.dumps(told), learns=settings.whole, device=device
    )
    maps.fill(data.load, lambda done, of: tell("looking at pictures", done, of))
    if head.beside is not None:
        learnt = sorted({number for pair in data.train for number in (pair.first, pair.second)})
        head.beside.usual(maps.beside(learnt, [0] * len(learnt)))
    before = figures(data.test, scored(head, maps, data.test))
    parts: list[dict[str, Any]] = [{"params": head.parameters()}]
    if settings.whole:
        parts.append({"params": ranker.backbone.parameters(), "lr": settings.rate * _GENTLY})
    optimizer = torch.optim.AdamW(parts, settings.rate, weight_decay=settings.decay)
    if first:
        _restore(work / f"{_STATE}.{first}", ranker, optimizer)
    for epoch in range(first, settings.epochs):
        tell("learning", epoch, settings.epochs)
        _epoch(head, optimizer, maps, data.train, np.random.default_rng([settings.seed, epoch]), batch=settings.batch)
        _keep(work, ranker.weights(whole=settings.whole), optimizer, {**told, "epochs": epoch + 1})
    tell("testing", settings.epochs, settings.epochs)
    found = {**figures(data.test, scored(head, maps, data.test)), "accuracy_before": before["accuracy"]}
    card = Card(
        kind=KIND,
        name=name,
        settings={"backbone": settings.backbone, **shown},
        data=data.about,
        protocol={
            **asdict(settings),
            "loss": "cross-entropy of sigmoid(f(first) - f(second)) with the share who prefer the first",
            "augmentation": "swap, mirror",
            "learnt pairs": len(data.train),
            "tested pairs": len(data.test),
            "started with": began,
        },
        figures=found,
        licence="that of the backbone's weights, and of the data set",
    )
    weights = ranker.weights(whole=is_own or settings.whole)
    write_scorer(out, card, {name: each.detach().cpu().numpy() for name, each in weights.items()})
    del maps
    shutil.rmtree(work)
    return found


def scored(head: Head, maps: Features, pairs: Sequence[Pair], batch: int = 64) -> dict[int, float]:
    """Return the score of every picture of some pairs."""
    numbers = sorted({number for pair in pairs for number in (pair.first, pair.second)})
    found: dict[int, float] = {}
    head.eval()
    with torch.inference_mode():
        for start in range(0, len(numbers), batch):
            here = numbers[start : start + batch]
            found |= dict(zip(here, head(*maps.take(here, [0] * len(here))).tolist(), strict=True))
    return found


def _epoch(
    head: Head,
    optimizer: torch.optim.Optimizer,
    maps: Features,
    pairs: Sequence[Pair],
    rng: np.random.Generator,
    *,
    batch: int,
) -> None:
    head.train()
    order = rng.permutation(len(pairs))
    for start in range(0, len(order), batch):
        here = [pairs[at] for at in order[start : start + batch]]
        swap = rng.random(len(here)) < 0.5  # noqa: PLR2004 - a coin
        views = rng.integers(0, VIEWS, len(here)).tolist()  # both pictures in the same one
        left = [each.second if flip else each.first for each, flip in zip(here, swap, strict=True)]
        right = [each.first if flip else each.second for each, flip in zip(here, swap, strict=True)]
        wanted = [1 - each.preference if flip else each.preference for each, flip in zip(here, swap, strict=True)]
        difference = head(*maps.take(left, views)) - head(*maps.take(right, views))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            difference, torch.tensor(wanted, device=difference.device)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _begin(
    settings: Settings, told: dict[str, Any], width: int, start: Path | None, config: Config
) -> tuple[Ranker, bool]:
    """Return the ranker before it learns, and whether its backbone is its own: not one that can be had by its name."""
    weights: dict[str, Any] = {}
    if start is not None:
        card, weights = read_scorer(start, KIND)
        for name in ("backbone", "beside", "embedder"):
            before, now = card.settings.get(name), told.get(name)
            if before != now:
                raise PhotoidxError(f"{start} was trained with {name} {before or 'none'}, not {now or 'none'}.")
    pretrained = settings.pretrained and not has_backbone(weights)
    ranker = Ranker(open_backbone(settings.backbone, config, pretrained=pretrained), width)
    if start is not None:
        ranker.fill(weights, str(start))
    # What it knows of the usual brightness and spread of its maps is not learnt again from small batches.
    ranker.backbone.eval().requires_grad_(settings.whole)
    return ranker, not pretrained


def _keep(work: Path, weights: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer, told: dict[str, Any]) -> None:
    """Keep where the training stands. The description comes last: it belongs to the weights before it."""
    state = {name: each.contiguous() for name, each in weights.items()}
    for number, each in optimizer.state_dict()["state"].items():
        state |= {f"{_OPTIMIZER}{number}.{name}": value.contiguous() for name, value in each.items()}
    save_file(state, work / f"{_STATE}.{told['epochs']}")
    write_whole(work / _TOLD, json.dumps(told))
    (work / f"{_STATE}.{told['epochs'] - 1}").unlink(missing_ok=True)


def _epochs_done(work: Path, told: dict[str, Any]) -> int:
    """Return how far a training came that was cut off. Raises PhotoidxError if it was another one."""
    try:
        before = json.loads((work / _TOLD).read_text())
    except (OSError, ValueError):
        return 0
    epochs = int(before.pop("epochs"))
    if before != json.loads(json.dumps(told)):
        raise PhotoidxError(f"{work} is of a training with other data or settings. Remove it, or repeat those.")
    return epochs


def _restore(file: Path, ranker: Ranker, optimizer: torch.optim.Optimizer) -> None:
    """Go back to where a training stood. Of a backbone that stays as it is nothing was kept."""
    state = load_file(file)
    ranker.load_state_dict({name: state[name] for name in ranker.state_dict() if name in state}, strict=False)
    whole = optimizer.state_dict()
    for name, value in state.items():
        if name.startswith(_OPTIMIZER):
            number, key = name.removeprefix(_OPTIMIZER).split(".")
            whole["state"].setdefault(int(number), {})[key] = value
    optimizer.load_state_dict(whole)
