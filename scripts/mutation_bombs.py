"""Files that are built to do harm: a few bytes that become many, and texts that never end."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from random import Random

from PIL import Image

from fuzz_seeds import XMP, Entry, directory

_GREY, _RGB, _PALETTE = 0, 2, 3  # a PNG's kinds of colour
_LONGEST_SEGMENT = 65_000
_OPEN, _CLOSE = b"<x:xmpmeta", b"</x:xmpmeta>"
_RDF = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


# -- pictures --------------------------------------------------------------------------------------------------------


def png_chunk(name: bytes, body: bytes) -> bytes:
    """Write one chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(width: int, height: int, depth: int, colour: int, data: bytes, *more: bytes) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


@lru_cache(maxsize=32)
def _packed(length: int) -> bytes:
    packer = zlib.compressobj(9)
    whole, rest = divmod(length, 1 << 20)
    zeros = bytes(1 << 20)
    return b"".join([*(packer.compress(zeros) for _ in range(whole)), packer.compress(zeros[:rest]), packer.flush()])


@lru_cache(maxsize=32)
def _plain(kind: str, width: int, height: int) -> bytes:
    options = {"WEBP": {"lossless": True, "method": 0}, "AVIF": {"speed": 10}, "JPEG": {"progressive": True}}
    out = io.BytesIO()
    Image.new("RGB", (width, height), (9, 99, 9)).save(out, kind, **options.get(kind, {}))
    return out.getvalue()


def png_bomb(random: Random) -> tuple[str, bytes]:
    """Return a picture of many pixels in a few kilobytes."""
    width, colour = random.choice((4000, 8000, 10_000)), random.choice((_GREY, _RGB, _PALETTE))
    channels = 3 if colour == _RGB else 1
    palette = [png_chunk(b"PLTE", bytes(768)), png_chunk(b"tRNS", b"\x80")] if colour == _PALETTE else []
    return "png", _png(width, width, 8, colour, _packed(width * (1 + channels * width)), *palette)


def png_text_bomb(random: Random) -> tuple[str, bytes]:
    """Return a small picture with a text, profile or EXIF that unfolds to many megabytes."""
    packed = _packed(random.choice((20 << 20, 200 << 20)))
    name, body = random.choice(
        (
            (b"zTXt", b"Comment\0\0" + packed),
            (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed),
            (b"iCCP", b"profile\0\0" + packed),
            (b"eXIf", b"II*\0\x08\0\0\0" + b"\xff\xff" * 500_000),
        )
    )
    return "png", _png(8, 8, 8, 0, _packed(8 * 9), png_chunk(name, body))


def tiff_bomb(random: Random) -> tuple[str, bytes]:
    """Return a TIFF whose many strips all are the same few packed bytes."""
    width, rows = 6000, 500
    strips = random.choice((4, 12, 60_000))
    packed = _packed(width * rows)
    offset, count, rest = 8, len(packed), b"\0" * (len(packed) % 2)
    place = 8 + len(packed) + len(rest)
    entries: list[Entry] = [
        (256, 4, 1, struct.pack("<I", width)), (257, 4, 1, struct.pack("<I", min(rows * strips, 80_000))),
        (258, 3, 1, struct.pack("<H", 8)), (259, 3, 1, struct.pack("<H", 8)), (262, 3, 1, struct.pack("<H", 1)),
        (273, 4, strips, struct.pack("<I", offset) * strips), (277, 3, 1, struct.pack("<H", 1)),
        (278, 4, 1, struct.pack("<I", rows)), (279, 4, strips, struct.pack("<I", count) * strips),
    ]  # fmt: skip
    return "tif", b"II*\0" + struct.pack("<I", place) + packed + rest + directory(entries, place)


def gif_bomb(random: Random) -> tuple[str, bytes]:
    """Return a GIF with thousands of frames, or one with a canvas of four gigapixels."""
    out = io.BytesIO()
    Image.new("P", (4, 4)).save(out, "GIF")
    still = out.getvalue()
    if random.choice((True, False)):
        return "gif", still[:6] + b"\xff\xff\xff\xff" + still[10:]
    frame_at = still.index(b",\0\0\0\0")
    return "gif", still[:frame_at] + still[frame_at:-1] * random.choice((1000, 30_000)) + still[-1:]


def jpeg_bomb(random: Random) -> tuple[str, bytes]:
    """Return a progressive JPEG of many pixels, all grey, or one whose scans are repeated hundreds of times."""
    if random.choice((True, False)):
        return "jpg", _plain("JPEG", 8000, 8000)
    whole = _plain("JPEG", 3000, 3000)
    scan = whole.rindex(b"\xff\xda")
    return "jpg", whole[:-2] + whole[scan:-2] * random.choice((20, 200)) + whole[-2:]


def webp_bomb(random: Random) -> tuple[str, bytes]:
    """Return a picture of one colour, as large as WebP can be or nearly so."""
    return "webp", _plain("WEBP", random.choice((4000, 16_383)), 4000)


