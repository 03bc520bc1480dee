"""How libraries of older schema versions become libraries of this one. Each step is recorded in the table `meta`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from photoidx.storage.schema import META

if TYPE_CHECKING:
    from photoidx.storage.store import Store


@dataclass(frozen=True)
class Migration:
    """The step to schema version `to` from the one before it.

    `apply` must give the same tables when it runs again after it was cut off in the middle.
    """

    to: int
    about: str
    apply: Callable[[Store], None]


MIGRATIONS: tuple[Migration, ...] = ()
"""Every step since version 1, in order. One that was released is never changed."""


def migrate(store: Store, version: int, migrations: Sequence[Migration]) -> None:
    """Take the steps that a library of that version lacks. The caller holds the writer lock."""
    for step in migrations:
        if step.to > version:
            step.apply(store)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            done = [(f"migration_{step.to}", f"{now} {step.about}"), ("schema_version", str(step.to))]
            store.upsert(META, [{"name": name, "value": value} for name, value in done])
