"""`photoidx train`: scorers from data sets, or from your own decisions."""

from __future__ import annotations

import click

from photoidx.cli.commands import TRAINERS
from photoidx.cli.terminal.ending import stopped_cleanly
from photoidx.cli.terminal.lazy import lazy_group


@lazy_group(sections=TRAINERS)
@click.pass_context
def train(context: click.Context) -> None:
    """Train scorers, which `photoidx scan --scorer DIR` then uses."""
    context.with_resource(stopped_cleanly())
