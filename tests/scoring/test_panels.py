"""Parts of pictures that are pictures of their own: where they are found, and what they are tied to."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

from photoidx import Config, Library
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.queries.duplicates.candidates import NEAR_64
from photoidx.scoring.hashes import Hashes
from photoidx.scoring.panels import Panels, panels

NAMES = ("coffee", "astronaut", "chelsea")


def photo(name: str) -> Image.Image:
    """A photo wider than high: the cells of a collage cut it at two sides only."""
    whole = Image.fromarray(getattr(data, name)())
    return whole if name != "astronaut" else whole.crop((0, 0, 512, 384))


def screenshot(image: Image.Image) -> Image.Image:
    whole = Image.new("RGB", (540, 1170), "black")
    shown = image.resize((540, round(image.height * 540 / image.width)))
    whole.paste(shown, (0, (1170 - shown.height) // 2))
    draw = ImageDraw.Draw(whole)
    draw.rectangle((30, 20, 90, 40), outline="white", width=3)
    for at in range(4):
        draw.ellipse((60 + 120 * at, 1110, 90 + 120 * at, 1140), outline="white", width=3)
    return whole


def story(image: Image.Image) -> Image.Image:
    behind = image.resize((round(image.width * 1280 / image.height), 1280)).crop((0, 0, 720, 1280))
    behind = behind.filter(ImageFilter.GaussianBlur(30)).point(lambda value: value // 2)
    shown = image.resize((640, round(image.height * 640 / image.width)))
    behind.paste(shown, (40, (1280 - shown.height) // 2))
    return behind


def sheet(image: Image.Image, down: int, across: int, own: int) -> Image.Image:
    """Cells of 480 x 360, filled, with white gaps: the picture is in the cell of this number."""
    whole = Image.new("RGB", (500 * across, 380 * down), "white")
    for at in range(down * across):
        cell = image if at == own else made(at)
        scale = max(480 / cell.width, 360 / cell.height)
        cell = cell.resize((round(cell.width * scale), round(cell.height * scale)))
        left, top = (cell.width - 480) // 2, (cell.height - 360) // 2
        place = (500 * (at % across) + 10, 380 * (at // across) + 10)
        whole.paste(cell.crop((left, top, left + 480, top + 360)), place)
    return whole


def made(number: int) -> Image.Image:
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 256, (36, 48, 3), np.uint8)
    return Image.fromarray(cv2.resize(coarse, (480, 360), interpolation=cv2.INTER_CUBIC))


def decoded(image: Image.Image) -> DecodedPhoto:
    out = BytesIO()
    image.save(out, "JPEG", quality=85)
    return DecodedPhoto(out.getvalue(), "jpeg", 10**8)


HOLDERS = {
    "a screenshot with bars": (screenshot, 1),
    "a story above a blurred copy": (story, 1),
    "a diptych": (lambda image: sheet(image, 1, 2, 1), 2),
    "a collage": (lambda image: sheet(image, 2, 2, 2), 4),
    "a contact sheet": (lambda image: sheet(image, 4, 5, 7), 20),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", HOLDERS)
def test_the_photo_that_a_picture_shows_is_a_panel_with_nearly_its_hash(name, how):
    change, least = HOLDERS[how]
    original = photo(name)
    (whole, *rows) = Panels().run(decoded(change(original)))["panels"]
    assert (whole["panel"], whole["right"], "phash_64" in whole) == (0, 1.0, False)
    assert len(rows) >= least
    own = Hashes().run(decoded(original))["hashes"][0]["phash_64"]
    middle = Panels().run(decoded(original))["panels"][0]["square_64"]
    bits = [(int(row["phash_64"], 16) ^ int(own, 16)).bit_count() for row in rows]
    bits += [(int(row["square_64"], 16) ^ int(middle, 16)).bit_count() for row in rows]
    assert min(bits) <= NEAR_64


def test_a_cell_is_found_where_it_is():
    box, *_ = panels(np.asarray(sheet(photo("coffee"), 1, 2, 0).resize((320, 122)).convert("L")))
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((3, 3, 157, 119), abs=2)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_picture_has_no_panels(grey):
    assert panels(np.full((240, 320), grey, np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 320), (320, 1), (3, 3), (40, 320)])
def test_small_and_narrow_pictures_have_at_most_parts_that_lie_in_them(shape):
    noise = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    for box in panels(noise):
        assert 0 <= box.left < box.right <= shape[1]
        assert 0 <= box.top < box.bottom <= shape[0]


def test_what_shows_a_photo_among_others_is_tied_to_it_and_never_extra(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    names = {"coffee": "collage", "astronaut": "sheet", "rocket": "story", "chelsea": "screenshot"}
    for name in names:
        photo(name).save(photos / f"{name}.jpg", quality=92)
    sheet(photo("coffee"), 2, 2, 1).save(photos / "collage.jpg")
    sheet(photo("astronaut"), 4, 5, 11).save(photos / "sheet.jpg")
    story(photo("rocket")).save(photos / "story.jpg")
    screenshot(photo("chelsea")).save(photos / "screenshot.png")
    without = ("faces", "sharpness", "technical", "noise", "exposure", "horizon")
    library = Library(tmp_path / "library", Config(workers=1, without=without))
    library.scan(photos)
    found = library.duplicates()
    groups = [{Path(file["path"]).stem: file for file in group["files"]} for group in found]
    assert sorted(sorted(group) for group in groups) == sorted(sorted(pair) for pair in names.items())
    kinds = {stem: each["kind"] for each, group in zip(found, groups, strict=True) for stem in group}
    assert kinds["collage"] == kinds["sheet"] == "part of"
    assert not any(file["extra"] for group in groups for file in group.values())
