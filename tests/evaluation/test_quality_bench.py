"""`photoidx bench quality`: scores held against what people said."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from scipy.stats import pearsonr, spearmanr

import data_sets as made
from photoidx.cli import cli
from photoidx.errors import PhotoidxError
from photoidx.evaluation import quality_bench as bench
from photoidx.evaluation.datasets.ava import RatedPhoto
from photoidx.evaluation.datasets.phototriage import PreferencePair
from pictures import age


def pair(series: int, first: str, second: str, preference: float) -> PreferencePair:
    return PreferencePair("test", series, first, second, preference, (1, 2))


def row(rows, name):
    (found,) = (each for each in rows if each["column"] == name)
    return found


PAIRS = [pair(1, "a1", "a2", 0.9), pair(1, "a1", "a3", 0.6), pair(2, "b1", "b2", 0.2), pair(2, "b2", "b3", 0.5)]
FOUND = {
    "a1": {"good": 3.0, "bad": 0.0, "flat": 1.0},
    "a2": {"good": 1.0, "bad": 1.0, "flat": 1.0},
    "a3": {"good": None, "bad": 2.0, "flat": 1.0},
    "b1": {"good": 0.0, "bad": 9.0, "flat": 1.0},
    "b2": {"good": 5.0, "bad": 1.0, "flat": 1.0},
}


def test_a_case_of_pairs_worked_out_by_hand():
    rows = bench.pair_rows(PAIRS, FOUND)
    good, bad = row(rows, "good"), row(rows, "bad")
    assert (good["pairs"], good["scored"], good["correct"]) == (3, pytest.approx(2 / 3, abs=1e-3), pytest.approx(83.33))
    assert (good["clear_pairs"], good["clear_correct"]) == (2, 100)
    assert (bad["correct"], bad["clear_correct"]) == (0, 0)
    assert [each["column"] for each in rows] == ["good", "bad", "majority", "chance"]
    assert row(rows, "majority")["correct"] == pytest.approx(66.67)
    assert row(rows, "chance")["correct"] == 50


def test_undecided_people_and_photos_without_scores_are_said():
    with pytest.raises(PhotoidxError, match="undecided"):
        bench.pair_rows([pair(1, "a1", "a2", 0.5)], FOUND)
    with pytest.raises(PhotoidxError, match="could be scored"):
        bench.pair_rows(PAIRS, {})
    with pytest.raises(PhotoidxError, match="1 photos were scored, all alike"):
        bench.mark_rows([rated(0, *range(10))], {"p0": {"score": 1.0}})
    two = [rated(0, *range(10)), rated(1, *range(10, 0, -1))]
    with pytest.raises(PhotoidxError, match="2 photos were scored; 3 with different ratings"):
        bench.mark_rows(two, {"p0": {"score": 1.0}, "p1": {"score": 2.0}})


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_turning_a_pair_round_changes_no_figure(told):
    pairs, turned, found = [], [], {}
    for number, (preference, one, other) in enumerate(told):
        names = f"x{number}-1", f"x{number}-2"
        found |= {names[0]: {"score": float(one)}, names[1]: {"score": float(other)}}
        share = round(preference, 2)
        pairs.append(pair(number, *names, share))
        turned.append(pair(number, *reversed(names), round(1 - share, 2)))
    if all(each.preference == 0.5 for each in pairs) or len({row["score"] for row in found.values()}) < 2:
        return
    assert bench.pair_rows(pairs, found) == bench.pair_rows(turned, found)


def rated(number: int, *votes: int) -> RatedPhoto:
    return RatedPhoto(f"p{number}", number, votes, (), 0)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_correlations_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    photos = [rated(number, *(int(each) for each in rng.integers(1, 30, 10))) for number in range(12)]
    found = {photo.path: {"score": float(rng.integers(0, 6)), "other": None} for photo in photos}
    found["p0"]["score"], found["p1"]["score"] = 7.0, 8.0
    score = row(bench.mark_rows(photos, found), "score")
    values = [found[photo.path]["score"] for photo in photos]
    ratings = [photo.mean for photo in photos]
    assert score["spearman"] == pytest.approx(spearmanr(values, ratings).statistic, abs=1e-4)
    assert score["pearson"] == pytest.approx(pearsonr(values, ratings).statistic, abs=1e-4)
    assert score["low"] <= score["high"]


def test_a_draw_of_pairs_takes_whole_series():
    pairs = [pair(series, f"{series}-{a}", f"{series}-{b}", 0.8) for series in range(10) for a, b in ((1, 2), (1, 3))]
    drawn = bench.drawn_pairs(pairs, 7, 0)
    assert len(drawn) == 6
    assert bench.drawn_pairs(pairs, 7, 1) != drawn
    assert bench.drawn_pairs(pairs, 0, 0) == pairs


def triage(folder, kinds=4):
    """Make series of which the second photo is a blurred one, and people prefer the sharp ones."""
    top = folder / "train_val"
    (top / "train_val_imgs").mkdir(parents=True)
    lines = []
    for series, photo in itertools.product(range(1, kinds + 1), (1, 2)):
        noise = np.random.default_rng(series).integers(0, 256, (60, 80, 3), dtype=np.uint8)
        image = Image.fromarray(noise).resize((320, 240))
        image = image if photo == 1 else image.filter(ImageFilter.GaussianBlur(4))
        path = top / "train_val_imgs" / f"{series:06d}-{photo:02d}.JPG"
        image.save(path, quality=95)
        age(path, 86400)
        if photo == 1:
            lines.append(f"{series} 1 2 0.9 1 2")
    (top / "train_pairlist.txt").write_text("\n".join(lines))
    return folder


FAST = ["--without", "faces", "--without", "technical", "--format", "json"]


def test_the_command_tells_which_score_sees_what_people_prefer(tmp_path):
    folder, library = triage(tmp_path / "triage"), tmp_path / "library"
    words = ["bench", "quality", str(folder), "--layout", "phototriage", "--library", str(library), *FAST]
    first = CliRunner().invoke(cli, words)
    assert first.exit_code == 0, first.output
    rows = json.loads(first.stdout)
    assert row(rows, "sharpness_global")["correct"] == 100
    assert row(rows, "chance")["correct"] == 50
    again = CliRunner().invoke(cli, words)
    assert json.loads(again.stdout) == rows
    other = CliRunner().invoke(cli, [*words, "--split", "test"])
    assert "has no list test; it has train" in str(other.exception)


def test_the_command_refuses_a_folder_with_the_misread_column(tmp_path):
    folder = made.phototriage(tmp_path, [f"{series} 1 2 0.9 2 1" for series in (1, 2)])
    found = CliRunner().invoke(cli, ["bench", "quality", str(folder), "--layout", "phototriage"])
    assert "RANK1 is the rank of photo 1" in str(found.exception)


def test_the_command_correlates_scores_with_the_marks_of_ava(tmp_path):
    lines = [f"{n} {n} {' '.join(str(1 + 9 * (rating == n)) for rating in range(1, 11))} 0 0 1" for n in range(1, 7)]
    folder = made.ava(tmp_path, lines, there=range(1, 7))
    found = CliRunner().invoke(cli, ["bench", "quality", str(folder), "--layout", "ava", *FAST])
    assert found.exit_code == 0, found.output
    rows = json.loads(found.stdout)
    assert rows[-1]["column"] == "chance"
    assert all(-1 <= each["spearman"] <= 1 for each in rows)
    assert {each["photos"] for each in rows} <= set(range(3, 7))
