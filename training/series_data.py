"""What a series ranker learns from: pairs of pictures of one series, and which of the two people prefer."""

from __future__ import annotations

import math
import os
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from blake3 import blake3
from PIL import Image

from photoidx.errors import PhotoError, PhotoidxError
from photoidx.evaluation.datasets.phototriage import PreferencePair, read_phototriage
from photoidx.evaluation.degradations import Pixels, as_jpeg, blurred, exposed, motion_blurred, noisy
from photoidx.evaluation.reading import open_photo
from photoidx.indexer.media.walk import walk
from photoidx.records import Kind, format_of, kind_of
from photoidx.scoring.series.inputs import LONG_SIDE
from photoidx.stage import WORKING_LONG_SIDE
from photoidx.training.scenes import SceneReader

_SEVERITIES = ((0, 0.4), (0.6, 1))
PHOTOTRIAGE, LEARNT_LIST = "PhotoTriage", "train"
KEPT_BACK = 4  # of the degraded pictures, one in so many is for testing
_NARROWEST = 3  # of a panorama there is little to see

Degrade = Callable[[Pixels, float, np.random.Generator], Pixels]
"""Makes a picture worse by a severity from 0 to 1."""


@dataclass(frozen=True)
class Pair:
    """Two pictures by their numbers, and the share of people who prefer the first.

    Figures are told by `kind`, and intervals are by `scene`.
    """

    first: int
    second: int
    preference: float
    series: str
    kind: str = ""
    scene: str = ""


@dataclass(frozen=True)
class SeriesData:
    """Pictures, which `load` gives by their number, and pairs to learn from and to test on, of different series."""

    name: str
    count: int
    load: Callable[[int], Image.Image]
    train: Sequence[Pair]
    test: Sequence[Pair]
    identity: str
    """Names these very pictures and pairs: another folder, seed or choice has another one."""
    seen_at: int = WORKING_LONG_SIDE
    """The long side (pixels) that the pictures have at most: what is measured on them is true of that size."""
    about: dict[str, Any] = field(default_factory=dict)


def _between(low: float, high: float, share: float) -> float:
    return low * math.exp(math.log(high / low) * share)


def _jpeg(pixels: Pixels, share: float, _rng: np.random.Generator) -> Pixels:
    return np.asarray(Image.open(BytesIO(as_jpeg(pixels, round(50 - 45 * share)))).convert("RGB"))


