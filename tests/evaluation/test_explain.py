"""`photoidx explain`: the parts of two pictures that their similarity comes from."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import open_clip
import pytest
import skimage.data
import torch
from click.testing import CliRunner
from PIL import Image

from photoidx import Library
from photoidx.cli import cli
from photoidx.config import Config
from photoidx.errors import AssetError, PhotoidxError, QueryError
from photoidx.evaluation.retrieval.explanations import explain, heated
from photoidx.evaluation.retrieval.key_point_matches import matches
from photoidx.evaluation.retrieval.methods import method
from photoidx.evaluation.retrieval.similarity_maps import GRADIENTS, ROLL_OUT, _Seen, similarity_maps
from photoidx.evaluation.retrieval.visual_words import key_points
from photoidx.indexer.embedders.base import VectorStage, Vision
from pictures import age

EXACT = Config(device="cpu", precision="float32")
VIT, CNN = "timm:test_vit.r160_in1k", "timm:test_resnet.r160_in1k"


def cat(x: int, y: int, size: int = 120, seed: int = 0) -> Image.Image:
    """Put a cat at a place of a noisy wall."""
    noise = np.random.default_rng(seed).integers(90, 140, (30, 30, 3), dtype=np.uint8)
    wall = Image.fromarray(noise).resize((300, 300), Image.Resampling.BICUBIC)
    wall.paste(Image.fromarray(skimage.data.chelsea()).crop((90, 20, 310, 240)).resize((size, size)), (x, y))
    return wall


def squares(stage: VectorStage, *images: Image.Image) -> list[np.ndarray]:
    size = (stage.vision.size, stage.vision.size)
    return [np.asarray(image.resize(size)) for image in images]


@pytest.fixture(scope="module")
def default() -> VectorStage:
    return method("efficientnet_lite0", EXACT).stage


def test_the_parts_of_both_pictures_sum_up_to_the_cosine(default):
    pair = squares(default, cat(20, 20), cat(160, 150, seed=1))
    found = similarity_maps(default, *pair)
    rows = [np.asarray(row[default.vector_table][0]["vector"], np.float64) for row in default.run_batch(pair)]
    assert found.how == GRADIENTS
    assert found.cosine == pytest.approx(rows[0] @ rows[1], abs=2e-3)
    assert found.first.sum() == pytest.approx(found.cosine, abs=1e-4)
    assert found.second.sum() == pytest.approx(found.cosine, abs=1e-4)
    assert found.first.shape == (7, 7)


def test_the_likeness_comes_from_what_both_pictures_show(default):
    found = similarity_maps(default, *squares(default, cat(10, 90), cat(170, 90, seed=1)))
    left, right = found.first.clip(min=0), found.second.clip(min=0)
    assert left[:, :3].sum() > 2 * left[:, 4:].sum()
    assert right[:, 4:].sum() > 2 * right[:, :3].sum()


def test_the_order_of_the_pictures_does_not_matter(default):
    pair = squares(default, cat(10, 90), cat(170, 30, seed=1))
    forth, back = similarity_maps(default, *pair), similarity_maps(default, *reversed(pair))
    assert np.allclose(forth.first, back.second, atol=1e-5)
    assert np.allclose(forth.second, back.first, atol=1e-5)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, VectorStage]:
    """Small networks with random weights: timm's and open_clip's."""
    folder = tmp_path_factory.mktemp("explain")
    shape = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    (folder / "photoidx-explain.json").write_text(json.dumps(shape))
    open_clip.add_model_config(folder / "photoidx-explain.json")
    clip = method("openclip", EXACT, random_weights=True).stage
    clip.clip_name, clip.vision = "photoidx-explain", Vision(width=24, size=64, resize=64)
    return {"clip": clip, **{name: method(name, EXACT, random_weights=True).stage for name in (VIT, CNN)}}


@pytest.mark.parametrize(("name", "how"), [(VIT, ROLL_OUT), ("clip", ROLL_OUT), (CNN, GRADIENTS)])
def test_looking_into_a_network_changes_neither_its_vectors_nor_the_network(models, name, how):
    stage = models[name]
    pair = squares(stage, cat(20, 20), cat(160, 150, seed=1))
    stage.load()
    state = {each: sorted(vars(module)) for each, module in stage.model.named_modules()}
    fused = [getattr(module, "fused_attn", None) for module in stage.model.modules()]
    before = stage.pooled(pair).cpu().numpy()
    found = similarity_maps(stage, *pair)
    assert found.how == how
    cosine = before[0] @ before[1] / np.linalg.norm(before[0]) / np.linalg.norm(before[1])
    assert found.cosine == pytest.approx(cosine, abs=1e-4)
    assert np.allclose(stage.pooled(pair).cpu().numpy(), before)
    assert state == {each: sorted(vars(module)) for each, module in stage.model.named_modules()}
    assert fused == [getattr(module, "fused_attn", None) for module in stage.model.modules()]
    assert not any(module._forward_hooks for module in stage.model.modules())
    if how == ROLL_OUT:
        assert (found.first >= 0).all()
        assert found.first.max() > 0
        assert found.first.shape[0] == found.first.shape[1]


def test_roll_out_says_nothing_of_a_place_that_no_token_attends_to(models):
    """With value weights of 0 nothing flows by attention, so no gradient reaches it and no place counts."""
    stage = models[VIT]
    stage.load()
    with torch.no_grad():
        for block in stage.model.blocks:
            width = block.attn.qkv.weight.shape[1]
            block.attn.qkv.weight[2 * width :] = 0
            block.attn.qkv.bias[2 * width :] = 0
    found = similarity_maps(stage, *squares(stage, cat(20, 20), cat(160, 150)))
    assert found.first.max() == pytest.approx(0, abs=1e-7)
    stage.load()


def test_roll_out_tells_places_apart_where_the_mean_of_the_tokens_is_taken(models):
    stage = models[VIT]
    stage.load()
    before = stage.model.global_pool
    stage.model.global_pool = "avg"
    try:
        found = similarity_maps(stage, *squares(stage, cat(20, 20), cat(160, 150)))
    finally:
        stage.model.global_pool = before
    assert found.first.min() < 0.9 * found.first.max()


def test_attention_over_something_else_than_the_tokens_themselves_is_refused():
    module = torch.nn.MultiheadAttention(8, 2, kdim=4, vdim=4)
    with pytest.raises(PhotoidxError, match="no plain kind"):
        _Seen()._attend(module, torch.zeros(3, 1, 8), torch.zeros(3, 1, 4), torch.zeros(3, 1, 4))


def test_key_points_of_a_narrow_picture_lie_where_they_are():
    picture = Image.new("L", (60, 5000))
    picture.paste(255, (15, 4800, 45, 4830))
    places, _ = key_points(picture)
    assert (places[:, 1] > 4700).all()
    assert (places[:, 1] < 4930).all()


def test_key_points_of_a_moved_picture_agree_on_its_movement():
    astronaut = Image.fromarray(skimage.data.astronaut())
    first, second = astronaut.crop((0, 0, 400, 400)), astronaut.crop((60, 30, 460, 430))
    found = matches(first, second)
    assert found.agreeing.sum() > 100
    moved = (found.first - found.second)[found.agreeing]
    assert np.median(moved, axis=0) == pytest.approx([60, 30], abs=1)
    unrelated = matches(first, Image.fromarray(skimage.data.coffee()))
    assert unrelated.agreeing.sum() < 10
    flat = matches(first, Image.new("RGB", (300, 300), "grey"))
    assert len(flat.first) == 0


def test_what_the_model_does_not_see_is_dark_and_the_strongest_place_is_bright(default):
    parts = np.zeros((7, 7), np.float32)
    parts[3, 3] = 1
    drawn = np.asarray(heated(Image.new("RGB", (600, 300), "white"), parts, default), np.float32).mean(axis=2)
    assert drawn.shape == (450, 900)
    assert drawn[:, :100].max() < 100
    assert drawn[225, 450] > drawn[225, 330]


def test_the_command_draws_a_new_file_and_never_writes_over_one(tmp_path):
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    cat(10, 90).save(first)
    cat(170, 90, seed=1).save(second)
    data = first.read_bytes()
    out = tmp_path / "out.png"
    done = CliRunner().invoke(cli, ["explain", str(first), str(second), str(out), "--format", "json"])
    assert done.exit_code == 0, done.output
    (told,) = json.loads(done.stdout)
    assert told["method"] == "efficientnet_lite0"
    with Image.open(out) as picture:
        assert picture.size == (2 * 480 + 12, 480 + 34)
    again = CliRunner().invoke(cli, ["explain", str(first), str(second), str(first), "--method", "sift"])
    assert isinstance(again.exception, QueryError)
    assert first.read_bytes() == data
    jpeg = CliRunner().invoke(cli, ["explain", str(first), str(second), str(tmp_path / "o.jpg"), "--method", "sift"])
    assert jpeg.exit_code == 0, jpeg.output
    assert Image.open(tmp_path / "o.jpg").format == "JPEG"


def test_a_photo_of_the_library_can_be_named_by_its_file(tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in (0, 1):
        cat(10 + 150 * number, 90, seed=number).save(folder / f"cat{number}.png")
        age(folder / f"cat{number}.png", 86400)
    library = tmp_path / "library"
    Library(library, Config(without=("faces", "sharpness", "technical"), workers=1)).scan(folder)
    monkeypatch.chdir(tmp_path)
    words = ["explain", "cat0.png", "cat1.png", "out.png", "--method", "sift", "--library", str(library)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.exception
    assert os.path.exists("out.png")
    nowhere = CliRunner().invoke(cli, [*words[:4], "--library", str(tmp_path / "none")])
    assert "no library" in str(nowhere.exception)


def test_what_cannot_be_explained_is_said_in_a_sentence(tmp_path, monkeypatch):
    photo = tmp_path / "a.png"
    cat(10, 10).save(photo)
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(QueryError, match="no photo that can be read"):
        explain(str(photo), str(tmp_path / "b.png"), "sift", EXACT)
    with pytest.raises(QueryError, match="no place to show"):
        explain(str(photo), str(photo), "emd", EXACT)
    with pytest.raises(PhotoidxError, match="Unknown embedder"):
        explain(str(photo), str(photo), "sifd", EXACT)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(AssetError):
        explain(str(photo), str(photo), VIT, EXACT)
    assert Path(photo).exists()
