"""The earth mover's distance between colour histograms: how far colours must be moved to make one photo of another.

Rubner, Tomasi and Guibas (IJCV 2000). The distance is OpenCV's `cv2.EMD`: OpenCV is here already, while POT, the other
candidate, would be a dependency more for the same simplex.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from photoidx.evaluation.retrieval.methods import EMD, SimilarityMethod

if TYPE_CHECKING:
    from PIL import Image

    from photoidx.stage import Photo

Array = np.ndarray[Any, Any]

BINS = (12, 3, 4)
"""Hues, saturations, values."""
HEAVIEST = 24
"""Bins of a photo that are compared: its heaviest. They hold nearly all of it, and the simplex grows fast with more."""
_SIDE = 256
_RANGES = (180, 256, 256)


def histogram(image: Image.Image) -> Array:
    """Return the share of the picture in each bin of hue, saturation and value: float32, of sum 1."""
    small = image.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    hsv = cv2.cvtColor(np.asarray(small), cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, BINS, [bound for top in _RANGES for bound in (0, top)])
    shares: Array = (counts / counts.sum()).astype(np.float32).ravel()
    return shares


def bin_colours() -> Array:
    """Return the middle of each bin in hue (radians), saturation and value (both 0 to 1): bins x 3."""
    axes = [(np.arange(count) + 0.5) / count for count in BINS]
    hue, saturation, value = (each.ravel() for each in np.meshgrid(*axes, indexing="ij"))
    return np.stack([2 * np.pi * hue, saturation, value], axis=1)


def bin_places() -> Array:
    """Return each bin's place in the cone of HSV, where greys and dark colours lie together whatever their hue."""
    hue, saturation, value = bin_colours().T
    reach = saturation * value
    return np.stack([reach * np.cos(hue), reach * np.sin(hue), value], axis=1).astype(np.float32)


def signature(shares: Array, places: Array) -> Array:
    """Return weight and place of the heaviest bins, the weights of sum 1: m x 4, float32, as cv2.EMD takes them."""
    heavy = np.argsort(-shares, kind="stable")[:HEAVIEST]
    heavy = heavy[shares[heavy] > 0]
    weights = shares[heavy] / shares[heavy].sum()
    return np.ascontiguousarray(np.column_stack([weights, places[heavy]]), np.float32)


def distance(one: Array, other: Array) -> float:
    """Return the earth mover's distance of two signatures over the Euclidean distance of their places."""
    return float(cv2.EMD(one, other, cv2.DIST_L2)[0])


class ColourDistances(SimilarityMethod):
    """Minus the earth mover's distance of HSV histograms. Its time grows with the square of the photos."""

    name = EMD
    batch_size = 32

    @property
    def fingerprint(self) -> str:
        """Name what a histogram depends on."""
        return f"hsv@1 opencv {cv2.__version__} bins {'x'.join(map(str, BINS))} {_SIDE}px"

    def read(self, photos: Sequence[Photo]) -> list[Array]:
        """Return each photo's histogram."""
        return [histogram(photo.image()) for photo in photos]

    def vectors(self, kept: Sequence[Array]) -> Array:
        """Return the histograms as they are."""
        return np.stack(kept)

    def similarity(self, vectors: Array) -> Array:
        """Return minus the distance of each pair."""
        places = bin_places()
        signatures = [signature(shares, places) for shares in vectors]
        found = np.zeros((len(signatures), len(signatures)), np.float32)

        def fill(row: int) -> None:
            for column in range(row):
                found[row, column] = found[column, row] = -distance(signatures[row], signatures[column])

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(fill, range(len(signatures))))
        return found
