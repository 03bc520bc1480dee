"""The stage that reads EXIF: when, where and with what a photo was taken, and which burst it belongs to."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from photoidx.scoring.exif.container import look, register_formats
from photoidx.scoring.exif.gps import place
from photoidx.scoring.exif.reader import Tags, read_boxes, read_tags
from photoidx.scoring.exif.time import taken
from photoidx.scoring.exif.values import answer, clean, integer, number, numbers, tags_json, text
from photoidx.scoring.exif.xmp import Xmp, XmpError, parse_xmp
from photoidx.stage import Photo, PhotoStage, Rows, TableSpec, column

_MOMENT = pa.timestamp("us")
_TEXT = pa.string()
_FLOAT = pa.float64()
_LONGEST_SIDE = 2**31 - 1
_COLUMNS = (
    column("width", pa.int32(), "Width of the stored picture in pixels (HEIF: as its container turns it)."),
    column("height", pa.int32(), "Height of the stored picture in pixels (HEIF: as its container turns it)."),
    column("orientation", pa.int8(), "EXIF orientation, 1 to 8, as the file says."),
    column("taken_at", _MOMENT, "Local time of the shot, with sub-seconds; the time of the last change never counts."),
    column("taken_at_utc", _MOMENT, "The same in UTC, where OffsetTimeOriginal is known."),
    column("utc_offset_min", pa.int16(), "Minutes east of UTC by OffsetTimeOriginal."),
    column("gps_time_utc", _MOMENT, "Time by the satellites' clock, UTC."),
    column("make", _TEXT, "Maker of the camera."),
    column("model", _TEXT, "Model of the camera."),
    column("serial", _TEXT, "Serial number of the camera's body."),
    column("lens", _TEXT, "Model of the lens."),
    column("iso", pa.int32(), "Sensitivity, ISO."),
    column("f_number", _FLOAT, "Aperture as an f-number."),
    column("exposure_time_s", _FLOAT, "Exposure time in seconds."),
    column("exposure_bias_ev", _FLOAT, "Exposure compensation in EV."),
    column("focal_length_mm", _FLOAT, "Focal length in millimetres."),
    column("focal_length_35mm", _FLOAT, "Focal length in millimetres for the same view on 35 mm film."),
    column("flash", pa.bool_(), "Whether the flash fired."),
    column("gps_lat", _FLOAT, "Latitude in degrees, south negative."),
    column("gps_lon", _FLOAT, "Longitude in degrees, west negative."),
    column("gps_alt_m", _FLOAT, "Height above the sea in metres, below it negative."),
    column("burst_uuid", _TEXT, "The burst's id, as Apple's note or Google's XMP gives it."),
    column("sequence_number", pa.int32(), "The shot's place in its series, as the maker's note counts."),
    column("drive_mode", _TEXT, "Drive mode in the words of the maker's note."),
    column("rating", pa.int8(), "Stars from 0 to 5; -1 means rejected. XMP goes before EXIF."),
    column("label", _TEXT, "The colour or word that the photo is labelled with in its XMP."),
    column("keywords", pa.list_(_TEXT), "Keywords of the embedded XMP."),
    column("software", _TEXT, "The program that wrote the file."),
    column("tags", _TEXT, "Every tag as a JSON object; long and binary values are cut."),
)


class Exif(PhotoStage):
    """Reads a photo's EXIF, its maker's note and its embedded XMP. What is missing or absurd is null."""

    name = "exif"
    needs = "bytes"
    tables = (TableSpec("exif", "What a photo says of itself.", _COLUMNS),)

    def load(self) -> None:
        """Open Pillow's plug-ins."""
        register_formats()

    def run(self, photo: Photo) -> Rows:
        """Read one photo. Never fails: a photo that says nothing has a row of nulls."""
        header = look(photo.data, photo.format)
        tags = read_tags(photo.data)
        if not tags and header.exif is not None:
            tags = read_tags(header.exif)
        if photo.format == "cr3":
            tags = read_boxes(photo.data)
        xmp = _embedded(header.xmp)
        return {"exif": [{"width": _side(header.width), "height": _side(header.height), **facts(tags, xmp)}]}


