"""What the gallery's page is told: photos as columns, and the groups by the photos' numbers. Pure functions."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from photoidx.records import RAW_FORMATS, text_path

Row = Mapping[str, Any]
Rows = Sequence[Row]
_LABELS = 3
_LIKELY = 0.1  # a label that is less likely is a guess that nobody wants to read below a photo
# What changes the order or the lines of the text around it. Joiners, which emoji and some scripts need, are left alone.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")
_SCORES = ("technical", "sharpness_subject", "face_sharpness_min", "eyes_min", "smile_mean", "noise_sigma")


@dataclass(frozen=True)
class GalleryGroups:
    """The groups of a library, as `Library` gives them, and the photos' places on the map, by path (x, y)."""

    bursts: Rows = ()
    picks: Rows = ()
    duplicates: Rows = ()
    clusters: Rows = ()
    places: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def gather(photos: Rows, found: GalleryGroups, *, first: Iterable[str] = (), title: str = "Photos") -> dict[str, Any]:
    """Return what the page shows, as JSON can hold it.

    `photos` are rows of the view `photos` with `labels`, `probabilities`, `thumbnail_width` and `thumbnail_height`;
    they come in the order in which they are shown. `first` are the paths that stand for their shots. A group of
    which fewer than two photos are among them is left out.
    """
    number = {row["path"]: at for at, row in enumerate(photos)}
    leads = _leads(photos, frozenset(first))
    names = [os.path.basename(row["path"]) for row in photos]
    contents = list(dict.fromkeys(row["content_id"] for row in photos if row["thumbnail_width"]))
    place = {content_id: at for at, content_id in enumerate(contents)}
    columns = {
        "name": [shown(name) for name in names],
        "folder": _coded([shown(row["folder"]) for row in photos]),
        "uri": _coded([_uri(row["folder"]) for row in photos]),
        "lead": leads,
        "thumb": [place.get(row["content_id"], -1) if row["thumbnail_width"] else -1 for row in photos],
        "aspect": [_aspect(row) for row in photos],
        "pixels": _coded([f"{row['width']} × {row['height']}" if row["width"] else None for row in photos]),  # noqa: RUF001 - the sign
        "time": [_time(row) for row in photos],
        "camera": _coded([_camera(row) for row in photos]),
        "lens": _coded([shown(row["lens"]) if row["lens"] else None for row in photos]),
        "exposure": _coded([_exposure(row) for row in photos]),
        "labels": _coded([_labels(row) for row in photos]),
        "technical": [_short(row["technical"]) for row in photos],
        "blur": _coded([row["blur_kind"] if row["blur_kind"] not in {None, "none"} else None for row in photos]),
        "faces": [row["face_count"] for row in photos],
        "rating": [row["rating"] for row in photos],
    }
    return {
        "title": title,
        "separator": os.sep,
        "contents": contents,
        "photos": columns,
        "odd": {at: _odd(row["path"]) for at, row in enumerate(photos) if shown(row["path"]) != row["path"]},
        "bursts": _bursts(found, number),
        "duplicates": _duplicates(found.duplicates, number),
        "clusters": _clusters(found.clusters, number, leads),
        "map": _map(found.places, number, leads),
    }


def shown(text: str) -> str:
    """Find a text as it can stand on a page: what would turn or break the line, and bytes of no text, are spelt out."""
    plain = os.fsencode(text_path(text)).decode("utf-8", "backslashreplace")
    return "".join(_spelt(char) if _is_unfit(char) else char for char in plain)


def _is_unfit(char: str) -> bool:
    return char in _TURNING or unicodedata.category(char) in {"Cc", "Cs"}


def _spelt(char: str) -> str:
    return char.encode("unicode_escape").decode()


def _uri(folder: str) -> str:
    return PurePath(text_path(folder) or os.sep).as_uri()


def _odd(path: str) -> dict[str, str | None]:
    """Return what the page can't work out: the path for a list of paths, None if no list can hold it, and the URI."""
    whole = text_path(path)
    listed = whole if not set(whole) & {"\n", "\r", "\0"} and path == whole else None
    return {"path": listed, "uri": _uri(os.path.dirname(path)) + "/" + quote(os.fsencode(os.path.basename(whole)))}


def _leads(photos: Rows, first: frozenset[str]) -> list[int]:
    """Return for each photo the one that stands for its shot: RAW and JPEG, and copies, are one photo on the page."""

    def order(at: int) -> tuple[bool, bool, str]:
        row = photos[at]
        return row["path"] not in first, row["format"] in RAW_FORMATS, row["path"]

    of_shot: dict[str, int] = {}
    of_content: dict[str, int] = {}
    leads = [0] * len(photos)
    for at in sorted(range(len(photos)), key=order):
        content_id, shot_id = photos[at]["content_id"], photos[at]["shot_id"] or f"path {photos[at]['path']}"
        lead = of_shot.setdefault(shot_id, of_content.get(content_id, at))
        if content_id is not None:
            of_content.setdefault(content_id, lead)
        leads[at] = lead
    return leads


