"""Grouping: what belongs together is found, unrelated photos stay apart, and the table is updated in place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from burst_album import NOON, made, shoot
from photoidx import Config, Library
from photoidx.errors import QueryError
from photoidx.queries.bursts.rules import FrameGroup, group
from pictures import age


def members(groups: list[FrameGroup]) -> list[tuple[int, ...]]:
    return [each.members for each in groups]


def test_frames_on_both_sides_of_a_second_belong_together():
    assert members(group(made([10.8, 11.183, 11.566], [1, 1, 1]))) == [(0, 1, 2)]


def test_frames_of_two_cameras_at_one_time_are_two_bursts():
    frames = made([1.1, 1.4, 1.7, 1.2, 1.5, 1.8], [1] * 6, cameras=[0, 0, 0, 1, 1, 1])
    assert members(group(frames)) == [(0, 1, 2), (3, 4, 5)]


def test_two_cameras_of_one_model_are_told_apart_by_their_file_numbers():
    frames = made([1.1, 1.15, 1.4, 1.45], [1] * 4, numbers=[1001, 6001, 1002, 6002])
    assert members(group(frames)) == [(0, 2), (1, 3)]


def test_a_counter_that_starts_again_does_not_cut_a_burst():
    frames = made([1.1, 1.4, 1.7], [1] * 3, numbers=[9998, 9999, 1])
    assert members(group(frames)) == [(0, 1, 2)]


def test_different_scenes_are_not_glued_however_near_in_time():
    assert group(made([1.1, 1.4, 1.7], [1, 2, 3])) == []


def test_times_without_seconds_do_not_glue_the_scenes_of_a_minute():
    frames = made([60, 60, 60, 60, 60], [1, 1, 2, 3, 3], numbers=[1, 2, 3, 4, 5])
    assert members(group(frames)) == [(0, 1), (3, 4)]


def test_the_same_scene_a_minute_later_is_another_burst():
    frames = made([1.1, 1.3, 61.1, 61.3], [1, 1, 1, 1])
    assert members(group(frames)) == [(0, 1), (2, 3)]


def test_frames_without_a_time_belong_together_only_if_they_follow_each_other_and_look_the_same():
    alike = made([None, None, None], [1, 1, 2], numbers=[5, 6, 7])
    assert members(group(alike)) == [(0, 1)]
    apart = made([None, None], [1, 1], numbers=[5, 9])
    assert group(apart) == []


def test_one_picture_in_two_files_is_no_burst():
    timeless = made([None, None, None], [1, 1, 1], numbers=[1, 2, 3], pixels=[7, 7, 8])
    assert members(group(timeless)) == [(0, 2)]
    assert group(made([1.1, 1.1], [1, 1], pixels=[7, 7])) == []
    black = made([1.1, 1.4], [1, 1], pixels=[7, 7])
    assert members(group(black)) == [(0, 1)]
    unknown = made([None, None], [1, 1], numbers=[1, 2], pixels=[-1, -1])
    assert members(group(unknown)) == [(0, 1)]


def test_a_makers_burst_id_ties_frames_that_look_different():
    frames = made([1.1, 1.2, 1.3], [1, 2, 3], burst_ids=["x", "x", "x"])
    (found,) = group(frames)
    assert found.members == (0, 1, 2)
    assert {edge.rule for edge in found.edges} == {"burst id"}


def test_a_bracket_is_three_exposures_within_four_seconds():
    (found,) = group(made([1.1, 1.6, 2.1], [1, 1, 1], bias=[0, -2, 2]))
    assert found.kind == "bracket"
    (two,) = group(made([1.1, 1.6], [1, 1], bias=[-2, 2]))
    assert two.kind == "burst"
    (same,) = group(made([1.1, 1.6, 2.1], [1, 1, 1], bias=[0, 0, 0]))
    assert same.kind == "burst"


def test_a_bracket_that_is_taken_twice_is_two_brackets():
    frames = made([1.1, 1.4, 1.7, 2.0, 2.3, 2.6], [1] * 6, bias=[0, -2, 2, 0, -2, 2])
    assert [(each.kind, each.members) for each in group(frames)] == [("bracket", (0, 1, 2)), ("bracket", (3, 4, 5))]


def test_one_long_interval_makes_a_time_lapse_and_a_walk_does_not():
    lapse = made([10.0 * at + 0.25 for at in range(12)], [1] * 12)
    assert [(each.kind, len(each.members)) for each in group(lapse)] == [("timelapse", 12)]
    walk = made(list(np.cumsum([10, 7, 6, 6, 8, 7, 9, 10, 9, 9, 5, 12.0])), [1] * 12)
    assert group(walk) == []


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.integers(0, 4), st.integers(0, 1)),
        min_size=1,
        max_size=40,
    )
)
def test_a_group_never_mixes_cameras_or_scenes_and_no_frame_is_in_two(rows):
    rows = sorted(rows, key=lambda row: (row[2], row[0]))
    times, scenes, cameras = (list(column) for column in zip(*rows, strict=True))
    frames = made(times, scenes, cameras=cameras)
    found = group(frames)
    seen: list[int] = []
    for each in found:
        assert len(each.members) > 1
        assert len({cameras[at] for at in each.members}) == 1
        assert len({scenes[at] for at in each.members}) == 1
        seen += each.members
    assert len(seen) == len(set(seen))
    shifted = replace(frames, time_us=frames.time_us + 3_600_000_000)
    assert members(group(shifted)) == members(found)


# -- in a library -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bursts") / "photos"
    scenes = (data.astronaut(), data.coffee(), data.chelsea())
    for number, scene in enumerate(scenes):
        for frame in range(3):
            at = NOON + timedelta(minutes=10 * number, milliseconds=300 * frame)
            shoot(folder / f"IMG_{10 * number + frame:04}.JPG", scene, at, blur=frame != 1, shift=frame)
    library = Library(folder.parent / "library", Config(workers=2))
    library.scan(folder)
    return folder


@pytest.fixture
def library(album: Path, tmp_path: Path) -> Iterator[Library]:
    """Return a copy of the scanned album and its library, under the same paths."""
    saved = tmp_path / "saved"
    shutil.copytree(album.parent, saved)
    yield Library(album.parent / "library", Config(workers=2))
    shutil.rmtree(album.parent)
    shutil.copytree(saved, album.parent)


def shown(library: Library) -> dict[str, list[str]]:
    return {
        each["burst_id"]: [os.path.basename(frame["path"]) for frame in each["frames"]] for each in library.bursts()
    }


def test_a_scan_groups_and_the_sharp_frame_of_each_burst_is_picked_with_a_reason(library):
    found = library.best_of_bursts()
    assert [os.path.basename(each["pick"]["path"]) for each in found] == [
        "IMG_0001.JPG",
        "IMG_0011.JPG",
        "IMG_0021.JPG",
    ]
    for each in found:
        assert each["kind"] == "burst"
        assert each["decided_by"] == "sharpness"
        assert "sharpest" in each["pick"]["reason"]
        assert [frame["rank"] for frame in each["frames"]] == [1, 2, 3]
        assert all("less fine detail" in frame["reason"] for frame in each["frames"][1:])


def test_a_scan_that_adds_photos_leaves_the_other_bursts_as_they_are_and_keeps_ids(library, album):
    before = shown(library)
    shoot(album / "IMG_0013.JPG", data.coffee(), NOON + timedelta(minutes=10, milliseconds=900))
    shoot(album / "IMG_0030.JPG", data.rocket(), NOON + timedelta(minutes=30))
    shoot(album / "IMG_0031.JPG", data.rocket(), NOON + timedelta(minutes=30, milliseconds=200), shift=1)
    library.scan(album)
    after = shown(library)
    assert before.keys() < after.keys()
    grown = next(burst_id for burst_id, names in before.items() if "IMG_0010.JPG" in names)
    assert after[grown] == [*before[grown], "IMG_0013.JPG"]
    assert all(after[burst_id] == names for burst_id, names in before.items() if burst_id != grown)
    assert ["IMG_0030.JPG", "IMG_0031.JPG"] in after.values()
    library.regroup()
    assert shown(library) == after


def test_photos_that_are_gone_leave_their_burst(library, album):
    (album / "IMG_0000.JPG").unlink()
    for name in ("IMG_0010.JPG", "IMG_0011.JPG"):
        (album / name).unlink()
    library.scan(album)
    assert sorted(shown(library).values()) == [
        ["IMG_0001.JPG", "IMG_0002.JPG"],
        ["IMG_0020.JPG", "IMG_0021.JPG", "IMG_0022.JPG"],
    ]


def test_a_decision_about_the_best_wins_and_survives_a_rescan_until_it_is_taken_back(library, album):
    library.decide("best", album / "IMG_0002.JPG")
    shoot(album / "IMG_0003.JPG", data.astronaut(), NOON + timedelta(milliseconds=900), shift=3)
    library.scan(album)
    first = library.best_of_bursts()[0]
    assert os.path.basename(first["pick"]["path"]) == "IMG_0002.JPG"
    assert first["decided_by"] == "decision"
    assert first["pick"]["reason"].startswith("you chose it")
    library.undo()
    assert os.path.basename(library.best_of_bursts()[0]["pick"]["path"]) in {"IMG_0001.JPG", "IMG_0003.JPG"}
    with pytest.raises(QueryError, match="no decision"):
        library.undo()


def test_bursts_are_merged_and_split_as_the_user_decides_and_stay_so(library, album):
    library.decide("together", album / "IMG_0000.JPG", album / "IMG_0010.JPG")
    library.decide("apart", album / "IMG_0020.JPG", album / "IMG_0021.JPG")
    wanted = [
        ["IMG_0000.JPG", "IMG_0001.JPG", "IMG_0002.JPG", "IMG_0010.JPG", "IMG_0011.JPG", "IMG_0012.JPG"],
        ["IMG_0021.JPG", "IMG_0022.JPG"],
    ]
    assert sorted(shown(library).values()) == wanted
    shoot(album / "IMG_0040.JPG", data.rocket(), NOON + timedelta(minutes=10, seconds=20))
    library.scan(album)
    assert sorted(shown(library).values()) == wanted
    library.regroup()
    assert sorted(shown(library).values()) == wanted
    library.undo()
    assert ["IMG_0020.JPG", "IMG_0021.JPG", "IMG_0022.JPG"] in shown(library).values()


def test_a_burst_that_the_user_made_of_photos_hours_apart_outlives_that_one_is_gone_for_a_scan(library, album):
    late = shoot(album / "IMG_0900.JPG", data.rocket(), NOON + timedelta(hours=9))
    library.scan(album)
    library.decide("together", album / "IMG_0000.JPG", late)
    wanted = sorted(shown(library).values())
    assert [len(names) for names in wanted] == [4, 3, 3]
    away = late.rename(album.parent / late.name)
    library.scan(album)
    assert [len(names) for names in shown(library).values()] == [3, 3, 3]
    away.rename(late)
    library.scan(album)
    assert sorted(shown(library).values()) == wanted


def test_why_says_what_decided_between_two_photos_and_what_would_have_to_change(library, album):
    found = library.why(album / "IMG_0000.JPG", album / "IMG_0001.JPG")
    assert os.path.basename(found["winner"]) == "IMG_0001.JPG"
    assert found["rule"] == "sharpness"
    assert "less fine detail" in found["differences"][0]["words"]
    assert "as much fine detail" in found["for_the_other_to_win"]
    with pytest.raises(QueryError, match="not two shots of one burst"):
        library.why(album / "IMG_0000.JPG", album / "IMG_0011.JPG")


def test_a_raw_or_heif_of_the_same_shot_counts_once(library, album):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    for number in range(3):
        path = album / f"IMG_{number:04}.JPG"
        with Image.open(path) as image:
            image.save(path.with_suffix(".HEIC"), exif=image.getexif())
        age(path.with_suffix(".HEIC"), 3600)
    library.scan(album)
    first = next(each for each in library.bursts() if str(album / "IMG_0000.JPG") in each["frames"][0]["files"])
    assert len(first["frames"]) == 3
    assert all(len(frame["files"]) == 2 for frame in first["frames"])


def test_what_was_chosen_is_learnt_from_and_undecided_bursts_are_asked_for(library, album):
    learnt, rows = library.lessons()
    assert learnt is None
    assert len(rows) == 3
    library.decide("best", album / "IMG_0000.JPG")
    learnt, rows = library.lessons()
    assert learnt is not None
    assert (learnt.bursts, learnt.is_on) == (1, False)
    assert len(rows) == 2
    assert all(0 <= row["teaches"] <= 1 and len(row["paths"]) == 3 for row in rows)


def commented(path: Path) -> None:
    """Edit a JPEG's metadata: other bytes, the same pixels."""
    content = path.read_bytes()
    note = b"a note"
    path.write_bytes(content[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + content[2:])
    age(path, 1800)


def test_decisions_and_ids_stay_when_a_photos_metadata_are_edited(library, album):
    before = shown(library)
    library.decide("best", album / "IMG_0002.JPG")
    commented(album / "IMG_0002.JPG")
    library.scan(album)
    assert shown(library) == before
    first = library.best_of_bursts()[0]
    assert (os.path.basename(first["pick"]["path"]), first["decided_by"]) == ("IMG_0002.JPG", "decision")
    assert [os.path.basename(row["path"]) for row in library.decisions()] == ["IMG_0002.JPG"]


def test_a_shot_stays_in_its_burst_with_its_decision_when_the_file_that_named_it_is_deleted(library, album):
    with Image.open(album / "IMG_0001.JPG") as image:
        image.save(album / "IMG_0001.TIF", exif=image.getexif())
    age(album / "IMG_0001.TIF", 3600)
    library.scan(album)
    library.decide("best", album / "IMG_0001.JPG")
    (album / "IMG_0001.JPG").unlink()
    library.scan(album)
    assert ["IMG_0000.JPG", "IMG_0001.TIF", "IMG_0002.JPG"] in shown(library).values()
    first = next(each for each in library.best_of_bursts() if "IMG_0001" in str(each["frames"]))
    assert (os.path.basename(first["pick"]["path"]), first["decided_by"]) == ("IMG_0001.TIF", "decision")


def test_a_grouping_that_was_cut_off_is_made_up_for(library, album, monkeypatch):
    import photoidx.queries.bursts.table as module

    shoot(album / "IMG_0013.JPG", data.coffee(), NOON + timedelta(minutes=10, milliseconds=900))
    with monkeypatch.context() as patch:
        patch.setattr(module, "regroup", lambda _store: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            library.scan(album)
    assert "IMG_0013.JPG" not in str(shown(library))
    library.scan(album)
    assert ["IMG_0010.JPG", "IMG_0011.JPG", "IMG_0012.JPG", "IMG_0013.JPG"] in shown(library).values()


def test_a_rejected_photo_is_not_the_pick(library, album):
    library.decide("reject", album / "IMG_0001.JPG")
    first = library.best_of_bursts()[0]
    assert os.path.basename(first["pick"]["path"]) != "IMG_0001.JPG"
    assert "you rejected it" in first["frames"][-1]["reason"]


def test_of_a_best_and_a_reject_of_one_photo_the_newer_holds_and_a_keep_takes_the_reject_back(library, album):
    library.decide("best", album / "IMG_0002.JPG")
    library.decide("reject", album / "IMG_0002.JPG")
    first = library.best_of_bursts()[0]
    assert os.path.basename(first["pick"]["path"]) == "IMG_0001.JPG"
    assert first["decided_by"] == "sharpness"
    assert (first["frames"][-1]["keep"], "you rejected it" in first["frames"][-1]["reason"]) == (False, True)
    assert (library.lessons()[0], len(library.lessons()[1])) == (None, 3)
    assert library.why(album / "IMG_0001.JPG", album / "IMG_0002.JPG")["rule"] == "sharpness"
    library.decide("keep", album / "IMG_0002.JPG")
    assert os.path.basename(library.best_of_bursts()[0]["pick"]["path"]) == "IMG_0002.JPG"
    library.decide("reject", album / "IMG_0002.JPG")
    library.decide("best", album / "IMG_0002.JPG")
    assert os.path.basename(library.best_of_bursts()[0]["pick"]["path"]) == "IMG_0002.JPG"


def test_why_tells_of_the_users_decision(library, album):
    library.decide("best", album / "IMG_0000.JPG")
    found = library.why(album / "IMG_0001.JPG", album / "IMG_0000.JPG")
    assert (os.path.basename(found["winner"]), found["rule"]) == ("IMG_0000.JPG", "decision")


def test_a_time_lapse_grows_with_scans_of_a_few_frames(tmp_path):
    library = Library(tmp_path / "library", Config(workers=1))
    for number in range(12):
        at = NOON + timedelta(minutes=5 * number, milliseconds=40)
        shoot(tmp_path / "photos" / f"IMG_{number:04}.JPG", data.coffee(), at)
        if number in {6, 9, 11}:
            library.scan(tmp_path / "photos")
    assert [(each["kind"], len(each["frames"])) for each in library.bursts()] == [("timelapse", 12)]


def test_a_library_with_one_broken_photo_is_scanned_to_the_end(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    age(tmp_path / "photos" / "a.jpg", 3600)
    library = Library(tmp_path / "library", Config(workers=1))
    assert library.scan(tmp_path / "photos").failed == 1
    assert library.bursts() == []
    assert library.best_of_bursts() == []


def test_without_an_embedder_the_hashes_find_the_bursts(album, tmp_path):
    library = Library(tmp_path / "library", Config(workers=1, embedders=()))
    library.scan(album)
    assert len(library.bursts()) == 3


def test_an_export_of_a_photo_in_another_folder_is_no_burst(library, album):
    before = shown(library)
    (album / "export").mkdir()
    with Image.open(album / "IMG_0011.JPG") as image:
        image.save(album / "export" / "holiday.jpg", quality=80, exif=image.getexif())
        shoot(album / "export" / "rocket.jpg", data.rocket(), NOON + timedelta(minutes=50))
    with Image.open(album / "export" / "rocket.jpg") as image:
        (album / "rockets").mkdir()
        image.save(album / "rockets" / "DSC_0007.JPG", quality=70, exif=image.getexif())
    for path in (album / "export" / "holiday.jpg", album / "rockets" / "DSC_0007.JPG"):
        age(path, 3600)
    library.scan(album)
    assert "rocket" not in str(shown(library))
    assert before.keys() == shown(library).keys()
