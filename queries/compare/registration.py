"""Register one picture on another: find the one map of the plane that lays what both show on each other.

Key points (SIFT, Lowe 2004) propose the map, a homography fitted by MAGSAC++ (Barath et al. 2020). Dense optical flow
(DIS, Kroeger et al. 2016) corrects it, and what is left of the flow is the residual: a copy has next to none wherever
there is texture, another view of the same thing has some, for what is near moves more than what is far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from photoidx.queries.contents import Array

SIDE = 320
"""Long side, in pixels, at which pictures are laid on each other."""
_KEY_SIDE, _KEY_POINTS = 192, 400  # OpenCV's SIFT doubles the picture first
_CONTRAST, _EDGE = 0.012, 15.0  # below the defaults (0.04, 10): thumbnails have few strong corners
_RATIO = 0.88  # of the distances to the nearest and the next descriptor
_REACH = 1.5  # pixels at `_KEY_SIDE` that a match may miss the map by
_LEAST_MATCHES, _LEAST_SHARE = 8, 0.3
_MOST_ZOOM, _MOST_STRETCH, _MOST_PERSPECTIVE = 8.0, 2.0, 0.35
_LEAST_SIDE = 48  # pixels, of what both show
_WINDOW = 2.0  # standard deviation of the window that is compared, pixels
_NOISE = 12.0  # variance, grey levels squared, that JPEG and resizing leave: less is no texture
_TEXTURE = 36.0
_ALIKE, _FITS = 0.7, 0.5  # correlation of windows that show the same, and of those whose displacement counts
_EDGE_PIXELS = 4  # beside the edge of what both show that do not count
_GRID = 4
_TURNS = 3
_LEAST_PIXELS = 64
_CLEAR = 0.3  # pixels: a residual at which the map needs no further correction
# A cover: what the map misses by more than `_MISSED` pixels or does not explain, in at most so many pieces. Beside it
# everything must be explained. Measured on 14 photos with 64 edits and 1,436 pairs of walks and films.
_MISSED, _COVERS, _MOST_COVER, _LEAST_BESIDE, _EXPLAINED = 0.75, 3, 0.5, 0.3, 0.93
_PRICE_OF_COVER = 8.0
_ALL_EXPLAINED, _IN_PLACE, _BENT = 0.95, 0.7, 0.45


@dataclass(frozen=True)
class KeyPoints:
    """Where a picture's key points lie (n x 2, shares of its long side) and what is around each (n x 128, length 1)."""

    places: Array
    around: Array


@dataclass(frozen=True)
class Registration:
    """How the second picture lies on the first.

    `matches`: key points that agree with the map. `matrix` maps the second onto the first, in shares of each one's long
    side. `shown`: the share of each picture's area that the other shows. `explained`: the share of the texture in the
    common part that is the same. `residual`: the 90th percentile of what the map misses, in pixels at `SIDE`, where
    the two are alike; `cover`: the share of the common part that something may lie on, and `beside`: the residual of
    the rest. `zoom`, `roll_deg`, `stretch`, `perspective`: how the second is enlarged, turned, drawn out (1 is not at
    all), and tilted (0 is not at all: the largest change of scale across the picture).
    """

    matches: int
    matrix: Array
    shown: tuple[float, float]
    explained: float
    residual: float
    cover: float
    beside: float
    zoom: float
    roll_deg: float
    stretch: float
    perspective: float

    @property
    def error(self) -> float:
        """The residual in pixels; where a cover explains the rest, that of the rest, the worse the larger the cover.

        Where the map leaves everything in its place and explains all, tones may have been bent until little is left
        for the flow to follow: that is no more than `_BENT`.
        """
        found = min(self.residual, self.beside * (1 + _PRICE_OF_COVER * self.cover))
        is_bent = self.explained > _ALL_EXPLAINED and self.shift < _IN_PLACE
        return min(found, _BENT) if is_bent else found

    @property
    def shift(self) -> float:
        """How far the map moves the corners of a picture, in pixels at `SIDE`."""
        corners = _corners(np.ones(2))
        return float(np.abs(_mapped(self.matrix, corners) - corners).max() * SIDE)

    def inverse(self) -> Registration:
        """Return how the first picture lies on the second."""
        back = np.linalg.inv(self.matrix)
        turned = {"matrix": back / back[2, 2], "shown": self.shown[::-1], "zoom": 1 / self.zoom}
        return replace(self, **turned, roll_deg=-self.roll_deg)

    def around(self, corner: tuple[int, int], part: Array, whole: Array) -> Registration:
        """Return how a whole picture lies whose part was the second; `corner` is the part's left and top, in pixels."""
        long, larger = max(part.shape[:2]), max(whole.shape[:2]) / max(part.shape[:2])
        matrix = self.matrix @ np.array([[larger, 0, -corner[0] / long], [0, larger, -corner[1] / long], [0, 0, 1]])
        share = part.shape[0] * part.shape[1] / (whole.shape[0] * whole.shape[1])
        shown = self.shown[0], self.shown[1] * share
        return replace(self, matrix=matrix / matrix[2, 2], shown=shown, zoom=self.zoom * larger)


