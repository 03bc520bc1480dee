"""The part of a video's file that tells of the video, without its frames: some kilobytes of gigabytes."""

from __future__ import annotations

from typing import BinaryIO

_HEADER, _LONG_HEADER = 8, 16
_TELLING = frozenset((b"ftyp", b"moov", b"meta", b"uuid", b"udta"))
_BEGINS_A_FILM = frozenset((b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
_MOST_BYTES = 16 << 20
_FIRST_BYTES = 1 << 20  # of other containers, whose headers stand at the beginning
_MOST_BOXES = 10_000


def video_head(file: BinaryIO, size: int) -> bytes:
    """Return a video's header: of an MP4 or MOV its boxes without the frames, else the file's first megabyte.

    `file` is open at any place and `size` bytes long. Raises OSError.
    """
    file.seek(0)
    first = file.read(_HEADER)
    if first[4:8] not in _BEGINS_A_FILM:
        return first + file.read(_FIRST_BYTES - _HEADER)
    parts, kept, at = [], 0, 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        header = file.read(_LONG_HEADER)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - at
        if length < _HEADER or len(header) < _HEADER:
            break
        if header[4:8] in _TELLING and kept + length <= _MOST_BYTES:
            file.seek(at)
            parts.append(file.read(length))
            kept += length
        at += length
        if at >= size:
            break
    return b"".join(parts)
