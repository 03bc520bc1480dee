"""Compare the EXIF stage with ExifTool, value by value, and print a Markdown table.

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
from photoidx.scoring.exif.written_time import parse_time

FIELDS = {
    "make": "IFD0:Make",
    "model": "IFD0:Model",
    "taken_at": "ExifIFD:DateTimeOriginal",
    "iso": "ExifIFD:ISO",
    "f_number": "ExifIFD:FNumber",
    "exposure_time_s": "ExifIFD:ExposureTime",
    "focal_length_mm": "ExifIFD:FocalLength",
    "gps_lat": "Composite:GPSLatitude",
    "gps_lon": "Composite:GPSLongitude",
}


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
    if isinstance(ours, (int, float)):
        return abs(ours - theirs) <= max(abs(theirs) * 1e-3, 1e-6)
    return str(ours).strip() == str(theirs).strip()


def their_value(name: str, raw: Any) -> Any:
    """Return ExifTool's value in our type; None where it has none that makes sense."""
    if raw is None:
        return None
    if name == "taken_at":
        time = parse_time(str(raw))
        return time and time.local
    if name in ("make", "model"):
        return str(raw).strip() or None
    if name == "iso" and isinstance(raw, str):
        raw = next((part for part in raw.split() if part not in ("0", "undef")), None)
    try:
        number = float(raw)
    except (TypeError, ValueError):
        return None
    return number if number or name.startswith("gps") else None


def main() -> None:
    """Read the folders named on the command line with both readers."""
    paths = [path for folder in sys.argv[1:] for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    photos = [path for path in paths if (kind := format_of(path.name)) and kind_of(kind) is Kind.PHOTO]
    command = ["exiftool", "-j", "-n", "-G1", "-m", *(f"-{tag}" for tag in FIELDS.values()), *map(str, photos)]
    told = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    counts = {name: Counter[str]() for name in FIELDS}
    differing = []
    stage = Exif()
    for path, theirs_all in zip(photos, told, strict=True):
        row = stage.run(FilePhoto(path.read_bytes(), format_of(path.name) or ""))["exif"][0]
        for name, tag in FIELDS.items():
            ours, theirs = row[name], their_value(name, theirs_all.get(tag))
            if ours is not None and theirs is not None:
                same = agrees(ours, theirs)
                counts[name]["same" if same else "different"] += 1
                if not same:
                    differing.append(f"- `{path.name}`: {name} is {ours!r}, ExifTool says {theirs!r}")
            elif (ours is None) != (theirs is None):
                counts[name]["only ours" if theirs is None else "only theirs"] += 1
                differing.append(f"- `{path.name}`: {name} is {ours!r}, ExifTool says {theirs!r}")
    report(len(photos), counts, differing)


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
