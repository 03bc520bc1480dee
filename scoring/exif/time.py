"""When a photo was taken. A time that the file doesn't tell stays None."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from photoidx.scoring.exif.values import numbers, text

if TYPE_CHECKING:
    from photoidx.scoring.exif.reader import Tags

_MOMENT = re.compile(r"(\d{4})\D(\d{1,2})\D(\d{1,2})\D(\d{1,2})\D(\d{1,2})\D(\d{1,2})(?:\.(\d+))?", re.ASCII)
_DAY = re.compile(r"(\d{4})\D(\d{1,2})\D(\d{1,2})", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{1,2}):(\d{2})", re.ASCII)
_FIRST_YEAR = 1826  # the oldest photograph that survives
_WIDEST_OFFSET_MIN = 14 * 60
_MINUTES = 60


@dataclass(frozen=True)
class Taken:
    """The moment of the shot: local, in UTC where the file knows its offset, and by the satellites' clock."""

    local: datetime | None
    utc: datetime | None
    offset_min: int | None
    gps_utc: datetime | None


def taken(tags: Tags) -> Taken:
    """Read the time of the shot, or else of digitising. The time of the last change is not taken for it."""
    local = _moment(tags, "EXIF DateTimeOriginal", "EXIF SubSecTimeOriginal")
    local = local or _moment(tags, "Image DateTimeOriginal", "Image SubSecTimeOriginal")
    local = local or _moment(tags, "EXIF DateTimeDigitized", "EXIF SubSecTimeDigitized")
    offset = parse_offset(text(tags, "EXIF OffsetTimeOriginal", "Image OffsetTimeOriginal"))
    return Taken(local, _utc(local, offset), offset, _gps_time(tags))


def parse_moment(written: str | None, sub_seconds: str | None = None) -> datetime | None:
    """Read EXIF's "2024:05:06 07:08:09", with the digits after the second if there are any."""
    match = _MOMENT.match(written or "")
    if match is None:
        return None
    *parts, inline = match.groups()
    digits = re.match(r"\d*", (sub_seconds or "").strip(), re.ASCII)
    fraction = (digits.group() if digits else "") or inline or ""
    year, month, day, hour, minute, second = map(int, parts)
    if year < _FIRST_YEAR:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, int(f"{fraction:0<6}"[:6]))  # noqa: DTZ001 - local
    except ValueError:
        return None


def parse_offset(written: str | None) -> int | None:
    """Read "+02:00" as minutes east of UTC. "Z" is 0."""
    if written == "Z":
        return 0
    match = _OFFSET.fullmatch(written or "")
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    total = int(hours) * _MINUTES + int(minutes)
    if int(minutes) >= _MINUTES or total > _WIDEST_OFFSET_MIN:
        return None
    return -total if sign == "-" else total


def _moment(tags: Tags, name: str, sub_name: str) -> datetime | None:
    return parse_moment(text(tags, name), text(tags, sub_name))


def _utc(local: datetime | None, offset_min: int | None) -> datetime | None:
    if local is None or offset_min is None:
        return None
    try:
        return local - timedelta(minutes=offset_min)
    except OverflowError:
        return None


def _gps_time(tags: Tags) -> datetime | None:
    day = _DAY.match(text(tags, "GPS GPSDate", "GPS GPSDateStamp") or "")
    clock = numbers(tags, "GPS GPSTimeStamp")[:3]
    if day is None or len(clock) != len(day.groups()):
        return None
    year, month, date = map(int, day.groups())
    hour, minute, second = clock
    if hour is None or minute is None or second is None or year < _FIRST_YEAR:
        return None
    if not (0 <= hour < 24 and 0 <= minute < _MINUTES and 0 <= second < _MINUTES):  # noqa: PLR2004 - a clock
        return None
    try:
        midnight = datetime(year, month, date)  # noqa: DTZ001 - UTC by definition, kept naive as the table's column is
        return midnight + timedelta(hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError):
        return None
