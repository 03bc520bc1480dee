"""Read, analyse, commit: worker processes look at files, the models run here, and results go to the tables in batches.

Everything that waits is bounded: a few chunks with the workers, one batch for each model, one batch of rows.
"""

from __future__ import annotations

import concurrent.futures
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pebble

from photoidx.errors import PhotoidxError
from photoidx.indexer.engines.pool import WorkerPool, undisturbed
from photoidx.indexer.engines.worker import Outcome, Task, look_at_all, read_marker
from photoidx.indexer.scan.commit import Batch
from photoidx.memory_limit import keep_freed_memory
from photoidx.records import Kind, format_of, kind_of
from photoidx.stage import BatchStage, fitting

CHUNK = 4
_WAIT_S = 0.2


@dataclass
class Counts:
    """What a run of the pipeline did, in files and contents."""

    done: int = 0
    analysed: int = 0
    decoded: int = 0
    failed: int = 0
    unreadable: int = 0
    unsettled: int = 0


class Pipeline:
    """One scan's work. `finished` is called for each file whose content is known, before its results are committed."""

    def __init__(
        self,
        pool: WorkerPool,
        batch: Batch,
        finished: Callable[[Outcome], None],
        stop: threading.Event,
    ) -> None:
        self.counts = Counts()
        self._pool, self._config = pool, pool.config
        self._models = {stage.name: stage for stage in pool.stages if isinstance(stage, BatchStage)}
        self._batch = batch
        self._finished = finished
        self._stop = stop
        self._waiting: dict[str, dict[str, np.ndarray[Any, Any]]] = {name: {} for name in self._models}
        self._again: deque[list[Task]] = deque()
        self._seen: set[tuple[str, Kind]] = set()
        self._copies: list[str] = []
        self._failures: Counter[str] = Counter()

    def run(self, tasks: Iterable[Task], most: int, complete: Iterable[str], same_pixels: Mapping[str, str]) -> None:
        """Work through the tasks, so many at most. Ends early when `stop` is set.

        `complete` are the contents that lack nothing, `same_pixels` those of them by the identity of their pixels.
        """
        keep_freed_memory()
        self._known = self._pool.tell(complete, same_pixels, most)
        ended = False
        try:
            self._feed(self._pool.pool(-(-most // CHUNK)), self._chunks(tasks))
            if not self._stop.is_set():
                self._run_models(least=1)
            self.counts.failed += sum(self._failures[content_id] for content_id in self._copies)
            ended = not self._stop.is_set()
        finally:
            self._batch.commit()
            if not ended:
                self._pool.dismiss()
            self._pool.forget(self._known)

    def _chunks(self, tasks: Iterable[Task]) -> Iterator[list[Task]]:
        source = iter(tasks)
        while True:
            chunk = list(islice(source, CHUNK))
            if not chunk:
                return
            yield chunk

    def _feed(self, pool: pebble.ProcessPool, chunks: Iterator[list[Task]]) -> None:
        running: dict[concurrent.futures.Future[list[Outcome]], list[Task]] = {}
        room = 2 * self._config.worker_count + 1
        exhausted = False
        while not self._stop.is_set():
            while len(running) < room and not exhausted and not self._stop.is_set():
                chunk = next(chunks, None)
                if chunk is None:
                    exhausted = True
                else:
                    with undisturbed():
                        scheduled = pool.schedule(
                            look_at_all, args=(chunk, self._known), timeout=self._config.time_limit_s
                        )
                    running[scheduled] = chunk
            if not running:
                return
            ready, _ = concurrent.futures.wait(running, _WAIT_S, concurrent.futures.FIRST_COMPLETED)
            for future in ready:
                self._take(future, running.pop(future))
            if self._again:  # a generator that has ended does not go on: look for repeats beside it
                chunks, exhausted = self._with_repeats(chunks), False

    def _with_repeats(self, chunks: Iterator[list[Task]]) -> Iterator[list[Task]]:
        while self._again:
            yield self._again.popleft()
        yield from chunks

    def _take(self, future: concurrent.futures.Future[list[Outcome]], chunk: list[Task]) -> None:
        try:
            outcomes = future.result()
        except concurrent.futures.TimeoutError:
            self._lost(chunk, f"took longer than {self._config.time_limit_s:g} s")
        except BrokenProcessPool as error:
            if self._stop.is_set():  # and the processes were ended, too
                return
            raise PhotoidxError(
                "The processes that read photos can't be started. A Python script that scans needs to do it below "
                '`if __name__ == "__main__":`, for each of them imports the script.'
            ) from error
        except pebble.ProcessExpired as error:
            code = error.exitcode or 0
            self._lost(chunk, f"the worker was killed by signal {-code}" if code < 0 else f"the worker ended ({code})")
        else:
            for outcome in outcomes:
                self._record(outcome)

    def _lost(self, chunk: list[Task], why: str) -> None:
        """Find out which file of a lost chunk is to blame, by trying each alone; record the one that is."""
        if self._stop.is_set():  # who stops a scan may end its workers, too
            return
        if len(chunk) > 1 or chunk[0].marker is None:
            for task in chunk:
                marker = self._pool.folder / f"crash-{abs(hash(task.path)):x}"
                self._again.append([Task(task.path, task.state, task.stages, str(marker), task.skip)])
            return
        task = chunk[0]
        assert task.marker is not None
        noted = read_marker(Path(task.marker))
        if noted is None or noted["stage"] in task.skip:
            self._record(Outcome(task, read_error=why))
            return
        Path(task.marker).unlink()
        self._fail(noted["content_id"], noted["stage"], why)
        self._again.append([Task(task.path, task.state, task.stages, task.marker, (*task.skip, noted["stage"]))])

    def _record(self, outcome: Outcome) -> None:
        self.counts.done += 1
        if outcome.changed:
            self.counts.unsettled += 1
            return
        if outcome.read_error is not None:
            self.counts.unreadable += 1
        self._finished(outcome)
        content_id = outcome.content_id
        if content_id is None:
            return
        if outcome.is_copy:
            self._copies.append(content_id)
            self._batch.commit_if_full()
            return
        self.counts.decoded += outcome.decoded
        key = (content_id, kind_of(format_of(outcome.task.path) or ""))
        if key in self._seen:
            self.counts.failed += len(outcome.failures)
            self._batch.commit_if_full()
            return  # a copy that two workers met at the same instant
        self._seen.add(key)
        self.counts.analysed += bool(outcome.rows or outcome.arrays or outcome.failures or outcome.reused)
        if outcome.same_pixels_as is not None:
            self._batch.reuse(content_id, outcome.same_pixels_as, outcome.reused)
        for stage, rows in outcome.rows.items():
            self._batch.add(content_id, stage, rows)
        for stage, why in outcome.failures.items():
            self._fail(content_id, stage, why)
        for stage, array in outcome.arrays.items():
            self._waiting[stage][content_id] = array
            self._pool.load(self._models[stage])
        self._run_models()
        self._batch.commit_if_full()

    def _fail(self, content_id: str, stage: str, why: str) -> None:
        self.counts.failed += 1
        self._failures[content_id] += 1
        self._batch.fail(content_id, stage, why)

    def _run_models(self, least: int | None = None) -> None:
        for name, waiting in self._waiting.items():
            stage = self._models[name]
            while len(waiting) >= (least or stage.batch_size):
                loading = self._pool.load(stage)
                while not loading.done() and not self._stop.is_set():
                    concurrent.futures.wait([loading], _WAIT_S)
                if self._stop.is_set():
                    return
                loading.result()
                content_ids = list(islice(waiting, stage.batch_size))
                arrays = [waiting.pop(content_id) for content_id in content_ids]
                self._run_batch(stage, content_ids, arrays)

    def _run_batch(self, stage: BatchStage, content_ids: list[str], arrays: list[np.ndarray[Any, Any]]) -> None:
        try:
            results = [fitting(stage, rows) for rows in stage.run_batch(arrays)]
        except PhotoidxError:
            raise
        except Exception as error:  # noqa: BLE001 - find the photo that the model can't take
            if len(arrays) == 1:
                self._fail(content_ids[0], stage.name, f"{type(error).__name__}: {error}")
                return
            for content_id, array in zip(content_ids, arrays, strict=True):
                self._run_batch(stage, [content_id], [array])
            return
        for content_id, rows in zip(content_ids, results, strict=True):
            self._batch.add(content_id, stage.name, rows)
