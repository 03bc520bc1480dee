"""The SQL functions `similarity` and `text_similarity`: how like a photo, or a text, each row's picture is."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from photoidx.config import Config
from photoidx.errors import PhotoidxError, QueryError
from photoidx.queries.contents import vectors_of
from photoidx.queries.resolve import resolve_photo
from photoidx.queries.vectors import Array, cosines, stage_of, text_stage
from photoidx.storage.store import Store

_NAMES = ("similarity", "text_similarity")
_MOST = 16  # photos or texts in one query: each is a search through all vectors
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
HOW_TO_GET_TEXTS = "`photoidx models pull openclip`, then `photoidx scan FOLDER --embedder openclip`"


class SimilarityFunctions:
    """The functions over one library. What they raised is in `error`: DuckDB wraps it in words of its own."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._config = config
        self._known: dict[tuple[str, str], dict[str, float]] = {}
        self._lock = threading.Lock()  # DuckDB calls from several threads
        self.error: PhotoidxError | None = None

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the functions known to a connection. Both take what to compare with, and a content id."""
        for name, vector in zip(_NAMES, (self._of_photo, self._of_text), strict=True):
            connection.create_function(
                name,
                self._function(name, vector),
                ["VARCHAR", "VARCHAR"],
                "DOUBLE",
                type=PythonUDFType.ARROW,
                null_handling=FunctionNullHandling.SPECIAL,
            )

    def _function(
        self, name: str, search: Callable[[str], tuple[pa.Array, Array]]
    ) -> Callable[[pa.Array, pa.Array], pa.Array]:
        def answer(wanted: pa.Array, content_ids: pa.Array) -> pa.Array:
            rows = zip(wanted.to_pylist(), content_ids.to_pylist(), strict=True)
            scores = {each: self._scores(name, search, each) for each in set(wanted.to_pylist()) if each is not None}
            return pa.array([scores[each].get(of) if each is not None else None for each, of in rows], pa.float64())

        return answer

    def _scores(self, name: str, search: Callable[[str], tuple[pa.Array, Array]], wanted: str) -> dict[str, float]:
        with self._lock:
            if self.error is not None:
                raise self.error
            try:
                if (name, wanted) not in self._known:
                    if len(self._known) >= _MOST:
                        raise QueryError(
                            f"{name}() compares with {_MOST} photos and texts in a query at most; give it a photo or "
                            "text of its own in quotes, and not a column."
                        )
                    ids, scores = search(wanted)
                    self._known[name, wanted] = dict(zip(ids.to_pylist(), scores.tolist(), strict=True))
            except PhotoidxError as error:
                self.error = error
                raise
            return self._known[name, wanted]

    def _of_photo(self, photo: str) -> tuple[pa.Array, Array]:
        """Compare with a photo of the library: a query reads no files."""
        row = resolve_photo(self._store, photo, look_at_disk=False)
        stage = stage_of(self._store, self._config)
        vector = vectors_of(self._store, [row["content_id"] or ""], stage.vector_table.removeprefix("vectors_"))[0]
        if not vector.any():
            raise QueryError(f"{row['path']} has no vector of {stage.name}. `photoidx failures` may say why.")
        return cosines(self._store, stage, vector)

    def _of_text(self, text: str) -> tuple[pa.Array, Array]:
        stage, why = text_stage(self._store, self._config)
        if stage is None:
            raise QueryError(f"text_similarity() can't answer: {why}. It needs {HOW_TO_GET_TEXTS}.")
        return cosines(self._store, stage, np.asarray(stage.encode_text([text])[0]))


def says_similarity(query: str) -> bool:
    """Return whether a query may call one of the functions."""
    return re.search(r"\b(?:text_)?similarity\b", query, re.IGNORECASE) is not None


def with_content_ids(query: str) -> str:
    """Return calls of one argument, `similarity('x')`, a second one: the content id of the row where they stand.

    DuckDB's own tokenizer tells what is text and what is comment; its places count bytes.
    """
    data = query.encode()
    found = duckdb.tokenize(query)
    ends_at = [*(at for at, _kind in found[1:]), len(data)]
    told = [(at, end) for (at, kind), end in zip(found, ends_at, strict=True) if kind != duckdb.token_type.comment]
    starts = [at for at, _end in told]
    tokens = [data[at:end].strip().decode() for at, end in told]
    ends = [
        starts[close]
        for at in range(len(tokens) - 1)
        if tokens[at].lower().strip('"') in _NAMES and tokens[at + 1] == "("
        for close in [_closing(tokens, at + 1)]
        if close is not None
    ]
    for end in sorted(ends, reverse=True):
        data = data[:end] + b", content_id" + data[end:]
    return data.decode()


def _closing(tokens: list[str], at: int) -> int | None:
    """Return the place of the bracket that closes the one at a place; None if there is not one argument between."""
    depth = 0
    for place in range(at, len(tokens)):
        token = tokens[place]
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth -= 1
            if depth == 0:
                return place if place > at + 1 else None
        elif token == "," and depth == 1:  # noqa: S105 - a comma
            return None
    return None
