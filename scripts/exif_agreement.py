"""Compare what is read of photos with ExifTool, value by value, and print a Markdown table.

Usage: python scripts/exif_agreement.py FOLDER...
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from photoidx.records import Kind, format_of, kind_of
from photoidx.scoring.exif.stage import Exif
from photoidx.scoring.exif.words import is_by_itself
from photoidx.scoring.exif.written_time import parse_time

FIELDS = {
    "make": ("IFD0:Make", "CanonRaw:Make"),
    "model": ("IFD0:Model", "CanonRaw:Model"),
    "taken_at": (
        *("ExifIFD:DateTimeOriginal", "IFD0:DateTimeOriginal", "CanonRaw:DateTimeOriginal"),
        *("XMP-exif:DateTimeOriginal", "XMP-photoshop:DateCreated", "Composite:DateTimeCreated"),
        *("ExifIFD:CreateDate", "XMP-exif:DateTimeDigitized", "XMP-xmp:CreateDate", "PNG:CreationTime"),
    ),
    "iso": ("ExifIFD:ISO", "IFD0:ISO"),
    "f_number": ("ExifIFD:FNumber", "IFD0:FNumber"),
    "exposure_time_s": ("ExifIFD:ExposureTime", "IFD0:ExposureTime"),
    "focal_length_mm": ("ExifIFD:FocalLength", "IFD0:FocalLength"),
    "gps_lat": ("Composite:GPSLatitude", "XMP-exif:GPSLatitude"),
    "gps_lon": ("Composite:GPSLongitude", "XMP-exif:GPSLongitude"),
    "gps_alt_m": ("Composite:GPSAltitude", "XMP-exif:GPSAltitude"),
    "rating": ("XMP-xmp:Rating", "IFD0:Rating"),
    "title": ("XMP-dc:Title", "IPTC:ObjectName", "IFD0:XPTitle"),
    "caption": ("XMP-dc:Description", "IPTC:Caption-Abstract", "IFD0:ImageDescription"),
    "keywords": ("XMP-dc:Subject", "IPTC:Keywords", "IFD0:XPKeywords"),
    "city": ("XMP-photoshop:City", "IPTC:City"),
}
_TEXTS = ("make", "model", "title", "caption", "city")


@dataclass
class FilePhoto:
    """A photo as the stage wants it."""

    data: bytes
    format: str
    content_id: str = ""

    def image(self, min_long_side: int = 0) -> Any:
        """Return nothing: the stage needs bytes only."""
        raise NotImplementedError


def agrees(ours: Any, theirs: Any) -> bool:
    """Return whether two readers mean the same: times to the second, numbers to 0.1 %, text without padding."""
    if isinstance(ours, datetime):
        return ours.replace(microsecond=0) == theirs.replace(microsecond=0)
    if isinstance(ours, list):
        return set(theirs) <= set(ours)
    if isinstance(ours, (int, float)):
        return abs(ours - theirs) <= max(abs(theirs) * 1e-3, 1e-6)
    return " ".join(str(ours).split())[:400] == " ".join(str(theirs).split())[:400]


def their_value(name: str, raw: list[Any]) -> Any:
    """Return the first of ExifTool's values that makes sense, in our type; None where none does."""
    if name == "keywords":
        found = [str(one).strip() for each in raw for one in (each if isinstance(each, list) else str(each).split(";"))]
        return [each for each in found if each] or None
    return next((value for each in raw if (value := _one_value(name, each)) is not None), None)


def _one_value(name: str, raw: Any) -> Any:
    if name == "taken_at":
        time = parse_time(str(raw))
        return time and time.local
    if name in _TEXTS:
        text = str(raw).strip()
        return None if not text or (name in {"title", "caption"} and is_by_itself(text)) else text
    if name == "iso" and isinstance(raw, str):
        raw = next((part for part in raw.split() if part not in ("0", "undef")), None)
    try:
        number = float(raw)
    except (TypeError, ValueError):
        return None
    return number if number or name.startswith("gps") or name == "rating" else None


def asked(photos: list[Path]) -> list[dict[str, Any]]:
    """Ask ExifTool for all the tags of the photos."""
    tags = dict.fromkeys(tag for some in FIELDS.values() for tag in some)
    command = ["exiftool", "-j", "-n", "-G1", "-m", "-charset", "iptc=UTF8", *(f"-{tag}" for tag in tags)]
    told = subprocess.run([*command, *map(str, photos)], capture_output=True, check=False).stdout
    found: list[dict[str, Any]] = json.loads(told)
    return found


def main() -> None:
    """Read the folders named on the command line with both readers."""
    paths = [path for folder in sys.argv[1:] for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    photos = [path for path in paths if (kind := format_of(path.name)) and kind_of(kind) is Kind.PHOTO]
    counts = {name: Counter[str]() for name in FIELDS}
    differing = []
    stage = Exif()
    for path, theirs_all in zip(photos, asked(photos), strict=True):
        row = stage.run(FilePhoto(path.read_bytes(), format_of(path.name) or ""))["exif"][0]
        for name, tags in FIELDS.items():
            ours, theirs = row[name], their_value(name, [theirs_all[tag] for tag in tags if tag in theirs_all])
            if ours is None and theirs is None:
                continue
            if ours is not None and theirs is not None:
                verdict = "same" if agrees(ours, theirs) else "different"
            else:
                verdict = "only ours" if theirs is None else "only theirs"
            counts[name][verdict] += 1
            if verdict != "same":
                differing.append(f"- `{path.name}`: {name} is {_short(ours)}, ExifTool says {_short(theirs)}")
    report(len(photos), counts, differing)


def _short(value: Any) -> str:
    return str(value) if isinstance(value, datetime) else repr(value)[:100]


def report(photos: int, counts: dict[str, Counter[str]], differing: list[str]) -> None:
    """Print the table, the sum and every difference."""
    print(f"{photos} photos.\n\n| column | both have it | agree | share | only photoidx | only ExifTool |")
    print("|---|---|---|---|---|---|")
    total: Counter[str] = Counter()
    for name, count in [*counts.items(), ("all", total)]:
        both = count["same"] + count["different"]
        share = f"{100 * count['same'] / both:.2f} %" if both else "-"
        print(f"| {name} | {both} | {count['same']} | {share} | {count['only ours']} | {count['only theirs']} |")
        total.update(count)
    print("\nDifferences:\n" if differing else "\nNo differences.")
    print("\n".join(differing))


if __name__ == "__main__":
    main()