def heif_bomb(random: Random) -> tuple[str, bytes]:
    """Return a picture of one colour with thousands of pixels a side."""
    kind, suffix = random.choice((("HEIF", "heic"), ("AVIF", "avif")))
    return suffix, _plain(kind, 4000, 3000)


BOMBS: Mapping[str, Callable[[Random], tuple[str, bytes]]] = {
    each.__name__: each for each in (png_bomb, png_text_bomb, tiff_bomb, gif_bomb, jpeg_bomb, webp_bomb, heif_bomb)
}


# -- texts -----------------------------------------------------------------------------------------------------------


def _laughs(levels: int, width: int) -> bytes:
    lines = [b'<!ENTITY a0 "ha">']
    lines += [b'<!ENTITY a%d "%s">' % (at, b"&a%d;" % (at - 1) * width) for at in range(1, levels)]
    return b"<!DOCTYPE x [" + b"".join(lines) + b"]>" + _wrapped(b"&a%d;" % (levels - 1))


def _wrapped(title: bytes) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF ' + _RDF + b"><rdf:Description xmlns:dc="
        b'"http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt><rdf:li>' + title + b"</rdf:li></rdf:Alt></dc:title>"
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def hostile_xml(random: Random) -> bytes:
    """Return XMP with entities that unfold, files that are to be read, depth, breadth, and bytes that are no text."""
    return random.choice(
        (
            _laughs(10, 10),
            _laughs(2, 50_000),
            b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + _wrapped(b"&f;"),
            b'<!DOCTYPE x SYSTEM "http://example.invalid/x.dtd">' + _wrapped(b"x"),
            b'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///dev/zero"> %p;]>' + _wrapped(b"x"),
            _wrapped(b"<a>" * 30_000 + b"</a>" * 30_000),
            _wrapped(b"<a>" * 200_000),
            XMP.replace(b"<rdf:li>sea</rdf:li>", b"<rdf:li>sea</rdf:li>" * 50_000),
            XMP.replace(b"<rdf:Description", b"<rdf:Description " + b" ".join(b'a%d="x"' % at for at in range(20_000))),
            XMP.replace(b"<rdf:Bag>", b"<rdf:Bag><rdf:Description>" * 3000),
            XMP.replace(b'"4"', random.choice((b'"1e999"', b'"nan"', b'"' + b"9" * 100_000 + b'"', b'"-0"'))),
            XMP.replace(b"sea", random.randbytes(200)),
            XMP.decode().encode("utf-16"),
            b'<?xml version="1.0" encoding="'
            + random.choice((b"utf-7", b"x" * 5000, b"idna", b"utf-32"))
            + b'"?>'
            + XMP,
            XMP + b" " * (5 << 20),
            _wrapped(b"A" * (3 << 20)),
            _OPEN * 1000 + b" " + _CLOSE,
        )
    )


def xmp_junk(random: Random, data: bytes, _files: Mapping[str, bytes]) -> bytes:
    """Put hostile XML into a photo's XMP segments, or let the sidecar be it."""
    packet = hostile_xml(random)
    if not data.startswith(b"\xff\xd8"):
        return packet
    if len(packet) > _LONGEST_SEGMENT:
        return data + packet  # behind the picture, where a search for a packet may find it
    body = b"http://ns.adobe.com/xap/1.0/\0" + packet
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def icc_junk(random: Random, data: bytes, _files: Mapping[str, bytes]) -> bytes:
    """Put a broken colour profile into a photo, in as many parts as it likes."""
    if not data.startswith(b"\xff\xd8"):
        return data + b"ICC_PROFILE\0" + random.randbytes(100)
    tags = random.choice((1, 9, 0x7FFFFFFF, 0xFFFFFFFF))
    entries = b""
    for _ in range(9):
        name, at = random.choice((b"rXYZ", b"rTRC", b"A2B0", b"desc", b"wtpt")), random.choice((132, 0, 2**31))
        entries += struct.pack(">4sII", name, at, random.choice((0, 20, 2**32 - 1)))
    head = struct.pack(
        ">I4sI4s4s4s", 500, b"lcms", 0x02100000, b"mntr", random.choice((b"RGB ", b"CMYK", b"Lab ")), b"XYZ "
    )
    profile = head.ljust(36, b"\0") + b"acsp" + bytes(88) + struct.pack(">I", tags) + entries
    profile = profile.ljust(500, b"\0") + random.randbytes(random.choice((0, 500, 40_000)))
    total = random.choice((1, 1, 255))
    segments = b""
    for part in range(1, total + 1):
        body = b"ICC_PROFILE\0" + bytes((part, total)) + profile
        segments += b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body
    return data[:2] + segments + data[2:]


TEXTS = {each.__name__: each for each in (xmp_junk, icc_junk)}
