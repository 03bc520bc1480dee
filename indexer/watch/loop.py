"""The watch: a first look at everything, then at what the inbox says is due, and at everything again now and then."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from photoidx.errors import LibraryLockedError, PhotoidxError
from photoidx.indexer.scan.run import ScanResult, outermost
from photoidx.indexer.watch.inbox import Inbox
from photoidx.indexer.watch.roots import Roots

LOGGER = logging.getLogger("photoidx.watch")
_LONGEST_PAUSE_S = 300.0
_COUNTED = ("new", "changed", "moved", "gone", "failed", "unsettled")


@dataclass(frozen=True)
class Pace:
    """How soon the watch does what, in seconds."""

    quiet_s: float = 2.0
    """A file is taken when nothing happened to it for so long."""
    longest_s: float = 60.0
    """A file that is never quiet is looked at after so long."""
    rescan_s: float = 3600.0
    """Everything is looked at so often, whatever events came."""
    tidy_s: float = 2.0
    """Duplicates are compared when nothing happened for so long."""
    rest_s: float = 60.0
    """Worker processes and models are given back when nothing happened for so long."""
    test_s: float = 15.0
    """The events are compared with the folders so often."""
    again_s: float = 5.0
    """Work that failed is tried again after so long, and then after twice as long."""


class Scanner(Protocol):
    """Who brings the tables up to date. What goes wrong is raised."""

    def look(self, folders: Collection[str] | None) -> ScanResult:
        """Look at these folders, or at everything."""

    def tidy(self) -> None:
        """Do what can wait until nothing happens."""

    def rest(self) -> None:
        """Return memory back."""


class Watch:
    """Watches folders until `stop` is set. `on_status` is told in a few words what it does, whenever that changes."""

    def __init__(
        self,
        roots: Sequence[str],
        worker: Scanner,
        stop: threading.Event,
        *,
        excludes: tuple[str, ...] = (),
        follows: Callable[[str], bool] = lambda _folder: True,
        ignored: Sequence[str] = (),
        pace: Pace | None = None,
        may_work: Callable[[], bool] = lambda: True,
        on_status: Callable[[str], None] = lambda _words: None,
    ) -> None:
        self._pace = pace or Pace()
        self._worker, self._stop, self._may_work, self._on_status = worker, stop, may_work, on_status
        self._inbox = Inbox(self._pace.quiet_s, self._pace.longest_s)
        self._roots = Roots(outermost(roots), self._inbox, excludes, ignored, self._pace.test_s, follows=follows)
        self._left: set[str] = set()
        self._whole = True
        self._failures = 0
        self._untidy = self._awake = self._waits = False
        self._last = self._not_before = time.monotonic()
        self._next_rescan = self._last + self._pace.rescan_s
        self._warned: set[str] = set()

    def run(self) -> None:
        """Watch. Events are heard before the first look, so that nothing falls between them."""
        self._roots.start()
        try:
            while not self._stop.is_set():
                self._whole |= self._roots.check()
                if why := self._inbox.take_lost():
                    LOGGER.warning("Events were lost (%s): everything is looked at.", why)
                    self._whole = True
                if self._may_work():
                    self._step()
                else:
                    self._on_status("resting")
                if not self._stop.is_set():
                    self._inbox.wait(0.5)
        finally:
            self._roots.close()

    def _step(self) -> None:
        now = time.monotonic()
        if now < self._not_before:
            return
        self._whole |= now >= self._next_rescan
        self._left |= self._inbox.due()
        if self._whole or self._left:
            self._work()
        elif self._untidy and now >= self._last + self._pace.tidy_s and self._inbox.is_empty():
            self._tidy()
        elif self._awake and now >= self._last + self._pace.rest_s:
            self._attempt(self._worker.rest)
            self._awake = False
        self._tell()

    def _work(self) -> None:
        whole, folders = self._whole, self._left
        self._on_status("looking at everything" if whole else f"looking at {_folders(folders)}")
        self._whole, self._left = False, set()
        if not self._attempt(lambda: self._take(self._worker.look(None if whole else folders))):
            # A library that another process writes to is whole: what is to be done stays the same.
            self._whole, self._left = whole or not self._waits, folders
        elif whole and not self._stop.is_set():
            self._next_rescan = time.monotonic() + self._pace.rescan_s
            self._roots.refresh()

    def _take(self, result: ScanResult) -> None:
        self._awake = True
        self._untidy |= result.touched
        self._last = time.monotonic()
        if result.unsettled:  # of what is polled no event may come
            self._next_rescan = min(self._next_rescan, self._last + self._pace.longest_s)
        for warning in set(result.warnings) - self._warned:
            LOGGER.warning("%s", warning)
        self._warned = set(result.warnings)
        counts = [f"{getattr(result, name):,} {name}" for name in _COUNTED if getattr(result, name)]
        if counts:
            LOGGER.info("%s, in %.1f s.", ", ".join(counts), result.seconds)

    def _tidy(self) -> None:
        self._on_status("comparing what is new")
        self._untidy = not self._attempt(self._worker.tidy)
        self._last = time.monotonic()

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Do something; if it fails say so, and wait. The watch never ends because of it."""
        try:
            work()
        except LibraryLockedError as error:
            if not self._waits:
                LOGGER.info("Waiting: %s", error)
            self._waits, self._not_before = True, time.monotonic() + 1.0
            return False
        except Exception as error:
            self._waits, self._failures = False, self._failures + 1
            pause = min(_LONGEST_PAUSE_S, self._pace.again_s * 2 ** (self._failures - 1))
            self._not_before = time.monotonic() + pause
            trace = not isinstance(error, PhotoidxError)  # of what nobody expected
            LOGGER.log(logging.ERROR, "%s Trying again in %.0f s.", error, pause, exc_info=trace)
            return False
        self._waits, self._failures = False, 0
        return True

    def _tell(self) -> None:
        if self._waits:
            self._on_status("waiting for another process that writes to the library")
        elif self._failures:
            self._on_status("waiting after an error")
        else:
            words = ["watching", *(f"{path} is not there now" for path in self._roots.missing())]
            words += [f"polling {path} every {every:.0f} s" for path, every in self._roots.polled().items()]
            self._on_status("; ".join(words))


def _folders(folders: Collection[str]) -> str:
    return os.path.basename(next(iter(folders))) if len(folders) == 1 else f"{len(folders):,} folders"
