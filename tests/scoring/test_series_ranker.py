"""The series ranker: its network, what it learns, and the whole way from a training to the best of a burst."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from skimage import data

from photoidx import Config, Library
from photoidx.errors import AssetError, PhotoidxError
from photoidx.evaluation.datasets.findings import DataSetError
from photoidx.indexer.embedders.backbones import open_backbone
from photoidx.queries.best.trained_scores import opinion
from photoidx.registry import stages
from photoidx.scoring.learned.card import Card, read_scorer, write_scorer
from photoidx.scoring.series.inputs import prepared
from photoidx.scoring.series.network import Beside, Head
from photoidx.scoring.shown import Shown
from photoidx.scoring.technical import score as technical
from photoidx.training.figures import figures
from photoidx.training.series import Settings, train
from photoidx.training.series_data import LEARNT, UNSEEN, Pair, degraded_data, triage_data
from pictures import draw

SIDE = 96
SETTINGS = Settings(long_side=SIDE, epochs=6)
PLAIN = tuple(stage.name for stage in stages(Config(embedders=())))
PICTURES = ("astronaut", "chelsea", "coffee", "rocket", "cat", "camera", "immunohistochemistry", "hubble_deep_field")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small matrices are multiplied sooner by one thread, where others are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen parts of photos that scikit-image ships."""
    folder = tmp_path_factory.mktemp("album")
    for name in PICTURES[:4]:
        picture = Image.fromarray(getattr(data, name)()).convert("RGB")
        width, height = picture.width // 2, picture.height // 2
        for number, (left, top) in enumerate(((0, 0), (width, 0), (0, height), (width, height))):
            picture.crop((left, top, left + width, top + height)).save(folder / f"{name}{number}.png")
    return folder