def key_points(grey: Array) -> KeyPoints:
    """Find the key points of a picture (height x width, uint8)."""
    scale = min(1.0, _KEY_SIDE / max(grey.shape))
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    finder = cv2.SIFT_create(  # type: ignore[attr-defined]
        nfeatures=_KEY_POINTS, contrastThreshold=_CONTRAST, edgeThreshold=_EDGE
    )
    points, around = finder.detectAndCompute(np.ascontiguousarray(small), None)
    if around is None:
        return KeyPoints(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    places = np.array([point.pt for point in points], np.float32)
    # The square roots of the parts of descriptors compare better than these (Arandjelovic and Zisserman 2012).
    around = np.sqrt(around / np.maximum(around.sum(axis=1, keepdims=True), 1e-6))
    return KeyPoints((places + 0.5) / max(small.shape), around)


def _matched(first: KeyPoints, second: KeyPoints) -> tuple[Array, Array]:
    """Return the places of key points that are each other's nearest, and clearly nearer than the next: 2 x (n x 2)."""
    if min(len(first.places), len(second.places)) < _LEAST_MATCHES:
        return first.places[:0], second.places[:0]
    alike = first.around @ second.around.T
    best = alike.argmax(axis=1)
    rows = np.arange(len(alike))
    nearest = alike[rows, best]
    back = alike.argmax(axis=0)
    alike[rows, best] = -1
    following = alike.max(axis=1)
    good = (back[best] == rows) & (1 - nearest < _RATIO**2 * (1 - following))
    return first.places[good], second.places[best[good]]


def proposed(first: KeyPoints, second: KeyPoints) -> tuple[Array, int] | None:
    """Return the map of the second picture onto the first, and how many matches agree with it; None without one."""
    here, there = _matched(first, second)
    if len(here) < _LEAST_MATCHES:
        return None
    matrix, agreeing = cv2.findHomography(
        there * SIDE, here * SIDE, cv2.USAC_MAGSAC, _REACH * SIDE / _KEY_SIDE, maxIters=1000, confidence=0.999
    )
    if matrix is None:
        return None
    count = int(agreeing.sum())
    if count < _LEAST_MATCHES or count < _LEAST_SHARE * len(here):
        return None
    return _in_shares(matrix), count


def _in_shares(matrix: Array) -> Array:
    grow = np.diag([SIDE, SIDE, 1.0])
    found = np.linalg.inv(grow) @ matrix @ grow
    return np.asarray(found / found[2, 2])


def _extent(picture: Array) -> Array:
    """Return width and height in shares of the long side."""
    height, width = picture.shape[:2]
    return np.asarray(np.array([width, height], np.float64) / max(height, width))


def _corners(extent: Array) -> Array:
    return np.array([[0, 0], [extent[0], 0], extent, [0, extent[1]]], np.float64)


def _mapped(matrix: Array, points: Array) -> Array:
    whole = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(whole[:, :2] / whole[:, 2:])


def shape_of(matrix: Array, extent: Array) -> tuple[float, float, float, float] | None:
    """Return zoom, roll (degrees), stretch and perspective of a map over a picture of this extent; None if it folds."""
    corners = _corners(extent)
    depth = np.column_stack([corners, np.ones(4)]) @ matrix[2]
    if depth.min() <= 0:
        return None
    middle = extent / 2
    step = 1e-3
    at = _mapped(matrix, middle + np.array([[0, 0], [step, 0], [0, step]]))
    across, down = (at[1] - at[0]) / step, (at[2] - at[0]) / step
    determinant = float(across[0] * down[1] - across[1] * down[0])
    if determinant <= 0:
        return None
    singular = np.linalg.svd(np.column_stack([across, down]), compute_uv=False)
    roll = float(np.degrees(np.arctan2(across[1] - down[0], across[0] + down[1])))
    stretch = float(singular[0] / max(singular[1], 1e-9))
    return determinant**0.5, roll, stretch, float(depth.max() / depth.min() - 1)


def shown(matrix: Array, first: Array, second: Array) -> tuple[float, float]:
    """Return the shares of both pictures' areas that the other shows, by extents and the map of the second."""
    quad = _mapped(matrix, _corners(second)).astype(np.float32)
    frame = _corners(first).astype(np.float32)
    area, _ = cv2.intersectConvexConvex(quad, frame)
    whole = abs(cv2.contourArea(quad))
    return min(1.0, area / float(first.prod())), min(1.0, area / max(whole, 1e-9))


def registered(first: Array, second: Array, keys: tuple[KeyPoints, KeyPoints], side: int = SIDE) -> Registration | None:
    """Register the second grey picture (height x width, uint8) on the first; None if no map is found."""
    found = proposed(*keys)
    if found is None:
        return None
    matrix, matches = found
    extents = _extent(first), _extent(second)
    if not _is_mild(matrix, extents[1]):
        return None
    own = shown(matrix, *extents)
    # The picture that shows less of the scene is the frame in which both are compared.
    is_turned = own[0] > own[1]
    here, there = (first, second) if is_turned else (second, first)
    inner = matrix if is_turned else np.linalg.inv(matrix)
    laid = lay(here, there, inner, side)
    if laid is None:
        return None
    inner = laid.matrix if is_turned else np.linalg.inv(laid.matrix)
    inner = inner / inner[2, 2]
    shape = shape_of(inner, extents[1])
    if shape is None:
        return None
    own = shown(inner, *extents)
    return Registration(matches, inner, own, laid.explained, laid.residual, laid.cover, laid.beside, *shape)


def _is_mild(matrix: Array, extent: Array) -> bool:
    shape = shape_of(matrix, extent)
    if shape is None:
        return False
    zoom, _, stretch, perspective = shape
    return 1 / _MOST_ZOOM < zoom < _MOST_ZOOM and stretch < _MOST_STRETCH and perspective < _MOST_PERSPECTIVE


@dataclass(frozen=True)
class _Laid:
    """What is found when one picture is laid on another: the corrected map, and how well it explains both."""

    matrix: Array
    explained: float
    residual: float
    cover: float
    beside: float


class _Look(NamedTuple):
    """Both pictures through one map: their correlation and texture by place, where both show, and what is missed."""

    alike: Array
    texture: Array
    seen: Array
    moved: Array

    def missed(self, where: Array) -> float:
        """Return the 90th percentile of what the map misses, in pixels, where the two are alike."""
        chosen = where & (self.alike > _FITS) & (self.texture > _TEXTURE) & self.seen
        if chosen.sum() < _LEAST_PIXELS:
            return math.inf
        return float(np.percentile(np.hypot(*np.moveaxis(self.moved[chosen], 1, 0)), 90))


def lay(here: Array, there: Array, matrix: Array, side: int) -> _Laid | None:
    """Lay a picture on another by a map, correct the map by the flow, and measure what is left."""
    shape = shape_of(matrix, _extent(there))
    if shape is None:
        return None
    # Neither is enlarged: the coarser of the two gives the size. `zoom` is a ratio of long sides.
    finest = min(max(here.shape), max(there.shape) / shape[0], side)
    base, other = at_side(here, finest), at_side(there, finest * shape[0])
    if max(base.shape) < _LEAST_SIDE:
        return None
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)  # type: ignore[attr-defined]
    even, size = _evened(base), max(base.shape)

    def look(matrix: Array) -> _Look:
        drawn, seen = warped(other, matrix, base.shape)
        alike, texture = _compared(base.astype(np.float32), drawn.astype(np.float32))
        return _Look(alike, texture, seen, flow.calc(even, _evened(drawn), None))

    found, everywhere = look(matrix), np.ones(base.shape, np.bool_)
    residual, cover = math.inf, everywhere
    for turn in range(_TURNS):
        better = _corrected(matrix, found, ~cover if turn > 1 else everywhere, size)
        if better is None:
            return None
        matrix, found = better, look(better)
        residual, cover = found.missed(everywhere), _covered(found)
        if residual < _CLEAR:
            break
    weight = np.sqrt(found.texture) * (found.texture > _TEXTURE) * found.seen
    total, beside = float(weight.sum()), float(weight[~cover].sum())
    alike = found.alike > _ALIKE
    share = float(cover[found.seen].mean())
    is_explained = float((weight * alike)[~cover].sum()) > _EXPLAINED * beside
    is_covered = share <= _MOST_COVER and beside >= _LEAST_BESIDE * total and is_explained
    explained = float(weight[alike].sum()) / max(total, 1e-9)
    return _Laid(matrix, explained, residual, share, found.missed(~cover) if is_covered else math.inf)


