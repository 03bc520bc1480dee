"""Moments as people write them: `2 hours ago`, `yesterday 14:00`, `2026-11-25 09:30`; and as they are told back."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_AGO = re.compile(
    r"(?P<count>\d+(?:\.\d+)?|an?|one) ?(?P<unit>s(?:ec(?:ond)?)?|m(?:in(?:ute)?)?|h(?:our)?|d(?:ay)?|w(?:eek)?)s? ago"
)
_DAY = re.compile(r"(?:(?P<day>today|yesterday)(?: at)?)? ?(?P<time>\d{1,2}:\d{2}(?::\d{2})?)?")
HOW = "Write it as `2 hours ago`, `yesterday 14:00`, `09:30` (today) or `2026-11-25 14:00`."


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment that a text means, with a zone. `now` has one: it is that of times without their own.

    A day alone means its beginning. Raises ValueError, with what can be written, for another text or a time to come.
    """
    words = " ".join(text.lower().split())
    try:
        found = _ago(words, now) or _on_a_day(words, now) or _iso(text.strip(), now)
    except OverflowError:
        raise ValueError(f"{text!r} is further back than times reach. {HOW}") from None
    if found is None:
        raise ValueError(f"{text!r} is no moment. {HOW}")
    if found > now:
        raise ValueError(f"{text!r} is {spelt(found)}, which is still to come.")
    return found


def spelt(moment: datetime) -> str:
    """Spell a moment as `parse_moment` takes it, in its own zone and to the second, rounded up: `2026-11-25 14:00:05`.

    Rounded up, it is not before the state that it tells of.
    """
    whole = moment.replace(microsecond=0) + timedelta(seconds=1) if moment.microsecond else moment
    return whole.isoformat(sep=" ")


def _ago(words: str, now: datetime) -> datetime | None:
    found = _AGO.fullmatch(words)
    if found is None:
        return None
    count = float(found["count"]) if found["count"][0].isdigit() else 1.0
    unit = next(each for name, each in _UNITS.items() if name.startswith(found["unit"][0]))
    return now - count * unit


def _on_a_day(words: str, now: datetime) -> datetime | None:
    found = _DAY.fullmatch(words)
    if found is None or not words:
        return None
    hour, minute, second = (*map(int, (found["time"] or "0:00").split(":")), 0)[:3]
    day = now.date() - timedelta(days=found["day"] == "yesterday")
    try:
        clock = datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001 - the zone comes next
    except ValueError:
        return None
    return _in_zone_of(now, clock)


def _iso(text: str, now: datetime) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else _in_zone_of(now, found)


def _in_zone_of(now: datetime, clock: datetime) -> datetime:
    """Take a time of day as one of the zone's. Where `now` knows only its offset, the system's zone knows more.

    The offset may have been another on that day: summer time.
    """
    local = clock.astimezone()
    return local if now.utcoffset() == now.astimezone().utcoffset() else clock.replace(tzinfo=now.tzinfo)
