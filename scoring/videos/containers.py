"""How long a video is, and when and where it was filmed, by the headers of MP4, MOV, AVI and Matroska.

QuickTime File Format (Apple), ISO/IEC 14496-12, AVI RIFF (Microsoft), Matroska (RFC 9559).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from photoidx.scoring.exif.values import clean
from photoidx.scoring.exif.written_time import WrittenTime, parse_time

_EPOCH_OF_QUICKTIME, _EPOCH_OF_MATROSKA = datetime(1904, 1, 1), datetime(2001, 1, 1)  # noqa: DTZ001 - UTC by definition
_MOST_BOXES = 10_000
_LONGEST_S = 10 * 366 * 86_400.0
_ISO_6709 = re.compile(r"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?", re.ASCII)
_ASCTIME = re.compile(r"\w{3} +(\w{3}) +(\d{1,2}) +(\d\d):(\d\d):(\d\d) +(\d{4})", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_APPLE = "com.apple.quicktime."
_INFO, _DURATION, _SCALE, _DATE = b"\x15\x49\xa9\x66", 0x4489, 0x2AD7B1, 0x4461
_CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"udta"))


@dataclass(frozen=True)
class Video:
    """What the header tells; what it doesn't is None. `taken` is local time; `made_utc` when the file was begun."""

    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    taken: WrittenTime | None = None
    made_utc: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    alt_m: float | None = None
    make: str | None = None
    model: str | None = None


def read_video(head: bytes) -> Video:
    """Read a header as `video_head` gives it. Never raises; what is broken is None."""
    try:
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            return _avi(head)
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            return _matroska(head)
        return _quicktime(head)
    except (struct.error, OverflowError, IndexError, ValueError):
        return Video()


def _quicktime(head: bytes) -> Video:
    found = Video()
    texts: dict[str, str] = {}
    for kind, body in _all_boxes(head, 0):
        if kind == b"mvhd" and found.duration_s is None:
            duration_s, made_utc = _movie_header(body)
            found = replace(found, duration_s=duration_s, made_utc=made_utc)
        elif kind == b"tkhd":
            width, height = (int.from_bytes(body[at : at + 4], "big") >> 16 for at in (len(body) - 8, len(body) - 4))
            if width and height and (found.width or 0) < width:
                found = replace(found, width=width, height=height)
        elif kind == b"meta":
            texts |= _keyed(body)
        elif kind[:1] == b"\xa9" and len(body) > 4:  # noqa: PLR2004 - a length and a language stand before the text
            texts.setdefault(kind[1:].decode("latin-1"), clean(body[4 : 4 + int.from_bytes(body[:2], "big")]) or "")
    lat, lon, alt = _point(texts.get(f"{_APPLE}location.ISO6709") or texts.get("xyz"))
    told = (parse_time(texts.get(name)) for name in (f"{_APPLE}creationdate", "day"))
    return replace(
        found,
        taken=next((time for time in told if time is not None and time.local is not None), None),
        lat=lat,
        lon=lon,
        alt_m=alt,
        make=texts.get(f"{_APPLE}make") or texts.get("mak"),
        model=texts.get(f"{_APPLE}model") or texts.get("mod"),
    )


def _movie_header(body: bytes) -> tuple[float | None, datetime | None]:
    """Return how long the film is, and when it was begun in UTC."""
    if body[0] == 1:
        made, _, scale, length = struct.unpack_from(">QQIQ", body, 4)
    else:
        made, _, scale, length = struct.unpack_from(">IIII", body, 4)
    unknown = not scale or length in {0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF} or length / scale > _LONGEST_S
    return None if unknown else length / scale, _moment(_EPOCH_OF_QUICKTIME, made) if made else None


def _moment(epoch: datetime, seconds: float) -> datetime | None:
    """Return a moment after an epoch; none for what is before there were digital films: a clock that was not set."""
    found = epoch + timedelta(seconds=seconds)
    return found if 1985 <= found.year < 2040 else None  # 2040 is where 32 bits end  # noqa: PLR2004


