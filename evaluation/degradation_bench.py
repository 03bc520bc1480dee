"""How often a score puts a picture above a degraded copy of itself, in the published form and in the strict one.

Published: the picture as it was decoded against each of 27 variants of it, without another loss in between. Correct is
score(original) > score(variant); a tie is wrong.

Strict: what could give the original away is taken from it. The picture is brought to a long side of 960 first, because
the degradations are in pixels: a blur of one pixel in 12 megapixels is gone before anyone sees it. Original and variant
are then brought to one long side, never enlarged, and both encoded at JPEG quality 95; only the JPEG variants have a
quality of their own. All files are scored twice, the second time in the opposite order, and a verdict counts as correct
only if it is so both times. A mirrored copy is the placebo; there, and only there, a tie counts as half.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photoidx.config import Config
from photoidx.errors import PhotoError
from photoidx.evaluation.degradations import (
    ADDED,
    CROPS,
    PLACEBO,
    PUBLISHED,
    TECHNICAL,
    Degradation,
    Pixels,
    as_bmp,
    as_jpeg,
    fitted,
)
from photoidx.evaluation.statistics import interval
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.indexer.media.walk import walk
from photoidx.records import Kind, content_id_of, format_of, kind_of
from photoidx.registry import stages
from photoidx.stage import WORKING_LONG_SIDE, PhotoStage

Scorer = Callable[[bytes, str], float | None]
"""Takes a file's bytes and its format, and gives its score, or None where there is none."""

STRICT_QUALITY = 95
_WHOLE = 1 << 30  # a long side that no picture reaches: decode it all
_SEED_BYTES = 8

THEIRS = {
    "Siamese network": (84.5, 100, 74, 96.5, 85.5, 94.5, 94, 89.9),
    "AVA-trained network": (92.5, 95.2, 91, 67, 76, 73, 68, 81.9),
    "rules": (100, 89.6, 78.5, 55.5, 51.5, 45, 38, 68.4),
}
"""Published figures, per cent, for the kinds below. The Siamese network was always shown the original first."""
PUBLISHED_KINDS = ("blur", "JPEG", "exposure", *CROPS, "all")


@dataclass(frozen=True)
class ScoreComparison:
    """One picture against one variant of it. `credit` is 1 if correct, 0 if wrong, 0.5 for a tie of the placebo."""

    picture: str
    kind: str
    variant: str
    credit: float
    tie: bool
    order_matters: bool = False


@dataclass(frozen=True)
class Tally:
    """The comparisons of one kind, with a 95 % interval by bootstrap over pictures. Shares are in per cent."""

    name: str
    pictures: int
    comparisons: int
    correct: float
    low: float
    high: float
    ties: int
    order_matters: int


def quality_columns() -> dict[str, PhotoStage]:
    """Return the columns of the table `quality` with the stage that writes each."""
    return {
        field.name: stage
        for stage in stages(Config(embedders=()))
        if isinstance(stage, PhotoStage)
        for spec in stage.tables
        if spec.name == "quality"
        for field in spec.columns
    }


def scorer_of(stage: PhotoStage, column: str) -> Scorer:
    """Return the scorer that decodes a file as a scan does, runs the stage, and reads its column of `quality`."""
    stage.load()
    max_pixels = Config().max_pixels

    def score(data: bytes, file_format: str) -> float | None:
        try:
            rows = stage.run(DecodedPhoto(data, file_format, max_pixels))["quality"]
        except PhotoError:
            return None
        value = rows[0].get(column) if rows else None
        return None if value is None else float(value)

    return score


def pictures(folders: Iterable[Path], limit: int, seed: int) -> Iterator[tuple[str, Pixels | PhotoError]]:
    """Decode the pictures below folders, in the order of their paths; a `limit` other than 0 draws so many of them.

    Gives each path with the whole picture, or with the reason why it can't be read.
    """
    paths = sorted({path for folder in folders for path in walk(os.path.abspath(folder)).files if _is_photo(path)})
    if 0 < limit < len(paths):
        paths = sorted(random.Random(seed).sample(paths, limit))  # noqa: S311 - a sample, not a secret
    for path in paths:
        yield path, _read(path)


def _is_photo(path: str) -> bool:
    file_format = format_of(path)
    return file_format is not None and kind_of(file_format) is Kind.PHOTO


def _read(path: str) -> Pixels | PhotoError:
    try:
        data = Path(path).read_bytes()
        return np.asarray(DecodedPhoto(data, format_of(path) or "", Config().max_pixels).image(_WHOLE))
    except OSError as error:
        return PhotoError(error.strerror or str(error))
    except PhotoError as error:
        return error


