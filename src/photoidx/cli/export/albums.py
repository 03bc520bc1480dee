"""`photoidx export albums`."""

from __future__ import annotations

from typing import Any

import click

from photoidx.cli.export.options import library_of, selection_options
from photoidx.cli.terminal.output import library_option, output_options, render

_FORMATS = ("paths", "csv", "lightroom", "immich")


@click.command()
@click.argument("to", metavar="DIR", type=click.Path(file_okay=False))
@selection_options("The picks as an album.")
@click.option("--name", metavar="NAME", help="The album's name, where --picks, --where or --cluster says which photos.")
@click.option(
    "--for",
    "formats",
    multiple=True,
    type=click.Choice(_FORMATS),
    help="paths and csv: lists. lightroom: a smart collection. immich: commands. By default paths and csv.",
)
@library_option
@output_options
def albums(library: str | None, output_format: str, null: bool, **asked: Any) -> None:
    """Write lists of photos that other programs read into DIR, one for each album.

    Albums are the picks and each cluster, or the photos that --picks, --where or --cluster choose. paths is a text with
    a path a line; csv has rating, label, keywords and flag, too. lightroom is a smart collection of the photos with
    the album's name as a keyword, which `photoidx export xmp --keyword NAME` writes; it makes digiKam's tags, too.
    immich is a script that calls Immich's command line. docs/export.md has the recipes.
    """
    from photoidx.export.selection import Selection
    from photoidx.library import Library

    selection = Selection(picks=asked["picks"], where=asked["where"], cluster=asked["cluster"])
    if asked["name"] and selection.is_all:
        raise click.UsageError("--name names the photos of --picks, --where or --cluster.")
    ours = Library(library_of(click.get_current_context(), library))
    rows = ours.export_albums(asked["to"], asked["formats"] or ("paths", "csv"), selection, asked["name"])
    render(rows, output_format, null=null, columns=("album", "photos", "path"))
    click.echo(f"{len(rows):,} lists written. Take them back with: photoidx export --undo", err=True)