def _resampled(pixels: Pixels, share: float, _rng: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    scale = _between(1.8, 6, share)
    small = cv2.resize(
        pixels, (max(1, round(width / scale)), max(1, round(height / scale))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _defocused(pixels: Pixels, share: float, _rng: np.random.Generator) -> Pixels:
    side = 2 * round(_between(2, 8, share)) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.float32)
    return np.asarray(cv2.filter2D(pixels, -1, disk / disk.sum()), dtype=np.uint8)


def _speckled(pixels: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    grain = 1 + rng.standard_normal(pixels.shape[:2])[:, :, None] * _between(0.1, 0.4, share)
    return np.asarray(np.clip(np.rint(pixels * grain), 0, 255), dtype=np.uint8)


def _motion(pixels: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    return motion_blurred(pixels, _between(6, 24, share), rng.uniform(0, math.pi))


LEARNT: dict[str, Degrade] = {
    "blur": lambda pixels, share, _rng: blurred(pixels, _between(0.9, 6, share)),
    "noise": lambda pixels, share, rng: noisy(pixels, _between(8, 40, share), rng),
    "JPEG": _jpeg,
    "darker": lambda pixels, share, _rng: exposed(pixels, -_between(0.8, 2.5, share)),
    "brighter": lambda pixels, share, _rng: exposed(pixels, _between(0.6, 2, share)),
}
UNSEEN: dict[str, Degrade] = {
    "motion blur": _motion,
    "defocus": _defocused,
    "resampling": _resampled,
    "speckle": _speckled,
}
"""Kinds that are never learnt from: what the ranker says of them it has not been told."""


def degraded_data(
    folder: Path, most: int = 0, seed: int = 0, *, shuffled: bool = False, long_side: int = LONG_SIDE
) -> SeriesData:
    """Make series of each photo below a folder: the photo, and worse versions of it, of two severities a kind.

    `most` is how many photos are taken, 0 for all; `long_side` is the pictures' size in pixels.

    Photos that are kept back are tested with the kinds of `UNSEEN` alone. With `shuffled` the better of each pair is
    drawn by lot: what is learnt then must be worth nothing. Raises PhotoidxError if there are too few photos.
    """
    found = [path for path in sorted(walk(str(folder)).files) if kind_of(format_of(path) or "") is Kind.PHOTO]
    random.Random(seed).shuffle(found)  # noqa: S311 - a sample, not a secret
    left_out: Counter[str] = Counter()
    reader = SceneReader()
    photos = list(islice(_taken(found, long_side, left_out, reader), most or None))
    digest = blake3(repr((seed, shuffled, long_side)).encode())
    for photo in photos:
        digest.update(photo.tobytes())
    if len(photos) < KEPT_BACK:
        also = "".join(f", {count} {why}" for why, count in sorted(left_out.items()))
        raise PhotoidxError(f"{folder} has {len(photos)} photos of use{also}; a ranker needs {KEPT_BACK} at least.")
    scenes = reader.scenes()
    kept_back = scenes.kept_back(KEPT_BACK, seed, what=f"The photos of {folder}")
    scenes.refuse_across(kept_back)
    recipes: list[tuple[int, str, float]] = []
    train: list[Pair] = []
    test: list[Pair] = []
    lots = random.Random(seed)  # noqa: S311
    for number in range(len(photos)):
        kinds, pairs = (UNSEEN, test) if kept_back[number] else (LEARNT, train)
        made = [("", 0.0), *((kind, lots.uniform(*share)) for kind in kinds for share in _SEVERITIES)]
        places = [
            len(recipes) + place for place in lots.sample(range(len(made)), len(made))
        ]  # no order tells the better
        recipes += [(number, *each) for _, each in sorted(zip(places, made, strict=True))]
        for at, kind in enumerate(kinds):
            for better, worse in ((0, 2 * at + 1), (0, 2 * at + 2), (2 * at + 1, 2 * at + 2)):
                first, second = sorted((places[better], places[worse]))
                pair = Pair(
                    first, second, float(first == places[better]), f"{number:06d}", kind, f"{scenes.of[number]:06d}"
                )
                if shuffled and pairs is train:
                    pair = replace(pair, preference=lots.choice((0.0, 1.0)))
                pairs.append(pair)

    def load(number: int) -> Image.Image:
        photo, kind, share = recipes[number]
        rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
        pixels = photos[photo]
        return Image.fromarray((LEARNT | UNSEEN)[kind](pixels, share, rng) if kind else pixels)

    about = {
        "name": "degradations of photos",
        "photos": len(photos),
        "scenes": len(np.unique(scenes.of)),
        "split": "by scene",
        "learnt kinds": list(LEARNT),
        "unseen kinds": list(UNSEEN),
        "shuffled": shuffled,
    }
    return SeriesData("degradations", len(recipes), load, train, test, digest.hexdigest(), long_side, about)


def triage_data(folder: Path, test: str = "val") -> SeriesData:
    """Read PhotoTriage: learnt from is the list `train`, tested on another one.

    Raises DataSetError if the set can't be used (as with a misread column), PhotoidxError if it lacks a list.
    """
    found = read_phototriage(folder).checked()
    lists = {name: found.split(name) for name in (LEARNT_LIST, test)}
    for name, pairs in lists.items():
        if not pairs:
            raise PhotoidxError(f"{folder} has no list {name}_pairlist.txt with pairs whose photos are there.")
    places = sorted({path for pairs in lists.values() for pair in pairs for path in (pair.first, pair.second)})
    numbers = {path: number for number, path in enumerate(places)}

    def paired(pairs: Sequence[PreferencePair]) -> list[Pair]:
        return [
            Pair(numbers[each.first], numbers[each.second], each.preference, f"{each.series:06d}") for each in pairs
        ]

    about = {"name": PHOTOTRIAGE, "photos": len(places), "tested on": test}
    learnt, tested = map(paired, lists.values())
    states = [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in places]
    identity = blake3(repr((states, lists)).encode(errors="surrogateescape")).hexdigest()

    def load(number: int) -> Image.Image:
        return _opened(Path(places[number]))

    return SeriesData("phototriage", len(places), load, learnt, tested, identity, about=about)


def _opened(path: Path) -> Image.Image:
    try:
        return open_photo(path).image()
    except (OSError, PhotoError) as error:
        raise PhotoidxError(f"{path} can't be read: {error}. Take it out of the data set, or repair it.") from error


def _taken(paths: Iterable[str], long_side: int, left_out: Counter[str], reader: SceneReader) -> Iterator[Pixels]:
    """Return photos at the network's size, show each to the reader of scenes, and count why others are left out."""
    for path in paths:
        try:
            photo = open_photo(Path(path))
            image = photo.image()
        except (OSError, PhotoError):
            left_out["that can't be read"] += 1
            continue
        if max(image.size) < long_side or min(image.size) < long_side / _NARROWEST:
            left_out[f"smaller than {long_side} x {math.ceil(long_side / _NARROWEST)} pixels"] += 1
            continue
        reader.take(path, photo)
        image = image.copy()
        image.thumbnail((long_side, long_side), Image.Resampling.BICUBIC, reducing_gap=3.0)
        yield np.asarray(image)
