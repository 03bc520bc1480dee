"""What lies inside a JPEG file: its segments, and what comes behind the picture.

Phones put films (Motion Photo), gain maps (Ultra HDR), depth and second pictures behind the end of the first picture,
each with a different note in its header of where. The notes are often wrong after a copy: what counts here are the
bytes. A note alone is nothing, and bytes behind the picture that are of no known kind are told as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from blake3 import blake3

from photoidx.scoring.holdings.boxes import film_in

SOI = b"\xff\xd8"
_SCAN, _END = 0xDA, 0xD9
_APP, _COMMENT = range(0xE0, 0xF0), 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # in a scan: 00 is stuffing, D0 to D7 restart it
_STARTS = re.compile(rb"\xff\xd8\xff[\xc0\xc4\xdb\xdd\xe0-\xef\xfe]")
_MOST_PICTURES = 64
_PADDING = 64  # bytes behind the picture that are worth no word
_GAIN_MAP = (b"hdrgm:Version", b"HDRGainMap:", b"urn:iso:std:iso:ts:21496:-1", b"aux:hdrgainmap")
_DEPTH = (b"GDepth:Data", b"GDepth:data", b"depth/", b"apdi:NativeFormat", b"aux:depth", b"aux:disparity")
_MATTE = (b"portraiteffectsmatte", b"semantic", b"GImage:Data")
_SOUND = (b"SoundShot_Meta", b"GAudio:Data", b"RIFF")
# Kinds of picture in the index of a multi-picture file (CIPA DC-007, 5.2.3.3).
_PREVIEWS, _VIEWS = frozenset({0x010001, 0x010002}), frozenset({0x020001, 0x020002, 0x020003})


@dataclass(frozen=True)
class Inside:
    """What one file holds. `parts`: film, gain map, depth, matte, sound, picture, thermal, credentials, unknown.

    `pictures` counts the pictures or frames of equal standing. `film_bytes` is the length of the film inside.
    `picture_id` identifies what the decoder reads: equal for two files that differ in metadata alone. `bits` are those
    of one channel, `channels` 1 for grey. What the file doesn't tell is None.
    """

    pictures: int | None = None
    parts: tuple[str, ...] = ()
    film_bytes: int = 0
    picture_id: str | None = None
    bits: int | None = None
    channels: int | None = None
    lossless: bool | None = None
    comments: tuple[bytes, ...] = ()


@dataclass
class _Segments:
    """One picture's segments, and where it ends."""

    start: int
    end: int = 0
    apps: list[tuple[int, bytes]] = field(default_factory=list)
    comments: list[bytes] = field(default_factory=list)
    bits: int | None = None
    channels: int | None = None
    lossless: bool = False
    coded: list[tuple[int, int]] = field(default_factory=list)

    def says(self, words: tuple[bytes, ...]) -> bool:
        return any(word in app for _, app in self.apps for word in words)


def look(data: bytes) -> Inside:
    """Look into a JPEG file. Never raises: what is cut off ends with the data."""
    first = _segments(data, 0)
    behind = data[first.end :]
    parts = list(_in_header(first))
    pictures = 1
    film = film_in(data, first.end, len(data))
    if film:
        parts.append("film")
    rest = len(behind) - film
    kinds = _index_of(first)
    for number, each in enumerate(_pictures_behind(data, first.end, len(data) - film), 1):
        rest -= each.end - each.start
        part = _part(first, each, kinds[number] if number < len(kinds) else 0)
        if part == "view":
            pictures += 1
        elif part != "preview":
            parts.append(part)
    if any(word in behind for word in _SOUND[:1]):
        parts.append("sound")
        rest = 0
    if rest > _PADDING and behind[:rest].strip(b"\0\xff"):
        parts += _unknown(behind, film)
    return Inside(
        pictures=pictures,
        parts=tuple(sorted(set(parts))),
        film_bytes=film,
        picture_id=_identity(data, first),
        bits=first.bits,
        channels=first.channels,
        lossless=first.lossless,
        comments=tuple(first.comments),
    )


def _unknown(behind: bytes, film: int) -> list[str]:
    """Name what lies behind a picture and is of no kind that is known here, unless it belongs to the film's notes."""
    if film and (b"SEFT" in behind[-64:] or b"MotionPhoto_Data" in behind):
        return []
    return ["unknown"]


