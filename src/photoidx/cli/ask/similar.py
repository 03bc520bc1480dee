"""`photoidx similar`."""

from __future__ import annotations

from datetime import datetime

import click

from photoidx.cli.terminal.output import as_of_option, library_option, output_options, render


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@library_option
@as_of_option
@output_options
@click.option("--not", "against", multiple=True, metavar="PHOTO", help="Not like this photo. May be given repeatedly.")
@click.option("--where", metavar="SQL", help='Only photos for which this holds, as in "iso > 800".')
@click.option("--count", type=click.IntRange(min=1), default=20, show_default=True, help="Photos to give at most.")
@click.option("--min-score", type=float, help="Only photos with this score or more; 1 is the same, 0 is unrelated.")
@click.option("--embedder", metavar="NAME", help="Compare by the vectors of this model; `photoidx models` lists them.")
@click.option("--include-self", is_flag=True, help="Give the shots of the photos themselves, too.")
def similar(  # noqa: PLR0917 - click passes each option by name
    photos: tuple[str, ...],
    library: str | None,
    as_of: datetime | None,
    output_format: str,
    null: bool,
    against: tuple[str, ...],
    where: str | None,
    count: int,
    min_score: float | None,
    embedder: str | None,
    include_self: bool,
) -> None:
    """Find photos that look like these, one of each shot, the best first.

    A PHOTO is one of the library, by its path or its file's name, or any other picture on disk. Of several, what they
    have in common counts.
    """
    from photoidx.library import Library

    rows = Library(library, as_of=as_of).similar(
        *photos,
        against=against,
        where=where,
        count=count,
        min_score=min_score,
        embedder=embedder,
        include_self=include_self,
    )
    render(rows, output_format, null=null, columns=("path", "score"))
