"""Technical quality: one number from the measures of sharpness, noise, exposure, colour and compression.

A small net, trained by `scripts/train_technical.py`, puts a picture above degraded copies of itself. What it proves is
sensitivity to degradation, not taste: docs/quality.md says how often it is right. Of a JPEG that is larger than the
picture that the net sees, `scoring/technical/full_size.py` takes off what its compression costs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa

from photoidx.errors import AssetError
from photoidx.scoring import colour, exposure, noise, raster, sharpness
from photoidx.scoring.technical import full_size
from photoidx.stage import Photo, PhotoStage, column, quality

if TYPE_CHECKING:
    from photoidx.stage import Rows

WEIGHTS = "technical.json"
DECIMALS = 2  # the third is noise: a mirrored copy, saved again, differs by up to 0.002
_TILE = 8  # pixels; JPEG flattens blocks of this side
_SHARES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_OCTAVES = 3
_FLOOR = 0.02  # grey levels; what is flatter than this is all the same
FARTHEST = 4.0  # standard deviations; the net is not asked about what lies farther out than it has seen
_LEAST = 1e-3  # added before a logarithm is taken
_COEFFICIENT_LIMITS = (1.0, 5.0, 15.0)
_SHARE_FLOOR = 0.003
_STEP_FLOOR = 0.2  # grey levels
_NOTHING: Any = None  # cv2's product adds no third matrix
_Floats = np.ndarray[Any, np.dtype[np.float64]]

# Of each shared measure the fields that the net reads. None of them depends on where the faces are, or on the file's
# format: the estimated JPEG quality is left out, because a screenshot of a bad JPEG is still a bad picture. It counts
# only for what the net can't see, in `full_size`.
_SHARED: tuple[tuple[Callable[[Photo], Any], tuple[str, ...]], ...] = (
    (sharpness.measure, ("whole", "tile_max", "anisotropy")),
    (noise.measure, ("sigma",)),
    (exposure.measure, ("clipped_shadows", "clipped_highlights", "luma_p01", "luma_p50", "luma_p99", "midtone")),
    (colour.measure, ("colourfulness", "cast")),
)
_LOGARITHMIC = frozenset({"sigma", "clipped_shadows", "clipped_highlights"})
_QUANTISED = ("dct_none", "dct_little", "dct_some")


def _detail_names() -> tuple[str, ...]:
    layers = (*(f"luma_{octave}" for octave in range(_OCTAVES)), "chroma")
    return tuple(f"{layer}_q{round(100 * share):02d}" for layer in layers for share in _SHARES)


FEATURES = (
    *(name for _measure, names in _SHARED for name in names),
    *_detail_names(),
    "blockiness",
    *_QUANTISED,
    "darkest",
    "brightest",
    "spread",
)
"""The net's inputs, in their order."""


def features(photo: Photo) -> _Floats:
    """Return the net's inputs in the order of `FEATURES`; NaN stands for a measure without a value. Raises PhotoError.

    Besides the shared measures these are, at three octaves of the luma and one of the colour, how the mean absolute
    Laplacian is spread over tiles of 8 x 8 pixels, as logarithms of grey levels: blur takes it from the busiest tiles,
    noise adds it to the calmest, JPEG takes it from the calmest. Then the strength of the 8-pixel grid, how coarsely
    the cosine transform of its blocks is quantised, and of the luma at 1/8 of the size the ends (grey levels) and the
    logarithm of the standard deviation.
    """
    values = [_number(getattr(photo.once(measure), name), name) for measure, names in _SHARED for name in names]
    return np.array([*values, *photo.once(_detail)], dtype=np.float64)


def _number(value: float | None, name: str) -> float:
    if value is None:
        return float("nan")
    return float(np.log(value + _LEAST)) if name in _LOGARITHMIC else float(value)


def _detail(photo: Photo) -> list[float]:
    layer: Any = photo.once(raster.luma)
    found: list[float] = []
    blocks = _blockiness(cv2.convertScaleAbs(layer))
    for _octave in range(_OCTAVES):
        found += _spread(layer)
        layer = _halved(layer)
    red, green, blue = cv2.split(_halved(photo.once(raster.pixels)))
    found += _spread(cv2.addWeighted(red, 1, cv2.addWeighted(green, 0.5, blue, 0.5, 0), -1, 0, dtype=cv2.CV_32F))
    return [
        *found,
        blocks,
        *_quantised(photo.once(raster.luma)),
        float(layer.min()),
        float(layer.max()),
        float(np.log(layer.std() + 1)),
    ]


def _halved(layer: Any) -> Any:
    height, width = layer.shape[:2]
    return cv2.resize(layer, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)


