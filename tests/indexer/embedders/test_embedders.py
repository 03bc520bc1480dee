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
from photoidx.indexer.embedders.efficientnet import class_words
from photoidx.indexer.embedders.lite0 import lite0


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


def test_the_network_gives_the_numbers_of_timms_network_with_the_same_weights(stage):
    weights = torch.load(locate(ASSETS[stage.name], stage.config), weights_only=True)
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), weights.values(), strict=True)))
    ours, head = lite0(weights)
    batch = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        pooled = theirs.forward_head(theirs.forward_features(batch), pre_logits=True)
        assert torch.allclose(ours(batch), pooled, atol=1e-4)
        assert torch.allclose(head(ours(batch)), theirs(batch), atol=1e-4)


def test_weights_of_another_shape_are_an_error(stage):
    weights = torch.load(locate(ASSETS[stage.name], stage.config), weights_only=True)
    names = list(weights)
    for wrong in (names[:-1], names[:-3], [*names, names[0]], names[6:]):
        with pytest.raises(ValueError, match="tensor"):
            lite0({str(at): weights[name] for at, name in enumerate(wrong)})


def test_the_words_of_the_classes_are_those_of_timm():
    info = ImageNetInfo()
    assert class_words() == [info.index_to_description(index).split(",")[0] for index in range(1000)]


def test_the_default_embedder_does_not_import_timm():
    code = (
        "import sys; from photoidx.config import Config; from photoidx.indexer.embedders import embedder\n"
        "embedder('efficientnet_lite0', Config(device='cpu')).load(); sys.exit('timm' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_weights_with_another_hash_are_an_error(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"something else")
    with pytest.raises(AssetError, match="SHA-256"):
        embedder("efficientnet_lite0", Config(model_paths=(("efficientnet_lite0", str(path)),))).load()


def test_an_unknown_embedder_is_an_error_that_lists_the_known():
    with pytest.raises(PhotoidxError, match="efficientnet_lite0"):
        embedder("nonsense", Config())
