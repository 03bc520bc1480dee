"""What Google Takeout's JSON says about a photo: time, place, words, people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from photoidx.scoring.exif.values import as_float, clean
from photoidx.scoring.exif.written_time import FIRST_YEAR

_LONGEST = 4 << 20
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the table's times are naive
_MOST_PEOPLE = 1000


class TakeoutError(Exception):
    """The file is no JSON."""


@dataclass(frozen=True)
class Takeout:
    """What the file says; what it doesn't say is None, or empty. `taken_utc` is in UTC: it tells no place's clock."""

    taken_utc: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    alt_m: float | None = None
    title: str | None = None
    caption: str | None = None
    people: tuple[str, ...] = ()
    is_favourite: bool | None = None


def parse_takeout(data: bytes) -> Takeout:
    """Read one file. JSON that is not Takeout's says nothing. Raises TakeoutError."""
    if len(data) > _LONGEST:
        raise TakeoutError(f"it is {len(data)} bytes long; {_LONGEST} are read at most")
    try:
        told = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise TakeoutError(str(error)) from error
    if not isinstance(told, dict) or not {"photoTakenTime", "creationTime", "url"} & told.keys():
        return Takeout()
    lat, lon, alt = _place(told.get("geoData"), told.get("geoDataExif"))
    people = told.get("people")
    names = (clean(each.get("name")) for each in people if isinstance(each, dict)) if isinstance(people, list) else ()
    favourite = told.get("favorited")
    return Takeout(
        taken_utc=_time(told.get("photoTakenTime")),
        lat=lat,
        lon=lon,
        alt_m=alt,
        caption=clean(told.get("description")),
        people=_each_once(names),
        is_favourite=favourite if isinstance(favourite, bool) else None,
    )


def _each_once(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))[:_MOST_PEOPLE]


def _time(told: Any) -> datetime | None:
    """Read the seconds since 1970, which may be negative. Google writes 0 for a photo whose time it doesn't know."""
    raw = told.get("timestamp") if isinstance(told, dict) else None
    try:
        seconds = int(raw) if isinstance(raw, (str, int)) and not isinstance(raw, bool) else 0
        found = _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None
    return found if seconds and found.year >= FIRST_YEAR else None


def _place(*told: Any) -> tuple[float | None, float | None, float | None]:
    """Return the first place that there is; 0, 0 stands for none."""
    for each in told:
        if isinstance(each, dict):
            lat, lon, alt = (as_float(each.get(name)) for name in ("latitude", "longitude", "altitude"))
            if lat is not None and lon is not None and (lat, lon) != (0, 0) and abs(lat) <= 90 and abs(lon) <= 180:  # noqa: PLR2004
                return lat, lon, alt or None
    return None, None, None
