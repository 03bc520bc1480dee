"""`photoidx bench`."""

from __future__ import annotations

import click

from photoidx.cli.commands import BENCHMARKS
from photoidx.cli.terminal.ending import stopped_cleanly
from photoidx.cli.terminal.lazy import lazy_group


@lazy_group(sections=BENCHMARKS)
@click.pass_context
def bench(context: click.Context) -> None:
    """Measure how well photoidx judges photos. Your photos are only read, and no library is needed."""
    context.with_resource(stopped_cleanly())
