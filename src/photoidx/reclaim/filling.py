"""Units moved into the trash of their roots, one after another."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from photoidx.reclaim.journal import Batch, Journal
from photoidx.reclaim.moving import Hashes, move_unit
from photoidx.reclaim.places import trash_of
from photoidx.reclaim.trash import Done, locked, recover, tidy
from photoidx.reclaim.units import Unit
from photoidx.records import path_text, text_path


def move_units(
    library: str, units: Sequence[Unit], on_unit: Callable[[int, int], None] = lambda _done, _total: None
) -> Done:
    """Move units into the trash of their roots, and return what was moved. The caller holds the library's writer lock.

    `library` is the name by which the batches know it.

    What a killed one left is made good first. A unit whose files, or whose kept files, are not as they were scanned
    stays, and the words say so. `on_unit` is told how many of how many units are done.
    """
    done, hashes = Done(), Hashes()
    batch_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(2)}"
    journals: dict[str, tuple[str, Journal] | str] = {}
    mine: dict[str, int] = {}
    with ExitStack() as stack:
        for number, unit in enumerate(units):
            if unit.root not in journals:
                journals[unit.root] = _begin(library, text_path(unit.root), batch_id, stack, mine, done)
            place = journals[unit.root]
            if isinstance(place, str):
                done.problems.append(f"{unit.members[0].path} stays: {place}")
                continue
            try:
                problem = move_unit(unit, number, *place, hashes)
            except OSError as error:
                problem = f"the journal of the trash can't be written: {error.strerror}"
            if problem:
                done.problems.append(f"{unit.members[0].path} stays: {problem}")
            else:
                done.files += len(unit.members)
                done.size += unit.size
            on_unit(number + 1, len(units))
    return done


def _begin(  # noqa: PLR0917 - what the run as a whole has, once for each root
    library: str, root: str, batch_id: str, stack: ExitStack, mine: dict[str, int], done: Done
) -> tuple[str, Journal] | str:
    """Begin a batch in the trash of a root; give why it can't be begun instead.

    `mine` counts the batches that this run began in each trash: two roots may have one.
    """
    trash = trash_of(root)
    try:
        if not os.path.isdir(root):
            return f"there is no folder {path_text(root)}; is a drive away?"
        if trash not in mine:
            os.makedirs(trash, exist_ok=True)
            stack.enter_context(locked(trash))
            done.problems += recover(trash)
        number = mine.get(trash, 0)
        mine[trash] = number + 1
        folder = os.path.join(trash, f"{batch_id}-{number}" if number else batch_id)
        batch = Batch(folder, batch_id, library, root, datetime.now(UTC).isoformat())
        stack.callback(tidy, folder)
        return folder, stack.enter_context(Journal.begin(batch))
    except OSError as error:
        return f"the trash at {path_text(trash)} can't be written: {error.strerror}"
