"""Where the threads of the watch meet: events are noted here, and the loop takes what is due."""

from __future__ import annotations

import os
import threading
import time

from photoidx.indexer.watch.tracker import Tracker

_HEARD = 10_000  # folders
_TOGETHER_S = 0.1  # what becomes ready within it is looked at together


class Inbox:
    """A tracker that several threads may use. It is the sink of the events."""

    def __init__(self, quiet_s: float, longest_s: float) -> None:
        self._tracker = Tracker(quiet_s, longest_s)
        self._lock = threading.Lock()
        self._noted = threading.Event()
        self._heard: dict[str, float] = {}
        self._lost = ""

    def file(self, path: str, left: str | None = None) -> None:
        """Take note that a file of interest came or was written to, and which folder it left if it was moved."""
        with self._lock:
            now = time.monotonic()
            self._tracker.note_file(path, now, left)
            self._hear(os.path.dirname(path), now)
            if left is not None:
                self._hear(left, now)
        self._noted.set()

    def folder(self, folder: str) -> None:
        """Take note that a folder lost an entry, got a folder, or is new."""
        with self._lock:
            now = time.monotonic()
            self._tracker.note_folder(folder, now)
            self._hear(folder, now)
        self._noted.set()

    def _hear(self, folder: str, now: float) -> None:
        """Remember when a folder was heard of. Who has forgotten the old ones needs no more memory for new names."""
        self._heard.pop(folder, None)
        self._heard[folder] = now
        while len(self._heard) > _HEARD:
            del self._heard[next(iter(self._heard))]

    def lost(self, why: str) -> None:
        """Take note that events were lost: everything has to be looked at."""
        with self._lock:
            self._lost = why
        self._noted.set()

    def heard(self, folder: str) -> float | None:
        """Return when something was last told of a folder, or of a file in it (seconds of `time.monotonic`)."""
        with self._lock:
            return self._heard.get(folder)

    def due(self) -> set[str]:
        """Return the folders that are to be looked at now."""
        with self._lock:
            return self._tracker.due(time.monotonic())

    def take_lost(self) -> str:
        """Say why events were lost, once; nothing if none were."""
        with self._lock:
            lost, self._lost = self._lost, ""
            return lost

    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        with self._lock:
            return not len(self._tracker)

    def wait(self, most_s: float) -> None:
        """Wait until something may be due, or is noted while nothing waits; `most_s` seconds at most."""
        with self._lock:
            waiting = self._tracker.wait_s(time.monotonic())
            self._noted.clear()
        if waiting is None:
            self._noted.wait(most_s)
        else:
            time.sleep(min(most_s, waiting + _TOGETHER_S))
