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
from photoidx.scoring.compression import (
    Compression,
    CompressionStage,
    measure,
    measure_blockiness,
    quality_of_table,
    table_of,
)

SCENES = [data.astronaut, data.coffee, data.chelsea]
QUALITIES = (95, 85, 70, 50, 30, 10)


def saved(image: Image.Image, file_format: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def compression_of(data_: bytes, file_format: str = "jpeg") -> Compression:
    return measure(DecodedPhoto(data_, file_format, 10**8))


def grey_at(image: Image.Image, quality: int) -> np.ndarray:
    with Image.open(io.BytesIO(saved(image, quality=quality))) as picture:
        return np.asarray(picture.convert("L"))


@pytest.mark.parametrize("quality", range(1, 101))
def test_the_quality_at_which_pillow_saved_is_found(quality: int):
    image = Image.fromarray(data.chelsea()).resize((48, 32))
    assert compression_of(saved(image, quality=quality)).jpeg_quality == quality


def test_a_table_of_another_maker_gets_the_nearest_quality():
    with Image.open(io.BytesIO(saved(Image.new("RGB", (8, 8)), quality=80))) as picture:
        table = list(picture.quantization[0])
    changed = [step + (place % 7 == 0) for place, step in enumerate(table)]
    assert quality_of_table(changed) == pytest.approx(80, abs=2)
    assert quality_of_table([]) is None
    assert quality_of_table([0] * 64) is None


def test_other_formats_have_no_jpeg_quality_but_show_the_blocks_of_their_past():
    with Image.open(io.BytesIO(saved(Image.fromarray(data.coffee()), quality=15))) as picture:
        bad = picture.convert("RGB")
    before, clean = (
        compression_of(saved(bad, "PNG"), "png"),
        compression_of(saved(Image.fromarray(data.coffee()), "PNG")),
    )
    assert before.jpeg_quality is None
    assert before.blockiness > 0.5
    assert clean.blockiness < 0.1


@pytest.mark.parametrize("scene", SCENES)
def test_the_harder_a_picture_was_compressed_the_more_blocks_it_shows(scene):
    found = [measure_blockiness(grey_at(Image.fromarray(scene()), quality)) for quality in QUALITIES]
    assert spearmanr(range(6), found)[0] >= 0.95
    assert found[-1] > 0.8


def test_real_photos_show_more_blocks_the_harder_they_were_compressed(samples: Path):
    for path in sorted((samples / "kodak").iterdir()):
        with Image.open(path) as image:
            found = [measure_blockiness(grey_at(image.convert("RGB"), quality)) for quality in QUALITIES]
        assert spearmanr(range(6), found)[0] >= 0.95


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3), st.booleans())
def test_blocks_are_found_wherever_a_picture_was_cropped_and_however_it_was_turned(
    left: int, top: int, quarters: int, mirrored: bool
):
    grey = grey_at(Image.fromarray(data.coffee()), 20)
    cropped = np.rot90(grey[top:, left:], quarters)
    cropped = np.ascontiguousarray(cropped[:, ::-1] if mirrored else cropped)
    assert measure_blockiness(cropped) == pytest.approx(measure_blockiness(grey), rel=0.08)


def test_a_picture_that_is_read_at_a_smaller_scale_has_no_blockiness():
    large = Image.fromarray(data.coffee()).resize((2400, 1600))
    found = compression_of(saved(large, quality=10))
    assert found.jpeg_quality == 10
    assert found.blockiness is None


def test_a_turned_photo_is_known_to_be_at_full_scale():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert compression_of(saved(Image.fromarray(data.coffee()), quality=20, exif=exif)).blockiness > 0.3


def test_values_that_can_not_be_told_are_none():
    assert measure_blockiness(np.zeros((1, 1), np.uint8)) is None
    assert measure_blockiness(np.zeros((8, 3000), np.uint8)) is None
    assert measure_blockiness(np.zeros((64, 64), np.uint8)) == 0
    blocks = np.random.default_rng(0).integers(0, 255, (10, 10), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    assert 100 < measure_blockiness(blocks) < 1000
    assert compression_of(saved(Image.fromarray(data.coffee()), "AVIF"), "avif").jpeg_quality is None


def test_the_row_has_the_columns_that_are_declared():
    photo = DecodedPhoto(saved(Image.fromarray(data.coffee()), quality=66), "jpeg", 10**8)
    (row,) = CompressionStage().run(photo)["quality"]
    assert list(row) == [field.name for field in CompressionStage.tables[0].columns]
    assert row["jpeg_quality"] == 66


def test_a_table_that_is_far_from_all_of_the_standards_has_no_quality():
    near, far = table_of(80), np.full(64, 16)
    assert quality_of_table(near.tolist()) == 80
    assert quality_of_table(np.maximum(1, near + 1).tolist()) is not None
    assert quality_of_table(far.tolist()) is None
