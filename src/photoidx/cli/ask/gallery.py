"""`photoidx gallery`."""

from __future__ import annotations

from datetime import datetime

import click

from photoidx.cli.terminal.output import as_of_option, harmless, library_option
from photoidx.cli.terminal.progress import step_progress

_SMALLEST, _LARGEST = 32, 320


@click.command()
@click.argument("out", type=click.Path())
@library_option
@as_of_option
@click.option("--where", metavar="SQL", help="Show only photos for which this holds, as: technical > 0.5")
@click.option("--title", default="Photos", show_default=True, help="What stands above the gallery.")
@click.option(
    "--thumbnail-size",
    type=click.IntRange(_SMALLEST, _LARGEST),
    metavar="PIXELS",
    help="The thumbnails' long side; 320 by default, and 160 in one page: 56 MB for 10,000 photos.",
)
@click.option("--no-map", is_flag=True, help="Leave out the map: it takes most of the time.")
@click.option("--overwrite", is_flag=True, help="Write even if something that is no gallery is there.")
@click.option("--inside-photos", is_flag=True, help="Write even into a folder that is scanned.")
def gallery(  # noqa: PLR0917 - click passes each option by name
    out: str,
    library: str | None,
    as_of: datetime | None,
    where: str | None,
    title: str,
    thumbnail_size: int | None,
    no_map: bool,
    overwrite: bool,
    inside_photos: bool,
) -> None:
    """Write a gallery that any browser opens without a server: bursts, duplicates, clusters, all photos, a map.

    OUT is a folder; if it ends in .html, one page that holds everything, with smaller thumbnails. Photos are not
    opened, the gallery makes no connection, and an older one at OUT is replaced. Duplicates and clusters are brought up
    to date in the library first.
    """
    from photoidx.library import Library
    from photoidx.queries.gallery.build import Options

    options = Options(
        where=where,
        title=title,
        thumbnail_size=thumbnail_size,
        overwrite=overwrite,
        inside_photos=inside_photos,
        with_map=not no_map,
    )
    notes: list[str] = []
    with step_progress() as progress:
        done = Library(library, as_of=as_of).gallery(out, options, progress, notes.append)
    for note in notes:
        click.echo(harmless(note), err=True)
    groups = [f"{done[name]:,} {name}" for name in ("bursts", "duplicates", "clusters") if done[name]]
    words = ", ".join([f"{done['photos']:,} photos", *groups, f"{done['size_bytes'] / 1e6:,.1f} MB"])
    click.echo(f"{words}. Open it in a browser:", err=True)
    click.echo(harmless(done["path"]))
