"""`photoidx sql`."""

from __future__ import annotations

from datetime import datetime

import click

from photoidx.cli.terminal.output import as_of_option, library_option, output_options, render


@click.command()
@click.argument("query")
@library_option
@as_of_option
@output_options
def sql(query: str, library: str | None, as_of: datetime | None, output_format: str, null: bool) -> None:
    """Answer an SQL query over the views photos, labels, failures, scans, files, exif and sidecars.

    The whole of DuckDB's SELECT is there; files and the network are out of reach. `SHOW TABLES` and `DESCRIBE photos`
    tell what there is. The column `tags`, with every EXIF tag as JSON, is read only where a query names it.
    """
    from photoidx.config import Config, default_library
    from photoidx.queries.sql.process import ask_once

    render(ask_once(library or default_library(), query, Config(), as_of), output_format, null=null)
