"""Sharpness: how much of a picture's contrast is fine, and whether a blur comes from motion or from the focus.

S = ln[Var(laplacian(G1 * I)) / Var(G1 * I)], where G1 is a Gaussian of 1 pixel. The ratio cancels contrast, and G1
much of the noise. What white noise of the measured strength adds to the two variances is known (`_noise_gain`) and is
taken off, so that S stays within 0.2 of its value up to a noise of 13 grey levels, instead of rising by up to 1.1.

Motion: moving along a direction takes fine detail from that direction alone. S with derivatives along a direction t,
ln[mean(d2(G1*I)/dt2)^2 / mean(d(G1*I)/dt)^2], is therefore lowest along the motion, and equal all around for defocus.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa

from photoidx.scoring import noise
from photoidx.scoring.faces import detection, model
from photoidx.scoring.raster import PREPROCESSING, luma
from photoidx.stage import PhotoStage, column, quality

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

Box = tuple[float, float, float, float]
"""Left, top, width and height as shares 0 to 1 of the frame."""

Part = tuple[slice, slice]
"""Rows and columns of a picture."""

CENTRE: Box = (0.25, 0.25, 0.5, 0.5)
_TILES = 8  # along the long side
_CELLS = 6  # along the shorter side of the subject
# Of the subject's cells those in the middle count most: with this Gaussian, in sides of the subject, a sharp subject
# beat a sharp background in 286 of 288 made pairs, and without it in 262.
_MIDDLE = 0.24
_LEAST_SIDE = 16  # of a picture or a part of it, in pixels
# Grey levels: what has a smaller standard deviation tells nothing of sharpness.
_FLAT_TILE, _FLAT_CELL, _FLAT_PICTURE = 4.0, 1.5, 1.0
_DOUBT = 1.1  # tiles are taken to be this much noisier than the whole, so that a noisy sky is not the sharpest
_RESIDUE = 0.02  # the least share of a variance that is kept when the noise is taken off
_ANGLES = np.arange(0.0, 180.0, 2.5)
_STRIP = 32  # rows whose derivatives fit the processor's cache
_MOTION = 0.53  # the least anisotropy of a motion blur
_SOFT = -3.8  # a picture is out of focus if even its sharpest tile is below


@dataclass(frozen=True)
class Sharpness:
    """Sharpness S of the whole, of the sharpest tile and of the subject; anisotropy 0..1; direction in degrees."""

    whole: float | None = None
    tile_max: float | None = None
    subject: float | None = None
    subject_kind: str | None = None
    anisotropy: float | None = None
    direction_deg: float | None = None
    blur_kind: str | None = None


def smoothed(photo: Photo) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return G1 * I at the common size: height x width, 0 to 255. Raises PhotoError."""
    return _smooth(photo.once(luma))


def subject_boxes(photo: Photo) -> list[Box]:
    """Return the boxes of the important faces, none where there are none."""
    from photoidx.scoring.faces.subject import important_boxes  # noqa: PLC0415 - brings the face model's library

    return photo.once(important_boxes)


def measure_sharpness(soft: np.ndarray[Any, Any], sigma: float, boxes: Sequence[Box] = ()) -> Sharpness:
    """Measure a picture G1 * I (height x width, float32, 0 to 255), where I has white noise of `sigma`."""
    height, width = soft.shape
    if min(height, width) < _LEAST_SIDE:
        return Sharpness()
    laplacian = cv2.Laplacian(soft, cv2.CV_32F, ksize=1, borderType=cv2.BORDER_REFLECT_101)
    frame = np.s_[0:height, 0:width]
    tiles = _grid(frame, max(_LEAST_SIDE, max(height, width) / _TILES))
    faces = [part for box in boxes if (part := _part(box, height, width)) is not None]
    (whole,) = _scores(soft, laplacian, [frame], sigma, _FLAT_PICTURE)
    if whole is None:
        return Sharpness()
    subject = _subject(soft, laplacian, faces or [_part(CENTRE, height, width) or frame], sigma * _DOUBT)
    scores = _scores(soft, laplacian, tiles, sigma * _DOUBT, _FLAT_TILE)
    tile_max = max((score for score in scores if score is not None), default=None)
    anisotropy, direction = _anisotropy(soft, sigma)
    blur = _blur_kind(tile_max, anisotropy)
    return Sharpness(
        whole=whole,
        tile_max=tile_max,
        subject=subject,
        subject_kind=None if subject is None else "faces" if faces else "centre",
        anisotropy=anisotropy,
        direction_deg=direction if blur == "motion" else None,
        blur_kind=blur,
    )


