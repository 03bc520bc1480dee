"""How answers are printed: data to stdout in the format that is asked for, talk to stderr."""

from __future__ import annotations

import base64
import csv
import functools
import io
import json
import math
import os
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import pyarrow as pa

_Command = TypeVar("_Command", bound=Callable[..., Any])
_NO_NUMBERS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_LEAST_PATH = 24  # characters of a path that a table on a terminal shows at least
FORMATS = ("table", "json", "jsonl", "csv", "paths")


def library_option(command: _Command) -> _Command:
    """Add --library, which gives the command its `library`: None stands for the default."""
    return click.option(
        "--library",
        envvar="PHOTOIDX_LIBRARY",
        metavar="URI",
        help="The library's folder or object-store URI; by default in the user's data folder.",
    )(command)


def as_of_option(command: _Command) -> _Command:
    """Add --as-of, which gives the command its `as_of`: a time with a zone, or None for now."""
    return click.option(
        "--as-of",
        callback=_moment,
        metavar="MOMENT",
        help='Answer as of an earlier moment: "2 hours ago", "yesterday 14:00". About a day is kept.',
    )(command)


def _moment(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    from photoidx.moments import parse_moment

    try:
        return None if text is None else parse_moment(text, datetime.now().astimezone())
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


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


def render(
    rows: Sequence[Mapping[str, Any]] | pa.Table, output_format: str, *, null: bool = False, columns: Sequence[str] = ()
) -> None:
    """Print rows to stdout; `columns` are their names where there may be no rows to tell them.

    Raises click.UsageError if paths are wanted and there are none.
    """
    if not isinstance(rows, Sequence):
        names, rows = list(rows.column_names), _records(rows)
    else:
        names = list(rows[0]) if rows else list(columns)
    if output_format == "paths":
        if rows or names:
            _paths(names, rows, null=null)
    elif output_format == "json":
        click.echo(json.dumps([plain(row) for row in rows], indent=1))
    elif output_format == "jsonl":
        for row in rows:
            click.echo(json.dumps(plain(row)))
    elif output_format == "csv":
        _csv(names, rows)
    else:
        _table(names, rows)


def render_facts(groups: Mapping[str, Mapping[str, Any]]) -> None:
    """Print groups of names and values for a person: a heading, and below it a line for each."""
    for heading, facts in groups.items():
        shown = {str(name): value for name, value in facts.items() if value not in (None, "", [], {})}
        if not shown:
            continue
        click.echo(harmless(heading))
        width = max(map(len, map(harmless, shown)))
        for name, value in shown.items():
            click.echo(f"  {harmless(name):{width}}  {harmless(_cell(value))}")


def flat(nested: Mapping[str, Any], above: str = "") -> list[dict[str, Any]]:
    """Turn nested facts into rows of name and value."""
    rows: list[dict[str, Any]] = []
    for name, value in nested.items():
        whole = f"{above} {name}".strip()
        rows += flat(value, whole) if isinstance(value, Mapping) else [{"what": whole, "value": value}]
    return rows


def _records(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows as Python values."""
    from photoidx.cli.terminal.values import values_of

    columns = [values_of(column) for column in table.columns]
    names = table.column_names
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _paths(names: Sequence[str], rows: Sequence[Mapping[str, Any]], *, null: bool) -> None:
    from photoidx.records import text_path

    if "path" not in names or not all(isinstance(row["path"], (str, type(None))) for row in rows):
        raise click.UsageError("--format paths needs a column named path")
    if sys.stdout.isatty():  # for eyes, not for a program
        click.echo("".join(harmless(row["path"]) + "\n" for row in rows if row["path"] is not None), nl=False)
        return
    end = b"\0" if null else b"\n"
    for row in rows:
        if row["path"] is not None:
            sys.stdout.buffer.write(os.fsencode(text_path(row["path"])) + end)
    sys.stdout.buffer.flush()


def _csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    cells = [list(names)] * bool(names) + [[_cell(row[name]) for name in names] for row in rows]
    lines = [_csv_line(row) for row in cells]
    if sys.stdout.isatty():  # a program gets every byte of a name, a terminal none that could drive it
        lines = [harmless(line.removesuffix("\n")) + "\n" for line in lines]
    click.echo("".join(lines), nl=False, color=True)  # without it, click would cut escape sequences out of names


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)  # with this end, a lone \r is quoted too
    return line.getvalue().removesuffix("\r\n") + "\n"


def _table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[harmless(_cell(row[name])) for name in names] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(map(harmless, names), *cells, strict=True)]
    whole = sum(widths) + 2 * (len(widths) - 1)
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else max(whole, 1))
    lacking = whole - console.width
    table = Table(box=None, pad_edge=False)
    for at, name in enumerate(names):
        if _is_of_paths(name) and lacking > 0:
            width = max(_LEAST_PATH, widths[at] - lacking)
            for row_cells in cells:
                row_cells[at] = middle_cut(row_cells[at], width)
            lacking -= widths[at] - width
        table.add_column(Text(harmless(name)), overflow="fold", no_wrap=_is_of_paths(name))
    for row_cells in cells:
        table.add_row(*map(Text, row_cells))
    console.print(table)


def _is_of_paths(name: str) -> bool:
    return name in {"path", "root", "name"} or name.endswith("_path")


def middle_cut(path: str, width: int) -> str:
    """Shorten a path in its middle to so many characters: its name and the beginning of its folder stay."""
    if len(path) <= width:
        return path
    name = min(len(os.path.basename(path)) + 1, width * 2 // 3)
    return f"{path[: width - name - 1]}\u2026{path[-name:]}"


def harmless(text: str) -> str:
    """Spell out what could drive a terminal: control characters and the like."""
    return "".join(
        char if unicodedata.category(char)[0] != "C" or char == " " else char.encode("unicode_escape").decode()
        for char in text
    )


def _cell(value: Any) -> str:
    simple = plain(value)
    if simple is None:
        return ""
    return simple if isinstance(simple, str) else json.dumps(simple, ensure_ascii=False)


def plain(value: Any) -> Any:  # noqa: PLR0911 - one line for each kind of value
    """Turn a value into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if hasattr(value, "nanoseconds") and isinstance(value, tuple):
        return _interval(*value)
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Decimal):  # what DuckDB makes of a sum of whole numbers
        return plain(int(value) if value.is_finite() and value == value.to_integral_value() else float(value))
    if value is None or isinstance(value, (str, int, bool)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _NO_NUMBERS[str(value)]  # JSON knows finite numbers alone
    return str(value)


def _interval(months: int, days: int, nanoseconds: int) -> str:
    """Spell a length of time as SQL takes it: `1 months 2 days 00:00:03.5`."""
    sign = "-" if nanoseconds < 0 else ""
    minutes, rest = divmod(abs(nanoseconds), 60 * 10**9)
    seconds = f"{rest // 10**9:02d}.{rest % 10**9:09d}".rstrip("0").rstrip(".")
    parts = [f"{months} months"] * bool(months) + [f"{days} days"] * bool(days)
    return " ".join([*parts, f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:{seconds}"])
