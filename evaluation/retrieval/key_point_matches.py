"""Which key points of two pictures match, and which of the matches agree on one movement between the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from photoidx.evaluation.retrieval.visual_words import key_points, root_sift

if TYPE_CHECKING:
    from PIL import Image

Array = np.ndarray[Any, Any]

KEY_POINTS = 2000
RATIO = 0.8
"""A match counts if its distance is this part of that to the next best at most (Lowe 2004, section 7.1)."""
_FEWEST = 4  # matches that a homography needs
_FEWEST_AGREEING = 8  # any four matches agree on some homography
_OFF = 0.01  # of the long side: how far from its place a match may fall
_SEED = 0


@dataclass(frozen=True)
class Matches:
    """Places of matching key points in both pictures (n x 2, pixels), and which of them agree (n, bool)."""

    first: Array
    second: Array
    agreeing: Array


def matches(first: Image.Image, second: Image.Image) -> Matches:
    """Match the key points of two pictures, each the other's nearest; agreement is by RANSAC over homographies.

    Which match does not depend on which picture is the first; which agree does a little, for places fall in the second.
    """
    (places, described), (others, other_described) = (key_points(each, KEY_POINTS) for each in (first, second))
    pairs = _pairs(root_sift(described), root_sift(other_described))
    found, there = places[pairs[:, 0]], others[pairs[:, 1]]
    agreeing = np.zeros(len(pairs), bool)
    if len(pairs) >= _FEWEST:
        cv2.setRNGSeed(_SEED)
        _, mask = cv2.findHomography(found, there, cv2.RANSAC, _OFF * max(second.size))
        if mask is not None and mask.sum() >= _FEWEST_AGREEING:
            agreeing = mask.ravel().astype(bool)
    return Matches(found, there, agreeing)


def _pairs(one: Array, other: Array) -> Array:
    """Return places of descriptors that are each other's nearest and pass the ratio: m x 2."""
    if min(len(one), len(other)) < 2:  # noqa: PLR2004 - the ratio needs a next best
        return np.empty((0, 2), int)
    far = 2 - 2 * (one @ other.T)  # squared distance: both have length 1
    nearest = far.argmin(axis=1)
    rows = np.arange(len(one))
    next_best = np.partition(far, 1, axis=1)[:, 1]
    next_of_other = np.partition(far, 1, axis=0)[1][nearest]
    limit = RATIO**2 * np.minimum(next_best, next_of_other)  # neither picture may have a second that is as good
    good = (far[rows, nearest] <= limit) & (far.argmin(axis=0)[nearest] == rows)
    return np.column_stack([rows[good], nearest[good]])
