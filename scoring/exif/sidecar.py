"""The stage that reads sidecars: what other programs wrote beside a photo."""

from __future__ import annotations

from typing import Any, ClassVar

import pyarrow as pa

from photoidx.errors import PhotoError
from photoidx.records import TAKEOUT, Kind
from photoidx.scoring.exif.takeout import Takeout, TakeoutError, parse_takeout
from photoidx.scoring.exif.time import taken
from photoidx.scoring.exif.written_time import in_utc, parse_offset, parse_time
from photoidx.scoring.exif.xmp import Xmp, XmpError, parse_xmp
from photoidx.stage import Photo, PhotoStage, Rows, TableSpec, column

_TEXT, _MOMENT, _FLOAT = pa.string(), pa.timestamp("us"), pa.float64()
_SPEC = TableSpec(
    "sidecars",
    "What a sidecar says about its photo: an XMP file, or the JSON of Google Takeout.",
    (
        column("rating", pa.int8(), "Stars from 0 to 5; -1 means rejected."),
        column("label", _TEXT, "The colour or word that the photo is labelled with; colours in English."),
        column("pick", _TEXT, "digiKam's pick label: rejected, pending or accepted."),
        column("is_favourite", pa.bool_(), "Whether it is one of Google Photos' favourites."),
        column("keywords", pa.list_(_TEXT), "Keywords, in the sidecar's order; of hierarchical ones the last level."),
        column("keyword_paths", pa.list_(_TEXT), 'Hierarchical keywords, with "|" between the levels.'),
        column("people", pa.list_(_TEXT), "Names of people in the picture."),
        column("title", _TEXT, "The title, in the first language given."),
        column("caption", _TEXT, "The caption or description."),
        column("comments", pa.list_(_TEXT), "Further texts that people wrote."),
        column("location", _TEXT, "The place in words, below the city."),
        column("city", _TEXT, "City, as people wrote it."),
        column("region", _TEXT, "State or province, as people wrote it."),
        column("country", _TEXT, "Country, as people wrote it."),
        column("taken_at", _MOMENT, "Time of the shot: local, or in UTC where no other is told (Takeout)."),
        column("taken_at_utc", _MOMENT, "The same in UTC, where its offset is known."),
        column("utc_offset_min", pa.int16(), "Minutes east of UTC; 0 for a time that is told in UTC."),
        column("taken_on", pa.date32(), "The day of the shot; of a month or a year alone its first."),
        column("taken_on_precision", _TEXT, "How well the day is known: second, day, month or year."),
        column("is_original", pa.bool_(), "Whether the time is told as that of the shot, not of digitising."),
        column("gps_lat", _FLOAT, "Latitude in degrees, south negative."),
        column("gps_lon", _FLOAT, "Longitude in degrees, west negative."),
        column("gps_alt_m", _FLOAT, "Height above the sea in metres, below it negative."),
    ),
)


class Sidecar(PhotoStage):
    """Reads an XMP sidecar or Takeout's JSON. An AAE holds nothing of it: its row is empty."""

    name = "sidecar"
    version = 2
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.SIDECAR})
    needs = "bytes"
    tables = (_SPEC,)

    def run(self, photo: Photo) -> Rows:
        """Read one sidecar. Malformed XML or JSON is a failure of that file."""
        row: dict[str, Any] = dict.fromkeys(field.name for field in _SPEC.columns)
        try:
            if photo.format == "xmp":
                row |= _of_xmp(parse_xmp(photo.data))
            elif photo.format == TAKEOUT:
                row |= _of_takeout(parse_takeout(photo.data))
        except XmpError as error:
            raise PhotoError(f"the sidecar is no XMP: {error}", stage="sidecar") from error
        except TakeoutError as error:
            raise PhotoError(f"the sidecar is no JSON: {error}", stage="sidecar") from error
        return {"sidecars": [row]}


def _of_xmp(found: Xmp) -> dict[str, Any]:
    time = taken({}, found)
    offset = time.offset_min if time.offset_min is not None else parse_offset(found.offset)
    lists = {name: list(getattr(found, name) or ()) for name in ("keywords", "keyword_paths", "people", "comments")}
    names = ("rating", "label", "pick", "title", "caption", "location", "city", "region", "country")
    return {
        **{name: getattr(found, name) for name in names},
        **{name: values or None for name, values in lists.items()},
        "taken_at": time.local,
        "taken_at_utc": in_utc(time.local, offset),
        "utc_offset_min": offset if time.local is not None else None,
        "taken_on": time.day,
        "taken_on_precision": time.precision,
        "is_original": None if time.day is None else any(parse_time(each) for each in found.originals),
        "gps_lat": found.lat,
        "gps_lon": found.lon,
        "gps_alt_m": found.alt_m,
    }


def _of_takeout(found: Takeout) -> dict[str, Any]:
    known = found.taken_utc is not None
    return {
        "is_favourite": found.is_favourite,
        "people": list(found.people) or None,
        "caption": found.caption,
        "taken_at": found.taken_utc,
        "taken_at_utc": found.taken_utc,
        "utc_offset_min": 0 if known else None,
        "taken_on": found.taken_utc.date() if found.taken_utc else None,
        "taken_on_precision": "second" if known else None,
        "is_original": True if known else None,
        "gps_lat": found.lat,
        "gps_lon": found.lon,
        "gps_alt_m": found.alt_m,
    }
