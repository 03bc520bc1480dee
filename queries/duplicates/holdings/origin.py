"""Whether one picture can have been made from another: a look at both at full size.

Two encodings of one picture look alike, whichever was first. What tells them apart is what each could not have from the
other. A picture X is predicted from a picture Y: Y is brought to the size of X, and the linear filter of few taps that
fits best (least squares; it stands for the kernel of any resampling, for a shift of less than a pixel, and for
sharpening) is applied. The prediction is encoded as X is, with X's quantisation tables. If X is no farther from the
prediction than this encoding is, X shows nothing that Y lacks. If it is, X can't have been made from Y.

A copy at half the size, or at a lower quality, can be made from its original, and the original can't be made from it.
A copy at a higher quality can be made from its original, too. What gives it away is that the two differ by much less
than the coarser one was changed by its own encoding: only what was made from the coarser one comes so near to it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from photoidx.queries.compare.sameness import WHOLE, differences
from photoidx.queries.contents import Array
from photoidx.queries.duplicates.holdings.rules import Making

_TILE, _TILES = 160, 5
_EDGE = 8  # pixels of a tile's edge, where filters have no neighbours
_CHOSEN_AT = 480  # pixels of the long side at which the tiles are chosen
_WHOLE_SIDE = 1600  # pixels at which the whole pictures are compared in tiles
_ROUNDING = 0.35  # squared grey levels that two decodings, rounded to whole levels, may differ by
_BLOCK = 8
_TINY_LOAD = 1e-6  # added to the least squares, so that equal columns do no harm


@dataclass(frozen=True)
class Encoded:
    """A decoded picture (height x width x 3, uint8, sRGB, upright), and how it was stored.

    `tables` are a JPEG's quantisation tables, `sampling` its chroma sampling as Pillow counts (0, 1, 2).
    `is_lossless`: stored without loss. A picture that is neither was stored with a loss that can't be repeated here.
    """

    pixels: Array
    tables: Sequence[Sequence[int]] | None = None
    sampling: int = 2
    is_lossless: bool = False


def making(one: Encoded, other: Encoded) -> Making:
    """Measure whether the first picture can have been made from the second, on the tiles with most structure.

    Both are compared as a whole, too: a place that was hidden may lie outside of these tiles.
    """
    height, width = one.pixels.shape[:2]
    actual, expected, own, blocks = [], [], [], []
    for top, left in _tiles(one.pixels):
        window = slice(top, min(top + _TILE, height)), slice(left, min(left + _TILE, width))
        target = np.ascontiguousarray(one.pixels[window])
        guess = _predicted(target, other.pixels, (height, width), window)
        soft = _planes(guess)
        actual.append(((_planes(target) - soft) ** 2).mean(axis=(0, 1)))
        expected.append(((_planes(_again(guess, one)) - soft) ** 2).mean(axis=(0, 1)))
        shifted = target[3:, 5:].astype(np.float32)  # off the grid of its blocks, as a fresh picture would be
        own.append(float(((_planes(_again(shifted, one)) - _planes(shifted)) ** 2)[:, :, 0].mean()))
        blocks.append(_by_block((_planes(target) - soft)[:, :, 0], soft[:, :, 0]))
    mean, usual = np.mean(actual, axis=0), np.mean(expected, axis=0)
    known = one.is_lossless or one.tables is not None
    whole = differences(one.pixels[..., ::-1], other.pixels[..., ::-1], _WHOLE_SIDE)
    return Making(
        ratio=float((mean / (usual + _ROUNDING)).max()) if known else None,
        distance=float(mean[0]),
        own=float(np.mean(own)) if known else None,
        structured=_correlation(np.concatenate(blocks, axis=1)),
        differs=whole is None or not WHOLE.hold(whole),
    )


def _tiles(picture: Array) -> Iterator[tuple[int, int]]:
    """Return the corners of the tiles with most structure, on the grid of the blocks of JPEG."""
    height, width = picture.shape[:2]
    shrink = min(1.0, _CHOSEN_AT / max(height, width))
    small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    strength = cv2.integral(np.abs(cv2.Laplacian(grey, cv2.CV_32F)))

    def total(top: int, left: int) -> float:
        rows = [min(int(at * shrink), small.shape[0]) for at in (top, top + _TILE)]
        columns = [min(int(at * shrink), small.shape[1]) for at in (left, left + _TILE)]
        return float(
            strength[rows[1], columns[1]]
            - strength[rows[0], columns[1]]
            - strength[rows[1], columns[0]]
            + strength[rows[0], columns[0]]
        )

    scored = sorted((-total(top, left), top, left) for top in _starts(height) for left in _starts(width))
    yield from ((top, left) for _, top, left in scored[:_TILES])


def _starts(length: int) -> list[int]:
    count = max(1, length // _TILE)
    return [at * max(length - _TILE, 0) // max(count - 1, 1) // 16 * 16 for at in range(count)]


def _predicted(target: Array, source: Array, size: tuple[int, int], window: tuple[slice, slice]) -> Array:
    """Predict a part of a picture of this size (height, width) from another picture: float32, 0 to 255."""
    features = _features(_layers(source, size, window))
    inner = slice(_EDGE, -_EDGE), slice(_EDGE, -_EDGE)
    matrix = np.stack([each[inner].ravel() for each in features], axis=1).astype(np.float64)
    gram = matrix.T @ matrix
    gram += np.eye(len(gram)) * _TINY_LOAD * np.trace(gram) / len(gram)
    weights = np.linalg.solve(gram, matrix.T @ target[inner].astype(np.float64).ravel())
    guess = sum(weight * each for weight, each in zip(weights, features, strict=True))
    return np.asarray(guess).clip(0, 255).astype(np.float32)


def _layers(source: Array, size: tuple[int, int], window: tuple[slice, slice]) -> list[Array]:
    """Return the source at the target's size, cut to the window, by several kernels."""
    scales = [source.shape[axis] / size[axis] for axis in (0, 1)]
    margin = _EDGE * 2
    low = [max(int((part.start - margin) * scale), 0) for part, scale in zip(window, scales, strict=True)]
    high = [
        min(int((part.stop + margin) * scale) + 2, source.shape[axis])
        for axis, (part, scale) in enumerate(zip(window, scales, strict=True))
    ]
    cut = source[low[0] : high[0], low[1] : high[1]].astype(np.float32)
    places = [
        ((np.arange(part.start, part.stop) + 0.5) * scale - 0.5 - start).astype(np.float32)
        for part, scale, start in zip(window, scales, low, strict=True)
    ]
    across, down = np.meshgrid(places[1], places[0])

    def sampled(picture: Array, how: int) -> Array:
        return np.asarray(cv2.remap(picture, across, down, how, borderMode=cv2.BORDER_REPLICATE))

    if max(abs(scale - 1) for scale in scales) < 1e-6:  # noqa: PLR2004 - of one size
        return [sampled(cut, cv2.INTER_NEAREST)]
    if scales[0] < 1:
        kernels = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
        return [sampled(cut, how) for how in kernels]
    widths = (0.35, 0.5, 0.7)  # of Gaussian windows, in pixels of the smaller picture
    soft = [sampled(cv2.GaussianBlur(cut, (0, 0), width * scales[1]), cv2.INTER_CUBIC) for width in widths]
    box = cv2.blur(cut, (max(1, round(scales[1])), max(1, round(scales[0]))))
    return [*soft, sampled(box, cv2.INTER_LINEAR), sampled(cut, cv2.INTER_NEAREST), sampled(cut, cv2.INTER_LINEAR)]


