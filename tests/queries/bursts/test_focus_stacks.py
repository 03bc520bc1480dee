"""What is a focus stack, one row for each rule: each row fails when its rule is taken out."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import Any

import cv2
import numpy as np
import pytest

from burst_album import made
from burst_scenes import slices
from photoidx.queries.bursts.focus_stacks import focus_stacks, is_focus_stack
from photoidx.queries.bursts.frames import Frames
from photoidx.queries.bursts.registration import Registered

SLICES = slices(6)


def in_places(sigma: float) -> list[np.ndarray]:
    """Return the slices, each with a blur in tiles of its own."""
    rng = np.random.default_rng(3)
    found = []
    for each in SLICES:
        mask = np.kron(rng.integers(0, 2, (6, 8)), np.ones((40, 40)))[..., None].astype(bool)
        found.append(np.where(mask, cv2.GaussianBlur(each, (0, 0), sigma), each).astype(np.uint8))
    return found


def softened(sigma: float) -> list[np.ndarray]:
    return [cv2.GaussianBlur(each, (0, 0), sigma) for each in SLICES]


def lit() -> list[np.ndarray]:
    """Return the slices, with a light that changes sides."""
    slope = np.linspace(-30, 30, 320)[None, :, None]
    return [(each * 0.6 + 60 + (slope if at % 2 else -slope)).astype(np.uint8) for at, each in enumerate(SLICES)]


LOOKS = {
    "only the focus moves": (SLICES, {}, True),
    "of which an exposure is not known": (SLICES, {"exposure": [9, 9, np.nan, 9, 9, 11]}, True),
    "whose exposures differ": (SLICES, {"exposure": [9, 9, 9, 9, 9, 9.4]}, False),
    "of which one is in another light": (lit(), {}, False),
    "of which one has another size": ([*SLICES[:5], cv2.resize(SLICES[5], (316, 237))], {}, False),
    "that are soft, and sharp tiles tell more than smooth ones": (softened(2.0), {}, True),
    "that are so soft that their detail hardly changes": (softened(3.0), {}, False),
    "whose detail changes in other ways, too": (in_places(1.0), {}, False),
}


@pytest.mark.parametrize(("pictures", "given", "found"), LOOKS.values(), ids=LOOKS.keys())
def test_frames_are_a_focus_stack_if_only_the_focus_moves(pictures, given, found):
    frames = made([1.0 + at for at in range(6)], [1] * 6, pictures=pictures, **given)
    assert is_focus_stack(frames, range(6), Registered(frames)) is found


def slow(*gaps: float, **given: Any) -> Frames:
    """Return the slices with these seconds between them."""
    times: list[float | None] = [*accumulate(gaps, initial=1.0)]
    return made(times, [1] * 6, pictures=SLICES, **given)


def found_in(frames: Frames, groups: list[list[int]], left_out: int | None = None) -> list[tuple[int, ...]]:
    out = np.arange(len(frames)) == (-1 if left_out is None else left_out)
    return list(focus_stacks(frames, groups, out, Registered(frames)))


def test_a_stack_that_one_group_holds_is_not_found_again():
    frames = slow(6, 6, 6, 6, 6)
    assert found_in(frames, [[0, 1], [2, 3]]) == [(0, 1, 2, 3, 4, 5)]
    assert found_in(frames, [[0, 1, 2, 3, 4, 5]]) == []


def test_what_is_no_frame_has_no_hash_or_no_time_is_no_slice():
    frames = slow(6, 6, 6, 6, 6)
    rest = [(1, 2, 3, 4, 5)]
    assert found_in(frames, [], left_out=0) == rest
    assert found_in(replace(frames, hashed=np.arange(6) != 0), []) == rest
    timeless = made([None, 6, 12, 18, 24, 30], [1] * 6, pictures=SLICES)
    assert found_in(timeless, []) == rest


def test_a_pause_is_known_to_a_second():
    assert found_in(slow(1, 1, 1, 1, 2.9), []) == [(0, 1, 2, 3, 4, 5)]
    assert found_in(slow(1, 1, 1, 1, 3.1), []) == [(0, 1, 2, 3, 4)]
