"""The watched folders: whether they are there, whether their events can be believed, and what is polled instead."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from photoidx.indexer.scan.scope import identity
from photoidx.indexer.watch import limits
from photoidx.indexer.watch.events import Events
from photoidx.indexer.watch.inbox import Inbox
from photoidx.indexer.watch.mounts import below, is_silent, kind_at, mounts
from photoidx.indexer.watch.polling import Poll, SelfTest, folders_below

LOGGER = logging.getLogger("photoidx.watch")
_LOOK_S = 2.0


@dataclass
class _Root:
    path: str
    is_there: bool = True
    mounted: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    poll: Poll | None = None
    test: SelfTest | None = None


class Roots:
    """Keeps an eye on the roots, and notes on the inbox what polls find. Nothing here is written to."""

    def __init__(
        self,
        roots: Sequence[str],
        inbox: Inbox,
        excludes: tuple[str, ...],
        ignored: Sequence[str],
        test_s: float,
        *,
        follows: Callable[[str], bool] = lambda _folder: True,
    ) -> None:
        self._inbox, self._excludes, self._follows, self._test_s = inbox, excludes, follows, test_s
        self._events = Events(roots, inbox, excludes, ignored)
        self._roots = [_Root(root) for root in roots]
        self._next_look = self._next_test = time.monotonic()

    def start(self) -> None:
        """Begin to hear events, and say of each root whether it can be watched so."""
        self._events.start()
        for root in self._roots:
            self._begin(root)
        self._compare_limits()
        self._next_test = time.monotonic() + self._test_s

    def close(self) -> None:
        """End."""
        self._events.close()

    def polled(self) -> dict[str, float]:
        """Return the roots that are polled, with the seconds between two polls."""
        return {root.path: root.poll.every_s for root in self._roots if root.poll is not None}

    def missing(self) -> list[str]:
        """Return the roots that are not there now."""
        return [root.path for root in self._roots if not root.is_there]

    def check(self) -> bool:
        """See to the roots, as often as is due. Tell whether everything has to be looked at: a drive came, or left."""
        now = time.monotonic()
        changed = False
        if now >= self._next_look:
            known = mounts()
            for root in self._roots:
                changed |= self._look(root, known)
            self._next_look = time.monotonic() + _LOOK_S
        if now >= self._next_test:
            for root in self._roots:
                self._test(root)
            self._next_test = time.monotonic() + self._test_s
        for root in self._roots:
            if root.poll is not None and root.is_there and root.poll.is_due():
                self._take(root.poll)
        return changed

    def refresh(self) -> None:
        """List the folders of the roots anew, after everything was looked at."""
        for root in self._roots:
            root.folders = folders_below(root.path, self._excludes)
        self._compare_limits()

    def _begin(self, root: _Root) -> None:
        known = mounts()
        root.is_there = identity(root.path) is not None
        root.mounted, root.poll, root.test = below(root.path, known), None, None
        if not root.is_there:
            LOGGER.warning("%s is not there now. It is taken up when it is.", root.path)
            return
        root.folders = folders_below(root.path, self._excludes)
        kinds = {kind_at(root.path, known), *root.mounted.values()}
        if trouble := self._events.trouble(root.path):
            self._poll(root, f"can't be watched ({trouble}). {limits.instances_advice()}".rstrip())
        elif silent := sorted(filter(is_silent, kinds)):
            self._poll(root, f"is on {', '.join(silent)}, which does not tell what other machines change")
        else:
            root.test = SelfTest(self._inbox.heard)

    def _poll(self, root: _Root, why: str) -> None:
        LOGGER.warning("%s %s. It is polled.", root.path, why)
        root.poll, root.test = Poll(root.path, self._excludes, follows=self._follows), None

    def _look(self, root: _Root, known: dict[str, str]) -> bool:
        mounted = below(root.path, known)
        if not self._events.moved(root.path) and mounted == root.mounted:
            return False
        was_there = root.is_there
        self._events.restart(root.path)
        self._begin(root)
        if root.is_there:
            LOGGER.info("%s %s.", root.path, "has other drives below it" if was_there else "is there now")
        return root.is_there

    def _test(self, root: _Root) -> None:
        if root.test is None or not root.is_there:
            return
        folder = root.test.check(root.folders, self._excludes)
        if folder is not None:
            self._inbox.folder(folder)
            self._poll(root, f"does not tell of every change (none came from {folder})")

    def _take(self, poll: Poll) -> None:
        changes = poll.look()
        for path in changes.files:
            self._inbox.file(path)
        for folder in changes.folders:
            self._inbox.folder(folder)

    def _compare_limits(self) -> None:
        watched = [root for root in self._roots if root.is_there and root.poll is None]
        count, most = sum(len(root.folders) for root in watched), limits.most_folders()
        if advice := limits.advice(count, most):
            LOGGER.warning("%s", advice)
        if most is not None and limits.held() < count:
            lacking = [root for root in watched if _is_short(root, count - limits.held())]
            for root in lacking:
                self._poll(root, "has folders that this system does not let us watch")


def _is_short(root: _Root, lacking: int) -> bool:
    """Tell whether a root may be the one that has folders without a watch: those that can't be listed are no matter."""
    return lacking > sum(not os.access(folder, os.R_OK) for folder in root.folders)
