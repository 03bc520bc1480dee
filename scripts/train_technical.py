"""Train the score `technical`: a small net that puts a picture above degraded copies of itself.

Usage: python scripts/train_technical.py [--photos FOLDER] [--out FILE] [--pictures N] [--rounds N] [--epochs N]

The pictures come from the folders of TRAINED_ON below --photos; none of those on which docs/quality.md tests is among
them. All that is drawn at random hangs on SEED and on each picture's name: the same pictures give the same weights on
the same machine. Each picture is brought to a random size, and is degraded at random in steps, each step worse than the
one before it. The loss is that of Bradley and Terry: -log sigmoid(net(better) - net(worse)) for each two steps. Files
that hold the same picture, once as it was and once mirrored, with its edges trimmed and saved again, are a tie: half of
the loss of either order. One picture in five is kept back, whole scenes, and the share of its pairs that come out right
is printed.
"""

from __future__ import annotations

import argparse
import json
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from photoidx.config import Config
from photoidx.errors import PhotoError
from photoidx.evaluation.degradations import (
    Pixels,
    as_jpeg,
    blurred,
    exposed,
    fitted,
    motion_blurred,
    noisy,
)
from photoidx.evaluation.reading import open_photo
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.indexer.media.walk import walk
from photoidx.records import Kind, format_of, kind_of
from photoidx.scoring.shown import Shown
from photoidx.scoring.technical import score as technical
from photoidx.stage import WORKING_LONG_SIDE
from photoidx.training.scenes import SceneReader

PHOTOS = Path(__file__).parent.parent.parent / "shared" / "photos"
OUT = Path(__file__).parent.parent / "scoring" / "technical" / technical.WEIGHTS
TRAINED_ON = ("cameras", "faces", "groups", "ukbench", "imagededup", "imagenette")
SEED = 3
HIDDEN = 24
RATE, DECAY, BATCH = 1e-2, 0.1, 1024
KEPT_BACK = 5  # one picture in so many, whole scenes
LEAST_LONG_SIDE = 200  # pixels
SHRINK = (1.2, 2.0)  # it takes away the traces of the file that a picture comes from, so that clean ones are clean
QUALITIES = (90, 97)  # of every file that is not a JPEG step; both included
CLEAN_SCORE, DAMAGED_SCORE = 0.8, 0.15  # the medians of the clean files and of the worst ones
DAMAGED = 0.75  # the share of a way's range from which a step counts as one of the worst
DIGITS = 5

Step = Callable[[float], tuple[Pixels, int | None]]
"""Degrades by a severity 0 to 1; gives the picture and, if its JPEG quality is part of it, that."""


@dataclass(frozen=True)
class Pairs:
    """The inputs of all files (files x features), each file's picture and severity, and pairs of rows.

    `ordered` (pairs x 2) has the better file first; `even` (pairs x 2) has two files that are equally good.
    """

    features: np.ndarray[Any, np.dtype[np.float64]]
    picture: np.ndarray[Any, np.dtype[np.int64]]
    severity: np.ndarray[Any, np.dtype[np.float64]]
    ordered: np.ndarray[Any, np.dtype[np.int64]]
    even: np.ndarray[Any, np.dtype[np.int64]]
    kept_back: np.ndarray[Any, np.dtype[np.bool_]]
    """Of each file, whether its picture's scene is for testing."""


def between(low: float, high: float, share: float) -> float:
    """Go from low to high by equal ratios."""
    return low * math.exp(math.log(high / low) * share)


def ways(pixels: Pixels, rng: np.random.Generator) -> dict[str, Step]:
    """Return the ways to degrade a picture, with all that is random in them drawn already."""
    angle, noise_seed = rng.uniform(0, math.pi), int(rng.integers(1 << 31))

    def grain(picture: Pixels, share: float) -> Pixels:
        return noisy(picture, between(2, 30, share), np.random.default_rng(noise_seed))

    def blur(picture: Pixels, share: float) -> Pixels:
        return blurred(picture, between(0.6, 9, share))

    def motion(picture: Pixels, share: float) -> Pixels:
        return motion_blurred(picture, between(4, 30, share), angle)

    def quality(share: float) -> int:
        return round(85 - 80 * share)

    stops = {"darker": lambda share: -between(0.4, 2.5, share), "brighter": lambda share: between(0.4, 2.5, share)}
    found: dict[str, Step] = {
        "blur": lambda share: (blur(pixels, share), None),
        "motion": lambda share: (motion(pixels, share), None),
        "noise": lambda share: (grain(pixels, share), None),
        "JPEG": lambda share: (pixels, quality(share)),
        "blur and JPEG": lambda share: (blur(pixels, share / 2), quality(share)),
        "noise and JPEG": lambda share: (grain(pixels, share), quality(share / 2)),
        "blur and noise": lambda share: (grain(blur(pixels, share), share), None),
        "dark and noisy": lambda share: (grain(exposed(pixels, stops["darker"](share)), share), None),
        "dark and blurred": lambda share: (motion(exposed(pixels, stops["darker"](share)), share), None),
    }
    for name, by in stops.items():
        found[name] = lambda share, by=by: (exposed(pixels, by(share)), None)  # type: ignore[misc]
    return found


