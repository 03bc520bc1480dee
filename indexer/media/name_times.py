# ruff: noqa: RUF001 - words of many languages
"""A time or a day that a file's name carries, as phones, messengers, scanners and screenshots write it.

What a program writes of a file's later life is no time of the photo: a sync conflict, a copy, an older version. A day
alone, as of a messenger's `IMG-20190704-WA0012`, is a day. Google's `PXL_` names tell UTC, whatever the place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

_DATE = (
    r"(?P<year>(?:19|20)\d\d)(?:(?P<sep>[-_.]?)(?P<month>\d\d)(?P=sep)(?P<day>\d\d)|"
    r"(?:年|년) ?(?P<month2>\d{1,2})(?:月|월) ?(?P<day2>\d{1,2})(?:日|일))"
)
_HALVES = "上午|下午|午前|午後|오전|오후"
# A clock of two-digit parts without a sign between them, or of parts with one and the same sign.
_COMPACT = r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)"
_SIGNED = (
    rf"(?P<before>(?:{_HALVES})[ \u202f\u00a0]?)?(?P<hour>\d{{1,2}})(?P<sign>[-_.:\u2236\ua789\uff1ah時点 ])"
    r"(?P<minute>\d\d)(?:(?P=sign)|[m分])(?P<second>\d\d)[s秒]?"
)
_AFTER = (
    rf"(?:(?P<gap>[-_.]?)(?P<millis>\d{{3}})(?!\d))?(?!\d)"
    rf"(?:[ _\u202f\u00a0]?(?P<after>[ap]\.?[ \u202f\u00a0]?m\b\.?|{_HALVES}))?"
    r"(?P<zone>Z(?![^\W_])|[+-]\d\d:?\d\d(?!\d))?"
)
# Between the day and the clock stands a sign; or a word of whatever language, as in "um", "à", "a las", "alle ore".
_SIGN, _WORD = r"[-_ T.,]{0,3}", r"[ ,_-]{0,2}[^\W\d]{1,6}\.?(?: [^\W\d]{1,5}\.?)?[ _-]|[ ,]*[^\W\d_]?"
_TIMES = (
    *(
        re.compile(rf"(?<!\d){_DATE}(?:{between}){clock}{_AFTER}", re.IGNORECASE)
        for between, clock in ((_SIGN, _COMPACT), (_SIGN, _SIGNED), (_WORD, _SIGNED))
    ),
    re.compile(rf"(?<!\d){_DATE}[-_]{_COMPACT}\d\d(?!\d)"),  # Epson's scanners count with two digits more
)
_DAY = re.compile(rf"(?<!\d){_DATE}(?!\d)")
_DAY_BEFORE_YEAR = re.compile(r"(?<!\d)\d{1,2}[-_. ]\d{1,2}[-_. ]$")  # 04-07-2019: nobody knows which is the month
_FACEBOOK = re.compile(r"^(?=.*\d{10})[\d_]+_[a-z]$")  # long numbers that are no times
_PIXEL = "pxl_"

# What is written of a file later on, in the words of the programs' languages.
_CONFLICT = (
    r"confli[ck]t|konfli|conflit|conflict|ristiriit|ütköz|çakış|çakis|конфлик|конфлік|σύγκρουσ|冲突|衝突|競合|"
    r"충돌|ขัดแย้ง"
)
_COPY = r"copy|copie|copia|cópia|kopie|kopia|kopi|kópia|kopio|másolat|копия|копія|αντίγραφο|副本|コピー|사본|복사본"
_LATER = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\([^()]*(?:{_CONFLICT}|{_COPY})[^()]*\)?",
        r"(?<=.)[-._ ](?:sync-|sf)?conflict(?:ed)?[-_ .]?(?:copy)?[-_ .]?\d.*$",
        rf"(?<=.)[-_ ]+(?:{_COPY}|backup|bak)[-_ ]+\(?\d.*$",
        r"(?<=.)~\d{8}-\d{6}",  # Syncthing's older versions
        r"(?<=.)[-_.](?:backup|bak)[-_.]?\d{8}.*$",
    )
)


@dataclass(frozen=True, slots=True)
class NameTime:
    """What a name tells: a day, and the local time if it has a full one. `offset_min` is 0 for one that is in UTC."""

    day: date
    local: datetime | None = None
    offset_min: int | None = None


def time_in_name(name: str) -> NameTime | None:
    """Return the time or the day in a file's name; None if it carries no possible one."""
    stem = name.rpartition(".")[0] or name
    if not any(char.isdigit() for char in stem):
        return None
    stem = _of_the_photo(stem if stem.isascii() else unicodedata.normalize("NFC", stem))
    if _FACEBOOK.match(stem):
        return None
    for pattern in _TIMES:
        for found in _found(pattern, stem):
            told = _time(found, stem)
            if told is not None:
                return told
    for found in _found(_DAY, stem):
        day = _day(found)
        if day is not None and not _has_clock(stem[found.end() :]):
            return NameTime(day)
    return None


