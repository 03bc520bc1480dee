"""When a change may be looked at: after the file is quiet and its stat stays, or after the longest wait.

Pure but for the stat that it is given: times are seconds of any clock that does not go back, and the caller's to tell.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from photoidx.indexer.media.walk import FileState, state_of


def look(path: str) -> FileState | None:
    """Return the state of a file as a scan sees it; None if there is none, or it can't be told."""
    try:
        return state_of(os.stat(path))
    except OSError:
        return None


@dataclass
class _Waiting:
    first: float
    last: float
    looked: float | None = None
    state: FileState | None = None
    left: set[str] = field(default_factory=set)


class Tracker:
    """Files and folders that something happened to, until they may be looked at.

    A file is ready when nothing was noted of it for `quiet_s`, and two looks at it, half of that apart, agree; or when
    it has waited for `longest_s`: the scan decides then. One file that is still being written keeps no other waiting.
    A folder that lost or got an entry is ready when it was quiet for `quiet_s`, or has waited for `longest_s`. One that
    a file moved from is looked at with the one that it came to, so that it is seen to have moved.
    """

    def __init__(self, quiet_s: float, longest_s: float, stat: Callable[[str], FileState | None] = look) -> None:
        self._quiet, self._longest, self._stat = quiet_s, longest_s, stat
        self._files: dict[str, _Waiting] = {}
        self._folders: dict[str, _Waiting] = {}

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._files) + len(self._folders)

    def note_file(self, path: str, now: float, left: str | None = None) -> None:
        """Take note that a file came or was written to, and which folder it left if it was moved."""
        waiting = _note(self._files, path, now)
        if left is not None:
            waiting.left.add(left)

    def note_folder(self, folder: str, now: float) -> None:
        """Take note that a folder lost an entry, got a folder, or is new."""
        _note(self._folders, folder, now)

    def due(self, now: float) -> set[str]:
        """Return the folders that are to be looked at now, and wait for them no longer."""
        ready = {path for path, waiting in self._files.items() if self._is_ready(path, waiting, now)}
        found = {folder for path in ready for folder in (os.path.dirname(path), *self._files[path].left)}
        quiet = {folder for folder, waiting in self._folders.items() if now >= self._end(waiting)}
        for path in ready:
            del self._files[path]
        for folder in quiet:
            del self._folders[folder]
        found |= quiet
        return found | {os.path.dirname(path) for path, each in self._files.items() if each.left & found}

    def wait_s(self, now: float) -> float | None:
        """Return how long nothing can become ready, in seconds; None if nothing waits."""
        times = [min(self._next_look(each), each.first + self._longest) for each in self._files.values()]
        times += map(self._end, self._folders.values())
        return max(0.0, min(times) - now) if times else None

    def _end(self, waiting: _Waiting) -> float:
        return min(waiting.last + self._quiet, waiting.first + self._longest)

    def _next_look(self, waiting: _Waiting) -> float:
        if waiting.looked is None or waiting.looked < waiting.last:
            return waiting.last + self._quiet / 2
        return max(waiting.last + self._quiet, waiting.looked + self._quiet / 2)

    def _is_ready(self, path: str, waiting: _Waiting, now: float) -> bool:
        if now >= waiting.first + self._longest:
            return True
        if now < self._next_look(waiting):
            return False
        state, before = self._stat(path), waiting.state
        is_first = waiting.looked is None or waiting.looked < waiting.last
        waiting.looked, waiting.state = now, state
        return not is_first and state == before and now >= waiting.last + self._quiet


def _note(kept: dict[str, _Waiting], path: str, now: float) -> _Waiting:
    waiting = kept.setdefault(path, _Waiting(now, now))
    waiting.last = now
    return waiting