def _spread(layer: Any) -> list[float]:
    """Return the logarithms of the tiles' detail at the shares of `_SHARES`."""
    detail = np.abs(cv2.Laplacian(layer, cv2.CV_32F))
    height, width = detail.shape
    tiles = cv2.resize(detail, (max(1, width // _TILE), max(1, height // _TILE)), interpolation=cv2.INTER_AREA)
    ordered = np.sort(tiles, axis=None)
    places = np.rint(np.array(_SHARES) * (ordered.size - 1)).astype(int)
    return [float(each) for each in np.log(ordered[places] + _FLOOR)]


def _blockiness(luma: Any) -> float:
    """Return by how much, as a logarithm, the steps at one phase of an 8-pixel grid stand out, as a mean of both axes.

    `scoring/compression.py` asks the same of a file's own pixels. This one asks it of any size, and a mirrored picture
    gives the same number, because each phase has all of its steps.
    """
    if min(luma.shape) < 2 * _TILE:
        return 0.0
    found = 0.0
    for axis, steps in enumerate((cv2.absdiff(luma[:, 1:], luma[:, :-1]), cv2.absdiff(luma[1:], luma[:-1]))):
        profile = cv2.reduce(steps, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() / steps.shape[axis]
        phases = np.log(np.sort([np.median(profile[phase::_TILE]) for phase in range(_TILE)]) + _STEP_FLOOR)
        found += float(phases[-1] - phases[_TILE // 2]) / 2
    return found


def _quantised(luma: Any) -> list[float]:
    """Return the logarithms of the shares of cosine coefficients of 8 x 8 blocks in three ranges of size.

    JPEG rounds them to multiples of a step that grows as the quality falls: small ones become nothing, and sizes below
    the step are missing. The blocks are laid from each corner, so that a mirrored picture gives the same; where the
    sides are no multiples of 8 that differs, and the corner with the fewest coefficients left counts.
    """
    height, width = luma.shape
    if min(height, width) < _TILE:
        return [float("nan")] * len(_QUANTISED)
    corners = {(top, left) for top in (0, height % _TILE) for left in (0, width % _TILE)}
    shares = max(_coefficient_shares(luma[top:, left:]) for top, left in corners)
    return [float(np.log(share + _SHARE_FLOOR)) for share in shares]


def _coefficient_shares(luma: Any) -> tuple[float, ...]:
    down, across = luma.shape[0] // _TILE, luma.shape[1] // _TILE
    lines = np.ascontiguousarray(luma[: down * _TILE, : across * _TILE]).reshape(-1, _TILE)
    # cv2's product stays on one thread; numpy's costs up to 10 ms where several processes share the processors.
    waves = cv2.gemm(lines, _cosines(), 1, _NOTHING, 0).reshape(down, _TILE, -1).transpose(0, 2, 1)
    sizes = np.abs(cv2.gemm(waves.reshape(-1, _TILE), _cosines(), 1, _NOTHING, 0))
    below = [np.count_nonzero(sizes < limit) / sizes.size for limit in _COEFFICIENT_LIMITS]
    return tuple(high - low for low, high in zip((0.0, *below), below, strict=False))


@cache
def _cosines() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the waves 1 to 4 of the orthonormal cosine transform of 8 samples: 8 x 4."""
    wave, place = np.arange(1, 5)[None, :], np.arange(_TILE)[:, None]
    return (0.5 * np.cos((2 * place + 1) * wave * np.pi / 16)).astype(np.float32)


@dataclass(frozen=True)
class Net:
    """The net: standardise, one hidden layer of tanh, one output, which grows with quality."""

    mean: _Floats
    scale: _Floats
    hidden: _Floats
    hidden_bias: _Floats
    output: _Floats
    gain: float
    offset: float

    def score(self, values: _Floats) -> float:
        """Return the score, 0 to 1, of the inputs. One that is missing counts as the mean of the training pictures."""
        standard = np.nan_to_num((values - self.mean) / self.scale, nan=0.0, posinf=FARTHEST, neginf=-FARTHEST)
        inner = np.tanh(np.clip(standard, -FARTHEST, FARTHEST) @ self.hidden + self.hidden_bias)
        return float(1 / (1 + np.exp(-(self.gain * (inner @ self.output) + self.offset))))


@cache
def _written() -> bytes:
    return resources.files("photoidx.scoring.technical").joinpath(WEIGHTS).read_bytes()


@cache
def net() -> Net:
    """Read the weights. Raises AssetError if they were trained on other inputs than `FEATURES`."""
    return net_of(json.loads(_written()))


def net_of(written: dict[str, Any]) -> Net:
    """Return the net that is written in the weights' file."""
    if tuple(written["features"]) != FEATURES:
        raise AssetError(f"{WEIGHTS} was trained on other inputs. Run: python scripts/train_technical.py")
    arrays = {
        name: np.array(written[name], dtype=np.float64) for name in ("mean", "scale", "hidden", "hidden_bias", "output")
    }
    return Net(**arrays, gain=written["gain"], offset=written["offset"])


class Technical(PhotoStage):
    """Writes the column `technical` of the table `quality`."""

    name = "technical"
    version = 3
    needs = "both"  # the same pixels at the working size may have been compressed more or less
    preprocessing = f"{raster.PREPROCESSING}, {DECIMALS} decimals"
    tables = (
        quality(
            column(
                "technical",
                pa.float32(),
                "Technical quality, 0 to 1: how little a photo looks blurred, noisy, compressed or badly exposed. "
                "Clean ones lie around 0.8, badly damaged ones below 0.3. Two decimals. It does not judge taste.",
            )
        ),
    )

    def __init__(self) -> None:
        self.weights_id = hashlib.sha256(_written()).hexdigest()

    def load(self) -> None:
        """Read the weights."""
        net()

    def run(self, photo: Photo) -> Rows:
        """Score the photo."""
        return {"quality": [{"technical": round(net().score(features(photo)) * full_size.share_left(photo), DECIMALS)}]}