def _covered(found: _Look) -> Array:
    """Return where something may lie on one of the pictures: the convex hulls of what the map does not explain."""
    missed = np.hypot(found.moved[..., 0], found.moved[..., 1])
    odd = ((found.alike < _ALIKE) | (missed > _MISSED)) & (found.texture > _TEXTURE) & found.seen
    bad = cv2.morphologyEx(odd.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    bad = cv2.morphologyEx(bad, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(bad)
    covers = np.zeros_like(bad)
    for each in (np.argsort(-sizes[1:, cv2.CC_STAT_AREA])[:_COVERS] + 1).tolist() if count > 1 else ():
        if sizes[each, cv2.CC_STAT_AREA] >= _LEAST_PIXELS:
            cv2.fillConvexPoly(covers, cv2.convexHull(cv2.findNonZero((labels == each).astype(np.uint8))), 1)
    return cv2.dilate(covers, np.ones((13, 13), np.uint8)) > 0


def at_side(picture: Array, side: float) -> Array:
    """Make a picture smaller, so that its long side has so many pixels; a smaller one stays."""
    scale = side / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = max(8, round(picture.shape[1] * scale)), max(8, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def warped(there: Array, matrix: Array, shape: tuple[int, ...], edge: int = _EDGE_PIXELS) -> tuple[Array, Array]:
    """Draw a picture through a map (in shares of long sides) into a shape; return it, and where it shows something."""
    own, other = max(shape[:2]), max(there.shape[:2])
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    back = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    pixels = back @ np.diag([own, own, 1.0]) @ matrix @ np.diag([1 / other, 1 / other, 1.0]) @ half
    size = (shape[1], shape[0])
    drawn = cv2.warpPerspective(there, pixels, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.warpPerspective(np.ones(there.shape[:2], np.uint8), pixels, size, flags=cv2.INTER_NEAREST)
    kernel = np.ones((2 * edge + 1,) * 2, np.uint8)
    return np.asarray(drawn), cv2.erode(seen, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def _evened(picture: Array) -> Array:
    """Bring the local contrast to one level, so that the flow sees no change of tone."""
    grey = picture.astype(np.float32)
    mean = cv2.GaussianBlur(grey, (0, 0), 6)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur(grey * grey, (0, 0), 6) - mean * mean, 0) + 16)
    return np.asarray(np.clip(128 + 40 * (grey - mean) / spread, 0, 255), np.uint8)


def _compared(here: Array, there: Array) -> tuple[Array, Array]:
    """Return for each place the correlation of both pictures in a window, and the larger of their variances."""

    def around(picture: Array) -> Array:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), _WINDOW))

    means = around(here), around(there)
    own = [np.maximum(around(each * each) - mean * mean, 0) for each, mean in zip((here, there), means, strict=True)]
    common = around(here * there) - means[0] * means[1]
    return (common + _NOISE) / (np.sqrt(own[0] * own[1]) + _NOISE), np.maximum(*own)


