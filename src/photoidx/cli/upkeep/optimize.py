"""`photoidx optimize`."""

from __future__ import annotations

from datetime import timedelta

import click

from photoidx.cli.terminal.output import library_option


@click.command()
@library_option
@click.option("--keep-days", default=1.0, show_default=True, help="Keep versions of the tables that are younger.")
def optimize(library: str | None, keep_days: float) -> None:
    """Merge small data files and remove old versions of the tables. Every scan does this at its end."""
    from photoidx.library import Library

    Library(library).optimize(timedelta(days=keep_days))
    click.echo("Optimized.", err=True)
