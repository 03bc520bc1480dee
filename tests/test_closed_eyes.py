"""Bursts with closed eyes: painted lids are read as closed, and the frame with open eyes is picked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from photoidx import Config, Library
from photoidx.evaluation import burst_bench
from photoidx.evaluation.burst_builder import Amount, Truth
from photoidx.evaluation.closed_eyes import CLOSED_EYES, with_closed_eyes
from photoidx.queries.best import CLOSED

ONLY_EYES = Amount(bursts=0, equal=0, others=0, singles=0, traps=0, strangers=0, eyes=1, long_side=600)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    for name in ("astronaut", "coffee"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    return folder


def test_painted_lids_are_read_as_closed_and_nothing_but_the_eyes_is_painted():
    face = data.astronaut()
    found = with_closed_eyes(face, np.random.default_rng(0))
    assert found is not None
    closed, openness = found
    assert openness <= CLOSED
    rows, columns = np.nonzero((closed != face).any(axis=2))
    assert (rows.min(), columns.min()) > (75, 185)
    assert (rows.max(), columns.max()) < (130, 265)


def test_where_nobody_is_no_eyes_are_closed():
    assert with_closed_eyes(data.coffee(), np.random.default_rng(0)) is None


def test_the_frame_with_open_eyes_is_picked_and_the_benchmark_says_so(tmp_path, photos):
    def index(album: Path) -> Library:
        library = Library(tmp_path / "library", Config(workers=1, without=("technical",)))
        library.scan(album)
        return library

    truth_file = tmp_path / "truth.json"
    report = burst_bench.bench([photos], tmp_path / "album", 0, index, ONLY_EYES, truth_file=truth_file, faces=[photos])
    files = Truth.load(truth_file).files
    assert sum(file.best for file in files) == 1, "one photo shows a face"
    assert {file.damage for file in files} == {None, CLOSED_EYES}
    (row,) = [row for row in report.tables["choice"] if row["damage"] == CLOSED_EYES]
    assert (row["bursts"], row["found"], row["picked"]) == (1, 1, 100)
    (eyes,) = report.tables[CLOSED_EYES]
    assert eyes["frames"] == len(files) - 1
    assert eyes["called_closed"] == 100
    (best,) = Library(tmp_path / "library").best_of_bursts()
    assert best["decided_by"] == "eyes"
