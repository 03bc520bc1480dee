"""The chunks of a PNG that hold metadata: eXIf, texts, and the raw profiles that ImageMagick writes into texts."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from photoidx.scoring.exif.values import clean

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_MOST_CHUNKS = 100_000
_LONGEST = 16 << 20  # bytes of a text when it is unpacked
_XMP = "xml:com.adobe.xmp"
_PROFILE = re.compile(r"raw profile type (\w+)", re.IGNORECASE)
_WORDS = ("title", "description", "comment")
_CREATION = frozenset(("creation time", "date:create", "create-date"))
_EXIF_LABEL = b"Exif\0\0"
_XMP_LABEL = b"http://ns.adobe.com/xap/1.0/\0"


@dataclass(frozen=True)
class PngTexts:
    """What the chunks hold: a TIFF block, an XMP packet, IPTC records (as Photoshop's resources or bare), and texts."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    creation_time: str | None = None
    title: str | None = None
    caption: str | None = None
    comments: tuple[str, ...] = ()


def read_png(data: bytes) -> PngTexts:
    """Read a PNG's metadata, wherever in the file they stand. Never raises; what is broken is left out."""
    found: dict[str, bytes] = {}
    creation: str | None = None
    words: dict[str, str] = {}
    for kind, body in _chunks(data):
        if kind == b"eXIf":
            found.setdefault("exif", body)
        elif kind in _TEXTS:
            key, _, rest = body.partition(b"\0")
            name = key.decode("latin-1").strip().lower()
            profile = _PROFILE.fullmatch(name)
            if profile or name == _XMP:
                _take(
                    found, profile[1].lower() if profile else "xmp", _text(kind, rest) or b"", raw=profile is not None
                )
            elif name in _CREATION and creation is None:
                creation = clean(_text(kind, rest))
            elif name in _WORDS and (told := clean(_text(kind, rest))):
                words.setdefault(name, told)
    exif = found.get("exif")
    return PngTexts(
        exif=None if exif is None else exif.removeprefix(_EXIF_LABEL),
        xmp=found.get("xmp"),
        iptc=found.get("iptc"),
        creation_time=creation,
        title=words.get("title"),
        caption=words.get("description"),
        comments=tuple(words[name] for name in ("comment",) if name in words),
    )


def _take(found: dict[str, bytes], kind: str, text: bytes, *, raw: bool) -> None:
    """Keep what a text holds, unless the file had it before. A profile of type APP1 may be EXIF or XMP."""
    body = _unpacked(text) if raw else text
    if kind in {"exif", "app1"} and (body.startswith(_EXIF_LABEL) or body[:2] in {b"II", b"MM"}):
        found.setdefault("exif", body)
    elif kind in {"xmp", "app1"} and b"<" in body:
        found.setdefault("xmp", body.removeprefix(_XMP_LABEL))
    elif kind in {"iptc", "8bim"}:
        found.setdefault("iptc", body)


def _unpacked(profile: bytes) -> bytes:
    """Return the bytes of a raw profile: a kind, a length, and hexadecimal digits in lines."""
    parts = profile.split(None, 2)
    try:
        return bytes.fromhex(parts[2].decode("ascii"))[: int(parts[1])] if len(parts) > 2 else b""  # noqa: PLR2004
    except ValueError:
        return b""


def _text(kind: bytes, rest: bytes) -> bytes | None:
    """Return a text's bytes, after its keyword."""
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _inflated(rest[1:])
    packed, rest = rest[:1] == b"\1", rest[2:]
    body = rest.split(b"\0", 2)[-1]  # after the language and the translated keyword
    return _inflated(body) if packed else body


def _inflated(packed: bytes) -> bytes | None:
    unpacker = zlib.decompressobj()
    try:
        return unpacker.decompress(packed, _LONGEST)
    except zlib.error:
        return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if at + 12 > len(data):
            return
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IEND":
            return
        if kind == b"eXIf" or kind in _TEXTS:
            yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size
