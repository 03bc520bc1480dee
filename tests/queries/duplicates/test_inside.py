"""Which parts of pictures may show which others, by the hashes of both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_pictures import made
from photoidx.queries.duplicates.inside import Panels, boxes_of, shown_inside

OTHERS = [0x0F0F_3C3C_5A5A_9669, 0x1234_5678_9ABC_DEF0, 0xFEDC_BA98_7654_3210, 0x00FF_00FF_0FF0_F00F]
HALF = (0.0, 0.0, 0.5, 1.0)


def parts(owner: int, hash_64: int, square_64: int, squares: list[int]) -> Panels:
    """One part of one picture, and the middle squares of all."""
    return Panels(
        np.array([owner]),
        np.array([HALF], np.float32),
        np.array([hash_64], np.uint64),
        np.array([square_64], np.uint64),
        np.arange(len(squares)),
        np.array(squares, np.uint64),
    )


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 63), max_size=7), st.sampled_from([1, 2, 3]), st.booleans())
def test_a_part_is_paired_with_what_has_nearly_its_hash_or_its_middle_square(bits, shown, by_square):
    near = OTHERS[shown]
    for bit in bits:
        near ^= 1 << bit
    nothing = 0x5555_AAAA_3333_CCCC
    pictures = made(OTHERS if not by_square else [each ^ nothing for each in OTHERS], np.zeros((4, 4)))
    panels = parts(0, near, near, OTHERS if by_square else [each ^ nothing for each in OTHERS])
    inside = shown_inside(pictures, panels)
    assert inside.tolist() == [[0, shown]]
    assert boxes_of(panels, inside) == {0: [HALF]}


@pytest.mark.parametrize(("fresh", "found"), [([0], [[0, 2]]), ([2], [[0, 2]]), ([1, 3], [])])
def test_only_what_is_new_is_paired(fresh, found):
    panels = parts(0, OTHERS[2], 0, OTHERS)
    assert shown_inside(made(OTHERS, np.zeros((4, 4))), panels, np.array(fresh)).tolist() == found


def test_a_picture_is_not_shown_by_its_own_part():
    panels = parts(1, OTHERS[1], OTHERS[1], OTHERS)
    assert shown_inside(made(OTHERS, np.zeros((4, 4))), panels).tolist() == []


def test_a_library_without_parts_has_none():
    none = Panels(*(np.zeros(shape, kind) for shape, kind in EMPTY))
    assert shown_inside(made(OTHERS, np.zeros((4, 4))), none).tolist() == []


EMPTY = [
    (0, np.int64),
    ((0, 4), np.float32),
    (0, np.uint64),
    (0, np.uint64),
    (0, np.int64),
    (0, np.uint64),
]
