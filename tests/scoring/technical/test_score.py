"""The score `technical`: what it depends on, what it does not, and that it can be trained again."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photoidx.errors import AssetError
from photoidx.evaluation import degradation_bench as bench
from photoidx.evaluation.degradations import (
    ADDED,
    PUBLISHED,
    TECHNICAL,
    as_jpeg,
    blurred,
    exposed,
    fitted,
    motion_blurred,
    noisy,
)
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.technical import score as technical
from photoidx.scoring.technical.score import FEATURES, WEIGHTS, Technical

ROOT = Path(__file__).resolve().parents[3]
SCORE = bench.scorer_of(Technical(), "technical")


def scene(width: int = 320, height: int = 240, seed: int = 0) -> np.ndarray:
    """Draw a picture with smooth parts, edges and texture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    found = np.stack([90 + 60 * np.sin(x / (40 + 9 * c)) + 30 * np.cos(y / 50) for c in range(3)], axis=-1)
    for _ in range(25):
        left, top = rng.integers(0, width - 20), rng.integers(0, height - 20)
        found[top : top + rng.integers(8, 60), left : left + rng.integers(8, 60)] = rng.integers(20, 235, 3)
    found[height // 2 :, : width // 2] += rng.normal(0, 12, (height - height // 2, width // 2, 1))
    return np.clip(found, 0, 255).astype(np.uint8)


def saved(pixels: np.ndarray, file_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, file_format, **options)
    return out.getvalue()


def score(pixels: np.ndarray) -> float:
    found = SCORE(as_jpeg(pixels, 95), "jpeg")
    assert found is not None
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from(["flat", "black", "white", "noise", "scene"]))
def test_any_picture_gets_a_score_between_0_and_1(width: int, height: int, kind: str):
    flat = {"flat": 128, "black": 0, "white": 255}
    pixels = np.full((height, width, 3), flat.get(kind, 0), np.uint8)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)
    if kind == "scene":
        pixels = scene(80, 80)[:height, :width]
    found = SCORE(saved(pixels, "PNG"), "png")
    assert found is not None
    assert 0 <= found <= 1


def test_the_score_depends_on_neither_the_file_format_nor_the_orientation_tag():
    pixels = scene()
    plain = SCORE(saved(pixels, "PNG"), "png")
    for file_format, options in (("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("JXL", {"lossless": True})):
        if file_format == "JXL":
            import pillow_jxl  # noqa: F401
        assert SCORE(saved(pixels, file_format, **options), file_format.lower()) == plain, file_format
    turned = {3: np.rot90(pixels, 2), 6: np.rot90(pixels, 1), 8: np.rot90(pixels, -1), 2: pixels[:, ::-1]}
    for tag, stored in turned.items():
        exif = Image.Exif()
        exif[0x0112] = tag
        assert SCORE(saved(np.ascontiguousarray(stored), "PNG", exif=exif), "png") == plain, tag


@pytest.mark.parametrize("size", [(320, 240), (317, 235)])
def test_a_picture_that_is_turned_or_mirrored_keeps_its_score(size: tuple[int, int]):
    with Image.open(io.BytesIO(as_jpeg(scene(*size), 70))) as image:
        pixels = np.asarray(image)
    plain = SCORE(saved(pixels, "PNG"), "png")
    for other in (pixels[:, ::-1], pixels[::-1], np.rot90(pixels)):
        assert SCORE(saved(np.ascontiguousarray(other), "PNG"), "png") == pytest.approx(plain, abs=0.02)


def test_the_quality_that_a_header_tells_does_not_count():
    with Image.open(io.BytesIO(as_jpeg(scene(), 20))) as image:
        bad = np.asarray(image)
    assert score(bad) == pytest.approx(SCORE(as_jpeg(scene(), 20), "jpeg"), abs=0.1)


@pytest.mark.parametrize("kind", ["blur", "motion", "noise", "JPEG", "darker", "brighter"])
def test_a_series_from_clean_to_bad_is_ordered(samples: Path, kind: str):
    with Image.open(samples / "kodak" / "03.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    steps = {
        "blur": [blurred(pixels, sigma) for sigma in (1, 2, 4)],
        "motion": [motion_blurred(pixels, length, 0.6) for length in (7, 13, 25)],
        "noise": [noisy(pixels, sigma, np.random.default_rng(0)) for sigma in (6, 12, 24)],
        "darker": [exposed(pixels, stops) for stops in (-0.8, -1.5, -2.5)],
        "brighter": [exposed(pixels, stops) for stops in (0.8, 1.5, 2.5)],
    }
    worse = [score(step) for step in steps.get(kind, [])]
    if kind == "JPEG":
        worse = [SCORE(as_jpeg(pixels, quality), "jpeg") for quality in (70, 40, 10)]
    found = [score(pixels), *worse]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.5
    assert found[-1] < 0.3


def test_originals_beat_their_degraded_copies_on_pictures_that_it_was_not_trained_on(samples: Path):
    right = []
    for path in sorted((samples / "kodak").glob("*.png"))[::3]:
        with Image.open(path) as image:
            pixels = fitted(np.asarray(image.convert("RGB")), 960)
        rng = np.random.default_rng(0)
        original = score(pixels)
        for way in (*PUBLISHED, *ADDED):
            if way.kind in TECHNICAL:
                worse = way.make(pixels, rng)
                right.append(original > SCORE(as_jpeg(worse, way.quality or 95), "jpeg"))
    assert len(right) == 4 * 18
    assert np.mean(right) >= 0.97


def test_a_measure_without_a_value_counts_as_the_mean():
    net = technical.net()
    values = net.mean + 0.5 * net.scale
    missing, mean = values.copy(), values.copy()
    missing[3], mean[3] = np.nan, net.mean[3]
    assert net.score(missing) == net.score(mean) != net.score(values)


def test_what_lies_farther_out_than_the_training_pictures_counts_as_the_farthest():
    net = technical.net()
    far, farther = net.mean + 4 * net.scale, net.mean + 400 * net.scale
    assert net.score(far) == pytest.approx(net.score(farther))


def test_the_fingerprint_changes_with_the_weights_file(monkeypatch: pytest.MonkeyPatch):
    stage = Technical()
    assert stage.weights_id == hashlib.sha256((ROOT / "scoring" / "technical" / WEIGHTS).read_bytes()).hexdigest()
    monkeypatch.setattr(technical, "_written", lambda: b"other weights")
    assert Technical().fingerprint != stage.fingerprint


def test_weights_of_other_inputs_are_refused_in_words():
    written = json.loads((ROOT / "scoring" / "technical" / WEIGHTS).read_bytes())
    assert tuple(written["features"]) == FEATURES
    written["features"].pop()
    with pytest.raises(AssetError, match=r"train_technical\.py"):
        technical.net_of(written)


@pytest.mark.slow
def test_training_twice_on_the_same_pictures_gives_the_same_weights_and_a_net_that_is_right(tmp_path: Path):
    for number in range(6):
        path = tmp_path / "photos" / "cameras" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene(seed=number)).save(path)
    (path.parent / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    written = []
    for name in ("one.json", "two.json"):
        command = [sys.executable, ROOT / "scripts" / "train_technical.py", "--photos", tmp_path / "photos"]
        command += ["--out", tmp_path / name, "--rounds", "1", "--epochs", "60"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    net = technical.net_of(json.loads(written[0]))
    pixels = scene(seed=1)
    clean, soft = (
        net.score(technical.features(DecodedPhoto(as_jpeg(each, 95), "jpeg", 10**9)))
        for each in (pixels, blurred(pixels, 5))
    )
    assert clean > soft
