"""What the colours of places on a face tell: whether it is covered, its eyes are, or its tongue is out."""

from __future__ import annotations

from itertools import chain
from typing import Any

import cv2
import numpy as np

Picture = np.ndarray[Any, np.dtype[np.uint8]]
Colours = np.ndarray[Any, np.dtype[np.float32]]
"""CIELAB, a row for each place of `_PLACES`, then `_MORE`."""

# Places on a face by their landmarks, with the colour distance (CIELAB, a and b) from the face's median from which a
# place is something else: a mask, a hand's sleeve, glasses, hair. On 69 uncovered faces of ../shared/photos/faces 97 %
# of each kind of place stay below (9 on skin, 13 on the chin, 17 on eyes, 38 on lips); a mask lies at 25 to 97.
_SKIN, _EYE, _LIPS = 16.0, 24.0, 45.0
_PLACES = (
    ((10, 67, 297, 151, 9, 109, 338), _SKIN),  # forehead
    ((280, 411, 425, 266, 330), _SKIN),  # cheeks
    ((50, 187, 205, 36, 101), _SKIN),
    ((1, 4, 5, 195, 197), _SKIN),  # nose
    ((152, 199, 175, 200, 18), _SKIN),  # chin
    ((0, 13, 14, 17, 37, 267), _LIPS),
    ((386, 374, 385, 380, 253, 443), _EYE),  # eyes
    ((159, 145, 158, 153, 23, 223), _EYE),
)
_CHEEKS = [1, 2]
_DARK_GLASSES = -45.0  # lightness of an eye below the face's median: 97 % of uncovered eyes lie above -35

# More places: the skin under the left and the right eye, the lower and the upper lip, the middle between the lips (a
# point of its own), the skin under the lower lip, and that on both sides of it.
_BETWEEN = 478
_MORE: tuple[tuple[int, ...], ...] = (
    (339, 254, 253, 252, 449, 450),
    (110, 24, 23, 22, 229, 230),
    (17,),
    (0, 37, 267),
    (_BETWEEN,),
    (18,),
    (204, 211, 424, 431),
)
_UNDER_EYES, _LOWER_LIP, _UPPER_LIP, _INSIDE, _UNDER_LIP, _BESIDE = [8, 9], 10, 11, 12, 13, 14

# Glasses, hair and a deep shadow make the skin under an eye darker than 0.42 of the cheek's lightness (99 % of 348
# uncovered eyes are above), or give it another colour than the cheek's (99 % are within 17); dark glasses are at 0.41
# and less, a red frame at 18.
_LEAST_LIGHT, _MOST_COLOUR = 0.42, 18.0

# A tongue fills the mouth with the colour of lips, and covers the skin under them with it. Of 428 painted tongues 92 %
# are seen by these limits; so are 9 % of 142 smiles without one, small ones of which no teeth are to be seen.
_LEAST_GAP = 0.08  # between the lips, over the mouth's width
_LIKE_LIPS_A, _LIKE_LIPS_LIGHT, _REDDER_THAN_CHEEKS, _REDDER_THAN_BESIDE = 4.0, 15.0, 4.0, 10.0

_PATCH = 3


def colours(crop: Picture, points: np.ndarray[Any, Any]) -> Colours:
    """Return the median colours of the places on a face, from its 478 landmarks (n x 2, in pixels of the crop)."""
    points = np.vstack((points, points[[13, 14]].mean(axis=0)))
    places = [indices for indices, _ in _PLACES] + list(_MORE)
    x, y = points[list(chain.from_iterable(places))].astype(int).T
    around = np.arange(-_PATCH, _PATCH + 1)
    rows = np.clip(y[:, None, None] + around[:, None], 0, crop.shape[0] - 1)
    columns = np.clip(x[:, None, None] + around, 0, crop.shape[1] - 1)
    spots = crop[rows, columns].reshape(len(x), -1, 3)
    lab = cv2.cvtColor(spots.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    ends = np.cumsum([len(place) for place in places])[:-1]
    return np.array([np.median(each.reshape(-1, 3), axis=0) for each in np.split(lab, ends)], np.float32)


def odd_places(found: Colours) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return of eight places on a face whether their colour is not the face's own. A hand has a face's colour."""
    away = found[: len(_PLACES)] - np.median(found[: len(_PLACES)], axis=0)
    limits = np.array([limit for _, limit in _PLACES])
    odd = np.hypot(away[:, 1], away[:, 2]) > limits
    return np.asarray(odd | ((limits == _EYE) & (away[:, 0] < _DARK_GLASSES)))


def covered_eyes(found: Colours) -> tuple[bool, bool]:
    """Return of the left and the right eye whether something lies over the skin under it: glasses, hair, a shadow."""
    under, cheeks = found[_UNDER_EYES], found[_CHEEKS]
    dark = under[:, 0] < _LEAST_LIGHT * cheeks[:, 0]
    left, right = dark | (np.hypot(*(under - cheeks)[:, 1:].T) > _MOST_COLOUR)
    return bool(left), bool(right)


def tongue_out(found: Colours, gap: float) -> bool:
    """Return whether the tongue may be out, from the colours and the gap between the lips over the mouth's width."""
    inside, lips = found[_INSIDE], found[[_LOWER_LIP, _UPPER_LIP]].mean(axis=0)
    between = (
        gap >= _LEAST_GAP
        and inside[1] >= lips[1] - _LIKE_LIPS_A
        and abs(inside[0] - lips[0]) <= _LIKE_LIPS_LIGHT
        and inside[1] >= found[_CHEEKS, 1].mean() + _REDDER_THAN_CHEEKS
    )
    return bool(between or found[_UNDER_LIP, 1] >= found[_BESIDE, 1] + _REDDER_THAN_BESIDE)
