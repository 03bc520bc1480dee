"""`photoidx doctor`."""

from __future__ import annotations

import sys

import click

from photoidx.cli.terminal.output import harmless, library_option, output_options, render

_COLUMNS = ("is", "table", "what", "remedy")


@click.command()
@click.option("--repair", is_flag=True, help="Repair what can be repaired. By default it only shows what it would do.")
@library_option
@output_options
def doctor(repair: bool, library: str | None, output_format: str, null: bool) -> None:
    """Check whether the library is whole, and repair what can be computed again.

    Every table is opened and every row read. Keys must be unique, and what one table says of another must be so. A
    fault is told with its remedy; a note is no fault. --repair takes a damaged table back to its last readable state,
    or makes it anew, and the next scan computes what is lost. Your decisions are never touched: what can be read of
    damaged ones is saved in a file. Photos are not opened. Exit status 1 means that there are faults.
    """
    from photoidx.config import default_library
    from photoidx.maintenance.doctor import examine
    from photoidx.maintenance.repair import repair as repair_library
    from photoidx.storage.tables import Tables

    tables = Tables(library or default_library())
    if repair:
        for line in repair_library(tables):
            click.echo(harmless(line), err=True)
    found = examine(tables, _show)
    rows = [
        {
            "is": "fault" if each.is_fault else "note",
            "table": each.table,
            "what": each.words,
            "remedy": each.remedy if not each.repair or repair else f"with --repair: {each.remedy}",
        }
        for each in found
    ]
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    render(rows, output_format, null=null, columns=_COLUMNS)
    faults = sum(each.is_fault for each in found)
    words = "The library is whole." if not faults else "1 fault." if faults == 1 else f"{faults} faults."
    click.echo(words, err=True)
    sys.exit(1 if faults else 0)


def _show(table: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[KReading {table}", nl=False, err=True)
