"""Times as programs write them: EXIF's, XMP's (ISO 8601), IPTC's; whole ones, and days, months and years alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

FIRST_YEAR = 1826  # the oldest photograph that survives
_WIDEST_OFFSET_MIN = 14 * 60
_MINUTES = 60
_NOON = 12
_KK_MIDNIGHT = 24

_MERIDIEM = {
    **dict.fromkeys(("am", "上午", "午前", "오전"), "am"),
    **dict.fromkeys(("pm", "下午", "午後", "오후"), "pm"),
}
_HALF = r"(?:[ap]\.?\s?m\b\.?|上午|下午|午前|午後|오전|오후)"
_DAY = re.compile(r"\s*(\d{4})(?:\D(\d{1,2})(?:\D(\d{1,2})日?)?)?(?=$|[\sT,:_-])", re.ASCII)
_CLOCK = re.compile(
    rf"[\sT,:_-]*({_HALF})?\s*(\d{{1,2}})[:.\-h](\d{{1,2}})(?:[:.\-m](\d{{1,2}})(?:[.,:](\d+))?)?"
    rf"(?:\s*({_HALF}))?\s*(Z|UTC|GMT|[+-]\d{{1,2}}(?::?\d{{2}})?)?",
    re.IGNORECASE | re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """A time as it is written: a moment of local time, or only a day with its precision (day, month or year).

    `day` of a month or a year is its first. `offset_min` are minutes east of UTC, if they stand beside it.
    """

    day: date
    precision: str
    local: datetime | None = None
    offset_min: int | None = None

    @property
    def utc(self) -> datetime | None:
        """The moment in UTC, where its offset is known."""
        return in_utc(self.local, self.offset_min)


def parse_time(written: str | None, sub_seconds: str | None = None) -> WrittenTime | None:
    """Read "2024:05:06 07:08:09", "2024-05-06T07:08:09.25+02:00", "2017:05:16 1:48:24 pm", "1987-06", "1987".

    The digits after the second come from the text, or from EXIF's own field for them. Hour 24, which some phones write
    for the first hour of the day that the date names, is hour 0. What is no time is None.
    """
    match = _DAY.match(written or "")
    if match is None or written is None:
        return None
    year, month, day = (int(part) if part else 0 for part in match.groups())
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        return None
    if year < FIRST_YEAR:
        return None
    precision = "day" if month and day else "month" if month else "year"
    rest = written[match.end() :]
    if precision != "day" or not any(map(str.isdigit, rest)):
        return None if day and not month else WrittenTime(first, precision)
    return _with_clock(first, rest, sub_seconds)


def _with_clock(day: date, written: str, sub_seconds: str | None) -> WrittenTime | None:
    clock = _CLOCK.match(written)
    if clock is None:
        return None
    before, hour, minute, second, inline, after, zone = clock.groups()
    digits = re.match(r"\d*", (sub_seconds or "").strip(), re.ASCII)
    fraction = (digits.group() if digits else "") or inline or ""
    hours = hour_of(int(hour), before or after)
    try:
        local = datetime(  # noqa: DTZ001 - a camera writes local time
            *(day.year, day.month, day.day),
            *(0 if hours == _KK_MIDNIGHT else hours, int(minute), int(second or 0), int(f"{fraction:0<6}"[:6])),
        )
    except ValueError:
        return None
    return WrittenTime(day, "second", local, parse_offset(zone))


def hour_of(hour: int, half: str | None) -> int:
    """Return an hour of 24 from one of 12 and what marks the half of the day, in whatever language."""
    mark = _MERIDIEM.get(re.sub(r"[\s.]", "", half or "").lower())
    if mark == "pm" and hour < _NOON:
        return hour + _NOON
    return 0 if mark == "am" and hour == _NOON else hour


def parse_offset(written: str | None) -> int | None:
    """Read "+02:00", "+0200" or "+02" as minutes east of UTC. "Z" is 0."""
    if (written or "").upper() in {"Z", "UTC", "GMT"}:
        return 0
    match = _OFFSET.fullmatch(written or "")
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    total = int(hours) * _MINUTES + int(minutes or 0)
    if int(minutes or 0) >= _MINUTES or total > _WIDEST_OFFSET_MIN:
        return None
    return -total if sign == "-" else total


def in_utc(local: datetime | None, offset_min: int | None) -> datetime | None:
    """Return a local time in UTC; None where the offset is not known."""
    if local is None or offset_min is None:
        return None
    try:
        return local - timedelta(minutes=offset_min)
    except OverflowError:
        return None
