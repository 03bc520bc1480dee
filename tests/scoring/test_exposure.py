from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import spearmanr
from skimage import data

from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.exposure import Exposure, ExposureStage, measure_exposure


def exposure_of(pixels: np.ndarray) -> Exposure:
    grey = (pixels.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])).astype(np.float32)
    return measure_exposure(np.ascontiguousarray(pixels), np.ascontiguousarray(grey))


def scaled(pixels: np.ndarray, factor: float) -> np.ndarray:
    return (pixels * float(factor)).round().clip(0, 255).astype(np.uint8)


def placed(pixels: np.ndarray) -> np.ndarray:
    """Expose a picture so that its median is middle grey."""
    return scaled(pixels, 118 / exposure_of(pixels).luma_p50)


def assert_ordered(pixels: np.ndarray) -> None:
    well = placed(pixels)
    for stops in ((0, 0.5, 1, 1.5, 2), (0, -0.5, -1, -2, -3)):
        series = [exposure_of(scaled(well, 2**stop)) for stop in stops]
        assert spearmanr(range(5), [found.midtone for found in series])[0] <= -0.95
    over = [exposure_of(scaled(well, 2**stop)).clipped_highlights for stop in (0, 0.5, 1, 1.5, 2)]
    assert over == sorted(over)
    assert over[-1] > over[0]


def test_shares_of_black_and_white_are_counted():
    pixels = np.full((10, 20, 3), 128, np.uint8)
    pixels[:2] = 0
    pixels[2:5] = 255
    found = exposure_of(pixels)
    assert (found.clipped_shadows, found.clipped_highlights) == (0.2, 0.3)


def test_a_strong_colour_is_not_clipped():
    for colour in ((255, 0, 0), (0, 255, 255), (254, 253, 254), (1, 2, 1)):
        found = exposure_of(np.full((4, 4, 3), colour, np.uint8))
        assert (found.clipped_shadows, found.clipped_highlights) == (0, 0)


@pytest.mark.parametrize("scene", [data.astronaut, data.coffee, data.chelsea])
def test_percentiles_are_those_of_numpy(scene):
    pixels = scene()
    found = exposure_of(pixels)
    expected = np.percentile(pixels @ np.array([0.299, 0.587, 0.114]), [1, 50, 99])
    assert [found.luma_p01, found.luma_p50, found.luma_p99] == pytest.approx(expected.tolist(), abs=1)


def test_the_midtone_is_best_at_middle_grey_and_worst_at_the_ends():
    levels = [exposure_of(np.full((3, 3, 3), level, np.uint8)).midtone for level in (0, 60, 118, 180, 255)]
    assert levels == pytest.approx([0, 60 / 118, 1, 75 / 137, 0])


@pytest.mark.parametrize("scene", [data.astronaut, data.coffee, data.chelsea])
def test_a_series_from_well_to_badly_exposed_is_ordered(scene):
    assert_ordered(scene())


def test_real_photos_from_well_to_badly_exposed_are_ordered(samples: Path):
    for path in sorted((samples / "kodak").iterdir()):
        with Image.open(path) as image:
            assert_ordered(np.asarray(image.convert("RGB")))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40))
def test_turning_and_mirroring_change_nothing_and_all_values_are_in_range(seed: int, height: int, width: int):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    found = exposure_of(pixels)
    for turned in (pixels[::-1], pixels[:, ::-1], np.rot90(pixels)):
        assert exposure_of(turned) == found
    assert 0 <= found.clipped_shadows <= 1
    assert 0 <= found.clipped_highlights <= 1
    assert 0 <= found.midtone <= 1
    assert 0 <= found.luma_p01 <= found.luma_p50 <= found.luma_p99 <= 255


def test_the_row_has_the_columns_that_are_declared():
    out = io.BytesIO()
    Image.fromarray(data.coffee()).save(out, "PNG")
    (row,) = ExposureStage().run(DecodedPhoto(out.getvalue(), "png", 10**8))["quality"]
    assert list(row) == [field.name for field in ExposureStage.tables[0].columns]