def facts(tags: Tags, xmp: Xmp) -> dict[str, Any]:
    """Return the columns that the tags and the XMP tell, whatever stands in them; all but the picture's size."""
    return _shot(tags) | _exposure(tags) | _series(tags, xmp) | _verdict(tags, xmp)


def _side(pixels: int | None) -> int | None:
    return pixels if pixels is not None and pixels <= _LONGEST_SIDE else None


def _embedded(packet: bytes | None) -> Xmp:
    try:
        return Xmp() if packet is None else parse_xmp(packet)
    except XmpError:
        return Xmp()


def _shot(tags: Tags) -> dict[str, Any]:
    moment, where = taken(tags), place(tags)
    return {
        "orientation": integer(tags, "Image Orientation", least=1, most=8),
        "taken_at": moment.local,
        "taken_at_utc": moment.utc,
        "utc_offset_min": moment.offset_min,
        "gps_time_utc": moment.gps_utc,
        "make": text(tags, "Image Make"),
        "model": text(tags, "Image Model"),
        "serial": answer(
            tags,
            "EXIF BodySerialNumber",
            "Image BodySerialNumber",
            "MakerNote SerialNumber",
            "MakerNote InternalSerialNumber",
        ),
        "lens": text(tags, "EXIF LensModel", "Image LensModel") or _lens_of_note(tags),
        "gps_lat": where.lat,
        "gps_lon": where.lon,
        "gps_alt_m": where.alt_m,
    }


def _lens_of_note(tags: Tags) -> str | None:
    found = answer(tags, "MakerNote LensModel", "MakerNote LensType")
    return found if found is not None and any(char.isalpha() for char in found) else None


def _exposure(tags: Tags) -> dict[str, Any]:
    flash = integer(tags, "EXIF Flash", "Image Flash", least=0, most=0x7F)
    return {
        "iso": integer(
            tags,
            *("EXIF ISOSpeedRatings", "Image ISOSpeedRatings", "EXIF RecommendedExposureIndex", "EXIF ISOSpeed"),
            least=1,
            most=10_000_000,
        ),
        "f_number": number(tags, "EXIF FNumber", "Image FNumber", above=0, most=1000),
        "exposure_time_s": number(tags, "EXIF ExposureTime", "Image ExposureTime", above=0, most=1e6),
        "exposure_bias_ev": number(tags, "EXIF ExposureBiasValue", "Image ExposureBiasValue", above=-30, most=30),
        "focal_length_mm": number(tags, "EXIF FocalLength", "Image FocalLength", above=0, most=1e5),
        "focal_length_35mm": number(tags, "EXIF FocalLengthIn35mmFilm", above=0, most=65_534),
        "flash": None if flash is None else bool(flash & 1),
    }


def _series(tags: Tags, xmp: Xmp) -> dict[str, Any]:
    make = (text(tags, "Image Make") or "").upper()
    burst = text(tags, "MakerNote BurstUUID", "MakerNote Tag 0x000B") if make == "APPLE" else None
    names = ["MakerNote SequenceNumber"] + (["MakerNote Tag 0x1101"] if make == "FUJIFILM" else [])
    sequence = integer(tags, *names, least=0, most=9999)
    special = numbers(tags, "MakerNote SpecialMode")
    if sequence is None and len(special) > 1 and special[1] is not None and 0 <= special[1] <= 9999:  # noqa: PLR2004
        sequence = round(special[1])
    return {
        "burst_uuid": burst or xmp.burst_id,
        "sequence_number": sequence,
        "drive_mode": answer(
            tags,
            "MakerNote ContinuousDriveMode",
            "MakerNote ReleaseMode",
            "MakerNote BracketingMode",
            "MakerNote BurstMode",
            "MakerNote SpecialMode",
        ),
    }


def _verdict(tags: Tags, xmp: Xmp) -> dict[str, Any]:
    rating = xmp.rating if xmp.rating is not None else integer(tags, "Image Rating", least=0, most=5)
    return {
        "rating": rating,
        "label": xmp.label,
        "keywords": None if xmp.keywords is None else list(xmp.keywords),
        "software": clean(text(tags, "Image Software")),
        "tags": tags_json(tags),
    }
