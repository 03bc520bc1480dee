"""A library from Python: the same work and the same answers as on the command line."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photoidx.config import Config, default_library
from photoidx.errors import LibraryNotFoundError, PhotoidxError, QueryError

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image

    from photoidx.indexer.scan.plan import Plan
    from photoidx.indexer.scan.run import Progress, ScanResult
    from photoidx.indexer.watch.loop import Pace
    from photoidx.queries.best.ranker import Learnt
    from photoidx.queries.clusters.clustering import Parameters as ClusterParameters
    from photoidx.queries.decisions.record import Choice
    from photoidx.queries.gallery.build import Options as GalleryOptions
    from photoidx.queries.gallery.data import Found
    from photoidx.queries.search.find import Answer
    from photoidx.queries.sql.process import Questions
    from photoidx.storage.store import Store


class Library:
    """A photo library at a folder or object-store URI. It is made by the first scan.

    Scanning starts worker processes: a script that scans needs the usual `if __name__ == "__main__":`. With `as_of` (a
    time with a zone) it answers as it would have then, and can't be changed.
    """

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

    def scan(
        self,
        *roots: str | Path,
        retry_failed: bool = False,
        allow_empty: bool = False,
        progress: Progress = lambda _done, _total, _failed: None,
        stop: threading.Event | None = None,
    ) -> ScanResult:
        """Bring the tables up to date with these folders. Photos are only read. Raises LibraryLockedError."""
        from photoidx.indexer.engines.pool import Crew
        from photoidx.indexer.scan.run import Scan, check_roots
        from photoidx.queries.bursts.table import is_current, regroup
        from photoidx.remembered import remember, with_remembered
        from photoidx.storage.store import Store

        folders = [os.path.abspath(root) for root in roots]
        if not all(map(os.path.isdir, folders)):
            check_roots(folders, has_library=self._exists())
        store = Store(self.uri, create=True, as_of=self.as_of)
        with store.writing():
            config, warnings = with_remembered(store, self.config)
            with contextlib.closing(Crew(config)) as crew:
                scan = Scan(store, folders, crew, stop or threading.Event())
                scan.result.warnings += warnings
                remember(store, config, folders)
                result = scan.run(progress, retry_failed=retry_failed, allow_empty=allow_empty)
            if not result.interrupted and (result.touched or not is_current(store)):
                regroup(store)
            return result

    def watch(
        self,
        *roots: str | Path,
        stop: threading.Event | None = None,
        pace: Pace | None = None,
        may_work: Callable[[], bool] = lambda: True,
        told: Callable[[ScanResult], None] = lambda _result: None,
        state: Callable[[str], None] = lambda _words: None,
        progress: Progress = lambda _done, _total, _failed: None,
    ) -> None:
        """Keep the tables up to date with these folders until `stop` is set. Photos are only read.

        `told` gets the result of each look, `state` a few words whenever what the watch does changes; `may_work` is
        asked before each look. Others may read and write meanwhile. What goes wrong later is told to the log
        `photoidx.watch`, and tried again. Raises LibraryLockedError if another watch has the library.
        """
        from photoidx.indexer.scan.run import check_roots
        from photoidx.storage.store import Store
        from photoidx.watcher import watch

        folders = [os.path.abspath(root) for root in roots]
        check_roots(folders, has_library=self._exists())
        store, stop = Store(self.uri, create=True, as_of=self.as_of), stop or threading.Event()
        watch(store, folders, self.config, stop, pace, may_work=may_work, told=told, state=state, progress=progress)

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
        """Give path and score (cosine) of the photos that look like these and not like those `against`, one a shot.

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
        """Tell everything that is known of one photo. Raises QueryError if it is not in the library."""
        from photoidx.queries.show import show

        return show(self.store, str(photo))

    def draw_faces(self, photo: str | Path) -> Image.Image:
        """Draw a photo's faces with boxes, eyes and scores. The photo is only read. Raises QueryError."""
        from photoidx.queries.face_picture import draw_faces

        return draw_faces(self.store, str(photo))

    def thumbnail(self, photo: str | Path) -> bytes | None:
        """Give a photo's thumbnail as a JPEG file; None if it has none. Raises QueryError."""
        from photoidx.queries.resolve import resolve_photo
        from photoidx.queries.show import rows_of

        store = self.store
        rows = rows_of(store, "thumbnails", resolve_photo(store, str(photo))["content_id"] or "")
        return rows[0]["jpeg"] if rows else None

    def bursts(self, within_s: float | None = None) -> list[dict[str, Any]]:
        """Give the groups of shots: burst_id, kind, frames (path, shot_id, files, taken_at, rule, gap_s, cosine).

        With `within_s` they are worked out for this answer, with frames that may be so many seconds apart; the groups
        that the library holds, and what builds on them, stay.
        """
        from photoidx.queries.bursts.table import bursts

        return bursts(self.store, within_s)

    def near_misses(self) -> list[float]:
        """Give the seconds between photos that look alike and were taken too far apart to be a burst, up to 10 s."""
        from photoidx.queries.bursts.near_misses import near_misses

        return near_misses(self.store)

    def is_grouped(self) -> bool:
        """Tell whether the groups are those of this version's rules; a scan or `regroup` sees to it."""
        from photoidx.queries.bursts.table import is_current

        return is_current(self.store)

    def regroup(self) -> int:
        """Group all shots anew, and return the number of groups. Ids and decisions stay. Raises LibraryLockedError."""
        from photoidx.queries.bursts.table import regroup

        store = self.store
        with store.writing():
            return regroup(store, whole=True)

    def best_of_bursts(self, keep: int = 1, within_s: float | None = None) -> list[dict[str, Any]]:
        """Give each burst's pick with its reason, and all its frames ranked; so many of each are marked to be kept.

        `within_s` is as for `bursts`.
        """
        from photoidx.queries.best.picks import best_of_bursts

        return best_of_bursts(self.store, keep=keep, within_s=within_s)

    def clusters(
        self,
        parameters: ClusterParameters | None = None,
        *,
        recompute: bool = False,
        with_noise: bool = False,
        note: Callable[[str], None] = lambda _text: None,
    ) -> list[dict[str, Any]]:
        """Give the clusters of photos that show the like: cluster_id, size, label, representative, best, files.

        They are computed where they are not current; without parameters those of the last time hold. `with_noise` adds
        a last group whose cluster_id is None, if there is noise. `note` is told what else is to be known.
        """
        from photoidx.queries.clusters.best import best_of_clusters, told
        from photoidx.queries.clusters.table import find_clusters

        store = self.store
        found = find_clusters(store, parameters, recompute=recompute, note=note)
        shown = [each for each in found if with_noise or each.cluster_id is not None]
        return told(shown, best_of_clusters(store, shown))

    def best_of_clusters(self, keep: int = 1, note: Callable[[str], None] = lambda _text: None) -> list[dict[str, Any]]:
        """Give each cluster's best photo with its reason, and all its photos ranked."""
        from photoidx.queries.clusters.best import best_of_clusters
        from photoidx.queries.clusters.table import find_clusters

        store = self.store
        return best_of_clusters(store, find_clusters(store, note=note), keep)

    def lessons(self, count: int = 10) -> tuple[Learnt | None, list[dict[str, Any]]]:
        """Give what was learnt from your choices of the best, and the bursts whose choice would teach most."""
        from photoidx.queries.best.picks import lessons

        return lessons(self.store, count)

    def why(self, first: str | Path, second: str | Path) -> dict[str, Any]:
        """Say what decided between two photos of one burst. Raises QueryError if they are not of one."""
        from photoidx.queries.best.picks import why

        return why(self.store, str(first), str(second))

    def duplicates(
        self,
        *,
        level: str = "edited",
        strictness: str = "normal",
        most_false: float | None = None,
        within: Sequence[str | Path] = (),
        across: Sequence[str | Path] = (),
        include: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """Return the groups of photos that show the same picture: group_id, kind, keep, bytes_freed, files.

        A file is `extra` if it may go: one that stays is identical or the same, and holds all that it holds. `include`:
        `edited` or `part of`, to have edits offered, too. `level`: identical, same, edited (also edits and parts) or
        similar. `strictness`: strict, normal or loose; `most_false` is the same as a share of false pairs. Raises
        QueryError for words that there are not.
        """
        from photoidx.queries.duplicates.find import duplicates, question

        self.refresh_duplicates()
        return duplicates(self.store, question(level, strictness, most_false, within, across, include))

    def refresh_duplicates(self, progress: Callable[[int, int], None] = lambda _done, _total: None) -> str:
        """Compare what is new since the last time. Gives why it could not be written, else nothing."""
        from photoidx.queries.duplicates.pairs import is_current, update_pairs

        store = self.store
        if is_current(store):
            return ""
        try:
            with store.writing():
                update_pairs(store, progress)
        except PhotoidxError as error:  # another process writes, or the library is read-only
            return str(error)
        return ""

    def doubtful_pairs(self, count: int = 10) -> list[dict[str, Any]]:
        """Give the pairs of photos of which it would teach most to know whether they are the same picture."""
        from photoidx.queries.duplicates.find import doubtful_pairs

        return doubtful_pairs(self.store, count)

    def decide(self, verb: str, *photos: str | Path) -> Choice:
        """Record a decision, as `photoidx decide` lists them. Raises QueryError, LibraryLockedError."""
        from photoidx.queries.bursts.table import regroup
        from photoidx.queries.decisions.record import record
        from photoidx.queries.resolve import resolve_photo

        store = self.store
        shots = [resolve_photo(store, str(photo))["shot_id"] for photo in photos]
        if None in shots:
            raise QueryError("The last scan was cut off before it knew these photos. Scan their folder again.")
        with store.writing():
            choice = record(store, verb, shots)
            regroup(store)
        return choice

    def decisions(self) -> list[dict[str, Any]]:
        """List the decisions that hold, the oldest first: decision_id, verb, path, a row for each shot."""
        from photoidx.queries.decisions.record import decision_rows

        return decision_rows(self.store)

    def undo(self) -> Choice:
        """Take back the last decision that holds. Raises QueryError if there is none, LibraryLockedError."""
        from photoidx.queries.bursts.table import regroup
        from photoidx.queries.decisions.record import undo

        store = self.store
        with store.writing():
            choice = undo(store)
            regroup(store)
        return choice

    def gallery(
        self,
        out: str | Path,
        options: GalleryOptions | None = None,
        progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None,
        note: Callable[[str], None] = lambda _text: None,
    ) -> dict[str, Any]:
        """Write the gallery: a folder, or one page if `out` ends in .html. Gives path, size_bytes, photos and counts.

        Duplicates and clusters are brought up to date first, and remembered in the library; `note` is told where
        they can't be: the duplicates are then those known before. Raises PhotoidxError if the gallery can't be put
        there, QueryError if no photo is chosen.
        """
        from photoidx.queries.gallery.build import Options, build

        return build(self.store, str(out), options or Options(), lambda step: self._groups(step, note), progress)

    def _groups(self, progress: Callable[[str, int, int], None], note: Callable[[str], None]) -> Found:
        from photoidx.queries.gallery.data import Found

        progress("bursts", 0, 0)
        found = Found(bursts=self.bursts(), picks=self.best_of_bursts())
        progress("duplicates", 0, 0)
        if problem := self.refresh_duplicates():
            note(f"These are the duplicates that were known before: {problem}")
        found = replace(found, duplicates=self.duplicates())
        progress("clusters", 0, 0)
        return replace(found, clusters=self.clusters(note=note))

    def failures(self) -> pa.Table:
        """List what failed: path, stage, error, at."""
        from photoidx.queries.sql.query import run_sql

        return run_sql(self.store, "SELECT * FROM failures ORDER BY path, stage", self.config)

    def optimize(self, keep_versions_for: timedelta = timedelta(days=1)) -> None:
        """Merge small data files and remove old versions of the tables."""
        store = self.store
        with store.writing():
            store.optimize(keep_versions_for)

    def forget_embedder(self, name: str) -> None:
        """Do without an embedder, or a scorer, in later scans that do not ask for it. What it found stays.

        Raises PhotoidxError if no scan used it.
        """
        from photoidx.remembered import forget

        store = self.store
        with store.writing():
            forget(store, name, self.config)
