"""`photoidx reclaim` and `photoidx undo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from photoidx.cli.terminal.output import harmless, library_option, output_options, render
from photoidx.errors import SOME_FAILED

if TYPE_CHECKING:
    from photoidx.reclaim.run import Reclaimable
    from photoidx.reclaim.trash import Done

_COLUMNS = ("path", "size", "what", "reason", "unit", "kept")
_NEXT = 3


@click.command()
@click.option("--dry-run", is_flag=True, help="Only list what may go, what it frees, and why it is safe.")
@click.option("--goal", metavar="SIZE", help="Take only as much as frees so much: 20GB. What loses least goes first.")
@click.option(
    "--only",
    type=click.Choice(["duplicate", "rejected"]),
    help="Only duplicates of which a file that stays holds all, or only what you rejected.",
)
@library_option
@output_options
def reclaim(  # noqa: PLR0917 - click passes each option by name
    dry_run: bool, goal: str | None, only: str | None, library: str | None, output_format: str, null: bool
) -> None:
    """Move what may go into a trash folder beside its root: copies, and what you rejected.

    A copy goes only if the file that is kept for it is there now, byte for byte as it was scanned, and holds all that
    it holds; both are read again before. Films, sidecars and RAW go with their photo, or nothing goes. Nothing goes
    from a root that looks incomplete. `photoidx undo` brings everything back; the room is free once you say
    `photoidx trash empty`.
    """
    from photoidx.library import Library
    from photoidx.reclaim.run import KINDS, bytes_of

    ours = Library(library)
    wanted, kinds = bytes_of(goal) if goal else None, (only,) if only else KINDS
    if "duplicate" in kinds:
        _refresh(ours.refresh_duplicates())
    if dry_run:
        found = ours.reclaimable(goal=wanted, kinds=kinds)
        render(found.rows(), output_format, null=null, columns=_COLUMNS)
        _tell_plan(found, "may go")
        return
    found, done = ours.reclaim(goal=wanted, kinds=kinds)
    _tell_plan(found, "were to go")
    click.echo(f"Moved {_amount(done)} into the trash. Bring them back with: photoidx undo", err=True)
    tell_problems(done)


@click.command()
@library_option
def undo(library: str | None) -> None:
    """Bring back what the last `photoidx reclaim` moved. Say it again for the one before.

    Nothing is written over: a file whose place is taken stays in the trash, and you are told. Decisions about the
    photos hold again. (`photoidx decide --undo` takes back a decision.)
    """
    from photoidx.library import Library

    done = Library(library).bring_back()
    click.echo(f"Brought back {_amount(done)}.", err=True)
    tell_problems(done)


def tell_problems(done: Done) -> None:
    """Say what was not done and why; the exit status tells it, too."""
    for problem in done.problems:
        click.echo(harmless(problem), err=True)
    if done.problems:
        raise click.exceptions.Exit(SOME_FAILED)


def _amount(done: Done) -> str:
    return f"{done.files:,} {'file' if done.files == 1 else 'files'}, {megabytes(done.size)}"


def megabytes(size: int) -> str:
    """Spell a number of bytes."""
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"  # noqa: PLR2004 - a gigabyte


def _refresh(problem: str) -> None:
    if problem:
        click.echo(harmless(f"These are the duplicates that were known before: {problem}"), err=True)


def _tell_plan(found: Reclaimable, words: str) -> None:
    files = sum(len(unit.members) for unit in found.units)
    click.echo(f"{files:,} files {words}, {megabytes(found.size)}.", err=True)
    for stay in found.staying:
        click.echo(harmless(f"{stay.path} stays: {stay.why}"), err=True)
    if found.following:
        click.echo("Next would go:", err=True)
    for unit in found.following[:_NEXT]:
        click.echo(harmless(f"  {unit.members[0].path}  {megabytes(unit.size)}  {unit.reason}"), err=True)
