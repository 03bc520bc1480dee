"""`photoidx status`."""

from __future__ import annotations

import json
from typing import Any

import click

from photoidx.cli.output import library_option, output_options, render


@click.command()
@library_option
@output_options
def status(library: str | None, output_format: str, null: bool) -> None:
    """Count what is in the library: files, shots, what each stage did, the last scan."""
    from photoidx.library import Library  # noqa: PLC0415

    found = Library(library).status()
    if output_format in ("json", "jsonl"):
        click.echo(json.dumps(found, default=str))
    else:
        render(list(flat(found)), output_format, null=null)


def flat(nested: dict[str, Any], above: str = "") -> list[dict[str, Any]]:
    """Turn nested facts into rows of name and value."""
    rows: list[dict[str, Any]] = []
    for name, value in nested.items():
        whole = f"{above} {name}".strip()
        rows += flat(value, whole) if isinstance(value, dict) else [{"what": whole, "value": value}]
    return rows
