"""What a group of frames is, one row for each rule: each row fails when its rule is taken out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import cv2
import numpy as np
import pytest

from burst_album import made
from burst_scenes import OTHER, slices, view
from photoidx.queries.bursts.frames import Frames
from photoidx.queries.bursts.kinds import kind_of, split_brackets, timelapses
from photoidx.queries.bursts.registration import Registered


def series(times: Sequence[float | None], bits: Sequence[int] = (), **given: Any) -> Frames:
    """Return frames whose hashes differ in so many bits from one to the next (2 where nothing is given)."""
    frames = made(list(times), [1] * len(times), **given)
    steps = bits or [2] * (len(times) - 1)
    changes = [(2**many - 1) << (32 if at % 2 else 0) for at, many in enumerate(steps)]
    frames.hashes[:] = list(accumulate(changes, np.bitwise_xor, initial=0))
    return frames


def after(gaps: Sequence[float]) -> list[float]:
    """Return the times of frames with these seconds between them, with sub-seconds."""
    return list(accumulate(gaps, initial=1.05))


HALF_SECONDS = after([0.5, 0.5])
HALF = cv2.addWeighted(view(40).copy(), 0.15, view(of=OTHER).copy(), 0.85, 0)
KINDS = {
    "a panorama": (series(HALF_SECONDS, [10, 10], pictures=[view(0), view(40), view(80)]), "panorama"),
    "a panorama changes ten bits": (series(HALF_SECONDS, [9, 9], pictures=[view(0), view(40), view(80)]), "burst"),
    "a panorama changes them in every step": (
        series(HALF_SECONDS, [12, 9], pictures=[view(0), view(40), view(80)]),
        "burst",
    ),
    "a panorama has three frames": (series(after([0.5]), [12], pictures=[view(0), view(40)]), "burst"),
    "a panorama is known in every step": (
        series(HALF_SECONDS, [12, 12], pictures=[view(0), view(40), None]),
        "burst",
    ),
    "a panorama is alike where it overlaps": (
        series(HALF_SECONDS, [12, 12], pictures=[view(0), HALF, view(80)]),
        "burst",
    ),
    "a focus stack": (series(after([0.8] * 4), [8] * 4, pictures=slices(5)), "focus_stack"),
    "a focus stack changes eight bits in no step": (
        series(after([0.8] * 4), [2, 2, 2, 9], pictures=slices(5)),
        "burst",
    ),
    "a bracket by the maker's bias needs no look at the view": (
        series(HALF_SECONDS, bias=[0, -2, 2], pictures=[view(0), view(of=OTHER), view(80)]),
        "bracket",
    ),
    "a bracket's exposures are all known": (series(HALF_SECONDS, exposure=[9, np.nan, 11]), "burst"),
    "a bracket of which one frame has no time": (
        series([None, -99.9, -99.5], bias=[0, -2, 2], burst_ids=["x"] * 3),
        "bracket",
    ),
    "a time-lapse's interval varies by 2 %": (series(after([20.1, 19.9, 20.5, 20, 20, 20, 20])), "timelapse"),
    "a time-lapse's short interval varies by .15 s": (
        series(after([1.6, 1.6, 1.6, 1.6, 1.6, 1.75, 1.6])),
        "timelapse",
    ),
    "a time-lapse's interval varies no more": (series(after([1.6, 1.6, 1.6, 1.6, 1.6, 1.8, 1.6])), "burst"),
}


@pytest.mark.parametrize(("frames", "kind"), KINDS.values(), ids=KINDS.keys())
def test_a_group_is_of_one_kind(frames, kind):
    assert kind_of(frames, range(len(frames)), Registered(frames)) == kind


def test_a_bracket_ends_after_four_seconds_though_no_exposure_comes_again():
    frames = series(after([0.5, 0.5, 3.1, 0.5, 0.5]), bias=[0, -2, 2, 1, -1, 3])
    assert split_brackets(frames, range(6), Registered(frames)) == [[0, 1, 2], [3, 4, 5]]


INTERVALS: dict[str, tuple[list[float], bool]] = {
    "of 10 s": (after([10] * 7), True),
    "of 1.4 s: a burst has it, too": (after([1.4] * 7), False),
    "that varies": (after([60, 90] * 4), False),
    "that varies by less than a second": (after([10, 11] * 4), False),
    "that varies by less than a second, with a time without sub-seconds": (
        [*after([10] * 3), 42.0, *(51.05 + 10 * at for at in range(4))],
        True,
    ),
    "that varies by less than 2 %": (after([600, 605] * 4), True),
}


@pytest.mark.parametrize(("times", "found"), INTERVALS.values(), ids=INTERVALS.keys())
def test_a_slow_time_lapse_has_an_interval(times, found):
    assert list(timelapses(made(times, [1] * len(times)), ())) == ([tuple(range(len(times)))] if found else [])
