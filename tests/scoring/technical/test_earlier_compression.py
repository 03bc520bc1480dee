"""The quality at which a picture was saved before its present file: found where it is certain, else not known."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.technical import earlier_compression as earlier
from photoidx.scoring.technical.earlier_compression import earlier_quality, long_side_of_png
from photoidx.scoring.technical.full_size import share_for, share_left

SCENES = {"astronaut": data.astronaut, "chelsea": data.chelsea, "coffee": data.coffee}


def saved(image: Image.Image, file_format: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def opened(data_: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data_)) as image:
        return image.convert("RGB")


def detailed(scene: str, size: tuple[int, int] = (1600, 64)) -> Image.Image:
    """Lay a scene's middle side by side, each time mirrored and a little brighter: its top lines then have detail."""
    middle = Image.fromarray(SCENES[scene]()).crop((60, 90, 380, 250))
    found = Image.new("RGB", size)
    for place in range(0, size[0], 320):
        for line in range(0, size[1], 160):
            found.paste(middle.point(lambda level, more=place // 160: min(255, level + more)), (place, line))
    return found


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("before", [80, 60, 45, 30, 20])
@pytest.mark.parametrize("present", [95, "PNG", "PNG with alpha"])
def test_a_heavier_compression_from_before_is_found(scene: str, before: int, present: int | str):
    image = opened(saved(detailed(scene), quality=before))
    if present == 95:
        again = saved(image, quality=95)
    else:
        again = saved(image.convert("RGBA" if "alpha" in str(present) else "RGB"), "PNG")
    assert earlier_quality(again) == pytest.approx(before, abs=3)


@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 2}, {"restart_marker_blocks": 7}])
def test_it_is_found_whatever_the_sampling_of_the_colour_and_in_shades_of_grey(options: dict[str, int]):
    image = opened(saved(detailed("coffee"), quality=40))
    for each in (image, image.convert("L")):
        assert earlier_quality(saved(each, quality=92, **options)) == pytest.approx(40, abs=3)


def never_compressed() -> Image.Image:
    return Image.fromarray(np.asarray(detailed("coffee")))


def blocks_of_a_drawing() -> Image.Image:
    stripes = np.zeros((64, 1600), np.uint8)
    stripes[:, ::16], stripes[::8, 4::32] = 200, 90
    return Image.fromarray(stripes)


def one_block_again_and_again() -> Image.Image:
    levels = np.asarray(opened(saved(detailed("coffee"), quality=30)))
    return Image.fromarray(np.tile(levels[8:16, 160:168], (8, 200, 1)))


CLEAN = {
    "saved once": never_compressed,
    "cropped off the grid": lambda: opened(saved(detailed("coffee"), quality=30)).crop((3, 5, 1590, 60)),
    "made smaller": lambda: opened(saved(detailed("coffee", (3200, 160)), quality=30)).resize((1600, 80)),
    "made larger": lambda: opened(saved(detailed("coffee"), quality=30)).resize((2400, 96)),
    "noise": lambda: Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 1600, 3), np.uint8)),
    "a flat sky": lambda: opened(saved(Image.new("RGB", (1600, 64), (120, 160, 220)), quality=30)),
    "a drawing": blocks_of_a_drawing,
    "one block again and again": one_block_again_and_again,
    "too few blocks": lambda: opened(saved(detailed("coffee"), quality=30)).crop((0, 0, 56, 64)),
    "too few lines": lambda: opened(saved(detailed("coffee"), quality=30)).crop((0, 0, 1600, 31)),
    "one column": lambda: Image.new("L", (1, 64)),
}


@pytest.mark.parametrize("kind", CLEAN)
def test_nothing_is_said_of_a_picture_without_certain_traces(kind: str):
    image = CLEAN[kind]()
    assert earlier_quality(saved(image, "PNG")) is None
    for quality in (97, 90, 80, 70, 50, 30):
        assert earlier_quality(saved(image, quality=quality)) is None, quality


@pytest.mark.parametrize("present", [30, 45, 60])
def test_a_compression_that_is_not_much_coarser_than_the_present_one_is_left_to_the_table(present: int):
    image = opened(saved(detailed("chelsea"), quality=present - 5))
    assert earlier_quality(saved(image, quality=present)) is None


def test_a_progressive_file_or_one_of_16_bits_or_of_another_format_is_not_asked():
    image = opened(saved(detailed("coffee"), quality=30))
    deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    files = (saved(image, quality=95, progressive=True), saved(deep, "PNG"), saved(image, "BMP"), b"", b"\xff\xd8")
    assert [earlier_quality(each) for each in files] == [None] * 5


def test_only_the_top_lines_are_decoded_and_they_are_those_of_the_picture():
    image = detailed("astronaut", (1600, 1600))
    jpeg, png = saved(image, quality=90), saved(image, "PNG")
    for data_, cut in ((jpeg, earlier._top_of_jpeg), (png, earlier._top_of_png)):
        grey, _steps = cut(data_)
        assert grey.shape == (earlier.LINES, 1600)
        with Image.open(io.BytesIO(data_)) as whole:
            levels = np.asarray(whole.convert("L"))[: earlier.LINES]
        assert np.abs(grey.astype(int) - levels)[:-1].max() <= 3


def test_broken_files_are_not_known():
    image = opened(saved(detailed("coffee"), quality=40))
    rng = random.Random(0)
    for whole in (saved(image, quality=95), saved(image, "PNG")):
        for _ in range(150):
            broken = bytearray(whole[: rng.randrange(len(whole))])
            for _place in range(rng.randrange(4)):
                if broken:
                    broken[rng.randrange(min(len(broken), 700))] = rng.randrange(256)
            assert earlier_quality(bytes(broken)) in (None, *range(5, 85))


@pytest.mark.parametrize(("file_format", "options"), [("JPEG", {"quality": 95}), ("PNG", {})])
def test_the_share_of_a_large_photo_follows_its_earlier_compression(file_format: str, options: dict[str, int]):
    image = opened(saved(detailed("coffee", (2000, 96)), quality=30))
    again = saved(image, file_format, **options)
    found = share_left(DecodedPhoto(again, file_format.lower(), 10**9))
    assert found == pytest.approx(share_for(30, 2000), abs=0.03)
    small = saved(image.crop((0, 0, 960, 96)), file_format, **options)
    assert share_left(DecodedPhoto(small, file_format.lower(), 10**9)) == 1


def test_the_present_compression_counts_where_it_is_the_coarser():
    image = opened(saved(detailed("coffee", (2000, 96)), quality=60))
    again = saved(image, quality=20)
    assert share_left(DecodedPhoto(again, "jpeg", 10**9)) == share_for(20, 2000)


def test_a_png_tells_its_long_side():
    assert long_side_of_png(saved(Image.new("L", (30, 700)), "PNG")) == 700
    assert long_side_of_png(saved(Image.new("L", (30, 700)), "BMP")) == 0


def test_clean_photos_stay_without_an_earlier_quality(samples: Path):
    for path in sorted((samples / "large").glob("*.jpg")):
        assert earlier_quality(path.read_bytes()) is None, path.name
