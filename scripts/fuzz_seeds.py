"""Small sound files of every format, from which the fuzzer makes broken ones. Nothing is read from disk."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 - registers itself
from PIL import Image, ImageCms

pillow_heif.register_heif_opener()

SIZE = (96, 64)
Entry = tuple[int, int, int, bytes]
"""A TIFF field: tag, type, count, and its value's bytes in the byte order of the file."""
_INLINE = 4  # bytes of a value that stand in the field itself
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SRATIONAL = 1, 2, 3, 4, 5, 7, 10

XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="4"
xmp:Label="Red"><dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>boat</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def picture(mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Draw a soft pattern with some noise."""
    width, height = SIZE
    across, down = np.meshgrid(np.linspace(0, 6, width), np.linspace(0, 4, height))
    waves = np.stack([np.sin(across + seed), np.cos(down * 1.3), np.sin(across * down / 4)], axis=-1)
    noise = np.random.default_rng(seed).normal(0, 6, waves.shape)
    return Image.fromarray((waves * 90 + 128 + noise).clip(0, 255).astype(np.uint8)).convert(mode)


def directory(entries: list[Entry], at: int, following: int = 0) -> bytes:
    """Write a little-endian TIFF directory that lies at an offset, its long values behind it."""
    head, tail = struct.pack("<H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in sorted(entries):
        head += struct.pack("<HHI", tag, kind, count)
        if len(value) <= _INLINE:
            head += value.ljust(4, b"\0")
        else:
            head += struct.pack("<I", behind + len(tail))
            tail += value + b"\0" * (len(value) % 2)
    return head + struct.pack("<I", following) + tail


def _text(tag: int, value: str) -> Entry:
    return tag, _ASCII, len(value) + 1, value.encode() + b"\0"


def _ratio(tag: int, *values: tuple[int, int], kind: int = _RATIONAL) -> Entry:
    return tag, kind, len(values), b"".join(struct.pack("<II", *value) for value in values)


def _short(tag: int, *values: int) -> Entry:
    return tag, _SHORT, len(values), struct.pack(f"<{len(values)}H", *values)


def _long(tag: int, *values: int) -> Entry:
    return tag, _LONG, len(values), struct.pack(f"<{len(values)}I", *values)


def exif(make: str = "Canon") -> bytes:
    """Return a TIFF block with what cameras write: main, EXIF, GPS and thumbnail directories, and a maker's note."""
    note = directory([_short(0x0001, *range(40)), _text(0x0006, "IMG:EOS"), _short(0x0004, *range(33))], 0)
    shot = [
        _ratio(0x829A, (1, 200)),
        _ratio(0x829D, (28, 10)),
        _short(0x8827, 400),
        _text(0x9003, "2024:05:01 12:30:15"),
        _text(0x9011, "+02:00"),
        _text(0x9291, "123"),
        _ratio(0x9204, (0, 3), kind=_SRATIONAL),
        _ratio(0x920A, (50, 1)),
        (0x927C, _UNDEFINED, len(note), note),
        (0x9286, _UNDEFINED, 16, b"ASCII\0\0\0comment."),
        _text(0xA434, "Lens 50mm"),
    ]
    place = [
        (0x0000, _BYTE, 4, b"\2\3\0\0"),
        _text(0x0001, "N"),
        _ratio(0x0002, (48, 1), (51, 1), (30, 1)),
        _text(0x0003, "E"),
        _ratio(0x0004, (2, 1), (17, 1), (40, 1)),
    ]
    small = io.BytesIO()
    picture().resize((32, 24)).save(small, "JPEG")
    main_size = len(directory(_main_entries(make, 0, 0), 8))
    shot_at = 8 + main_size
    shot_block = directory(shot, shot_at)
    place_at = shot_at + len(shot_block)
    place_block = directory(place, place_at)
    small_at = place_at + len(place_block)
    thumbnail_at = small_at + len(directory([_short(0x0103, 6), _long(0x0201, 0), _long(0x0202, 0)], small_at))
    length = len(small.getvalue())
    small_block = directory([_short(0x0103, 6), _long(0x0201, thumbnail_at), _long(0x0202, length)], small_at)
    main = directory(_main_entries(make, shot_at, place_at), 8, small_at)
    return b"II*\0" + struct.pack("<I", 8) + main + shot_block + place_block + small_block + small.getvalue()


def _main_entries(make: str, shot_at: int, place_at: int) -> list[Entry]:
    named = [_text(0x010F, make), _text(0x0110, "EOS 5D"), _text(0x0131, "Firmware 1"), _short(0x0112, 6)]
    return [*named, _long(0x8769, shot_at), _long(0x8825, place_at)]


def raw(make: str, *, dng: bool) -> bytes:
    """Return an uncompressed mosaic in a TIFF, as a DNG, or as what a RAW of some maker looks like."""
    width, height = SIZE
    mosaic = np.asarray(picture("L")).astype("<u2") * 16
    preview = io.BytesIO()
    picture().save(preview, "JPEG")

    def entries(pixels_at: int) -> list[Entry]:
        found = [
            _long(0x00FE, 0), _long(0x0100, width), _long(0x0101, height), _short(0x0102, 16), _short(0x0103, 1),
            _short(0x0106, 32803), _text(0x010F, make), _text(0x0110, "Model 1"), _long(0x0111, pixels_at),
            _short(0x0112, 1), _short(0x0115, 1), _long(0x0116, height), _long(0x0117, mosaic.nbytes),
            _short(0x828D, 2, 2), (0x828E, _BYTE, 4, b"\0\1\1\2"),
        ]  # fmt: skip
        if dng:
            matrix = [(10000, 10000), (0, 1), (0, 1), (0, 1), (10000, 10000), (0, 1), (0, 1), (0, 1), (10000, 10000)]
            found += [
                (0xC612, _BYTE, 4, b"\1\4\0\0"), _text(0xC614, f"{make} Model 1"),
                _ratio(0xC621, *matrix, kind=_SRATIONAL), _ratio(0xC628, (1, 1), (1, 1), (1, 1)), _long(0xC61D, 4095),
            ]  # fmt: skip
        return found

    at = 8 + len(directory(entries(0), 8))
    return b"II*\0" + struct.pack("<I", 8) + directory(entries(at), 8) + mosaic.tobytes() + preview.getvalue()


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _with_xmp(jpeg: bytes) -> bytes:
    body = b"http://ns.adobe.com/xap/1.0/\0" + XMP
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def seeds() -> Mapping[str, bytes]:
    """Return sound files by name; the name's suffix is the format's."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rgb, block = picture(), exif()
    labelled = b"Exif\0\0" + block
    frames = [picture("P", seed) for seed in range(4)]
    made = {
        "plain.jpg": _saved(rgb, "JPEG"),
        "canon.jpg": _with_xmp(_saved(rgb, "JPEG", exif=labelled, icc_profile=profile)),
        "nikon.jpg": _saved(rgb, "JPEG", exif=b"Exif\0\0" + exif("NIKON CORPORATION"), progressive=True),
        "panasonic.jpg": _saved(rgb, "JPEG", exif=b"Exif\0\0" + exif("Panasonic"), subsampling=0),
        "cmyk.jpg": _saved(picture("CMYK"), "JPEG"),
        "several.jpg": _saved(rgb, "MPO", save_all=True, append_images=[picture(seed=1)]),
        "rgb.png": _saved(rgb, "PNG", exif=block, icc_profile=profile),
        "palette.png": _saved(picture("P"), "PNG", transparency=3),
        "alpha.png": _saved(picture("RGBA"), "PNG"),
        "sixteen.png": _saved(Image.fromarray(np.asarray(picture("L")).astype(np.uint16) * 257), "PNG"),
        "plain.tif": _saved(rgb, "TIFF"),
        "lzw.tif": _saved(rgb, "TIFF", compression="tiff_lzw"),
        "deflate.tif": _saved(rgb, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": _saved(rgb, "TIFF", compression="jpeg"),
        "fax.tif": _saved(picture("1"), "TIFF", compression="group4"),
        "float.tif": _saved(picture("F"), "TIFF"),
        "lab.tif": _saved(picture("LAB"), "TIFF"),
        "big.tif": _saved(rgb, "TIFF", big_tiff=True),
        "lossy.webp": _saved(rgb, "WEBP", exif=labelled, xmp=XMP, icc_profile=profile),
        "lossless.webp": _saved(picture("RGBA"), "WEBP", lossless=True),
        "moving.webp": _saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "still.gif": _saved(frames[0], "GIF"),
        "moving.gif": _saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "rgb.bmp": _saved(rgb, "BMP"),
        "palette.bmp": _saved(picture("P"), "BMP"),
        "photo.heic": _saved(rgb, "HEIF", quality=50, exif=labelled, xmp=XMP),
        "photo.avif": _saved(rgb, "AVIF", speed=10, exif=labelled, xmp=XMP),
        "photo.jxl": _saved(rgb, "JXL", effort=1, exif=block),
        "photo.dng": raw("Canon", dng=True),
        "photo.nef": raw("NIKON CORPORATION", dng=False),
        "photo.arw": raw("SONY", dng=False),
        "photo.cr2": raw("Canon", dng=False),
    }
    return {**made, "beside.xmp": XMP, "beside.aae": b'<?xml version="1.0"?><plist version="1.0"><dict/></plist>'}
