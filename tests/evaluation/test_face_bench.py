"""`photoidx bench faces`: bursts of people are built at the limits, and reasons are held against the making."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data

from photoidx import Config, Library
from photoidx.cli.bench.faces import faces as command
from photoidx.errors import PhotoidxError
from photoidx.evaluation.bursts import face_bench
from photoidx.evaluation.bursts.builder import TrueFrame, Truth
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.faces.detection import boxes


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    for name in ("astronaut", "coffee"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    return folder


@pytest.mark.slow
def test_an_undamaged_frame_is_picked_and_every_reason_is_true_of_the_making(tmp_path, photos):
    def index(album: Path) -> Library:
        library = Library(tmp_path / "library", Config(workers=1, embedders=()))
        library.scan(album)
        return library

    truth_file = tmp_path / "truth.json"
    report = face_bench.bench([photos], tmp_path / "album", 0, index, 2, truth_file)
    assert report.errors == []
    (row,) = report.tables["faces"]
    assert (row["bursts"], row["found"], row["undamaged_picked"]) == (2, 2, 100)
    assert (row["undamaged_called_softer"], row["untrue"]) == (0, 0)
    assert row["reasons"] >= 6
    files = Truth.load(truth_file).files
    assert {file.best for file in files} == {True, False}
    assert all(file.best == (file.damage is None) for file in files)
    first = DecodedPhoto((tmp_path / "album" / files[0].path).read_bytes(), "jpeg", 10**8)
    smallest = min(box.width for box in boxes(first)) * first.image().width
    assert 43 <= smallest <= 57


def burst(*frames: tuple[str | None, bool], reason: str = "", **difference: Any) -> tuple[Truth, list[dict[str, Any]]]:
    """Return the truth of one burst, and an answer that picks its first frame and says something against the second."""
    names = [f"{number}.jpg" for number in range(len(frames))]
    files = [
        TrueFrame(name, name, "camera", "a", "a", "burst", damage=damage, best=best)
        for name, (damage, best) in zip(names, frames, strict=True)
    ]
    told = [[], *([[{"feature": "", "winner": 0.5, "words": "", **difference}]] if difference else [[]])]
    told += [[] for _ in names[2:]]
    rows = [
        {"path": os.path.abspath(f"album/{name}"), "differences": each} for name, each in zip(names, told, strict=True)
    ]
    return Truth(0, tuple(files)), [{"pick": {"path": rows[0]["path"], "reason": reason}, "frames": rows}]


GOOD, BLURRED, MOVED, NOISY = (None, True), ("defocus", False), ("motion blur", False), ("noise", False)


@pytest.mark.parametrize(
    ("frames", "told", "errors"),
    [
        ((GOOD, BLURRED), {"feature": "sharpness"}, []),
        ((GOOD, GOOD), {"feature": "sharpness"}, ["untrue: sharpness"]),
        ((GOOD, NOISY), {"feature": "sharpness"}, ["untrue: sharpness"]),
        (
            (BLURRED, GOOD),
            {"feature": "sharpness"},
            ["damaged frame picked", "untrue: sharpness", "undamaged called softer"],
        ),
        ((GOOD, MOVED), {"feature": "blur_kind"}, []),
        ((GOOD, BLURRED), {"feature": "blur_kind"}, ["untrue: blur_kind"]),
        ((GOOD, NOISY), {"feature": "noise_sigma"}, []),
        ((GOOD, GOOD), {"feature": "noise_sigma"}, ["untrue: noise_sigma"]),
        ((GOOD, BLURRED), {"feature": "smile_mean"}, ["untrue: smile_mean"]),
        ((GOOD, BLURRED), {"feature": "eyes_open"}, ["untrue: eyes_open"]),
        ((GOOD, BLURRED), {"feature": "eyes_open", "winner": None}, []),
        ((GOOD, BLURRED), {"feature": "luma_p50"}, []),
        ((GOOD, BLURRED), {"reason": "sharpest on the faces (3.0x)"}, []),
        ((GOOD, GOOD, BLURRED), {"reason": "sharpest on the faces (3.0x)"}, ["untrue: sharpest"]),
        ((GOOD, GOOD), {"reason": "too close to call, the first two are equally good"}, []),
        ((GOOD, BLURRED), {"reason": "too close to call, the first two are equally good"}, ["untrue: equally good"]),
    ],
)
def test_a_reason_is_held_against_what_was_done_to_the_frame(monkeypatch, frames, told, errors):
    monkeypatch.setattr(face_bench, "_faces", lambda _path: [])
    truth, best = burst(*frames, **told)
    report = face_bench.judge(truth, Path("album"), best)
    assert [each["error"] for each in report.errors] == errors
    (row,) = report.tables["faces"]
    assert row["untrue"] == sum(each.startswith("untrue") for each in errors)
    assert row["undamaged_picked"] == (0 if "damaged frame picked" in errors else 100)


def test_a_burst_that_was_not_found_whole_is_an_error(monkeypatch):
    monkeypatch.setattr(face_bench, "_faces", lambda _path: [])
    truth, _ = burst(GOOD, BLURRED)
    report = face_bench.judge(truth, Path("album"), [])
    assert [each["error"] for each in report.errors] == ["not found as one burst"]


def test_photos_without_faces_and_a_folder_that_holds_something_are_refused(tmp_path):
    scene = tmp_path / "photos"
    scene.mkdir()
    Image.fromarray(data.coffee()).save(scene / "coffee.png")
    with pytest.raises(PhotoidxError, match="No photo shows faces"):
        face_bench.build([scene], tmp_path / "album", 0, 2)
    with pytest.raises(PhotoidxError, match="not empty"):
        face_bench.build([scene], scene, 0, 2)
    result = CliRunner().invoke(command, [str(scene), "--keep", str(scene)])
    assert isinstance(result.exception, PhotoidxError)
    assert CliRunner().invoke(command, [str(scene), "--format", "paths"]).exit_code == 2
