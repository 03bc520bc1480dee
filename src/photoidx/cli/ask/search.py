"""`photoidx search`."""

from __future__ import annotations

from datetime import datetime

import click

from photoidx.cli.terminal.output import as_of_option, harmless, library_option, output_options, render


@click.command()
@click.argument("text", nargs=-1, required=True, metavar="TEXT...")
@library_option
@as_of_option
@output_options
@click.option("--where", metavar="SQL", help='Only photos for which this holds, as in "iso > 800".')
@click.option("--count", type=click.IntRange(min=1), default=20, show_default=True, help="Photos to give at most.")
@click.option("--min-score", type=float, help="Only photos with this score or more.")
@click.option("--embedder", metavar="NAME", help="Search by pictures with this OpenCLIP model.")
@click.option("--words", is_flag=True, help="Search by words, also where there is a model that reads texts.")
def search(  # noqa: PLR0917 - click passes each option by name
    text: tuple[str, ...],
    library: str | None,
    as_of: datetime | None,
    output_format: str,
    null: bool,
    where: str | None,
    count: int,
    min_score: float | None,
    embedder: str | None,
    words: bool,
) -> None:
    """Find photos by a text, one of each shot, the best first.

    With an OpenCLIP model, by what the pictures show. Without one by words: labels, keywords, dates, cameras, places,
    and names of files and folders. It says which way it went.
    """
    from photoidx.library import Library

    answer = Library(library, as_of=as_of).search(
        " ".join(text), where=where, count=count, min_score=min_score, embedder=embedder, words=words
    )
    for note in answer.notes:
        click.echo(harmless(note), err=True)
    columns = ("path", "score", "matched") if answer.by == "words" else ("path", "score")
    render(answer.rows, output_format, null=null, columns=columns)
