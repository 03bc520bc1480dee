"""The aesthetic scorer and the blend: what they learn, and how a library uses them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from scipy.stats import pearsonr

from photoidx import Config, Library
from photoidx.errors import AssetError, PhotoidxError
from photoidx.evaluation.datasets.findings import DataSetError
from photoidx.maintenance.repair import repair
from photoidx.queries.best.trained_scores import opinion
from photoidx.registry import stages
from photoidx.remembered import used_scorers
from photoidx.scoring.aesthetic.scorer import AestheticScorer, means, shares
from photoidx.scoring.learned.card import Card, read_card, read_scorer, write_scorer
from photoidx.storage.tables import Tables
from photoidx.training.aesthetic import correlation, emd, read_ratings, take_over, train
from photoidx.training.blend import Preference, choices_of_triage
from photoidx.training.blend import train as train_blend

PLAIN = Config(workers=1, without=("faces",))
RATINGS = st.lists(st.floats(0.01, 1), min_size=10, max_size=10)


def rated(folder: Path, *, by_lot: bool = False, count: int = 60) -> Path:
    """Make photos in AVA's layout: the rounder the pattern, the better the ratings."""
    rng = np.random.default_rng(3)
    lines = []
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        is_round = bool(rng.integers(2))
        y, x = np.mgrid[:96, :96] - rng.integers(30, 66, 2)[:, None, None]
        pattern = np.hypot(x, y) if is_round else x + y
        pixels = np.stack([127 + 120 * np.sin(pattern / rng.uniform(3, 8) + shift) for shift in range(3)], axis=2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"{number}.jpg")
        centre = 7 if (bool(rng.integers(2)) if by_lot else is_round) else 3
        votes = np.bincount(np.clip(rng.normal(centre, 1, 50).round().astype(int), 1, 10), minlength=11)[1:]
        lines.append(f"{number + 1} {number} {' '.join(map(str, votes))} 0 0 1")
    (folder / "AVA.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    folder = tmp_path_factory.mktemp("looks")
    ratings = read_ratings(rated(folder / "ava"), "ava")
    return folder / "scorer", train(ratings, folder / "scorer", "looks", about="made photos")


def test_marks_that_are_a_function_of_the_picture_are_foretold(looks):
    _, found = looks
    assert found["pearson"] > 0.9
    assert found["spearman"] > 0.4  # of two kinds of photos, among which the ratings vary by lot
    assert found["emd"] < 0.6 * found["emd_constant"]
    assert found["error"] < 0.6 * found["error_constant"]


def test_marks_by_lot_are_not(tmp_path: Path):
    found = train(read_ratings(rated(tmp_path / "ava", by_lot=True), "ava"), tmp_path / "out", "lots", about="lots")
    assert found["pearson"] < 0.6
    assert found["emd"] > 0.8 * found["emd_constant"]


@given(RATINGS, RATINGS)
def test_the_earth_movers_distance_is_nothing_between_equal_shares_and_one_way_as_the_other(one, other):
    first, second = (np.array([each]) / sum(each) for each in (one, other))
    assert emd(first, first)[0] == 0
    assert emd(first, second)[0] == pytest.approx(emd(second, first)[0])


def test_the_earth_movers_distance_of_a_case_worked_out_by_hand():
    low, high = np.eye(10)[[0]], np.eye(10)[[9]]
    assert emd(low, high)[0] == pytest.approx((9 / 10) ** 0.5)
    assert means(high)[0] == 10
    assert means(shares(np.zeros((1, 10))))[0] == pytest.approx(5.5)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=30))
def test_the_correlation_is_that_of_scipy(points):
    one, other = np.array(points, float).T
    told = correlation(one, other)
    assert told == (pytest.approx(pearsonr(one, other).statistic, abs=1e-9) if np.ptp(one) and np.ptp(other) else 0)


