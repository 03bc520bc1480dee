"""One definition of the same picture: what only encoding tells apart, what was made of another, what is another."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from photoidx.queries.compare.pictures import EDITED, PART_OF, SAME, Picture, made_from, same
from photoidx.queries.compare.registration import key_points, mirrored, registered, shape_of, shown
from photoidx.queries.compare.sameness import WHOLE, differences

NAMES = ("astronaut", "coffee", "chelsea")
CUT = 0.3
"""A distance above which nothing is called a copy."""
Change = Callable[[np.ndarray], np.ndarray]


def photo(name: str) -> np.ndarray:
    """A photo, BGR."""
    return np.ascontiguousarray(getattr(data, name)()[..., :3][..., ::-1])


def small(picture: np.ndarray) -> Picture:
    """A picture as the table of thumbnails has it."""
    image = Image.fromarray(np.ascontiguousarray(picture[..., ::-1]))
    image.thumbnail((320, 320))
    out = BytesIO()
    image.save(out, "JPEG", quality=80)
    return Picture(cv2.imdecode(np.frombuffer(out.getvalue(), np.uint8), cv2.IMREAD_COLOR))


def saved(picture: np.ndarray, quality: int) -> np.ndarray:
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)


def scaled(picture: np.ndarray, across: float, down: float | None = None) -> np.ndarray:
    return cv2.resize(picture, None, fx=across, fy=down or across, interpolation=cv2.INTER_AREA)


def turned_by(degrees: float) -> Change:
    def change(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        edge = round(max(height, width) * np.sin(np.radians(abs(degrees)))) + 2
        return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC)[edge:-edge, edge:-edge]

    return change


def tilted(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + np.array([[-0.06 * width, 0], [0.06 * width, 0], [0, 0], [0, 0]], np.float32)
    return cv2.warpPerspective(picture, cv2.getPerspectiveTransform(corners, moved), (width, height))


def part(share: float) -> Change:
    def change(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        return picture[int(height * 0.1) : int(height * (0.1 + share)), int(width * 0.15) : int(width * (0.15 + share))]

    return change


def covered(picture: np.ndarray) -> np.ndarray:
    found = picture.copy()
    cv2.circle(found, (picture.shape[1] // 3, picture.shape[0] // 2), picture.shape[0] // 7, (40, 210, 255), -1)
    return found


def captioned(picture: np.ndarray) -> np.ndarray:
    found = picture.copy()
    found[-picture.shape[0] // 5 :] = 0
    cv2.putText(found, "when we were there", (20, picture.shape[0] - 25), 0, 1.2, (255, 255, 255), 2)
    return found


def framed(picture: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(picture, 40, 120, 40, 40, cv2.BORDER_CONSTANT, value=(245, 245, 245))


def grey(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def sharpened(picture: np.ndarray) -> np.ndarray:
    return cv2.addWeighted(picture, 3.0, cv2.GaussianBlur(picture, (0, 0), 2), -2.0, 0)


def contrast(picture: np.ndarray) -> np.ndarray:
    return cv2.LUT(picture, (127.5 + 127.5 * np.tanh((np.arange(256) - 127.5) / 60)).clip(0, 255).astype(np.uint8))


def beside_others(picture: np.ndarray) -> np.ndarray:
    """A collage of four, this one at the top right."""
    cells = [scaled(photo(name), 0.5) for name in ("rocket", "cat", "coffee", "astronaut")]
    cells = [cv2.resize(each, (300, 220), interpolation=cv2.INTER_AREA) for each in cells]
    cells[1] = cv2.resize(
        picture, (300, round(300 * picture.shape[0] / picture.shape[1])), interpolation=cv2.INTER_AREA
    )
    cells[1] = cv2.resize(cells[1][:220], (300, min(220, len(cells[1]))))
    cells = [
        cv2.copyMakeBorder(each, 6, 6 + 220 - len(each), 6, 6, cv2.BORDER_CONSTANT, value=(255,) * 3) for each in cells
    ]
    return np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])


ENCODINGS: dict[str, Change] = {
    "JPEG at quality 30": lambda picture: saved(picture, 30),
    "half as large": lambda picture: scaled(picture, 0.5),
    "a quarter as large, JPEG": lambda picture: saved(scaled(picture, 0.5), 60),
    "enlarged": lambda picture: cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    "sent twice": lambda picture: saved(scaled(saved(scaled(picture, 0.8), 60), 0.8), 60),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ENCODINGS)
def test_another_encoding_or_size_is_the_same_picture(name, how):
    picture = photo(name)
    found = same(small(picture), small(ENCODINGS[how](picture)))
    assert found is not None
    assert (found.relation, found.edits) == (SAME, ())


EDITS: dict[str, tuple[Change, set[str]]] = {
    "turned by half a degree": (turned_by(0.5), {"turned"}),
    "turned by two degrees": (turned_by(2), {"turned", "cropped"}),
    "stretched": (lambda picture: scaled(picture, 1.0, 0.85), {"stretched"}),
    "squeezed to less than half its width": (lambda picture: scaled(picture, 0.4, 1.0), {"stretched"}),
    "in another perspective": (tilted, {"perspective"}),
    "cropped to half its area": (part(0.7), {"cropped"}),
    "with a sticker": (covered, {"covered"}),
    "with a caption over a fifth": (captioned, {"covered"}),
    "with a frame": (framed, {"framed"}),
    "black and white": (grey, {"grey"}),
    "sharpened": (sharpened, {"sharpened"}),
    "with more contrast": (contrast, {"tone"}),
    "mirrored": (lambda picture: np.ascontiguousarray(picture[:, ::-1]), {"mirrored"}),
    "upside down": (lambda picture: np.ascontiguousarray(picture[::-1, ::-1]), set()),
}


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
@pytest.mark.parametrize("how", EDITS)
def test_an_edit_is_found_told_and_never_called_the_same(name, how):
    change, told = EDITS[how]
    first, second = small(photo(name)), small(change(photo(name)))
    assert same(first, second) is None
    for found in (made_from(first, second), made_from(second, first)):
        assert found is not None
        assert found.relation == EDITED
        assert told <= set(found.edits)


@pytest.mark.parametrize("name", ["astronaut", "chelsea"])
def test_a_collage_has_the_photo_as_a_part(name):
    found = made_from(small(photo(name)), small(beside_others(photo(name))))
    assert found is not None
    assert found.relation == PART_OF
    assert found.shown[1] < 0.35


def test_a_crop_says_how_much_is_left():
    found = made_from(small(photo("coffee")), small(part(0.7)(photo("coffee"))))
    assert found.shown == pytest.approx((0.49, 1.0), abs=0.02)


@pytest.mark.parametrize(("number", "change"), [(2, framed), (0, part(0.8))])
def test_a_frame_is_told_from_a_crop(number, change):
    first, second = small(photo("coffee")), small(change(photo("coffee")))
    assert made_from(first, second).framed == number
    assert made_from(second, first).framed == (1 if number else 0)


def view(name: str, step: float) -> np.ndarray:
    """What a camera sees that was moved sideways: what is near, in the middle and below, moves more than the rest."""
    picture = photo(name).astype(np.float32)
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    near = np.exp(-(((x - width * 0.5) / (width * 0.18)) ** 2 + ((y - height * 0.6) / (height * 0.25)) ** 2))
    moved = cv2.remap(picture, x + step * (0.3 + near + y / height), y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return moved.clip(0, 255).astype(np.uint8)[20:-20, 20:-20]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", [8, 14, 22])
def test_another_view_of_a_scene_is_another_picture(name, step):
    first, second = small(view(name, 0)), small(view(name, step))
    assert same(first, second) is None
    found = made_from(first, second)
    assert found is None or found.distance > CUT


def moved_thing(picture: np.ndarray) -> np.ndarray:
    """A film's next frame: the camera stands still, and something in front of it has moved."""
    found = picture.copy()
    found[100:180, 130:200] = picture[200:280, 130:200]
    return found


