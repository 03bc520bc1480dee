"""The words by which photos are found, in the table `texts` with a full-text index, and how it is kept true."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa

from photoidx.errors import PhotoidxError
from photoidx.queries.search.photo_words import facts_of
from photoidx.queries.sql.query import run_sql
from photoidx.storage.schema import META, TEXTS, arrow_schema
from photoidx.storage.store import Store

_RULES = 2  # raised when photos get other words: the next search makes them anew
_MADE_FROM = "texts_made_from"
_SOURCES = ("files", "exif", "labels", "sidecars", "places", "holdings")
_DATE = re.compile(r"(?<![^\W_])(\d{4})-\d{2}(?:-\d{2})?(?![^\W_])")
_RUN = re.compile(r"[^\W_]+")
_ASKED = re.compile(rf"{_DATE.pattern}|{_RUN.pattern}")
_MONTH_LONG = len("2014-06")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
# Scripts that are written without blanks between words, and Korean, whose words take their endings without one.
_UNBROKEN = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u30ff\u3400-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
)
_UNBROKEN_RUN = re.compile(rf"[{_UNBROKEN}\U00020000-\U0003ffff]+")
_QUERY = """
    SELECT p.path, p.root, p.name, p.folder, p.format, p.make, p.model, p.lens, p.keywords, p.keyword_paths, p.people,
        p.title, p.caption, p.comments, p.location, p.city, p.region, p.country, p.words, p.label AS mark, p.taken_on,
        p.taken_on_precision, p.gps_lat, p.gps_lon, l.labels, l.probabilities
    FROM photos p LEFT JOIN t.labels l USING (content_id)
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
    words = (found[0].casefold() for found in _ASKED.finditer(_plain(text)))
    return list(dict.fromkeys(part for word in words for part in _at_scripts(word)))


def is_unbroken(word: str) -> bool:
    """Return whether a word is of a script without blanks: then it may stand inside a run of letters."""
    return _UNBROKEN_RUN.fullmatch(word) is not None


def _at_scripts(word: str) -> list[str]:
    """Cut a word where a script without blanks begins or ends, as in 2019 and what follows it."""
    return [part for part in re.split(f"({_UNBROKEN_RUN.pattern})", word) if part]


@lru_cache(maxsize=65536)
def words_in(text: str) -> tuple[str, ...]:
    """Return the words of a text that is looked for: dates, whole runs, and the parts of `BirthdayParty2014`."""
    plain = _plain(text)
    found: dict[str, None] = {}
    for date in _DATE.finditer(plain):
        found |= dict.fromkeys((date[0], date[0][:_MONTH_LONG], date[1]))
    for run in _RUN.findall(_DATE.sub(" ", plain)):
        parts = (run, *_PART.findall(run), *_at_scripts(run))
        found |= dict.fromkeys(part.casefold() for part in parts)
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
    for kind, value, often in facts_of(row):
        facts.append(f"{kind}: {' '.join(value.split())}")
        words += words_in(value) * often
    return {"path": row["path"], "words": f" {' '.join(words)}", "facts": "\n".join(facts)}
