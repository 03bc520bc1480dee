"""The records of IPTC-IIM (version 4.2) that tell of words, places and times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from photoidx.scoring.exif.values import clean
from photoidx.scoring.exif.written_time import WrittenTime, parse_time

_MARK = b"\x1c"
_ENVELOPE, _APPLICATION = 1, 2
_CODED_CHARACTER_SET = 90
_UTF_8 = b"\x1b%G"
_EXTENDED = 0x8000
_RESOURCE = b"8BIM"
_IPTC_RESOURCE = 0x0404
_MOST = 2000  # data sets of one file
_TITLE, _CATEGORY, _KEYWORD, _INSTRUCTIONS, _HEADLINE, _CAPTION = 5, 20, 25, 40, 105, 120
_CITY, _LOCATION, _REGION, _COUNTRY = 90, 92, 95, 101
_CREATED, _DIGITISED = (55, 60), (62, 63)


@dataclass(frozen=True)
class Iptc:
    """What the records say. `created` and `digitised` are times; what is not said is None, or empty."""

    keywords: tuple[str, ...] = ()
    title: str | None = None
    caption: str | None = None
    comments: tuple[str, ...] = ()
    location: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    created: WrittenTime | None = None
    digitised: WrittenTime | None = None


def parse_iptc(block: bytes) -> Iptc:
    """Read the records, which may stand in Photoshop's image resources. Never raises."""
    texts: dict[int, list[str]] = {}
    as_utf8 = False
    for record, number, raw in records(in_resources(block) if block.startswith(_RESOURCE) else block):
        if record == _ENVELOPE and number == _CODED_CHARACTER_SET:
            as_utf8 = raw == _UTF_8
        elif record == _APPLICATION:
            text = clean(raw.decode("utf-8", "replace") if as_utf8 else raw)
            if text is not None:
                texts.setdefault(number, []).append(text)

    def first(*numbers: int) -> str | None:
        return next((texts[number][0] for number in numbers if number in texts), None)

    rest = [first(_HEADLINE) if _TITLE in texts else None, first(_INSTRUCTIONS)]
    return Iptc(
        keywords=tuple(dict.fromkeys([*texts.get(_KEYWORD, ()), *texts.get(_CATEGORY, ())])),
        title=first(_TITLE, _HEADLINE),
        caption=first(_CAPTION),
        comments=tuple(text for text in rest if text),
        location=first(_LOCATION),
        city=first(_CITY),
        region=first(_REGION),
        country=first(_COUNTRY),
        created=_time(*(first(number) for number in _CREATED)),
        digitised=_time(*(first(number) for number in _DIGITISED)),
    )


def records(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Return the data sets of a block: record, number, bytes. Ends at the first that is broken."""
    at = block.find(_MARK)
    for _ in range(_MOST):
        if not 0 <= at <= len(block) - 5:
            return
        record, number, size = block[at + 1], block[at + 2], int.from_bytes(block[at + 3 : at + 5], "big")
        at += 5
        if size & _EXTENDED:
            digits = size & ~_EXTENDED
            size = int.from_bytes(block[at : at + digits], "big")
            at += digits
        yield record, number, block[at : at + size]
        at = block.find(_MARK, at + size)


def in_resources(block: bytes) -> bytes:
    """Return the IPTC records among Photoshop's image resources; empty if there are none."""
    at = block.find(_RESOURCE)
    for _ in range(_MOST):
        if not 0 <= at < len(block) - 12:
            break
        number, name = int.from_bytes(block[at + 4 : at + 6], "big"), block[at + 6]
        start = at + 6 + (name + 2 & ~1) + 4
        size = int.from_bytes(block[start - 4 : start], "big")
        if number == _IPTC_RESOURCE:
            return block[start : start + size]
        at = block.find(_RESOURCE, start + size)
    return b""


def _time(day: str | None, clock: str | None) -> WrittenTime | None:
    """Read CCYYMMDD, where parts that are not known are zeros, and HHMMSS with its offset."""
    digits = "".join(char for char in day or "" if char.isdecimal())
    if len(digits) != len("CCYYMMDD"):
        return None
    written = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
    hands = "".join(char for char in clock or "" if char not in ": ")
    if len(hands) >= len("HHMMSS"):
        found = parse_time(f"{written} {hands[:2]}:{hands[2:4]}:{hands[4:6]}{hands[6:]}")
        if found is not None:
            return found
    found = parse_time(written)
    if found is None and digits[4:] == "0000":
        return WrittenTime(date(int(digits[:4]) or 1, 1, 1), "year") if int(digits[:4]) else None
    return found