def other_focus(picture: np.ndarray) -> np.ndarray:
    ramp = np.linspace(0, 1, picture.shape[1])[None, :, None]
    return (picture * ramp + cv2.GaussianBlur(picture, (0, 0), 3) * (1 - ramp)).astype(np.uint8)


DIFFERENT: dict[str, Change] = {
    "something moved": moved_thing,
    "another focus": other_focus,
    "a sticker": covered,
    "softer": lambda picture: cv2.GaussianBlur(picture, (0, 0), 2.5),
    "other light": lambda picture: cv2.convertScaleAbs(picture, alpha=1.0, beta=14),
    "other colours": lambda picture: cv2.convertScaleAbs(picture * np.array([1.12, 1, 0.9])),
    "shifted by two pixels": lambda picture: np.roll(picture, 3, axis=1),
    "black and white": grey,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", DIFFERENT)
def test_what_is_more_than_encoding_is_never_the_same(name, how):
    assert same(small(photo(name)), small(DIFFERENT[how](photo(name)))) is None


@pytest.mark.parametrize("name", NAMES)
def test_at_full_size_a_number_plate_that_was_hidden_is_seen(name):
    picture = photo(name)
    hidden = picture.copy()
    detail = cv2.blur(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.CV_32F) ** 2, (60, 24))[
        40:-40, 60:-60
    ]
    top, left = np.add(np.unravel_index(detail.argmax(), detail.shape), (28, 30))
    plate = cv2.resize(picture[top : top + 24, left : left + 60], (6, 3), interpolation=cv2.INTER_AREA)
    hidden[top : top + 24, left : left + 60] = cv2.resize(plate, (60, 24), interpolation=cv2.INTER_NEAREST)
    assert not WHOLE.hold(differences(picture, hidden, 1600))
    assert WHOLE.hold(differences(picture, saved(picture, 40), 1600))


