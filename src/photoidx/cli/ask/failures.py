"""`photoidx failures`."""

from __future__ import annotations

from datetime import datetime

import click

from photoidx.cli.terminal.output import as_of_option, library_option, output_options, render


@click.command()
@library_option
@as_of_option
@output_options
def failures(library: str | None, as_of: datetime | None, output_format: str, null: bool) -> None:
    """List the photos that could not be processed, with the stage and the reason."""
    from photoidx.library import Library

    found = Library(library, as_of=as_of).failures()
    render(found, output_format, null=null)
    words = "1 failure" if found.num_rows == 1 else f"{found.num_rows:,} failures"
    again = " Try them again with: photoidx scan --retry-failed" if found.num_rows else ""
    click.echo(f"{words}.{again}", err=True)
