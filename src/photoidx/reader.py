"""What a library answers from its tables as they are: nothing is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photoidx.config import Config, default_library
from photoidx.errors import LibraryNotFoundError

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image

    from photoidx.indexer.scan.plan import Plan
    from photoidx.queries.best.ranker import Learnt
    from photoidx.queries.search.find import Answer
    from photoidx.queries.sql.process import Questions
    from photoidx.storage.store import Store


class Reader:
    """A library that is only read. With `as_of` (a time with a zone) it answers as it would have then."""

    def __init__(
        self, uri: str | Path | None = None, config: Config | None = None, *, as_of: datetime | None = None
    ) -> None:
        self.uri = str(uri) if uri is not None else default_library()
        self.config = config or Config()
        self.as_of = as_of
        self._questions: Questions | None = None

    @property
    def store(self) -> Store:
        """The tables as they are, or were. Raises LibraryNotFoundError if nothing was scanned, EarlierStateError."""
        from photoidx.storage.store import Store

        return Store(self.uri, as_of=self.as_of)

    def _exists(self) -> bool:
        try:
            self.store  # noqa: B018 - opening it tells
        except LibraryNotFoundError:
            return False
        return True

    def plan(self, *roots: str | Path, allow_empty: bool = False) -> Plan:
        """Say what a scan of these folders would do, and change nothing."""
        from photoidx.indexer.scan.run import check_roots, make_plan

        folders = [os.path.abspath(root) for root in roots]
        check_roots(folders)
        try:
            store = self.store
        except LibraryNotFoundError:
            return make_plan(None, folders, self.config)
        return make_plan(store, folders, self.config, allow_empty=allow_empty)

    def sql(self, query: str) -> pa.Table:
        """Answer one SQL query over the views; see `docs/columns.md`. Raises QueryError.

        It runs in a process of its own, which the next query finds ready: a query that takes too much time or memory
        ends that one.
        """
        from photoidx.queries.sql.process import Questions

        if self._questions is None:
            self._questions = Questions()
        return self._questions.ask(self.uri, query, self.config, self.as_of)

    def similar(
        self,
        *photos: str | Path,
        against: Sequence[str | Path] = (),
        where: str | None = None,
        count: int = 20,
        min_score: float | None = None,
        embedder: str | None = None,
        include_self: bool = False,
    ) -> list[dict[str, Any]]:
        """Return path and score (cosine) of the photos that look like these and not like those `against`, one a shot.

        A photo is a path, the name of a file of the library, or any picture on disk. `where` is a condition in SQL
        over the view `photos`. Raises QueryError.
        """
        from photoidx.queries.search.similar import similar

        return similar(
            self.store,
            [str(photo) for photo in photos],
            self.config,
            against=[str(photo) for photo in against],
            where=where,
            count=count,
            least=min_score,
            embedder=embedder,
            include_self=include_self,
        )

    def search(
        self,
        text: str,
        *,
        where: str | None = None,
        count: int = 20,
        min_score: float | None = None,
        embedder: str | None = None,
        words: bool = False,
    ) -> Answer:
        """Find photos by a text: by pictures with an OpenCLIP model, else, or with `words`, by words.

        `where` is a condition in SQL over the view `photos`. Raises QueryError.
        """
        from photoidx.queries.search.find import search

        return search(
            self.store,
            text,
            self.config,
            where=where,
            count=count,
            least=min_score,
            embedder=embedder,
            words=words,
        )

    def status(self) -> dict[str, Any]:
        """Count what is in the library, by kind, root and stage."""
        from photoidx.queries.status import status

        return status(self.store)

    def show(self, photo: str | Path) -> dict[str, Any]:
        """Return everything that is known of one photo. Raises QueryError if it is not in the library."""
        from photoidx.queries.show import show

        return show(self.store, str(photo))

    def draw_faces(self, photo: str | Path) -> Image.Image:
        """Draw a photo's faces with boxes, eyes and scores. The photo is only read. Raises QueryError."""
        from photoidx.queries.face_picture import draw_faces

        return draw_faces(self.store, str(photo))

    def thumbnail(self, photo: str | Path) -> bytes | None:
        """Return a photo's thumbnail as a JPEG file; None if it has none. Raises QueryError."""
        from photoidx.queries.resolve import resolve_photo
        from photoidx.queries.show import rows_of

        store = self.store
        rows = rows_of(store, "thumbnails", resolve_photo(store, str(photo))["content_id"] or "")
        return rows[0]["jpeg"] if rows else None

    def bursts(self, within_s: float | None = None) -> list[dict[str, Any]]:
        """Return the groups of shots: burst_id, kind, frames (path, shot_id, files, taken_at, rule, gap_s, cosine).

        With `within_s` they are worked out for this answer, with frames that may be so many seconds apart; the groups
        that the library holds, and what builds on them, stay.
        """
        from photoidx.queries.bursts.table import bursts

        return bursts(self.store, within_s)

    def near_misses(self) -> list[float]:
        """Return the seconds between photos that look alike and were taken too far apart to be a burst, up to 10 s."""
        from photoidx.queries.bursts.near_misses import near_misses

        return near_misses(self.store)

    def is_grouped(self) -> bool:
        """Return whether the groups are those of this version's rules; a scan or `regroup` makes them so."""
        from photoidx.queries.bursts.table import is_current

        return is_current(self.store)

    def best_of_bursts(self, keep: int = 1, within_s: float | None = None) -> list[dict[str, Any]]:
        """Return each burst's pick with its reason, and all its frames ranked; so many of each are marked to be kept.

        `within_s` is as for `bursts`.
        """
        from photoidx.queries.best.picks import best_of_bursts

        return best_of_bursts(self.store, keep=keep, within_s=within_s)

    def lessons(self, count: int = 10) -> tuple[Learnt | None, list[dict[str, Any]]]:
        """Return what was learnt from your choices of the best, and the bursts whose choice would teach most."""
        from photoidx.queries.best.picks import lessons

        return lessons(self.store, count)

    def why(self, first: str | Path, second: str | Path) -> dict[str, Any]:
        """Say what decided between two photos of one burst. Raises QueryError if they are not of one."""
        from photoidx.queries.best.picks import why

        return why(self.store, str(first), str(second))

    def doubtful_pairs(self, count: int = 10) -> list[dict[str, Any]]:
        """Return the pairs of photos of which it would teach most to know whether they are the same picture."""
        from photoidx.queries.duplicates.find import doubtful_pairs

        return doubtful_pairs(self.store, count)

    def decisions(self) -> list[dict[str, Any]]:
        """List the decisions that hold, the oldest first: decision_id, verb, path, a row for each shot."""
        from photoidx.queries.decisions.record import decision_rows

        return decision_rows(self.store)

    def failures(self) -> pa.Table:
        """List what failed: path, stage, error, at."""
        from photoidx.queries.sql.query import run_sql

        return run_sql(self.store, "SELECT * FROM failures ORDER BY path, stage", self.config)
