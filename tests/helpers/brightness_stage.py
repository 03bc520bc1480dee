"""A scorer as another package would bring it. It misbehaves when a picture's first pixel tells it to."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pyarrow as pa

from photoidx.config import Config
from photoidx.stage import Photo, PhotoStage, Rows, Stage, TableSpec, column


class Brightness(PhotoStage):
    name = "brightness"
    tables = (TableSpec("brightness", "How bright.", (column("brightness_mean", pa.float32(), "0 to 255."),)),)

    def run(self, photo: Photo) -> Rows:
        image = photo.image()
        pixel = image.getpixel((0, 0))
        if pixel == (255, 0, 0):
            time.sleep(600)
        if pixel == (0, 255, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if pixel == (0, 0, 255):
            raise RuntimeError("this stage dislikes blue")
        return {"brightness": [{"brightness_mean": float(np.asarray(image).mean())}]}


def brightness(_config: Config) -> Stage:
    return Brightness()
