"""Which version of each table was current at a moment, so that together they are one state of the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from photoidx.errors import EarlierStateError
from photoidx.moments import spelt
from photoidx.storage.schema import FILES, LEDGER, META


class Version(NamedTuple):
    """One version of a table: its number, and when it was written (with a zone)."""

    number: int
    at: datetime


READ_ORDER = (FILES.name, LEDGER.name)
"""Tables whose versions are to be listed first: what their rows tell of was written to other tables before."""


def current_at(versions: Sequence[Version], moment: datetime) -> Version | None:
    """Return the last of a table's versions that was there at a moment; None if none was."""
    return max((each for each in versions if each.at <= moment), default=None)


def versions_at(tables: Mapping[str, Sequence[Version]], moment: datetime, repaired: datetime | None) -> dict[str, int]:
    """Return the number of the version that each table had at a moment. Tables that were made later are left out.

    Data are written before the ledger's rows that tell of them, so with a clock that only goes forward a ledger row of
    the state has its data in the state. A moment that the clock passed twice is refused, because there this would not
    hold; that the clock was set back by less than one commit took can't be seen. `repaired` is when a damaged table was
    last repaired: what was before can't be told from its versions.
    Raises EarlierStateError, which says the earliest moment that there is.
    """
    earliest = _earliest(tables, repaired)
    if moment < earliest:
        raise EarlierStateError(
            f"The library's state of {_local(moment)} is not kept; the earliest there is, is of {_local(earliest)}. "
            f'Ask for that with --as-of "{_local(earliest)}", or for a later one.'
        )
    for name, versions in tables.items():
        doubt = passed_twice(versions)
        if doubt is not None and doubt[0] <= moment and (doubt[1] is None or moment < doubt[1]):
            until = f"before {_local(doubt[1])}" if doubt[1] else "until the clock is past that time again"
            raise EarlierStateError(
                f"The computer's clock was set back: which state of {name} was that of {_local(moment)} can't be told. "
                f"Ask for a moment before {_local(doubt[0])}; from then on none can be told {until}."
            )
    found = {name: current_at(versions, moment) for name, versions in tables.items()}
    return {name: version.number for name, version in found.items() if version is not None}


def passed_twice(versions: Sequence[Version]) -> tuple[datetime, datetime | None] | None:
    """Return the span in which a table's versions do not tell what came first: the clock was set back.

    It ends with the first version after it was made up for, or not yet (None). None where there is no such span.
    """
    begin: datetime | None = None
    end: datetime | None = None
    latest = datetime.min.replace(tzinfo=UTC)
    for version in sorted(versions):
        if version.at < latest:
            begin, end = min(begin or version.at, version.at), None
        elif begin is not None and end is None:
            end = version.at
        latest = max(latest, version.at)
    return None if begin is None else (begin, end)


def _earliest(tables: Mapping[str, Sequence[Version]], repaired: datetime | None) -> datetime:
    """Return the first moment at which every table's version is kept, and the library was there."""
    first = [min(versions) for name, versions in tables.items() if name == META.name or min(versions).number > 1]
    return max([version.at for version in first] + ([repaired] if repaired is not None else []))


def _local(moment: datetime) -> str:
    return spelt(moment.astimezone())
