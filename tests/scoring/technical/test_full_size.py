"""What compression at full size costs the score `technical`: monotone, free at good qualities, none at small sizes."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import spearmanr
from skimage import data

from photoidx.evaluation import degradation_bench as bench
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.technical import full_size
from photoidx.scoring.technical import score as technical
from photoidx.scoring.technical.full_size import share_for, share_left
from photoidx.scoring.technical.score import Technical

LARGE = 1920
SCORE = bench.scorer_of(Technical(), "technical")
SCENES = {"astronaut": data.astronaut, "coffee": data.coffee, "chelsea": data.chelsea}


def saved(image: Image.Image, file_format: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def picture(scene: str, long_side: int) -> Image.Image:
    image = Image.fromarray(SCENES[scene]())
    scale = long_side / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def share(data_: bytes, file_format: str = "jpeg") -> float:
    return share_left(DecodedPhoto(data_, file_format, 10**9))


@pytest.mark.parametrize(
    ("quality", "long_side", "low", "high"),
    [
        (100, 4000, 1, 1),
        (90, 4000, 1, 1),
        (85, 4000, 1, 1),
        (80, 4000, 0.95, 0.99),
        (50, 4000, 0.8, 0.86),
        (10, 4000, 0.4, 0.5),
        (1, 4000, 0, 0.1),
        (10, 960, 1, 1),
        (10, 100, 1, 1),
        (10, 1000, 0.9, 0.99),
    ],
)
def test_the_share_that_is_left(quality: float, long_side: int, low: float, high: float):
    assert low <= share_for(quality, long_side) <= high


@given(st.integers(1, 99), st.integers(1, 20_000))
def test_a_better_quality_never_leaves_less(quality: int, long_side: int):
    assert 0 < share_for(quality, long_side) <= share_for(quality + 1, long_side) <= 1


@given(st.integers(1, 100), st.integers(1, 20_000))
def test_a_larger_photo_of_one_quality_is_never_left_more_and_from_twice_the_size_on_the_same(quality: int, side: int):
    assert share_for(quality, side) >= share_for(quality, side + 100)
    assert share_for(quality, LARGE) == pytest.approx(share_for(quality, LARGE + side))


def test_each_step_of_ten_costs_more_than_the_two_decimals_hide():
    left = [share_for(quality, 4000) for quality in range(10, 90, 10)]
    assert all(better - worse > 0.03 for worse, better in pairwise(left))


def test_files_with_the_same_tables_are_left_the_same_whatever_they_show():
    assert len({share(saved(picture(scene, LARGE), quality=40)) for scene in SCENES}) == 1


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_what_is_no_jpeg_is_left_all(file_format: str):
    assert share(saved(picture("coffee", 2000), file_format, quality=20), file_format.lower()) == 1


@pytest.mark.parametrize("long_side", [600, 960])
def test_a_photo_that_the_score_sees_at_its_own_size_is_left_all(long_side: int):
    assert share(saved(picture("coffee", long_side), quality=10)) == 1


@pytest.mark.parametrize("scene", SCENES)
def test_a_large_photo_is_scored_lower_the_harder_it_was_compressed(scene: str):
    image = picture(scene, 2400)
    scores = [SCORE(saved(image, quality=quality), "jpeg") for quality in (10, 20, 30, 40, 50, 60, 70, 80, 90)]
    assert scores == sorted(scores)
    assert scores[0] < 0.6 * scores[-1]


def test_without_the_share_a_large_photo_hides_its_compression(monkeypatch: pytest.MonkeyPatch):
    image = picture("astronaut", 2400)
    bad, good = saved(image, quality=30), saved(image, quality=90)
    seen = SCORE(good, "jpeg") - SCORE(bad, "jpeg")
    monkeypatch.setattr(full_size, "share_left", lambda _photo: 1.0)
    assert SCORE(good, "jpeg") - SCORE(bad, "jpeg") < seen / 2


def test_a_photo_that_was_made_smaller_after_its_compression_is_not_punished(monkeypatch: pytest.MonkeyPatch):
    with Image.open(io.BytesIO(saved(picture("coffee", 2400), quality=30))) as image:
        smaller = saved(image.resize((1500, 1000)), quality=95)
    found = SCORE(smaller, "jpeg")
    monkeypatch.setattr(full_size, "share_left", lambda _photo: 1.0)
    assert SCORE(smaller, "jpeg") == found


def test_a_photo_turned_by_its_exif_or_broken_in_its_header_is_read_all_the_same():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert share(saved(picture("coffee", LARGE), quality=40, exif=exif)) == share_for(40, LARGE)
    assert share(b"\xff\xd8 no picture") == 1


def test_the_stage_reads_the_bytes_so_that_equal_pixels_do_not_share_a_score():
    assert Technical().needs == "both"
    assert Technical().version > 1
    photo = DecodedPhoto(saved(picture("coffee", LARGE), quality=40), "jpeg", 10**9)
    whole = technical.net().score(technical.features(photo))
    assert Technical().run(photo)["quality"] == [{"technical": round(whole * share_for(40, LARGE), 2)}]


def test_twelve_megapixels_at_ten_qualities_are_scored_in_their_order(samples: Path):
    folder = samples / "compressed"
    scores = {int(path.stem[-2:]): SCORE(path.read_bytes(), "jpeg") for path in folder.glob("quality_*.jpg")}
    assert spearmanr(list(scores), list(scores.values()))[0] > 0.99
    assert max(scores.values()) <= SCORE((folder / "original.jpg").read_bytes(), "jpeg")
