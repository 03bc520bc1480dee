"""MediaPipe's models, opened once in each process. The file and its check are those of `photoidx.assets`."""

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


def check() -> None:
    """Raise AssetError if the models' file is not here."""
    if find(ASSET, Config()) is None:
        locate(ASSET, Config())


def view(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> Any:
    """Return a picture (height x width x 3, sRGB) as MediaPipe takes it."""
    import mediapipe  # noqa: PLC0415

    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))


@lru_cache(maxsize=4)
def detector(long_side: int) -> Any:  # noqa: ARG001 - tells them apart
    """Open the detector, BlazeFace for short range, for pictures of this long side.

    Each size has its own: the first run at another size costs up to 15 ms, and 4 where only the sides change places.
    """
    with _without_chatter():
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - few commands look for faces

        with zipfile.ZipFile(locate(ASSET, Config())) as models:
            found = Interpreter(model_content=models.read(_DETECTOR), num_threads=1)
        found.allocate_tensors()
    return found


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
