"""One scan, from the folders to the tables: walk, plan, run the pipeline, tie shots, forget what is gone."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.config import Config
from photoidx.errors import PhotoidxError
from photoidx.indexer.engines.pool import WorkerPool
from photoidx.indexer.engines.worker import Outcome, Task
from photoidx.indexer.media.links import follows_by, link_rules
from photoidx.indexer.media.name_times import name_columns
from photoidx.indexer.media.not_understood import remember
from photoidx.indexer.media.walk import FileState, Listing, StoppedError, walk
from photoidx.indexer.scan.commit import Batch, Clock
from photoidx.indexer.scan.derive import derive
from photoidx.indexer.scan.known_files import collector_paused, found_below, read_known, shots_of
from photoidx.indexer.scan.pending import Pending, read_pending
from photoidx.indexer.scan.pipeline import Counts, Pipeline
from photoidx.indexer.scan.plan import Plan, Verdict, nothing_found, plan
from photoidx.indexer.scan.scope import walk_some
from photoidx.indexer.shots.assign import assign_shots, is_tied
from photoidx.records import format_of, kind_of, next_id, path_text
from photoidx.stage import DerivedStage, PhotoStage, Stage
from photoidx.storage.schema import META, PENDING, SCANS, tables_of
from photoidx.storage.store import Store

_KEEP_VERSIONS = timedelta(days=1)
_MOVED_ROOT_SHARE = 0.9
_HASHES = "hashes"


@dataclass
class ScanResult:
    """What a scan found and did, in files; `analysed` counts contents, `decoded` the times that one was decoded."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    gone: int = 0
    unchanged: int = 0
    unsettled: int = 0
    analysed: int = 0
    decoded: int = 0
    failed: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def touched(self) -> bool:
        """Whether anything in the tables changed."""
        return bool(self.new or self.changed or self.moved or self.gone or self.analysed)


Progress = Callable[[int, int, int], None]
"""Called with files done, files to do, failures so far."""


def make_plan(store: Store | None, roots: Sequence[str], config: Config, *, allow_empty: bool = False) -> Plan:
    """Say what a scan would do, without doing it. `store` is None where there is no library yet."""
    known = read_known(store) if store is not None else {}
    roots = outermost(roots)
    follows = follows_by(link_rules(store, roots, config.follow))
    listings = [walk(root, config.excludes, known, follows=follows) for root in roots]
    found = plan(listings, known, time.time_ns(), int(config.settle_s * 1e9), allow_empty=allow_empty)
    found.warnings += nothing_found(listings, known)
    return found


def outermost(roots: Sequence[str]) -> list[str]:
    """Make paths absolute and leave out those that lie below another."""
    whole = sorted({os.path.abspath(root) for root in roots})
    return [root for root in whole if not any(root != other and root.startswith(_slashed(other)) for other in whole)]


def _slashed(folder: str) -> str:
    return folder if folder.endswith(os.sep) else folder + os.sep


