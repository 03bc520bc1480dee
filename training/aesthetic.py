"""Training the aesthetic scorer: ratings 1 to 10 from an embedder's vector, by the earth mover's distance."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from photoidx.config import Config
from photoidx.errors import AssetError, PhotoError, PhotoidxError
from photoidx.evaluation.datasets.ava import read_ava
from photoidx.evaluation.reading import open_photo
from photoidx.evaluation.statistics import correlation, correlation_interval
from photoidx.indexer.embedders import embedder
from photoidx.indexer.embedders.base import few_threads
from photoidx.indexer.embedders.efficientnet import NAME as LITE0
from photoidx.scoring.aesthetic.scorer import KIND, RATINGS, Array, means, shares
from photoidx.scoring.learned.card import Card, check_new, write_scorer
from photoidx.scoring.learned.vectors import vectors_of
from photoidx.training.scenes import SceneReader, Scenes

_TESTED = 5  # one photo in so many, whole scenes
_FEWEST = 20
_ROUNDS, _RATE = 300, 0.05
_DECAYS = (1e-4, 1e-3, 1e-2)

Tell = Callable[[str, int, int], None]


def read_ratings(data: Path, layout: str) -> list[tuple[str, Array]]:
    """Read photos with the shares of their ratings: AVA, or a CSV file with the columns path and score (1 to 10).

    A score alone stands for the ratings beside it. Raises DataSetError, PhotoidxError if the set can't be used.
    """
    if layout == "ava":
        return [(each.path, np.array(each.shares)) for each in read_ava(data).checked().photos]
    found = []
    try:
        with data.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PhotoidxError(f"{data} can't be read as a table: {error}. Save it as CSV in UTF-8.") from error
    for number, row in enumerate(rows, 2):
        try:
            path, score = data.parent / row["path"], float(row["score"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PhotoidxError(f"{data}:{number}: it needs the columns path and score, a number.") from error
        if "\0" in row["path"]:
            raise PhotoidxError(f"{data}:{number}: a path can't hold a zero byte.")
        if not 1 <= score <= RATINGS:
            raise PhotoidxError(f"{data}:{number}: the score {score:g} is not from 1 to {RATINGS}.")
        told = np.zeros(RATINGS)
        low = min(int(score), RATINGS - 1)
        told[low - 1], told[low] = low + 1 - score, score - low
        found.append((str(path), told))
    return found


def train(
    photos: Sequence[tuple[str, Array]],
    out: Path,
    name: str,
    *,
    about: str,
    embedder_name: str = LITE0,
    seed: int = 0,
    config: Config | None = None,
    tell: Tell = lambda _what, _done, _of: None,
) -> dict[str, Any]:
    """Train the head on four photos in five, write it as a scorer, and give its figures on the fifth, of other scenes.

    Photos that can't be read are left out. Raises PhotoidxError if there are too few.
    """
    check_new(out, name)
    config = config or Config()
    vectors, ratings, scenes = _embedded(photos, embedder_name, config, tell)
    if len(vectors) < _FEWEST:
        raise PhotoidxError(f"{len(vectors)} photos could be read; {_FEWEST} at least are needed.")
    tested = scenes.kept_back(_TESTED, seed)
    scenes.refuse_across(tested)
    learnt = np.flatnonzero(~tested)
    # Of the learnt ones, to choose the decay by: whole scenes, too.
    inner = np.unique(scenes.of[learnt])
    checked = np.isin(scenes.of[learnt], inner[::_TESTED]) if len(inner) > 1 else np.arange(len(learnt)) % _TESTED == 0
    trials = {
        decay: _loss(
            vectors[learnt[checked]],
            ratings[learnt[checked]],
            *_fit(vectors[learnt[~checked]], ratings[learnt[~checked]], decay, seed),
        )
        for decay in _DECAYS
    }
    decay = min(trials, key=lambda each: trials[each])
    weight, bias = _fit(vectors[~tested], ratings[~tested], decay, seed)
    found = _figures(
        vectors[tested], ratings[tested], ratings[~tested].mean(axis=0), weight, bias, scenes.of[tested], seed
    )
    card = Card(
        kind=KIND,
        name=name,
        settings={"embedder": embedder_name},
        data={"name": about, "photos": len(vectors), "scenes": len(np.unique(scenes.of))},
        protocol={
            "split": "by scene (bursts, near-duplicates, near vectors), a fifth of the photos is tested on",
            "loss": "squared earth mover's distance of the cumulated shares",
            "weight decay": decay,
            "seed": seed,
        },
        figures=found,
        licence="that of the embedder's weights, and of the data set",
    )
    write_scorer(out, card, {"weight": weight, "bias": bias})
    return found


def take_over(file: Path, out: Path, name: str, embedder_name: str) -> None:
    """Make a scorer of a linear head with one output, as LAION published for OpenAI's CLIP: `weight` and `bias`.

    It is read as numbers, from safetensors or by torch, which executes nothing. Raises AssetError if it is no head.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    check_new(out, name)
    width = embedder(embedder_name, Config()).vision.width
    try:
        told = (
            load_file(file)
            if file.suffix == ".safetensors"
            else torch.load(file, map_location="cpu", weights_only=True)
        )
        weight, bias = (np.asarray(told[key].float().numpy()) for key in ("weight", "bias"))
    except OSError as error:
        raise AssetError(f"{file} can't be read: {error.strerror or error}.") from error
    except (SafetensorError, RuntimeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise AssetError(f"{file} is no linear head with weight and bias: {error}") from error
    except Exception as error:  # of whatever pickle says of a file that is none
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise AssetError(f"{file} holds more than numbers, or is damaged: {why}") from error
    if weight.shape[:-1] != (1,) or bias.shape != (1,):
        raise AssetError(f"{file} is no head of one number: its weights have the shape {tuple(weight.shape)}.")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise AssetError(f"{file} holds what are no numbers.")
    if weight.shape[1] != width:
        raise AssetError(
            f"{file} is a head for vectors of {weight.shape[1]} numbers; those of {embedder_name} have {width}. "
            "Name its own embedder, as --embedder openclip:ViT-L-14/openai"
        )
    card = Card(
        KIND, name, {"embedder": embedder_name}, {"name": f"weights of {file.name}"}, licence="that of the file"
    )
    write_scorer(out, card, {"weight": weight, "bias": bias})


def emd(told: Array, ratings: Array) -> Array:
    """Return the earth mover's distance (n) of shares, with r = 2: the root mean square of cumulated differences."""
    return np.asarray(np.sqrt(((told.cumsum(axis=1) - ratings.cumsum(axis=1)) ** 2).mean(axis=1)))


def _embedded(
    photos: Sequence[tuple[str, Array]], name: str, config: Config, tell: Tell
) -> tuple[Array, Array, Scenes]:
    stage = embedder(name, config)
    stage.check()
    stage.load()
    reader = SceneReader(config)
    vectors, ratings, waiting = [], [], []
    for number, (path, told) in enumerate(photos, 1):
        try:
            photo = open_photo(path)
            prepared = stage.prepare(photo)
            reader.take(path, photo)
        except (OSError, PhotoError):
            continue
        waiting.append(prepared)
        ratings.append(told)
        if len(waiting) == stage.batch_size:
            vectors.append(vectors_of(stage, waiting))
            waiting = []
            tell("looking at photos", number, len(photos))
    if waiting:
        vectors.append(vectors_of(stage, waiting))
    return (np.concatenate(vectors) if vectors else np.zeros((0, 1))), np.array(ratings), reader.scenes()


def _fit(vectors: Array, ratings: Array, decay: float, seed: int) -> tuple[Array, Array]:
    torch.manual_seed(seed)
    head = torch.nn.Linear(vectors.shape[1], RATINGS)
    inputs, wanted = torch.from_numpy(vectors).float(), torch.from_numpy(ratings).float().cumsum(dim=1)
    optimizer = torch.optim.Adam(head.parameters(), _RATE)
    with few_threads():
        for _ in range(_ROUNDS):
            cumulated = head(inputs).softmax(dim=1).cumsum(dim=1)
            loss = ((cumulated - wanted) ** 2).mean() + decay * (head.weight**2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return head.weight.detach().numpy(), head.bias.detach().numpy()


def _loss(vectors: Array, ratings: Array, weight: Array, bias: Array) -> float:
    return float(emd(shares(vectors @ weight.T + bias), ratings).mean())


def _figures(  # noqa: PLR0917 - what was learnt, what it is tested on, and the scenes of that
    vectors: Array, ratings: Array, usual: Array, weight: Array, bias: Array, scenes: Array, seed: int
) -> dict[str, Any]:
    told = shares(vectors @ weight.T + bias)
    constant = np.repeat(usual[None], len(ratings), axis=0)
    ranks = rankdata(means(told)), rankdata(means(ratings))
    low, high = correlation_interval(*ranks, scenes, seed)
    return {
        "tested": len(ratings),
        "tested_scenes": len(np.unique(scenes)),
        "spearman": correlation(*ranks),
        "spearman_low": low,
        "spearman_high": high,
        "pearson": correlation(means(told), means(ratings)),
        "emd": float(emd(told, ratings).mean()),
        "emd_constant": float(emd(constant, ratings).mean()),
        "error": float(np.abs(means(told) - means(ratings)).mean()),
        "error_constant": float(np.abs(means(constant) - means(ratings)).mean()),
    }
