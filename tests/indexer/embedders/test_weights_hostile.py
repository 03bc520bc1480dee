"""Hostile weights: known files are checked by their hash, others are loaded without running code."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch

from photoidx.assets import ASSETS, cache_folder, locate
from photoidx.config import Config
from photoidx.errors import AssetError
from photoidx.indexer.embedders import hub
from photoidx.indexer.embedders.efficientnet import EfficientNetLite0

EXACT = Config(device="cpu", precision="float32")
PREFIXES = ("timm:resnet10t@", "openclip:ViT-B-32/", "dinov2@")


class Payload:
    """What a pickle would run on being loaded: it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


class Scripted(torch.nn.Module):
    """A module for a TorchScript archive, which carries code of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


def refused(path: Path, mark: Path) -> None:
    """Try to load a file as every kind of embedder."""
    for prefix in PREFIXES:
        stage = hub.embedder(f"{prefix}{path}", EXACT)
        assert stage is not None
        with pytest.raises(AssetError, match=path.name) as caught:
            stage.load()
        assert "\n" not in str(caught.value)
        assert not mark.exists()


def test_the_payload_does_run_where_nothing_guards_against_it(tmp_path: Path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "mark")))
    assert (tmp_path / "mark").is_dir()


@pytest.mark.parametrize(("form", "suffix"), [("zip", ".pth"), ("old", ".pt"), ("bare", ".bin"), ("hidden", ".pth")])
def test_a_pickle_that_would_run_code_is_refused_unrun(tmp_path: Path, form: str, suffix: str):
    path, mark = tmp_path / f"weights{suffix}", tmp_path / "mark"
    if form == "bare":
        path.write_bytes(pickle.dumps(Payload(mark)))
    elif form == "hidden":  # among tensors that would fit
        torch.save({"conv1.weight": torch.zeros(2), "state_dict": {"x": Payload(mark)}}, path)
    else:
        torch.save(Payload(mark), path, _use_new_zipfile_serialization=form == "zip")
    refused(path, mark)


def test_a_file_with_code_of_torch_s_own_kind_is_refused(tmp_path: Path):
    path = tmp_path / "script.pt"
    torch.jit.script(Scripted()).save(str(path))
    refused(path, tmp_path / "mark")


def test_an_archive_whose_parts_lie_outside_of_it_writes_nothing(tmp_path: Path):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = inner / "slip.pth"
    torch.save({"x": torch.zeros(2)}, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../mark", "out")
        archive.writestr("archive/../../mark", "out")
        archive.writestr(str(tmp_path / "absolute"), "out")
    refused(path, tmp_path / "mark")
    assert sorted(inner.iterdir()) == [path]
    assert not (tmp_path / "absolute").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**40) + b"{}",
        struct.pack("<Q", 2) + b"{",
        struct.pack("<Q", 60) + json.dumps({"x": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}).encode(),
        *(
            struct.pack("<Q", len(header)) + header + bytes(64)
            for tensor in (
                {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 64]},
                {"dtype": "F32", "shape": [16], "data_offsets": [0, 2**62]},
                {"dtype": "F32", "shape": [16], "data_offsets": [64, 0]},
                {"dtype": "F32", "shape": [-1], "data_offsets": [0, 64]},
                {"dtype": "code", "shape": [16], "data_offsets": [0, 64]},
            )
            for header in [json.dumps({"x": tensor}).encode()]
        ),
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        b"",
    ],
    ids=lambda content: content[:40].hex()[:16] + str(len(content)),
)
def test_safetensors_whose_header_lies_are_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "lies.safetensors"
    path.write_bytes(content)
    refused(path, tmp_path / "mark")


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_another_file_in_the_place_of_known_weights_is_refused_by_its_hash(tmp_path: Path, name: str):
    mark = tmp_path / "mark"
    path = tmp_path / "weights"
    path.write_bytes(pickle.dumps(Payload(mark)))
    with pytest.raises(AssetError, match="SHA-256"):
        locate(ASSETS[name], Config(model_paths=((name, str(path)),)))
    cached = cache_folder() / name
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_bytes(path.read_bytes())
    try:
        with pytest.raises(AssetError, match="SHA-256"):
            locate(ASSETS[name], Config())
    finally:
        cached.unlink()
    assert not mark.exists()


def test_one_changed_byte_of_the_default_weights_is_noticed_before_they_are_loaded(tmp_path: Path):
    name = "efficientnet_lite0"
    data = bytearray(locate(ASSETS[name], Config()).read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    stage = EfficientNetLite0(Config(device="cpu", model_paths=((name, str(path)),)))
    with pytest.raises(AssetError, match="SHA-256"):
        stage.load()
