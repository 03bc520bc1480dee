"""`photoidx show`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from photoidx.cli.output import flat, library_option, output_options, plain, render, render_facts


@click.command()
@click.argument("photo", type=click.Path())
@library_option
@output_options
def show(photo: str, library: str | None, output_format: str, null: bool) -> None:
    """Tell everything that is known of one photo."""
    from photoidx.library import Library  # noqa: PLC0415

    found = Library(library).show(photo)
    if output_format in ("json", "jsonl"):
        click.echo(json.dumps(plain(found)))
    elif output_format == "table":
        render_facts(_for_people(found))
    elif output_format == "paths":
        render([found["file"], *found["shot"]], output_format, null=null)
    else:
        render(flat(found), output_format)


def _for_people(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Give the groups as they stand on a terminal: the other files of the shot by path, chances in per cent."""
    groups: dict[str, Mapping[str, Any]] = {**found}
    groups["shot"] = {mate["path"]: mate["rule"] or "of the same shot" for mate in found["shot"]}
    if "labels" in found:
        groups["labels"] = {word: f"{100 * chance:.0f} %" for word, chance in found["labels"].items()}
    return groups
