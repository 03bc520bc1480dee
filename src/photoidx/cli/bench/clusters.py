"""`photoidx bench clusters`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from photoidx.cli.terminal.output import output_options, render
from photoidx.temporary import temporary_folder

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@output_options
@click.option("--labels", metavar="CSV", type=_FILE, help="A table of path (or img) and class (or category).")
@click.option(
    "--min-size", default=10, show_default=True, type=click.IntRange(2), help="The fewest photos of a cluster."
)
@click.option("--library", metavar="URI", help="Scan into this library and keep it; by default into one for the run.")
def clusters(  # noqa: PLR0917 - click passes each option by name
    folder: Path, output_format: str, null: bool, labels: Path | None, min_size: int, library: str | None
) -> None:
    """Count how well clusters agree with classes that are known: every method on every reduction of the vectors.

    The folders in DIR are the classes, or --labels says them. Printed are the adjusted Rand index and BCubed F1, both
    with each photo of noise as a cluster of its own; the share of noise, the number of clusters, and CPU seconds.
    ari_one takes all noise for one cluster, ari_in leaves it out. See docs/clusters.md. The photos are only read.
    """
    from photoidx.config import Config
    from photoidx.evaluation import cluster_bench as ours
    from photoidx.library import Library

    if output_format == "paths":
        raise click.UsageError("there are no paths to print: choose table, json, jsonl or csv")
    with ExitStack() as stack:
        place = library or stack.enter_context(temporary_folder("bench"))
        ours_only = ("faces", "sharpness", "technical")  # what takes longest and is not asked
        opened = Library(place, Config(without=ours_only))
        opened.scan(folder)
        vectors, classes = ours.read_classes(opened.store, folder, labels)
        click.echo(ours.sizes(classes), err=True)
        rows = list(ours.bench(vectors, classes, min_size))
    render(sorted(rows, key=lambda row: -row["ari"]), output_format, null=null)
