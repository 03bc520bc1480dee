"""Read every EXIF tag of a file with exifread, quickly and within bounds.

exifread reads a maker's note byte by byte in Python, believes any length that the file claims and loses everything
when it raises. Here runs of integers are unpacked at once, work is bounded, and what was read before an error is kept.
"""

from __future__ import annotations

import contextlib
import io
import logging
import struct
from typing import Any

from exifread.core.exif_header import ExifHeader
from exifread.core.find_exif import determine_type, get_endian_str
from exifread.tags.exif import GPS_TAGS
from exifread.tags.makernote.canon import CAMERA_INFO_TAG_NAME
from exifread.tags.makernote.canon import TAGS as CANON_TAGS

logging.getLogger("exifread").setLevel(logging.CRITICAL + 1)

Tags = dict[str, Any]
"""exifread's tags by name ("EXIF FNumber"); each has `values` and `printable`."""

_MOST_READS = 60_000
_MOST_BYTES_READ = 64 << 20
_LONGEST_RUN = 1000
_LONGEST_NOTE = 1 << 20
_PEOPLES_TAGS = ("XPTitle", "XPComment", "XPAuthor", "XPKeywords", "XPSubject", "UserComment")
_LONG_TAGS = ("MakerNote", CAMERA_INFO_TAG_NAME, *_PEOPLES_TAGS)
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I"}

_PANASONIC_LABEL = b"Panasonic\0\0\0"
_PANASONIC_TAGS = {
    0x2A: ("BurstMode", {0: "Off", 1: "On", 2: "Auto Exposure Bracketing", 4: "Unlimited"}),
    0x2B: ("SequenceNumber", None),
}


class _TooMuchWorkError(Exception):
    """The file asks for more reading than any honest file does."""


class _BoundedBytes(io.BytesIO):
    """Bytes that can be read only so often: a broken file may claim tables without end."""

    reads = 0
    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        got = super().read(size)
        self.reads += 1
        self.bytes_read += len(got)
        if self.reads > _MOST_READS or self.bytes_read > _MOST_BYTES_READ:
            raise _TooMuchWorkError
        return got


class _Header(ExifHeader):
    """exifread's reader, with runs of integers unpacked at once. Were its method renamed, this would only be slower."""

    def _process_field(self, tag_name: str, count: int, field_type: int, type_length: int, offset: int) -> list[Any]:
        code = _INTEGERS.get(int(field_type))
        if count >= _LONGEST_RUN and tag_name not in _LONG_TAGS:
            return []
        if code is None:
            values: list[Any] = super()._process_field(tag_name, count, field_type, type_length, offset)
            return values
        count = min(count, _LONGEST_NOTE)
        self.file_handle.seek(self.offset + offset)
        raw = self.file_handle.read(count * type_length)
        whole = len(raw) // type_length
        order = "<" if self.endian == "I" else ">"
        whole_values = list(struct.unpack(f"{order}{whole}{code}", raw[: whole * type_length]))
        return whole_values + [0] * (count - whole) if count < _LONGEST_RUN else whole_values


def read_tags(data: bytes) -> Tags:
    """Return every tag of a file, or of a bare TIFF block, that can be read. Never raises; nothing found is empty."""
    handle = _BoundedBytes(data)
    try:
        offset, endian_bytes, fake_exif = determine_type(handle)
        endian, _ = get_endian_str(endian_bytes)
        if endian not in "IM":
            return {}
        header = _Header(handle, endian, offset, fake_exif, strict=False, detailed=True)
    except Exception:  # noqa: BLE001 - exifread raises anything on broken files
        return {}
    for step in (_read_directories, _read_exif_directory, _read_sub_directories, _read_maker_note):
        try:
            step(header)
        except _TooMuchWorkError:
            break
        except Exception:  # noqa: BLE001, S112 - exifread raises anything; the tags read so far are kept
            continue
    return dict(header.tags)


def read_boxes(data: bytes) -> Tags:
    """Return the tags of a Canon CR3, which holds each directory as a TIFF block of its own.

    CMT1 is the first directory, CMT2 EXIF's own, CMT3 Canon's note and CMT4 the place.
    """
    tags = read_tags(_block(data, b"CMT1"))
    shot = read_tags(_block(data, b"CMT2"))
    tags |= {f"EXIF {name.removeprefix('Image ')}": tag for name, tag in shot.items()}
    tags |= _read_named(_block(data, b"CMT3"), "MakerNote", CANON_TAGS)
    return tags | _read_named(_block(data, b"CMT4"), "GPS", GPS_TAGS)


def _block(data: bytes, label: bytes) -> bytes:
    at = data.find(label, 0, _LONGEST_NOTE)
    size = int.from_bytes(data[at - 4 : at], "big")
    return data[at + 4 : at - 4 + size] if at > 0 else b""


def _read_named(block: bytes, name: str, known: Any) -> Tags:
    """Return the tags of a block's first directory under this name."""
    if block[:2] not in {b"II", b"MM"}:
        return {}
    header = _Header(_BoundedBytes(block), "I" if block[:2] == b"II" else "M", 0, 0, strict=False, detailed=True)
    with contextlib.suppress(Exception):  # exifread raises anything; the tags read so far are kept
        header.dump_ifd(ifd=header.list_ifd()[0], ifd_name=name, tag_dict=known)
    return dict(header.tags)


def _read_directories(header: ExifHeader) -> None:
    names = ("Image", "Thumbnail")
    for index, start in enumerate(header.list_ifd()):
        header.dump_ifd(ifd=start, ifd_name=names[index] if index < len(names) else f"IFD {index}")


def _read_exif_directory(header: ExifHeader) -> None:
    pointer = header.tags.get("Image ExifOffset")
    if pointer is not None and pointer.values:
        header.dump_ifd(ifd=pointer.values[0], ifd_name="EXIF")


def _read_sub_directories(header: ExifHeader) -> None:
    pointer = header.tags.get("Image SubIFDs")
    for index, start in enumerate(pointer.values if pointer is not None else ()):
        header.dump_ifd(ifd=start, ifd_name=f"EXIF SubIFD{index}")


def _read_maker_note(header: ExifHeader) -> None:
    note = header.tags.get("EXIF MakerNote")
    if note is None or "Image Make" not in header.tags:
        return
    if bytes(note.values[: len(_PANASONIC_LABEL)]) == _PANASONIC_LABEL:
        start = note.field_offset + len(_PANASONIC_LABEL)
        header.dump_ifd(ifd=start, ifd_name="MakerNote", tag_dict=_PANASONIC_TAGS)
        return
    header.decode_maker_note()
