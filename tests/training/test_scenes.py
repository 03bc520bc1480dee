"""Splits by scene: what is tested on shows nothing that was learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photoidx.errors import PhotoidxError
from photoidx.evaluation.reading import open_photo
from photoidx.evaluation.statistics import interval
from photoidx.training.aesthetic import read_ratings, train
from photoidx.training.scenes import SceneReader, Scenes
from photoidx.training.series import Settings
from photoidx.training.series import train as train_series
from photoidx.training.series_data import degraded_data

COUNT, CROPS = 50, 4


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty scenes of four near-identical crops, with a table of marks that are drawn for each scene."""
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(7)
    lines = ["path,score"]
    for _scene in range(COUNT):
        coarse = rng.integers(0, 256, (5, 6, 3), np.uint8)
        whole = Image.fromarray(coarse).resize((252, 212), Image.Resampling.BICUBIC)
        mark = rng.uniform(1, 10)
        for crop in range(CROPS):
            name = f"{rng.integers(1 << 40):x}.png"
            whole.crop((crop, crop, 240 + crop, 200 + crop)).save(folder / name)
            lines.append(f"{name},{mark:.2f}")
    (folder / "marks.csv").write_text("\n".join(lines) + "\n")
    return folder


def scenes_in(folder: Path) -> tuple[list[Path], Scenes]:
    reader, paths = SceneReader(), sorted(folder.glob("*.png"))
    for path in paths:
        reader.take(str(path), open_photo(path))
    return paths, reader.scenes()


def test_random_marks_of_near_identical_crops_are_not_foretold(crops: Path, tmp_path: Path):
    found = train(read_ratings(crops / "marks.csv", "csv"), tmp_path / "out", "lots", about="lots")
    assert found["spearman_low"] <= 0 <= found["spearman_high"]
    assert found["tested_scenes"] >= 2


def test_no_scene_of_degraded_photos_is_on_both_sides(crops: Path):
    found = degraded_data(crops, long_side=96)
    assert not {pair.scene for pair in found.train} & {pair.scene for pair in found.test}


def test_near_duplicates_across_a_split_are_an_error_that_names_them(crops: Path):
    paths, scenes = scenes_in(crops)
    tested = np.arange(len(paths)) % 5 == 0
    with pytest.raises(PhotoidxError, match=r"both sides of the split.*\.png and .*\.png"):
        scenes.refuse_across(tested)
    scenes.refuse_across(scenes.kept_back(5, 0))


@pytest.mark.slow
def test_rankers_that_learnt_shuffled_labels_are_right_in_half_of_the_pairs_over_8_seeds(crops: Path, tmp_path: Path):
    right = []
    for seed in range(8):
        data = degraded_data(crops, 40, seed, shuffled=True, long_side=96)
        settings = Settings(long_side=96, epochs=2, seed=seed)
        right.append((train_series(data, tmp_path / str(seed), "lots", settings)["accuracy"], 1))
    low, high = interval(right, 0)
    assert low <= 0.5 <= high, right