def _features(layers: list[Array]) -> list[Array]:
    found = []
    for layer in layers:
        found += [layer, cv2.Laplacian(layer, cv2.CV_32F), cv2.GaussianBlur(layer, (0, 0), 1.0)]
    first = layers[0]
    slopes = [cv2.Sobel(first, cv2.CV_32F, 1, 0), cv2.Sobel(first, cv2.CV_32F, 0, 1)]
    return [*found, cv2.GaussianBlur(first, (0, 0), 2.0), *slopes, np.ones_like(first)]


def _again(guess: Array, one: Encoded) -> Array:
    """Encode a part of a picture as the picture is, and decode it."""
    whole = (guess + 0.5).astype(np.uint8)
    if one.tables is None:
        return whole
    out = io.BytesIO()
    tables = [list(table) for table in one.tables]
    Image.fromarray(whole).save(out, "JPEG", qtables=tables, subsampling=max(one.sampling, 0))
    with Image.open(out) as image:
        return np.asarray(image.convert("RGB"), np.uint8)


def _planes(rgb: Array) -> Array:
    inner = np.ascontiguousarray(rgb[_EDGE:-_EDGE, _EDGE:-_EDGE]).astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(inner, cv2.COLOR_RGB2YCrCb)) * 255


def _by_block(left: Array, guess: Array) -> Array:
    """Return for each block what is left over, and the structure of the guess: 2 x blocks, as logarithms."""
    shape = [side // _BLOCK * _BLOCK for side in left.shape]

    def energy(picture: Array) -> Array:
        parts = picture[: shape[0], : shape[1]].reshape(shape[0] // _BLOCK, _BLOCK, shape[1] // _BLOCK, _BLOCK)
        return np.asarray(np.log1p(parts.var(axis=(1, 3)).ravel()))

    return np.stack([energy(left), energy(guess)])


def _correlation(rows: Array) -> float:
    if rows.shape[1] < 2 or min(rows.std(axis=1)) < 1e-6:  # noqa: PLR2004 - nothing varies
        return 0.0
    return float(np.corrcoef(rows)[0, 1])
