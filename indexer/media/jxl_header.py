"""The header of a JPEG XL file (ISO 18181), read before its decoder sees it: that one decodes on opening."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from photoidx.errors import PhotoError

MAGIC = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
"""First bytes of a bare stream, and of one in a container."""
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        end = at + size if size else len(data)
        if end < at + head:
            return
        yield kind, data[at + head : min(end, at + head + 64)]
        at = end


def holds_a_jpeg(data: bytes) -> bool:
    """Return whether the file is a JPEG, packed without loss: its EXIF then says how it is turned."""
    return not data.startswith(MAGIC[0]) and any(kind == b"jbrd" for kind, _ in _boxes(data))


def size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels. Raises PhotoError if the header is cut off."""
    if data.startswith(MAGIC[0]):
        stream = data[:64]
    else:
        parts = (body[4:] if kind == b"jxlp" else body for kind, body in _boxes(data) if kind in (b"jxlc", b"jxlp"))
        stream = b"".join(parts)
    if len(stream) < 12:  # noqa: PLR2004 - the longest header
        raise PhotoError("the JPEG XL file ends before the picture begins")
    bits = int.from_bytes(stream[2:12], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    def side() -> int:
        return 8 * (take(5) + 1) if small else 1 + take((9, 13, 18, 30)[take(2)])

    small = take(1)
    height = side()
    ratio = take(3)
    if not ratio:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height
