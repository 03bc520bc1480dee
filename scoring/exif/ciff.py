"""Canon's CRW, which is no TIFF: its camera and its time (Camera Image File Format, version 1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

_MARK, _MARK_AT = b"HEAPCCDR", 6
_IN_ENTRY = 0x4000
_DIRECTORIES = (0x2800, 0x3000)
_KIND = 0x3800
_MAKE_AND_MODEL, _TIME = 0x080A, 0x180E
_MOST_ENTRIES = 5000  # of one file
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the camera's clock, in seconds as if it were UTC


@dataclass(frozen=True)
class CiffTag:
    """A value in the form in which exifread gives its own."""

    values: str
    printable: str = field(default="")


def is_ciff(data: bytes) -> bool:
    """Return whether a file is a CRW."""
    return data[_MARK_AT : _MARK_AT + len(_MARK)] == _MARK


def read_ciff(data: bytes) -> dict[str, Any]:
    """Return make, model and time under exifread's names. Never raises; what is broken is left out."""
    found: dict[str, str] = {}
    try:
        for tag, body in _entries(data, int.from_bytes(data[2:6], "little"), len(data)):
            if tag == _MAKE_AND_MODEL:
                make, _, rest = body.partition(b"\0")
                found["Image Make"], found["Image Model"] = (
                    part.decode("latin-1") for part in (make, rest.partition(b"\0")[0])
                )
            elif tag == _TIME:
                moment = _EPOCH + timedelta(seconds=int.from_bytes(body[:4], "little"))
                found["EXIF DateTimeOriginal"] = moment.strftime("%Y:%m:%d %H:%M:%S")
    except (struct.error, OverflowError):
        pass
    return {name: CiffTag(value, value) for name, value in found.items() if value}


def _entries(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Return the entries of a heap and of those in it: its directory stands where its last four bytes say."""
    waiting, left = [(start, end)], _MOST_ENTRIES
    while waiting and left:
        start, end = waiting.pop()
        (offset,) = struct.unpack_from("<I", data, end - 4)
        (count,) = struct.unpack_from("<H", data, start + offset)
        count = min(count, left)
        left -= count
        for number in range(count):
            at = start + offset + 2 + 10 * number
            tag, size, place = struct.unpack_from("<HII", data, at)
            if tag & 0xC000 == _IN_ENTRY:
                yield tag & 0x3FFF, data[at + 2 : at + 10]
            elif tag & _KIND in _DIRECTORIES and start + place + size <= end:
                waiting.append((start + place, start + place + size))
            else:
                yield tag & 0x3FFF, data[start + place : start + place + min(size, 1000)]
