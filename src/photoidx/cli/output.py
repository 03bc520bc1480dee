"""How answers are printed: data to stdout in the format that is asked for, talk to stderr."""

from __future__ import annotations

import base64
import csv
import functools
import io
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import pyarrow as pa

_Command = TypeVar("_Command", bound=Callable[..., Any])
FORMATS = ("table", "json", "jsonl", "csv", "paths")


def library_option(command: _Command) -> _Command:
    """Add --library, which gives the command its `library`: None stands for the default."""
    return click.option(
        "--library",
        envvar="PHOTOIDX_LIBRARY",
        metavar="URI",
        help="The library's folder or object-store URI; by default in the user's data folder.",
    )(command)


def output_options(command: _Command) -> _Command:
    """Add --format and --null, which give the command its `output_format` and `null`."""

    @click.option(
        "--format",
        "output_format",
        type=click.Choice(FORMATS),
        help="How to print; by default a table on a terminal, and csv in a pipe.",
    )
    @click.option("--null", "-0", is_flag=True, help="With --format paths: end each path with NUL, not a new line.")
    @functools.wraps(command)
    def wrapped(*args: Any, output_format: str | None, **rest: Any) -> Any:
        chosen = output_format or ("table" if sys.stdout.isatty() else "csv")
        return command(*args, output_format=chosen, **rest)

    return wrapped  # type: ignore[return-value]


def render(rows: Sequence[Mapping[str, Any]] | pa.Table, output_format: str, *, null: bool = False) -> None:
    """Print rows to stdout."""
    if not isinstance(rows, Sequence):
        names, rows = list(rows.column_names), rows.to_pylist()
    else:
        names = list(rows[0]) if rows else []
    if output_format == "paths":
        _paths(rows, null=null)
    elif output_format == "json":
        click.echo(json.dumps([_plain(row) for row in rows], indent=1))
    elif output_format == "jsonl":
        for row in rows:
            click.echo(json.dumps(_plain(row)))
    elif output_format == "csv":
        _csv(names, rows)
    else:
        _table(names, rows)


def _paths(rows: Sequence[Mapping[str, Any]], *, null: bool) -> None:
    from photoidx.records import text_path  # noqa: PLC0415

    end = b"\0" if null else b"\n"
    for row in rows:
        if "path" not in row:
            raise click.UsageError("--format paths needs a column named path")
        sys.stdout.buffer.write(os.fsencode(text_path(row["path"])) + end)
    sys.stdout.buffer.flush()


def _csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in names])
    click.echo(page.getvalue(), nl=False)


def _table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(harmless(_cell(row[name]))) for name in names))
    Console(markup=False, highlight=False).print(table)


def harmless(text: str) -> str:
    """Spell out what could drive a terminal: control characters and the like."""
    return "".join(
        char if unicodedata.category(char)[0] != "C" or char == " " else char.encode("unicode_escape").decode()
        for char in text
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one line for each kind of value
    """Turn a value into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if value is None or isinstance(value, (str, int, bool)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124 - NaN is not itself
    return str(value)
