from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from scipy.stats import spearmanr
from skimage import data
from skimage.restoration import estimate_sigma

from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.noise import NoiseStage, estimate_noise, measure

SCENES = {"astronaut": data.astronaut, "coffee": data.coffee, "chelsea": data.chelsea}


def grey_of(pixels: np.ndarray) -> np.ndarray:
    return (pixels.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])).astype(np.float32)


def noisy(grey: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    return (grey + np.random.default_rng(seed).normal(0, sigma, grey.shape)).clip(0, 255).astype(np.float32)


def ramp() -> np.ndarray:
    down, across = np.mgrid[0:240, 0:320].astype(np.float32)
    return 60 + across / 4 + down / 4


@pytest.mark.parametrize("sigma", [1, 2, 5, 10, 20])
def test_noise_on_a_smooth_picture_is_measured_within_3_percent(sigma: float):
    assert estimate_noise(noisy(ramp(), sigma)).sigma == pytest.approx(sigma, rel=0.03)


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_noise_that_was_added_to_a_photo_is_found_as_by_wavelets(scene: str):
    grey = grey_of(SCENES[scene]())
    for sigma in (10, 20):
        found = estimate_noise(noisy(grey, sigma)).sigma
        assert found == pytest.approx(sigma, rel=0.2)
        assert found == pytest.approx(estimate_sigma(noisy(grey, sigma)), rel=0.15)


def test_texture_counts_far_less_than_for_the_estimator_without_a_choice_of_pixels():
    grey = grey_of(data.coffee())
    fabric = np.random.default_rng(0).integers(0, 2, (grey.shape[0] // 2, 100))
    grey[:, :200] = 20 + 200 * fabric.repeat(2, axis=0).repeat(2, axis=1)
    mask = np.outer([1, -2, 1], [1, -2, 1])
    of_all_pixels = np.sqrt(np.pi / 2) / 6 * np.abs(ndimage.convolve(grey, mask)).mean()
    assert estimate_noise(grey).sigma < 3 < of_all_pixels / 4


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_a_series_from_clean_to_noisy_is_ordered(scene: str):
    grey = grey_of(SCENES[scene]())
    sigmas = (0, 2, 5, 10, 20, 40)
    assert spearmanr(sigmas, [estimate_noise(noisy(grey, sigma)).sigma for sigma in sigmas])[0] >= 0.95


def test_real_photos_from_clean_to_noisy_are_ordered(samples: Path):
    sigmas = (0, 2, 5, 10, 20, 40)
    for path in sorted((samples / "kodak").iterdir()):
        with Image.open(path) as image:
            grey = grey_of(np.asarray(image.convert("RGB")))
        assert spearmanr(sigmas, [estimate_noise(noisy(grey, sigma)).sigma for sigma in sigmas])[0] >= 0.95


def test_a_blown_sky_does_not_hide_the_noise():
    grey = noisy(ramp(), 8)
    grey[:150] = 255
    assert estimate_noise(grey).sigma == pytest.approx(8, rel=0.05)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 30), st.integers(8, 90), st.integers(8, 90))
def test_turning_and_mirroring_change_nothing(seed: int, sigma: float, height: int, width: int):
    grey = noisy(np.random.default_rng(seed).uniform(20, 235, (1, 1)) + np.zeros((height, width)), sigma, seed)
    grey = np.round(64 * grey) / np.float32(64)  # in steps that sums keep: the last bit may move a pixel over an edge
    first = estimate_noise(grey).sigma
    for turned in (grey[::-1], grey[:, ::-1], np.rot90(grey)):
        same = None if first is None else pytest.approx(first, rel=1e-4, abs=1e-4)
        assert estimate_noise(np.ascontiguousarray(turned)).sigma == same


def test_a_flat_picture_has_none_and_one_that_can_not_tell_has_no_value():
    assert estimate_noise(np.full((50, 60), 120, np.float32)).sigma == 0
    assert estimate_noise(np.full((1, 1), 120, np.float32)).sigma is None
    assert estimate_noise(np.full((1, 900), 120, np.float32)).sigma is None
    assert estimate_noise(np.full((50, 60), 255, np.float32)).sigma is None


def test_the_row_holds_what_was_measured():
    out = io.BytesIO()
    Image.fromarray(data.coffee()).save(out, "PNG")
    photo = DecodedPhoto(out.getvalue(), "png", 10**8)
    assert NoiseStage().run(photo) == {"quality": [{"noise_sigma": photo.once(measure).sigma}]}
