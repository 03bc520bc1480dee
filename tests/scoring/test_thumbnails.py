from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.thumbnails import Thumbnails


def thumbnail_of(image: Image.Image, **options: object) -> tuple[dict[str, object], Image.Image]:
    out = BytesIO()
    image.save(out, "JPEG", **options)
    (row,) = Thumbnails().run(DecodedPhoto(out.getvalue(), "jpeg", 10**8))["thumbnails"]
    return dict(row), Image.open(BytesIO(row["jpeg"]))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1600, 1200), (320, 240)),
        ((640, 1000), (205, 320)),
        ((100, 50), (100, 50)),
        ((1, 1), (1, 1)),
        ((3000, 2), (320, 1)),
    ],
)
def test_a_thumbnail_has_a_long_side_of_320_and_is_never_enlarged(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    row, picture = thumbnail_of(Image.new("RGB", size, "teal"))
    assert picture.size == expected == (row["width"], row["height"])
    assert (picture.format, picture.mode) == ("JPEG", "RGB")


def test_a_thumbnail_is_upright_and_carries_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _, picture = thumbnail_of(Image.new("RGB", (800, 400)), exif=exif, comment=b"secret", icc_profile=b"x" * 200)
    assert picture.size == (160, 320)
    assert not picture.getexif()
    assert not {"comment", "icc_profile", "exif"} & set(picture.info)


def test_the_table_declares_what_the_stage_writes() -> None:
    row, _ = thumbnail_of(Image.new("L", (9, 9)))
    assert [field.name for field in Thumbnails.tables[0].columns] == list(row)
