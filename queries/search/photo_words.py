"""What is known of a photo in words: where each of the words comes from, and how much it weighs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from photoidx.queries.search.label_words import label_texts
from photoidx.records import RAW_FORMATS

# How often a word is written: BM25 counts it with less and less weight. A label's by its probability, up to 4.
_OFTEN = {"keyword": 3, "person": 3, "title": 3, "caption": 2, "place": 2, "name": 2, "folder": 2}
_LEAST_CHANCE = 0.02  # labels below are the classifier's noise
_LEVELS = re.compile(r"[|/;]")
_PLACE = ("location", "city", "region", "country")

Fact = tuple[str, str, int]
"""Kind, value, and how often its words are written."""


def facts_of(row: Mapping[str, Any]) -> Iterator[Fact]:
    """Return what is known of a photo in words; `row` has what the query of `texts.py` asks for."""
    yield from _written(row)
    yield "name", row["name"], _OFTEN["name"]
    folder = os.path.relpath(row["folder"], os.path.dirname(row["root"] or "") or os.sep)
    yield "folder", folder, _OFTEN["folder"]
    for label, chance in zip(row["labels"] or (), row["probabilities"] or (), strict=True):
        if chance >= _LEAST_CHANCE:
            yield "label", label_texts().get(label, label), 1 + round(3 * chance)
    yield from _taken(row)


def _written(row: Mapping[str, Any]) -> Iterator[Fact]:
    """Return what people wrote, each text once. `words` are all texts in the file, whatever field they stand in."""
    told: set[str] = set()
    for kind, name in (("keyword", "keywords"), ("keyword", "keyword_paths"), ("person", "people")):
        for value in row[name] or ():
            told.update((value, *_LEVELS.split(value)))
            yield kind, value.replace("|", " > "), _OFTEN[kind] if name != "keyword_paths" else 1
    for kind in ("title", "caption"):
        if row[kind]:
            told.add(row[kind])
            yield kind, row[kind], _OFTEN[kind]
    told.update(row[name] for name in _PLACE if row[name])
    for value in (*(row["comments"] or ()), *(row["words"] or ())):
        if value not in told and not told.issuperset(_LEVELS.split(value)):
            told.add(value)
            yield "text", value, 1


def _taken(row: Mapping[str, Any]) -> Iterator[Fact]:
    """Return by what, when and where it was taken."""
    camera = " ".join(dict.fromkeys(part for name in ("make", "model", "lens") for part in (row[name] or "").split()))
    if camera:
        yield "camera", camera, 1
    if row["format"] in RAW_FORMATS:
        yield "format", "raw", 1
    if row["mark"]:
        yield "mark", row["mark"], 1
    if row["taken_on"]:
        yield "date", _date_words(row["taken_on"], row["taken_on_precision"] or "day"), 1
    where = dict.fromkeys(row[name] for name in _PLACE if row[name])
    if where:
        yield "place", ", ".join(where), _OFTEN["place"]
    if row["gps_lat"] is not None and row["gps_lon"] is not None:
        yield "place", _place_words(row["gps_lat"], row["gps_lon"]), 1


@lru_cache(maxsize=16384)
def _date_words(day: date, precision: str) -> str:
    """Spell a day: `Friday 13 June 2014, 2014-06-13`; of a month or a year what is known of it."""
    if precision == "year":
        return f"{day.year}"
    if precision == "month":
        return f"{_MONTHS[day.month - 1]} {day.year}, {day.year}-{day.month:02d}"
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}, {day}"


def _place_words(lat: float, lon: float) -> str:
    """Spell whole degrees: `gps 47N 8E`."""
    return f"gps {int(abs(lat))}{'N' if lat >= 0 else 'S'} {int(abs(lon))}{'E' if lon >= 0 else 'W'}"


# Not by strftime, which follows the user's locale: the index would change its language with it.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
