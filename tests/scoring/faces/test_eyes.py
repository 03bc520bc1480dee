"""Each eye for itself: open and shut only where both measures agree, and the light's colour makes no difference."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from skimage import data

from photoidx.evaluation.bursts.closed_eyes import close_eyes
from photoidx.scoring.faces.eyes import Eye, both
from photoidx.scoring.faces.landmarks import Gaze, look
from photoidx.scoring.faces.light import Light, balanced

BOX = (165.0, 62.0, 98.0, 98.0)
OPEN, SHUT = Eye(0.9, 0.3), Eye(0.2, 0.04)
SHARE = st.floats(0, 1, width=32)
EYES = st.builds(Eye, SHARE, SHARE, st.booleans())


@pytest.mark.parametrize(
    ("eye", "other", "state"),
    [
        pytest.param(OPEN, OPEN, "open", id="both measures say open"),
        pytest.param(Eye(0.69, 0.3), OPEN, "unclear", id="the model says half"),
        pytest.param(Eye(0.9, 0.16), Eye(0.9, 0.16), "unclear", id="a narrow opening"),
        pytest.param(SHUT, SHUT, "shut", id="both measures say shut"),
        pytest.param(Eye(0.38, 0.1), Eye(0.38, 0.1), "shut", id="just shut by both"),
        pytest.param(Eye(0.42, 0.1), Eye(0.42, 0.1), "unclear", id="lowered lids"),
        pytest.param(Eye(0.38, 0.16), Eye(0.38, 0.16), "unclear", id="shut by the model alone"),
        pytest.param(Eye(0.65, 0.05), Eye(0.7, 0.06), "unclear", id="shut by the opening alone"),
        pytest.param(Eye(0.55, 0.05), Eye(0.55, 0.05), "shut", id="a slit, whatever the model says"),
        pytest.param(Eye(0.52, 0.12), OPEN, "shut", id="a wink: half as open as the other"),
        pytest.param(Eye(0.52, 0.12), Eye(0.6, 0.3), "unclear", id="no wink beside an eye that is not clear"),
        pytest.param(Eye(0.52, 0.12), replace(OPEN, covered=True), "unclear", id="no wink beside a covered eye"),
        pytest.param(OPEN, Eye(0.52, 0.12), "open", id="the open eye of a wink"),
        pytest.param(OPEN, SHUT, "open", id="the open eye beside a shut one"),
        pytest.param(Eye(0.84, 0.23), Eye(0.48, 0.15), "unclear", id="the other eye says much less"),
        pytest.param(Eye(0.8, 0.2), Eye(0.9, 0.3), "unclear", id="much narrower than the other"),
        pytest.param(replace(SHUT, covered=True), OPEN, "unclear", id="covered"),
        pytest.param(OPEN, replace(SHUT, covered=True), "open", id="a covered eye says nothing of the other"),
    ],
)
def test_an_eye_is_open_or_shut_only_where_both_measures_and_the_other_eye_allow_it(eye, other, state):
    assert eye.state(other) == state


def test_the_far_eye_of_a_turned_head_does_not_wink():
    assert Eye(0.52, 0.12).state(OPEN, turned=True) == "unclear"


@given(EYES, EYES)
def test_lower_lids_never_make_an_eye_open(eye, other):
    lower = replace(eye, openness=eye.openness / 2, opening=eye.opening / 2)
    assert lower.state(other) != "open" or eye.state(other) in {"open", "unclear"}
    assert lower.openness >= 0.7 or lower.state(other) != "open"


@pytest.mark.parametrize(
    ("left", "right", "face"),
    [
        ("open", "open", "open"),
        ("shut", "shut", "shut"),
        ("shut", "open", "one shut"),
        ("open", "shut", "one shut"),
        ("open", "unclear", "unclear"),
        ("unclear", "shut", "unclear"),
        ("unclear", "unclear", "unclear"),
    ],
)
def test_two_eyes_say_of_the_face_what_both_are_sure_of(left, right, face):
    assert both(left, right) == face


def face() -> np.ndarray:
    return np.asarray(data.astronaut())


def read(picture: np.ndarray) -> Gaze:
    seen = look(np.ascontiguousarray(picture), *BOX)
    assert seen is not None
    return seen


def lit(picture: np.ndarray, hue: float, saturation: float) -> np.ndarray:
    """Return the picture under light of a hue (degrees): each channel scaled in linear light."""
    light = np.array(colorsys.hsv_to_rgb(hue / 360, saturation, 1.0))
    linear = (picture / 255.0) ** 2.2 * light
    return np.rint(255 * linear ** (1 / 2.2)).astype(np.uint8)


@pytest.mark.parametrize("saturation", [0.6, 0.9])
@pytest.mark.parametrize("hue", range(0, 360, 60))
def test_under_coloured_light_open_eyes_are_open_and_shut_ones_are_not(hue, saturation):
    plain = read(face())
    seen = read(lit(face(), hue, saturation))
    assert (seen.left.state(seen.right), seen.right.state(seen.left)) == ("open", "open")
    assert seen.occluded < 0.25
    assert seen.left.openness == pytest.approx(plain.left.openness, abs=0.1)
    lids = close_eyes(face(), BOX)
    assert lids is not None
    seen = read(lit(lids, hue, saturation))
    assert "open" not in {seen.left.state(seen.right), seen.right.state(seen.left)}


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_under_light_of_one_colour_alone_nothing_is_told_of_the_eyes(channel):
    picture = np.zeros_like(face())
    picture[..., channel] = face()[..., channel]
    seen = read(picture)
    assert (seen.left.state(seen.right), seen.right.state(seen.left)) == ("unclear", "unclear")


@pytest.mark.parametrize("brightness", [1.0, 0.3])
@pytest.mark.parametrize("hue", [0, 30, 120, 240])
def test_a_face_in_any_light_gets_the_colour_of_one_in_daylight_and_is_not_left_dark(hue, brightness):
    crop = np.random.default_rng(0).integers(80, 160, (60, 60, 3))
    dark = lit(crop * brightness, hue, 0.9)
    found, light = balanced(dark, (30, 30), 20)
    red, green, blue = (np.median(found, axis=(0, 1)) / 255) ** 2.2
    assert light is Light.COLOURED
    assert 1.3 < red / green < 3.4
    assert 0.35 < blue / green < 1.3
    assert found.mean() > dark.mean() * (1 if brightness < 1 else 0.7)


def test_what_has_no_light_or_no_face_is_left_as_it_is():
    skin = np.full((9, 9, 3), (190, 140, 120), np.uint8)
    assert balanced(skin, (4, 4), 3) == (pytest.approx(skin), Light.PLAIN)
    black, crop = np.zeros((9, 9, 3), np.uint8), np.full((9, 9, 3), 99, np.uint8)
    assert np.array_equal(balanced(black, (4, 4), 3)[0], black)
    assert np.array_equal(balanced(crop, (-90, 4), 3)[0], crop)


def test_a_face_can_be_read_as_it_is():
    blue = lit(face(), 240, 0.9)
    plain, evened = look(blue, *BOX, as_it_is=True), look(blue, *BOX)
    assert plain is not None
    assert evened is not None
    assert plain.light is evened.light is Light.COLOURED
    assert plain.occluded > evened.occluded


def test_a_tongue_or_a_gaping_mouth_is_no_smile():
    plain = read(face())
    assert plain.smile is not None
    assert plain.smile > 0.5
    tongue = Image.fromarray(face())
    ImageDraw.Draw(tongue).rounded_rectangle((209, 139, 229, 166), 9, fill=(176, 82, 84))
    assert read(np.asarray(tongue)).smile is None
