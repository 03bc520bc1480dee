"""The second detector, by which the first one is checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from photoidx.errors import PhotoidxError
from photoidx.evaluation import yunet


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"none")
    with pytest.raises(PhotoidxError, match=r"model\.onnx can't be used as a face detector"):
        yunet.find(tmp_path / "model.onnx", np.asarray(data.astronaut()))


def test_the_astronaut_is_found_and_coffee_is_not(samples: Path):
    models = sorted((samples.parent / "reference").glob("face_detection_yunet*.onnx"))
    if not models:
        pytest.skip("needs YuNet in ../shared/reference")
    model = models[0]
    (face,) = yunet.find(model, data.astronaut())
    assert 0.33 < face.x + face.width / 2 < 0.53
    assert yunet.find(model, data.coffee()) == []