def _subject(
    soft: np.ndarray[Any, Any], laplacian: np.ndarray[Any, Any], parts: Sequence[Part], sigma: float
) -> float | None:
    """Return the mean S of the cells of the parts. The middle of each part counts most."""
    total = weight = 0.0
    for part in parts:
        cells = _cells(part)
        for cell, score in zip(cells, _scores(soft, laplacian, cells, sigma, _FLAT_CELL), strict=True):
            if score is not None:
                importance = _importance(cell, part)
                total += importance * score
                weight += importance
    return total / weight if weight else None


def _importance(cell: Part, part: Part) -> float:
    """Return a Gaussian of the distance between the middles of a cell and of the part, in sides of the part."""
    squares = (
        ((inner.start + inner.stop - outer.start - outer.stop) / 2 / (outer.stop - outer.start)) ** 2
        for inner, outer in zip(cell, part, strict=True)
    )
    return math.exp(-sum(squares) / (2 * _MIDDLE**2))


def _scores(
    soft: np.ndarray[Any, Any], laplacian: np.ndarray[Any, Any], parts: Sequence[Part], sigma: float, flat: float
) -> list[float | None]:
    """Return S of each part, noise of `sigma` taken off; None where there is less contrast than `flat` grey levels."""
    variances = np.array([[_variance(values[part]) for values in (soft, laplacian)] for part in parts])
    gain = _noise_gain()
    noisy = np.array([gain.soft, gain.laplacian]) * sigma**2
    kept = np.maximum(variances - noisy, _RESIDUE * variances)
    return [math.log(fine / coarse) if coarse >= flat**2 and fine > 0 else None for coarse, fine in kept.tolist()]


def _variance(values: np.ndarray[Any, Any]) -> float:
    """Return the variance, as `cv2.meanStdDev` does, in a fifth of its time. OpenCV adds up in double precision."""
    mean = cv2.sumElems(values)[0] / values.size
    return max(0.0, cv2.norm(values, cv2.NORM_L2SQR) / values.size - mean**2)


def _grid(part: Part, side: float) -> list[Part]:
    """Divide a part into tiles of about `side` pixels."""
    edges = []
    for span in part:
        length = span.stop - span.start
        count = max(1, round(length / side))
        edges.append([span.start + round(length * k / count) for k in range(count + 1)])
    return [np.s_[top:bottom, left:right] for top, bottom in pairwise(edges[0]) for left, right in pairwise(edges[1])]


def _cells(part: Part) -> list[Part]:
    shorter = min(span.stop - span.start for span in part)
    return _grid(part, max(_LEAST_SIDE, shorter / _CELLS))


def _part(box: Box, height: int, width: int) -> Part | None:
    """Return the pixels of a box, or None if they are too few to tell."""
    left, top = max(0, round(box[0] * width)), max(0, round(box[1] * height))
    right, bottom = min(width, round((box[0] + box[2]) * width)), min(height, round((box[1] + box[3]) * height))
    if min(right - left, bottom - top) < _LEAST_SIDE:
        return None
    return np.s_[top:bottom, left:right]


def _blur_kind(tile_max: float | None, anisotropy: float | None) -> str | None:
    if tile_max is None or anisotropy is None:
        return None
    if anisotropy >= _MOTION:
        return "motion"
    return "defocus" if tile_max < _SOFT else "none"


def _anisotropy(soft: np.ndarray[Any, Any], sigma: float) -> tuple[float | None, float | None]:
    """Return 1 - min/max over all directions of the ratio of second to first derivatives, and where the minimum is."""
    first, second = _energies(soft)
    first_noise, second_noise = _noise_gain().derivatives
    noisy = sigma**2 * (soft.shape[0] - 2) * (soft.shape[1] - 2)
    first = np.maximum(first - first_noise * noisy, _RESIDUE * first)
    second = np.maximum(second - second_noise * noisy, _RESIDUE * second)
    if first.min() <= 0 or second.max() <= 0:
        return None, None
    ratio = second / first
    return float(1 - ratio.min() / ratio.max()), float(_ANGLES[int(ratio.argmin())])


