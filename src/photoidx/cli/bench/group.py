"""`photoidx bench`."""

from __future__ import annotations

from photoidx.cli.commands import BENCHMARKS
from photoidx.cli.terminal.lazy import lazy_group


@lazy_group(sections=BENCHMARKS)
def bench() -> None:
    """Measure how well photoidx judges photos. Your photos are only read, and no library is needed."""