PLAIN_WAYS = ("blur", "motion", "noise", "JPEG", "darker", "brighter")


def saved(pixels: Pixels, quality: int | None, rng: np.random.Generator) -> bytes:
    """Encode as JPEG, at a high quality that is drawn unless there is one."""
    return as_jpeg(pixels, int(rng.integers(QUALITIES[0], QUALITIES[1] + 1)) if quality is None else quality)


def measured(data: bytes) -> np.ndarray[Any, Any]:
    """Measure a file as a scan would."""
    return technical.features(Shown(DecodedPhoto(data, "jpeg", Config().max_pixels).image()))


def twin(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the same picture mirrored, without up to 7 pixels of two edges, and saved again.

    The blocks of the first saving lie elsewhere then, or across those of the second.
    """
    with Image.open(BytesIO(data)) as image:
        pixels = np.asarray(image)
    left, top = rng.integers(0, 8, 2)
    return saved(np.ascontiguousarray(pixels[top:, left:][:, ::-1]), None, rng)


def chains(pixels: Pixels, rng: np.random.Generator) -> Iterator[list[tuple[float, bytes]]]:
    """Return chains of files of one picture, from the best to the worst: severity 0 to 1, and the file.

    Each chain begins with the undamaged picture, and goes through two severities of one way.
    """
    long_side = min(max(pixels.shape[:2]) / rng.uniform(*SHRINK), WORKING_LONG_SIDE * rng.uniform(0.6, 1))
    base = fitted(pixels, round(long_side))
    all_ways = ways(base, rng)
    mixed = [name for name in all_ways if name not in PLAIN_WAYS]
    original = (0.0, saved(base, None, rng))
    for name in (*PLAIN_WAYS, str(rng.choice(mixed))):
        mild = float(rng.uniform(0, 0.8))
        severe = float(rng.uniform(min(1, mild + 0.15), 1))
        yield [original, *((share, saved(*all_ways[name](share), rng)) for share in (mild, severe))]


def pairs_of(paths: Sequence[Path], rounds: int) -> Pairs:
    """Degrade and measure pictures. A picture that can't be read, or is too small, is passed over."""
    found: list[tuple[np.ndarray[Any, Any], int, float]] = []
    ordered: list[tuple[int, int]] = []
    even: list[tuple[int, int]] = []
    scenes = SceneReader()
    number = -1
    for path in paths:
        pixels = read(path)
        if pixels is None:
            continue
        number += 1
        scenes.take(str(path), open_photo(path))
        rng = np.random.default_rng((SEED, zlib.crc32(path.name.encode())))
        for chain in (chain for _round in range(rounds) for chain in chains(pixels, rng)):
            at: dict[bytes, int] = {}  # the rows of the chain's files
            for severity, data in chain:
                at[data] = len(found)
                found.append((measured(data), number, severity))
            ordered += [(at[one], at[two]) for (_, one), (_, two) in combinations(chain, 2)]
            severity, data = chain[rng.integers(len(chain))]
            even.append((at[data], len(found)))
            found.append((measured(twin(data, rng)), number, severity))
    if not found:
        raise SystemExit("There is no picture to train on.")
    features, picture, severities = zip(*found, strict=True)
    told = scenes.scenes()
    kept_back = told.kept_back(KEPT_BACK, SEED)
    told.refuse_across(kept_back)
    print(f"{len(np.unique(told.of))} scenes")
    numbers = np.array(picture)
    return Pairs(
        np.array(features), numbers, np.array(severities), np.array(ordered), np.array(even), kept_back[numbers]
    )


def read(path: Path) -> Pixels | None:
    """Decode a picture, to twice the working size or more if it has so much."""
    try:
        photo = DecodedPhoto(path.read_bytes(), format_of(path.name) or "", Config().max_pixels)
        image = photo.image(2 * WORKING_LONG_SIDE)
    except PhotoError:
        return None
    return np.asarray(image) if max(image.size) >= LEAST_LONG_SIDE else None


def train(pairs: Pairs, epochs: int) -> dict[str, Any]:
    """Fit the net to the pairs of the pictures that are not kept back, and give what the weights' file holds."""
    kept_back = pairs.kept_back
    ours = pairs.features[~kept_back]
    mean, scale = np.nanmean(ours, axis=0), np.nanstd(ours, axis=0) + 1e-3
    far = technical.FARTHEST
    standard = np.clip(np.nan_to_num((pairs.features - mean) / scale, nan=0.0), -far, far)
    inputs = torch.tensor(standard, dtype=torch.float32)
    ordered, even = (torch.tensor(rows[~kept_back[rows[:, 0]]]) for rows in (pairs.ordered, pairs.even))
    net = fit(inputs, ordered, even, epochs)
    with torch.no_grad():
        raw = net(inputs).numpy().ravel().astype(np.float64)
    for name, rows in (("trained on", ~kept_back), ("kept back", kept_back)):
        better, worse = pairs.ordered[rows[pairs.ordered[:, 0]]].T
        if better.size:
            print(f"{better.size} pairs {name}: {100 * (raw[better] > raw[worse]).mean():.2f} % right")
    gain, offset = scaling(raw, pairs.severity)
    hidden, hidden_bias, output = (values.detach().numpy() for values in net.parameters())
    arrays = {
        "mean": mean,
        "scale": scale,
        "hidden": hidden.T,
        "hidden_bias": hidden_bias,
        "output": output.ravel(),
    }
    written = {name: rounded(values) for name, values in arrays.items()}
    return {
        "features": list(technical.FEATURES),
        **written,
        "gain": round(gain, DIGITS),
        "offset": round(offset, DIGITS),
    }


def fit(inputs: torch.Tensor, ordered: torch.Tensor, even: torch.Tensor, epochs: int) -> torch.nn.Sequential:
    """Minimise the loss of the pairs (rows of `inputs`, pairs x 2) with Adam, in a fixed order, on one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    net = torch.nn.Sequential(
        torch.nn.Linear(inputs.shape[1], HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, 1, bias=False)
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    pairs = torch.cat((ordered, even))
    target = torch.cat((torch.ones(len(ordered)), torch.full((len(even),), 0.5)))
    for _epoch in range(epochs):
        for some in torch.split(torch.randperm(len(pairs)), BATCH):
            better, worse = pairs[some].T
            margin = (net(inputs[better]) - net(inputs[worse])).flatten()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(margin, target[some])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    return net


def scaling(raw: np.ndarray[Any, Any], severity: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return gain and offset that bring the medians of clean and of badly damaged files to their scores."""
    clean, damaged = np.median(raw[severity == 0]), np.median(raw[severity >= DAMAGED])
    high, low = (math.log(score / (1 - score)) for score in (CLEAN_SCORE, DAMAGED_SCORE))
    gain = (high - low) / max(float(clean - damaged), 1e-6)
    return gain, high - gain * float(clean)


def rounded(values: np.ndarray[Any, Any]) -> Any:
    """Return nested lists of short numbers."""
    return np.round(values.astype(np.float64), DIGITS).tolist()


def chosen(photos: Path, most: int) -> list[Path]:
    """Return the pictures to train on: of each folder the `most` largest by pixels, in the order of their paths."""
    found = []
    for folder in TRAINED_ON:
        paths = (Path(path) for path in walk(str((photos / folder).resolve())).files)
        sized = sorted(((size_of(path), str(path)) for path in paths if is_photo(path)), reverse=True)
        found += sorted(Path(path) for _size, path in sized[:most])
    return found


def is_photo(path: Path) -> bool:
    """Return by the name."""
    file_format = format_of(path.name)
    return file_format is not None and kind_of(file_format) is Kind.PHOTO


def size_of(path: Path) -> int:
    """Return the pixels that a file announces, 0 if it announces none."""
    try:
        with Image.open(path) as image:
            return image.width * image.height
    except (OSError, Image.DecompressionBombError):
        return 0


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--pictures", type=int, default=150, help="the most of one folder")
    parser.add_argument("--rounds", type=int, default=3, help="sizes at which each picture is degraded")
    parser.add_argument("--epochs", type=int, default=150)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    paths = chosen(options.photos, options.pictures)
    print(f"{len(paths)} pictures")
    written = train(pairs_of(paths, options.rounds), options.epochs)
    text = ",\n".join(f' "{name}": {json.dumps(value)}' for name, value in written.items())
    options.out.write_text(f"{{\n{text}\n}}\n")


if __name__ == "__main__":
    main()