@pytest.fixture(scope="module")
def trained(album: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    out = tmp_path_factory.mktemp("scorers") / "ranker"
    return out, train(degraded_data(album, long_side=SIDE), out, "ranker", SETTINGS)


def scores(stage: Any, pictures: Sequence[Image.Image]) -> list[float]:
    """Let a ranker's stage score pictures as a scan would."""
    rows = stage.run_batch([stage.prepare(Shown(picture)) for picture in pictures])
    return [next(iter(row["quality"][0].values())) for row in rows]


@pytest.mark.parametrize("width", [0, 5])
def test_swapping_two_pictures_flips_the_answer_exactly(width: int):
    torch.manual_seed(1)
    head = Head([40, 112, 320], width).eval()
    rng = torch.Generator().manual_seed(2)
    one, two = (
        (
            [
                torch.rand((1, channels, 8 >> level, 8 >> level), generator=rng)
                for level, channels in enumerate((40, 112, 320))
            ],
            torch.rand((1, width), generator=rng),
        )
        for _ in range(2)
    )
    with torch.inference_mode():
        assert float(head(*one) - head(*two)) == -float(head(*two) - head(*one))
        assert float(head(*one) - head(*one)) == 0
        assert float(head(*one) - head(*two)) != 0


@pytest.mark.parametrize("size", [(300, 200), (90, 400), (64, 64)])
def test_a_picture_is_shown_whole_whatever_its_shape(size: tuple[int, int]):
    shown = prepared(Image.new("RGB", size, (255, 0, 0)), 96)
    assert shown.shape == (96, 96, 3)
    red = (shown == (255, 0, 0)).all(axis=2)
    assert red.any(axis=1).sum() == max(1, round(size[1] * 96 / max(size)))
    assert red.any(axis=0).sum() == max(1, round(size[0] * 96 / max(size)))


def test_a_ranker_knows_better_on_photos_and_kinds_of_damage_that_it_has_not_seen(trained):
    _, found = trained
    assert not LEARNT.keys() & UNSEEN.keys()
    assert found["by_kind"].keys() == UNSEEN.keys()
    assert found["accuracy"] >= 0.9  # at this size; docs/learned.md has it at the real one
    assert found["accuracy"] > found["accuracy_before"] + 0.2
    assert found["majority"] < 0.7
    assert found["log_loss"] < found["log_loss_chance"]


def test_what_was_learnt_from_lots_is_worth_nothing(album: Path, tmp_path: Path):
    # One such ranker sees damage as it likes, the right way round or the wrong one, so several are asked.
    right = [
        train(
            degraded_data(album, seed=seed, long_side=SIDE, shuffled=True),
            tmp_path / str(seed),
            "lots",
            Settings(long_side=SIDE, epochs=2, seed=seed),
        )["accuracy"]
        for seed in range(4)
    ]
    assert 0.2 <= sum(right) / len(right) <= 0.8, right


@pytest.mark.slow
@pytest.mark.parametrize("whole", [False, True])
def test_a_training_that_was_cut_off_goes_on_to_the_same_weights(album: Path, tmp_path: Path, whole: bool):
    photos = degraded_data(album, 4, long_side=SIDE)
    settings = Settings(long_side=SIDE, epochs=3, whole=whole)
    train(photos, tmp_path / "whole", "ranker", settings)

    class Killed(Exception):  # noqa: N818 - it stands for a kill
        pass

    def dies(what: str, done: int, _of: int) -> None:
        if what == "learning" and done == 2:
            raise Killed

    with pytest.raises(Killed):
        train(photos, tmp_path / "cut", "ranker", settings, tell=dies)
    assert not (tmp_path / "cut").exists()
    with pytest.raises(PhotoidxError, match="--resume"):
        train(photos, tmp_path / "cut", "ranker", settings)
    with pytest.raises(PhotoidxError, match="other data or settings"):
        train(photos, tmp_path / "cut", "ranker", replace(settings, seed=1), resume=True)
    looked: list[str] = []
    train(photos, tmp_path / "cut", "ranker", settings, resume=True, tell=lambda what, *_: looked.append(what))
    assert looked.count("looking at pictures") == 0
    assert looked.count("learning") == 1
    _, undisturbed = read_scorer(tmp_path / "whole", "series")
    _, cut = read_scorer(tmp_path / "cut", "series")
    assert cut.keys() == undisturbed.keys()
    assert all(np.array_equal(undisturbed[name], cut[name]) for name in undisturbed)
    assert any(name.startswith("backbone.") for name in cut) == whole
    assert not (tmp_path / "cut.work").exists()


def test_a_backbone_that_learns_is_kept_and_begun_with(album: Path, tmp_path: Path):
    photos = degraded_data(album, 4, long_side=SIDE)
    settings = Settings(long_side=SIDE, epochs=3, whole=True)
    train(photos, tmp_path / "first", "first", replace(settings, epochs=0))
    found = train(photos, tmp_path / "next", "next", settings, start=tmp_path / "first")
    assert found["accuracy"] > found["accuracy_before"] + 0.1
    (_, first), (_, after) = (read_scorer(tmp_path / name, "series") for name in ("first", "next"))
    assert not all(np.array_equal(first[name], after[name]) for name in first if name.startswith("backbone."))
    # One that begins with it and leaves the backbone alone has that very backbone.
    train(photos, tmp_path / "last", "last", replace(settings, whole=False), start=tmp_path / "next")
    _, last = read_scorer(tmp_path / "last", "series")
    assert all(np.array_equal(after[name], last[name]) for name in after if name.startswith("backbone."))
    assert not all(np.array_equal(after[name], last[name]) for name in after if name.startswith("head."))


def test_a_training_that_was_cut_off_does_not_go_on_with_other_pictures(album: Path, tmp_path: Path):
    settings = Settings(long_side=SIDE, epochs=1)

    class Killed(Exception):  # noqa: N818 - it stands for a kill
        pass

    def dies(what: str, _done: int, _of: int) -> None:
        if what == "learning":  # when all pictures were looked at
            raise Killed

    with pytest.raises(Killed):
        train(degraded_data(album, 4, seed=1, long_side=SIDE), tmp_path / "cut", "ranker", settings, tell=dies)
    others = degraded_data(album, 4, seed=2, long_side=SIDE)
    train(others, tmp_path / "cut", "ranker", settings, resume=True)
    train(others, tmp_path / "whole", "ranker", settings)
    whole, cut = (read_scorer(tmp_path / name, "series")[1] for name in ("whole", "cut"))
    assert all(np.array_equal(whole[name], cut[name]) for name in whole)


def test_any_backbone_of_timm_can_be_used_and_is_kept_if_its_weights_are_random(album: Path, tmp_path: Path):
    settings = Settings(backbone="timm:resnet18", pretrained=False, long_side=64, epochs=1)
    train(degraded_data(album, 4, long_side=64), tmp_path / "resnet", "resnet", settings)
    (stage,) = stages(Config(embedders=(), scorers=(str(tmp_path / "resnet"),), without=PLAIN))
    picture = Image.open(album / "chelsea0.png").convert("RGB")
    one, two = scores(stage, [picture, ImageOps.flip(picture)])
    assert scores(stage, [picture]) == [one]
    assert one != two


@pytest.mark.parametrize("beside", [("measures",), ("vector", "measures")])
def test_measures_and_a_vector_can_stand_beside_the_maps(beside: tuple[str, ...], album: Path, tmp_path: Path):
    photos = degraded_data(album, 8, long_side=SIDE)
    found = train(photos, tmp_path / "out", "told", Settings(beside=beside, long_side=SIDE, epochs=4))
    assert found["accuracy"] > found["accuracy_before"]
    (stage,) = stages(Config(embedders=(), scorers=(str(tmp_path / "out"),), without=PLAIN))
    # A photo is scored as it was when it was learnt from, and alone as among others.
    pictures = [photos.load(number) for number in range(6)]
    told = scores(stage, pictures)
    assert [score for picture in pictures for score in scores(stage, [picture])] == told
    for pair in photos.train:
        if max(pair.first, pair.second) < len(told) and pair.kind == "blur":
            assert (told[pair.first] > told[pair.second]) == (pair.preference > 0.5)
    # What stands beside the picture counts.
    card, tensors = read_scorer(tmp_path / "out", "series")
    shifted = {**tensors, "head.beside.mean": tensors["head.beside.mean"] + 1}
    write_scorer(tmp_path / "out", card, shifted)
    (stage,) = stages(Config(embedders=(), scorers=(str(tmp_path / "out"),), without=PLAIN))
    assert scores(stage, pictures) != told


def test_a_large_photo_is_measured_at_the_size_that_the_ranker_knows(album: Path, tmp_path: Path):
    photos = degraded_data(album, 4, long_side=SIDE)
    train(photos, tmp_path / "out", "told", Settings(beside=("measures",), long_side=SIDE, epochs=1))
    (stage,) = stages(Config(embedders=(), scorers=(str(tmp_path / "out"),), without=PLAIN))
    picture = Image.fromarray(data.chelsea()).resize((960, 640))
    small = picture.resize((96, 64), Image.Resampling.BICUBIC, reducing_gap=3.0)
    assert np.array_equal(stage.prepare(Shown(picture)), stage.prepare(Shown(small)))


def test_a_ranker_with_other_inputs_is_refused(trained, album: Path, tmp_path: Path):
    start, _ = trained
    photos = degraded_data(album, 4, long_side=SIDE)
    with pytest.raises(PhotoidxError, match="beside none, not"):
        train(photos, tmp_path / "out", "told", Settings(beside=("measures",), long_side=SIDE), start=start)
    card, tensors = read_scorer(start, "series")
    for change, words in (
        ({"beside": ["measures"], "seen_at": 96, "measures": ["sharpness"]}, "other measures"),
        ({"beside": ["measures"]}, "lacks the setting 'seen_at'"),
        ({"long_side": "wide"}, "a setting that is none"),
    ):
        write_scorer(tmp_path / "odd", replace(card, settings={**card.settings, **change}), tensors)
        with pytest.raises(AssetError, match=words):
            stages(Config(scorers=(str(tmp_path / "odd"),)))
    change = {"beside": ["measures"], "seen_at": 96, "measures": list(technical.FEATURES)}
    write_scorer(tmp_path / "odd", replace(card, settings={**card.settings, **change}), tensors)
    (stage,) = stages(Config(embedders=(), scorers=(str(tmp_path / "odd"),), without=PLAIN))
    with pytest.raises(AssetError, match="do not fit"):
        stage.load()


def test_what_is_missing_beside_a_picture_counts_as_usual():
    numbers = torch.tensor([[1.0, float("nan"), 5.0], [3.0, 2.0, 5.0], [5.0, float("nan"), 5.0]])
    beside = Beside(3)
    beside.usual(numbers)
    assert beside.mean.tolist() == [3, 2, 5]
    assert beside.scale.tolist() == pytest.approx([(8 / 3) ** 0.5, 1, 1])
    with torch.inference_mode():
        usual = beside(torch.tensor([[3.0, 2.0, 5.0]]))
        assert torch.equal(beside(torch.tensor([[float("nan"), 2.0, float("nan")]])), usual)
        assert torch.equal(beside(torch.tensor([[1e9, 2.0, 5.0]])), beside(torch.tensor([[1e8, 2.0, 5.0]])))


def test_a_ranker_can_begin_with_another(trained, album: Path, tmp_path: Path):
    start, _ = trained
    settings = Settings(long_side=SIDE, epochs=0)
    found = train(degraded_data(album, 4, seed=3, long_side=SIDE), tmp_path / "next", "next", settings, start=start)
    assert found["accuracy"] == found["accuracy_before"] >= 0.9


def test_a_backbone_that_there_is_not_is_told():
    with pytest.raises(PhotoidxError, match="timm:resnet50"):
        open_backbone("resnet50", Config())
    with pytest.raises(PhotoidxError, match="timm has no backbone for timm:nosuchnet"):
        open_backbone("timm:nosuchnet", Config(), pretrained=False)


def triage(folder: Path, *, misread: bool = False) -> Path:
    """Make series in PhotoTriage's layout: of each, a sharp photo, a soft and a softer one."""
    folder.mkdir()
    for split, numbers in (("train", range(1, 9)), ("val", range(9, 13))):
        lines = []
        for number in numbers:
            rng = random.Random(number)
            picture = Image.fromarray(getattr(data, PICTURES[number % len(PICTURES)])()).convert("RGB").resize((96, 96))
            order = rng.sample([1, 2, 3], 3)
            for rank, photo in enumerate(order, 1):
                picture.filter(ImageFilter.GaussianBlur(2 * (rank - 1))).save(folder / f"{number:06d}-{photo:02d}.JPG")
            ranks = {photo: rank for rank, photo in enumerate(order, 1)}
            for one, two in ((1, 2), (1, 3), (2, 3)):
                ratio = 0.8 if ranks[one] < ranks[two] else 0.2
                first, second = (ranks[one], ranks[two]) if not misread else (3 - ranks[one], 3 - ranks[two])
                lines.append(f"{number} {one} {two} {ratio} {max(1, first)} {max(1, second)}")
        (folder / f"{split}_pairlist.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_series_of_phototriage_are_learnt_from_and_a_misread_column_is_refused(tmp_path: Path):
    pairs = triage_data(triage(tmp_path / "triage"))
    assert (pairs.count, len(pairs.train), len(pairs.test)) == (36, 24, 12)
    assert {pair.preference for pair in pairs.train} == {0.8, 0.2}
    found = train(pairs, tmp_path / "out", "triage", Settings(long_side=96, epochs=10))
    assert found["accuracy"] > 0.8
    assert found["clear_pairs"] == 12
    with pytest.raises(DataSetError, match="not the winner"):
        triage_data(triage(tmp_path / "misread", misread=True))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.floats(0, 1)), min_size=1, max_size=12))
