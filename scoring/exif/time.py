"""When a photo was taken, of all that its file says. A time that the file doesn't tell stays None."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from photoidx.scoring.exif.values import numbers, text
from photoidx.scoring.exif.written_time import FIRST_YEAR, WrittenTime, in_utc, parse_offset, parse_time

if TYPE_CHECKING:
    from photoidx.scoring.exif.reader import Tags
    from photoidx.scoring.exif.xmp import Xmp

_DAY = re.compile(r"(\d{4})\D(\d{1,2})\D(\d{1,2})", re.ASCII)
_MINUTES = 60


@dataclass(frozen=True)
class Taken:
    """The moment of the shot: local, in UTC where the file knows its offset, and by the satellites' clock.

    `source` says what told it: exif, xmp, iptc or png. Where only a day is told, `local` is None and `day` is known to
    `precision`: day, month or year.
    """

    local: datetime | None = None
    utc: datetime | None = None
    offset_min: int | None = None
    source: str | None = None
    day: date | None = None
    precision: str | None = None
    gps_utc: datetime | None = None


Told = tuple[str, WrittenTime | None]


def taken(tags: Tags, xmp: Xmp | None = None, iptc: Iterable[Told] = (), png: str | None = None) -> Taken:
    """Choose the time of the shot: what is told of the original first, then of digitising or of making the file.

    In each of both EXIF goes before XMP, and XMP before IPTC. A whole time goes before a day alone. The time of the
    last change is none of them. `iptc` are the two that IPTC has; `png` is PNG's own text "Creation Time".
    """
    originals, digitised = [*iptc][:1], [*iptc][1:]
    told = [*_of_exif(tags, "Original"), *_of_xmp(xmp, original=True), *originals]
    told += [*_of_exif(tags, "Digitized"), *_of_xmp(xmp, original=False), *digitised, ("png", _png_time(png))]
    known = [(source, time) for source, time in told if time is not None]
    gps = _gps_time(tags)
    offset = parse_offset(text(tags, "EXIF OffsetTimeOriginal", "Image OffsetTimeOriginal"))
    if not known:
        return Taken(gps_utc=gps, offset_min=offset)
    source, time = next(((source, time) for source, time in known if time.local is not None), known[0])
    own = time.offset_min if time.offset_min is not None else offset if source == "exif" else None
    return Taken(time.local, in_utc(time.local, own), own, source, time.day, time.precision, gps)


def _of_exif(tags: Tags, which: str) -> Iterator[Told]:
    for place in ("EXIF", "Image"):
        name = f"{place} DateTime{which}"
        if name in tags:
            time = parse_time(text(tags, name), text(tags, f"{place} SubSecTime{which}"))
            if time is not None and time.offset_min is None:
                zone = parse_offset(text(tags, f"{place} OffsetTime{which}"))
                time = WrittenTime(time.day, time.precision, time.local, zone)
            yield "exif", time


def _of_xmp(xmp: Xmp | None, *, original: bool) -> Iterator[Told]:
    for written in () if xmp is None else xmp.originals if original else xmp.digitised:
        yield "xmp", parse_time(written)


def _png_time(written: str | None) -> WrittenTime | None:
    """Read PNG's "Creation Time", which the standard wants as in e-mail and programs write as they like."""
    time = parse_time(written)
    if time is not None or not written:
        return time
    try:
        found = parsedate_to_datetime(written)
    except (ValueError, TypeError, OverflowError):
        return None
    offset = found.utcoffset()
    local = found.replace(tzinfo=None)
    if local.year < FIRST_YEAR:
        return None
    return WrittenTime(local.date(), "second", local, None if offset is None else int(offset.total_seconds()) // 60)


def _gps_time(tags: Tags) -> datetime | None:
    day = _DAY.match(text(tags, "GPS GPSDate", "GPS GPSDateStamp") or "")
    clock = numbers(tags, "GPS GPSTimeStamp")[:3]
    if day is None or len(clock) != len(day.groups()):
        return None
    year, month, date_ = map(int, day.groups())
    hour, minute, second = clock
    if hour is None or minute is None or second is None or year < FIRST_YEAR:
        return None
    if not (0 <= hour < 24 and 0 <= minute < _MINUTES and 0 <= second < _MINUTES):  # noqa: PLR2004 - a clock
        return None
    try:
        midnight = datetime(year, month, date_)  # noqa: DTZ001 - UTC by definition, kept naive as the table's column is
        return midnight + timedelta(hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError):
        return None
