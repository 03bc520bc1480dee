"""`photoidx backup` and `photoidx restore`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from photoidx.cli.terminal.output import harmless, library_option

_ONLY = click.option(
    "--only", type=click.Choice(["decisions"]), help="Only what you decided, as a JSON file that any library takes."
)


@click.command()
@click.argument("dest", type=click.Path(path_type=Path))
@click.option("--wait", is_flag=True, help="Wait until nobody writes to the library. Else a scan may go on meanwhile.")
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Remove older backups at DEST: this many stay.")
@_ONLY
@library_option
def backup(dest: Path, wait: bool, keep: int | None, only: str | None, library: str | None) -> None:
    """Copy the library to the folder DEST, check the copy, and keep it beside the earlier ones.

    Files that did not change are linked to the last backup's, where the disk knows links, and cost no room. Every file
    is read back and compared by its hash, every row is read; only then the copy counts as a backup. Cut off, it leaves
    the earlier ones as they were. `photoidx restore DEST` brings the newest back. Photos are not part of it.
    """
    from photoidx.config import default_library
    from photoidx.maintenance.backup import backup as make
    from photoidx.maintenance.decisions_file import save_decisions
    from photoidx.storage.tables import Tables

    tables = Tables(library or default_library())
    if only is not None:
        if wait or keep:
            raise click.UsageError("--only decisions goes with neither --wait nor --keep.")
        count = save_decisions(tables, dest)
        click.echo(f"{count:,} decisions saved.", err=True)
        click.echo(harmless(str(dest)))
        return
    made = make(tables, dest, wait=wait, keep=keep, progress=_show)
    for warning in made.warnings:
        click.echo(harmless(f"Warning: {warning}"), err=True)
    removed = f"; {made.removed} older removed" if made.removed else ""
    click.echo(
        f"{len(made.snapshot.files):,} files, {made.snapshot.size / 1e6:,.1f} MB, of which "
        f"{made.copied / 1e6:,.1f} MB were copied; read back and whole{removed}.",
        err=True,
    )
    click.echo(harmless(str(made.snapshot.folder)))


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Take the place of a library that is there. It is kept under another name.")
@click.option("--dry-run", is_flag=True, help="Only check the backup.")
@_ONLY
@library_option
def restore(source: Path, force: bool, dry_run: bool, only: str | None, library: str | None) -> None:
    """Bring a backup back: SOURCE, or the newest one in the folder SOURCE.

    Every file is compared with its hash and every row is read before anything changes. A library that is there is
    replaced with --force only, and then kept as NAME.before-restore. With --only decisions those of a JSON file are
    added to the library; shots are found again by their files' contents.
    """
    from photoidx.library import Library
    from photoidx.maintenance import restore as care

    ours = Library(library)
    if only is not None:
        if dry_run:
            raise click.UsageError("--only decisions goes without --dry-run.")
        count, new = care.restore_decisions(source, ours.uri, force=force)
        ours.regroup()
        click.echo(f"{count:,} decisions in the file, {new:,} of them new to the library.", err=True)
        return
    done = care.restore(source, ours.uri, force=force, dry_run=dry_run, progress=_show)
    what = f"the backup of {done.snapshot.made_at}, {done.snapshot.size / 1e6:,.1f} MB"
    if dry_run:
        place = f" It would be kept as {done.before}." if done.before else ""
        there = f" There is a library at {ours.uri}: --force is needed.{place}" if done.before else ""
        click.echo(harmless(f"Whole: {what}. Nothing was written.{there}"), err=True)
        return
    kept = f" The library that was there is {done.before}: delete it when all is well." if done.before else ""
    click.echo(harmless(f"Restored: {what}.{kept}"), err=True)
    click.echo(harmless(ours.uri))


def _show(done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{done / 1e6:,.0f} of {total / 1e6:,.0f} MB", nl=done >= total, err=True)
