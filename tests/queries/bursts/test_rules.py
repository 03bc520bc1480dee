"""The rules of grouping, one row each: what is tied, by which rule, and what just is not; and what a group is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from burst_album import made
from burst_scenes import OTHER, SCENE, VIEW, slices, view
from photoidx.queries.bursts.frames import Frames
from photoidx.queries.bursts.rules import BurstLimits, group


def walked(by: float) -> np.ndarray:
    """Return the scene from another place: near things have moved further than far ones, and cover others."""
    rows, columns = np.mgrid[0 : VIEW[0], 0 : VIEW[1]].astype(np.float32)
    depth = np.sin(columns / 23) * np.cos(rows / 17) + np.sin(rows / 9)
    return cv2.remap(SCENE, columns + 12 + by * depth, rows + 12 + by / 2 * depth, cv2.INTER_LINEAR)


def pair(cosine: float, bits: int, times: tuple[float | None, float | None] = (1.1, 1.4), **given: Any) -> Frames:
    """Return two frames whose vectors have this cosine, and whose hashes differ in so many bits."""
    frames = made(list(times), [1, 1], **given)
    vectors = np.zeros((2, 4), np.float16)
    vectors[0, 0], vectors[1, :2] = 1, (cosine, np.sqrt(1 - cosine**2))
    return replace(frames, vectors=vectors, hashes=np.array([0, 2**bits - 1], np.uint64))


def rules(frames: Frames, within_s: float | None = None) -> list[str]:
    return [edge.rule for each in group(frames, within_s) for edge in each.edges]


FAR = (1.1, 3.6)  # seconds apart, with sub-seconds
ONE_VIEW, TWO_VIEWS = [view(0), view(30)], [view(12, 12), walked(9)]
HALF_ALIKE = cv2.addWeighted(view(70).copy(), 0.3, view(of=OTHER).copy(), 0.7, 0)  # its overlap correlates by .58
TIED = {
    "fast: fairly alike within a second": (pair(0.71, 40, (1.1, 2.05)), "fast"),
    "fast needs sub-seconds in both": (pair(0.71, 40, (1.0, 1.5)), None),
    "fast needs sub-seconds in the second, too": (pair(0.71, 40, (1.5, 2.0)), None),
    "fast ends after a second": (pair(0.71, 40, (1.1, 2.15)), None),
    "fast needs a like look": (pair(0.69, 40), None),
    "near: alike by the vectors": (pair(0.89, 40, FAR), "near"),
    "near ends after three seconds": (pair(0.89, 40, (1.1, 4.2)), None),
    "near: without sub-seconds a second more": (pair(0.89, 40, (1, 5)), "near"),
    "near: without sub-seconds no more than that": (pair(0.89, 40, (1, 6)), None),
    "near: two scenes may have .87": (pair(0.87, 40, FAR), None),
    "near: alike by the hashes": (pair(0.46, 16, FAR), "near"),
    "near: the hashes of two scenes differ in 17 bits": (pair(0.46, 17, FAR), None),
    "near: alike by hashes, but not at all by vectors": (pair(0.44, 4, FAR), None),
    "near: of one view": (pair(0.89, 40, FAR, pictures=ONE_VIEW), "near"),
    "near: a step aside is another view": (pair(0.89, 40, FAR, pictures=TWO_VIEWS), None),
    "near: another shape is another view": (pair(0.89, 40, FAR, pictures=[view(), view().swapaxes(0, 1)]), None),
    "near: in one second nobody walks far": (pair(0.89, 40, (1, 2), pictures=TWO_VIEWS), "near"),
    "near: hashes that agree need no look": (pair(0.89, 16, FAR, pictures=TWO_VIEWS), "near"),
    "sequence: the next of a series": (pair(0.46, 40, (1.1, 2.9), sequence=[3, 4]), "sequence"),
    "sequence: not the next but one": (pair(0.46, 40, (1.1, 2.9), sequence=[3, 5]), None),
    "sequence: two seconds at most": (pair(0.46, 40, (1.1, 3.2), sequence=[3, 4]), None),
    "sequence: not of another scene": (pair(0.44, 40, (1.1, 2.9), sequence=[3, 4]), None),
    "sequence: no look at the view": (pair(0.89, 40, (1.1, 2.9), sequence=[3, 4], pictures=TWO_VIEWS), "sequence"),
    "bracket: the maker's bias": (pair(0.61, 40, FAR, bias=[0, 0.7]), "bracket"),
    "bracket: a smaller bias is none": (pair(0.61, 40, FAR, bias=[0, 0.6]), None),
    "bracket: the bias of another scene": (pair(0.59, 40, FAR, bias=[0, 2]), None),
    "bracket: darkened, alike by hashes": (pair(0.46, 20, FAR, bias=[0, 2]), "bracket"),
    "bracket: 21 bits are another scene": (pair(0.46, 21, FAR, bias=[0, 2]), None),
    "bracket: alike by hashes, but not at all by vectors": (pair(0.44, 20, FAR, bias=[0, 2]), None),
    "bracket: the maker's bias needs no look at the view": (
        pair(0.61, 40, FAR, bias=[0, 2], exposure=[10, 12], pictures=TWO_VIEWS),
        "bracket",
    ),
    "bracket: by the exposure, not of another scene": (
        pair(0.46, 40, FAR, exposure=[10, 11], pictures=ONE_VIEW),
        None,
    ),
    "bracket: four seconds at most": (pair(0.61, 40, (1.1, 5.2), bias=[0, 2]), None),
    "bracket: no zoom": (pair(0.61, 40, FAR, bias=[0, 2], focal=[35, 50]), None),
    "bracket: by the exposure, of one view": (pair(0.61, 40, FAR, exposure=[10, 11], pictures=ONE_VIEW), "bracket"),
    "bracket: by the exposure, no zoom": (
        pair(0.61, 40, FAR, exposure=[10, 11], focal=[35, 50], pictures=ONE_VIEW),
        "overlap",
    ),
    "bracket: the automatic between two views": (pair(0.61, 40, FAR, exposure=[10, 11], pictures=TWO_VIEWS), None),
    "bracket: a small step of the exposure is none": (
        pair(0.61, 40, FAR, exposure=[10, 10.6], pictures=[OTHER, OTHER[::-1]]),
        None,
    ),
    "overlap: in one second, turned": (pair(0.51, 40, pictures=[view(0), view(70)]), "overlap"),
    "overlap: not of another scene": (pair(0.49, 40, pictures=[view(0), view(70)]), None),
    "overlap: not where nothing is the same": (pair(0.51, 40, pictures=[view(), view(of=OTHER)]), None),
    "overlap: not where it is half alike": (pair(0.51, 40, pictures=[view(0), HALF_ALIKE]), None),
    "overlap: not without a first thumbnail": (pair(0.51, 40, pictures=[None, view(70)]), None),
    "overlap: not without a second thumbnail": (pair(0.51, 40, pictures=[view(0)]), None),
    "overlap: up to five seconds": (pair(0.51, 40, (1.1, 6.0), pictures=ONE_VIEW), "overlap"),
    "overlap: not after five seconds": (pair(0.51, 40, (1.1, 6.2), pictures=ONE_VIEW), None),
    "overlap: a step aside takes a second": (pair(0.51, 40, pictures=[view(12, 12), walked(7)]), "overlap"),
    "overlap: after a second it is another view": (pair(0.51, 40, FAR, pictures=[view(12, 12), walked(7)]), None),
    "look: without a time, the next number": (pair(0.94, 8, (None, None), numbers=[1, 2]), "look"),
    "look: not the next but one": (pair(0.94, 8, (None, None), numbers=[1, 3]), None),
    "look: the same to the vectors": (pair(0.92, 8, (None, None), numbers=[1, 2]), None),
    "look: the same to the hashes": (pair(0.94, 9, (None, None), numbers=[1, 2]), None),
    "look: not where the times are known": (pair(0.94, 8, (1.1, 5.6), numbers=[1, 2]), None),
    "a time and none": (pair(0.99, 0, (None, 1.1), numbers=[1, 2], pictures=ONE_VIEW), None),
    "two cameras": (pair(0.99, 0, cameras=[0, 1]), None),
    "file numbers far apart": (pair(0.99, 0, numbers=[1, 27]), None),
    "file numbers near each other": (pair(0.99, 0, numbers=[1, 26]), "fast"),
    "a file without a number after one with": (pair(0.99, 0, numbers=[90, -1]), "fast"),
    "a file with a number after one without": (pair(0.99, 0, numbers=[-1, 90]), "fast"),
    "files without numbers are of no stream": (pair(0.99, 0, numbers=[-1, -1], streams=[0, 1]), "fast"),
    "a counter that starts again": (pair(0.99, 0, numbers=[9999, 1]), "fast"),
    "two streams of file numbers": (pair(0.99, 0, numbers=[1, 2], streams=[0, 1]), None),
}


@pytest.mark.parametrize(("frames", "rule"), TIED.values(), ids=TIED.keys())
def test_two_frames_are_tied_by_a_rule_or_not_at_all(frames, rule):
    assert rules(frames) == ([] if rule is None else [rule])


def test_without_vectors_the_hashes_alone_decide():
    frames = pair(0, 10)
    assert rules(frames) == []
    assert rules(replace(frames, vectors=np.zeros((2, 4), np.float16))) == ["fast"]
    follows = replace(frames, sequence=np.array([3.0, 4.0]), vectors=np.zeros((2, 4), np.float16))
    assert rules(follows) == ["sequence"]


@pytest.mark.parametrize("without", [0, 1])
def test_without_the_vector_of_one_frame_the_hashes_alone_decide(without):
    frames = pair(0.9, 10)
    frames.vectors[without] = 0
    assert rules(frames) == ["fast"]


@pytest.mark.parametrize("hashed", [[True, False], [False, True]])
def test_without_hashes_frames_are_not_alike_by_them(hashed):
    frames = pair(0.5, 0, FAR)
    assert rules(frames) == ["near"]
    assert rules(replace(frames, hashed=np.array(hashed))) == []


@pytest.mark.parametrize("times", [[], [1.1], [None]])
def test_no_frame_and_one_frame_are_no_group(times):
    assert group(made(times, [1] * len(times))) == []


@pytest.mark.parametrize(("between", "tied"), [(1, True), (2, False)])
def test_an_overlap_is_looked_for_in_the_next_two_frames(between, tied):
    pictures = [view(0), *[None] * between, view(70)]
    frames = made([1.1 + 0.2 * at for at in range(between + 2)], [1, *range(2, between + 2), 1], pictures=pictures)
    hashes = np.array([0, *(2**20 - 1 << 20 * (at % 2) for at in range(between)), 2**63 - 1], np.uint64)
    vectors = frames.vectors.copy()
    vectors[-1] = 0
    vectors[-1, [1, 9]] = 0.6, 0.8
    assert bool(group(replace(frames, hashes=hashes, vectors=vectors))) is tied


def test_of_photos_without_a_time_only_neighbours_are_tied():
    frames = made([None] * 3, [1] * 3, numbers=[1, 1, 2])
    assert [each.members for each in group(frames)] == [(1, 2)]


def test_a_frame_is_compared_with_its_next_twelve():
    scenes = [0, *range(1, 12), 0]
    times = [1.01 + 0.02 * at for at in range(13)]
    assert [each.members for each in group(made(times, scenes))] == [(0, 12)]
    more = made([*times, 1.5], [0, *range(1, 13), 0])
    assert group(more) == []


def test_a_copy_between_two_photos_without_a_time_does_not_part_them():
    (found,) = group(made([None] * 3, [1] * 3, numbers=[1, 2, 3], pixels=[1, 1, 2]))
    assert found.members == (0, 2)


def test_a_makers_id_ties_frames_of_one_camera_alone():
    apart = [1.1, 500.2, 900.3]
    (found,) = group(made(apart, [1, 2, 3], burst_ids=["x", None, "x"]))
    assert (found.members, found.edges[0].gap_s) == ((0, 2), 899.2)
    assert group(made(apart, [1, 2, 3], burst_ids=["x", None, "x"], cameras=[0, 0, 1])) == []
    (timeless,) = group(made([None, None], [1, 2], burst_ids=["x", "x"]))
    assert np.isnan(timeless.edges[0].gap_s)
    assert group(made([1.1, 1.1], [1, 1], burst_ids=["x", "x"], pixels=[1, 1])) == []  # a copy


@pytest.mark.parametrize(
    ("gap", "within_s", "tied"), [(8.0, 10.0, True), (10.5, 10.0, False), (2.0, 1.0, False), (0.8, 1.0, True)]
)
def test_the_time_that_is_asked_for_takes_the_place_of_the_usual_one(gap, within_s, tied):
    frames = pair(0.95, 4, (1.1, 1.1 + gap))
    assert bool(group(frames, within_s)) is tied
    assert bool(group(frames)) is (gap <= BurstLimits().near_s)


def test_frames_a_while_apart_must_be_of_one_view_when_more_time_is_asked_for():
    assert rules(pair(0.95, 4, (1.1, 8.1), pictures=ONE_VIEW), 10) == ["near"]
    assert rules(pair(0.95, 4, (1.1, 8.1), pictures=TWO_VIEWS), 10) == []


# -- kinds ------------------------------------------------------------------------------------------------------------


def series(times: Sequence[float], pictures: Sequence[np.ndarray] | None = None, bits: int = 2, **given: Any) -> Frames:
    """Return frames of one scene whose hashes differ in so many bits from one to the next."""
    frames = made(list(times), [1] * len(times), pictures=None if pictures is None else list(pictures), **given)
    hashes = [(2**bits - 1 << (bits if at % 2 else 0)) if bits else 0 for at in range(len(times))]
    halves = [value if at % 2 else 0 for at, value in enumerate(hashes)]
    return replace(frames, hashes=np.array(halves, np.uint64))


def kinds(frames: Frames) -> list[tuple[str, int]]:
    return [(each.kind, len(each.members)) for each in group(frames)]


def times(count: int, gap: float) -> list[float]:
    return [1.05 + gap * at for at in range(count)]


DRIFT = [view(40 * at) for at in range(3)]
ROUND = [view(0), view(40), view(0)]
SHADOW = [
    np.where((np.arange(VIEW[1]) < 30 + 60 * at)[None, :, None], view(20, 20) // 3, view(20, 20)).astype(np.uint8)
    for at in range(5)
]
FOCUS_LOST = [cv2.GaussianBlur(view(20, 20), (0, 0), 0.3 + 0.8 * at) for at in range(5)]
NARROW = {"bits": 12}
KINDS: dict[str, tuple[Frames, list[tuple[str, int]]]] = {
    "a bracket of three": (series(times(3, 0.5), bias=[0, -2, 2]), [("bracket", 3)]),
    "two exposures are no bracket": (series(times(2, 0.5), bias=[-2, 2]), [("burst", 2)]),
    "a spread of less than 1 EV is no bracket": (series(times(3, 0.5), bias=[0, 0.6, 0]), [("burst", 3)]),
    "an exposure that stays is no bracket": (series(times(4, 0.5), bias=[0, 0, 2, 2]), [("burst", 4)]),
    "a bracket lasts five seconds at most": (series(times(3, 2.6), bias=[0, -2, 2]), [("burst", 3)]),
    "a bracket by exposures": (series(times(3, 0.5), exposure=[9, 11, 13]), [("bracket", 3)]),
    "a bracket by exposures, of one view": (
        series(times(3, 0.5), [view(0), view(4), view(0)], exposure=[9, 11, 13]),
        [("bracket", 3)],
    ),
    "a walk whose exposures change is no bracket": (
        series(times(3, 0.5), [view(12, 12), walked(7), walked(-7)], exposure=[9, 11, 13]),
        [("burst", 3)],
    ),
    "brackets one after the other": (
        series(times(6, 0.4), bias=[0, -2, 2, 0, -2, 2]),
        [("bracket", 3), ("bracket", 3)],
    ),
    "brackets that are not whole are one group": (series(times(5, 0.4), bias=[0, -2, 2, 0, -2]), [("bracket", 5)]),
    "a panorama drifts": (series(times(3, 0.8), DRIFT, **NARROW), [("panorama", 3)]),
    "a hand that comes back draws no panorama": (series(times(3, 0.8), ROUND, **NARROW), [("burst", 3)]),
    "two frames are no panorama": (series(times(2, 0.8), DRIFT[:2], **NARROW), [("burst", 2)]),
    "small moves are no panorama": (
        series(times(3, 0.8), [view(0), view(20), view(40)], **NARROW),
        [("burst", 3)],
    ),
    "without thumbnails no panorama": (series(times(3, 0.8), **NARROW), [("burst", 3)]),
    "a steady interval is a time-lapse": (series(times(9, 2.0)), [("timelapse", 9)]),
    "seven frames are no time-lapse": (series(times(7, 2.0)), [("burst", 7)]),
    "a burst has a steady interval, too": (series(times(9, 1.4)), [("burst", 9)]),
    "an interval that varies is none": (series([*times(8, 2.0), 17.4]), [("burst", 9)]),
    "a slow steady interval is a time-lapse": (series(times(9, 60.0)), [("timelapse", 9)]),
    "seven slow frames are none": (series(times(7, 60.0)), []),
    "more than an hour is no interval": (series(times(9, 3601.0)), []),
    "only the focus moves": (series(times(5, 0.8), slices(5)), [("focus_stack", 5)]),
    "three slices are no stack": (series(times(3, 0.8), slices(3)), [("burst", 3)]),
    "focus that jumps is no stack": (series(times(5, 0.8), slices(5, back=True)), [("burst", 5)]),
    "a tripod is no stack": (series(times(5, 0.8), slices(5, sharp=True)), [("burst", 5)]),
    "a shadow that passes is no stack": (series(times(5, 0.8), SHADOW), [("burst", 5)]),
    "focus that is lost is no stack": (series(times(5, 0.8), FOCUS_LOST), [("burst", 5)]),
    "a stack keeps its exposure": (
        series(times(5, 0.8), slices(5), exposure=[9, 9, 9, 9, 9.4]),
        [("burst", 5)],
    ),
    "a stack stands still": (
        series(times(5, 0.8), [np.roll(each, 8 * at, 1) for at, each in enumerate(slices(5))]),
        [("burst", 5)],
    ),
    "slices that come slowly": (series([0.1, 5.9, 11.0, 17.2, 21.9], slices(5)), [("focus_stack", 5)]),
    "a stack pauses for less than twice the interval": (series([0.1, 5.9, 11.0, 24.2, 30.0], slices(5)), []),
    "no slice takes half a minute": (series(times(5, 21.0), slices(5)), []),
    "slow frames from a tripod": (series(times(5, 6.0), slices(5, sharp=True)), []),
    "a stack at an exact interval is no time-lapse": (series(times(9, 6.0), slices(9)), [("focus_stack", 9)]),
    "a fast stack at an exact interval is no time-lapse": (series(times(9, 2.0), slices(9)), [("focus_stack", 9)]),
    "slices whose hashes differ": (series(times(5, 6.0), slices(5), bits=9), []),
}


@pytest.mark.parametrize(("frames", "expected"), KINDS.values(), ids=KINDS.keys())
def test_what_frames_are_together(frames, expected):
    assert kinds(frames) == expected


def test_a_slow_stack_takes_its_slices_from_the_bursts_that_near_ones_made():
    frames = series([0.1, 5.2, 7.4, 13.0, 18.1, 20.2], slices(6))
    (found,) = group(frames)
    assert (found.kind, found.members) == ("focus_stack", (0, 1, 2, 3, 4, 5))
    assert [edge.rule for edge in sorted(found.edges, key=lambda edge: edge.second)].count("near") == 2
    assert sorted(edge.second for edge in found.edges) == [1, 2, 3, 4, 5]


def test_what_was_taken_after_a_slow_stack_stays_out_of_it():
    near = series([0.1, 5.9, 11.0, 17.2, 21.9, 23.0], [*slices(5), view(20, 20)])
    hashes = near.hashes.copy()
    hashes[-1] ^= np.uint64(2**40 - 2**28)
    (found,) = group(replace(near, hashes=hashes))
    assert (found.kind, found.members) == ("focus_stack", (0, 1, 2, 3, 4))
    assert sorted(edge.second for edge in found.edges) == [1, 2, 3, 4]


def test_each_of_several_brackets_has_its_own_edges():
    for each in group(series(times(6, 0.4), bias=[0, -2, 2, 0, -2, 2])):
        assert each.edges
        assert {at for edge in each.edges for at in (edge.first, edge.second)} == set(each.members)


def test_the_slices_of_two_cameras_are_no_stack():
    assert kinds(series([0.1, 5.9, 0.2, 11.0], slices(4), cameras=[0, 0, 1, 1])) == []


def test_a_time_lapse_is_of_one_camera_and_of_one_scene():
    steady = times(10, 60.0)
    assert kinds(made(steady, [1] * 5 + [2] * 5)) == []
    assert kinds(made(steady[:5] * 2, [1] * 10, cameras=[0] * 5 + [1] * 5)) == []
    rough = [float(round(each)) + (at % 2) for at, each in enumerate(times(10, 60.0))]
    assert kinds(made(rough, [1] * 10)) == [("timelapse", 10)]
