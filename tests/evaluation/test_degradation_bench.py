"""`photoidx bench degradations`: what counts as correct in the two forms, and the command itself."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photoidx.evaluation import degradation_bench as bench
from photoidx.evaluation.degradations import CROPS, PUBLISHED, TECHNICAL
from pictures import draw

PHOTOIDX = Path(sys.executable).with_name("photoidx")
PIXELS = np.random.default_rng(5).integers(0, 256, (48, 64, 3), dtype=np.uint8)

STAGE = """
import cv2
import numpy as np
import pyarrow as pa
from photoidx.stage import PhotoStage, column, quality


class Edges(PhotoStage):
    name = "edges"
    tables = (quality(column("edges", pa.float32(), "Variance of the Laplacian.")),)

    def run(self, photo):
        grey = np.asarray(photo.image().convert("L"))
        return {"quality": [{"edges": float(cv2.Laplacian(grey, cv2.CV_64F).var())}]}


def stages(config):
    return Edges()
"""


def by_kind(comparisons: list[bench.ScoreComparison]) -> dict[str, set[float]]:
    found: dict[str, set[float]] = {}
    for each in comparisons:
        found.setdefault(each.kind, set()).add(each.credit)
    return found


def share(tallies: list[bench.Tally], name: str) -> float:
    (found,) = (tally.correct for tally in tallies if tally.name == name)
    return found


def test_a_constant_score_gets_nothing_because_a_tie_is_wrong():
    published = bench.published_form("a", PIXELS, lambda _data, _format: 0.5, 0)
    assert len(published) == 27
    assert share(bench.published_tallies(published, 0), "all") == 0
    strict = bench.strict_tallies(bench.strict_form("a", PIXELS, lambda _data, _format: 0.5, 0), 0)
    assert share(strict, "technical kinds") == share(strict, "crops") == 0
    assert share(strict, "placebo") == 50


def test_a_missing_score_gets_nothing():
    assert by_kind(bench.published_form("a", PIXELS, lambda _data, _format: None, 0)).keys() == {
        way.kind for way in PUBLISHED
    }
    for form in (bench.published_form, bench.strict_form):
        credit = by_kind(form("a", PIXELS, lambda _data, _format: None, 0))
        assert credit.pop("placebo", {0.5}) == {0.5}
        assert set.union(*credit.values()) == {0}


def first_is_best() -> Callable[[bytes, str], float]:
    """Return a scorer that prefers what it is shown first."""
    shown = iter(range(10**6))
    return lambda _data, _format: -float(next(shown))


def test_a_score_that_prefers_what_it_sees_first_wins_the_published_form_and_nothing_of_the_strict_one():
    assert share(bench.published_tallies(bench.published_form("a", PIXELS, first_is_best(), 0), 0), "all") == 100
    comparisons = bench.strict_form("a", PIXELS, first_is_best(), 0)
    assert all(each.order_matters for each in comparisons)
    tallies = bench.strict_tallies(comparisons, 0)
    assert share(tallies, "technical kinds") == share(tallies, "crops") == 0
    assert share(tallies, "placebo") == 50


def test_a_score_that_knows_the_larger_file_from_the_smaller_is_told_apart_from_its_opposite():
    larger = bench.strict_form("a", PIXELS, lambda data, _format: float(len(data)), 0)
    smaller = bench.strict_form("a", PIXELS, lambda data, _format: -float(len(data)), 0)
    for one, other in zip(larger, smaller, strict=True):
        assert one.tie == other.tie
        assert one.credit + other.credit == (1 if one.kind == "placebo" or not one.tie else 0)


def files_of(form: Callable[..., object], pixels: np.ndarray) -> dict[bytes, Image.Image]:
    seen: dict[bytes, Image.Image] = {}

    def look(data: bytes, _format: str) -> float:
        seen[data] = Image.open(io.BytesIO(data))
        return 0.0

    form("a", pixels, look, 0)
    return seen


def test_the_strict_form_shows_only_jpegs_at_one_quality_but_for_the_jpeg_variants():
    tables = [json.dumps(image.quantization) for image in files_of(bench.strict_form, PIXELS).values()]
    usual = max(set(tables), key=tables.count)
    expected = io.BytesIO()
    Image.fromarray(PIXELS).save(expected, "JPEG", quality=95)
    assert usual == json.dumps(Image.open(expected).quantization)
    assert len(tables) - tables.count(usual) == 5


def test_the_strict_form_brings_both_to_one_long_side_and_enlarges_nothing():
    for original, variant in bench._strict_pairs(PIXELS, PUBLISHED, 0):
        sizes = [max(Image.open(io.BytesIO(data)).size) for data in (original, variant)]
        assert sizes[0] == sizes[1] <= 64
    large = np.random.default_rng(5).integers(0, 256, (200, 1200, 3), dtype=np.uint8)
    assert max(max(image.size) for image in files_of(bench.strict_form, large).values()) == 960
    assert max(max(image.size) for image in files_of(bench.published_form, large).values()) == 1200


def test_the_noise_of_a_picture_does_not_depend_on_the_other_pictures():
    assert set(files_of(bench.strict_form, PIXELS)) == set(files_of(bench.strict_form, PIXELS.copy()))


def test_technical_kinds_and_crops_are_counted_apart_and_the_placebo_with_neither():
    comparisons = bench.strict_form("a", PIXELS, lambda data, _format: float(len(data)), 0)
    counts = {tally.name: tally.comparisons for tally in bench.strict_tallies(comparisons, 0)}
    assert counts["technical kinds"] == sum(counts[kind] for kind in TECHNICAL) == 18
    assert counts["crops"] == sum(counts[kind] for kind in CROPS) == 14
    assert counts["placebo"] == 1


def test_the_last_published_line_is_the_mean_over_all_comparisons():
    comparisons = [bench.ScoreComparison("a", "blur", str(n), 1, tie=False) for n in range(3)]
    comparisons += [bench.ScoreComparison("a", kind, kind, 0, tie=False) for kind in ("JPEG", "exposure", *CROPS)]
    assert share(bench.published_tallies(comparisons, 0), "all") == pytest.approx(100 * 3 / 9)
    assert all(len(figures) == len(bench.PUBLISHED_KINDS) for figures in bench.THEIRS.values())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.just(9)), min_size=1, max_size=30), st.integers(0, 99))
def test_the_interval_holds_the_mean_lies_between_nothing_and_all_and_hangs_on_the_seed_alone(
    counts: list[tuple[int, int]], seed: int
):
    low, high = bench.interval(counts, seed)
    shares = [right / all_ for right, all_ in counts]
    mean = sum(shares) / len(shares)
    assert 0 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= 1
    assert (low, high) == bench.interval(counts, seed)


def test_the_interval_has_the_width_that_theory_gives():
    counts = [(right, 1) for right in [0, 1] * 50]
    low, high = bench.interval(counts, 0)
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 10, rel=0.1)


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment in which a package with a small scorer is installed."""
    info = tmp_path / "site" / "edges_stage-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "edges_stage.py").write_text(STAGE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: edges-stage\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[photoidx.stages]\nedges = edges_stage:stages\n")
    return {**os.environ, "PYTHONPATH": str(info.parent)}


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for number in range(3):
        draw(tmp_path / "album" / f"{number}.png", number)
    (tmp_path / "album" / "notes.txt").write_text("no picture")
    return tmp_path / "album"


