"""How one small picture lies on another, and how much of what both show is the same.

The likeness is that of SSIM (Wang et al. 2004, equations 9 and 10) without the term for brightness: in a small window
around each place, the correlation of the two pictures times how alike their contrasts are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from photoidx.queries.contents import Array

SIDE = 192
"""Long side, in pixels, at which two pictures are compared."""
_WINDOW = 2.0  # standard deviation of the window, pixels
_NOISE = 12.0  # variance, in grey levels squared, that JPEG and resizing leave in a thumbnail: less is no structure
_COARSE = 64
_TEMPLATE = 0.6  # the middle of one picture that is looked for in the other
_SCALES = tuple(float(scale) for scale in np.geomspace(0.78, 1.28, 13))
_LEAST_COARSE = 0.7
# Pictures are laid on each other at the rough size, and again at the whole one if there they are not hopelessly unlike.
_ROUGH, _TURNS, _FINE_TURNS, _HOPELESS = 96, 60, 15, 0.6
# The gain in correlation at which turns end: at 1e-5 distances differ by 0.001, and it costs a quarter more.
_SETTLED = 1e-4
# Of the smaller field of view: a crop lies in its original; of two views each shows what the other lacks.
_LEAST_OVERLAP = 0.9
_CHANGED = 0.5
_TRIM, _BINS = 0.1, 512
_CLEAR, _AS_MUCH, _UNLIKE = 8.0, 0.2, 0.3  # times the noise; of the larger variance; correlation
_INSIDE = 0.99  # of the other picture's field of view, not at its edge
_ONE_COLOUR = 8.0  # grey levels


@dataclass(frozen=True)
class Likeness:
    """What two aligned pictures have in common.

    `distance`: 1 - the mean likeness of all structure but for the tenth that is least alike. `changed`: the share of
    the structure whose likeness is below one half. `conflict`: the share where both have structure, but not the same: a
    thing that moved; under a watermark one of the two has less. `overlap`: the share of the larger field of view that
    both show. `scale`, `roll_deg`, `stretch`: how the second picture must be enlarged, turned, and drawn out to lie on
    the first. `structure`: mean variance of the overlap, grey levels squared: a picture without any can't be told from
    another. `framed`: 1 if the first picture is the second with a frame around it, 2 if the second is, else 0; negative
    if it may as well be that the other was cropped.
    """

    distance: float
    changed: float
    conflict: float
    overlap: float
    scale: float
    roll_deg: float
    stretch: float
    structure: float
    framed: int = 0


def direct(first: Array, second: Array, side: int = SIDE) -> Likeness | None:
    """Compare two grey pictures (height x width, float32) as they are, at a long side; None if their shapes differ."""
    height, width = first.shape
    if abs(np.log(width / height * second.shape[0] / second.shape[1])) > 0.03:  # noqa: PLR2004 - a pixel in thirty
        return None
    size = _size(min(max(first.shape), max(second.shape), side), first.shape)
    here, there = _resized(first, size), _resized(second, size)
    return _likeness(here, there, np.ones_like(here), np.eye(2, 3, dtype=np.float32), 1.0)


def aligned(first: Array, second: Array, is_lost: Callable[[Likeness], bool] = lambda _rough: False) -> Likeness | None:
    """Compare two grey pictures after laying the second on the first; None if no place for it is found.

    `is_lost` tells of a rough likeness, at half the side, that it need not be made finer: it is given as it is.
    """
    start = _coarse(first, second)
    if start is None:
        return None
    scale, x, y = start  # in shares of the first picture's long side
    rough, there = at_side(first, _ROUGH), at_side(second, _ROUGH)
    zoom = max(rough.shape) / max(there.shape) * scale
    places = -np.array([x, y]) * max(rough.shape) / zoom
    warp = np.array([[1 / zoom, 0, places[0]], [0, 1 / zoom, places[1]]], np.float32)
    found = _laid(rough, there, warp, _TURNS)
    if found is None or found[0].distance > _HOPELESS:
        return None
    if is_lost(found[0]):
        return found[0]
    sizes = rough.shape, there.shape
    here, there = at_side(first, SIDE), at_side(second, SIDE)
    if here.shape == sizes[0]:
        return found[0]
    grown = max(there.shape) / max(sizes[1])
    warp = found[1] * np.array([[1, 1, grown]], np.float32)
    warp[:, :2] *= grown / (max(here.shape) / max(sizes[0]))
    found = _laid(here, there, warp, _FINE_TURNS)
    return None if found is None else found[0]


def _laid(here: Array, there: Array, warp: Array, turns: int) -> tuple[Likeness, Array] | None:
    """Improve a first guess of where the second picture lies on the first, and compare; None if that fails."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, turns, _SETTLED)
    try:
        warp = np.asarray(cv2.findTransformECC(here, there, warp, cv2.MOTION_AFFINE, criteria)[1])
    except cv2.error:  # it did not converge
        return None
    size = (here.shape[1], here.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(there, warp, size, flags=flags)
    seen = cv2.warpAffine(np.ones_like(there), warp, size, flags=flags)
    area = float((seen > _INSIDE).sum())
    factor = abs(float(np.linalg.det(warp[:, :2])))
    overlap = area / max(here.size, there.size / max(factor, 1e-6))
    inner = area / min(here.size, there.size / max(factor, 1e-6))
    if inner < _LEAST_OVERLAP:
        return None
    found = _likeness(here, laid, (seen > _INSIDE).astype(np.float32), warp, overlap)
    back = cv2.warpAffine(np.ones_like(here), warp, (there.shape[1], there.shape[0]))
    return replace(found, framed=_frame(here, seen) or 2 * _frame(there, back)), warp


def _frame(picture: Array, seen: Array) -> int:
    """Tell whether what the other picture does not show is a frame: 1, or -1 if it may be a part of the picture.

    A frame is of one colour, lies on all sides, and ends where the other picture begins.
    """
    inside = (seen > _INSIDE).astype(np.uint8)
    outside = cv2.erode((seen <= 0).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)
    sides = (outside[0], outside[-1], outside[:, 0], outside[:, -1])
    if not all(side.mean() > 0.9 for side in sides):  # noqa: PLR2004 - all along
        return 0
    beyond = picture[outside > 0]
    colour = float(np.median(beyond))
    ring = inside - cv2.erode(inside, np.ones((7, 7), np.uint8), borderValue=0)
    alike = [float((np.abs(part - colour) < _ONE_COLOUR).mean()) for part in (beyond, picture[ring > 0])]
    if alike[0] < 0.9:  # noqa: PLR2004 - nearly all of it
        return 0
    return 1 if alike[1] < 0.5 else -1  # noqa: PLR2004 - less than half of it


def _likeness(here: Array, there: Array, seen: Array, warp: Array, overlap: float) -> Likeness:
    def blurred(picture: Array) -> Array:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), _WINDOW))

    means = blurred(here), blurred(there)
    own = [np.maximum(blurred(each * each) - mean * mean, 0) for each, mean in zip((here, there), means, strict=True)]
    common = blurred(here * there) - means[0] * means[1]
    root = np.sqrt(own[0] * own[1])
    correlation = (common + _NOISE) / (root + _NOISE)
    # The larger of the two counts: an empty sky in the one where the other has a tree is a difference.
    largest = np.maximum(own[0], own[1])
    alike = correlation * (2 * root + _NOISE) / (own[0] + own[1] + _NOISE)
    edge = cv2.erode(seen, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    weight = np.sqrt(np.maximum(largest - _NOISE, 0)) * edge
    total = float(weight.sum())
    structure = float((largest * edge).sum() / max(edge.sum(), 1))
    a, b, c, d = (float(each) for each in (warp[0, 0], warp[0, 1], warp[1, 0], warp[1, 1]))
    widths = np.hypot(a, c), np.hypot(b, d)
    shape: dict[str, Any] = {
        "overlap": overlap,
        "scale": float(1 / np.sqrt(max(abs(a * d - b * c), 1e-9))),
        "roll_deg": float(np.degrees(np.arctan2(c - b, a + d))),
        "stretch": float(max(widths) / max(min(widths), 1e-6)),
        "structure": structure,
    }
    if total <= 0:
        return Likeness(0.0, 0.0, 0.0, **shape)
    # A histogram finds the tenth that is least alike at a fifth of the cost of sorting.
    bins = ((alike + 1) * (_BINS / 2)).astype(np.int32).clip(0, _BINS - 1).ravel()
    weights = np.bincount(bins, weight.ravel(), _BINS)
    kept = slice(int(np.searchsorted(np.cumsum(weights), _TRIM * total)), None)
    mean = float(np.bincount(bins, (alike * weight).ravel(), _BINS)[kept].sum() / max(float(weights[kept].sum()), 1e-9))
    changed = float(weight[alike < _CHANGED].sum() / total)
    both = np.minimum(own[0], own[1]) > np.maximum(_CLEAR * _NOISE, _AS_MUCH * largest)
    conflict = float(weight[both & (correlation < _UNLIKE)].sum() / total)
    return Likeness(1 - mean, changed, conflict, **shape)


def _coarse(first: Array, second: Array) -> tuple[float, float, float] | None:
    """Find the second picture's scale and place on the first, in shares of the first's long side.

    None if it is not there.
    """
    best = (_LEAST_COARSE, 0.0, 0.0, 0.0)
    first = at_side(first, _ROUGH)  # it is made smaller thirteen times
    there = _resized(second, _size(_COARSE, second.shape))
    height, width = there.shape
    top, left = round(height * (1 - _TEMPLATE) / 2), round(width * (1 - _TEMPLATE) / 2)
    middle = there[top : height - top, left : width - left]
    for scale in _SCALES:
        # The first picture is resized, and the template stays: the second is `scale` times as large on it.
        side = round(_COARSE / scale)
        here = _resized(first, _size(side, first.shape))
        if here.shape[0] < middle.shape[0] or here.shape[1] < middle.shape[1]:
            continue
        alike = cv2.matchTemplate(here, middle, cv2.TM_CCOEFF_NORMED)
        _, value, _, place = cv2.minMaxLoc(alike)
        if value > best[0]:
            best = (float(value), _COARSE / side, (place[0] - left) / side, (place[1] - top) / side)
    return best[1:] if best[1] else None


def at_side(picture: Array, side: int) -> Array:
    """Make a picture smaller, so that its long side has so many pixels; a smaller one stays."""
    return _resized(picture, _size(min(side, max(picture.shape)), picture.shape))


def _size(side: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Give the width and height of a picture of this shape at a long side."""
    scale = side / max(shape[:2])
    return max(8, round(shape[1] * scale)), max(8, round(shape[0] * scale))


def _resized(picture: Array, size: tuple[int, int]) -> Array:
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    shrinks = size[0] < picture.shape[1]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
