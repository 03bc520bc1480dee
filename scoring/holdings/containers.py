"""What lies inside files of other formats: pages, frames, films, gain maps, the depth of colour.

The frames are counted by what the formats' own headers say; no frame is decoded.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from typing import Any

from blake3 import blake3
from PIL import Image

from photoidx.records import RAW_FORMATS
from photoidx.scoring.exif.container import register_formats
from photoidx.scoring.holdings import jpeg
from photoidx.scoring.holdings.boxes import boxes, film_in
from photoidx.scoring.holdings.jpeg import Inside

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PICTURE = frozenset((b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"sBIT", b"gAMA", b"cHRM", b"fdAT", b"fcTL", b"acTL"))
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}
_AUXILIARY = re.compile(rb"urn:[\w:.\-]{4,80}")
_AUXILIARY_PARTS = (
    (b"hdrgainmap", "gain map"),
    (b"depth", "depth"),
    (b"disparity", "depth"),
    (b"auxid:2", "depth"),
    (b"matte", "matte"),
    (b"alpha", ""),
    (b"auxid:1", ""),
    (b"urn:", "picture"),
)
_ISO_GAIN_MAP = re.compile(rb"infe.{8,16}tmap", re.DOTALL)
_SUBFILE, _BITS, _COMPRESSION, _SAMPLES = 254, 258, 259, 277
_TIFF_LOSSY = frozenset({6, 7, 34712, 34887, 50001, 50002})
_MOST_PAGES = 200


def look(data: bytes, file_format: str) -> Inside:
    """Look into a photo's file. Never raises; what can't be told is None."""
    if data.startswith(jpeg.SOI):
        return jpeg.look(data)
    if file_format in RAW_FORMATS:
        return Inside(pictures=1)
    if data.startswith(_PNG):
        return _png(data)
    if data[4:8] == b"ftyp":
        return _heif(data)
    return _by_pillow(data)


def _png(data: bytes) -> Inside:
    digest, frames, depth, colour, at = blake3(), 1, None, None, len(_PNG)
    parts = []
    while at + 12 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        content = memoryview(data)[at + 8 : at + 8 + size]
        if kind == b"IHDR" and len(content) > 9:  # noqa: PLR2004 - up to the kind of colour
            depth, colour = content[8], content[9]
        elif kind == b"acTL":
            frames = max(1, int.from_bytes(content[:4], "big"))
        elif kind == b"caBX":
            parts.append("credentials")
        if kind in _PNG_PICTURE:
            digest.update(data[at + 4 : at + 8]).update(content)
        at += 12 + size
        if kind == b"IEND":
            break
    film = film_in(data, at, len(data))
    if film:
        parts.append("film")
    elif len(data) - at > 64 and data[at:].strip(b"\0"):  # noqa: PLR2004 - a few bytes of padding are worth no word
        parts.append("unknown")
    return Inside(
        pictures=frames,
        parts=tuple(sorted(set(parts))),
        film_bytes=film,
        picture_id=digest.hexdigest(length=16),
        bits=max(depth, 8) if depth is not None else None,
        channels=_PNG_CHANNELS.get(colour) if colour is not None else None,
        lossless=True,
    )


def _heif(data: bytes) -> Inside:
    top = list(boxes(data, 0, len(data)))
    meta = next((data[box.start : box.end] for box in top if box.kind == b"meta"), b"")
    names = b" ".join(_AUXILIARY.findall(meta))
    parts = {part for word, part in _AUXILIARY_PARTS[:-1] if part and word in names}
    known = [word for word, _ in _AUXILIARY_PARTS[:-1]]
    if any(not any(word in name for word in known) for name in _AUXILIARY.findall(meta)):
        parts.add("picture")
    if _ISO_GAIN_MAP.search(meta):
        parts.add("gain map")
    film = sum(film_in(data, box.start, box.end) for box in top if box.kind == b"mpvd")
    last = top[-1].end if top else 0
    film = film or film_in(data, last, len(data)) or _second_film(data, top)
    if film:
        parts.add("film")
    elif len(data) - last > 64 and data[last:].strip(b"\0"):  # noqa: PLR2004 - a few bytes of padding
        parts.add("unknown")
    found = _by_pillow(data)
    if any(box.kind == b"moov" for box in top) and not film:  # a sequence: its frames are no items
        found = _with(found, pictures=max(found.pictures or 1, 2))
    return _with(found, parts=tuple(sorted(parts)), film_bytes=film, bits=_depth_of(meta) or found.bits)


def _second_film(data: bytes, top: list[Any]) -> int:
    """Return the length of a film that was put behind the picture as if it went on: it begins with its own `ftyp`."""
    starts = [box for box in top[1:] if box.kind == b"ftyp"]
    return film_in(data, starts[0].start - 8, len(data)) if starts else 0


def _depth_of(meta: bytes) -> int | None:
    at = meta.find(b"pixi")
    return meta[at + 9] if 0 <= at < len(meta) - 9 else None


def _with(found: Inside, **changed: Any) -> Inside:
    return Inside(**{**vars(found), **changed})


def _by_pillow(data: bytes) -> Inside:
    register_formats()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                return _described(image, data)
    except Exception:  # noqa: BLE001 - decoders raise anything on broken files
        return Inside()


def _described(image: Image.Image, data: bytes) -> Inside:
    bits, lossless, channels = _bits_of(image), None, 1 if image.mode in ("1", "L", "LA", "I", "F", "I;16") else 3
    pictures = getattr(image, "n_frames", 1)
    if image.format == "TIFF":
        pictures = _pages(image, pictures)
        lossless = image.tag_v2.get(_COMPRESSION, 1) not in _TIFF_LOSSY  # type: ignore[attr-defined]
    elif image.format == "WEBP":
        lossless = b"VP8L" in data[:64] or (b"VP8 " not in data[: 1 << 16] and b"VP8L" in data[: 1 << 16])
    elif image.format in {"BMP", "GIF"}:
        lossless = True
    return Inside(pictures=pictures, bits=bits, channels=channels, lossless=lossless)


def _bits_of(image: Image.Image) -> int | None:
    if image.format == "TIFF":
        bits = image.tag_v2.get(_BITS, 1)  # type: ignore[attr-defined]
        return max(int(bits[0] if isinstance(bits, tuple) else bits), 8)
    if image.format == "HEIF":
        known = image.info.get("bit_depth")
        return int(known) if known else None
    return 8 if image.format in {"BMP", "GIF", "WEBP"} else None


def _pages(image: Image.Image, count: int) -> int:
    """Count a TIFF's pages, without those that are another page made smaller."""
    pages = 0
    for number in range(min(count, _MOST_PAGES)):
        try:
            image.seek(number)
        except (EOFError, OSError, struct.error, SyntaxError, ValueError):
            return max(pages, 1) + 1  # unreadable: more than the one that can be compared
        pages += not image.tag_v2.get(_SUBFILE, 0) & 1  # type: ignore[attr-defined]
    return max(pages, 1) + (count > _MOST_PAGES)
