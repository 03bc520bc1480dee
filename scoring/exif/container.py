"""Look into a photo's container without decoding it: the picture's size, the EXIF block, the XMP packet."""

from __future__ import annotations

import functools
import io
import warnings
from dataclasses import dataclass
from typing import Any

import rawpy
from PIL import Image

from photoidx.records import RAW_FORMATS
from photoidx.scoring.exif.xmp import find_xmp

_EXIF_LABEL = b"Exif\0\0"
_TELLS_XMP = frozenset(("JPEG", "PNG", "WEBP"))
_RAF_LABEL = b"FUJIFILM"
_RAF_JPEG_AT = 84


@dataclass(frozen=True)
class Header:
    """What the container tells; what it doesn't is None."""

    width: int | None = None
    height: int | None = None
    exif: bytes | None = None
    xmp: bytes | None = None


@functools.cache
def register_formats() -> None:
    """Teach Pillow HEIF and JPEG XL, once in each process."""
    import pillow_heif  # noqa: PLC0415 - slow to import
    import pillow_jxl  # noqa: F401, PLC0415 - registers itself

    pillow_heif.register_heif_opener()


def look(data: bytes, file_format: str) -> Header:
    """Read a container's header. Never raises."""
    if file_format in RAW_FORMATS:
        width, height = _raw_size(data)
        return Header(width, height, _preview(data), find_xmp(data))
    register_formats()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
                info, known = dict(image.info), image.format
    except Exception:  # noqa: BLE001 - decoders raise anything on broken files
        return Header(xmp=find_xmp(data))
    packet = _as_bytes(info.get("xmp") or info.get("XML:com.adobe.xmp"))
    if packet is None and known not in _TELLS_XMP:
        packet = find_xmp(data)
    exif = _as_bytes(info.get("exif"))
    return Header(width, height, None if exif is None else exif.removeprefix(_EXIF_LABEL), packet)


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