def test_figures_of_swapped_pairs_are_the_same(told):
    pairs = [Pair(one, two, preference, str(one % 2)) for one, two, preference in told if one != two]
    swapped = [Pair(pair.second, pair.first, 1 - pair.preference, pair.series) for pair in pairs]
    scores = {number: math.sin(7 * number) for number in range(5)}
    if pairs:
        for name in ("accuracy", "log_loss", "top_1", "majority"):
            assert figures(pairs, scores)[name] == pytest.approx(figures(swapped, scores)[name])


def test_figures_of_a_case_worked_out_by_hand():
    pairs = [Pair(0, 1, 0.9, "a"), Pair(0, 2, 0.6, "a"), Pair(1, 2, 0.5, "a"), Pair(3, 4, 0.2, "b")]
    found = figures(pairs, {0: 1.0, 1: 0.0, 2: 2.0, 3: 0.0, 4: 0.0})
    assert found["accuracy"] == (1 + 0 + 0.5 + 0.5) / 4
    assert found["accuracy_clear"] == (1 + 0.5) / 2
    assert found["majority"] == (1 + 1 + 0.5 + 0) / 4
    assert found["top_1"] == (0 + 1 / 2) / 2  # of b's two equal ones one is drawn
    assert found["top_1_chance"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    half = math.log(2)
    first, second = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    expected = 0.9 * first + 0.1 * second + 0.6 * second + 0.4 * first + 0.5 * math.log(1 + math.exp(2))
    expected += 0.5 * math.log(1 + math.exp(-2)) + half
    assert found["log_loss"] == pytest.approx(expected / 4)


def test_a_scorer_that_is_not_what_its_card_says_is_refused(tmp_path: Path):
    place = tmp_path / "scorer"
    write_scorer(place, Card("series", "mine"), {"a": np.ones(3, np.float32)})
    card, tensors = read_scorer(place, "series")
    assert (card.name, tensors["a"].tolist()) == ("mine", [1, 1, 1])
    with pytest.raises(AssetError, match="kind series"):
        read_scorer(place, "blend")
    (place / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(AssetError, match="hashes differ"):
        read_scorer(place, "series")
    for content, words in (("{", "not JSON"), ("{}", "format"), ('{"format": 9}', "newer photoidx"), ("[]", "no card")):
        (place / "card.json").write_text(content)
        with pytest.raises(AssetError, match=words):
            read_scorer(place, "series")
    with pytest.raises(AssetError, match="is no scorer"):
        read_scorer(tmp_path, "series")
    for content in ("[" * 200_000, '{"format": "1x"}', " " * (1 << 21)):
        (place / "card.json").write_text(content)
        with pytest.raises(AssetError, match="card"):
            read_scorer(place, "series")
    (place / "card.json").unlink()
    os.mkfifo(place / "card.json")
    with pytest.raises(AssetError, match="no file"):  # and nobody waits for it
        read_scorer(place, "series")
    (place / "card.json").unlink()
    (place / "card.json").touch()
    for odd in ({"a": np.array([1, np.nan], np.float32)}, {"a": np.ones(2, np.complex64)}):
        write_scorer(place, Card("series", "mine"), odd)
        with pytest.raises(AssetError, match="no numbers: a"):
            read_scorer(place, "series")
    for settings in ("abc", [1], None):
        write_scorer(place, Card("series", "mine", settings), {"a": np.ones(3, np.float32)})
        with pytest.raises(AssetError, match=r"card\.json is no card"):
            read_scorer(place, "series")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.jpg").touch()
    with pytest.raises(PhotoidxError, match="is no scorer"):
        write_scorer(tmp_path / "full", Card("series", "mine"), {})
    with pytest.raises(PhotoidxError, match="no name"):
        write_scorer(tmp_path / "new", Card("series", "Mine; DROP"), {})


def test_a_scorer_that_lacks_a_frame_is_not_asked():
    scorers = [
        {"name": "old", "kind": "series", "settings": {}},
        {"name": "new", "kind": "series", "settings": {}},
        {"name": "mix", "kind": "blend", "settings": {"columns": {"technical": {"weight": 2, "missing": None}}}},
    ]
    both = [{"learned_old": 1.0, "learned_new": 2.0, "technical": 0.5}, {"learned_old": 3.0, "technical": 0.25}]
    assert opinion(both, scorers).name == "mix"
    assert opinion(both, scorers).scores == (1.0, 0.5)
    assert opinion(both, scorers[:2]).name == "old"
    assert opinion([{}, {}], scorers) is None


@pytest.mark.slow
def test_the_whole_way_from_a_training_to_the_best_of_a_burst(trained, tmp_path: Path):
    scorer, _ = trained
    photos, library = tmp_path / "photos", tmp_path / "library"
    photos.mkdir()
    picture = Image.fromarray(data.chelsea())
    for number, frame in enumerate(ImageEnhance.Brightness(picture).enhance(much) for much in (1.5, 1, 2)):
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = "Maker", "Camera"
        exif.get_ifd(0x8769)[0x9003] = f"2024:05:01 10:00:0{number}"
        frame.save(photos / f"IMG_000{number}.JPG", quality=95 - number, exif=exif)
    command = [sys.executable, "-m", "photoidx.cli"]

    def run(*words: str) -> str:
        done = subprocess.run(
            [*command, *words, "--library", str(library)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("scan", str(photos), "--without", "faces", "--workers", "1")
    (before,) = json.loads(run("best", "--burst", "--format", "json"))
    assert "preferred by" not in before["pick"]["reason"]
    run("scan", str(photos), "--without", "faces", "--workers", "1", "--scorer", str(scorer))
    rows = json.loads(run("sql", "SELECT name, learned_ranker FROM photos ORDER BY name", "--format", "json"))
    assert rows[1]["learned_ranker"] > rows[0]["learned_ranker"] > rows[2]["learned_ranker"]
    (after,) = json.loads(run("best", "--burst", "--format", "json"))
    assert Path(after["pick"]["path"]).name == rows[1]["name"]
    assert "preferred by ranker" in after["pick"]["reason"]
    # It is remembered: a new frame is scored, too, though the scan does not name it.
    picture.save(photos / "IMG_0009.JPG", quality=80)
    run("scan", str(photos), "--without", "faces", "--workers", "1")
    assert all(
        row["learned_ranker"] is not None
        for row in json.loads(run("sql", "SELECT learned_ranker FROM photos", "--format", "json"))
    )
    run("models", "forget", "ranker")
    (without,) = json.loads(run("best", "--burst", "--format", "json"))
    assert without["pick"]["reason"] == before["pick"]["reason"]


def test_a_scorer_whose_directory_is_gone_is_done_without(trained, tmp_path: Path):
    import shutil

    scorer, _ = trained
    copy = tmp_path / "copy"
    shutil.copytree(scorer, copy)
    (tmp_path / "photos").mkdir()
    Image.fromarray(data.chelsea()).save(tmp_path / "photos" / "1.jpg")
    config = Config(workers=1, without=("faces",), scorers=(str(copy),))
    library = Library(tmp_path / "library", config)
    assert not library.scan(tmp_path / "photos").warnings
    shutil.rmtree(copy)
    later = Library(tmp_path / "library", Config(workers=1, without=("faces",))).scan(tmp_path / "photos")
    assert any("without the scorer ranker" in each for each in later.warnings)
    with pytest.raises(AssetError, match="is no scorer"):
        library.scan(tmp_path / "photos")


def test_photos_that_are_too_small_are_not_said_to_be_unreadable(tmp_path: Path):
    draw(tmp_path / "small.png", 1, size=(64, 48))
    draw(tmp_path / "narrow.png", 2, size=(900, 20))
    draw(tmp_path / "good.png", 3, size=(200, 150))
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(PhotoidxError) as raised:
        degraded_data(tmp_path, long_side=100)
    told = str(raised.value)
    assert "1 photos of use, 2 smaller than 100 x 34 pixels, 1 that can't be read" in told
    assert "needs 4 at least" in told