def _boxes(data: bytes, start: int) -> Iterator[tuple[bytes, bytes]]:
    """Return kind and content of one box after another; kinds may be any bytes."""
    at = start
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size < header:
            return
        yield kind, data[at + header : at + size]
        at += size


def _all_boxes(data: bytes, depth: int) -> Iterator[tuple[bytes, bytes]]:
    for kind, body in _boxes(data, 0):
        if kind in _CONTAINERS and depth < 5:  # noqa: PLR2004 - trak below moov, udta below trak
            yield from _all_boxes(body, depth + 1)
        else:
            yield kind, body


def _keyed(body: bytes) -> dict[str, str]:
    """Read QuickTime's metadata: names in `keys`, values in `ilst`, by number."""
    start = 0 if body[4:8] in {b"hdlr", b"keys", b"ilst"} else 4
    parts = dict(_boxes(body, start))
    names, keys, at = [], parts.get(b"keys", b""), 8
    for _ in range(min(int.from_bytes(keys[4:8], "big"), 1000)):
        size = int.from_bytes(keys[at : at + 4], "big")
        names.append(keys[at + 8 : at + size].decode("utf-8", "replace"))
        at += max(size, 8)
    found = {}
    for kind, item in _boxes(parts.get(b"ilst", b""), 0):
        number = int.from_bytes(kind, "big") - 1
        for inner, value in _boxes(item, 0):
            if inner == b"data" and 0 <= number < len(names) and value[:4] == b"\0\0\0\1":
                found[names[number]] = clean(value[8:]) or ""
    return found


def _point(written: str | None) -> tuple[float | None, float | None, float | None]:
    """Read a place as ISO 6709 writes it: +47.5000+008.2500+430.000/."""
    match = _ISO_6709.match(written or "")
    if match is None:
        return None, None, None
    lat, lon, alt = (float(part) if part else None for part in match.groups())
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180 or (lat, lon) == (0, 0):  # noqa: PLR2004
        return None, None, None
    return lat, lon, alt


def _avi(head: bytes) -> Video:
    at = head.find(b"avih")
    if at < 0:
        return Video()
    microseconds, _, _, _, frames = struct.unpack_from("<5I", head, at + 8)
    width, height = struct.unpack_from("<2I", head, at + 8 + 32)
    length = microseconds * frames / 1e6
    return Video(length if 0 < length < _LONGEST_S else None, width or None, height or None, _avi_time(head))


def _avi_time(head: bytes) -> WrittenTime | None:
    at = head.find(b"IDIT")
    if at < 0:
        return None
    written = clean(head[at + 8 : at + 8 + min(int.from_bytes(head[at + 4 : at + 8], "little"), 100)])
    match = _ASCTIME.search(written or "")
    if match is None or match[1].lower() not in _MONTHS:
        return parse_time(written)
    month = _MONTHS.index(match[1].lower()) + 1
    return parse_time(f"{match[6]}-{month:02d}-{match[2]} {match[3]}:{match[4]}:{match[5]}")


def _matroska(head: bytes) -> Video:
    at = head.find(_INFO)
    if at < 0:
        return Video()
    size, at = _number(head, at + 4, keep_mark=False)
    end = min(at + size, len(head))
    length, scale, made = None, 1_000_000, None
    while at < end:
        name, at = _number(head, at, keep_mark=True)
        size, at = _number(head, at, keep_mark=False)
        body = head[at : at + size]
        at += size
        if name == _DURATION:
            (length,) = struct.unpack(">f" if size == 4 else ">d", body)  # noqa: PLR2004
        elif name == _SCALE:
            scale = int.from_bytes(body, "big")
        elif name == _DATE:
            made = _moment(_EPOCH_OF_MATROSKA, int.from_bytes(body, "big", signed=True) / 1e9)
    seconds = None if length is None else length * scale / 1e9
    return Video(seconds if seconds is not None and 0 < seconds < _LONGEST_S else None, made_utc=made)


def _number(data: bytes, at: int, *, keep_mark: bool) -> tuple[int, int]:
    """Read one of EBML's numbers, whose first byte tells how long it is; return it and where it ends."""
    first = data[at]
    length = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_mark else value & ((1 << 7 * length) - 1)), at + length
