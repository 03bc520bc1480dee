"""The ways to make a picture worse: how many, what they change, and that they change nothing else."""

from __future__ import annotations

import io
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photoidx.evaluation.degradations import (
    ADDED,
    CROPS,
    PLACEBO,
    PUBLISHED,
    Degradation,
    as_bmp,
    as_jpeg,
    blurred,
    exposed,
    fitted,
    motion_blurred,
    noisy,
)

WAYS = (*PUBLISHED, *ADDED, PLACEBO)
SIDES = st.integers(1, 70)


def drawn(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def made(way: Degradation, pixels: np.ndarray) -> np.ndarray:
    return way.make(pixels, np.random.default_rng(1))


def test_there_are_27_published_variants_and_five_more_each_with_its_own_name():
    counts = {"blur": 4, "JPEG": 5, "exposure": 4, "edge": 4, "corner": 4, "aspect": 4, "centre": 2}
    assert Counter(way.kind for way in PUBLISHED) == counts
    assert Counter(way.kind for way in ADDED) == {"noise": 3, "motion blur": 2}
    assert len(PUBLISHED) == 27
    assert len({way.name for way in WAYS}) == len(WAYS)
    assert [way.quality for way in WAYS if way.quality] == [80, 60, 40, 20, 10]


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, st.sampled_from(WAYS))
def test_a_variant_is_a_picture_of_the_same_size_unless_it_is_a_crop_and_the_original_stays(
    width: int, height: int, way: Degradation
):
    pixels = drawn(width, height)
    before = pixels.copy()
    variant = made(way, pixels)
    assert (pixels == before).all()
    assert variant.dtype == np.uint8
    assert variant.shape[2] == 3
    if way.kind in CROPS:
        assert 1 <= variant.shape[0] <= height
        assert 1 <= variant.shape[1] <= width
    else:
        assert variant.shape == pixels.shape


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("edge 0.20 off the right", np.s_[:, :80]),
        ("edge 0.30 off the bottom", np.s_[:140, :]),
        ("corner top left 0.70", np.s_[:140, :70]),
        ("corner bottom right 0.60", np.s_[80:, 40:]),
        ("aspect tall 0.60", np.s_[:, 20:80]),
        ("aspect wide 0.50", np.s_[50:150, :]),
        ("centre 0.70", np.s_[30:170, 15:85]),
    ],
)
def test_a_crop_keeps_the_part_that_its_name_says(name: str, expected: tuple[slice, slice]):
    pixels = drawn(100, 200)
    (way,) = (each for each in PUBLISHED if each.name == name)
    assert np.array_equal(made(way, pixels), pixels[expected])


@pytest.mark.parametrize("sigma", [1, 2, 4, 8])
def test_a_blur_reaches_three_sigmas_and_spreads_light_as_a_gaussian(sigma: int):
    pixels = np.zeros((101, 101, 3), np.uint8)
    pixels[50] = 255
    column = blurred(pixels, sigma)[:, 50, 0].astype(float)
    reach = np.flatnonzero(column) - 50
    assert 2 * sigma <= reach.max() <= math.ceil(3 * sigma)
    spread = math.sqrt((column * (np.arange(101) - 50) ** 2).sum() / column.sum())
    assert spread == pytest.approx(sigma, rel=0.05)


@given(st.floats(1, 30), st.floats(0, math.pi))
@settings(max_examples=30, deadline=None)
def test_motion_spreads_a_point_over_a_line_of_its_length_and_angle(length: float, angle: float):
    pixels = np.zeros((81, 81, 3), np.uint8)
    pixels[40, 40] = 255
    light = motion_blurred(pixels, length, angle)[..., 0].astype(float)
    y, x = np.nonzero(light)
    along = (x - 40) * math.cos(angle) + (y - 40) * math.sin(angle)
    across = (x - 40) * math.sin(angle) - (y - 40) * math.cos(angle)
    assert np.abs(along).max() <= length / 2 + 1
    assert np.abs(along).max() >= length / 2 - 2
    assert np.abs(across).max() < 1.5


@given(st.floats(1, 30), st.floats(0, math.pi), st.integers(0, 255))
@settings(max_examples=30, deadline=None)
def test_neither_blur_changes_an_even_picture(size: float, angle: float, level: int):
    even = np.full((20, 30, 3), level, np.uint8)
    for found in (motion_blurred(even, size, angle), blurred(even, size / 4)):
        assert np.abs(found.astype(int) - level).max() <= 1


def test_exposure_multiplies_the_values_and_clips_them():
    pixels = np.array([[[3, 100, 200]]], np.uint8)
    assert exposed(pixels, 1).tolist() == [[[6, 200, 255]]]
    assert exposed(pixels, -2).tolist() == [[[1, 25, 50]]]


@pytest.mark.parametrize("sigma", [5, 10, 20])
def test_noise_has_the_strength_that_is_asked_for_in_each_channel(sigma: int):
    grey = np.full((200, 200, 3), 128, np.uint8)
    noise = noisy(grey, sigma, np.random.default_rng(0)).astype(float) - 128
    assert noise.std(axis=(0, 1)) == pytest.approx([sigma] * 3, rel=0.03)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02


@given(SIDES, SIDES, st.integers(1, 100))
@settings(max_examples=50, deadline=None)
def test_a_picture_is_made_smaller_and_never_larger(width: int, height: int, long_side: int):
    found = fitted(drawn(width, height), long_side)
    assert max(found.shape[:2]) == min(long_side, max(width, height))


def test_the_lossless_file_holds_the_very_pixels_and_the_jpeg_has_its_quality():
    pixels = drawn(40, 30)
    with Image.open(io.BytesIO(as_bmp(pixels))) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), pixels)
    expected = io.BytesIO()
    Image.fromarray(pixels).save(expected, "JPEG", quality=60)
    with Image.open(io.BytesIO(as_jpeg(pixels, 60))) as ours, Image.open(expected) as theirs:
        assert ours.quantization == theirs.quantization


def test_the_placebo_is_the_mirrored_picture():
    pixels = drawn(5, 4)
    assert np.array_equal(made(PLACEBO, pixels), pixels[:, ::-1])
