"""The words by which photos are found, in the table `texts` with a full-text index, and how it is kept true."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa

from photoidx.errors import PhotoidxError
from photoidx.queries.search.label_words import label_texts
from photoidx.queries.sql.query import run_sql
from photoidx.records import RAW_FORMATS
from photoidx.storage.schema import META, TEXTS, arrow_schema
from photoidx.storage.store import Store

_RULES = 1  # raised when photos get other words: the next search makes them anew
_MADE_FROM = "texts_made_from"
_SOURCES = ("files", "exif", "labels", "sidecars")
# How often a word is written: BM25 counts it with less and less weight. A label's by its probability, up to 4.
_OFTEN = {"keyword": 3, "title": 3, "name": 2, "folder": 2}
_LEAST_CHANCE = 0.02  # labels below are the classifier's noise
_DATE = re.compile(r"(?<![^\W_])(\d{4})-\d{2}(?:-\d{2})?(?![^\W_])")
_RUN = re.compile(r"[^\W_]+")
_ASKED = re.compile(rf"{_DATE.pattern}|{_RUN.pattern}")
_MONTH_LONG = len("2014-06")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_QUERY = """
    SELECT p.path, p.root, p.name, p.folder, p.format, p.make, p.model, p.lens, p.keywords, p.label AS mark, p.taken_at,
        p.gps_lat, p.gps_lon, l.labels, l.probabilities, s.titles
    FROM photos p LEFT JOIN t.labels l USING (content_id) LEFT JOIN (
        SELECT f.shot_id, list(s.title) AS titles FROM t.files f JOIN t.sidecars s USING (content_id)
        WHERE s.title IS NOT NULL GROUP BY f.shot_id
    ) s USING (shot_id)
"""


def is_current(store: Store) -> bool:
    """Return whether the words were made from the tables as they are now."""
    return TEXTS.name in store.names() and store.meta().get(_MADE_FROM) == _now(store)


def bring_up_to_date(store: Store) -> None:
    """Make the words of photos that changed, and take them into the index. Raises LibraryLockedError, PhotoidxError."""
    with store.writing():
        made_from = _now(store)
        known = {row["path"]: row for row in store.read(TEXTS.name).to_pylist()}
        rows = (_text_of(row) for row in run_sql(store, _QUERY).to_pylist())
        changed = [row for row in rows if known.pop(row["path"], None) != row]
        store.delete(TEXTS.name, "path", list(known))
        store.upsert(TEXTS, pa.Table.from_pylist(changed, schema=arrow_schema(TEXTS)))
        store.index_text(TEXTS.name, "words")  # in any case: the last time may have been cut off before it
        store.upsert(META, [{"name": _MADE_FROM, "value": made_from}])


def try_to_bring_up_to_date(store: Store) -> str:
    """Bring the words up to date, or say why they are as they were. Raises PhotoidxError if there are none at all."""
    if is_current(store):
        return ""
    try:
        bring_up_to_date(store)
    except PhotoidxError as error:
        if store.count(TEXTS.name) == 0:
            raise
        return f"Photos that changed lately may be missing: {error}"
    return ""


def asked_words(text: str) -> list[str]:
    """Return the words of a text that a user looks for, folded, each once."""
    return list(dict.fromkeys(found[0].casefold() for found in _ASKED.finditer(_plain(text))))


@lru_cache(maxsize=65536)
def words_in(text: str) -> tuple[str, ...]:
    """Return the words of a text that is looked for: dates, whole runs, and the parts of `BirthdayParty2014`."""
    plain = _plain(text)
    found: dict[str, None] = {}
    for date in _DATE.finditer(plain):
        found |= dict.fromkeys((date[0], date[0][:_MONTH_LONG], date[1]))
    for run in _RUN.findall(_DATE.sub(" ", plain)):
        found |= dict.fromkeys((run.casefold(), *(part.casefold() for part in _PART.findall(run))))
    return tuple(found)


def _plain(text: str) -> str:
    """Take the accents off, and write letters of one meaning in one way."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(char for char in parts if not unicodedata.combining(char))


def _now(store: Store) -> str:
    return json.dumps({"rules": _RULES, **{name: store.version(name) for name in _SOURCES}})


def _text_of(row: Mapping[str, Any]) -> dict[str, str]:
    facts: list[str] = []
    words: list[str] = []
    for kind, value, often in _facts(row):
        facts.append(f"{kind}: {' '.join(value.split())}")
        words += words_in(value) * often
    return {"path": row["path"], "words": f" {' '.join(words)}", "facts": "\n".join(facts)}


def _facts(row: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Return what is known of a photo in words: kind, value, and how often its words are written."""
    for keyword in row["keywords"] or ():
        yield "keyword", keyword, _OFTEN["keyword"]
    for title in row["titles"] or ():
        yield "title", title, _OFTEN["title"]
    yield "name", row["name"], _OFTEN["name"]
    folder = os.path.relpath(row["folder"], os.path.dirname(row["root"] or "") or os.sep)
    yield "folder", folder, _OFTEN["folder"]
    for label, chance in zip(row["labels"] or (), row["probabilities"] or (), strict=True):
        if chance >= _LEAST_CHANCE:
            yield "label", label_texts().get(label, label), 1 + round(3 * chance)
    camera = " ".join(dict.fromkeys(part for name in ("make", "model", "lens") for part in (row[name] or "").split()))
    if camera:
        yield "camera", camera, 1
    if row["format"] in RAW_FORMATS:
        yield "format", "raw", 1
    if row["mark"]:
        yield "mark", row["mark"], 1
    if row["taken_at"]:
        yield "date", _date_words(row["taken_at"].replace(hour=0, minute=0, second=0, microsecond=0)), 1
    if row["gps_lat"] is not None and row["gps_lon"] is not None:
        yield "place", _place_words(row["gps_lat"], row["gps_lon"]), 1


@lru_cache(maxsize=16384)
def _date_words(day: datetime) -> str:
    """Spell a day: `Friday 13 June 2014, 2014-06-13`."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}, {day.date()}"


def _place_words(lat: float, lon: float) -> str:
    """Spell whole degrees: `gps 47N 8E`."""
    return f"gps {int(abs(lat))}{'N' if lat >= 0 else 'S'} {int(abs(lon))}{'E' if lon >= 0 else 'W'}"


# Not by strftime, which follows the user's locale: the index would change its language with it.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
