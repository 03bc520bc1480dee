"""RAW and JPEG of one press in folders of their own are one frame; a camera's next folder goes on with a burst."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from skimage import data

from burst_album import NOON, shoot
from photoidx import Config, Library
from photoidx.queries.bursts.presses import presses

EXACT = NOON + timedelta(milliseconds=370)


def row(path: str, taken_at: datetime | None = EXACT, **given: Any) -> dict[str, Any]:
    ours = {"path": path, "shot_id": path, "taken_at": taken_at, "make": "Canon", "model": "EOS R6", "serial": "42"}
    return {**ours, "phash_64": "0" * 16, "raw": int(path.endswith("CR3")), **given}


def tied(*rows: dict[str, Any], apart: Sequence[tuple[str, str]] = ()) -> dict[str, tuple[str, ...]]:
    columns = {name: pa.array([each[name] for each in rows]) for name in rows[0]}
    return presses(pa.table(columns), {frozenset(pair) for pair in apart})


RAW, JPEG = "/a/RAW/IMG_1.CR3", "/a/JPG/IMG_1.JPG"


@pytest.mark.parametrize(
    ("raw", "developed"),
    [
        (RAW, JPEG),
        ("/a/RAW/IMG_1.CR3", "/a/IMG_1.JPG"),
        ("/a/IMG_1.CR3", "/a/jpg/img_1.jpg"),
        ("/a/RAW/PXL_20250126_164931991.RAW-02.ORIGINAL.CR3", "/a/PXL_20250126_164931991.RAW-01.COVER.jpg"),
        (f"/a/RAW/{unicodedata.normalize('NFC', 'Übung')}.CR3", f"/a/{unicodedata.normalize('NFD', 'Übung')}.JPG"),
    ],
)
def test_a_raw_and_its_jpeg_are_one_press_in_sibling_folders_and_in_a_folder_and_its_parent(raw, developed):
    assert tied(row(raw), row(developed)) == {developed: (raw,)}


def test_a_raw_with_two_developed_files_is_one_press_and_the_first_stands_for_all():
    export = "/a/export/IMG_1.JPG"
    assert tied(row(RAW), row(export), row(JPEG)) == {JPEG: tuple(sorted((RAW, export)))}


def test_shots_that_are_kept_apart_are_not_one_press_and_not_by_way_of_a_third():
    export = "/a/export/IMG_1.JPG"
    rows = (row(RAW), row(export), row(JPEG))
    assert tied(*rows, apart=[(JPEG, RAW)]) == {export: (RAW,)}
    assert tied(*rows, apart=[(JPEG, export)]) == {JPEG: (RAW,)}
    assert tied(*rows, apart=[(JPEG, RAW), (RAW, export)]) == {}


@pytest.mark.parametrize(
    "other",
    [
        row("/a/JPG/IMG_2.JPG"),
        row("/b/JPG/IMG_1.JPG"),
        row("/a/JPG/IMG_1.JPG", EXACT + timedelta(milliseconds=10)),
        row("/a/JPG/IMG_1.JPG", None),
        row("/a/JPG/IMG_1.JPG", serial="43"),
        row("/a/JPG/IMG_1.JPG", model="EOS R5"),
        row("/a/JPG/IMG_1.CR3"),
    ],
    ids=["name", "folder", "time", "no time", "serial", "model", "raw"],
)
def test_what_differs_in_more_than_the_format_is_not_one_press(other):
    assert tied(row(RAW), other) == {}


def test_two_cameras_without_serials_that_give_equal_names_in_one_second_are_told_apart_by_the_look():
    second = {"taken_at": NOON, "serial": None}
    assert tied(row(RAW, **second), row(JPEG, **second, phash_64="f" * 16)) == {}
    assert tied(row(RAW, **second), row(JPEG, **second, phash_64="0" * 15 + "f")) == {JPEG: (RAW,)}
    assert tied(row(RAW, **second), row(JPEG, **second, phash_64=None)) == {}


def test_a_raw_without_a_picture_and_without_a_serial_is_known_by_its_sub_seconds():
    assert tied(row(RAW, serial=None), row(JPEG, serial=None, phash_64=None)) == {JPEG: (RAW,)}


def test_an_export_that_lost_the_sub_seconds_is_still_the_same_press():
    assert tied(row(RAW), row(JPEG, NOON)) == {JPEG: (RAW,)}


# -- in a library -----------------------------------------------------------------------------------------------------


def burst(folder: Path, first: int, suffix: str, *, count: int = 3, quality: int = 92) -> list[Path]:
    return [
        shoot(
            folder / f"IMG_{first + number:04}.{suffix}",
            data.astronaut(),
            NOON + timedelta(milliseconds=300 * number + 10),
            shift=number,
            quality=quality,
        )
        for number in range(count)
    ]


def names(frames: list[dict[str, Any]]) -> list[list[str]]:
    return [[os.path.join(*Path(path).parts[-2:]) for path in frame["files"]] for frame in frames]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library", Config(workers=1, without=("faces", "sharpness", "technical")))


def test_raw_and_jpeg_folders_count_once_and_decisions_about_either_file_count(library, tmp_path):
    album = tmp_path / "album"
    raws = burst(album / "RAW", 1, "CR2", quality=80)
    library.scan(album)
    (alone,) = library.bursts()
    jpegs = burst(album / "JPG", 1, "JPG")
    library.scan(album)
    (found,) = library.best_of_bursts()
    assert found["burst_id"] == alone["burst_id"]
    assert len(found["frames"]) == 3
    assert found["pick"]["files"] == [str(jpegs[0]), str(raws[0])]
    library.decide("best", raws[2])
    (found,) = library.best_of_bursts()
    assert (found["pick"]["path"], found["decided_by"]) == (str(jpegs[2]), "decision")
    assert library.why(raws[0], raws[2])["winner"] == str(jpegs[2])
    library.decide("apart", raws[0], jpegs[1])
    (cut,) = library.bursts()
    assert names(cut["frames"]) == [[f"JPG/IMG_000{n}.JPG", f"RAW/IMG_000{n}.CR2"] for n in (2, 3)]
    library.undo()
    library.regroup()
    (whole,) = library.bursts()
    assert len(whole["frames"]) == 3
    for jpeg in jpegs:
        jpeg.unlink()
    library.scan(album, allow_empty=True)
    (left,) = library.bursts()
    assert names(left["frames"]) == [[f"RAW/IMG_000{n}.CR2"] for n in (1, 2, 3)]
    assert left["burst_id"] == alone["burst_id"]


def test_a_press_that_was_tied_wrongly_is_two_photos_once_the_user_says_so_and_until_that_is_taken_back(
    library, tmp_path
):
    for number in range(3):  # two cameras of one model that gave equal names in one second
        when = NOON + timedelta(seconds=2 * number)
        shoot(tmp_path / "anna" / f"IMG_{number}.JPG", data.astronaut(), when, shift=number, serial=None)
        shoot(tmp_path / "ben" / f"IMG_{number}.CR2", data.astronaut(), when, shift=number + 5, quality=80, serial=None)
    library.scan(tmp_path / "anna", tmp_path / "ben")
    anna, ben = tmp_path / "anna" / "IMG_0.JPG", tmp_path / "ben" / "IMG_0.CR2"
    both = [["anna/IMG_0.JPG", "ben/IMG_0.CR2"], *([f"anna/IMG_{n}.JPG", f"ben/IMG_{n}.CR2"] for n in (1, 2))]
    alone = [["anna/IMG_0.JPG"], *both[1:]]

    def files() -> list[list[str]]:
        (burst,) = library.bursts()
        return names(burst["frames"])

    assert files() == both
    library.decide("apart", anna, ben)
    assert files() == alone
    library.regroup()
    assert files() == alone
    library.decide("together", ben, anna)
    assert files() == both
    library.undo()
    assert files() == alone
    library.undo()
    assert files() == both


def test_folders_that_two_cameras_of_one_model_filled_at_one_time_are_not_one_camera_s(library, tmp_path):
    for number in range(3):
        for folder, first, wait_ms in (("100CANON", 1, 10), ("101CANON", 2, 210)):
            when = NOON + timedelta(milliseconds=wait_ms + 400 * number)
            path = tmp_path / "DCIM" / folder / f"IMG_{first + number:04}.JPG"
            shoot(path, data.astronaut(), when, shift=number, serial=None)
    for folder, number, at in (("101CANON", 9999, 0), ("102CANON", 1, 1)):  # the next folder of one of them
        when = NOON + timedelta(hours=1, milliseconds=10 + 300 * at)
        shoot(tmp_path / "DCIM" / folder / f"IMG_{number:04}.JPG", data.coffee(), when, shift=at, serial=None)
    library.scan(tmp_path / "DCIM")
    assert [names(each["frames"]) for each in library.bursts()] == [
        [[f"100CANON/IMG_{number:04}.JPG"] for number in (1, 2, 3)],
        [[f"101CANON/IMG_{number:04}.JPG"] for number in (2, 3, 4)],
        [["101CANON/IMG_9999.JPG"], ["102CANON/IMG_0001.JPG"]],
    ]


def test_a_burst_goes_on_in_the_next_folder_of_the_camera_where_the_counter_may_start_again(library, tmp_path):
    for folder, number, at in (("100CANON", 9998, 0), ("100CANON", 9999, 1), ("101CANON", 1, 2), ("101CANON", 2, 3)):
        when = NOON + timedelta(milliseconds=10 + 300 * at)
        shoot(tmp_path / "DCIM" / folder / f"IMG_{number:04}.JPG", data.astronaut(), when, shift=at)
    for folder, at in (("first", 0), ("second", 1)):  # two cameras of one model, in folders that a person named
        when = NOON + timedelta(hours=1, milliseconds=10 + 300 * at)
        shoot(tmp_path / "DCIM" / folder / f"IMG_{10 + at:04}.JPG", data.coffee(), when, shift=at, serial=None)
    library.scan(tmp_path / "DCIM")
    assert [names(each["frames"]) for each in library.bursts()] == [
        [["100CANON/IMG_9998.JPG"], ["100CANON/IMG_9999.JPG"], ["101CANON/IMG_0001.JPG"], ["101CANON/IMG_0002.JPG"]]
    ]