def test_a_table_of_marks_is_read_and_its_mistakes_are_named(tmp_path: Path):
    table = tmp_path / "ratings.csv"
    table.write_text("path,score\na.jpg,3.25\nb.jpg,10\n")
    (first, told), (_, ten) = read_ratings(table, "csv")
    assert first == str(tmp_path / "a.jpg")
    assert told[2:4].tolist() == [0.75, 0.25]
    assert means(np.array([told]))[0] == pytest.approx(3.25)
    assert ten[9] == 1
    table.write_text("path,score\na.jpg,11\n")
    with pytest.raises(PhotoidxError, match="ratings.csv:2"):
        read_ratings(table, "csv")
    table.write_bytes("path,score\nd\xe9.jpg,3\n".encode("latin-1"))
    with pytest.raises(PhotoidxError, match=r"ratings\.csv can't be read as a table"):
        read_ratings(table, "csv")
    with pytest.raises(PhotoidxError, match="can't be read as a table"):
        read_ratings(tmp_path, "csv")
    table.write_text("file,score\na.jpg,1\n")
    with pytest.raises(PhotoidxError, match="columns path and score"):
        read_ratings(table, "csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSetError):
        read_ratings(tmp_path / "empty", "ava")


@pytest.mark.parametrize("name", ["head.safetensors", "head.pth"])
def test_a_linear_head_as_laion_publishes_them_is_taken_over(name: str, tmp_path: Path):
    head = {"weight": torch.arange(4.0)[None], "bias": torch.tensor([0.5])}
    save_file(head, tmp_path / name) if name.endswith("safetensors") else torch.save(head, tmp_path / name)
    with pytest.raises(AssetError, match="vectors of 4 numbers; those of openclip:ViT-L-14/openai have 768"):
        take_over(tmp_path / name, tmp_path / "out", "laion", "openclip:ViT-L-14/openai")
    head["weight"] = torch.arange(4.0)[None].repeat(1, 192)
    save_file(head, tmp_path / name) if name.endswith("safetensors") else torch.save(head, tmp_path / name)
    take_over(tmp_path / name, tmp_path / "out", "laion", "openclip:ViT-L-14/openai")
    assert read_card(tmp_path / "out")[0].settings["embedder"] == "openclip:ViT-L-14/openai"
    assert AestheticScorer(tmp_path / "out").scores(np.eye(768)[[1, 3]]) == [1.5, 3.5]
    with pytest.raises(AssetError, match="wrong embedder"):
        AestheticScorer(tmp_path / "out").scores(np.zeros((1, 3)))


def test_a_file_that_would_run_code_or_is_no_head_is_refused(tmp_path: Path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(AssetError, match="evil.pth"):
        take_over(tmp_path / "evil.pth", tmp_path / "out", "evil", "efficientnet_lite0")
    torch.save({"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}, tmp_path / "two.pth")
    with pytest.raises(AssetError, match="no head of one number"):
        take_over(tmp_path / "two.pth", tmp_path / "out", "two", "efficientnet_lite0")
    assert not (tmp_path / "out").exists()


def test_a_scan_marks_photos_and_the_marks_can_be_asked_for(looks, tmp_path: Path):
    scorer, _ = looks
    photos = scorer.parent / "ava" / "images"
    config = Config(workers=1, without=("faces",), scorers=(str(scorer),))
    library = Library(tmp_path / "library", config)
    some = tmp_path / "some"
    some.mkdir()
    for name in ("0.jpg", "1.jpg", "2.jpg", "3.jpg"):
        (some / name).write_bytes((photos / name).read_bytes())
    assert library.scan(some).failed == 0
    ratings = library.sql("SELECT learned_looks FROM photos")["learned_looks"].to_pylist()
    assert all(1 <= each <= 10 for each in ratings)
    assert library.scan(some).analysed == 0


def test_photos_that_have_vectors_are_marked_without_being_read_again(looks, tmp_path: Path):
    scorer, _ = looks
    some = tmp_path / "some"
    some.mkdir()
    for number in range(3):
        (some / f"{number}.jpg").write_bytes((scorer.parent / "ava" / "images" / f"{number}.jpg").read_bytes())
    plain, scored = PLAIN, replace(PLAIN, scorers=(str(scorer),))
    Library(tmp_path / "library", plain).scan(some)
    for number in range(3):  # without changing what a scan looks at
        state = (some / f"{number}.jpg").stat()
        (some / f"{number}.jpg").write_bytes(b"x" * state.st_size)
        os.utime(some / f"{number}.jpg", ns=(state.st_atime_ns, state.st_mtime_ns))
    result = Library(tmp_path / "library", scored).scan(some)
    assert (result.analysed, result.decoded, result.failed) == (3, 0, 0)
    library = Library(tmp_path / "library", scored)
    ratings = library.sql("SELECT learned_looks, technical FROM photos").to_pylist()
    assert all(1 <= each["learned_looks"] <= 10 and each["technical"] is not None for each in ratings)
    # A new photo, and one that can't be read.
    (some / "new.jpg").write_bytes((scorer.parent / "ava" / "images" / "7.jpg").read_bytes())
    (some / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    result = library.scan(some)
    assert (result.new, result.analysed, result.failed) == (2, 2, 1)
    told = library.sql("SELECT name, learned_looks FROM photos WHERE learned_looks IS NULL").to_pylist()
    assert [each["name"] for each in told] == ["broken.jpg"]
    assert library.scan(some).analysed == 0


def copied(looks: tuple[Path, dict[str, float]], folder: Path) -> tuple[Path, Path]:
    """Return a scorer that may be spoilt, and a folder with one photo."""
    shutil.copytree(looks[0], folder / "scorer")
    (folder / "some").mkdir()
    shutil.copy(looks[0].parent / "ava" / "images" / "0.jpg", folder / "some")
    return folder / "scorer", folder / "some"


@pytest.mark.slow
@pytest.mark.parametrize("away", [False, True])
def test_marks_that_were_lost_with_their_table_come_back(looks, tmp_path: Path, away: bool):
    scorer, some = copied(looks, tmp_path)
    config = Config(workers=1, without=("faces",), scorers=(str(scorer),))
    Library(tmp_path / "library", config).scan(some)
    before = Library(tmp_path / "library", config).sql("SELECT * FROM quality").to_pylist()
    shutil.rmtree(tmp_path / "library" / "quality.lance")
    if away:  # while the library is repaired
        scorer.rename(tmp_path / "away")
    repair(Tables(str(tmp_path / "library")))
    if away:
        (tmp_path / "away").rename(scorer)
    Library(tmp_path / "library", config).scan(some)
    assert Library(tmp_path / "library", config).sql("SELECT * FROM quality").to_pylist() == before
    assert before[0]["learned_looks"] is not None


def scorers_of(library: Library) -> list[str]:
    return [each["name"] for each in used_scorers(library.store)]


def test_a_directory_that_was_trained_anew_under_another_name_takes_the_place_of_the_old_one(looks, tmp_path: Path):
    scorer, some = copied(looks, tmp_path)
    plain, scored = PLAIN, replace(PLAIN, scorers=(str(scorer),))
    Library(tmp_path / "library", scored).scan(some)
    card, tensors = read_scorer(scorer, "aesthetic")
    write_scorer(scorer, replace(card, name="anew"), tensors)
    (warning,) = Library(tmp_path / "library", plain).scan(some).warnings
    assert "now holds one named anew" in warning
    assert "photoidx models forget looks" in warning
    library = Library(tmp_path / "library", scored)
    library.scan(some)
    assert scorers_of(library) == ["anew"]
    assert Library(tmp_path / "library", plain).scan(some).warnings == []


def test_of_scorers_the_one_that_was_given_last_stands_last(looks, tmp_path: Path):
    scorer, some = copied(looks, tmp_path)
    card, tensors = read_scorer(scorer, "aesthetic")
    for name in ("one", "two"):
        write_scorer(tmp_path / name, replace(card, name=name), tensors)
    for name in ("one", "two", "one"):
        config = Config(workers=1, without=("faces",), scorers=(str(tmp_path / name),))
        Library(tmp_path / "library", config).scan(some)
    assert scorers_of(Library(tmp_path / "library")) == ["two", "one"]


def test_a_scorer_that_can_not_be_used_is_refused_and_a_remembered_one_done_without(
    looks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scorer, some = copied(looks, tmp_path)
    plain, scored = PLAIN, replace(PLAIN, scorers=(str(scorer),))
    Library(tmp_path / "library", scored).scan(some)
    (some / "1.jpg").write_bytes((looks[0].parent / "ava" / "images" / "1.jpg").read_bytes())
    card, tensors = read_scorer(scorer, "aesthetic")
    (scorer / "weights.safetensors").unlink()
    with pytest.raises(AssetError, match=r"weights\.safetensors can't be read"):
        Library(tmp_path / "library", scored).scan(some)
    result = Library(tmp_path / "library", plain).scan(some)
    assert (result.new, result.failed) == (1, 0)
    assert "weights.safetensors can't be read" in result.warnings[0]
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for settings_, weights, words in (
        ({"embedder": "dinov2"}, {**tensors, "weight": np.ones((10, 384), np.float32)}, "dinov2"),
        ({"embedder": "nonsense"}, tensors, "scorer names an embedder that there is not"),
        (card.settings, {**tensors, "weight": np.ones((10, 768), np.float32)}, "scorer takes vectors of 768"),
    ):
        write_scorer(scorer, replace(card, settings=settings_), weights)
        with pytest.raises(AssetError, match=words):
            Library(tmp_path / "library", scored).scan(some)
        assert Library(tmp_path / "library", plain).scan(some).failed == 0


@pytest.mark.parametrize(
    "columns", [None, [1], {"technical": 3}, {"technical": {"weight": "1", "missing": None}}, {"technical": {}}]
)
def test_a_blend_without_weights_is_refused(tmp_path: Path, columns: object):
    write_scorer(tmp_path / "mix", Card("blend", "mix", {"columns": columns}), {"weights": np.ones(1)})
    with pytest.raises(AssetError, match="mix has"):
        stages(Config(scorers=(str(tmp_path / "mix"),)))


def test_a_blend_is_not_fitted_on_what_a_scorer_has_learnt_from(tmp_path: Path):
    write_scorer(tmp_path / "ranker", Card("series", "ranker", {}, {"name": "PhotoTriage"}), {"a": np.ones(1)})
    config = Config(scorers=(str(tmp_path / "ranker"),))
    with pytest.raises(PhotoidxError, match="ranker learnt from the list train"):
        choices_of_triage(tmp_path, config, "train")


def test_a_scorer_brings_the_embedder_that_it_needs(looks, tmp_path: Path):
    scorer, _ = looks
    config = Config(embedders=(), scorers=(str(scorer),))
    assert [stage.name for stage in stages(config)][-2:] == ["aesthetic scorer looks", "efficientnet_lite0"]


def choices(weights: dict[str, float], count: int = 200, seed: int = 1) -> list[Preference]:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        one, other = ({name: float(rng.normal()) for name in ("technical", "midtone", "smile_mean")} for _ in range(2))
        odds = sum(weight * (one[name] - other[name]) for name, weight in weights.items())
        found.append(Preference(one, other, float(1 / (1 + np.exp(-odds))), str(number // 5)))
    return found


def test_a_blend_finds_the_weights_that_people_have_and_beats_each_score_alone(tmp_path: Path):
    wanted = {"technical": 2.0, "smile_mean": -1.0, "midtone": 0.0}
    found = train_blend(choices(wanted), tmp_path / "blend", "mix", "made choices")
    told = read_card(tmp_path / "blend")[0].settings["columns"]
    assert {name: told[name]["weight"] for name in wanted} == pytest.approx(wanted, abs=0.25)
    assert found["accuracy"] > max(found["single"].values())
    assert found["accuracy"] > 0.95


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_of_a_pair_does_not_count(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("blend")
    given_so = choices({"technical": 1.0}, 40, seed)
    lots = np.random.default_rng(seed).random(len(given_so)) < 0.5
    turned = [
        Preference(each.second, each.first, 1 - each.preference, each.series) if turn else each
        for each, turn in zip(given_so, lots, strict=True)
    ]
    for name, told in (("one", given_so), ("other", turned)):
        train_blend(told, folder / name, "mix", "made choices")
    one, other = (read_card(folder / name)[0].settings["columns"] for name in ("one", "other"))
    assert {n: e["weight"] for n, e in one.items()} == pytest.approx(
        {n: e["weight"] for n, e in other.items()}, abs=1e-6
    )


def test_a_score_that_is_missing_in_some_photos_counts_as_the_mean_there(tmp_path: Path):
    told = [
        Preference({**each.first, "smile_mean": None}, each.second, each.preference, each.series)
        if number % 3
        else each
        for number, each in enumerate(choices({"technical": 2.0, "smile_mean": 1.0}))
    ]
    train_blend(told, tmp_path / "blend", "mix", "made choices")
    card = read_card(tmp_path / "blend")[0]
    scorer = {"name": "mix", "kind": "blend", "settings": card.settings}
    assert card.settings["columns"]["technical"]["missing"] is None
    assert card.settings["columns"]["smile_mean"]["missing"] is not None
    frames = [{"technical": 0.9, "midtone": 0.1}, {"technical": 0.2, "midtone": 0.1, "smile_mean": 0.0}]
    said = opinion(frames, [scorer])
    assert said is not None
    assert said.scores[0] > said.scores[1]
    assert opinion([{"midtone": 0.1}, frames[0]], [scorer]) is None


def test_too_few_decisions_are_told_with_what_to_do(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "photos" / "1.jpg")
    Library(tmp_path / "library", Config(workers=1, without=("faces",))).scan(tmp_path / "photos")
    command = [sys.executable, "-m", "photoidx.cli", "train", "blend", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [*command, "--library", str(tmp_path / "library")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "photoidx decide best" in done.stderr


@pytest.mark.slow
def test_a_blend_of_the_users_decisions_ranks_the_next_burst(tmp_path: Path):
    library, photos = tmp_path / "library", tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(5)
    for burst in range(7):
        scene = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize((320, 240), Image.Resampling.BICUBIC)
        for number in range(3):
            exif = Image.Exif()
            exif[0x010F], exif[0x0110] = "Maker", "Camera"
            exif.get_ifd(0x8769)[0x9003] = f"2024:05:01 1{burst}:00:0{number}"
            frame = scene.point(lambda value, number=number: int(value * (1 - 0.25 * number)))
            frame.save(photos / f"IMG_{burst}{number}.JPG", quality=95, exif=exif)

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "photoidx.cli", *words, "--library", str(library)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    ours = Library(library, Config(workers=1, without=("faces",)))
    ours.scan(photos)
    bursts = ours.bursts()
    assert len(bursts) == 7
    for burst in bursts[:6]:  # this user likes the bright ones
        ours.decide("best", burst["frames"][0]["path"])
    told = json.loads(run("train", "blend", "--out", str(tmp_path / "mine"), "--format", "json"))
    assert told["accuracy"] > 0.8
    assert told["pairs"] == 12
    for _ in range(6):
        ours.undo()
    before = ours.best_of_bursts()[-1]["pick"]["path"]
    Library(library, Config(workers=1, without=("faces",), scorers=(str(tmp_path / "mine"),))).scan(photos)
    after = ours.best_of_bursts()[-1]["pick"]
    assert Path(after["path"]).name != Path(before).name
    assert "preferred by blend" in after["reason"] or "too close" in after["reason"]
