from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import spearmanr
from skimage import data

from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.colour import ColourStage, colourfulness, measure_colour

SCENES = [data.astronaut, data.coffee, data.chelsea]


def m3(pixels: np.ndarray) -> float:
    """Hasler and Suesstrunk's formula, literally."""
    red, green, blue = np.moveaxis(pixels.astype(np.float64), 2, 0)
    rg, yb = red - green, 0.5 * (red + green) - blue
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def greys(gain: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    """Draw a grey scene under a light of some colour."""
    levels = np.linspace(40, 190, 160)[None, :, None] * np.ones((120, 1, 3)) * gain
    return levels.round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("scene", SCENES)
def test_colourfulness_is_the_published_formula(scene):
    assert colourfulness(scene()) == pytest.approx(m3(scene()), rel=1e-4)
    assert measure_colour(scene()).colourfulness == pytest.approx(m3(scene()), rel=0.05)


@pytest.mark.parametrize("scene", SCENES)
def test_a_series_from_grey_to_colourful_is_ordered(scene):
    pixels = scene().astype(np.float64)
    grey = pixels.mean(axis=2, keepdims=True)
    series = [(grey + (pixels - grey) * share).clip(0, 255).astype(np.uint8) for share in (0, 0.3, 0.6, 0.8, 1)]
    found = [measure_colour(picture).colourfulness for picture in series]
    assert found[0] == pytest.approx(0, abs=1e-3)
    assert spearmanr(range(5), found)[0] >= 0.95


def test_a_black_and_white_picture_has_no_cast():
    for pixels in (greys(), np.zeros((1, 1, 3), np.uint8)):
        found = measure_colour(pixels)
        assert (found.colourfulness, found.cast, found.cast_direction_deg) == (0, None, None)


@pytest.mark.parametrize(
    ("gain", "direction"),
    [((1.2, 1, 0.8), 75), ((0.8, 1, 1.2), 265), ((0.9, 1.1, 0.9), 140), ((1.1, 0.9, 1.1), 325)],
    ids=["warm", "cool", "green", "magenta"],
)
def test_the_light_of_a_grey_scene_is_named(gain: tuple[float, float, float], direction: float):
    found = measure_colour(greys(gain))
    assert found.cast is not None
    assert 8 < found.cast < 30
    assert found.cast_direction_deg == pytest.approx(direction, abs=20)


def test_a_strong_colour_beside_grey_things_is_no_cast():
    pixels = greys((1.02, 1, 1))
    pixels[:, :70] = (200, 20, 30)
    found = measure_colour(pixels)
    assert found.cast is not None
    assert found.cast < 3


def test_a_picture_without_greyish_things_has_no_cast():
    pixels = np.zeros((80, 80, 3), np.uint8)
    pixels[:40], pixels[40:] = (220, 20, 30), (20, 40, 220)
    assert measure_colour(pixels).cast is None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(1, 20))
def test_turning_and_mirroring_change_nothing(seed: int, height: int, width: int):
    pixels = np.random.default_rng(seed).integers(0, 256, (4 * height, 4 * width, 3), np.uint8)
    first = measure_colour(pixels)
    for turned in (pixels[::-1], pixels[:, ::-1], np.rot90(pixels)):
        found = measure_colour(np.ascontiguousarray(turned))
        assert found.colourfulness == pytest.approx(first.colourfulness, rel=1e-4)
        assert found.cast == pytest.approx(first.cast, abs=0.05)


def test_the_row_has_the_columns_that_are_declared():
    out = io.BytesIO()
    Image.fromarray(data.coffee()).save(out, "PNG")
    (row,) = ColourStage().run(DecodedPhoto(out.getvalue(), "png", 10**8))["quality"]
    assert list(row) == [field.name for field in ColourStage.tables[0].columns]
    assert None not in row.values()
