import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import skimage.data
import timm
import torch
from PIL import Image
from timm.data.imagenet_info import ImageNetInfo

from photoidx.assets import ASSETS, locate
from photoidx.config import Config
from photoidx.errors import AssetError, PhotoidxError
from photoidx.indexer.embedders import embedder
from photoidx.indexer.embedders.efficientnet import GRAPH
from photoidx.indexer.embedders.imagenet import class_words
from photoidx.indexer.embedders.lite0_weights import folded, read_tensors
from photoidx.indexer.embedders.onnx import device_of


@dataclass
class Picture:
    pixels: Image.Image
    content_id: str = ""
    format: str = "png"
    data: bytes = b""

    def image(self, min_long_side=0):
        return self.pixels


@pytest.fixture(scope="module")
def stage():
    made = embedder("efficientnet_lite0", Config(device="cpu"))
    made.load()
    return made


@pytest.fixture(scope="module")
def arrays(stage):
    pictures = (skimage.data.chelsea(), skimage.data.coffee(), skimage.data.astronaut())
    return [stage.prepare(Picture(Image.fromarray(pixels))) for pixels in pictures]


def test_the_default_embedder_names_what_real_pictures_show(stage, arrays):
    cat, coffee, _ = (found["labels"][0]["labels"] for found in stage.run_batch(arrays))
    assert {"tabby", "Egyptian cat", "tiger cat"} & set(cat)
    assert {"espresso", "cup"} & set(coffee)


def test_vectors_have_length_one(stage, arrays):
    for found in stage.run_batch(arrays):
        vector = found["vectors_efficientnet_lite0"][0]["vector"]
        assert vector.shape == (1280,)
        assert abs(np.linalg.norm(vector.astype(np.float32)) - 1) < 1e-3


def test_a_vector_does_not_depend_on_the_batch_or_the_place_in_it(stage, arrays):
    alone = stage.run_batch(arrays[:1])[0]
    for place in range(stage.batch_size):
        batch = [arrays[1 + i % 2] for i in range(stage.batch_size)]
        batch[place] = arrays[0]
        found = stage.run_batch(batch)[place]
        key = "vectors_efficientnet_lite0"
        assert found[key][0]["vector"].tobytes() == alone[key][0]["vector"].tobytes()
        assert found["labels"] == alone["labels"]


@pytest.fixture(scope="module")
def timms(stage):
    """timm's network with the same weights, read by torch."""
    weights = torch.load(locate(ASSETS[stage.name], stage.config), weights_only=True)
    made = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    made.load_state_dict(dict(zip(made.state_dict(), weights.values(), strict=True)))
    return made


def cosines(ours, theirs):
    return (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)


def test_vectors_and_labels_are_those_of_timms_network_in_torch(stage, arrays, timms):
    batch = (torch.from_numpy(np.stack(arrays)).float() / 127.5 - 1).permute(0, 3, 1, 2)
    with torch.inference_mode():
        pooled = timms.forward_head(timms.forward_features(batch), pre_logits=True)
        chances, classes = timms(batch).softmax(dim=1).topk(5)
    found = stage.run_batch(arrays)
    vectors = np.stack([each["vectors_efficientnet_lite0"][0]["vector"] for each in found]).astype(np.float32)
    assert cosines(vectors, pooled.numpy()).min() >= 0.9999
    for each, chance, names in zip(found, chances, classes, strict=True):
        assert each["labels"][0]["labels"] == [stage.words[at] for at in names]
        assert np.allclose(each["labels"][0]["probabilities"], chance, atol=1e-4)


def test_what_explains_a_similarity_in_torch_is_the_same_network(stage, arrays):
    found = stage.run_batch(arrays)
    vectors = np.stack([each["vectors_efficientnet_lite0"][0]["vector"] for each in found]).astype(np.float32)
    assert cosines(vectors, stage.pooled(arrays).numpy()).min() >= 0.9999


def test_weights_are_read_without_torch_as_torch_reads_them(stage):
    path = locate(ASSETS[stage.name], stage.config)
    theirs, ours = torch.load(path, weights_only=True), read_tensors(path)
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        assert np.array_equal(ours[name], tensor.numpy()), name


def test_the_graph_is_the_one_that_its_script_makes():
    from export_lite0 import graph

    assert GRAPH.read_bytes() == graph()


def test_weights_of_another_network_are_an_error(tmp_path):
    path = tmp_path / "other.pth"
    other = {str(number): torch.zeros(2, 3) for number in range(9)}
    torch.save(other, path, _use_new_zipfile_serialization=False)
    assert [each.shape for each in read_tensors(path).values()] == [(2, 3)] * 9
    with pytest.raises(AssetError, match="does not hold the weights"):
        folded(path)


@pytest.mark.parametrize(
    ("asked", "there", "used"),
    [
        ("auto", ["CPUExecutionProvider"], "cpu"),
        ("auto", ["CUDAExecutionProvider", "CPUExecutionProvider"], "cuda"),
        ("auto", ["CoreMLExecutionProvider", "CPUExecutionProvider"], "cpu"),
        ("mps", ["CoreMLExecutionProvider", "CPUExecutionProvider"], "mps"),
        ("cpu", ["CUDAExecutionProvider", "CPUExecutionProvider"], "cpu"),
    ],
)
def test_the_model_runs_on_the_device_that_is_asked_for(asked, there, used):
    assert device_of(asked, there) == used


@pytest.mark.parametrize("asked", ["cuda", "tpu"])
def test_a_device_that_is_not_there_is_an_error(asked):
    with pytest.raises(PhotoidxError, match=asked):
        device_of(asked, ["CPUExecutionProvider"])


def test_the_words_of_the_classes_are_those_of_timm():
    info = ImageNetInfo()
    assert class_words() == [info.index_to_description(index).split(",")[0] for index in range(1000)]


def test_the_default_embedder_imports_neither_torch_nor_timm():
    code = (
        "import sys; from photoidx.config import Config; from photoidx.indexer.embedders import embedder\n"
        "embedder('efficientnet_lite0', Config(device='cpu')).load()\n"
        "sys.exit(not {'torch', 'timm'}.isdisjoint(sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_default_embedder_tells_nobody_that_it_runs(tmp_path):
    # The telemetry of ONNX Runtime leaves the identity of its session in the folder of temporary files.
    told = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path / "home")}
    told = {name: value for name, value in told.items() if name not in {"ORT_DISABLE_TELEMETRY", "CI"}}
    for name in ("tmp", "home"):
        (tmp_path / name).mkdir()
    code = (
        "from photoidx.config import Config; from photoidx.indexer.embedders import embedder; import numpy as np\n"
        "embedder('efficientnet_lite0', Config()).run_batch([np.zeros((224, 224, 3), np.uint8)])"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=told)
    assert [*(tmp_path / "tmp").iterdir(), *(tmp_path / "home").iterdir()] == []


def test_weights_with_another_hash_are_an_error(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"something else")
    with pytest.raises(AssetError, match="SHA-256"):
        embedder("efficientnet_lite0", Config(model_paths=(("efficientnet_lite0", str(path)),))).load()


def test_an_unknown_embedder_is_an_error_that_lists_the_known():
    with pytest.raises(PhotoidxError, match="efficientnet_lite0"):
        embedder("nonsense", Config())
