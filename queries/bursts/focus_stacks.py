"""Focus stacks: frames of one view whose sharp zone moves through the depth of the scene, taken as fast as by hand.

What moves the focus by hand, or a rail, takes seconds for each slice: longer than frames of a burst are apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from photoidx.queries.bursts.frames import NO_TIME, Frames
from photoidx.queries.bursts.registration import Registered, shift_between

STACK_FRAMES, STACK_BITS = 4, 8
_GAP_S, _PAUSE, _ROUGH_S = 20.0, 2.0, 1.0
"""A slice comes at most so late, and not after a pause of twice the usual gap, which is known to a second."""
_MOST_SHIFT, _LEAST_OVERLAP, _SAME_EV = 0.012, 0.9, 0.34
_TILES, _TEXTURED = (6, 8), 25
_FINE, _COARSE, _NOISE = 0.7, (2.0, 6.0), 4.0  # standard deviations in pixels of a thumbnail; grey levels
# How much a tile's share of fine detail changes with the slice (root mean square of its logarithm), how much of that is
# one course, and how steadily this one runs: .17, .88 and .98 and more in made stacks and in a real one of 4 to 7
# slices; .03 in frames from a tripod, .9 and .6 in hand-held bursts.
_CHANGE, _ONE_COURSE, _STEADY = 0.12, 0.8, 0.95
_PEAKS = 3  # slices in which some tile is sharpest: a focus that is lost has them all in the first

Detail = np.ndarray[Any, np.dtype[np.float64]]


def focus_stacks(
    frames: Frames, groups: Sequence[Sequence[int]], left_out: np.ndarray[Any, np.dtype[np.bool_]], look: Registered
) -> Iterator[tuple[int, ...]]:
    """Return the stacks that no single group holds: slices at a regular interval, in which only the focus moves.

    `groups` are what was found by nearness, `left_out` the frames that are none.
    """
    group_of = {at: number for number, members in enumerate(groups) for at in members}
    for run in _runs(frames, left_out):
        parts = {group_of.get(at, -1 - at) for at in run}
        if len(parts) > 1:
            look.forget()
            if is_focus_stack(frames, run, look):
                yield tuple(run)


def is_focus_stack(frames: Frames, members: Sequence[int], look: Registered) -> bool:
    """Return whether only the focus changes between the frames of a group, and goes one way."""
    exposures = frames.exposure_ev[list(members)]
    if len(members) < STACK_FRAMES or np.ptp(exposures) > _SAME_EV:  # not so if one is not known: NaN
        return False
    look.prepare(members)
    pictures = [whole for at in members if (whole := look.whole(at)) is not None]
    if len(pictures) < len(members) or len({picture.shape for picture in pictures}) > 1:
        return False
    small = [each for at in members if (each := look.small(at)) is not None]
    if not all(_stands_still(first, second) for first, second in pairwise(small)):
        return False
    return _focus_moves(np.array([_detail(picture) for picture in pictures]))


def _runs(frames: Frames, left_out: np.ndarray[Any, np.dtype[np.bool_]]) -> Iterator[list[int]]:
    """Return the runs of one camera's frames that hardly change, without a pause."""
    places = np.flatnonzero(~left_out & (frames.time_us != NO_TIME) & frames.hashed)
    if len(places) < STACK_FRAMES:
        return
    first, second = places[:-1], places[1:]
    gaps = (frames.time_us[second] - frames.time_us[first]) / 1e6
    bits = np.bitwise_count(frames.hashes[first] ^ frames.hashes[second])
    goes_on = (frames.cameras[first] == frames.cameras[second]) & (gaps <= _GAP_S) & (bits <= STACK_BITS)
    start = 0
    while start < len(goes_on):
        end = start
        while end < len(goes_on) and goes_on[end]:
            end += 1
        if end - start >= STACK_FRAMES - 1:
            yield from _without_pauses(places[start : end + 1], gaps[start:end])
        start = end + 1


def _without_pauses(places: np.ndarray[Any, Any], gaps: np.ndarray[Any, Any]) -> Iterator[list[int]]:
    """Cut a run where it pauses."""
    pauses = np.flatnonzero(gaps > _PAUSE * np.median(gaps) + _ROUGH_S) + 1
    for part in np.split(places, pauses):
        if len(part) >= STACK_FRAMES:
            yield [int(at) for at in part]


def _stands_still(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> bool:
    moved = shift_between(first, second)
    return moved is not None and max(abs(moved[0]), abs(moved[1])) <= _MOST_SHIFT and moved[2] >= _LEAST_OVERLAP


def _focus_moves(detail: Detail) -> bool:
    """Return whether the fine detail of tiles (slices x tiles) comes and goes in turn, from one slice to the next."""
    textured = detail.max(axis=0) >= np.percentile(detail.max(axis=0), _TEXTURED)
    change = np.log(np.maximum(detail[:, textured], 1e-6))
    change -= change.mean(axis=0)
    change -= change.mean(axis=1, keepdims=True)  # what all tiles have in common: a shake, or noise
    courses, strengths, _ = np.linalg.svd(change, full_matrices=False)
    total = float((strengths**2).sum())
    if np.sqrt(total / change.size) < _CHANGE or strengths[0] ** 2 < _ONE_COURSE * total:
        return False
    steady = abs(float(np.corrcoef(courses[:, 0], np.arange(len(detail)))[0, 1])) >= _STEADY
    return steady and len(set(detail[:, textured].argmax(axis=0).tolist())) >= _PEAKS


def _detail(picture: np.ndarray[Any, Any]) -> Detail:
    """Return the share of fine detail in the contrast of 6 x 8 tiles: a shadow that passes takes both alike."""
    fine = np.abs(cv2.Laplacian(cv2.GaussianBlur(picture, (0, 0), _FINE), cv2.CV_32F))
    near, far = (cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in _COARSE)
    tiles = [cv2.resize(each, _TILES[::-1], interpolation=cv2.INTER_AREA) for each in (fine, np.abs(near - far))]
    return np.asarray(tiles[0] / (tiles[1] + _NOISE), np.float64).ravel()
