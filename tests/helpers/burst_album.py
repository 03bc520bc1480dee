"""Frames and small photos of bursts for the tests."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image

from photoidx.queries.bursts.frames import NO_TIME, Frames
from pictures import age

WIDTH = 16
NOON = datetime(2024, 6, 1, 12)  # noqa: DTZ001 - a camera writes local time


def made(
    times: list[float | None],
    scenes: list[int],
    *,
    cameras: list[int] | None = None,
    numbers: list[int] | None = None,
    streams: list[int] | None = None,
    bias: list[float] | None = None,
    burst_ids: list[str | None] | None = None,
    sequence: list[float] | None = None,
    pixels: list[int] | None = None,
    exposure: list[float] | None = None,
    focal: list[float] | None = None,
    paths: list[str] | None = None,
    sizes: list[tuple[int, int]] | None = None,
    programs: list[int] | None = None,
    raws: list[bool] | None = None,
    edited: list[bool] | None = None,
    detail: list[int] | None = None,
    pictures: list[np.ndarray | None] | None = None,
) -> Frames:
    """Make frames, given in the order of time for each camera. Frames of one scene look exactly alike.

    `pictures` are the thumbnails, as bytes (height x width, or with three channels).
    """
    count = len(times)
    vectors = np.zeros((count, WIDTH), np.float16)
    vectors[np.arange(count), np.array(scenes, int) % WIDTH] = 1
    rng = np.random.default_rng(7)
    hash_of = rng.integers(0, 2**63, 64, dtype=np.uint64)
    time_us = np.array([NO_TIME if each is None else round(each * 1e6) for each in times], np.int64)
    nan = np.full(count, np.nan)
    return Frames(
        shot_ids=[f"shot-{at:032x}" for at in range(count)],
        content_ids=[f"{at:032x}" for at in range(count)],
        paths=paths or [f"/p/{at}.jpg" for at in range(count)],
        cameras=np.array(cameras or [0] * count, np.int32),
        streams=np.array(streams or [0] * count, np.int32),
        numbers=np.array(numbers or [-1] * count, np.int32),
        time_us=time_us,
        exact=(time_us != NO_TIME) & (time_us % 1_000_000 != 0),
        burst_ids=burst_ids or [None] * count,
        sequence=np.array(sequence, float) if sequence else nan,
        exposure_ev=np.array(exposure, float) if exposure else nan,
        bias_ev=np.array(bias, float) if bias else nan,
        focal_mm=np.array(focal, float) if focal else nan,
        hashes=hash_of[np.array(scenes, int) % 64],
        hashed=np.ones(count, np.bool_),
        vectors=vectors,
        pixels=np.array(pixels, np.int32) if pixels else None,
        sizes=np.array(sizes, np.int32) if sizes else None,
        programs=np.array(programs, np.int32) if programs else None,
        raws=np.array(raws, np.bool_) if raws else None,
        edited=np.array(edited, np.bool_) if edited else None,
        detail=np.array(detail, np.int32) if detail else None,
        thumbnail=_thumbnails(pictures or []),
    )


def _thumbnails(pictures: list[np.ndarray | None]) -> Callable[[Sequence[int]], dict[int, bytes]]:
    def read(wanted: Sequence[int]) -> dict[int, bytes]:
        there = {at: pictures[at] for at in wanted if at < len(pictures)}
        return {at: as_jpeg(picture) for at, picture in there.items() if picture is not None}

    return read


def as_jpeg(picture: np.ndarray, quality: int = 88) -> bytes:
    """Return a picture as a JPEG file."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality)
    return out.getvalue()


def shoot(
    path: Path,
    scene: np.ndarray,
    at: datetime,
    *,
    blur: bool = False,
    shift: int = 0,
    quality: int = 92,
    serial: str | None = "42",
) -> Path:
    """Write one frame of a hand-held camera. A RAW is a JPEG by another name, which LibRaw declines to read."""
    image = Image.fromarray(scene)
    width, height = image.size
    image = image.crop((8 + shift, 8, width - 8 + shift, height - 8))
    if blur:
        image = image.reduce(4).resize(image.size, Image.Resampling.BILINEAR)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "EOS R6"
    more = exif.get_ifd(0x8769)
    more[0x9003] = at.strftime("%Y:%m:%d %H:%M:%S")
    if at.microsecond:
        more[0x9291] = f"{at.microsecond // 1000:03d}"
    if serial:
        more[0xA431] = serial
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "JPEG" if path.suffix == ".CR2" else None, quality=quality, exif=exif)
    age(path, 3600)
    return path
