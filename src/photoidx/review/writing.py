"""Decisions written one after another under the writer lock; while another writes, they wait, and that is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from photoidx.errors import LibraryLockedError
from photoidx.library import Library
from photoidx.queries.decisions.actions import Change, take_back, take_decisions, unset
from photoidx.queries.decisions.record import undo
from photoidx.storage.store import Store

_PAUSE_S = 0.2
_Found = TypeVar("_Found")


class Decider:
    """Writes decisions, and remembers the steps, which are taken back one by one, whichever window took them."""

    def __init__(self, library: Library, tell: Callable[[str], None]) -> None:
        """`tell` is told in words that a decision waits, and the empty text when it no longer does."""
        self._library, self._tell = library, tell
        self._steps: list[Change] = []
        self._one_at_a_time = asyncio.Lock()

    async def decide(self, wanted: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Write decisions in one step. Raises QueryError."""
        await self._step(lambda store: take_decisions(store, wanted))

    async def unset(self, shots: Sequence[str]) -> None:
        """Take back what was said of shots."""
        await self._step(lambda store: unset(store, shots))

    async def undo(self) -> None:
        """Take back the last step; once those of this run are, the library's last decision. Raises QueryError."""
        async with self._one_at_a_time:
            if not self._steps:
                await self._patiently(undo)
                return
            last = self._steps[-1]
            await self._patiently(lambda store: take_back(store, last))
            self._steps.pop()

    async def _step(self, change: Callable[[Store], Change]) -> None:
        async with self._one_at_a_time:
            self._steps.append(await self._patiently(change))

    async def _patiently(self, work: Callable[[Store], _Found]) -> _Found:
        waited = False
        while True:
            try:
                found = await asyncio.to_thread(self._locked, work)
            except LibraryLockedError as error:
                if not waited:
                    self._tell(f"Waiting to save: {error}")
                waited = True
                await asyncio.sleep(_PAUSE_S)
            else:
                if waited:
                    self._tell("")
                return found

    def _locked(self, work: Callable[[Store], _Found]) -> _Found:
        store = self._library.store
        with store.writing():
            return work(store)