def _corrected(matrix: Array, found: _Look, where: Array, size: int) -> Array | None:
    """Return the map with the flow's common part added: a homography fitted to it, robustly."""
    mask = np.zeros_like(where)
    mask[::_GRID, ::_GRID] = True
    good = mask & where & (found.alike > _FITS) & (found.texture > _TEXTURE) & found.seen
    y, x = np.nonzero(good)
    if len(x) < 3 * _LEAST_MATCHES:
        return None
    here = np.column_stack([x, y]).astype(np.float32) + 0.5
    there = here + found.moved[y, x]  # where the flow finds this place in the picture that is laid on it
    change, _ = cv2.findHomography(there, here, cv2.USAC_MAGSAC, 0.5, maxIters=300, confidence=0.99)
    if change is None:
        return None
    shrink = np.diag([1 / size, 1 / size, 1.0])
    better = shrink @ change @ np.linalg.inv(shrink) @ matrix
    return np.asarray(better / better[2, 2])


def mirrored(keys: KeyPoints, width: float) -> KeyPoints:
    """Return the key points of a picture's mirror image; `width` is the picture's, in shares of its long side.

    The parts of a descriptor are 4 x 4 places x 8 directions, along and across the key point's own direction: in the
    mirror the places across it and the directions change sides.
    """
    parts = keys.around.reshape(-1, 4, 4, 8)[:, ::-1, :, (0, 7, 6, 5, 4, 3, 2, 1)]
    places = keys.places * np.array([-1, 1], np.float32) + np.array([width, 0], np.float32)
    return KeyPoints(places, np.ascontiguousarray(parts.reshape(-1, 128)))
