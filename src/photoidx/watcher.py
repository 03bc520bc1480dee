"""The work of a watch: looks at folders with workers and models that stay ready, each look a scan of its own."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from photoidx.config import Config
from photoidx.indexer.engines.pool import WorkerPool
from photoidx.indexer.media.links import follows_by, link_rules
from photoidx.indexer.scan.run import Progress, Scan, ScanResult
from photoidx.indexer.watch.loop import Pace, Watch
from photoidx.queries.bursts.table import group_after_scan
from photoidx.remembered import remember, with_remembered
from photoidx.storage.lock import WATCH
from photoidx.storage.store import Store

_KEEP_VERSIONS = timedelta(days=1)
_LARGE = 20_000  # files; to compare 30,000 with each other takes 9 s (scripts/bench_duplicates.py)
_MOST_LOOKS = 200  # after which the tables' small files are merged, also if something happens all the time


def watch(
    store: Store,
    roots: Sequence[str],
    config: Config,
    stop: threading.Event,
    pace: Pace | None = None,
    *,
    may_work: Callable[[], bool],
    on_result: Callable[[ScanResult], None],
    on_status: Callable[[str], None],
    on_progress: Progress,
) -> None:
    """Watch these folders (absolute paths) until `stop` is set, with the embedders and scorers that the library has.

    The rest is as `Library.watch` says. Raises LibraryLockedError if another watch has the library.
    """
    with store.watching():
        with store.writing(WATCH):
            config, warnings = with_remembered(store, config)
            for warning in warnings:
                logging.getLogger("photoidx.watch").warning("%s", warning)
            remember(store, config, roots)
            follows = follows_by(link_rules(store, roots, None))
        ignored = [store.folder] if store.folder else []
        worker = Watcher(store.uri, roots, WorkerPool(config), stop, on_progress=on_progress, on_result=on_result)
        with contextlib.closing(worker):
            Watch(
                roots,
                worker,
                stop,
                excludes=config.excludes,
                follows=follows,
                ignored=ignored,
                pace=pace,
                may_work=may_work,
                on_status=on_status,
            ).run()


class _StoppedError(Exception):
    """The watch is to end. What was compared is written, and the rest is compared another time."""


class Watcher:
    """Brings the tables up to date with some folders, again and again. The writer lock is held for each look alone.

    `on_result` gets the result of each look. Call `close` at the end.
    """

    def __init__(
        self,
        uri: str,
        roots: Sequence[str],
        pool: WorkerPool,
        stop: threading.Event,
        *,
        on_progress: Progress,
        on_result: Callable[[ScanResult], None],
    ) -> None:
        self._uri, self._roots, self._pool, self._stop = uri, roots, pool, stop
        self._on_progress, self._on_result = on_progress, on_result
        self._looks = 0

    def look(self, folders: Collection[str] | None) -> ScanResult:
        """Look at these folders, or at everything, and group what changed. Raises LibraryLockedError."""
        store = Store(self._uri)  # made by the caller: if it is gone, its drive is
        with store.writing(WATCH):
            result = Scan(store, self._roots, self._pool, self._stop).run(self._on_progress, only=folders)
            group_after_scan(store, touched=bool(result.touched), interrupted=result.interrupted)
            self._looks += result.touched
            if self._looks >= _MOST_LOOKS and not result.interrupted:
                self._optimize(store)
        self._on_result(result)
        return result

    def tidy(self) -> None:
        """Compare what is new with everything, for the duplicates. Raises LibraryLockedError.

        The first comparison of a large library is left to whoever first asks for duplicates: it would keep new photos
        waiting.
        """
        from photoidx.queries.duplicates.pairs import is_current as is_compared  # noqa: PLC0415 - brings OpenCV
        from photoidx.queries.duplicates.pairs import last_update, update_pairs  # noqa: PLC0415

        store = Store(self._uri)
        is_first = last_update(store) is None
        if not is_compared(store) and not (is_first and store.count("files") > _LARGE):
            with contextlib.suppress(_StoppedError), store.writing(WATCH):
                update_pairs(store, self._go_on)

    def _go_on(self, _done: int, _total: int) -> None:
        if self._stop.is_set():
            raise _StoppedError

    def rest(self) -> None:
        """Return back workers and models, and merge the small files that looks have left. Raises LibraryLockedError."""
        self._pool.rest()
        store = Store(self._uri)
        if self._looks:
            with store.writing(WATCH):
                self._optimize(store)

    def close(self) -> None:
        """End the workers."""
        self._pool.close()

    def _optimize(self, store: Store) -> None:
        store.optimize(_KEEP_VERSIONS)
        self._looks = 0
