"""What the user decided follows a photo that was edited and renamed between two scans."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from skimage import data

from burst_album import NOON, shoot
from photoidx import Config, Library
from photoidx.storage.schema import META
from pictures import age


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for number in range(4):
        when = NOON + timedelta(milliseconds=300 * number + 10)
        shoot(tmp_path / "photos" / f"IMG_{number:04}.JPG", data.astronaut(), when, shift=number)
    return tmp_path / "photos"


@pytest.fixture
def library(tmp_path: Path, album: Path) -> Library:
    library = Library(tmp_path / "library", Config(workers=1, without=("faces", "sharpness", "technical")))
    library.scan(album)
    return library


def picked(library: Library) -> list[tuple[str, str, int]]:
    return [
        (os.path.basename(each["pick"]["path"]), each["decided_by"], len(each["frames"]))
        for each in library.best_of_bursts()
    ]


def test_decisions_follow_a_photo_whose_metadata_or_picture_was_edited_and_that_was_renamed(library, album):
    library.decide("apart", album / "IMG_0000.JPG", album / "IMG_0001.JPG")
    library.decide("best", album / "IMG_0002.JPG")
    before = library.bursts()[0]["burst_id"]
    content = (album / "IMG_0002.JPG").read_bytes()
    (album / "the one.jpg").write_bytes(content[:2] + b"\xff\xfe\x00\x06note" + content[2:])
    with Image.open(album / "IMG_0000.JPG") as image:
        ImageOps.grayscale(image).save(album / "grey.jpg", exif=image.getexif())
    for old, new in (("IMG_0002.JPG", "the one.jpg"), ("IMG_0000.JPG", "grey.jpg")):
        (album / old).unlink()
        age(album / new, 3600)
    library.scan(album)
    assert picked(library) == [("the one.jpg", "decision", 3)]
    assert library.bursts()[0]["burst_id"] == before
    assert "grey.jpg" not in str(library.bursts())
    assert sorted(os.path.basename(row["path"]) for row in library.decisions()) == [
        "IMG_0001.JPG", "grey.jpg", "the one.jpg",
    ]  # fmt: skip
    library.regroup()
    assert picked(library) == [("the one.jpg", "decision", 3)]


def test_a_decision_about_a_deleted_photo_goes_to_no_other_one(library, album):
    library.decide("best", album / "IMG_0002.JPG")
    (album / "IMG_0002.JPG").unlink()
    shoot(album / "IMG_0009.JPG", data.astronaut(), NOON + timedelta(milliseconds=1210), shift=5)
    library.scan(album)
    ((_, decided_by, count),) = picked(library)
    assert (decided_by != "decision", count) == (True, 4)
    assert [row["path"] for row in library.decisions()] == [None]


def test_decisions_follow_a_photo_after_an_upgrade_too(library, album):
    library.decide("best", album / "IMG_0002.JPG")
    with library.store.writing():
        (state,) = (row for row in library.store.read(META.name).to_pylist() if row["name"] == "grouping")
        library.store.upsert(META, [{**state, "value": " ".join(["0", *state["value"].split()[1:]])}])
    content = (album / "IMG_0002.JPG").read_bytes()
    (album / "the one.jpg").write_bytes(content[:2] + b"\xff\xfe\x00\x06note" + content[2:])
    (album / "IMG_0002.JPG").unlink()
    age(album / "the one.jpg", 3600)
    library.scan(album)
    assert picked(library) == [("the one.jpg", "decision", 4)]
    assert [os.path.basename(row["path"]) for row in library.decisions()] == ["the one.jpg"]


def test_decisions_about_a_jpeg_stay_with_its_press_when_the_folder_of_the_jpegs_is_gone(library, tmp_path):
    pairs = tmp_path / "pairs"
    for number in range(3):
        when = NOON + timedelta(hours=1, milliseconds=400 * number)
        for folder, suffix, quality in (("JPG", "JPG", 92), ("RAW", "CR2", 80)):
            path = pairs / folder / f"IMG_{number:04}.{suffix}"
            shoot(path, data.coffee(), when, shift=number, quality=quality)
    library.scan(pairs)
    library.decide("best", pairs / "JPG" / "IMG_0002.JPG")
    library.decide("reject", pairs / "JPG" / "IMG_0000.JPG", pairs / "RAW" / "IMG_0000.CR2")
    for name in ("IMG_0000.JPG", "IMG_0001.JPG", "IMG_0002.JPG"):
        (pairs / "JPG" / name).unlink()
    library.scan(pairs, allow_empty=True)
    assert picked(library)[1] == ("IMG_0002.CR2", "decision", 3)
    assert [row["path"] for row in library.decisions()] == [
        str(pairs / "RAW" / "IMG_0002.CR2"),
        str(pairs / "RAW" / "IMG_0000.CR2"),
    ]
    rejected = library.best_of_bursts()[1]["frames"][-1]
    assert (os.path.basename(rejected["path"]), rejected["keep"]) == ("IMG_0000.CR2", False)
    assert [library.undo().verb, library.undo().verb] == ["reject", "best"]
