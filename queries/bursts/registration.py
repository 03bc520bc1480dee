"""Where one small picture lies on another: how far the camera moved between two frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from photoidx.queries.bursts.frames import Frames

_LONG_SIDE = 128
_BLUR = 1.5
_LEAST_OVERLAP = 0.3
_TINY = 1e-6
_GREY = 6  # grey levels by which the channels of a black-and-white JPEG may differ

# Shares of the key points' matches that one homography explains to within two pixels of a thumbnail: .87 and more in
# bursts and panoramas (.5 where a pattern repeats), .3 to .6 between two views of a walk, 2 to 10 s apart.
_POINTS, _POINT_CONTRAST, _RATIO = 400, 0.02, 0.8
_EXPLAINED, _TOLERANCE_PX, _MATCHES = 0.8, 2.0, 20
# How alike the overlap is after a mere shift: .96 and more in bursts, .86 and less in walks up to 5 s apart.
_SURELY, _AT_LEAST, _NO_POINTS = 0.95, 0.3, 0.9

Grey = np.ndarray[Any, np.dtype[np.float32]]
Points = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]
_NO_PLACES = np.zeros((0, 2), np.float32)


class Registered:
    """The thumbnails of frames as brightness, 0 to 255, read when they are first needed.

    Each read costs the same for one and for hundreds: whoever knows what comes asks for it with `prepare`.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._read: dict[int, bytes | None] = {}
        self._known: dict[int, Grey | None] = {}
        self._grey: dict[int, bool] = {}
        self._points: dict[int, Points] = {}

    def prepare(self, wanted: Sequence[int]) -> None:
        """Read several at once."""
        missing = sorted(set(wanted) - self._read.keys())
        if missing:
            read = self._frames.thumbnail(missing)
            self._read |= {at: read.get(at) for at in missing}

    def forget(self) -> None:
        """Let go of what was read: a large library has many thumbnails."""
        self._read.clear()
        self._known.clear()
        self._grey.clear()
        self._points.clear()

    def whole(self, at: int) -> Grey | None:
        """Return a frame's thumbnail, if it has one."""
        if at not in self._known:
            jpeg = self._jpeg(at)
            self._known[at] = None if jpeg is None else _decoded(jpeg)
        return self._known[at]

    def is_grey(self, at: int) -> bool:
        """Return whether a frame's thumbnail is black and white; not so if it has none."""
        if at not in self._grey:
            jpeg = self._jpeg(at)
            self._grey[at] = jpeg is not None and _is_grey(jpeg)
        return self._grey[at]

    def _jpeg(self, at: int) -> bytes | None:
        self.prepare([at])
        return self._read[at]

    def points(self, at: int) -> Points:
        """Return a frame's key points: places (n x 2, pixels of the thumbnail) and descriptors; none if it has none."""
        if at not in self._points:
            whole = self.whole(at)
            self._points[at] = (_NO_PLACES, None) if whole is None else _points(whole)
        return self._points[at]

    def small(self, at: int) -> Grey | None:
        """Return it at a long side of 128 pixels."""
        whole = self.whole(at)
        return None if whole is None else _reduced(whole)


def _decoded(jpeg: bytes) -> Grey:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE), np.float32)


def _is_grey(jpeg: bytes) -> bool:
    colour = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.int16)
    return bool(np.percentile(np.ptp(colour, axis=2), 99) <= _GREY)


def _reduced(picture: Grey) -> Grey:
    height, width = picture.shape
    scale = _LONG_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def shift_between(first: Grey, second: Grey) -> tuple[float, float, float] | None:
    """Return how far the second picture's content moved (shares of width and height), and how alike the overlap is.

    The move is the peak of the phase correlation; the third value is the correlation of the brightness where both
    show the same, -1 to 1, which does not mind another exposure. None where sizes differ or hardly anything overlaps.
    """
    if first.shape != second.shape or min(first.shape) < 16:  # noqa: PLR2004 - too small to tell
        return None
    height, width = first.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    # The move is taken to the nearest pixel: without this blur, fine texture would be half a pixel off.
    here, there = (np.asarray(cv2.GaussianBlur(each, (0, 0), _BLUR), np.float32) for each in (first, second))
    best: tuple[float, float, float] | None = None
    (right, down), _ = cv2.phaseCorrelate(first.copy(), second.copy(), window)  # OpenCV 5 applies the window in place
    # A phase correlation wraps around: a move of 0.6 of the width looks like one of -0.4.
    for x in (right, right - np.sign(right) * width):
        for y in (down, down - np.sign(down) * height):
            alike = _correlation(here, there, round(x), round(y))
            if alike is not None and (best is None or alike > best[2]):
                best = (float(x / width), float(y / height), alike)
    return best


def is_one_view(look: Registered, first: int, second: int) -> bool | None:
    """Return whether two frames were taken from one place: one map of the plane lays one on the other.

    A camera that is turned moves all points by one homography; one that is carried moves near ones further than far
    ones. None if a thumbnail is missing.
    """
    small = look.small(first), look.small(second)
    if small[0] is None or small[1] is None:
        return None
    moved = shift_between(small[0], small[1])
    alike = -1.0 if moved is None else moved[2]
    if moved is None or alike >= _SURELY or alike < _AT_LEAST:
        return alike >= _SURELY
    share = _explained(look.points(first), look.points(second))
    return alike >= _NO_POINTS if share is None else share >= _EXPLAINED


def _points(picture: Grey) -> Points:
    finder = cv2.SIFT.create(_POINTS, contrastThreshold=_POINT_CONTRAST)
    found, descriptors = finder.detectAndCompute(picture.clip(0, 255).astype(np.uint8), None)
    if descriptors is None:
        return _NO_PLACES, None
    # The root of the histograms compares better (Arandjelovic and Zisserman 2012).
    roots = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), _TINY))
    return np.array([point.pt for point in found], np.float32), np.asarray(roots, np.float32)


def _explained(first: Points, second: Points) -> float | None:
    """Return the share of the matches that one homography explains; None if there are too few to tell."""
    if first[1] is None or second[1] is None or min(len(first[0]), len(second[0])) < _MATCHES:
        return None
    nearest = cv2.BFMatcher(cv2.NORM_L2).knnMatch(first[1], second[1], 2)
    clear = [pair[0] for pair in nearest if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]  # noqa: PLR2004
    if len(clear) < _MATCHES:
        return None
    here = first[0][[match.queryIdx for match in clear]]
    there = second[0][[match.trainIdx for match in clear]]
    plane, _ = cv2.findHomography(here, there, cv2.USAC_MAGSAC, _TOLERANCE_PX, maxIters=2000, confidence=0.999)
    if plane is None:
        return 0.0
    laid = cv2.perspectiveTransform(here[None], plane)[0]
    return float((np.hypot(*(laid - there).T) < _TOLERANCE_PX).mean())


def _correlation(first: Grey, second: Grey, x: int, y: int) -> float | None:
    height, width = first.shape
    if (width - abs(x)) * (height - abs(y)) < _LEAST_OVERLAP * width * height:
        return None
    here = first[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    there = second[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)]
    here, there = here - here.mean(), there - there.mean()
    return float((here * there).mean() / max(float(here.std() * there.std()), _TINY))
