"""Turn exifread's values into plain ones: text without padding, numbers that make sense, or None."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from photoidx.scoring.exif.reader import Tags

_LONGEST_TEXT = 2000
_LONGEST_TAG_TEXT = 200
_MOST_TAGS = 2000
_BINARY_TAGS = ("EXIF MakerNote", "Image ApplicationNotes", "Image PrintIM", "Image InterColorProfile")
_NO_ANSWER = frozenset(("n/a", "unknown", "none", "0", "[]", "----", "(none)"))


def clean(raw: object) -> str | None:
    """Return text without NULs, controls and outer white space; bytes that are not UTF-8 are read as Latin-1."""
    if isinstance(raw, bytes):
        return clean(_decoded(raw))
    if not isinstance(raw, str):
        return None
    sound = raw.encode("utf-8", "replace").decode("utf-8")
    text = "".join(max(char, " ") for char in sound.replace("\0", "")).strip()
    return text[:_LONGEST_TEXT] or None


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def text(tags: Tags, *names: str) -> str | None:
    """Return the first of the named tags that holds text."""
    for name in names:
        tag = tags.get(name)
        if tag is None:
            continue
        found = clean(tag.values) if isinstance(tag.values, (str, bytes)) else None
        if found is not None:
            return found
    return None


def answer(tags: Tags, *names: str) -> str | None:
    """Return the first of the named tags as exifread words it, unless it says only that it doesn't know."""
    for name in names:
        tag = tags.get(name)
        if tag is None:
            continue
        found = clean(tag.values) if isinstance(tag.values, (str, bytes)) else clean(str(tag.printable))
        if found is not None and found.lower() not in _NO_ANSWER:
            return found
    return None


def as_float(value: Any) -> float | None:
    """Return a finite number, or None: a denominator of 0, infinity and NaN are no numbers."""
    if isinstance(value, (tuple, list)):
        value = value[0] if value else None
    if value is None or isinstance(value, (str, bytes)):
        return None
    try:
        number = float(value)
    except (ArithmeticError, TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def numbers(tags: Tags, name: str) -> list[float | None]:
    """Return all numbers of a tag; None stands for one that is none."""
    tag = tags.get(name)
    if tag is None or isinstance(tag.values, (str, bytes)):
        return []
    values = tag.values if isinstance(tag.values, list) else [tag.values]
    return [as_float(value) for value in values]


def number(tags: Tags, *names: str, above: float = -math.inf, most: float = math.inf) -> float | None:
    """Return the first number in the named tags that is greater than `above` and at most `most`."""
    for name in names:
        for found in numbers(tags, name):
            if found is not None and above < found <= most:
                return found
    return None


def integer(tags: Tags, *names: str, least: int, most: int) -> int | None:
    """Return the first number in the named tags that lies in [least, most], rounded."""
    found = number(tags, *names, above=least - 0.5, most=most)
    return None if found is None else round(found)


def tags_json(tags: Tags) -> str | None:
    """Return all tags as a JSON object of strings; long and binary values are cut."""
    if not tags:
        return None
    told = {}
    for name in list(tags)[:_MOST_TAGS]:
        tag = tags[name]
        raw = tag.values if isinstance(tag.values, bytes) else str(tag.printable)
        if name in _BINARY_TAGS:
            raw = f"({len(tag.values)} values)"
        told[name] = (clean(raw) or "")[:_LONGEST_TAG_TEXT]
    return json.dumps(told, ensure_ascii=False)
