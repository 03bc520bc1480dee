"""`photoidx export files`."""

from __future__ import annotations

from typing import Any

import click

from photoidx.cli.export.options import dry_run_option, library_of, selection_options
from photoidx.cli.terminal.output import library_option, output_options, render
from photoidx.errors import SOME_FAILED


@click.command()
@click.argument("to", metavar="DIR", type=click.Path(file_okay=False))
@selection_options("The pick of each burst, and what you chose and keep; never what you rejected.")
@click.option(
    "--name",
    "template",
    default="{name}",
    show_default=True,
    metavar="TEMPLATE",
    help="Path below DIR: {taken_at:%Y/%m}/{name}. Any column of photos; also name, stem, suffix, subfolder.",
)
@click.option(
    "--as",
    "how",
    type=click.Choice(["copy", "hardlink", "reflink"]),
    default="copy",
    show_default=True,
    help="copy; hardlink: another name of the same file; reflink: a copy that shares its room (Btrfs, XFS).",
)
@dry_run_option
@library_option
@output_options
def files(library: str | None, output_format: str, null: bool, **asked: Any) -> None:
    """Copy or link chosen photos into DIR, with their sidecars and films. Nothing is moved or replaced.

    Every file is read back and compared with what was scanned. Where a name is taken the photo gets a number, together
    with its RAW, sidecar and film. Cut off, it goes on when it is done again. `photoidx export --undo` removes what was
    made, and leaves what was changed since.
    """
    from photoidx.export.files import FilesOptions
    from photoidx.export.selection import Selection
    from photoidx.library import Library

    context = click.get_current_context()
    selection = Selection(picks=asked["picks"], where=asked["where"], cluster=asked["cluster"])
    if selection.is_all:
        raise click.UsageError("Say which photos: --picks, --where SQL or --cluster ID.")
    rows: list[dict[str, Any]] = []
    dry_run = asked["dry_run"]
    found = Library(library_of(context, library)).export_files(
        FilesOptions(to=asked["to"], template=asked["template"], how=asked["how"]),
        selection,
        dry_run=dry_run,
        on_step=lambda step: rows.append(step.row()),
    )
    render(rows, output_format, null=null, columns=("path", "source", "state", "note"))
    words = [f"{found.made:,} files {'would be made' if dry_run else 'made'}, {found.bytes_made / 1e6:,.1f} MB"]
    words += [f"{found.there:,} are there already"] * bool(found.there)
    words += [f"{found.failed:,} failed"] * bool(found.failed)
    click.echo(f"{'; '.join(words)}.", err=True)
    if found.failed:
        context.exit(SOME_FAILED)
