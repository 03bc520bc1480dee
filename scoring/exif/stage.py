"""The stage that reads EXIF: when, where and with what a photo was taken, and which burst it belongs to."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from photoidx.scoring.exif.ciff import is_ciff, read_ciff
from photoidx.scoring.exif.container import Header, look, register_formats
from photoidx.scoring.exif.gps import Place, place
from photoidx.scoring.exif.iptc import Iptc, parse_iptc
from photoidx.scoring.exif.png import SIGNATURE, PngTexts
from photoidx.scoring.exif.reader import Tags, read_boxes, read_tags
from photoidx.scoring.exif.time import Taken, taken
from photoidx.scoring.exif.values import answer, clean, integer, number, numbers, tags_json, text
from photoidx.scoring.exif.verdicts import stars_of_percent
from photoidx.scoring.exif.words import gather
from photoidx.scoring.exif.written_time import in_utc, parse_offset
from photoidx.scoring.exif.xmp import Xmp, XmpError, parse_xmp
from photoidx.stage import Photo, PhotoStage, Rows, TableSpec, column

_MOMENT = pa.timestamp("us")
_TEXT = pa.string()
_FLOAT = pa.float64()
_LONGEST_SIDE = 2**31 - 1
_NO_IPTC, _NO_PNG = Iptc(), PngTexts()
_COLUMNS = (
    column("width", pa.int32(), "Width of the stored picture in pixels (HEIF: as its container turns it)."),
    column("height", pa.int32(), "Height of the stored picture in pixels (HEIF: as its container turns it)."),
    column("orientation", pa.int8(), "EXIF orientation, 1 to 8, as the file says."),
    column("taken_at", _MOMENT, "Local time of the shot, with sub-seconds; the time of the last change never counts."),
    column("taken_at_source", _TEXT, "What tells the time or the day: exif, xmp, iptc or png."),
    column("taken_at_utc", _MOMENT, "The same in UTC, where the offset of the very time is known."),
    column("utc_offset_min", pa.int16(), "Minutes east of UTC: OffsetTimeOriginal, or what the time is written with."),
    column("taken_on", pa.date32(), "The day of the shot; of a month or a year alone its first."),
    column("taken_on_precision", _TEXT, "How well the day is known: second, day, month or year."),
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
    column("rating", pa.int8(), "Stars from 0 to 5; -1 means rejected. XMP goes before EXIF, stars before percent."),
    column("label", _TEXT, "The colour or word that the photo is labelled with in its XMP; colours in English."),
    column("pick", _TEXT, "digiKam's pick label: rejected, pending or accepted."),
    column("keywords", pa.list_(_TEXT), "Keywords of XMP, IPTC and Windows; of hierarchical ones the last level."),
    column("keyword_paths", pa.list_(_TEXT), 'Hierarchical keywords, with "|" between the levels.'),
    column("people", pa.list_(_TEXT), "Names of people in the picture, also of those whose faces are marked."),
    column("title", _TEXT, "Title or headline."),
    column("caption", _TEXT, "Caption or description; what cameras write there by themselves is none."),
    column("comments", pa.list_(_TEXT), "Further texts that people wrote: second captions, comments, instructions."),
    column("location", _TEXT, "The place in words, below the city, as people wrote it."),
    column("city", _TEXT, "City, as people wrote it."),
    column("region", _TEXT, "State or province, as people wrote it."),
    column("country", _TEXT, "Country, as people wrote it."),
    column("software", _TEXT, "The program that wrote the file."),
    column("tags", _TEXT, "Every tag as a JSON object; long and binary values are cut."),
)


class Exif(PhotoStage):
    """Reads a photo's EXIF, its maker's note, its embedded XMP and IPTC. What is missing or absurd is null."""

    name = "exif"
    version = 2
    needs = "bytes"
    tables = (TableSpec("exif", "What a photo says of itself.", _COLUMNS),)

    def load(self) -> None:
        """Open Pillow's plug-ins."""
        register_formats()

    def run(self, photo: Photo) -> Rows:
        """Read one photo. Never fails: a photo that says nothing has a row of nulls."""
        header = look(photo.data, photo.format)
        tags = _tags(photo.data, header)
        xmp = _embedded(header.xmp)
        iptc = Iptc() if header.iptc is None else parse_iptc(header.iptc)
        size = {"width": _side(header.width), "height": _side(header.height)}
        return {"exif": [size | facts(tags, xmp, iptc, header.png or _NO_PNG)]}


def _tags(data: bytes, header: Header) -> Tags:
    """Return the EXIF tags, by what the bytes are, whatever the file is called."""
    if data[4:12] == b"ftypcrx ":
        return read_boxes(data)
    if is_ciff(data):
        return read_ciff(data)
    tags = {} if data.startswith(SIGNATURE) else read_tags(data)
    return read_tags(header.exif) if not tags and header.exif is not None else tags


def facts(tags: Tags, xmp: Xmp, iptc: Iptc = _NO_IPTC, png: PngTexts = _NO_PNG) -> dict[str, Any]:
    """Return the columns that the tags, XMP and IPTC tell, whatever stands in them; all but the picture's size."""
    told = _time(taken(tags, xmp, (("iptc", iptc.created), ("iptc", iptc.digitised)), png.creation_time), xmp)
    return (
        _shot(tags, xmp)
        | told
        | _exposure(tags)
        | _series(tags, xmp)
        | _verdict(tags, xmp)
        | _words(tags, xmp, iptc, png)
    )


def _side(pixels: int | None) -> int | None:
    return pixels if pixels is not None and pixels <= _LONGEST_SIDE else None


def _embedded(packet: bytes | None) -> Xmp:
    try:
        return Xmp() if packet is None else parse_xmp(packet)
    except XmpError:
        return Xmp()


def _time(moment: Taken, xmp: Xmp) -> dict[str, Any]:
    offset = moment.offset_min
    if offset is None and moment.source == "xmp":
        offset = parse_offset(xmp.offset)
    return {
        "taken_at": moment.local,
        "taken_at_source": moment.source,
        "taken_at_utc": in_utc(moment.local, offset),
        "utc_offset_min": offset,
        "taken_on": moment.day,
        "taken_on_precision": moment.precision,
        "gps_time_utc": moment.gps_utc,
    }


def _shot(tags: Tags, xmp: Xmp) -> dict[str, Any]:
    where = place(tags)
    if where.lat is None:
        where = Place(xmp.lat, xmp.lon, where.alt_m if where.alt_m is not None else xmp.alt_m)
    return {
        "orientation": integer(tags, "Image Orientation", least=1, most=8),
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
    rating = xmp.rating
    if rating is None:
        rating = integer(tags, "Image Rating", "Image Tag 0x4746", least=0, most=5)
    if rating is None:
        rating = stars_of_percent(number(tags, "Image RatingPercent", "Image Tag 0x4749"))
    return {
        "rating": rating,
        "label": xmp.label,
        "pick": xmp.pick,
        "software": clean(text(tags, "Image Software")),
        "tags": tags_json(tags),
    }


def _words(tags: Tags, xmp: Xmp, iptc: Iptc, png: PngTexts) -> dict[str, Any]:
    words = gather(tags, xmp, iptc, png)
    return {
        "keywords": list(words.keywords) or None,
        "keyword_paths": list(xmp.keyword_paths) or None,
        "people": list(words.people) or None,
        "title": words.title,
        "caption": words.caption,
        "comments": list(words.comments) or None,
        **{name: getattr(xmp, name) or getattr(iptc, name) for name in ("location", "city", "region", "country")},
    }
