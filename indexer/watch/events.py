"""What the operating system tells of the folders: events, from watchdog, as notes for the tracker."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from watchdog import events as told
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from photoidx.indexer.media.walk import is_excluded
from photoidx.indexer.scan.scope import Identity, identity, is_of_interest
from photoidx.records import format_of

# Not the opening and closing of files that are only read: the watch itself does that.
_GONE = (told.FileDeletedEvent, told.FileMovedEvent, told.DirDeletedEvent, told.DirMovedEvent)
_ASKED: list[type[told.FileSystemEvent]] = [
    *_GONE,
    told.FileCreatedEvent,
    told.FileModifiedEvent,
    told.FileClosedEvent,
    told.FileAttribEvent,
    told.DirCreatedEvent,
    told.DirAttribEvent,
]


class Sink(Protocol):
    """Who is told. Called in the observer's thread."""

    def file(self, path: str, left: str | None = None) -> None:
        """Take note that a file of interest came or was written to, and which folder it left if it was moved."""

    def folder(self, folder: str) -> None:
        """Take note that a folder lost an entry, got a folder, or is new."""

    def lost(self, why: str) -> None:
        """Take note that events were lost: everything has to be looked at."""


@dataclass
class _Root:
    identity: Identity | None
    watch: ObservedWatch | None = None
    trouble: str = ""


class _Complaints(logging.Handler):
    """Hears what watchdog complains of: that events were lost, or that a folder can't be watched."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())


class Events:
    """The events of some roots, with all folders below them. Links to folders are not followed.

    `ignored` are folders whose events are not told, as that of the library.
    """

    def __init__(
        self, roots: Iterable[str], sink: Sink, excludes: tuple[str, ...] = (), ignored: Iterable[str] = ()
    ) -> None:
        self._sink, self._excludes = sink, excludes
        self._ignored = tuple(os.path.join(folder, "") for folder in ignored)
        self._roots = {root: _Root(None) for root in roots}
        self._observer: BaseObserver | None = None
        self._complaints = _Complaints(sink.lost)

    def start(self) -> None:
        """Begin to tell of the roots that are there. A root that can't be watched is told by `trouble`."""
        logging.getLogger("watchdog").addHandler(self._complaints)
        # A folder that is made while its parent is taken up is taken up twice, which does no harm.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
        try:
            self._observer = Observer()
            self._observer.start()
        except OSError as error:  # this user's programs watch as many places as the system lets them
            self._observer = None
            for ours in self._roots.values():
                ours.trouble = error.strerror or str(error)
        for root in self._roots:
            self.restart(root)

    def close(self) -> None:
        """End."""
        logging.getLogger("watchdog").removeHandler(self._complaints)
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()

    def trouble(self, root: str) -> str:
        """Say why a root's events can't be had; nothing if they can."""
        return self._roots[root].trouble

    def moved(self, root: str) -> bool:
        """Tell whether another folder is at the root's path than the one that is watched: it came, left, or changed."""
        return self._roots[root].identity != identity(root)

    def restart(self, root: str) -> None:
        """Watch what is at a root's path now."""
        ours = self._roots[root]
        ours.identity = identity(root)
        if self._observer is None:
            return
        if ours.watch is not None:
            self._observer.unschedule(ours.watch)
        ours.watch, ours.trouble = None, ""
        if ours.identity is None:
            return
        try:
            ours.watch = self._observer.schedule(_Handler(root, self), root, recursive=True, event_filter=_ASKED)
        except OSError as error:
            ours.trouble = error.strerror or str(error)

    def take(self, root: str, event: told.FileSystemEvent) -> None:
        """Make a note of an event below a root."""
        gone = isinstance(event, _GONE)
        source, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
        there = target if self._is_of_interest(root, target, is_folder=event.is_directory) else ""
        here = source if self._is_of_interest(root, source, is_folder=event.is_directory) else ""
        if event.is_directory:
            for path in filter(None, (here, there)):
                if path != root:
                    self._sink.folder(os.path.dirname(path))
            for path in filter(None, (there, "" if gone else here)):
                self._sink.folder(path)
        elif there:
            self._sink.file(there, os.path.dirname(here) if here else None)
        elif here and gone:
            self._sink.folder(os.path.dirname(here))
        elif here:
            self._sink.file(here)

    def _is_of_interest(self, root: str, path: str, *, is_folder: bool) -> bool:
        folder, name = os.path.split(path)
        if not path or path == root:
            return bool(path)
        if os.path.join(path, "").startswith(self._ignored) or is_excluded(name, path, self._excludes):
            return False
        if not is_folder and format_of(name) is None:
            return False
        return folder == root or is_of_interest(folder, root, self._excludes)


class _Handler(told.FileSystemEventHandler):
    def __init__(self, root: str, events: Events) -> None:
        self._root, self._events = root, events

    def on_any_event(self, event: told.FileSystemEvent) -> None:
        self._events.take(self._root, event)
