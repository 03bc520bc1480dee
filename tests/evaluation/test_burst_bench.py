"""`photoidx bench bursts`: the built album and its truth, and what counts as right."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from photoidx.cli.bench.bursts import bursts as command
from photoidx.errors import PhotoidxError
from photoidx.evaluation.bursts import bench as burst_bench
from photoidx.evaluation.bursts import frames as burst_frames
from photoidx.evaluation.bursts.bench import FoundBursts
from photoidx.evaluation.bursts.builder import DAMAGES, KINDS, BurstAmount, TrueFrame, Truth, build
from photoidx.evaluation.statistics import bcubed, bcubed_items

AMOUNT = BurstAmount(bursts=1, equal=1, others=1, singles=4, traps=2, unrelated=12, long_side=240)
Answer = dict[str, Any]
LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("round") / "tower"
    folder.mkdir()
    for place in range(3):
        Image.fromarray(data.rocket()[:, 40 * place : 40 * place + 300]).save(folder / f"100_710{place}.JPG")
    return folder


@pytest.fixture(scope="module")
def album(tmp_path_factory, photos, walk) -> tuple[Path, Truth]:
    into = tmp_path_factory.mktemp("built") / "album"
    return into, build([photos], into, 3, AMOUNT, [walk])


def true_groups(truth: Truth) -> list[tuple[str, list[TrueFrame]]]:
    groups: dict[str, list[TrueFrame]] = defaultdict(list)
    for file in truth.files:
        if file.group:
            groups[file.group].append(file)
    return [(files[0].kind or "", files) for files in groups.values()]


def groups_of(truth: Truth, kind: str, trap: str | None = None) -> list[list[TrueFrame]]:
    return [files for _, files in true_groups(truth) if (files[0].kind, files[0].trap) == (kind, trap)]


def pixels(folder: Path, file: TrueFrame) -> np.ndarray[Any, Any]:
    with Image.open(folder / file.path) as image:
        return np.asarray(image.convert("RGB"))


def taken(path: Path) -> datetime | None:
    """Read the time that Pillow finds in a file, with its sub-seconds."""
    with Image.open(path) as image:
        more = image.getexif().get_ifd(0x8769)
    if 0x9003 not in more:
        return None
    return datetime.strptime(f"{more[0x9003]}.{more.get(0x9291, '0')}", "%Y:%m:%d %H:%M:%S.%f")  # noqa: DTZ007


def seconds(folder: Path, files: Sequence[TrueFrame]) -> list[float]:
    first, *rest = (taken(folder / file.path) for file in files)
    return [0.0, *((each - first).total_seconds() for each in rest)]


def similarity(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Return the best correlation of the middle of one picture with any place in the other."""
    whole, again = (cv2.resize(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), (48, 48)) for each in (one, other))
    return float(cv2.matchTemplate(whole, again[8:-8, 8:-8], cv2.TM_CCOEFF_NORMED).max())


# The album


def test_the_truth_names_exactly_the_files_that_are_there(album):
    folder, truth = album
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {file.path for file in truth.files} == there
    assert len(truth.files) == len(there)


