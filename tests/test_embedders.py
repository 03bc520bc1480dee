from dataclasses import dataclass

import numpy as np
import pytest
import skimage.data
from PIL import Image

from photoidx.config import Config
from photoidx.errors import AssetError, PhotoidxError
from photoidx.indexer.embedders import embedder


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


def test_weights_with_another_hash_are_an_error(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"something else")
    with pytest.raises(AssetError, match="SHA-256"):
        embedder("efficientnet_lite0", Config(model_paths=(("efficientnet_lite0", str(path)),))).load()


def test_an_unknown_embedder_is_an_error_that_lists_the_known():
    with pytest.raises(PhotoidxError, match="efficientnet_lite0"):
        embedder("nonsense", Config())
