from __future__ import annotations

import io
from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring import hashes
from photoidx.scoring.hashes import Hashes, perceptual_hash, pixel_id


def photo_of(image: Image.Image, file_format: str = "PNG", **options: object) -> DecodedPhoto:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return DecodedPhoto(out.getvalue(), file_format.lower(), 10**8)


def bits_apart(one: str, other: str) -> int:
    assert len(one) == len(other)
    return (int(one, 16) ^ int(other, 16)).bit_count()


def scenes() -> list[Image.Image]:
    return [Image.fromarray(picture) for picture in (data.astronaut(), data.coffee(), data.chelsea())]


@pytest.mark.parametrize("side", [8, 16])
def test_a_perceptual_hash_is_that_of_imagehash(side: int):
    drawn = [
        Image.new("RGB", (300, 200), "teal"),
        Image.new("RGB", (1, 1), "white"),
        Image.linear_gradient("L").convert("RGB"),
        Image.radial_gradient("L").convert("RGB"),
    ]
    for image in scenes() + drawn:
        assert perceptual_hash(image, side) == str(imagehash.phash(image, hash_size=side))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(3, 90), st.integers(3, 90))  # at 2 pixels half of the waves can be zero
def test_a_perceptual_hash_is_at_most_one_rounding_from_that_of_imagehash(seed: int, width: int, height: int):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    image = Image.fromarray(pixels)
    for side in (8, 16):
        assert bits_apart(perceptual_hash(image, side), str(imagehash.phash(image, hash_size=side))) <= 1


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 300))
def test_the_small_picture_is_that_of_pillow_to_the_bit(seed: int, width: int, height: int):
    grey = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8))
    for size in (32, 64):
        expected = np.asarray(grey.resize((size, size), Image.Resampling.LANCZOS))
        assert (hashes._small(np.asarray(grey, np.float64), size) == expected).all()


def test_hashes_of_real_photos_are_those_of_imagehash(samples: Path):
    for path in sorted((samples / "kodak").iterdir()):
        (row,) = Hashes().run(DecodedPhoto(path.read_bytes(), "png", 10**8))["hashes"]
        with Image.open(path) as image:
            assert row["phash_64"] == str(imagehash.phash(image.convert("RGB"), hash_size=8))
            assert row["phash_256"] == str(imagehash.phash(image.convert("RGB"), hash_size=16))


def test_the_same_picture_smaller_and_compressed_is_near_and_another_is_far():
    first, second, third = scenes()
    small = photo_of(first.resize((256, 256)), "JPEG", quality=40).image()
    assert bits_apart(perceptual_hash(first, 8), perceptual_hash(small, 8)) <= 4
    for one, other in ((first, second), (second, third), (first, third)):
        assert bits_apart(perceptual_hash(one, 8), perceptual_hash(other, 8)) >= 16


def test_a_metadata_edit_and_a_lossless_copy_keep_the_identity_of_the_pixels():
    image = scenes()[1]
    exif = Image.Exif()
    exif[0x010E] = "another title"
    files = [
        photo_of(image),
        photo_of(image, exif=exif),
        photo_of(image, "BMP"),
        photo_of(image, "WEBP", lossless=True),
    ]
    assert len({photo.content_id for photo in files}) == 4
    assert len({photo.once(pixel_id) for photo in files}) == 1


def test_one_changed_value_changes_the_identity_of_the_pixels():
    pixels = np.array(scenes()[1])
    changed = pixels.copy()
    changed[5, 7, 2] ^= 1
    assert pixel_id(photo_of(Image.fromarray(pixels))) != pixel_id(photo_of(Image.fromarray(changed)))


def test_pictures_of_the_same_bytes_but_of_another_shape_are_not_the_same():
    assert pixel_id(photo_of(Image.new("RGB", (2, 8)))) != pixel_id(photo_of(Image.new("RGB", (8, 2))))


def test_the_row_has_hashes_of_16_64_and_32_hexadecimal_digits():
    (row,) = Hashes().run(photo_of(scenes()[0]))["hashes"]
    assert {name: len(value) for name, value in row.items()} == {"phash_64": 16, "phash_256": 64, "pixel_id": 32}
    assert list(row) == [field.name for field in Hashes.tables[0].columns]
