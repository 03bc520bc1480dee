"""`photoidx trash list`, `restore` and `empty`."""

from __future__ import annotations

import re
import sys
from datetime import timedelta

import click

from photoidx.cli.act.reclaim import megabytes, tell_problems
from photoidx.cli.terminal.output import library_option, output_options, render

_COLUMNS = ("path", "size", "batch", "at", "what", "reason", "kept", "in_trash")
_HOURS = {"h": 1, "d": 24, "w": 168}


class _Age(click.ParamType[timedelta]):
    """An age as `30d`, `12h` or `2w`."""

    name = "age"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,5})([hdw])", str(value).strip().lower())
        if found is None:
            self.fail(f"{value!r} is no age; write 30d, 12h or 2w", param, ctx)
        return timedelta(hours=int(found[1]) * _HOURS[found[2]])


@click.command("list")
@library_option
@output_options
def list_(library: str | None, output_format: str, null: bool) -> None:
    """List the files in the trash: where they were, since when, why, and which files are kept for them."""
    from photoidx.library import Library

    rows = Library(library).trash()
    render(rows, output_format, null=null, columns=_COLUMNS)
    click.echo(f"{len(rows):,} files, {megabytes(sum(row['size'] for row in rows))}.", err=True)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@library_option
def restore(paths: tuple[str, ...], library: str | None) -> None:
    """Bring back files, named by the path where they were, or a whole batch by its name.

    What went together comes back together.
    """
    from photoidx.library import Library

    done = Library(library).bring_back(*paths)
    click.echo(f"Brought back {done.files:,} files, {megabytes(done.size)}.", err=True)
    tell_problems(done)


@click.command()
@click.option("--older-than", type=_Age(), metavar="AGE", help="Only what has been there so long: 30d, 12h, 2w.")
@click.option("--even-last", is_flag=True, help="Also copies whose kept file is not there any more.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@library_option
def empty(older_than: timedelta | None, even_last: bool, yes: bool, library: str | None) -> None:
    """Delete for good what is in the trash. This is the only command that deletes photos.

    A copy whose kept file is not there, byte for byte, may be the last one: it stays, and you are told.
    """
    from photoidx.library import Library

    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("What is deleted can't be brought back. Say --yes.")
        click.confirm("Delete it for good?", abort=True, err=True)
    done = Library(library).empty_trash(older_than or timedelta(0), even_last=even_last)
    click.echo(f"Deleted {done.files:,} files, {megabytes(done.size)}.", err=True)
    tell_problems(done)
