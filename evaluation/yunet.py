"""Faces as YuNet (Wu and others 2023) finds them: a detector that photoidx did not write and does not ship."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from photoidx.errors import PhotoidxError
from photoidx.scoring.faces.detection import Box

SURE = 0.8
_SAME_OVERLAP, _MOST = 0.3, 5000


def find(model: Path, picture: np.ndarray[Any, np.dtype[np.uint8]], least_score: float = SURE) -> list[Box]:
    """Return the faces of a picture (height x width x 3, sRGB) by the ONNX file of YuNet.

    Raises PhotoidxError if the file is no such model.
    """
    height, width = picture.shape[:2]
    try:
        detector = _opened(model)
        detector.setInputSize((width, height))
        detector.setScoreThreshold(least_score)
        _, found = detector.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise PhotoidxError(f"{model} can't be used as a face detector: name the ONNX file of YuNet.") from error
    rows = [] if found is None else found.tolist()
    return [Box(x / width, y / height, w / width, h / height, row[-1]) for x, y, w, h, *row in rows]


@lru_cache(maxsize=1)
def _opened(model: Path) -> Any:
    return cv2.FaceDetectorYN.create(str(model), "", (1, 1), SURE, _SAME_OVERLAP, _MOST)
