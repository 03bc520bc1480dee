"""`photoidx models`."""

from __future__ import annotations

from dataclasses import asdict

import click

from photoidx.cli.output import output_options, render


@click.command()
@output_options
def models(output_format: str, null: bool) -> None:
    """List the models: what is here, what each brings, and how to get the rest."""
    from photoidx.config import Config  # noqa: PLC0415
    from photoidx.indexer.embedders import catalogue  # noqa: PLC0415

    render([asdict(entry) for entry in catalogue(Config())], output_format, null=null)
