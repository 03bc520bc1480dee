"""Read what people and phones write into XMP: times, places, words, verdicts, and the burst that a shot belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from photoidx.scoring.exif.verdicts import REJECTED, colour, pick, stars, stars_of_percent
from photoidx.scoring.exif.xmp_tree import XmpError, XmpTree, find_xmp

__all__ = ["Xmp", "XmpError", "find_xmp", "leaves", "parse_xmp"]

_XMP = "{http://ns.adobe.com/xap/1.0/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_LIGHTROOM = "{http://ns.adobe.com/lightroom/1.0/}"
_DIGIKAM = "{http://www.digikam.org/ns/1.0/}"
_DARKTABLE = "{http://darktable.sf.net/}"
_MICROSOFT = ("{http://ns.microsoft.com/photo/1.0/}", "{http://ns.microsoft.com/photo/1.0}")
_MICROSOFT_12 = "{http://ns.microsoft.com/photo/1.2/}"
_MICROSOFT_REGION = "{http://ns.microsoft.com/photo/1.2/t/Region#}"
_MWG = "{http://www.metadataworkinggroup.com/schemas/regions/}"
_MWG_KEYWORDS = "{http://www.metadataworkinggroup.com/schemas/keywords/}"
_CORE = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
_EXTENSION = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_ACDSEE = "{http://ns.acdsee.com/iptc/1.0/}"
_MEDIAPRO = "{http://ns.iview-multimedia.com/mediapro/1.0/}"
_CAMERA = "{http://ns.google.com/photos/1.0/camera/}"
_SEPARATORS = re.compile(r"[|/\\]")
_ANGLE = re.compile(r"(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?\s*([NSEW])", re.IGNORECASE | re.ASCII)
_PLAIN_ANGLE = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_RATIO = re.compile(r"([+-]?\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?", re.ASCII)
_FACES = frozenset(("face", ""))  # types of a region that stand for a person
_INTERNAL = frozenset(("darktable", "_digikam_internal_tags_"))  # first levels of what programs tag for themselves


@dataclass(frozen=True)
class Xmp:
    """What the XMP says; what it doesn't say is None, or empty.

    `originals` and `digitised` are times as they are written, the better first. `lat` and `lon` are degrees, `alt_m`
    metres. `keyword_paths` are hierarchical keywords with "|" between their levels, the last of which is in `keywords`.
    """

    rating: int | None = None
    label: str | None = None
    pick: str | None = None
    keywords: tuple[str, ...] | None = None
    keyword_paths: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    title: str | None = None
    caption: str | None = None
    comments: tuple[str, ...] = ()
    location: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    originals: tuple[str, ...] = ()
    digitised: tuple[str, ...] = ()
    offset: str | None = None
    lat: float | None = None
    lon: float | None = None
    alt_m: float | None = None
    burst_id: str | None = None


def parse_xmp(packet: bytes) -> Xmp:
    """Read a packet or a sidecar. Raises XmpError."""
    tree = XmpTree(packet)
    pick_label = pick(tree.first(f"{_DIGIKAM}PickLabel"))
    rating = stars(tree.first(f"{_XMP}Rating"))
    if rating is None:
        rating = stars_of_percent(tree.first(*(f"{each}Rating" for each in _MICROSOFT)))
    if rating is None and pick_label == "rejected":
        rating = REJECTED
    paths, keywords, people = _keywords(tree)
    lat, lon = (_angle(tree.first(f"{_EXIF}GPS{name}"), name) for name in ("Latitude", "Longitude"))
    whole = lat is not None and lon is not None and (lat, lon) != (0, 0)
    captions = tree.all(f"{_DC}description", f"{_TIFF}ImageDescription", f"{_ACDSEE}caption", f"{_EXIF}UserComment")
    titles = tree.all(f"{_DC}title", f"{_PHOTOSHOP}Headline")
    return Xmp(
        rating=rating,
        label=colour(
            tree.first(f"{_XMP}Label"), tree.all(f"{_DARKTABLE}colorlabels"), tree.first(f"{_DIGIKAM}ColorLabel")
        ),
        pick=pick_label,
        keywords=keywords or None,
        keyword_paths=paths,
        people=people,
        title=next(iter(titles), None),
        caption=next(iter(captions), None),
        comments=(*titles[1:], *captions[1:], *tree.all(f"{_PHOTOSHOP}Instructions", f"{_EXTENSION}Event")),
        location=tree.first(f"{_CORE}Location") or _shown(tree, "Sublocation"),
        city=tree.first(f"{_PHOTOSHOP}City") or _shown(tree, "City"),
        region=tree.first(f"{_PHOTOSHOP}State") or _shown(tree, "ProvinceState"),
        country=tree.first(f"{_PHOTOSHOP}Country") or _shown(tree, "CountryName"),
        originals=tree.all(f"{_EXIF}DateTimeOriginal", f"{_PHOTOSHOP}DateCreated"),
        digitised=tree.all(f"{_EXIF}DateTimeDigitized", f"{_XMP}CreateDate"),
        offset=tree.first(f"{_EXIF}OffsetTimeOriginal", "{http://cipa.jp/exif/1.0/}OffsetTimeOriginal"),
        lat=lat if whole else None,
        lon=lon if whole else None,
        alt_m=_height(tree.first(f"{_EXIF}GPSAltitude"), tree.first(f"{_EXIF}GPSAltitudeRef")),
        burst_id=tree.first(f"{_CAMERA}BurstID"),
    )


def leaves(paths: Iterable[str]) -> list[str]:
    """Return the last level of each hierarchical keyword."""
    return [path.rpartition("|")[2] for path in paths]


def _keywords(tree: XmpTree) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return hierarchical keywords, all keywords, and people."""
    written = [
        *tree.all(f"{_LIGHTROOM}hierarchicalSubject", f"{_DIGIKAM}TagsList", f"{_MEDIAPRO}CatalogSets"),
        *tree.all(*(f"{each}{name}" for each in _MICROSOFT for name in ("LastKeywordXMP", "LastKeywordIPTC"))),
    ]
    levels = [[part.strip() for part in _SEPARATORS.split(each) if part.strip()] for each in written]
    levels = [each for each in levels if each and each[0].casefold() not in _INTERNAL]
    paths = tuple(dict.fromkeys("|".join(each) for each in levels if len(each) > 1))
    named = (f"{_DC}subject", f"{_LIGHTROOM}weightedFlatSubject", f"{_ACDSEE}keywords")
    flat = [*tree.all(*named, f"{_PHOTOSHOP}SupplementalCategories"), *(each[-1] for each in levels)]
    flat += [value for fields in tree.structures(f"{_MWG_KEYWORDS}Keywords") for value in _mwg_keyword(fields)]
    people = list(tree.all(f"{_EXTENSION}PersonInImage"))
    people += tree.below(f"{_EXTENSION}ImageRegion", f"{_EXTENSION}PersonInImage")
    people += [
        _text(fields, f"{_EXTENSION}PersonName") for fields in tree.structures(f"{_EXTENSION}PersonInImageWDetails")
    ]
    people += [_text(fields, f"{_MICROSOFT_REGION}PersonDisplayName") for fields in _microsoft_regions(tree)]
    for fields in tree.structures(f"{_MWG}Regions"):
        name = _text(fields, f"{_MWG}Name")
        is_face = fields.get(f"{_MWG}Type", "").strip().casefold() in _FACES
        (people if is_face else flat).append(name)
    return paths, tuple(dict.fromkeys(filter(None, flat))), tuple(dict.fromkeys(filter(None, people)))


