"""Bursts with closed eyes: painted lids are read as closed, and the frame with open eyes is picked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from photoidx import Config, Library
from photoidx.evaluation.bursts import bench as burst_bench
from photoidx.evaluation.bursts.builder import BurstAmount, Truth
from photoidx.evaluation.bursts.closed_eyes import LIT_EYES, with_closed_eyes
from photoidx.queries.best.selection import CLOSED
from photoidx.scoring.faces.detection import Box

ONLY_EYES = BurstAmount(bursts=0, equal=0, others=0, singles=0, traps=0, unrelated=0, eyes=1, long_side=600)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    for name in ("astronaut", "coffee"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    return folder


def test_painted_lids_are_read_as_closed_and_nothing_but_the_eyes_is_painted():
    face = data.astronaut()
    painted, passed_over = with_closed_eyes(face, np.random.default_rng(0))
    assert painted is not None
    assert (painted.before, painted.after, passed_over) == ("open", "shut", 0)
    assert painted.openness <= CLOSED
    rows, columns = np.nonzero((painted.pixels != face).any(axis=2))
    assert (rows.min(), columns.min()) > (75, 185)
    assert (rows.max(), columns.max()) < (130, 265)


def test_where_nobody_is_no_eyes_are_closed():
    assert with_closed_eyes(data.coffee(), np.random.default_rng(0)) == (None, 0)


def test_a_face_is_painted_whether_it_is_believed_or_not_and_one_without_landmarks_is_passed_over():
    dark = (data.astronaut() * 0.5).astype(np.uint8)
    dark[88:120, 180:268] = 0  # dark glasses
    ghost, person = Box(0.75, 0.75, 0.2, 0.2, 0.9), Box(0.32, 0.12, 0.19, 0.19, 0.9)
    found = [with_closed_eyes(dark, np.random.default_rng(seed), lambda _: [ghost, person]) for seed in range(4)]
    assert {passed_over for _, passed_over in found} == {0, 1}
    for painted, _ in found:
        assert painted is not None
        assert painted.before != "open"


def test_the_light_is_put_on_after_the_lids():
    face = data.astronaut()
    painted, _ = with_closed_eyes(face, np.random.default_rng(0), light=(240, 0.9))
    assert painted is not None
    assert (painted.before, painted.after) == ("open", "shut")
    red, _, blue = painted.pixels.mean(axis=(0, 1))
    assert blue > 1.5 * red


def test_the_frame_with_open_eyes_is_picked_and_the_benchmark_says_so(tmp_path, photos):
    def index(album: Path) -> Library:
        library = Library(tmp_path / "library", Config(workers=1, without=("technical",)))
        library.scan(album)
        return library

    truth_file = tmp_path / "truth.json"
    report = burst_bench.bench([photos], tmp_path / "album", 0, index, ONLY_EYES, truth_file=truth_file, faces=[photos])
    files = Truth.load(truth_file).files
    assert sum(file.best for file in files) == 1, "one photo shows a face"
    assert {file.damage for file in files} == {None, LIT_EYES}
    (row,) = [row for row in report.tables["choice"] if row["damage"] == LIT_EYES]
    assert (row["bursts"], row["found"], row["picked"]) == (1, 1, 100)
    eyes, passed_over = report.tables["closed eyes"]
    assert (eyes["frames"], eyes["believed"]) == (len(files) - 1,) * 2
    assert (eyes["open"], passed_over["eyes"].startswith("passed over: ")) == (0, True)
    (best,) = Library(tmp_path / "library").best_of_bursts()
    assert best["decided_by"] == "eyes"
