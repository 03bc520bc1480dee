"""True detail: how many pixels a picture needs, whatever number it has.

The power of natural pictures falls with the square of the frequency (Field, "Relations between the statistics of
natural images and the response properties of cortical cells", 1987). Where it falls faster, lens, focus, noise
reduction, compression or an enlargement took the rest away. The detail is the frequency at which the power is
two fifths of what the law leads one to expect from the low frequencies: the common kernels of enlargement (bicubic,
Lanczos) have less left at the end of what their source had. It is measured on the tiles with most structure, so bars,
frames, skies and blurred backgrounds don't count.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

Array = np.ndarray[Any, Any]

_TILES, _PARTS = 4, 6  # so many tiles, each a sixth of the long side: of a scene at any size the same ones
_CHOSEN_AT = 240  # pixels of the long side at which the tiles are chosen
_RING = 12  # cycles across the long side
_LOW = slice(3, 9)  # the rings of low frequencies: 36 to 108 cycles across the long side
_SHARE = 0.4
_RUN = 4  # rings that must fall short one after another: fewer may be a gap in the spectrum
_PLAIN, _RINGING = 16, 8  # grey levels that noise and compression leave in a plain row; pixels of a block
_SMOOTH = np.full(3, 1 / 3)
_FLAT = 4.0  # variance in grey levels squared: a tile with less has no structure
_SMALLEST = 2 * _RING * (_LOW.stop + 2)  # pixels of a long side that has any other rings
_LONGEST_PATTERN, _REPEATED = 6, 0.35


def detail_of(grey: Array) -> int | None:
    """Measure how many pixels of its long side a grey picture (height x width, uint8) needs.

    None where nothing has structure, or the picture is too small to tell.
    """
    grey = _without_bars(grey)
    longest = max(grey.shape)
    side = min(longest // _PARTS, *grey.shape)
    while side > 1 and cv2.getOptimalDFTSize(side) != side:
        side -= 1
    if longest < _SMALLEST or side < longest // _PARTS // 2:
        return None
    tiles = [tile for tile in _tiles(grey, side) if tile.var() > _FLAT]
    if not tiles:
        return None
    power = np.mean([_rings(tile, longest) for tile in tiles], axis=0)
    level = np.convolve(power * (np.arange(len(power)) + 0.5) ** 2, _SMOOTH, mode="same")
    level[-1] *= 1.5  # the last ring has but one neighbour
    short = level[_LOW.stop :] < _SHARE * float(np.median(level[_LOW]))
    lost = np.flatnonzero(np.convolve(np.append(short, [True] * (_RUN - 1)), [1] * _RUN, mode="valid") == _RUN)
    needed = longest if not len(lost) else min(longest, 2 * _RING * (_LOW.stop + int(lost[0])))
    return int(min(needed, longest * _own_share(tiles)))


def _without_bars(grey: Array) -> Array:
    """Cut plain bars and frames off a picture: their edges are sharper than anything in it."""
    for axis in (0, 1):
        spread = grey.max(axis=1 - axis).astype(np.int16) - grey.min(axis=1 - axis)
        busy = np.flatnonzero(spread > _PLAIN)
        if len(busy) and len(busy) < len(spread):
            # An edge that lies within a block of JPEG has rings around it.
            start, stop = (busy[0] + _RINGING * (busy[0] > 0), busy[-1] + 1 - _RINGING * (busy[-1] + 1 < len(spread)))
            if stop - start > len(spread) // 8:
                grey = np.ascontiguousarray(grey[start:stop] if axis == 0 else grey[:, start:stop])
    return grey


def _tiles(grey: Array, side: int) -> list[Array]:
    """Return the tiles of this side with most structure, from a grid that covers the picture."""
    shrink = min(1.0, _CHOSEN_AT / max(grey.shape))
    small = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    strength = cv2.blur(np.abs(cv2.Laplacian(small, cv2.CV_32F)), (max(1, round(side * shrink)),) * 2)
    middles = [_grid(length, side) for length in grey.shape]
    scored = [
        (-float(strength[min(int(y * shrink), len(strength) - 1), min(int(x * shrink), strength.shape[1] - 1)]), y, x)
        for y in middles[0]
        for x in middles[1]
    ]
    half = side // 2
    return [
        grey[y - half : y - half + side, x - half : x - half + side].astype(np.float32)
        for _, y, x in sorted(scored)[:_TILES]
    ]


def _grid(length: int, side: int) -> list[int]:
    """Return the middles of tiles that lie evenly along a side."""
    half, count = side // 2, max(1, length // side)
    return [half + round((length - side) * (0.5 if count == 1 else at / (count - 1))) for at in range(count)]


def _rings(tile: Array, longest: int) -> Array:
    """Return the mean power at each distance from frequency 0, in rings of `_RING` cycles across the long side."""
    ring, count, window = _layout(tile.shape[0], longest)
    parts = cv2.dft((tile - tile.mean()) * window, flags=cv2.DFT_COMPLEX_OUTPUT)
    spectrum = parts[:, :, 0] ** 2 + parts[:, :, 1] ** 2
    return np.bincount(ring, spectrum.ravel(), len(count) + 1)[: len(count)] / np.maximum(count, 1)


@lru_cache(maxsize=8)
def _layout(side: int, longest: int) -> tuple[Array, Array, Array]:
    """Return the ring of each frequency of a tile, how many frequencies each ring has, and Hann's window."""
    down, across = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :]
    rings = longest // 2 // _RING
    ring = np.minimum((np.hypot(down, across) * longest / _RING).astype(np.int64), rings).ravel()
    hann = np.hanning(side).astype(np.float32)
    return ring, np.bincount(ring, minlength=rings + 1)[:rings], np.outer(hann, hann)


def _own_share(tiles: list[Array]) -> float:
    """Return which share of the pixels across are no repeats of their neighbour: 1 unless they were just repeated.

    Enlarging without a filter repeats pixels in a pattern of a few: two of three steps are steps at 1.5 times the size.
    """
    steps = np.mean([np.abs(np.diff(tile, axis=1)).mean(axis=0) for tile in tiles], axis=0)
    for period in range(2, _LONGEST_PATTERN + 1):
        whole = steps[: len(steps) // period * period].reshape(-1, period).mean(axis=0)
        if whole.min() <= _REPEATED * whole.max():
            return float((whole > _REPEATED * whole.max()).mean())
    return 1.0