def run(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [PHOTOIDX, "bench", "degradations", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)


def test_the_command_prints_both_forms_with_published_figures_beside_ours(environment: dict[str, str], album: Path):
    before = {path: path.read_bytes() for path in album.iterdir()}
    done = run(environment, album, "--scorer", "edges", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {(row["form"], row["type"]): row for row in json.loads(done.stdout)}
    assert {path: path.read_bytes() for path in album.iterdir()} == before
    assert rows["published", "all"]["comparisons"] == 3 * 27
    assert rows["published", "all"]["Siamese network"] == 89.9
    assert rows["published", "blur"]["correct"] == 100
    assert rows["strict", "technical kinds"]["comparisons"] == 3 * 18
    assert rows["strict", "blur"]["correct"] == rows["strict", "blur"]["high"] == 100
    assert rows["strict", "blur"]["low"] == pytest.approx(100 * 0.025 ** (1 / 3), abs=0.05)  # of three pictures
    assert rows["strict", "noise"]["correct"] < 50
    assert {row["order_matters"] for key, row in rows.items() if key[0] == "strict"} == {0}
    assert all(row["low"] <= row["correct"] <= row["high"] for row in rows.values())


def test_the_command_takes_one_form_rows_for_variants_and_a_drawn_few(environment: dict[str, str], album: Path):
    arguments = ("--scorer", "edges", "--form", "published", "--by", "variant", "--limit", "2", "--seed", "4")
    done = run(environment, album, *arguments)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("form,variant,pictures,comparisons,correct,low,high")
    assert len(lines) == 28
    assert all(line.split(",")[2] == "2" for line in lines[1:])
    assert run(environment, album, *arguments).stdout == done.stdout


def test_a_picture_that_cannot_be_read_is_named_and_left_out(environment: dict[str, str], album: Path):
    broken = album / "0.png"
    broken.write_bytes(broken.read_bytes()[:100])
    done = run(environment, album, "--scorer", "edges", "--form", "strict", "--format", "json")
    assert done.returncode == 3
    assert "0.png" in done.stderr
    assert json.loads(done.stdout)[0]["pictures"] == 2
    for path in album.glob("*.png"):
        path.write_bytes(b"")
    done = run(environment, album, "--scorer", "edges")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no picture" in done.stderr


def test_a_scorer_that_there_is_not_is_a_wrong_call_and_the_answer_names_those_there_are(
    environment: dict[str, str], album: Path
):
    done = run(environment, album, "--scorer", "beauty")
    assert done.returncode == 2
    assert "edges" in done.stderr
    assert "technical" in done.stderr
