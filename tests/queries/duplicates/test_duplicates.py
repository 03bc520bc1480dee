"""`photoidx dups`: which files are the same picture, which to keep, and what the user decided about them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from skimage import data

from burst_album import NOON, shoot
from photoidx import Config, Library
from photoidx.cli.ask.dups import calibrate, dups
from photoidx.errors import QueryError
from pictures import age

UNNEEDED = Config(workers=2, without=("faces", "sharpness", "technical", "noise", "exposure", "colour", "horizon"))
SAVED = {"quality": 90}


def stamped(image: Image.Image) -> Image.Image:
    image = image.copy()
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rectangle((250, 420, 480, 460), fill=(255, 255, 255, 150))
    draw.text((280, 432), "(c) somebody", fill=(0, 0, 0, 220))
    return image


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "encoded again": lambda image: image,
    "half as large": lambda image: image.reduce(2),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "paler": lambda image: ImageEnhance.Color(image).enhance(0.5),
    "cropped": lambda image: image.crop((10, 15, image.width - 15, image.height - 8)),
    "framed": lambda image: ImageOps.expand(image, 24, "white"),
    "stamped": stamped,
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "upside down": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "mirrored": ImageOps.mirror,
}


def save(image: Image.Image, path: Path, **how: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **{**SAVED, **how})
    age(path, 3600)
    return path


def taken_from(original: Path, **edits: Callable[[Image.Image], Image.Image]) -> list[Path]:
    with Image.open(original) as image:
        return [save(edit(image), original.parent / "copies" / f"{name}.jpg") for name, edit in edits.items()]


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One photo with its EXIF and a copy of each kind of edit; a burst; two unrelated photos; equal bytes twice."""
    folder = tmp_path_factory.mktemp("duplicates") / "photos"
    original = shoot(folder / "DSC_0100.JPG", data.astronaut(), NOON, quality=95)
    age(original, 90_000)
    taken_from(original, **EDITS)
    with Image.open(original) as image:
        save(image, folder / "copies" / "converted.png")
        save(image, folder / "copies" / "webp.webp")
    shutil.copy2(original, folder / "copies" / "backup.JPG")
    for frame in range(3):
        when = NOON + timedelta(minutes=5, milliseconds=300 * frame)
        shoot(folder / f"DSC_020{frame}.JPG", data.coffee(), when, shift=2 * frame)
    save(Image.fromarray(data.chelsea()), folder / "cat.jpg")
    save(Image.fromarray(data.rocket()), folder / "rocket.jpg")
    Library(folder.parent / "library", UNNEEDED).scan(folder)
    return folder


@pytest.fixture
def library(album: Path, tmp_path: Path) -> Library:
    """A library of the album that a test may change."""
    shutil.copytree(album.parent / "library", tmp_path / "library")
    return Library(tmp_path / "library", UNNEEDED)


def names(groups: list[dict]) -> list[set[str]]:
    return [{Path(file["path"]).name for file in each["files"]} for each in groups]


def told(groups: list[dict], name: str) -> dict:
    return next(file for each in groups for file in each["files"] if Path(file["path"]).name == name)


def test_every_edit_of_a_picture_is_found_with_its_original_and_nothing_else(library):
    (group,) = library.duplicates()
    copies = {f"{name}.jpg" for name in EDITS} | {"converted.png", "webp.webp", "backup.JPG"}
    assert names([group]) == [{"DSC_0100.JPG", *copies}]
    assert group["kind"] == "edited"


def test_only_what_differs_in_nothing_but_its_encoding_may_go(library):
    (group,) = library.duplicates()
    going = {Path(file["path"]).name for file in group["files"] if file["extra"]}
    assert going == {"backup.JPG", "encoded again.jpg", "half as large.jpg", "converted.png"}
    assert "stays: unclear: perhaps the first encoding" in told(library.duplicates(), "webp.webp")["reason"]
    assert {file["goes_for"] for file in group["files"] if file["extra"]} == {group["keep"]}


def test_the_original_is_kept_and_every_copy_says_what_was_done_to_it(library):
    groups = library.duplicates()
    assert Path(groups[0]["keep"]).name == "DSC_0100.JPG"
    assert groups[0]["files"][0]["keep"] is True
    assert told(groups, "backup.JPG")["kind"] == "identical"
    assert "mirrored" in told(groups, "mirrored.jpg")["reason"]
    assert (
        "turned by 90" in told(groups, "turned.jpg")["reason"]
        or "turned by 270" in told(groups, "turned.jpg")["reason"]
    )
    assert "with a frame" in told(groups, "framed.jpg")["reason"]
    assert "cropped to" in told(groups, "cropped.jpg")["reason"]
    assert "something else on it" in told(groups, "stamped.jpg")["reason"]
    assert "248 x 248" in told(groups, "half as large.jpg")["reason"]


