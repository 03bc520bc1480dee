"""Exposure and noise of a frame beside the others of its group, one row a rule."""

from __future__ import annotations

from typing import Any

import pytest

from photoidx.queries.best.light import clean, is_as_clean, technical_beside
from photoidx.queries.best.sharper import Lead

DARK: dict[str, Any] = {"technical": 0.9, "midtone": 0.5, "noise_sigma": 1.0}
WELL: dict[str, Any] = {"technical": 0.6, "midtone": 0.8, "noise_sigma": 1.0}


@pytest.mark.parametrize(
    ("dark", "well", "expected"),
    [
        ({}, {}, 0.6),
        ({"midtone": 0.57}, {}, 0.9),
        ({}, {"technical": 0.95}, 0.9),
        ({}, {"clipped_highlights": 0.03}, 0.9),
        ({}, {"clipped_shadows": 0.03}, 0.9),
        ({"clipped_highlights": 0.02}, {"clipped_highlights": 0.03}, 0.6),
        ({}, {"noise_sigma": 2.6}, 0.9),
        ({}, {"noise_sigma": 2.4}, 0.6),
        ({}, {"technical": None}, 0.9),
        ({}, {"midtone": None}, 0.9),
        ({"midtone": None}, {}, 0.9),
        ({"technical": None}, {}, None),
    ],
    ids=[
        "much worse exposed",
        "a little worse exposed",
        "and no better",
        "the other clips highlights",
        "the other clips shadows",
        "both clip",
        "the other is noisy",
        "the other is a little noisier",
        "the other has no score",
        "the other has no exposure",
        "no exposure",
        "no score",
    ],
)
def test_a_worse_exposed_frame_has_no_higher_technical_score_than_a_better_exposed_one(dark, well, expected):
    frames = [DARK | dark, WELL | well]
    assert technical_beside(frames, [0, 1])[0] == expected
    assert technical_beside(frames, [0])[0] == (DARK | dark)["technical"]


@pytest.mark.parametrize(
    ("noise", "lead", "expected"),
    [
        ((1.0, 2.6), 0.0, [1.0, 0.0]),
        ((1.0, 2.4), 0.0, [1.0, 1.0]),
        ((1.0, 2.6), 0.2, [1.0, 0.0]),
        ((1.0, 2.6), 0.3, [1.0, 1.0]),
        ((1.0, 9.0), None, [1.0, 0.0]),
        ((None, 9.0), None, [None, 1.0]),
    ],
    ids=["noisier", "a little noisier", "hardly sharper", "sharper", "too noisy to compare", "not measured"],
)
def test_a_frame_is_noisy_beside_one_that_is_clearly_less_so(noise, lead, expected):
    frames = [{"noise_sigma": each} for each in noise]
    compared = {} if lead is None else {(1, 0): Lead(-3.0, -3.0 - lead, "all over")}
    assert clean(frames, [0, 1], compared) == expected
    assert clean(frames, [1], compared)[1] == 1.0


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(1.0, 2.2, True), (1.0, 2.3, False), (2.3, 1.0, False), (0.0, 0.2, True), (None, None, True)],
)
def test_frames_are_as_clean_as_each_other_up_to_twice_the_noise(first, second, expected):
    assert is_as_clean({"noise_sigma": first}, {"noise_sigma": second}) is expected