def _coded(values: Sequence[str | None]) -> dict[str, Any]:
    """Return each text once, and for each photo the number of its text; -1 for none."""
    texts = {text: at for at, text in enumerate(dict.fromkeys(text for text in values if text is not None))}
    return {"values": list(texts), "at": [-1 if text is None else texts[text] for text in values]}


def _aspect(row: Row) -> float:
    width, height = row["thumbnail_width"], row["thumbnail_height"]
    return round(width / height, 3) if width and height else 1.5


def _time(row: Row) -> str | None:
    return row["taken_at"].isoformat(" ", "seconds") if row["taken_at"] is not None else None


def _camera(row: Row) -> str | None:
    make, model = (row["make"] or "").strip(), (row["model"] or "").strip()
    brand = make.split(" ", maxsplit=1)[0]
    whole = model if brand and model.lower().startswith(brand.lower()) else f"{make} {model}".strip()
    return shown(whole) or None


def _exposure(row: Row) -> str | None:
    names = ("exposure_time_s", "f_number", "iso", "focal_length_mm")
    time_s, aperture, iso, focal = (row[n] if row[n] and math.isfinite(row[n]) else None for n in names)
    parts = []
    if time_s and time_s > 0 and math.isfinite(1 / time_s):
        parts.append(f"1/{round(1 / time_s)} s" if time_s < 0.3 else f"{time_s:g} s")  # noqa: PLR2004 - as cameras do
    if aperture:
        parts.append(f"f/{aperture:.2g}" if aperture < 10 else f"f/{aperture:.0f}")  # noqa: PLR2004
    if iso:
        parts.append(f"ISO {iso:.0f}")
    if focal:
        parts.append(f"{focal:.3g} mm")
    return " · ".join(parts) or None


def _labels(row: Row) -> str | None:
    words = zip(row["labels"] or (), row["probabilities"] or (), strict=True)
    return ", ".join(shown(word) for word, chance in list(words)[:_LABELS] if chance >= _LIKELY) or None


def _short(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.3g}")


def _bursts(found: GalleryGroups, number: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the groups with their frames, those of a burst by rank; nothing is picked from a bracket or panorama.

    `pick` is the place of the pick among the photos; -1 where it is not shown, or where all frames are rejected.
    """
    picks = {each["burst_id"]: each for each in found.picks}
    result = []
    for each in found.bursts:
        pick = picks.get(each["burst_id"])
        frames = [frame for frame in (pick or each)["frames"] if frame["path"] in number]
        first = next((frame for frame in pick["frames"] if frame["keep"]), None) if pick else None
        if len(frames) > 1:
            result.append(
                {
                    "id": each["burst_id"],
                    "kind": each["kind"],
                    "picked": pick is not None,
                    "pick": frames.index(first) if first is not None and first in frames else -1,
                    "close": bool(pick and pick["close_call"]),
                    "keep": [number[frame["path"]] for frame in frames if pick is not None and frame["keep"]],
                    "everyone": [number[path] for path in pick["everyone_open"] if path in number] if pick else [],
                    "photos": [number[frame["path"]] for frame in frames],
                    "reasons": [shown(frame.get("reason") or "") for frame in frames],
                    "scores": [[_short(frame.get("scores", {}).get(name)) for name in _SCORES] for frame in frames],
                }
            )
    return result


def _duplicates(groups: Rows, number: Mapping[str, int]) -> list[dict[str, Any]]:
    result = []
    for each in groups:
        files = [file for file in each["files"] if file["path"] in number]
        files.sort(key=lambda file: file["path"] != each["keep"])
        if len(files) > 1:
            result.append(
                {
                    "id": each["group_id"],
                    "kind": each["kind"],
                    "keep": [number[file["path"]] for file in files if file["keep"]] if each["keep"] in number else [],
                    "extra": [number[file["path"]] for file in files if file["extra"]]
                    if each["keep"] in number
                    else [],
                    "photos": [number[file["path"]] for file in files],
                    "reasons": [shown(file.get("reason") or "") for file in files],
                }
            )
    return result


def _clusters(groups: Rows, number: Mapping[str, int], leads: Sequence[int]) -> list[dict[str, Any]]:
    """Return the clusters, the photo that stands for each one first, then the likeliest; each shot once."""
    result = []
    for each in groups:
        files = sorted(
            (file for file in each["files"] if file["path"] in number),
            key=lambda file: (file["path"] != each["representative"], -(file["probability"] or 0), file["path"]),
        )
        photos = list(dict.fromkeys(leads[number[file["path"]]] for file in files))
        if len(photos) > 1:
            best = number.get(each["best"], -1)
            result.append(
                {
                    "id": each["cluster_id"],
                    "label": shown(each["label"] or ""),
                    "best": leads[best] if best >= 0 else -1,
                    "photos": photos,
                }
            )
    return result


def _map(places: Mapping[str, tuple[float, float]], number: Mapping[str, int], leads: Sequence[int]) -> dict[str, Any]:
    """Return the places of the photos, each shot once, in hundred-thousandths of the side."""
    at = {leads[number[path]]: place for path, place in places.items() if path in number}
    return {
        "photos": list(at),
        "x": [round(place[0] * 1e5) for place in at.values()],
        "y": [round(place[1] * 1e5) for place in at.values()],
    }
