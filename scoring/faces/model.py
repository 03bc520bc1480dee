"""MediaPipe's two models, opened once in each process. The file and its check are those of `photoidx.assets`."""

from __future__ import annotations

import ctypes
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from photoidx.assets import ASSETS, find, locate
from photoidx.config import Config

ASSET = ASSETS["face_landmarker"]
_DETECTOR = "face_detector.tflite"
FAINTEST = 0.1
"""The score from which on the detector tells what it sees. Most of it is no face."""


def check() -> None:
    """Raise AssetError if the models' file is not here."""
    if find(ASSET, Config()) is None:
        locate(ASSET, Config())


def view(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> Any:
    """Give a picture (height x width x 3, sRGB) as MediaPipe takes it."""
    import mediapipe  # noqa: PLC0415

    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))


@lru_cache(maxsize=1)
def detector() -> Any:
    """Open the detector: BlazeFace for short range, whose input is 128 x 128."""
    with _without_chatter():
        from mediapipe.tasks.python import BaseOptions, vision  # noqa: PLC0415 - slow to import

        with zipfile.ZipFile(locate(ASSET, Config())) as models:
            base = BaseOptions(model_asset_buffer=models.read(_DETECTOR))
        options = vision.FaceDetectorOptions(base_options=base, min_detection_confidence=FAINTEST)
        found = vision.FaceDetector.create_from_options(options)
        found.detect(view(np.zeros((128, 128, 3), np.uint8)))
    return _kept(found)


@lru_cache(maxsize=1)
def landmarker() -> Any:
    """Open the landmarks: 478 points, 52 blend shapes and the head's turn, for the one face of a crop."""
    with _without_chatter():
        from mediapipe.tasks.python import BaseOptions, vision  # noqa: PLC0415 - slow to import

        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=locate(ASSET, Config()).read_bytes()),
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        found = vision.FaceLandmarker.create_from_options(options)
        found.detect(view(np.zeros((256, 256, 3), np.uint8)))
    return _kept(found)


def _kept(found: Any) -> Any:
    """Keep a model from being collected when the process ends: its threads are gone by then, and it would complain."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(found))
    return found


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep what MediaPipe's C++ says while it starts from stderr: it names no photo and needs no answer."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
