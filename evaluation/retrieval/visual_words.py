"""SIFT bag of visual words: what was the state of the art before networks, and still needs no trained weights.

Sivic and Zisserman, "Video Google" (ICCV 2003): key points of each photo (Lowe 2004) are put into the nearest of
some hundreds of words, which k-means makes of the set's own key points; photos are compared by the cosine of how often
each word occurs, weighted by tf-idf. Descriptors are compared as RootSIFT (Arandjelovic and Zisserman, CVPR 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from photoidx.evaluation.retrieval.methods import SIFT, SimilarityMethod
from photoidx.indexer.embedders.base import unit

if TYPE_CHECKING:
    from PIL import Image

    from photoidx.stage import Photo

Array = np.ndarray[Any, Any]

WORDS, QUICK_WORDS = 1000, 200
KEY_POINTS = 500
LONG_SIDE = 640
_WIDTH = 128
_FEWEST_A_WORD = 10  # descriptors: with fewer, words are single key points that nothing else falls on
_LEARNED_FROM = 200_000
_SEED = 0


def key_points(image: Image.Image, most: int = KEY_POINTS) -> tuple[Array, Array]:
    """Return places (n x 2, in pixels of the image as given) and descriptors (n x 128, uint8) of the strongest points.

    The image is brought to a long side of 640, never enlarged.
    """
    grey = image.convert("L")
    grey.thumbnail((LONG_SIDE, LONG_SIDE))
    points, descriptors = cv2.SIFT.create(nfeatures=most).detectAndCompute(np.asarray(grey), None)
    if descriptors is None:
        return np.empty((0, 2), np.float32), np.empty((0, _WIDTH), np.uint8)
    scale = max(image.size) / max(grey.size)  # a narrow side may be rounded
    places = np.array([point.pt for point in points], np.float32) * scale
    return places, descriptors.clip(0, 255).astype(np.uint8)


def root_sift(descriptors: Array) -> Array:
    """Return descriptors whose Euclidean distance is the Hellinger distance of the given ones: float32, length 1."""
    values = descriptors.astype(np.float32)
    rooted: Array = np.sqrt(values / np.maximum(values.sum(axis=1, keepdims=True), 1e-9))
    return rooted


class VisualWords(SimilarityMethod):
    """The cosine of tf-idf over visual words."""

    name = SIFT

    def __init__(self, words: int = WORDS) -> None:
        self.words = words
        self.note = f"sift with {words} visual words instead of {WORDS:,}" if words != WORDS else ""

    @property
    def fingerprint(self) -> str:
        """Name what descriptors depend on; words are made anew for each set."""
        return f"sift@1 opencv {cv2.__version__} {KEY_POINTS} key points {LONG_SIDE}px"

    def read(self, photos: Sequence[Photo]) -> list[Array]:
        """Return each photo's descriptors: n x 128, uint8."""
        return [key_points(photo.image())[1] for photo in photos]

    def vectors(self, kept: Sequence[Array]) -> Array:
        """Find tf-idf of each photo over the words of these photos, of length 1; zeros where there is no key point."""
        total = sum(map(len, kept))
        if not total:
            return np.zeros((len(kept), 1), np.float32)
        return tf_idf(_words(kept, total, max(1, min(self.words, total // _FEWEST_A_WORD))))


def _words(kept: Sequence[Array], total: int, count: int) -> Array:
    """Count how often each word occurs in each photo: photos x words. Descriptors stay bytes as far as they can."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - slow to import

    part = np.random.default_rng(_SEED).choice(total, min(_LEARNED_FROM, total), replace=False)
    ends = np.cumsum([len(each) for each in kept])
    photos = np.searchsorted(ends, part, "right")
    learned = np.stack([kept[photo][at - ends[photo]] for photo, at in zip(photos, part, strict=True)])
    model = MiniBatchKMeans(count, random_state=_SEED, batch_size=4096, n_init=1, max_no_improvement=5)
    model.fit(root_sift(learned))
    found = np.zeros((len(kept), count), np.int64)
    for row, each in enumerate(kept):
        if len(each):
            found[row] = np.bincount(model.predict(root_sift(each)), minlength=count)
    return found


def tf_idf(counts: Array) -> Array:
    """Weight counts (photos x words) by term frequency times ln(photos / photos that have the word); rows of length 1.

    Sivic and Zisserman 2003, section 4.1.
    """
    frequency = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    having = (counts > 0).sum(axis=0)
    rarity = np.log(len(counts) / np.maximum(having, 1))
    return unit((frequency * rarity).astype(np.float32))
