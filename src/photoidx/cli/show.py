"""`photoidx show`."""

from __future__ import annotations

import json

import click

from photoidx.cli.output import library_option, output_options, render
from photoidx.cli.status import flat


@click.command()
@click.argument("photo", type=click.Path())
@library_option
@output_options
def show(photo: str, library: str | None, output_format: str, null: bool) -> None:
    """Tell everything that is known of one photo."""
    from photoidx.library import Library  # noqa: PLC0415

    found = Library(library).show(photo)
    if output_format in ("json", "jsonl"):
        click.echo(json.dumps(found, default=str))
    else:
        render(flat(found), output_format, null=null)