def test_one_seed_gives_one_album_and_another_seed_another(tmp_path, photos):
    amount = BurstAmount(bursts=1, equal=0, others=1, singles=1, traps=1, unrelated=2, long_side=160)
    first, again, other = (
        build([photos], tmp_path / name, seed, amount) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again
    assert first.files != other.files
    for file in first.files:
        if not file.path.endswith(".HEIC"):
            assert (tmp_path / "a" / file.path).read_bytes() == (tmp_path / "b" / file.path).read_bytes()


def test_all_kinds_and_traps_are_there(album):
    truth = album[1]
    assert {file.kind for file in truth.files} == {*KINDS, None}
    assert {file.trap for file in truth.files} == {
        None, "two serials", "two ranges", "edge of a second", "pairs", "restarted counter", "minutes", "no EXIF",
        "unrelated", "walk",
    }  # fmt: skip


def test_each_damaged_burst_has_one_undamaged_frame_and_an_equal_one_has_no_damage(album):
    damages = []
    for frames in groups_of(album[1], "burst"):
        damaged = [file for file in frames if file.damage]
        assert sum(file.best for file in frames) == bool(damaged)
        assert all(bool(file.damage) != file.best for file in frames if damaged)
        damages += [burst_bench._damage_of(frames)] * (frames[0].trap is None)
    assert sorted(damages) == sorted((*DAMAGES, "none"))


def test_the_frames_of_a_burst_look_alike_and_are_not_the_same(album):
    folder, truth = album
    for frames in groups_of(truth, "burst"):
        first, *rest = (pixels(folder, file) for file in frames if not file.path.endswith(".HEIC"))
        for other in rest:
            assert first.shape == other.shape
            assert not np.array_equal(first, other)
            assert similarity(first, other) > 0.6


def test_no_border_shows_in_a_hand_held_frame():
    white = np.full((300, 400, 3), 255, dtype=np.uint8)
    for seed in range(20):
        for view in burst_frames.hand_held(white, 200, 8, 0.03, np.random.default_rng(seed)):
            assert view.min() > 240
            assert max(view.shape) <= 200


def test_bursts_are_quick_and_half_of_the_cameras_tell_sub_seconds(album):
    folder, truth = album
    with_parts = set()
    for frames in groups_of(truth, "burst"):
        times = seconds(folder, frames)
        assert times == sorted(times)
        if any(time % 1 for time in times):
            with_parts.add(frames[0].camera)
            gaps = np.diff([time for time, file in zip(times, frames, strict=True) if file.path.endswith("JPG")])
            assert all(0.08 <= round(gap, 3) <= 0.6 for gap in gaps)
    assert with_parts < {file.camera for file in truth.files if file.kind == "burst"}


def test_a_bracket_says_its_steps_and_is_lit_by_them(album):
    folder, truth = album
    for frames in groups_of(truth, "bracket"):
        stops, means = [], []
        for file in frames:
            with Image.open(folder / file.path) as image:
                more = image.getexif().get_ifd(0x8769)
            stops.append(float(more[0x9204]))
            assert float(more[0x829A]) == pytest.approx(2 ** stops[-1] / 125, abs=1e-5)
            means.append(pixels(folder, file).mean())
        assert max(stops) - min(stops) >= 2
        assert np.argsort(stops).tolist() == np.argsort(means).tolist()
        assert seconds(folder, frames)[-1] <= 2


def test_a_timelapse_has_one_interval_and_a_focus_stack_one_frame(album):
    folder, truth = album
    (lapse,) = groups_of(truth, "timelapse")
    gaps = np.diff(seconds(folder, lapse))
    assert len(lapse) == 10
    assert 5 <= gaps.mean() <= 30
    assert np.ptp(gaps) <= 1  # the camera may not tell sub-seconds
    (stack,) = groups_of(truth, "focus_stack")
    upper, lower = [], []
    for file in stack:
        view = pixels(folder, file)
        half = len(view) // 2
        upper.append(burst_frames.laplacian_variance(view[:half]))
        lower.append(burst_frames.laplacian_variance(view[half:]))
    assert upper[0] > upper[-1]
    assert lower[-1] > lower[0]


def test_a_panorama_drifts_by_a_constant_share_of_its_width():
    ramp = np.repeat(np.linspace(0, 250, 1000).astype(np.uint8)[None, :, None], 300, axis=0).repeat(3, axis=2)
    frames = burst_frames.panorama(ramp, 1200, np.random.default_rng(1))
    means = [frame.pixels.mean() for frame in frames]
    steps = np.diff(means)
    assert np.abs(steps).min() > 0
    assert np.allclose(steps, steps[0], atol=0.5)
    assert 0.2 <= abs(steps[0]) * 4 / frames[0].pixels.shape[1] <= 0.36  # 4 pixels for each grey level


def test_the_traps_are_what_they_are_called(album):
    folder, truth = album
    for frames in groups_of(truth, "burst", "edge of a second"):
        times = [taken(folder / file.path) for file in frames]
        assert len({time.second for time in times}) > 1
        assert np.diff(seconds(folder, frames)) == pytest.approx([0.383] * (len(frames) - 1))
    (counter, _) = groups_of(truth, "burst", "restarted counter")
    assert [Path(file.path).stem for file in counter[:3]] == ["IMG_9998", "IMG_9999", "IMG_0001"]
    for frames in groups_of(truth, "burst", "pairs"):
        assert sorted(Path(file.path).suffix for file in frames) == [".HEIC"] * 4 + [".JPG"] * 4
        assert len({file.shot for file in frames}) == 4
        assert pixels(folder, frames[0]).shape == pixels(folder, frames[1]).shape
        assert taken(folder / frames[0].path) == taken(folder / frames[1].path)
    minutes = [taken(folder / file.path) for file in truth.files if file.trap == "minutes"]
    assert {time.second for time in minutes} == {0}
    assert len(set(minutes)) * 4 == len(minutes)
    assert {taken(folder / file.path) for file in truth.files if file.trap == "no EXIF"} == {None}
    serial = [groups_of(truth, "burst", trap) for trap in ("two serials", "two ranges")]
    for one, other in [*zip(serial[0][::2], serial[0][1::2], strict=True), *zip(*[iter(serial[1])] * 2, strict=True)]:
        assert one[0].camera != other[0].camera
        assert taken(folder / other[0].path) <= taken(folder / one[-1].path)


def test_a_walk_is_copied_byte_by_byte_and_files_are_not_fresh(album, walk):
    folder, truth = album
    for file in truth.files:
        assert time.time() - os.stat(folder / file.path).st_mtime > 3000
        if file.trap == "walk":
            assert (folder / file.path).read_bytes() == (walk / Path(file.path).name).read_bytes()


def test_the_truth_can_be_saved_and_read(tmp_path, album):
    album[1].save(tmp_path / "truth.json")
    assert Truth.load(tmp_path / "truth.json") == album[1]


def test_nothing_is_built_over_other_files_or_from_nothing(tmp_path, photos):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(PhotoidxError, match="not empty"):
        build([photos], tmp_path, 0)
    with pytest.raises(PhotoidxError, match="At least 2"):
        build([tmp_path], tmp_path / "new", 0)


# The measures


def test_bcubed_of_a_case_worked_out_by_hand():
    # Truth {a b c} {d e}; found {a b} {c d e}: precisions 1 1 1/3 2/3 2/3, recalls 2/3 2/3 1/3 1 1.
    predicted, truth = dict(zip("abcde", "11222", strict=True)), dict(zip("abcde", "xxxyy", strict=True))
    precision, recall, f1 = bcubed(predicted, truth)
    assert precision == pytest.approx(11 / 15)
    assert recall == pytest.approx(11 / 15)
    assert f1 == pytest.approx(11 / 15)
    assert bcubed_items(predicted, truth)["c"] == pytest.approx((1 / 3, 1 / 3))
    assert bcubed({}, {}) == (1, 1, 1)
    with pytest.raises(ValueError, match="differ"):
        bcubed(predicted, {"a": "1"})


@given(LABELS)
def test_bcubed_is_a_share_swaps_with_its_sides_and_is_1_for_the_same_groups(pairs):
    one = {str(item): f"p{label}" for item, (label, _) in enumerate(pairs)}
    other = {str(item): f"t{label}" for item, (_, label) in enumerate(pairs)}
    precision, recall, f1 = bcubed(one, other)
    assert all(0 < each <= 1 for each in (precision, recall, f1))
    assert bcubed(other, one)[:2] == pytest.approx((recall, precision))
    assert bcubed(one, {item: f"other {label}" for item, label in one.items()}) == pytest.approx((1, 1, 1))
    assert bcubed({item: item for item in one}, other)[0] == pytest.approx(1)
    assert bcubed(dict.fromkeys(one, "all"), other)[1] == pytest.approx(1)


# The verdicts


class Stand:
    """Answers as a library would, from groups of shots."""

    def __init__(self, folder: Path, groups: Sequence[tuple[str, list[TrueFrame]]], pick: Callable[..., TrueFrame]):
        self.folder, self.groups, self.pick = folder, groups, pick

    def path(self, file: TrueFrame) -> str:
        return str(self.folder / file.path)

    def bursts(self) -> list[Answer]:
        found = []
        for place, (kind, files) in enumerate(self.groups):
            shots: dict[str, list[str]] = defaultdict(list)
            for file in files:
                shots[file.shot].append(self.path(file))
            frames = [{"path": paths[0], "shot_id": shot, "files": paths} for shot, paths in shots.items()]
            found.append({"burst_id": f"b{place}", "kind": kind, "frames": frames})
        return found

    def best_of_bursts(self) -> list[Answer]:
        return [
            {"burst_id": f"b{place}", "pick": {"path": self.path(self.pick(files))}, "close_call": not any(best(files))}
            for place, (_, files) in enumerate(self.groups)
        ]


def best(files: Sequence[TrueFrame]) -> list[TrueFrame]:
    return [file for file in files if file.best]


def the_best(files: Sequence[TrueFrame]) -> TrueFrame:
    return [*best(files), *files][0]


def a_damaged_one(files: Sequence[TrueFrame]) -> TrueFrame:
    return next((file for file in files if not file.best), files[0])


def judged(album: tuple[Path, Truth], groups: Any, pick: Callable[..., TrueFrame]) -> burst_bench.BurstReport:
    stand = Stand(album[0], groups, pick)
    return burst_bench.judge(album[1], album[0], stand.bursts(), stand.best_of_bursts())


def row(report: burst_bench.BurstReport, table: str, name: str) -> Mapping[str, Any]:
    (found,) = (each for each in report.tables[table] if name in each.values())
    return found


def test_the_truth_as_an_answer_is_all_right(tmp_path, photos, walk):
    amount = BurstAmount(bursts=1, equal=1, others=1, singles=2, traps=1, unrelated=4, long_side=160)
    truth_file = tmp_path / "truth.json"

    def index(folder: Path) -> Stand:
        return Stand(folder, true_groups(Truth.load(truth_file)), the_best)

    report = burst_bench.bench([photos], tmp_path / "album", 5, index, amount, [walk], truth_file)
    assert all(each["f1"] == 1 for each in report.tables["grouping"])
    assert all(each["count"] == 0 for each in report.tables["mistakes"])
    assert all(each[each["truth"]] in {None, sum(filter(None, list(each.values())[1:]))}
               for each in report.tables["kinds"])  # fmt: skip
    assert row(report, "choice", "all")["picked"] == 100
    assert row(report, "choice", "none")["close_calls"] == 1
    assert report.errors == []


def test_chance_and_a_wrong_pick(album):
    report = judged(album, true_groups(album[1]), a_damaged_one)
    sizes = [len(files) for files in groups_of(album[1], "burst") if any(best(files))]
    assert row(report, "choice", "all")["picked"] == 0
    assert row(report, "choice", "all")["chance"] == pytest.approx(100 * np.mean([1 / size for size in sizes]), abs=0.1)
    assert row(report, "choice", "defocus")["laplacian"] == 100
    assert row(report, "choice", "noise")["laplacian"] == 0
    assert len(report.errors) == len(DAMAGES)
    assert all("wrong pick" in each["error"] for each in report.errors)


def test_nothing_found_is_precise_and_finds_no_group(album):
    report = judged(album, [], the_best)
    assert row(report, "grouping", "all")["precision"] == 1
    assert row(report, "grouping", "single")["f1"] == 1
    assert row(report, "grouping", "in groups")["recall"] < 0.5
    assert row(report, "choice", "all")["picked"] == row(report, "choice", "all")["found"] == 0
    assert row(report, "kinds", "timelapse")["none"] == 1
    assert {each["error"].split(" (")[0] for each in report.errors} == {"not found"}


def test_unrelated_photos_in_one_group_cameras_walks_and_files_counted_twice_are_mistakes(album):
    truth = album[1]
    by_trap: dict[str | None, list[TrueFrame]] = defaultdict(list)
    for file in truth.files:
        by_trap[file.trap].append(file)
    groups = [("burst", by_trap[trap]) for trap in ("two serials", "minutes", "walk")]
    stand = Stand(album[0], groups, the_best)
    pairs = [str(album[0] / file.path) for file in groups_of(truth, "burst", "pairs")[0]]
    frames = [{"path": path, "shot_id": path, "files": [path]} for path in pairs]
    bursts = [*stand.bursts(), {"burst_id": "p", "kind": "burst", "frames": frames}]
    report = burst_bench.judge(truth, album[0], bursts, [])
    counts = {each["mistake"]: each["count"] for each in report.tables["mistakes"]}
    assert counts == {
        "groups that mix cameras": 1, "groups that mix scenes": 2, "groups in walks": 1, "shots counted twice": 4,
    }  # fmt: skip
    assert row(report, "grouping", "trap: minutes")["precision"] == pytest.approx(1 / 12, abs=1e-4)
    assert row(report, "grouping", "trap: pairs")["shots"] == 10


def test_a_group_matches_the_one_with_which_it_shares_most():
    frames = [TrueFrame(f"{name}.JPG", name, "camera", "g", "g", "burst") for name in "abcd"]
    groups = [FoundBursts("1", "burst", frozenset("a")), FoundBursts("2", "burst", frozenset("bcx"))]
    assert burst_bench.match(frames, groups) == groups[1]
    assert burst_bench.match(frames, groups[:1]) is None


def test_the_command_refuses_a_folder_with_files_and_a_format_without_paths(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    kept = CliRunner().invoke(command, [str(tmp_path), "--keep", str(tmp_path)])
    assert isinstance(kept.exception, PhotoidxError)
    assert CliRunner().invoke(command, [str(tmp_path), "--format", "paths"]).exit_code == 2