def test_pictures_without_texture_are_the_same_only_in_one_colour():
    wall = np.full((240, 320, 3), 120, np.uint8)
    assert same(small(wall), small(wall)).relation == SAME
    assert same(small(wall), small(wall + np.array([6, 0, 0], np.uint8))) is None


def test_a_portrait_before_a_white_wall_is_no_page():
    picture = photo("astronaut")
    wall = np.full((620, 1000, 3), 245, np.uint8)
    wall[108:, 240:752] = picture
    assert not small(wall).is_page
    assert made_from(small(wall), small(grey(wall))).relation == EDITED


def page(text: str) -> np.ndarray:
    found = np.full((640, 480, 3), 255, np.uint8)
    for line in range(12):
        cv2.putText(found, "Invoice of the year 2019", (30, 60 + 40 * line), 0, 0.8, (20, 20, 20), 2)
    cv2.putText(found, text, (30, 600), 0, 1.2, (20, 20, 20), 3)
    return found


def test_pages_with_another_sum_on_them_are_two():
    assert same(small(page("Sum: 12.80")), small(page("Sum: 72.80"))) is None
    assert same(small(page("Sum: 12.80")), small(saved(page("Sum: 12.80"), 70))) is not None


@given(st.floats(0.5, 2), st.floats(-4, 4), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
@settings(max_examples=50)
def test_the_shape_of_a_map_is_told_as_it_was_made(zoom, degrees, right, down):
    angle = np.radians(degrees)
    matrix = np.array(
        [
            [zoom * np.cos(angle), -zoom * np.sin(angle), right],
            [zoom * np.sin(angle), zoom * np.cos(angle), down],
            [0, 0, 1],
        ]
    )
    extent = np.array([1.0, 0.75])
    assert shape_of(matrix, extent) == pytest.approx((zoom, degrees, 1.0, 0.0), abs=1e-3)
    assert all(0 <= share <= 1 for share in shown(matrix, extent, extent))


@pytest.mark.parametrize("name", NAMES)
def test_the_key_points_of_a_mirror_image_follow_from_those_of_the_picture(name):
    picture = small(photo(name))
    reflected = np.ascontiguousarray(picture.grey[:, ::-1])
    expected = mirrored(picture.keys, picture.grey.shape[1] / max(picture.grey.shape))
    found = registered(reflected, reflected, (key_points(reflected), expected))
    assert found.shift < 1
    assert found.matches > 0.5 * min(len(picture.keys.places), len(key_points(reflected).places))