class Scan:
    """One run over some folders. The library's writer lock is the caller's to hold, and so is the pool that works."""

    def __init__(self, store: Store, roots: Sequence[str], pool: WorkerPool, stop: threading.Event) -> None:
        self.result = ScanResult()
        self._store, self._config, self._pool, self._stop = store, pool.config, pool, stop
        self._roots = outermost(roots)
        self._stages: Sequence[Stage] = pool.stages
        self._derived = [stage for stage in self._stages if isinstance(stage, DerivedStage)]
        for stage in self._stages:
            stage.check()
        store.ensure(*tables_of(self._stages).values())
        self._known = read_known(store)
        self._batch = Batch(store, self._stages, self._config.commit_rows)
        self._clock = Clock(store)
        self._id = next_id(store.read("scans", ["scan_id"])["scan_id"].to_pylist())
        self._started = self._clock.now()
        self._all_roots = outermost([*self._roots, *{known.root for known in self._known.values()}])
        self._new_contents: dict[str, list[str]] = {}
        self._derivable: dict[str, dict[str, None]] = {}
        self._old_shots: dict[str, str] = {}

    def run(
        self,
        progress: Progress,
        *,
        only: Collection[str] | None = None,
        retry_failed: bool = False,
        allow_empty: bool = False,
    ) -> ScanResult:
        """Bring the tables up to date with the folders; with `only`, with these of them, whatever lies elsewhere.

        After the latter the tables are left as the writes made them: `optimize` is the caller's to call now and then.
        """
        began = time.monotonic()
        try:
            with collector_paused():
                self._plan, self._listings = self._planned(only, allow_empty=allow_empty)
        except StoppedError:
            return self._end(began)
        self.result.seen = sum(len(listing.files) for listing in self._listings)
        self.result.unchanged = len(self._plan.unchanged)
        self.result.warnings += self._plan.warnings
        if only is None:
            there = [listing for listing in self._listings if listing.root not in listing.unlisted]
            remember(self._store, {listing.root: listing.not_understood for listing in there})
        pending = read_pending(self._store, self._stages, retry_failed=retry_failed)
        tasks, late = self._tasks(pending), self._late()
        self._derivable = {stage.name: dict.fromkeys(pending.derivable(stage)) for stage in self._derived}
        whole = self._last_was_cut_off() or self._widened() or not is_tied(self._store)
        busy = bool(
            tasks or late or whole or any(self._derivable.values()) or self._plan.of(Verdict.MOVED, Verdict.GONE)
        )
        if busy:
            self._log("running")
            self._store.upsert(META, [{"name": PENDING, "value": "yes"}])
            known = [each.path for each in self._plan.decisions if each.path in self._known]
            self._old_shots = shots_of(self._store, known)
            self._take_moves()
            if tasks or late:
                self._work(tasks, late, pending, progress)
            else:
                self._batch.commit()
            if not self._stop.is_set():
                self._conclude(whole=whole)
                self._derive(retry_failed=retry_failed, progress=progress)
        self._end(began)
        if busy and only is None and not self._stop.is_set():
            self._store.optimize(_KEEP_VERSIONS)
        return self.result

    def _end(self, began: float) -> ScanResult:
        self.result.interrupted = self._stop.is_set()
        self.result.seconds = round(time.monotonic() - began, 3)
        self._log("interrupted" if self.result.interrupted else "finished")
        return self.result

    def _planned(self, only: Collection[str] | None, *, allow_empty: bool) -> tuple[Plan, list[Listing]]:
        settle_ns = int(self._config.settle_s * 1e9)
        follows = follows_by(link_rules(self._store, self._roots, self._config.follow))
        how: dict[str, Any] = {"follows": follows, "stop": self._stop}
        if only is None:
            listings = [walk(root, self._config.excludes, self._known, **how) for root in self._roots]
            found = plan(listings, self._known, time.time_ns(), settle_ns, allow_empty=allow_empty)
            found.warnings += nothing_found(listings, self._known)
            return found, listings
        whole, listings = Plan(), []
        for root in self._roots:
            listing, judged = walk_some(root, only, self._known, self._config.excludes, **how)
            # A root is suddenly empty only if all its files are judged, and none is there.
            elsewhere = any(path.startswith(_slashed(root)) for path in self._known.keys() - judged.keys())
            whole.add(plan([listing], judged, time.time_ns(), settle_ns, allow_empty=allow_empty or elsewhere))
            listings.append(listing)
        return whole, listings

    # -- what is to be done -------------------------------------------------------------------------------------------

    def _state(self, path: str) -> FileState:
        return next(listing.files[path] for listing in self._listings if path in listing.files)

    def _tasks(self, pending: Pending) -> list[Task]:
        """Return the files to look at: what is new or changed, and those whose content lacks a stage."""
        tasks = [Task(each.path, self._state(each.path)) for each in self._plan.of(Verdict.NEW, Verdict.CHANGED)]
        place: dict[tuple[str | None, str], str] = {}
        for path in self._plan.unchanged:
            known = self._known[path]
            place[known.content_id, known.kind] = path
        for each in self._plan.of(Verdict.MOVED):
            content_id = self._known[each.source or ""].content_id
            place[content_id, kind_of(format_of(each.path) or "")] = each.path
        for (content_id, kind), names in pending.missing(place).items():
            path = place[content_id, kind]
            tasks.append(Task(path, self._state(path), names))
        return tasks

    def _late(self) -> list[str]:
        return [decision.path for decision in self._plan.of(Verdict.UNSETTLED)]

    def _settled(self, late: Sequence[str]) -> Iterator[Task]:
        """Wait until files that changed a moment ago are quiet; those that are not are left for the next scan."""
        for path in late:
            state = self._state(path)
            quiet_s = (time.time_ns() - (state.mtime_ns or 0)) / 1e9
            # The wait is measured by a clock that nobody sets.
            ready_at = time.monotonic() + min(self._config.settle_s, self._config.settle_s - quiet_s)
            while time.monotonic() < ready_at and not self._stop.is_set():
                time.sleep(min(0.1, max(0.0, ready_at - time.monotonic())))
            yield Task(path, state)

    def _last_was_cut_off(self) -> bool:
        scans = self._store.read("scans", ["scan_id", "status"])
        status = [row["status"] for row in sorted(scans.to_pylist(), key=lambda row: str(row["scan_id"]))]
        return bool(status) and status[-1] != "finished"

    # -- doing it -----------------------------------------------------------------------------------------------------

    def _work(self, tasks: list[Task], late: list[str], pending: Pending, progress: Progress) -> None:
        total = len(tasks) + len(late)

        def source() -> Iterator[Task]:
            tasks.reverse()
            while tasks:  # each is let go when it is done
                yield tasks.pop()
            yield from self._settled(late)

        def finished(outcome: Outcome) -> None:
            self._finish(outcome)
            progress(pipeline.counts.done, total, pipeline.counts.failed + pipeline.counts.unreadable)

        pipeline = Pipeline(self._pool, self._batch, finished, self._stop)
        try:
            pipeline.run(source(), total, pending.complete(), self._by_pixels(pending.complete(faultless=True)))
        finally:
            self._count(pipeline.counts)

    def _derive(self, progress: Progress, *, retry_failed: bool) -> None:
        """Work out what stages say of other stages' rows, those of earlier scans and those that came in this one."""
        if not self._derived:
            return
        # What comes from a worker's stage is noted as it comes; a model's answers only the ledger tells.
        pending = None
        if not all(isinstance(stage.source, PhotoStage) for stage in self._derived):
            pending = read_pending(self._store, self._derived, retry_failed=retry_failed)
        for stage in self._derived:
            content_ids = list(self._derivable[stage.name]) if pending is None else pending.derivable(stage)
            if not content_ids or self._stop.is_set():
                continue

            def told(done: int, total: int = len(content_ids)) -> None:
                progress(done, total, self.result.failed)

            stage.load()
            self.result.failed += derive(self._store, stage, content_ids, self._batch, stop=self._stop, done=told)
            self.result.analysed = max(self.result.analysed, len(content_ids))

    def _by_pixels(self, content_ids: Sequence[str]) -> dict[str, str]:
        """Return those of the contents whose pixels are identified, by the identity of their pixels."""
        if _HASHES not in self._store.names():
            return {}
        rows = self._store.read(_HASHES, ["pixel_id", "content_id"])
        rows = rows.filter(pc.is_in(rows["content_id"], value_set=pa.array(content_ids, pa.string())))
        return dict(zip(rows["pixel_id"].to_pylist(), rows["content_id"].to_pylist(), strict=True))

    def _count(self, counts: Counts) -> None:
        self.result.analysed, self.result.decoded = counts.analysed, counts.decoded
        self.result.failed = counts.failed + counts.unreadable
        self.result.unsettled = counts.unsettled

    def _finish(self, outcome: Outcome) -> None:
        path = outcome.task.path
        for stage in self._derived:
            if outcome.content_id is not None and stage.source.name in outcome.rows:
                self._derivable[stage.name][outcome.content_id] = None
        old = self._known.get(path)
        if outcome.task.stages is not None and old is not None and old.content_id == outcome.content_id:
            return  # the file is as it was, only stages were missing
        if old is None:
            self.result.new += 1
        else:
            self.result.changed += 1
        if outcome.content_id is not None:
            self._new_contents.setdefault(outcome.content_id, []).append(path)
        self._batch.file(self._row(path, outcome.task.state, outcome.content_id, outcome.read_error))

    def _row(self, path: str, state: FileState, content_id: str | None, error: str | None = None) -> Mapping[str, Any]:
        file_format = format_of(path) or ""
        return {
            "path": path_text(path),
            "root": path_text(self._root_of(path)),
            "size": state.size,
            "mtime_ns": state.mtime_ns,
            "inode": state.inode,
            "content_id": content_id,
            "kind": kind_of(file_format).value,
            "format": file_format,
            **name_columns(os.path.basename(path)),
            "shot_id": self._old_shots.get(path_text(path)),  # until shots are tied again
            "shot_rule": None,
            "about": None,
            "error": error,
            "seen_at": self._clock.now(),
        }

    def _root_of(self, path: str) -> str:
        return next(root for root in self._all_roots if path.startswith(_slashed(root)))

    def _take_moves(self) -> None:
        for decision in self._plan.of(Verdict.MOVED):
            content_id = self._known[decision.source or ""].content_id
            self._batch.file(self._row(decision.path, self._state(decision.path), content_id))
            self.result.moved += 1

    def _widened(self) -> bool:
        """Return whether a root now lies below another: its files change their root."""
        return any(known.root not in self._all_roots for known in self._known.values())

    # -- the library-wide end -----------------------------------------------------------------------------------------

    def _conclude(self, *, whole: bool) -> None:
        """Tie shots, then forget files that are gone: in this order a crash in between only repeats work."""
        forget = [decision.source or "" for decision in self._plan.of(Verdict.MOVED)]
        gone = [decision.path for decision in self._plan.of(Verdict.GONE)] + self._left_behind()
        found_again = [path for path in gone if self._new_contents.get(self._known[path].content_id or "")]
        arrived = {path for paths in self._new_contents.values() for path in paths if path not in self._known}
        moved = min(len(found_again), len(arrived))
        self.result.moved += moved
        self.result.new -= moved
        self.result.gone = len(gone) - moved
        forget += gone
        touched = {os.path.dirname(path) for path in forget}
        touched |= {os.path.dirname(decision.path) for decision in self._plan.decisions}
        if self.result.analysed:  # what was lacking may have been the time of a file that has not changed
            touched |= {os.path.dirname(path) for path in self._plan.unchanged}
        left = {path_text(path) for path in forget}
        self._let_go()
        told = assign_shots(
            self._store, None if whole else touched, left, self._root_of, self._clock.now, read_name=name_columns
        )
        self.result.warnings += told
        self._store.delete("files", "path", [path_text(path) for path in forget])

    def _let_go(self) -> None:
        """Free what is known of each file: what follows needs the memory, and the files no longer."""
        self._known.clear()
        self._new_contents.clear()
        self._old_shots.clear()
        self._listings.clear()
        self._plan = Plan()

    def _left_behind(self) -> list[str]:
        """Return the files of a root that is no longer there, if nearly all of them came again below a new root."""
        left: list[str] = []
        roots = {known.root for known in self._known.values()} - set(self._roots)
        for root in sorted(roots):
            if os.path.isdir(root):
                continue
            files = {path: known.content_id for path, known in self._known.items() if known.root == root}
            files = {path: content_id for path, content_id in files.items() if content_id}
            again = found_below(files, root, self._new_contents)
            if files and len(again) >= _MOVED_ROOT_SHARE * len(files):
                self.result.warnings.append(f"{root} is no longer there, its files were found elsewhere")
                left += again
        return left

    def _log(self, status: str) -> None:
        counts = {name: value for name, value in asdict(self.result).items() if name != "warnings"}
        row = {
            "scan_id": self._id,
            "started_at": self._started,
            "finished_at": None if status == "running" else self._clock.now(),
            "status": status,
            "roots": [path_text(root) for root in self._roots],
            "counts": json.dumps(counts),
        }
        self._store.upsert(SCANS, [row])


def check_roots(roots: Sequence[str], *, has_library: bool = True) -> None:
    """Raise PhotoidxError if something to scan is not a folder. One that is missing may be a drive that is away.

    Where there is no library yet it can only be a mistake.
    """
    for root in roots:
        if not has_library and not os.path.exists(root):
            raise PhotoidxError(f"There is no folder {root}. Check the spelling, or mount its drive.")
        if os.path.exists(root) and not os.path.isdir(root):
            raise PhotoidxError(f"{root} is not a folder. Give the folder that it lies in.")
