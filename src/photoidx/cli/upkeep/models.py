"""`photoidx models`."""

from __future__ import annotations

from dataclasses import asdict

import click

from photoidx.cli.terminal.output import library_option, output_options, render


@click.group(invoke_without_command=True)
@output_options
@click.pass_context
def models(context: click.Context, output_format: str, null: bool) -> None:
    """List the models: what is here, what each brings, and how to get the rest.

    `photoidx models pull NAME` fetches one from its hub. Nothing else in photoidx uses the network.
    """
    if context.invoked_subcommand is not None:
        return
    from photoidx.config import Config
    from photoidx.indexer.embedders import catalogue

    render([asdict(entry) for entry in catalogue(Config())], output_format, null=null)


@models.command()
@click.argument("name")
def pull(name: str) -> None:
    """Fetch the weights of an embedder: dinov2, openclip, timm:NAME or openclip:NAME/PRETRAINED."""
    from photoidx.config import Config
    from photoidx.indexer.embedders import pull as fetch

    click.echo(fetch(name, Config()))


@models.command()
@click.argument("name")
@library_option
def forget(name: str, library: str | None) -> None:
    """Stop using this embedder or scorer in later scans. What it found stays.

    A scan goes on with every one that earlier scans of the library were asked for; this takes one from them.
    """
    from photoidx.library import Library

    Library(library).forget_embedder(name)
    click.echo(f"Later scans do without {name}. What it found stays in the library.", err=True)