def name_columns(name: str) -> dict[str, date | datetime | int | None]:
    """Return what a name tells as the columns of the table `files` that hold it."""
    told = time_in_name(name)
    if told is None:
        return {"name_time": None, "name_day": None, "name_offset_min": None}
    return {"name_time": told.local, "name_day": told.day, "name_offset_min": told.offset_min}


def _of_the_photo(stem: str) -> str:
    """Take away what says when a copy was made, or when two devices disagreed."""
    for pattern in _LATER:
        stem = pattern.sub("", stem)
    return stem


def _found(pattern: re.Pattern[str], stem: str) -> Iterator[re.Match[str]]:
    return (found for found in pattern.finditer(stem) if not _DAY_BEFORE_YEAR.search(stem[: found.start()]))


def _has_clock(rest: str) -> bool:
    """Return whether a clock stands after the day, which then is an impossible one: the number is no time at all."""
    return re.match(r"[-_ T]?\d{6}(?!\d)", rest) is not None


def _time(found: re.Match[str], stem: str) -> NameTime | None:
    day = _day(found)
    if day is None:
        return None
    parts = found.groupdict()
    has_letters = any(char.isalpha() for char in stem[: found.start()])
    millis = parts.get("millis") or "0"
    if parts.get("millis") and not parts.get("gap") and not parts["sep"] and not has_letters and not parts.get("sign"):
        return None if _is_one_run(found) else _built(found, day, parts, millis, stem)
    if parts.get("gap") == "_" and not has_letters:  # Samsung's number of a frame
        millis = "0"
    return _built(found, day, parts, millis, stem)


def _is_one_run(found: re.Match[str]) -> bool:
    """Return whether a time is one run of digits: seventeen of them, with no letter before, may be any number."""
    return found[0][:17].isdigit()


def _built(found: re.Match[str], day: date, parts: dict[str, str | None], millis: str, stem: str) -> NameTime | None:
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    half = re.sub(r"[^\w]", "", (parts.get("before") or parts.get("after") or "")).lower()
    if half in {"pm", "下午", "午後", "오후"} and hour < 12:  # noqa: PLR2004 - noon
        hour += 12
    elif half in {"am", "上午", "午前", "오전"} and hour == 12:  # noqa: PLR2004 - midnight
        hour = 0
    try:
        local = datetime(day.year, day.month, day.day, hour, minute, second, int(millis) * 1000)  # noqa: DTZ001 - local
    except ValueError:
        return None
    return NameTime(day, local, _offset(parts.get("zone"), stem[: found.start()]))


def _offset(zone: str | None, before: str) -> int | None:
    if before.lower().endswith(_PIXEL) or (zone or "").upper() == "Z":
        return 0
    if zone is None:
        return None
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return -minutes if zone[0] == "-" else minutes


def _day(found: re.Match[str]) -> date | None:
    parts = found.groupdict()
    try:
        return date(
            int(parts["year"]),
            int(parts["month"] or parts["month2"] or 0),
            int(parts["day"] or parts["day2"] or 0),
        )
    except ValueError:
        return None
