"""Who does a scan's work: the worker processes and the models. A watcher keeps them ready from one scan to the next."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from pathlib import Path

import pebble

from photoidx.config import Config
from photoidx.indexer.engines.id_tables import make_claims, write_ids, write_pairs
from photoidx.indexer.engines.worker import KnownFiles, start
from photoidx.registry import stages
from photoidx.stage import BatchStage, Stage
from photoidx.temporary import TemporaryFolder, remove_abandoned, too_little_room

_THREAD_COUNTS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerPool:
    """Worker processes, started when they are first needed, and the models of this process.

    Call `close` at the end. `rest` gives their memory back; the next work starts them again.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.stages: Sequence[Stage] = stages(config)
        self._pool: pebble.ProcessPool | None = None
        self._processes = 0
        self._folder: TemporaryFolder | None = None
        self._loads: dict[str, concurrent.futures.Future[None]] = {}
        self._environment = ExitStack()
        self._runs = 0
        remove_abandoned()

    @property
    def folder(self) -> Path:
        """A folder for what this process and the workers tell each other."""
        if self._folder is None:
            self._folder = TemporaryFolder()
        return self._folder.path

    @property
    def is_ready(self) -> bool:
        """Whether worker processes run, or a model is loaded."""
        return self._pool is not None or bool(self._loads)

    def pool(self, chunks: int) -> pebble.ProcessPool:
        """Return worker processes for so many pieces of work, no more than the configuration allows.

        Each costs a third of a second to start, so one photo gets one. Those that are there stay, if they are enough.
        """
        wanted = max(1, min(chunks, self.config.worker_count))
        if self._processes < wanted:
            self.dismiss()
        if self._pool is None:
            self._processes = wanted
            self._environment.enter_context(_one_thread_each())  # for as long as processes may be started
            with undisturbed():
                self._pool = pebble.ProcessPool(
                    max_workers=wanted,
                    context=multiprocessing.get_context("spawn"),
                    initializer=start,
                    initargs=(self.config,),
                )
        return self._pool

    def tell(self, complete: Iterable[str], same_pixels: Mapping[str, str], files: int) -> KnownFiles:
        """Write what workers look up in one run of so many files at most."""
        self._runs += 1
        names = [self.folder / f"{name}-{self._runs}" for name in KnownFiles._fields]
        try:
            write_ids(names[0], complete)
            write_pairs(names[1], same_pixels)
            make_claims(names[2], files)
        except OSError as error:
            raise too_little_room(error) from error
        return KnownFiles(*map(str, names))

    def forget(self, known: KnownFiles) -> None:
        """Remove what was written for a run that has ended."""
        for name in known:
            with contextlib.suppress(OSError):  # Windows keeps what a worker has mapped; `close` removes the folder
                Path(name).unlink()

    def load(self, stage: BatchStage) -> concurrent.futures.Future[None]:
        """Load a model in a thread of its own, once. The thread is a daemon, so that Ctrl-C need not wait for it."""
        if stage.name not in self._loads:
            future: concurrent.futures.Future[None] = concurrent.futures.Future()
            self._loads[stage.name] = future

            def load() -> None:
                try:
                    stage.load()
                    future.set_result(None)
                except BaseException as error:  # noqa: BLE001 - raised again where the model is needed
                    future.set_exception(error)

            threading.Thread(target=load, daemon=True).start()
        return self._loads[stage.name]

    def dismiss(self) -> None:
        """End the worker processes, also in the middle of their work."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None
            self._processes = 0
            self._environment.close()

    def rest(self) -> None:
        """End the worker processes and let the models go."""
        self.dismiss()
        if self._loads:
            self._loads = {}
            self.stages = stages(self.config)

    def close(self) -> None:
        """End the worker processes, and remove the folder."""
        self.dismiss()
        if self._folder is not None:
            self._folder.close()
            self._folder = None


@contextmanager
def undisturbed() -> Iterator[None]:
    """Block Ctrl-C and SIGHUP in the threads and processes that are started here.

    A terminal sends both to every process; a worker that is still being started would answer Ctrl-C with a traceback,
    and Python's process that counts semaphores would die of SIGHUP.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    resource_tracker.ensure_running()  # it unblocks Ctrl-C here when it starts
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Have the workers, which inherit this environment, multiply matrices in one thread.

    OpenBLAS's other threads wait for more work at full speed: that cost 40 ms of CPU for each photo.
    """
    before = {name: os.environ.get(name) for name in _THREAD_COUNTS}
    os.environ.update(dict.fromkeys(_THREAD_COUNTS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