def test_the_bytes_that_could_be_freed_are_those_of_the_files_that_may_go(library):
    (group,) = library.duplicates()
    assert group["bytes_freed"] == sum(Path(file["path"]).stat().st_size for file in group["files"] if file["extra"])


def test_only_equal_bytes_are_identical(library):
    groups = library.duplicates(level="identical")
    assert names(groups) == [{"DSC_0100.JPG", "backup.JPG"}]


def test_frames_of_a_burst_are_similar_and_not_the_same(library):
    alike = library.duplicates(level="similar")
    burst = next(each for each in alike if "DSC_0200.JPG" in names([each])[0])
    assert names([burst]) == [{"DSC_0200.JPG", "DSC_0201.JPG", "DSC_0202.JPG"}]
    assert burst["kind"] == "similar"
    assert burst["bytes_freed"] == 0


def test_frames_of_one_second_are_told_apart_by_their_numbers(tmp_path):
    for frame in range(3):
        shoot(tmp_path / "photos" / f"IMG_000{frame}.JPG", data.coffee(), NOON, shift=frame)
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(tmp_path / "photos")
    assert library.duplicates() == []


def test_a_copy_without_its_time_goes_with_the_frame_that_it_was_made_from(tmp_path):
    photos = tmp_path / "photos"
    frames = [
        shoot(photos / f"IMG_000{frame}.JPG", data.coffee(), NOON + timedelta(seconds=frame), shift=2 * frame)
        for frame in range(3)
    ]
    with Image.open(frames[1]) as image:
        save(image, photos / "sent.jpg", quality=60)
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(photos)
    assert names(library.duplicates()) == [{"IMG_0001.JPG", "sent.jpg"}]


def test_a_copy_whose_time_was_changed_does_not_hide_its_original_from_the_others(tmp_path):
    original = shoot(tmp_path / "photos" / "DSC_0001.JPG", data.coffee(), NOON)
    with Image.open(original) as image:
        save(image, original.parent / "sent.jpg", quality=60)
    changed = original.read_bytes().replace(b"2024:06:01", b"2020:06:01")
    (original.parent / "another time.jpg").write_bytes(changed)
    age(original.parent / "another time.jpg", 3000)
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(original.parent)
    groups = library.duplicates()
    assert names(groups) == [{"DSC_0001.JPG", "sent.jpg", "another time.jpg"}]
    assert told(groups, "another time.jpg")["reason"].startswith("the same pixels, other metadata; stays: only it has")


def test_blank_pictures_are_the_same_only_in_one_colour(tmp_path):
    for name, colour in {"black": "black", "black too": "black", "grey": "#808080", "red": "red"}.items():
        how = {"quality": 80 if name == "black too" else 95}
        save(Image.new("RGB", (400, 300), colour), tmp_path / "photos" / f"{name}.jpg", **how)
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(tmp_path / "photos")
    assert names(library.duplicates()) == [{"black.jpg", "black too.jpg"}]