def _identity(data: bytes, picture: _Segments) -> str:
    digest = blake3()
    for start, end in picture.coded:
        digest.update(memoryview(data)[start:end])
    return digest.hexdigest(length=16)


def _segments(data: bytes, start: int) -> _Segments:
    """Read the segments of the picture that starts here, through all of its scans."""
    found = _Segments(start)
    at = start + 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:  # noqa: PLR2004 - no marker: the file is broken here
            break
        kind = data[at + 1]
        if kind == 0xFF:  # noqa: PLR2004 - fill bytes
            at += 1
            continue
        if kind == _END:
            break
        if kind in _ALONE:
            at += 2
            continue
        stop = min(at + 2 + int.from_bytes(data[at + 2 : at + 4], "big"), len(data))
        if kind == _SCAN:
            marker = _MARKER.search(data, stop)
            stop = marker.start() if marker else len(data)
        _note(found, data, kind, at, stop)
        at = max(stop, at + 2)
    found.end = min(at + 2, len(data))
    return found


def _note(found: _Segments, data: bytes, kind: int, at: int, stop: int) -> None:
    content = data[at + 4 : stop] if kind != _SCAN else b""
    if kind in _APP:
        found.apps.append((kind & 15, content))
        return
    if kind == _COMMENT:
        found.comments.append(content)
        return
    found.coded.append((at, stop))
    if kind in _FRAMES and found.bits is None and len(content) > 5:  # noqa: PLR2004 - up to the number of channels
        found.bits, found.channels = content[0], content[5]
        found.lossless = kind in {0xC3, 0xC7, 0xCB, 0xCF}


def _in_header(first: _Segments) -> Iterator[str]:
    """Name what lies in the first picture's own segments."""
    extended = [app for number, app in first.apps if number == 1 and not app.startswith(b"Exif\0\0")]
    if any(word in app for app in extended for word in _DEPTH[:2]):
        yield "depth"
    if any(_MATTE[-1] in app for app in extended):
        yield "picture"
    if any(_SOUND[1] in app for app in extended):
        yield "sound"
    if any(number == 1 and app.startswith(b"FLIR\0") for number, app in first.apps):
        yield "thermal"
    if any(number == 11 and app.startswith(b"JP") for number, app in first.apps):  # noqa: PLR2004 - JUMBF, by C2PA
        yield "credentials"
    if any(number == 2 and b"WAVE" in app[:64] for number, app in first.apps):  # noqa: PLR2004 - Exif's sound
        yield "sound"


def _index_of(first: _Segments) -> list[int]:
    """Return the kinds of the pictures that a multi-picture file's index lists."""
    index = next((app[4:] for number, app in first.apps if number == 2 and app.startswith(b"MPF\0")), b"")  # noqa: PLR2004
    order = "little" if index.startswith(b"II") else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(index[at : at + size], order)  # type: ignore[arg-type]

    at = number(4, 4)
    for entry in range(min(number(at, 2), 64)):
        place = at + 2 + 12 * entry
        if number(place, 2) == 0xB002:  # noqa: PLR2004 - the tag of the entries
            count, start = number(place + 4, 4) // 16, number(place + 8, 4)
            return [number(start + 16 * each, 4) & 0xFFFFFF for each in range(min(count, _MOST_PICTURES))]
    return []


def _pictures_behind(data: bytes, start: int, end: int) -> Iterator[_Segments]:
    """Return the whole JPEG pictures that lie behind the first, one after another."""
    for _ in range(_MOST_PICTURES):
        found = _STARTS.search(data, start, end)
        if found is None:
            return
        picture = _segments(data, found.start())
        if picture.coded and picture.bits is not None:
            yield picture
            start = picture.end
        else:
            start = found.start() + 2


def _part(first: _Segments, picture: _Segments, kind: int) -> str:
    """Say what a picture behind the first is."""
    if picture.says(_GAIN_MAP) or (kind == 0 and first.says(_GAIN_MAP[:2]) and not picture.says(_DEPTH)):
        return "gain map"
    if picture.says(_MATTE[:2]):
        return "matte"
    if picture.says(_DEPTH):
        return "depth"
    if kind in _PREVIEWS:
        return "preview"
    return "view" if kind in _VIEWS else "picture"
