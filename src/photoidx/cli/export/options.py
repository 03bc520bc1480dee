"""Options that several kinds of export have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def selection_options(picks_help: str) -> Callable[[_Command], _Command]:
    """Add --picks, --where and --cluster, which give the command its `picks`, `where` and `cluster`."""

    def added(command: _Command) -> _Command:
        for option in (
            click.option("--cluster", metavar="ID", help="Only photos of this cluster (`photoidx clusters`)."),
            click.option("--where", metavar="SQL", help='Only photos for which this holds, as in "rating >= 4".'),
            click.option("--picks", is_flag=True, help=picks_help),
        ):
            command = option(command)
        return command

    return added


def dry_run_option(command: _Command) -> _Command:
    """Add --dry-run."""
    return click.option("--dry-run", is_flag=True, help="Only show what would be written.")(command)


def library_of(context: click.Context, library: str | None) -> str | None:
    """Return the library that is named behind the command, or before it."""
    return library if library is not None else context.meta.get("library")
