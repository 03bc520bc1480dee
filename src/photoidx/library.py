"""A library from Python: the same work and the same answers as on the command line."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photoidx.errors import PhotoidxError, QueryError
from photoidx.reader import Reader

if TYPE_CHECKING:
    from photoidx.export.files import FilesOptions, FilesResult
    from photoidx.export.files import Step as FileStep
    from photoidx.export.selection import Selection
    from photoidx.export.sidecars import Result as SidecarResult
    from photoidx.export.sidecars import SidecarOptions, SidecarPlan
    from photoidx.export.undo import Undone
    from photoidx.indexer.scan.run import Progress, ScanResult
    from photoidx.indexer.watch.loop import Pace
    from photoidx.queries.clusters.clustering import Parameters as ClusterParameters
    from photoidx.queries.decisions.record import Decision
    from photoidx.queries.gallery.build import Options as GalleryOptions
    from photoidx.queries.gallery.data import GalleryGroups
    from photoidx.reclaim.run import Reclaimable
    from photoidx.reclaim.trash import Done
    from photoidx.storage.store import Store


class Library(Reader):
    """A photo library at a folder or object-store URI. It is made by the first scan.

    Scanning starts worker processes: a script that scans needs the usual `if __name__ == "__main__":`. With `as_of` (a
    time with a zone) it answers as it would have then, and can't be changed.
    """

    def scan(
        self,
        *roots: str | Path,
        retry_failed: bool = False,
        allow_empty: bool = False,
        on_progress: Progress = lambda _done, _total, _failed: None,
        stop: threading.Event | None = None,
    ) -> ScanResult:
        """Bring the tables up to date with these folders. Photos are only read. Raises LibraryLockedError."""
        from photoidx.indexer.engines.pool import WorkerPool
        from photoidx.indexer.scan.run import Scan, check_roots
        from photoidx.queries.bursts.table import group_after_scan
        from photoidx.remembered import remember, with_remembered
        from photoidx.storage.store import Store

        folders = [os.path.abspath(root) for root in roots]
        if not all(map(os.path.isdir, folders)):
            check_roots(folders, has_library=self._exists())
        store = Store(self.uri, create=True, as_of=self.as_of)
        with store.writing():
            config, warnings = with_remembered(store, self.config)
            with contextlib.closing(WorkerPool(config)) as pool:
                scan = Scan(store, folders, pool, stop or threading.Event())
                scan.result.warnings += warnings
                remember(store, config, folders)
                result = scan.run(on_progress, retry_failed=retry_failed, allow_empty=allow_empty)
            group_after_scan(store, touched=bool(result.touched), interrupted=result.interrupted)
            return result

    def watch(
        self,
        *roots: str | Path,
        stop: threading.Event | None = None,
        pace: Pace | None = None,
        may_work: Callable[[], bool] = lambda: True,
        on_result: Callable[[ScanResult], None] = lambda _result: None,
        on_status: Callable[[str], None] = lambda _words: None,
        on_progress: Progress = lambda _done, _total, _failed: None,
    ) -> None:
        """Keep the tables up to date with these folders until `stop` is set. Photos are only read.

        `on_result` gets the result of each look, `on_status` a few words whenever what the watch does changes;
        `may_work` is asked before each look. Others may read and write meanwhile. What goes wrong later goes to the log
        `photoidx.watch`, and is tried again. Raises LibraryLockedError if another watch has the library.
        """
        from photoidx.indexer.scan.run import check_roots
        from photoidx.storage.store import Store
        from photoidx.watcher import watch

        folders = [os.path.abspath(root) for root in roots]
        check_roots(folders, has_library=self._exists())
        store, stop = Store(self.uri, create=True, as_of=self.as_of), stop or threading.Event()
        watch(
            store,
            folders,
            self.config,
            stop,
            pace,
            may_work=may_work,
            on_result=on_result,
            on_status=on_status,
            on_progress=on_progress,
        )

    def regroup(self) -> int:
        """Group all shots anew, and return the number of groups. Ids and decisions stay. Raises LibraryLockedError."""
        from photoidx.queries.bursts.table import regroup

        store = self.store
        with store.writing():
            return regroup(store, whole=True)

    def clusters(
        self,
        parameters: ClusterParameters | None = None,
        *,
        recompute: bool = False,
        with_noise: bool = False,
        warn: Callable[[str], None] = lambda _text: None,
    ) -> list[dict[str, Any]]:
        """Return the clusters of photos that look alike: cluster_id, size, label, representative, best, files.

        They are computed where they are not current; without parameters those of the last time hold. `with_noise` adds
        a last group whose cluster_id is None, if there is noise. `warn` is told what else is to be known.
        """
        from photoidx.queries.clusters.best import best_of_clusters, told
        from photoidx.queries.clusters.table import find_clusters

        store = self.store
        found = find_clusters(store, parameters, recompute=recompute, warn=warn)
        shown = [each for each in found if with_noise or each.cluster_id is not None]
        return told(shown, best_of_clusters(store, shown))

    def best_of_clusters(self, keep: int = 1, warn: Callable[[str], None] = lambda _text: None) -> list[dict[str, Any]]:
        """Return each cluster's best photo with its reason, and all its photos ranked."""
        from photoidx.queries.clusters.best import best_of_clusters
        from photoidx.queries.clusters.table import find_clusters

        store = self.store
        return best_of_clusters(store, find_clusters(store, warn=warn), keep)

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

    def refresh_duplicates(self, on_progress: Callable[[int, int], None] = lambda _done, _total: None) -> str:
        """Compare what is new since the last time. Gives why it could not be written, else nothing."""
        from photoidx.queries.duplicates.pairs import is_current, update_pairs

        store = self.store
        if is_current(store):
            return ""
        try:
            with store.writing():
                update_pairs(store, on_progress)
        except PhotoidxError as error:  # another process writes, or the library is read-only
            return str(error)
        return ""

    def decide(self, verb: str, *photos: str | Path) -> Decision:
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

    def undo(self) -> Decision:
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
        on_progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None,
        warn: Callable[[str], None] = lambda _text: None,
    ) -> dict[str, Any]:
        """Write the gallery: a folder, or one page if `out` ends in .html. Gives path, size_bytes, photos and counts.

        Duplicates and clusters are brought up to date first, and remembered in the library; `warn` is told where
        they can't be: the duplicates are then those known before. Raises PhotoidxError if the gallery can't be put
        there, QueryError if no photo is chosen.
        """
        from photoidx.queries.gallery.build import Options, build

        return build(self.store, str(out), options or Options(), lambda step: self._groups(step, warn), on_progress)

    def _groups(self, progress: Callable[[str, int, int], None], warn: Callable[[str], None]) -> GalleryGroups:
        from photoidx.queries.gallery.data import GalleryGroups

        progress("bursts", 0, 0)
        found = GalleryGroups(bursts=self.bursts(), picks=self.best_of_bursts())
        progress("duplicates", 0, 0)
        if problem := self.refresh_duplicates():
            warn(f"These are the duplicates that were known before: {problem}")
        found = replace(found, duplicates=self.duplicates())
        progress("clusters", 0, 0)
        return replace(found, clusters=self.clusters(warn=warn))

    def export_xmp(
        self,
        options: SidecarOptions,
        selection: Selection | None = None,
        *,
        dry_run: bool = False,
        on_plan: Callable[[SidecarPlan], None] = lambda _plan: None,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> SidecarResult:
        """Write what you decided, and what is known, into sidecars beside the photos or in a folder of their own.

        What a sidecar holds otherwise stays to the letter. `on_plan` is told of each with its fields before and after;
        with `dry_run` nothing is written. `undo_export` takes it back. Raises QueryError, ExportError,
        LibraryLockedError.
        """
        from photoidx.export.selection import Selection, chosen_paths
        from photoidx.export.sidecars import export_sidecars

        store = self._now()
        chosen = chosen_paths(store, selection or Selection(), self.config)
        return export_sidecars(
            store, options, chosen, config=self.config, dry_run=dry_run, on_plan=on_plan, on_progress=on_progress
        )

    def export_files(
        self,
        options: FilesOptions,
        selection: Selection,
        *,
        dry_run: bool = False,
        on_step: Callable[[FileStep], None] = lambda _step: None,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> FilesResult:
        """Copy or link chosen photos, with their sidecars and films, into a folder. Photos are only read.

        Each file is read back and compared by its content. Done again, it goes on where it was cut off. Raises
        QueryError, ExportError, LibraryLockedError.
        """
        from photoidx.export.files import export_files, groups_of
        from photoidx.export.selection import chosen_paths

        store = self._now()
        groups = groups_of(store, chosen_paths(store, selection, self.config), options, self.config)
        return export_files(store, groups, options, dry_run=dry_run, on_step=on_step, on_progress=on_progress)

    def export_albums(
        self, to: str | Path, formats: Sequence[str], selection: Selection, name: str | None = None
    ) -> list[dict[str, Any]]:
        """Write lists of photos for other programs into a folder: album, photos, path, a row for each file.

        Albums are the selection under a name or, where nothing is selected, the picks and each cluster. Raises
        QueryError, ExportError, LibraryLockedError.
        """
        from photoidx.export.albums import albums_of, write_albums

        store = self._now()
        return write_albums(store, str(to), albums_of(store, selection, name, self.config), formats)

    def undo_export(
        self, *, dry_run: bool = False, on_progress: Callable[[int, int], None] = lambda _done, _total: None
    ) -> Undone:
        """Take back the last export, whole or cut off. Raises ExportError if there is none, LibraryLockedError."""
        from photoidx.export.undo import undo

        return undo(self._now(), dry_run=dry_run, on_progress=on_progress)

    def _now(self) -> Store:
        """Return the tables, of which something is to be exported. Raises EarlierStateError for those of earlier."""
        store = self.store
        store.check_current()
        return store

    def reclaimable(self, *, goal: int | None = None, kinds: Sequence[str] = ("duplicate", "rejected")) -> Reclaimable:
        """Say what may go into the trash, what loses least first; with `goal`, as much as frees so many bytes.

        Those are duplicates of which a file that stays holds all, and shots that were rejected. Nothing is moved.
        """
        from photoidx.reclaim.run import find

        return find(self.store, self.duplicates() if "duplicate" in kinds else (), goal=goal, kinds=kinds)

    def reclaim(
        self,
        *,
        goal: int | None = None,
        kinds: Sequence[str] = ("duplicate", "rejected"),
        on_unit: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> tuple[Reclaimable, Done]:
        """Move what may go into the trash beside its root, and say what was moved and what was not, and why.

        Each file that goes, and each that is kept for it, is read again before. Raises LibraryLockedError.
        """
        from photoidx.reclaim.filling import move_units
        from photoidx.reclaim.run import find, library_of

        groups = self.duplicates() if "duplicate" in kinds else ()
        store = self.store
        with store.writing():
            found = find(store, groups, goal=goal, kinds=kinds)
            return found, move_units(library_of(store), found.units, on_unit)

    def bring_back(self, *wanted: str) -> Done:
        """Move files from the trash to where they were: those of the last `reclaim`, or these (paths, or batches).

        Raises QueryError if they are not in the trash, LibraryLockedError.
        """
        from photoidx.reclaim.run import library_of, open_trash
        from photoidx.reclaim.trash import chosen, last_batch, put_back_units

        store = self.store
        with store.writing():
            found, problems = open_trash(store)
            done = put_back_units(chosen(found, wanted) if wanted else last_batch(found, library_of(store)))
        done.problems[:0] = problems
        return done

    def trash(self) -> list[dict[str, Any]]:
        """List the files in the trash of every root: path, size, batch, at, what, reason, kept, in_trash."""
        from photoidx.reclaim.run import open_trash
        from photoidx.reclaim.trash import rows

        return rows(open_trash(self.store)[0])

    def empty_trash(self, older_than: timedelta = timedelta(0), *, even_last: bool = False) -> Done:
        """Delete for good what was put into the trash longer ago than this.

        What may be the last copy stays, unless `even_last`: a duplicate whose kept file is not there, byte for byte.
        """
        from photoidx.reclaim.run import open_trash
        from photoidx.reclaim.trash import empty, older_than_units

        store = self.store
        with store.writing():
            return empty(older_than_units(open_trash(store)[0], older_than), even_last=even_last)

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
