"""The boxes of ISO base media files (ISO/IEC 14496-12): films, HEIF and AVIF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_MOST = 10_000  # boxes of one file that are looked at
_HEADER, _LONG_HEADER = 8, 16


class MediaBox(NamedTuple):
    """One box: its kind, where its content starts, and where the box ends."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[MediaBox]:
    """Return the boxes one after another, up to the first that does not fit. One that is cut off ends with the data."""
    for _ in range(_MOST):
        if start + _HEADER > end:
            return
        size, kind, header = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8], _HEADER
        if size == 1:
            size, header = int.from_bytes(data[start + 8 : start + 16], "big"), _LONG_HEADER
        if not kind.isascii() or not kind.decode("ascii").isprintable() or 0 < size < header:
            return
        stop = end if size == 0 else min(start + size, end)
        yield MediaBox(kind, start + header, stop)
        start = stop


def film_in(data: bytes, start: int, end: int) -> int:
    """Return how many bytes of film lie in this part of a file: from an `ftyp` box that frames follow; 0 if none do."""
    at = data.find(b"ftyp", start, end)
    while at >= 0:
        first = at - 4
        if first >= start:
            kinds = [box.kind for box in boxes(data, first, end)]
            if kinds[:1] == [b"ftyp"] and {b"mdat", b"moov", b"moof"} & set(kinds):
                return end - first
        at = data.find(b"ftyp", at + 4, end)
    return 0
