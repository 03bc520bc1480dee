"""Look into a photo's container without decoding it: the picture's size, the EXIF block, the XMP packet."""

from __future__ import annotations

import functools
import io
import struct
import warnings
from dataclasses import dataclass
from typing import Any

import rawpy
from PIL import Image

from photoidx.records import RAW_FORMATS
from photoidx.scoring.exif.png import SIGNATURE, PngTexts, read_png
from photoidx.scoring.exif.xmp import find_xmp

_EXIF_LABEL = b"Exif\0\0"
_TELLS_XMP = frozenset(("JPEG", "WEBP"))
_JPEG = b"\xff\xd8\xff"
_RAF_LABEL = b"FUJIFILM"
_RAF_JPEG_AT = 84
_IPTC_RESOURCE = 0x0404
_NEW_SUBFILE_TYPE, _IPTC_TAG, _RESOURCES_TAG = 254, 33723, 34377
_REDUCED = 1
_MOST_PAGES = 20


@dataclass(frozen=True)
class Header:
    """What the container tells; what it doesn't is None. `iptc` are records, or Photoshop's resources with them."""

    width: int | None = None
    height: int | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    png: PngTexts | None = None


@functools.cache
def register_formats() -> None:
    """Teach Pillow HEIF and JPEG XL, once in each process."""
    import pillow_heif  # noqa: PLC0415 - slow to import
    import pillow_jxl  # noqa: F401, PLC0415 - registers itself

    pillow_heif.register_heif_opener()


def is_raw(data: bytes, file_format: str) -> bool:
    """Return whether a file is a RAW: its name says so, and its bytes do not say that it is a picture."""
    return file_format in RAW_FORMATS and not data.startswith((_JPEG, SIGNATURE))


def look(data: bytes, file_format: str) -> Header:
    """Read a container's header. Never raises."""
    if is_raw(data, file_format):
        width, height = _raw_size(data)
        return Header(width, height, _preview(data), find_xmp(data))
    if data.startswith(SIGNATURE):
        texts = read_png(data)
        width, height = (int.from_bytes(data[at : at + 4], "big") or None for at in (16, 20))
        return Header(width, height, texts.exif, texts.xmp or find_xmp(data), texts.iptc, texts)
    register_formats()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                known = image.format
                info = dict(image.info)
                iptc = _iptc(image, info)
                width, height = _size(image)
    except Exception:  # noqa: BLE001 - decoders raise anything on broken files
        return Header(xmp=find_xmp(data))
    packet = _as_bytes(info.get("xmp") or info.get("XML:com.adobe.xmp"))
    if packet is None and known not in _TELLS_XMP:
        packet = find_xmp(data)
    exif = _as_bytes(info.get("exif"))
    return Header(width, height, None if exif is None else exif.removeprefix(_EXIF_LABEL), packet, iptc)


def _size(image: Image.Image) -> tuple[int, int]:
    """Return the picture's size; of a TIFF, that of the first page that is not another one made smaller."""
    if image.format == "TIFF":
        for page in range(_MOST_PAGES):
            try:
                image.seek(page)
            except (EOFError, OSError, SyntaxError, ValueError):
                break
            if not int(image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)) & _REDUCED:  # type: ignore[attr-defined]
                return image.size
        image.seek(0)
    return image.size


def _iptc(image: Image.Image, info: dict[Any, Any]) -> bytes | None:
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        found = tags.get(_IPTC_TAG) or tags.get(_RESOURCES_TAG)
        if isinstance(found, tuple):  # some programs declare the records as numbers of 32 bits
            order = "<" if tags.prefix[:2] == b"II" else ">"
            found = struct.pack(f"{order}{len(found)}I", *found)
        return found if isinstance(found, bytes) else None
    blocks = info.get("photoshop")
    found = blocks.get(_IPTC_RESOURCE) if isinstance(blocks, dict) else None
    return found if isinstance(found, bytes) else None


def _as_bytes(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return value or None if isinstance(value, bytes) else None


def _raw_size(data: bytes) -> tuple[int | None, int | None]:
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return int(raw.sizes.width), int(raw.sizes.height)
    except Exception:  # noqa: BLE001 - LibRaw raises anything on broken files
        return None, None


def _preview(data: bytes) -> bytes | None:
    """Return the JPEG inside a Fujifilm RAW, which carries the file's EXIF."""
    if not data.startswith(_RAF_LABEL):
        return None
    start = int.from_bytes(data[_RAF_JPEG_AT : _RAF_JPEG_AT + 4], "big")
    return data[start:] if start else None
