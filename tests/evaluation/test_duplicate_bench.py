"""`photoidx bench duplicates`: the built album and its truth, each edit, and what counts as right."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from photoidx import Config, Library
from photoidx.cli.bench.duplicates import duplicates as command
from photoidx.errors import PhotoidxError
from photoidx.evaluation.duplicates import bench as ours
from photoidx.evaluation.duplicates import measures
from photoidx.evaluation.duplicates.builder import ORIGINAL, CopyAmount, TrueFile, build, load, save
from photoidx.evaluation.duplicates.edits import EDITS, Original

SMALL = CopyAmount(originals=2, bursts=0, others=0)
KINDS = [edit.name for edit in EDITS]
LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=20)
TAKEN, MODEL = "2021:05:06 07:08:09", "EOS R6"


def camera_exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Canon", MODEL, orientation
    exif.get_ifd(0x8769)[0x9003] = TAKEN
    return exif.tobytes()


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("album") / "trip"
    folder.mkdir()
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        picture = Image.fromarray(getattr(data, name)())
        picture.save(folder / f"{name}.jpg", quality=95, exif=camera_exif())
        if name == "coffee":
            picture.rotate(180).save(folder / "coffee again.jpg")
    Image.new("RGB", (400, 400), "white").save(folder / "blank.jpg")
    Image.new("RGB", (40, 40), "red").save(folder / "icon.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def album(tmp_path_factory, photos) -> tuple[Path, tuple[TrueFile, ...]]:
    into = tmp_path_factory.mktemp("built") / "album"
    return into, build([photos], into, 3, SMALL)


@pytest.fixture(scope="module")
def original(photos) -> Original:
    return Original(str(photos / "coffee.jpg"))


def made(name: str, original: Original, seed: int = 0) -> Any:
    (edit,) = (edit for edit in EDITS if edit.name == name)
    return edit.make(original, np.random.default_rng(seed))


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def difference(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float(np.abs(one.astype(float) - other).mean())


# The edits


def test_there_are_16_kinds_of_edit():
    assert len(set(KINDS)) == 16


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["bytes", "metadata", "png"])
def test_a_copy_that_changes_no_pixel_changes_none(original, name, seed):
    assert np.array_equal(pixels(made(name, original, seed).data), original.pixels)


def test_a_byte_copy_is_one_and_edited_metadata_are_other_bytes_around_the_same_coded_picture(original, tmp_path):
    assert made("bytes", original).data == original.data
    scan = original.data[original.data.index(b"\xff\xda") :]
    copies = [made("metadata", original, seed).data for seed in range(12)]
    assert all(copy != original.data and copy.endswith(scan) for copy in copies)
    said = [Image.open(BytesIO(copy)).getexif().get_ifd(0x8769).get(0x9003) for copy in copies]
    assert set(said) == {None, TAKEN, "2021:05:06 08:08:09"}  # dropped, with stars added, corrected by an hour
    turned = tmp_path / "turned.jpg"
    Image.fromarray(data.coffee()).save(turned, exif=camera_exif(orientation=6))
    for seed in range(8):
        copy = Image.open(BytesIO(made("metadata", Original(str(turned)), seed).data))
        assert copy.getexif()[0x0112] == 6


def test_a_png_gets_a_text_and_stays_readable(tmp_path):
    Image.fromarray(data.coffee()).save(tmp_path / "a.png")
    original = Original(str(tmp_path / "a.png"))
    copy = made("metadata", original).data
    assert copy != original.data
    assert Image.open(BytesIO(copy)).text == {"Comment": "a day at the lake"}
    assert np.array_equal(pixels(copy), data.coffee())


def test_programs_keep_the_time_and_add_their_name_or_drop_all(original):
    found = [Image.open(BytesIO(made("jpeg 90", original, seed).data)).getexif() for seed in range(20)]
    kept = [exif for exif in found if exif]
    assert 5 < len(kept) < 18
    for exif in kept:
        assert exif[0x0110] == MODEL
        assert exif.get_ifd(0x8769)[0x9003] == TAKEN
        assert exif[0x0131]
    assert not any(Image.open(BytesIO(made("messenger", original, seed).data)).getexif() for seed in range(10))


@pytest.mark.parametrize("seed", range(3))
def test_formats_and_sizes_are_those_they_are_called_by(original, seed):
    height, width = original.pixels.shape[:2]
    formats = {"png": "PNG", "webp": "WEBP"}
    for name in KINDS:
        copy = made(name, original, seed)
        image = Image.open(BytesIO(copy.data))
        assert image.format == formats.get(name, "JPEG")
        assert copy.suffix == "." + formats.get(name, "jpg").lower()
        share = {"resize 50 %": 0.5, "resize 25 %": max(0.25, 256 / width)}.get(name, 1.0)
        if name == "crop":
            assert 0.91 <= image.width / width <= 0.98
            assert 0.91 <= image.height / height <= 0.98
        elif name == "border":
            assert image.width - width == image.height - height
            assert 0.029 <= (image.width - width) / 2 / width <= 0.061
        elif name == "rotated":
            assert set(image.size) == {width, height}
        else:
            assert max(abs(image.width - share * width), abs(image.height - share * height)) <= 1


@pytest.mark.parametrize("seed", range(4))
def test_each_edit_of_pixels_does_what_it_says(original, seed):
    whole = original.pixels
    assert difference(pixels(made("jpeg 60", original, seed).data), whole) > difference(
        pixels(made("jpeg 90", original, seed).data), whole
    )
    assert difference(pixels(made("mirrored", original, seed).data), whole[:, ::-1]) < 4
    turned = pixels(made("rotated", original, seed).data)
    fitting = [each for each in (np.rot90(whole, quarter) for quarter in (1, 2, 3)) if each.shape == turned.shape]
    assert min(difference(turned, each) for each in fitting) < 4
    framed = pixels(made("border", original, seed).data)
    width = (framed.shape[1] - whole.shape[1]) // 2
    assert difference(framed[width:-width, width:-width], whole) < 4
    assert framed[: width - 8].std() < 4
    changed = np.abs(pixels(made("watermark", original, seed).data).astype(float) - whole).max(axis=2) > 40
    sides = [np.ptp(np.quantile(places, (0.02, 0.98))) for places in np.nonzero(changed)]  # JPEG changes some others
    assert 0.005 < sides[0] * sides[1] / changed.size < 0.05
    light, colour = (pixels(made(name, original, seed).data) for name in ("light", "colour"))
    assert 3 < difference(light, whole) < 45
    assert 3 < difference(colour, whole) < 45
    warmth = (colour.mean(axis=(0, 1)) / whole.mean(axis=(0, 1)))[[0, 2]]
    assert abs(warmth[0] - warmth[1]) > 0.02


def test_a_large_photo_is_sent_at_1600_or_1280_pixels(tmp_path):
    Image.fromarray(data.coffee()).resize((2400, 1600)).save(tmp_path / "large.jpg")
    sides = {
        max(pixels(made("messenger", Original(str(tmp_path / "large.jpg")), seed).data).shape) for seed in range(8)
    }
    assert sides == {1600, 1280}


# The album


def test_the_truth_names_exactly_the_files_that_are_there(album):
    folder, truth = album
    there = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    assert sorted(file.path for file in truth) == sorted(there)


def test_each_original_has_one_copy_of_each_kind(album):
    truth = album[1]
    presses = {file.press for file in truth if file.edit != ORIGINAL}
    assert len(presses) == 2
    for press in presses:
        edits = [file.edit for file in truth if file.press == press]
        assert sorted(edits) == sorted([ORIGINAL, *KINDS])


def test_originals_are_copied_as_they_are_and_never_touched(tmp_path, photos):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.iterdir()}
    for file in build([photos], tmp_path / "album", 0, SMALL):
        if file.edit == ORIGINAL:
            assert (tmp_path / "album" / file.path).read_bytes() == (photos.parent / file.source).read_bytes()
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.iterdir()} == before


def test_one_seed_gives_one_album_and_another_seed_another(tmp_path, photos, album):
    again, other = (build([photos], tmp_path / name, seed, SMALL) for name, seed in (("a", 3), ("b", 4)))
    assert again == album[1]
    assert other != again
    for file in again:
        assert (tmp_path / "a" / file.path).read_bytes() == (album[0] / file.path).read_bytes()


def test_what_is_drawn_for_a_copy_depends_on_the_seed(tmp_path, photos):
    amount = CopyAmount(4, 0, 0, tuple(edit for edit in EDITS if edit.name == "crop"))
    crops = []
    for seed in (0, 1):
        truth = build([photos], tmp_path / str(seed), seed, amount)
        copies = {file.source: tmp_path / str(seed) / file.path for file in truth if file.edit == "crop"}
        crops.append([copies[source].read_bytes() for source in sorted(copies)])
    assert all(one != other for one, other in zip(*crops, strict=True))


def test_blank_small_broken_and_repeated_pictures_are_left_out(album):
    sources = {file.source for file in album[1]}
    assert len(sources) == 4
    assert len(sources & {"trip/coffee.jpg", "trip/coffee again.jpg"}) == 1
    assert not sources & {"trip/blank.jpg", "trip/icon.png", "trip/broken.jpg"}


def test_photos_beyond_the_limit_stand_alone_and_walks_are_other_presses(tmp_path, photos):
    truth = build([photos], tmp_path / "album", 0, CopyAmount(1, 0, 0, edits=EDITS[:1]), [photos])
    singles = [file for file in truth if file.trap == "single"]
    walked = [file for file in truth if file.trap == "walk"]
    assert len(singles) == 3
    assert len({file.press for file in walked}) == len(walked) > 3
    assert {file.source for file in walked} == {"trip"}


def test_series_are_traps_whose_scenes_are_in_the_album_in_no_other_way(tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    for name in ("astronaut", "coffee", "rocket", "retina", "hubble_deep_field", "immunohistochemistry"):
        Image.fromarray(getattr(data, name)()[:700, :700]).save(folder / f"{name}.png")
    edits = tuple(edit for edit in EDITS if edit.name in {"jpeg 60", "messenger"})
    truth = build([folder], tmp_path / "album", 1, CopyAmount(4, 1, 0, edits))
    frames = [file for file in truth if file.trap == "burst"]
    originals = [file for file in frames if file.edit == ORIGINAL]
    assert len({file.scene for file in frames}) == 1
    assert len({file.press for file in originals}) == len(originals) > 2
    assert sorted(file.edit for file in frames if file.edit != ORIGINAL) == ["jpeg 60", "messenger"]
    assert len({file.press for file in frames if file.edit != ORIGINAL}) == 1
    assert len({file.source for file in truth if not file.trap}) == 4
    assert not [file for file in truth if file.trap == "single"]


def test_nothing_is_built_over_other_files_or_from_nothing(tmp_path, photos):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(PhotoidxError, match="not empty"):
        build([photos], tmp_path, 0)
    with pytest.raises(PhotoidxError, match="No JPEG or PNG"):
        build([tmp_path], tmp_path / "new", 0)


def test_the_truth_can_be_saved_and_read(tmp_path, album):
    save(album[1], tmp_path / "truth.json")
    assert load(tmp_path / "truth.json") == album[1]


# The measures


def grouped(files: Mapping[str, Sequence[str]], kind: str = "same") -> list[dict[str, Any]]:
    return [
        {"keep": keep, "files": [{"path": path, "kind": kind, "distance": 0.1} for path in (keep, *rest)]}
        for keep, rest in files.items()
    ]


def by_press(truth: Sequence[TrueFile]) -> list[dict[str, Any]]:
    return grouped({each.path: [file.path for file in truth if file.press == each.press and file is not each]
                    for each in truth if each.edit == ORIGINAL and not each.trap})  # fmt: skip


def judged(album: tuple[Path, Sequence[TrueFile]], groups: list[dict[str, Any]]) -> ours.Report:
    for file in (file for group in groups for file in group["files"]):
        file["path"] = str(album[0] / file["path"])
    groups = [{**group, "keep": str(album[0] / group["keep"])} for group in groups]
    return ours.judge(album[1], album[0], groups, {"nothing": []}, 0)


def test_the_truth_as_an_answer_is_all_right(album):
    report = judged(album, by_press(album[1]))
    first, nothing = report.tables["overall"]
    assert [first[name] for name in ("precision", "recall", "all_pairs", "bcubed_f1")] == [1, 1, 1, 1]
    assert (first["precision_high"], first["recall_high"]) == (1, 1)
    assert 0 < first["precision_low"] < 1  # so few originals prove no more
    assert (nothing["precision"], nothing["recall"]) == (None, 0)
    assert [(row["edit"], row["pairs"], row["recall"], row["nothing"]) for row in report.tables["edits"]] == [
        (name, 2, 1, 0) for name in KINDS
    ]
    groups = {row["what"]: row["groups"] for row in report.tables["groups"]}
    assert groups == {
        "of copies": 2, "that mix pictures": 0, "whole and pure": 2, "beyond one a picture": 0, "files that may go": 0,
        "of them originals": 0, "of them of another press": 0, "keep: original": 2,
    }  # fmt: skip
    assert report.errors == []


def test_all_in_one_group_is_found_and_not_precise(album):
    paths = [file.path for file in album[1]]
    report = judged(album, grouped({paths[0]: paths[1:]}))
    (first, _) = report.tables["overall"]
    assert first["recall"] == first["all_pairs"] == 1
    assert first["precision"] < 0.5
    assert first["false_pairs"] == sum(row["photoidx"] for row in report.tables["traps"])
    assert [row["pairs"] for row in report.tables["traps"]] == [row["photoidx"] for row in report.tables["traps"]]
    assert first["false_pairs"] == len(report.errors)
    assert report.tables["groups"][1]["groups"] == 1


def test_similar_files_count_as_not_called_and_are_named_as_missed(album):
    report = judged(album, grouped({group["keep"]: [each["path"] for each in group["files"][1:]]
                                    for group in by_press(album[1])}, "similar"))  # fmt: skip
    assert report.tables["overall"][0]["called_pairs"] == 0
    assert Counter(error["error"] for error in report.errors) == {f"missed: {name}": 2 for name in KINDS}


def test_a_pair_is_called_if_both_are_close_to_the_kept_file():
    files = [("a", "identical", 0.0), ("b", "same", 0.1), ("c", "similar", None), ("d", "same", None)]
    group = {"keep": "a", "files": [dict(zip(("path", "kind", "distance"), each, strict=True)) for each in files]}
    assert measures.pairs_of([group]) == {("a", "b"): 0.1, ("a", "d"): 1.0, ("b", "d"): 1.0}
    assert len(measures.pairs_of([group], ours.ANY)) == 6


def test_false_pairs_are_named_by_what_the_two_have_in_common():
    truth = [
        TrueFile("a", "x/1", "x/1", ORIGINAL, "x"),
        TrueFile("b", "x/2", "x/2", ORIGINAL, "x"),
        TrueFile("c", "burst 1", "f1", ORIGINAL, "burst 1", "burst"),
        TrueFile("d", "burst 1", "f2", ORIGINAL, "burst 1", "burst"),
        TrueFile("e", "burst 1", "f2", "jpeg 60", "burst 1", "burst"),
    ]
    called = {("a", "b"): 0.2, ("c", "d"): 0.1, ("a", "c"): 0.3}
    rows = {row["trap"]: (row["pairs"], row["way"]) for row in measures.trap_rows(truth, {"way": called})}
    assert rows == {"two of x": (1, 1), "burst": (2, 1), "unrelated": (6, 1)}
    assert [error["error"] for error in measures.error_rows(truth, called)] == [
        "false: burst, original and original", "false: two of x, original and original",
        "false: unrelated, original and original", "missed: jpeg 60",
    ]  # fmt: skip
    assert measures.edit_rows(truth, {"way": called}, 0)[0]["edit"] == "jpeg 60, of a burst"
    assert measures.overall_row("way", truth, called, 0)["recall"] is None  # there is no copy of an original


@given(LABELS)
def test_a_partition_against_itself_is_perfect_and_shares_stay_shares(labels):
    truth = {f"{place:02d}": label for place, (label, _) in enumerate(labels)}
    other = {f"{place:02d}": label for place, (_, label) in enumerate(labels)}

    def together(groups: Mapping[str, int]) -> set[measures.Pair]:
        return {each for each in itertools.combinations(groups, 2) if groups[each[0]] == groups[each[1]]}

    perfect = measures.partition_row("same", truth, together(truth))
    assert perfect["precision"] in {1, None}
    assert perfect["recall"] == perfect["precision"]
    assert perfect["bcubed_f1"] == 1
    found = measures.partition_row("same", truth, together(other))
    assert all(found[name] is None or 0 <= found[name] <= 1 for name in ("precision", "recall", "bcubed_f1"))
    assert measures.partition_row("same", truth, set())["bcubed_precision"] == 1
    errors = measures.partition_errors("same", truth, dict.fromkeys(together(other), 0.1))
    assert len(errors) == len(together(other) ^ together(truth))


@given(LABELS)
def test_components_are_what_pairs_reach(labels):
    items = [f"{place:02d}" for place in range(5)]
    pairs = [measures.pair(items[one], items[other]) for one, other in labels]
    found = measures.components(items, pairs)
    assert all(found[one] == found[other] for one, other in pairs)
    groups = len(set(found.values()))
    assert groups >= len(items) - len(set(pairs))
    assert all(found[head] == head for head in found.values())


# The whole


def test_names_tell_the_truth_of_known_sets_and_subfolders_that_of_others(tmp_path):
    for name in ("ukbench00120.jpg", "nested/ukbench00120_hflip.png", "ukbench00121.jpg", "other.jpg"):
        (tmp_path / "known" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "known" / name).touch()
    told = {Path(path).name: labels for path, labels in ours.told_by_names(tmp_path / "known").items()}
    assert told["ukbench00120.jpg"] == told["ukbench00120_hflip.png"] == ("00120", "30")
    assert told["ukbench00121.jpg"] == ("00121", "30")
    assert told["other.jpg"] == ("other", "other")
    for name in ("one/a.jpg", "one/deep/b.jpg", "two/a.jpg"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).touch()
    told = {path[len(str(tmp_path)) :]: labels[0] for path, labels in ours.told_by_names(tmp_path / "mine").items()}
    assert told == {"/mine/one/a.jpg": "one", "/mine/one/deep/b.jpg": "one", "/mine/two/a.jpg": "two"}


def test_a_scanned_album_is_judged_beside_the_simple_ways(tmp_path, photos):
    kinds = tuple(edit for edit in EDITS if edit.name in {"bytes", "jpeg 90", "mirrored"})

    def index(roots: Sequence[Path]) -> Library:
        library = Library(tmp_path / "library", Config(embedders=(), without=("faces", "sharpness", "technical")))
        library.scan(*roots)
        return library

    amount = CopyAmount(2, 0, 0, kinds)
    report = ours.bench([photos], tmp_path / "album", 0, index, amount, truth_file=tmp_path / "truth.json")
    rows = {row["by"]: row for row in report.tables["overall"]}
    assert rows["photoidx"]["precision"] == 1
    recalls = {row["edit"]: row for row in report.tables["edits"]}
    assert recalls["bytes"]["recall"] == 1
    assert recalls["jpeg 90"]["phash 10 bits"] == 1
    assert recalls["mirrored"]["phash 10 bits"] == 0
    assert rows["cosine 0.9"]["called_pairs"] == 0  # there are no vectors
    assert len(load(tmp_path / "truth.json")) == 10


def test_the_command_refuses_a_folder_with_files_and_a_format_without_paths(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    kept = CliRunner().invoke(command, [str(tmp_path), "--keep-built", str(tmp_path)])
    assert isinstance(kept.exception, PhotoidxError)
    assert CliRunner().invoke(command, [str(tmp_path), "--format", "paths"]).exit_code == 2
