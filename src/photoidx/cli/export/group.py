"""`photoidx export`, and `photoidx export --undo`."""

from __future__ import annotations

import click

from photoidx.cli.commands import EXPORTS
from photoidx.cli.terminal.lazy import lazy_group
from photoidx.cli.terminal.output import library_option, output_options, render
from photoidx.errors import SOME_FAILED


@lazy_group(sections=EXPORTS, invoke_without_command=True)
@click.option("--undo", is_flag=True, help="Take back the last export, also one that was cut off.")
@click.option("--dry-run", is_flag=True, help="With --undo: only show what would be taken back.")
@library_option
@output_options
@click.pass_context
def export(  # noqa: PLR0917 - click passes each option by name
    context: click.Context, undo: bool, dry_run: bool, library: str | None, output_format: str, null: bool
) -> None:
    """Hand your picks, ratings and words over to other programs: sidecars, files, albums. Photos are only read.

    What an export writes is noted in a journal before it is written; --undo takes the last export back, and another
    --undo the one before it. What other programs changed since stays.
    """
    if context.invoked_subcommand is not None:
        if undo:
            raise click.UsageError("--undo takes back the last export; give no command with it.")
        context.meta["library"] = library
        return
    if not undo:
        click.echo(context.get_help())
        return
    from photoidx.library import Library

    found = Library(library).undo_export(dry_run=dry_run)
    render(list(found.rows), output_format, null=null, columns=("path", "done", "note"))
    words = "would be taken back" if dry_run else "taken back"
    click.echo(f"export {found.kind}: {len(found.rows) - found.failed:,} {words}.", err=True)
    if found.failed:
        click.echo(f"{found.failed:,} could not be taken back; --undo again goes on with them.", err=True)
        context.exit(SOME_FAILED)
