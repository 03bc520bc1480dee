"""`photoidx explain`."""

from __future__ import annotations

import os

import click

from photoidx.cli.terminal.output import harmless, library_option, output_options, render


@click.command()
@click.argument("first", metavar="A", type=click.Path())
@click.argument("second", metavar="B", type=click.Path())
@click.argument("out", metavar="OUT.png", type=click.Path())
@library_option
@output_options
@click.option("--method", default="efficientnet_lite0", show_default=True, help="sift, or an embedder.")
@click.option("--random-weights", is_flag=True, help="Run an embedder whose weights are not here with random ones.")
def explain(  # noqa: PLR0917 - click passes each option by name
    first: str,
    second: str,
    out: str,
    library: str | None,
    output_format: str,
    null: bool,
    method: str,
    random_weights: bool,
) -> None:
    """Show where in two photos their similarity comes from, as a picture of both in a new file.

    Of an embedder, the parts of the pictures that the cosine of their vectors comes from: by gradients in a
    convolutional network, by attention roll-out in a vision transformer. Dark borders are what the model does not see.
    Of sift, the key points that match; coloured are those that agree on one movement from A to B. A and B are photos of
    the library or any other pictures on disk.
    """
    from photoidx.config import Config
    from photoidx.evaluation.retrieval.explanations import explain as ours
    from photoidx.queries.face_picture import save

    if output_format == "paths":
        raise click.UsageError("there are no paths to print: choose table, json, jsonl or csv")
    one, other = (photo if os.path.exists(photo) else _of_library(photo, library) for photo in (first, second))
    found = ours(one, other, method, Config(precision="float32"), random_weights=random_weights)
    save(found.picture, out)
    click.echo(f"Drawn in {harmless(out)}.", err=True)
    render([found.facts], output_format, null=null)


def _of_library(photo: str, library: str | None) -> str:
    """Return the path of a photo that is named as in the library. Raises QueryError if it is not there either."""
    from photoidx.errors import LibraryNotFoundError, QueryError
    from photoidx.library import Library
    from photoidx.queries.resolve import resolve_photo
    from photoidx.records import text_path

    try:
        store = Library(library).store
    except LibraryNotFoundError:
        raise QueryError(f"There is no file {photo}, and no library that could have it.") from None
    return text_path(resolve_photo(store, photo)["path"])