def _microsoft_regions(tree: XmpTree) -> Iterator[dict[str, str]]:
    return tree.structures(f"{_MICROSOFT_12}RegionInfo")


def _mwg_keyword(fields: dict[str, str]) -> Iterator[str]:
    if f"{_MWG_KEYWORDS}Keyword" in fields:
        yield fields[f"{_MWG_KEYWORDS}Keyword"]


def _text(fields: dict[str, str], name: str) -> str:
    return fields.get(name, "")


def _shown(tree: XmpTree, field: str) -> str | None:
    """Return a field of the place where a photo was taken, else of the place that it shows."""
    for name in ("LocationCreated", "LocationShown"):
        for fields in tree.structures(f"{_EXTENSION}{name}"):
            if f"{_EXTENSION}{field}" in fields:
                return fields[f"{_EXTENSION}{field}"]
    return None


def _angle(written: str | None, name: str) -> float | None:
    """Read "47,30.5N", "47,30,30N" or "-47.5" as degrees."""
    most, signs = (90, "NS") if name == "Latitude" else (180, "EW")
    match = _ANGLE.fullmatch((written or "").strip())
    if match is None:
        plain = _PLAIN_ANGLE.fullmatch((written or "").strip())
        return float(plain[0]) if plain and abs(float(plain[0])) <= most else None
    degrees, minutes, seconds, side = match.groups()
    if side.upper() not in signs or float(minutes) > 60 or float(seconds or 0) > 60:  # noqa: PLR2004 - a sixtieth
        return None
    total = float(degrees) + float(minutes) / 60 + float(seconds or 0) / 3600
    return (total if side.upper() in "NE" else -total) if total <= most else None


def _height(written: str | None, reference: str | None) -> float | None:
    match = _RATIO.fullmatch((written or "").strip())
    if match is None:
        return None
    below = float(match[2] or 1)
    if below == 0:
        return None
    height = float(match[1]) / below
    return -height if reference in {"1", "3"} and height > 0 else height