def _energies(soft: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the sums of squares of the first and of the second derivative along each of `_ANGLES`."""
    products = np.zeros((5, 5))
    for top in range(0, soft.shape[0] - 2, _STRIP):
        rows = _derivatives(soft[top : top + _STRIP + 2])
        for i, j in ((0, 0), (0, 1), (1, 1), (2, 2), (2, 3), (2, 4), (3, 3), (3, 4), (4, 4)):
            products[i, j] += np.dot(rows[i], rows[j])
    products = np.triu(products) + np.triu(products, 1).T
    cosine, sine = np.cos(np.radians(_ANGLES)), np.sin(np.radians(_ANGLES))
    gradient = np.stack((cosine, sine)) / 2
    hessian = np.stack((cosine**2, cosine * sine / 2, sine**2))
    first = np.einsum("ia,ij,ja->a", gradient, products[:2, :2], gradient)
    second = np.einsum("ia,ij,ja->a", hessian, products[2:, 2:], hessian)
    return first, second


def _derivatives(soft: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Find 2 d/dx, 2 d/dy, d2/dx2, 4 d2/dxdy and d2/dy2 by central differences, without the margin, as flat arrays."""
    above, here, below = soft[:-2], soft[1:-1], soft[2:]
    left, middle, right = np.s_[:, :-2], np.s_[:, 1:-1], np.s_[:, 2:]
    across, down = cv2.subtract(here[right], here[left]), cv2.subtract(below[middle], above[middle])
    twice = cv2.add(here[middle], here[middle])
    second_across = cv2.subtract(cv2.add(here[right], here[left]), twice)
    mixed = cv2.subtract(cv2.subtract(below[right], below[left]), cv2.subtract(above[right], above[left]))
    second_down = cv2.subtract(cv2.add(below[middle], above[middle]), twice)
    return [np.ravel(values) for values in (across, down, second_across, mixed, second_down)]


@dataclass(frozen=True)
class _Gain:
    """What white noise of variance 1 in I adds to the variances of G1 * I, its Laplacian and its derivatives."""

    soft: float
    laplacian: float
    derivatives: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@lru_cache(maxsize=1)
def _noise_gain() -> _Gain:
    impulse = np.zeros((17, 17), np.float32)
    impulse[8, 8] = 1
    soft = _smooth(impulse)
    laplacian = cv2.Laplacian(soft, cv2.CV_32F, ksize=1)
    first, second = _energies(soft)
    return _Gain(float((soft**2).sum()), float((laplacian**2).sum()), (first, second))


def _smooth(grey: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(cv2.GaussianBlur(grey, (7, 7), 1), np.float32)


def measure(photo: Photo) -> Sharpness:
    """Measure a photo at the common size. Raises PhotoError."""
    sigma = photo.once(noise.measure).sigma
    return measure_sharpness(photo.once(smoothed), sigma or 0.0, photo.once(subject_boxes))


class SharpnessStage(PhotoStage):
    """Writes how sharp photos are."""

    name = "sharpness"
    preprocessing = f"{PREPROCESSING}, noise {noise.NoiseStage.version}, faces {detection.VERSION} {model.ASSET.sha256}"
    tables = (
        quality(
            column(
                "sharpness_global",
                pa.float32(),
                "ln of the fine share of the contrast; about -2 to -5 if sharp, -8 or less if very soft.",
            ),
            column("sharpness_tile_max", pa.float32(), "The same in the sharpest of about 8 x 6 tiles with contrast."),
            column("sharpness_subject", pa.float32(), "The same in the subject: the important faces, or the centre."),
            column("subject_kind", pa.string(), "What was taken as the subject: `faces`, or the `centre` half."),
            column("blur_kind", pa.string(), "`motion`, `defocus` (of the whole picture), or `none`."),
            column(
                "blur_anisotropy",
                pa.float32(),
                "How much less detail there is along one direction than along another, 0 to 1.",
            ),
            column(
                "blur_direction_deg",
                pa.float32(),
                "The direction of a motion blur, 0 to 180 degrees: 0 is level, 45 falls to the right.",
            ),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Measure one photo."""
        found = photo.once(measure)
        row = {
            "sharpness_global": found.whole,
            "sharpness_tile_max": found.tile_max,
            "sharpness_subject": found.subject,
            "subject_kind": found.subject_kind,
            "blur_kind": found.blur_kind,
            "blur_anisotropy": found.anisotropy,
            "blur_direction_deg": found.direction_deg,
        }
        return {"quality": [row]}
