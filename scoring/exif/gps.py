"""Where a photo was taken, in signed degrees and metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photoidx.scoring.exif.values import number, numbers, text

if TYPE_CHECKING:
    from photoidx.scoring.exif.reader import Tags

_SIGNS = {"N": 1, "E": 1, "S": -1, "W": -1}
_BELOW_SEA = (1, 3)  # since EXIF 3.0 also 3: below it, of the height above the ellipsoid
_DEEPEST_M = -12_000
_HIGHEST_M = 100_000
_SIXTY = 60


@dataclass(frozen=True)
class Place:
    """A point on the earth; what the file doesn't tell is None."""

    lat: float | None = None
    lon: float | None = None
    alt_m: float | None = None


def place(tags: Tags) -> Place:
    """Read the place. Without its hemisphere, or at exactly 0, 0 (a receiver without a fix), there is none."""
    lat = _degrees(tags, "GPS GPSLatitude", 90)
    lon = _degrees(tags, "GPS GPSLongitude", 180)
    if lat is None or lon is None or (lat == 0 and lon == 0):
        lat = lon = None
    return Place(lat, lon, _altitude(tags))


def _degrees(tags: Tags, name: str, most: int) -> float | None:
    sign = _SIGNS.get((text(tags, f"{name}Ref") or "")[:1].upper())
    parts = numbers(tags, name)[:3]
    if sign is None or not parts or parts[0] is None:
        return None
    total = 0.0
    for power, part in enumerate(parts):
        if part is None and power == len(parts) - 1:
            continue  # seconds of 0/0 stand for "not given"
        if part is None or part < 0 or (power and part > _SIXTY):
            return None
        total += part / _SIXTY**power
    return sign * total + 0.0 if total <= most else None  # no -0.0


def _altitude(tags: Tags) -> float | None:
    height = number(tags, "GPS GPSAltitude")
    if height is None:
        return None
    if number(tags, "GPS GPSAltitudeRef") in _BELOW_SEA:
        height = -abs(height)
    return height if _DEEPEST_M <= height <= _HIGHEST_M else None