@pytest.mark.slow
def test_what_is_new_is_compared_with_everything_as_if_all_had_come_at_once(album, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(album, photos)
    later = [photos / "copies" / "mirrored.jpg", photos / "copies" / "cropped.jpg", photos / "DSC_0100.JPG"]
    aside = [path.rename(tmp_path / path.name) for path in later]
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(photos)
    before = names(library.duplicates())
    for path, here in zip(aside, later, strict=True):
        path.rename(here)
    library.scan(photos)
    whole = Library(album.parent / "library", UNNEEDED).duplicates()
    assert len(before[0]) == len(names(whole)[0]) - 3
    assert names(library.duplicates()) == names(whole)


@pytest.mark.slow
def test_pictures_that_are_gone_are_in_no_group(library, album, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(album, photos)
    ours = Library(tmp_path / "own", UNNEEDED)
    ours.scan(photos)
    ours.duplicates()
    shutil.rmtree(photos / "copies")
    ours.scan(photos)
    assert ours.duplicates() == []


def test_within_and_across_look_at_those_folders_alone(library, album):
    inside = library.duplicates(within=[album / "copies"])
    assert "DSC_0100.JPG" not in names(inside)[0]
    assert len(library.duplicates(across=[album, album / "copies"])) == 1
    assert library.duplicates(within=[album / "copies"], across=[album, album / "copies"])[0]["files"]
    with pytest.raises(QueryError, match="No photo that was asked for lies below"):
        library.duplicates(across=[album / "copies", album.parent / "elsewhere"])


def test_what_the_user_calls_different_never_comes_back(library, album):
    library.decide("different", album / "DSC_0100.JPG", album / "copies" / "mirrored.jpg")
    library.scan(album)
    assert "mirrored.jpg" not in told_beside(library.duplicates(), "DSC_0100.JPG")
    library.undo()
    assert "mirrored.jpg" in told_beside(library.duplicates(), "DSC_0100.JPG")


def told_beside(groups: list[dict], name: str) -> set[str]:
    return next(each for each in names(groups) if name in each)


def test_what_the_user_keeps_all_of_is_no_longer_shown(library, album):
    (group,) = library.duplicates()
    library.decide("keep-all", *[file["path"] for file in group["files"]])
    assert library.duplicates() == []
    library.undo()
    assert len(library.duplicates()) == 1


def test_a_decision_about_what_to_keep_comes_before_every_rule(library, album):
    library.decide("reject", album / "DSC_0100.JPG")
    assert Path(library.duplicates()[0]["keep"]).name != "DSC_0100.JPG"
    library.decide("keep", album / "copies" / "half as large.jpg")
    (group,) = library.duplicates()
    assert Path(group["keep"]).name == "half as large.jpg"
    assert group["files"][0]["reason"] == "keep: you decided so"


def scanned(tmp_path: Path) -> Library:
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(tmp_path / "photos")
    return library


def extra(library: Library) -> set[str]:
    return {Path(file["path"]).name for each in library.duplicates() for file in each["files"] if file["extra"]}


def test_no_file_that_the_user_keeps_is_offered(library, album):
    library.decide("keep", album / "copies" / "brighter.jpg")
    library.decide("keep", album / "copies" / "paler.jpg")
    assert extra(library).isdisjoint({"brighter.jpg", "paler.jpg"})


@pytest.mark.slow
def test_a_new_copy_does_not_undo_that_all_were_kept(tmp_path):
    original = shoot(tmp_path / "photos" / "DSC_0001.JPG", data.coffee(), NOON)
    taken_from(original, mirrored=ImageOps.mirror)
    library = scanned(tmp_path)
    library.decide("keep-all", original, original.parent / "copies" / "mirrored.jpg")
    taken_from(original, smaller=EDITS["half as large"])
    library.scan(original.parent)
    assert extra(library) == {"smaller.jpg"}


def test_what_the_user_calls_the_same_is_the_same(tmp_path):
    original = shoot(tmp_path / "photos" / "DSC_0001.JPG", data.coffee(), NOON)
    taken_from(original, negative=ImageOps.invert)
    library = scanned(tmp_path)
    assert library.duplicates() == []
    library.decide("same", original, original.parent / "copies" / "negative.jpg")
    assert names(library.duplicates()) == [{"DSC_0001.JPG", "negative.jpg"}]


def test_different_holds_for_any_copy_with_the_same_pixels(tmp_path):
    original = shoot(tmp_path / "photos" / "DSC_0001.JPG", data.coffee(), NOON)
    (mirrored,) = taken_from(original, mirrored=ImageOps.mirror)
    twin = original.parent / "twin.jpg"
    twin.write_bytes(original.read_bytes().replace(b"EOS R6", b"EOS R7"))
    age(twin, 3000)
    library = scanned(tmp_path)
    for one in (original, twin):
        library.decide("different", one, mirrored)
        assert not any("mirrored.jpg" in each for each in names(library.duplicates()))
        library.undo()


@pytest.mark.slow
def test_copies_are_found_though_the_first_of_equal_pixels_is_gone(tmp_path):
    original = shoot(tmp_path / "photos" / "DSC_0001.JPG", data.coffee(), NOON)
    twin = original.parent / "twin.jpg"
    twin.write_bytes(original.read_bytes().replace(b"EOS R6", b"EOS R7"))
    age(twin, 3000)
    taken_from(original, paler=EDITS["paler"])
    library = scanned(tmp_path)
    assert len(library.duplicates()[0]["files"]) == 3
    for gone, left in ((original, twin), (twin, original)):
        kept = gone.read_bytes()
        gone.unlink()
        library.scan(original.parent)
        assert names(library.duplicates()) == [{left.name, "paler.jpg"}]
        gone.write_bytes(kept)
        age(gone, 3000)
        library.scan(original.parent)


def test_a_file_that_was_away_at_the_first_question_is_compared_when_it_is_back(tmp_path):
    original = shoot(tmp_path / "photos" / "DSC_0001.JPG", data.coffee(), NOON)
    (paler,) = taken_from(original, paler=EDITS["paler"])
    library = scanned(tmp_path)
    away = paler.rename(tmp_path / "away.jpg")
    library.scan(original.parent)
    assert library.duplicates() == []
    away.rename(paler)
    library.scan(original.parent)
    assert names(library.duplicates()) == [{"DSC_0001.JPG", "paler.jpg"}]


def offered_or_same(library: Library) -> list[str]:
    """Return the files that may go, or that are the same as another: two parts of a picture are neither."""
    assert library.duplicates(level="same") == []
    return [file["path"] for each in library.duplicates() for file in each["files"] if file["extra"]]


def test_two_views_that_each_show_what_the_other_lacks_are_not_the_same(tmp_path):
    scene = Image.fromarray(data.coffee())
    save(scene.crop((0, 0, 480, 400)), tmp_path / "photos" / "left.jpg")
    save(scene.crop((120, 0, 600, 400)), tmp_path / "photos" / "right.jpg")
    assert offered_or_same(scanned(tmp_path)) == []


def test_a_thing_that_moved_makes_another_picture(tmp_path):
    for number, left in enumerate((200, 280)):
        picture = data.coffee().copy()
        picture[140:220, left : left + 60] = (200, 20, 20)
        save(Image.fromarray(picture), tmp_path / "photos" / f"{'ab'[number]}.jpg")
    assert offered_or_same(scanned(tmp_path)) == []


def test_two_forms_with_other_names_on_them_are_not_the_same(tmp_path):
    for name, words in {"a": "Anna Meyer 1047", "b": "Robert Smithson 88"}.items():
        page = Image.new("RGB", (900, 1200), "white")
        draw = ImageDraw.Draw(page)
        for line in range(24):
            draw.text((80, 200 + 36 * line), f"a line of the form, number {line}", fill="black", font_size=24)
        draw.text((80, 80), words, fill="black", font_size=30)
        save(page, tmp_path / "photos" / f"{name}.jpg", quality=95)
        save(page, tmp_path / "photos" / f"{name} sent.jpg", quality=70)
    assert sorted(map(sorted, names(scanned(tmp_path).duplicates()))) == [
        ["a sent.jpg", "a.jpg"],
        ["b sent.jpg", "b.jpg"],
    ]


def test_frames_of_a_bracket_in_one_second_are_not_the_same(tmp_path):
    for number, time in enumerate((50, 200)):
        path = shoot(tmp_path / "photos" / f"2024-06-01 noon {'ab'[number]}.jpg", data.coffee(), NOON)
        with Image.open(path) as image:
            exif = image.getexif()
            exif.get_ifd(0x8769)[0x829A] = 1 / time
            save(ImageEnhance.Brightness(image).enhance(1 - 0.1 * number), path, exif=exif)
    assert scanned(tmp_path).duplicates() == []


def test_an_enlarged_copy_and_its_original_both_stay(tmp_path):
    original = shoot(tmp_path / "photos" / "DSC_0001.JPG", data.coffee(), NOON)
    taken_from(original, enlarged=lambda image: image.resize((image.width * 2, image.height * 2)))
    library = scanned(tmp_path)
    (group,) = library.duplicates()
    assert [file["extra"] for file in group["files"]] == [False, False]
    assert told([group], "enlarged.jpg")["only"][0]["what"] == "larger:enlarged"
    taken_from(original, smaller=lambda image: image.reduce(2))
    library.scan(original.parent)
    assert extra(library) == {"smaller.jpg"}


def test_similar_groups_still_tell_the_copies_in_them(library, album):
    again = library.duplicates(level="similar")
    same = {Path(file["path"]).name for each in again for file in each["files"] if file["kind"] == "same"}
    assert {"encoded again.jpg", "half as large.jpg"} <= same
    edited = {Path(file["path"]).name for each in again for file in each["files"] if file["kind"] == "edited"}
    assert {"mirrored.jpg", "cropped.jpg", "framed.jpg", "stamped.jpg"} <= edited


def test_what_is_different_is_not_similar_by_a_third_frame(library, album):
    library.decide("different", album / "DSC_0200.JPG", album / "DSC_0201.JPG")
    groups = names(library.duplicates(level="similar"))
    assert not any({"DSC_0200.JPG", "DSC_0201.JPG"} <= each for each in groups)


def test_a_stricter_question_finds_no_more(library):
    sizes = [
        sum(len(each["files"]) for each in library.duplicates(most_false=share))
        for share in (0.0, 1e-5, 0.001, 0.01, 0.05)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_an_unknown_word_is_an_error_that_names_the_known_ones(library):
    with pytest.raises(QueryError, match="identical, same, edited, similar"):
        library.duplicates(level="equal")


def ask(library: Library, *words: str, command=dups):
    found = CliRunner().invoke(command, [*words, "--library", library.uri])
    assert found.exit_code == 0, found.output
    return found


def test_the_paths_are_those_that_are_not_kept(library):
    paths = ask(library, "--format", "paths").stdout.splitlines()
    (group,) = json.loads(ask(library, "--format", "json").stdout)
    assert sorted(paths) == sorted(file["path"] for file in group["files"] if not file["keep"])


def test_the_table_marks_the_kept_file_and_sums_up(library):
    answer = ask(library, "--format", "table")
    marked = [line for line in answer.stdout.splitlines() if line.startswith("  * ")]
    assert "DSC_0100.JPG  keep: " in marked[0]
    assert len(marked) == 10
    assert "1 group, 4 copies that may go" in answer.stderr


def test_beside_a_writer_what_was_known_before_is_told(library):
    ask(library)
    writer = library.store
    with writer.writing():
        writer.delete("meta", "name", ["pairs"])
        answer = ask(library, "--format", "paths")
    assert "known before" in answer.stderr
    assert len(answer.stdout.splitlines()) == 4


def test_calibrate_lists_doubtful_pairs_and_learns_from_the_answers(library):
    rows = json.loads(ask(library, "--count", "3", "--format", "json", command=calibrate).stdout)
    assert len(rows) == 3
    assert set(rows[0]) == {"first", "second", "distance", "chance"}
    library.decide("different", rows[0]["first"], rows[0]["second"])
    left = json.loads(ask(library, "--count", "3", "--format", "json", command=calibrate).stdout)
    assert (rows[0]["first"], rows[0]["second"]) not in {(row["first"], row["second"]) for row in left}


def test_the_real_near_duplicates_of_imagededup_come_out_as_their_names_say(samples, tmp_path):
    folder = samples / "imagededup" / "data"
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(folder / "mixed_images")
    groups = library.duplicates()
    (group,) = [each for each in names(groups) if "ukbench00120.jpg" in each]
    assert {"ukbench00120.jpg", "ukbench00120_hflip.jpg"} <= group
    assert not any("ukbench09268.jpg" in each and "ukbench00120.jpg" in each for each in names(groups))


def test_a_link_is_no_copy_of_the_file_that_it_leads_to(tmp_path):
    original = shoot(tmp_path / "photos" / "a long name of the real file.JPG", data.coffee(), NOON)
    (tmp_path / "photos" / "link.jpg").symlink_to(original)
    (tmp_path / "photos" / "other name.jpg").hardlink_to(original)
    assert extra(scanned(tmp_path)) == set()


def test_no_copy_is_offered_for_one_that_is_gone_or_another_since_the_scan(tmp_path):
    original = shoot(tmp_path / "photos" / "DSC_0001.JPG", data.coffee(), NOON)
    backup = original.parent / "backup" / "DSC_0001.JPG"
    backup.parent.mkdir()
    backup.write_bytes(original.read_bytes())
    age(backup, 60)
    library = scanned(tmp_path)
    assert library.duplicates()[0]["keep"] == str(original)
    kept = original.read_bytes()
    original.unlink()
    assert library.duplicates()[0]["keep"] == str(backup)
    assert ask(library, "--format", "paths").stdout == ""
    original.write_bytes(b"overwritten")
    assert ask(library, "--format", "paths").stdout == ""
    original.write_bytes(kept)
    shutil.rmtree(tmp_path / "photos")
    assert len(library.duplicates()[0]["files"]) == 2
    assert ask(library, "--format", "paths").stdout == ""