def published_form(picture: str, pixels: Pixels, scorer: Scorer, seed: int) -> list[ScoreComparison]:
    """Compare a picture with its 27 variants, at its own size."""
    rng = _generator(pixels, seed)
    original = scorer(as_bmp(pixels), "bmp")
    found = []
    for way in PUBLISHED:
        worse = way.make(pixels, rng)
        score = scorer(as_bmp(worse), "bmp") if way.quality is None else scorer(as_jpeg(worse, way.quality), "jpeg")
        right = original is not None and score is not None and original > score
        found.append(ScoreComparison(picture, way.kind, way.name, float(right), original == score))
    return found


def strict_form(picture: str, pixels: Pixels, scorer: Scorer, seed: int) -> list[ScoreComparison]:
    """Compare a picture with the variants of the strict form, each pair in both orders."""
    ways = (*PUBLISHED, *ADDED, PLACEBO)
    pairs = list(_strict_pairs(pixels, ways, seed))
    files = list(dict.fromkeys(data for pair in pairs for data in pair))  # an original stands in many pairs
    first = {data: scorer(data, "jpeg") for data in files}
    second = {data: scorer(data, "jpeg") for data in reversed(files)}
    found = []
    for way, (original, variant) in zip(ways, pairs, strict=True):
        forth, back = (_verdict(scores[original], scores[variant]) for scores in (first, second))
        credit = float(forth == back == 1)
        if way.kind == PLACEBO.kind:
            credit = (forth + back + 2) / 4
        tie = forth == back == 0
        found.append(ScoreComparison(picture, way.kind, way.name, credit, tie, forth != back))
    return found


def _strict_pairs(pixels: Pixels, ways: Sequence[Degradation], seed: int) -> Iterator[tuple[bytes, bytes]]:
    rng = _generator(pixels, seed)
    original = fitted(pixels, WORKING_LONG_SIDE)
    for way in ways:
        variant = way.make(original, rng)
        long_side = min(max(original.shape[:2]), max(variant.shape[:2]))
        quality = way.quality or STRICT_QUALITY
        yield as_jpeg(fitted(original, long_side), STRICT_QUALITY), as_jpeg(fitted(variant, long_side), quality)


def _verdict(original: float | None, variant: float | None) -> int:
    """Return 1 if the original is above, -1 if the variant is, 0 for a tie or where a score is missing."""
    if original is None or variant is None:
        return 0
    return (original > variant) - (original < variant)


def _generator(pixels: Pixels, seed: int) -> np.random.Generator:
    """Draw for each picture its own numbers, whatever other pictures are compared."""
    return np.random.default_rng((seed, *content_id_of(pixels.tobytes()).encode()[:_SEED_BYTES]))


def published_tallies(comparisons: Sequence[ScoreComparison], seed: int) -> list[Tally]:
    """Count by kind; the last line is the mean over all comparisons."""
    return [
        _tally(kind, [each for each in comparisons if kind in (each.kind, "all")], seed) for kind in PUBLISHED_KINDS
    ]


def strict_tallies(comparisons: Sequence[ScoreComparison], seed: int) -> list[Tally]:
    """Count by kind, with a line for all technical kinds and one for all crops; the placebo stands apart."""
    groups = {
        **{kind: (kind,) for kind in TECHNICAL},
        "technical kinds": TECHNICAL,
        **{kind: (kind,) for kind in CROPS},
        "crops": CROPS,
        PLACEBO.kind: (PLACEBO.kind,),
    }
    return [_tally(name, [each for each in comparisons if each.kind in kinds], seed) for name, kinds in groups.items()]


def variant_tallies(comparisons: Sequence[ScoreComparison], seed: int) -> list[Tally]:
    """Count by variant, in the order in which they were made."""
    names = dict.fromkeys(each.variant for each in comparisons)
    return [_tally(name, [each for each in comparisons if each.variant == name], seed) for name in names]


def _tally(name: str, comparisons: Sequence[ScoreComparison], seed: int) -> Tally:
    credits_of: dict[str, list[float]] = {}
    for each in comparisons:
        credits_of.setdefault(each.picture, []).append(each.credit)
    low, high = interval([(sum(credit), len(credit)) for credit in credits_of.values()], seed)
    return Tally(
        name=name,
        pictures=len(credits_of),
        comparisons=len(comparisons),
        correct=100 * sum(each.credit for each in comparisons) / len(comparisons),
        low=100 * low,
        high=100 * high,
        ties=sum(each.tie for each in comparisons),
        order_matters=sum(each.order_matters for each in comparisons),
    )
