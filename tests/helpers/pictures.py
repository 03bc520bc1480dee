"""Small real pictures for the tests."""

from __future__ import annotations

import os
import time
from pathlib import Path

from PIL import Image


def draw(path: Path, seed: int = 0, size: tuple[int, int] = (64, 48)) -> Path:
    """Write a small picture that differs with its seed, and looks as if it were written yesterday."""
    image = Image.new("RGB", size)
    image.putdata(
        [
            ((x * 7 + seed * 31) % 256, (y * 5 + seed * 17) % 256, seed % 256)
            for y in range(size[1])
            for x in range(size[0])
        ]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    age(path, 86400 - seed)
    return path


def age(path: Path, seconds: float) -> None:
    """Set a file's time back."""
    then = time.time() - seconds
    os.utime(path, (then, then))
