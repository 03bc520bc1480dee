"""Search by a text: by what pictures show, where a model puts texts and pictures into one space, else by words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from photoidx.config import Config
from photoidx.errors import QueryError
from photoidx.queries.search.nearest import nearest_photos
from photoidx.queries.search.texts import try_to_bring_up_to_date
from photoidx.queries.search.words import search_words
from photoidx.queries.sql.functions import HOW_TO_GET_TEXTS
from photoidx.queries.sql.process import paths_where
from photoidx.queries.vectors import text_stage
from photoidx.storage.store import Store


@dataclass(frozen=True)
class Answer:
    """What a search found: rows of path and score (by words: and matched), how it was searched, and remarks."""

    rows: list[dict[str, Any]]
    by: Literal["pictures", "words"]
    notes: tuple[str, ...]


def search(
    store: Store,
    text: str,
    config: Config,
    *,
    where: str | None = None,
    count: int = 20,
    least: float | None = None,
    embedder: str | None = None,
    words: bool = False,
) -> Answer:
    """Find photos by a text, one row a shot, the best first.

    By pictures the score is the cosine of the picture's vector with the text's, by words BM25. `words` asks for words
    also where there is a model. Raises QueryError; PhotoidxError if there are no words yet and they can't be written.
    """
    if not text.strip():
        raise QueryError("Say what to look for: photoidx search red bike")
    stage, why = (None, "you asked for words") if words else text_stage(store, config, embedder)
    allowed = None if where is None else paths_where(store, where, config)
    if stage is not None:
        query = np.asarray(stage.encode_text([text])[0], np.float32)
        rows = nearest_photos(store, stage, query, count=count, least=least, allowed=allowed)
        notes = [f"Searched by pictures, with {stage.name}. By words instead: photoidx search --words."]
        return Answer(rows, "pictures", tuple(notes))
    if embedder is not None and not words:
        raise QueryError(f"Can't search with {embedder}: {why}.")
    stale = try_to_bring_up_to_date(store)
    rows, notes = search_words(store, text, count=count, least=least, allowed=allowed)
    other = "." if words else f", since {why}. By what pictures show: {HOW_TO_GET_TEXTS}."
    return Answer(rows, "words", (*filter(None, [stale]), *notes, f"Searched by words{other}"))
