from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from scipy.stats import spearmanr
from skimage import data

from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring import sharpness
from photoidx.scoring.noise import estimate_noise
from photoidx.scoring.sharpness import Sharpness, SharpnessStage, measure_sharpness

SCENES = {"astronaut": data.astronaut, "coffee": data.coffee, "chelsea": data.chelsea}
BLURS = (0, 0.5, 1, 2, 3, 5, 8)


def grey_of(pixels: np.ndarray) -> np.ndarray:
    return (pixels.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])).astype(np.float32)


def sharpness_of(grey: np.ndarray, boxes: tuple[sharpness.Box, ...] = ()) -> Sharpness:
    grey = np.ascontiguousarray(grey, np.float32)
    return measure_sharpness(cv2.GaussianBlur(grey, (7, 7), 1), estimate_noise(grey).sigma or 0, boxes)


def blurred(grey: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(grey, (0, 0), sigma).round() if sigma else grey


def defocused(grey: np.ndarray, radius: int) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(np.float32)
    return cv2.filter2D(grey, -1, kernel / kernel.sum()).round()


def moved(grey: np.ndarray, length: int, direction_deg: float) -> np.ndarray:
    """Move a picture along a line while it is exposed; directions go clockwise from level."""
    side = length + 2
    kernel = np.zeros((side, side), np.float32)
    half = length / 2 * np.array([np.cos(np.radians(direction_deg)), np.sin(np.radians(direction_deg))])
    ends = [tuple(int(place) for place in (side / 2 + sign * half) * 16) for sign in (-1, 1)]
    cv2.line(kernel, *ends, 1.0, 1, cv2.LINE_AA, 4)
    return cv2.filter2D(grey, -1, kernel / kernel.sum()).round()


def noisy(grey: np.ndarray, sigma: float) -> np.ndarray:
    return (grey + np.random.default_rng(0).normal(0, sigma, grey.shape)).round().clip(0, 255)


def turn_apart(one: float, other: float) -> float:
    return min((one - other) % 180, (other - one) % 180)


def pairs_of(grey: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Make a sharp subject before a blurred background, and the reverse, near the centre and of several sizes."""
    rng = np.random.default_rng(0)
    down, across = (axis / side - 0.5 for axis, side in zip(np.indices(grey.shape), grey.shape, strict=True))
    for sigma in (1, 2, 4, 8):
        x, y = rng.uniform(-0.1, 0.1, 2)
        wide, high = rng.uniform(0.18, 0.35, 2)
        inside = ((across - x) / wide) ** 2 + ((down - y) / high) ** 2 < 1
        mask = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 2)
        soft = blurred(grey, sigma)
        yield (mask * grey + (1 - mask) * soft).round(), (mask * soft + (1 - mask) * grey).round()


def kodak(samples: Path) -> list[np.ndarray]:
    found = []
    for path in sorted((samples / "kodak").iterdir()):
        with Image.open(path) as image:
            found.append(grey_of(np.asarray(image.convert("RGB"))))
    return found


@pytest.fixture(params=sorted(SCENES))
def grey(request: pytest.FixtureRequest) -> np.ndarray:
    return grey_of(SCENES[request.param]())


def assert_series_is_ordered(grey: np.ndarray) -> None:
    series = [sharpness_of(blurred(grey, sigma)) for sigma in BLURS]
    for found in ([f.whole for f in series], [f.tile_max for f in series], [f.subject for f in series]):
        assert spearmanr(BLURS, found)[0] <= -0.95


def test_the_score_is_the_published_formula(grey: np.ndarray):
    soft = ndimage.gaussian_filter(grey.astype(np.float64), 1, truncate=3)
    expected = np.log(ndimage.laplace(soft).var() / soft.var())
    found = measure_sharpness(cv2.GaussianBlur(grey, (7, 7), 1), 0)
    assert found.whole == pytest.approx(expected, abs=0.01)


def test_a_series_from_sharp_to_blurred_is_ordered(grey: np.ndarray):
    assert_series_is_ordered(grey)


def test_real_photos_from_sharp_to_blurred_are_ordered(samples: Path):
    for grey in kodak(samples):
        assert_series_is_ordered(grey)


def test_contrast_and_brightness_do_not_matter(grey: np.ndarray):
    assert sharpness_of(grey / 2 + 60).whole == pytest.approx(sharpness_of(grey).whole, abs=0.02)


def test_noise_does_not_make_a_picture_look_sharp(grey: np.ndarray):
    clean = sharpness_of(grey)
    for sigma in (5, 10, 20):
        found = sharpness_of(noisy(grey, sigma))
        assert found.whole < clean.whole + 0.15
        assert found.tile_max < clean.tile_max + 0.15
        assert found.subject < clean.subject + 0.25
    blurred_and_noisy = sharpness_of(noisy(blurred(grey, 3), 10))
    assert blurred_and_noisy.whole < clean.whole - 1
    assert blurred_and_noisy.subject < clean.subject - 1


def test_a_noisy_sky_is_not_the_sharpest_tile(grey: np.ndarray):
    with_sky = grey.copy()
    with_sky[: grey.shape[0] // 3] = 180
    soft = blurred(with_sky, 4)
    assert sharpness_of(noisy(soft, 6)).tile_max < sharpness_of(soft).tile_max + 0.5


def test_a_sharp_subject_before_a_blurred_background_beats_the_reverse(samples: Path):
    won = [
        sharpness_of(right).subject > sharpness_of(wrong).subject
        for grey in kodak(samples)
        for right, wrong in pairs_of(grey)
    ]
    assert len(won) == 48
    assert np.mean(won) >= 0.95


def test_a_sharp_subject_wins_in_pictures_that_ship_with_the_tests(grey: np.ndarray):
    for right, wrong in pairs_of(grey):
        assert sharpness_of(right).subject > sharpness_of(wrong).subject


def test_the_faces_are_the_subject_where_there_are_any(grey: np.ndarray):
    picture = blurred(grey, 4)
    height, width = grey.shape
    rows, columns = slice(0, height // 4), slice(0, width // 4)
    picture[rows, columns] = grey[rows, columns]
    centre, face = sharpness_of(picture), sharpness_of(picture, ((0.0, 0.0, 0.25, 0.25),))
    assert (centre.subject_kind, face.subject_kind) == ("centre", "faces")
    assert face.subject > centre.subject + 1
    assert (face.whole, face.tile_max) == (centre.whole, centre.tile_max)


def test_boxes_that_hang_out_of_the_frame_are_cut_and_tiny_ones_left_out(grey: np.ndarray):
    hanging = sharpness_of(grey, ((-0.3, -0.2, 0.6, 0.5), (0.9, 0.9, 0.4, 0.4), (0.5, 0.5, 0.001, 0.001)))
    assert hanging == sharpness_of(grey, ((0, 0, 0.3, 0.3), (0.9, 0.9, 0.1, 0.1)))
    assert sharpness_of(grey, ((0.5, 0.5, 0.001, 0.001), (2, 2, 1, 1))).subject_kind == "centre"


@pytest.mark.parametrize("direction", [0, 30, 75, 90, 135])
def test_a_motion_blur_is_known_with_its_direction(grey: np.ndarray, direction: float):
    for length in (11, 21):
        for picture in (moved(grey, length, direction), noisy(moved(grey, length, direction), 4)):
            found = sharpness_of(picture)
            assert found.blur_kind == "motion"
            assert turn_apart(found.direction_deg, direction) <= 15


def test_a_picture_out_of_focus_is_not_taken_for_moved(grey: np.ndarray):
    for picture in (blurred(grey, 4), defocused(grey, 6), noisy(defocused(grey, 6), 4)):
        found = sharpness_of(picture)
        assert (found.blur_kind, found.direction_deg) == ("defocus", None)


def test_a_sharp_picture_has_no_blur(grey: np.ndarray):
    for picture in (grey, noisy(grey, 10)):
        found = sharpness_of(picture)
        assert (found.blur_kind, found.direction_deg) == ("none", None)


def test_motion_and_defocus_are_told_apart_in_real_photos(samples: Path):
    kinds = {"motion": [], "defocus": [], "none": []}
    for grey in kodak(samples):
        kinds["none"].append(sharpness_of(grey))
        kinds["defocus"] += [sharpness_of(picture) for picture in (blurred(grey, 4), defocused(grey, 6))]
        kinds["motion"] += [sharpness_of(moved(grey, length, angle)) for length in (11, 21) for angle in (0, 50, 110)]
    for kind, found in kinds.items():
        assert np.mean([one.blur_kind == kind for one in found]) >= 0.95, kind


def test_noise_does_not_hide_how_far_a_picture_was_moved():
    grey = moved(grey_of(data.astronaut()), 11, 30)
    assert sharpness_of(noisy(grey, 15)).anisotropy == pytest.approx(sharpness_of(grey).anisotropy, abs=0.012)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(SCENES)), st.integers(0, 3), st.booleans(), st.sampled_from([0, 4]), st.integers(0, 6))
def test_turning_and_mirroring_change_nothing_but_the_direction(
    scene: str, quarters: int, mirrored: bool, sigma: int, cut: int
):
    grey = grey_of(SCENES[scene]())[cut:, 2 * cut :]
    grey = moved(grey, 13, 30) if sigma else grey
    turned = np.rot90(grey[:, ::-1] if mirrored else grey, quarters)
    one, other = sharpness_of(grey), sharpness_of(turned)
    assert other.whole == pytest.approx(one.whole, abs=1e-3)
    assert other.tile_max == pytest.approx(one.tile_max, abs=0.1)
    assert other.subject == pytest.approx(one.subject, abs=0.05)
    assert other.anisotropy == pytest.approx(one.anisotropy, abs=1e-3)
    assert other.blur_kind == one.blur_kind
    if sigma:
        expected = (-one.direction_deg if mirrored else one.direction_deg) - 90 * quarters
        assert turn_apart(other.direction_deg, expected) <= 2.5


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70), st.integers(1, 70), st.floats(0, 120))
def test_every_value_is_a_number_or_missing(seed: int, height: int, width: int, spread: float):
    grey = np.random.default_rng(seed).normal(128, spread, (height, width)).clip(0, 255)
    for value in vars(sharpness_of(grey)).values():
        assert value is None or isinstance(value, str) or np.isfinite(value)


def test_a_flat_or_tiny_picture_has_no_values():
    for shape in ((1, 1), (1, 960), (300, 400)):
        assert sharpness_of(np.full(shape, 200)) == Sharpness()


def test_the_stage_asks_for_the_faces_and_writes_its_columns(monkeypatch: pytest.MonkeyPatch):
    out = io.BytesIO()
    Image.fromarray(data.astronaut()).save(out, "PNG")
    rows = {}
    for kind, boxes in (("centre", []), ("faces", [(0.3, 0.1, 0.3, 0.3)])):
        monkeypatch.setattr(sharpness, "subject_boxes", lambda photo, boxes=boxes: boxes)
        (row,) = SharpnessStage().run(DecodedPhoto(out.getvalue(), "png", 10**8))["quality"]
        assert list(row) == [field.name for field in SharpnessStage.tables[0].columns]
        assert row["subject_kind"] == kind
        rows[kind] = row
    assert rows["centre"]["sharpness_subject"] != rows["faces"]["sharpness_subject"]
    assert rows["centre"]["sharpness_global"] == rows["faces"]["sharpness_global"]
