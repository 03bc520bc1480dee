"""No file takes more memory than a worker may have: what would is one recorded failure, and the rest is scanned."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from photoidx import Config, Library
from photoidx.records import content_id_of
from pictures import age, draw

LIMIT_MIB = 700
LIGHT = Config(workers=1, without=("faces", "sharpness", "technical"))


def grey_bomb(path: Path, side: int) -> Path:
    """Write a PNG of side x side pixels, one bit each and all black: a megapixel takes some 130 bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    data = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 1, 3, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(6)) + chunk(b"tRNS", b"\x80\xff")
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )
    age(path, 86400)
    return path


def failures(library: Library) -> dict[str, tuple[str, str]]:
    rows = library.sql("SELECT path, stage, error FROM failures").to_pylist()
    return {os.path.basename(row["path"]): (row["stage"], row["error"]) for row in rows}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can hold a process to its own memory")
def test_a_picture_that_needs_more_memory_than_a_worker_may_take_is_a_failure_in_words(tmp_path: Path):
    photos = tmp_path / "photos"
    for number in range(3):
        draw(photos / f"{number}.jpg", number)
    bomb = grey_bomb(photos / "bomb.png", 16_000)
    assert bomb.stat().st_size < 200_000
    config = Config(workers=1, without=LIGHT.without, worker_memory_mib=LIMIT_MIB)
    library = Library(tmp_path / "library", config)
    result = library.scan(photos)
    assert (result.seen, result.new, result.failed) == (4, 4, 1)
    stage, error = failures(library)["bomb.png"]
    assert stage == "decode"
    assert (
        error
        == f"more than {LIMIT_MIB} MiB of memory are needed to decode the picture, and that is the limit of a worker"
    )
    assert library.store.read("thumbnails").num_rows == 3


@pytest.mark.skipif(not hasattr(os, "truncate"), reason="makes files with holes")
def test_a_file_of_absurd_size_is_not_read_but_a_video_is_known_by_its_bytes(tmp_path: Path):
    photos = tmp_path / "photos"
    draw(photos / "0.jpg")
    for name, size in (("huge.jpg", 1 << 40), ("huge.xmp", 1 << 40), ("long.mov", 3 << 20)):
        (photos / name).touch()
        os.truncate(photos / name, size)  # holes: nothing of it is on the disk
        age(photos / name, 86400)
    library = Library(tmp_path / "library", Config(workers=1, without=LIGHT.without, max_file_bytes=2 << 20))
    result = library.scan(photos)
    assert (result.seen, result.new, result.failed) == (4, 4, 2)
    words = "the file has 1,099,511,627,776 bytes, more than the limit of 2,097,152"
    assert failures(library) == {"huge.jpg": ("read", words), "huge.xmp": ("read", words)}
    rows = library.store.read("files", ["path", "content_id"]).to_pylist()
    known = {os.path.basename(row["path"]): row["content_id"] for row in rows}
    assert known["long.mov"] == content_id_of(bytes(3 << 20))


def test_a_picture_within_the_limits_of_a_worker_is_read_however_wide(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (20_000, 2000), (90, 120, 30)).save(photos / "panorama.jpg")
    age(photos / "panorama.jpg", 86400)
    library = Library(tmp_path / "library", LIGHT)
    assert library.scan(photos).failed == 0
