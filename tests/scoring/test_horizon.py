from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.horizon import Horizon, HorizonStage, measure_horizon


def horizon_of(grey: np.ndarray) -> Horizon:
    return measure_horizon(cv2.GaussianBlur(np.ascontiguousarray(grey, np.float32), (7, 7), 1))


def turned(grey: np.ndarray, clockwise_deg: float) -> np.ndarray:
    """Turn a picture about its centre, and cut off the corners that would be empty."""
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -clockwise_deg, 1)
    found = cv2.warpAffine(grey, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    margin = int(0.18 * min(height, width))
    return found[margin:-margin, margin:-margin]


def sea() -> np.ndarray:
    """Draw a bright sky over a dark sea, with a few masts."""
    grey = np.full((480, 640), 190, np.float32)
    grey[250:] = 80
    for left in (150, 330, 470):
        grey[120:250, left : left + 6] = 30
    return grey


@settings(max_examples=25, deadline=None)
@given(st.floats(-19, 19))
def test_the_tilt_of_a_drawn_horizon_is_found_within_half_a_degree(tilt: float):
    found = horizon_of(turned(sea(), tilt))
    assert found.tilt_deg == pytest.approx(tilt, abs=0.5)
    assert found.confidence > 0.5


def test_real_photos_that_are_turned_tell_by_how_much(samples: Path):
    errors = []
    for path in [*sorted((samples / "kodak").iterdir()), *sorted((samples / "large").iterdir())]:
        with Image.open(path) as image:
            image.thumbnail((960, 960))
            grey = np.asarray(image.convert("L"), np.float32)
        level = horizon_of(turned(grey, 0.001))
        for angle in (-5, -2, 1, 3, 6):
            found = horizon_of(turned(grey, angle))
            if level.tilt_deg is not None and found.tilt_deg is not None and abs(level.tilt_deg + angle) < 19:
                errors.append(abs(found.tilt_deg - level.tilt_deg - angle))
    assert len(errors) > 40
    assert np.median(errors) < 0.2
    assert np.quantile(errors, 0.95) < 1


def test_mirroring_turns_the_sign_and_a_quarter_turn_keeps_the_tilt():
    grey = turned(sea(), 7)
    found = horizon_of(grey)
    assert horizon_of(grey[:, ::-1]).tilt_deg == pytest.approx(-found.tilt_deg, abs=0.2)
    assert horizon_of(np.rot90(grey)).tilt_deg == pytest.approx(found.tilt_deg, abs=0.2)
    assert horizon_of(np.rot90(grey)).confidence == pytest.approx(found.confidence, abs=0.02)


def test_a_cat_has_no_horizon():
    found = horizon_of(np.asarray(Image.fromarray(data.chelsea()).convert("L")))
    assert found.tilt_deg is None
    assert found.confidence is not None
    assert found.confidence < 0.15


def test_a_flat_or_tiny_picture_has_no_values():
    for shape in ((1, 1), (1, 960), (480, 640)):
        assert horizon_of(np.full(shape, 100)) == Horizon(None, None)


def test_the_row_holds_what_was_measured():
    out = io.BytesIO()
    Image.fromarray(turned(sea(), 4).clip(0, 255).astype(np.uint8)).save(out, "PNG")
    (row,) = HorizonStage().run(DecodedPhoto(out.getvalue(), "png", 10**8))["quality"]
    assert list(row) == [field.name for field in HorizonStage.tables[0].columns]
    assert row["horizon_tilt_deg"] == pytest.approx(4, abs=0.5)
