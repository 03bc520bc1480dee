"""Looking for changes without events: of all of a root that has none, and of a sample of one that should have them."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from photoidx.indexer.media.walk import FileState, Listing, enter, is_excluded, take, walk

_LEAST_S, _MOST_S = 10.0, 600.0
_PATIENCE = 1.5  # a poll that found nothing is followed by one that waits so much longer
_SHARE = 0.05  # most of the time that goes into polling
_GRACE_S = 5.0  # within which an event may still come


@dataclass
class Changes:
    """What differs from an earlier look: files that came or are other, and folders that files have left."""

    files: list[str] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)


def difference(before: Mapping[str, FileState], after: Mapping[str, FileState]) -> Changes:
    """Compare two looks at the same folders."""
    files = [path for path, state in after.items() if before.get(path) != state]
    return Changes(files, {os.path.dirname(path) for path in before.keys() - after.keys()})


class Poll:
    """All files of one root, looked at again and again: sooner after changes, later while nothing happens.

    Costs a walk of the root each time (one scandir a folder, one stat a file), at most a twentieth of the time, and
    keeps the state of every file in memory.
    """

    def __init__(
        self,
        root: str,
        excludes: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
        *,
        follows: Callable[[str], bool] = lambda _folder: True,
    ) -> None:
        self.root = root
        self.every_s = _LEAST_S
        self._excludes, self._follows, self._clock = excludes, follows, clock
        self._seen: dict[str, FileState] | None = None
        self._next = clock()

    def is_due(self) -> bool:
        """Return whether it is time to look."""
        return self._clock() >= self._next

    def look(self) -> Changes:
        """Return what has changed since the last look; the first one gives nothing.

        What can't be listed has not changed.
        """
        began = self._clock()
        listing = walk(self.root, self._excludes, follows=self._follows)
        ended = self._clock()
        before, self._seen = self._seen, _with_unlisted(listing, self._seen or {})
        changes = Changes() if before is None else difference(before, self._seen)
        quick = bool(changes.files or changes.folders)
        least = max(_LEAST_S, (ended - began) / _SHARE)
        self.every_s = least if quick else min(max(least, self.every_s * _PATIENCE), max(least, _MOST_S))
        self._next = ended + self.every_s
        return changes


def _with_unlisted(listing: Listing, before: Mapping[str, FileState]) -> dict[str, FileState]:
    if not listing.unlisted:
        return listing.files
    folders = tuple(os.path.join(folder, "") for folder in listing.unlisted)
    kept = {path: state for path, state in before.items() if os.path.join(path, "").startswith(folders)}
    return kept | listing.files


def folders_below(root: str, excludes: tuple[str, ...] = ()) -> list[str]:
    """List the folders of interest from a root on, those that links lead to left out. Costs a scandir each."""
    found, waiting = [], [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                waiting += [
                    entry.path
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False) and not is_excluded(entry.name, entry.path, excludes)
                ]
        except OSError:
            continue
        found.append(folder)
    return found


class SelfTest:
    """Compares the events of a root with what a few of its folders show: whether changes come without events.

    `heard` gives when something was last told of a folder, or of a file in it. Costs a listing of `sample` folders.
    """

    def __init__(
        self, heard: Callable[[str], float | None], sample: int = 40, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._heard, self._sample, self._clock = heard, sample, clock
        self._random = random.Random(0)  # noqa: S311 - a sample, not a secret
        self._seen: dict[str, tuple[float, dict[str, FileState]]] = {}
        self._doubtful: dict[str, float] = {}

    def check(self, folders: Collection[str], excludes: tuple[str, ...] = ()) -> str | None:
        """Look at some of the folders; give one that changed in silence, as soon as it is sure that no event comes."""
        now = self._clock()
        for folder, since in list(self._doubtful.items()):
            if now - since >= _GRACE_S:
                del self._doubtful[folder]
                if not self._was_told(folder, since - _GRACE_S):
                    return folder
        chosen = set(self._seen) | set(self._random.sample(sorted(folders), min(self._sample, len(folders))))
        kept = set(self._random.sample(sorted(chosen), min(self._sample, len(chosen))))
        for folder in kept:
            listing = Listing(folder)
            try:
                # What a link points to changes elsewhere, where no event is asked for.
                take(listing, enter(folder, set()), excludes, follow=False)
            except OSError:
                self._seen.pop(folder, None)
                continue
            when, before = self._seen.get(folder, (now, listing.files))
            if before != listing.files and not self._was_told(folder, when - _GRACE_S):
                self._doubtful.setdefault(folder, now)
            self._seen[folder] = now, listing.files
        self._seen = {folder: seen for folder, seen in self._seen.items() if folder in kept}
        return None

    def _was_told(self, folder: str, since: float) -> bool:
        last = self._heard(folder)
        return last is not None and last >= since
