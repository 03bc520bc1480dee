"""`photoidx bench faces`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from photoidx.cli.bench.bursts import long_rows, print_tables
from photoidx.cli.terminal.output import output_options, render
from photoidx.errors import PhotoidxError

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=_FOLDER)
@output_options
@click.option("--seed", default=0, show_default=True, help="For everything that is drawn.")
@click.option("--count", default=40, show_default=True, type=click.IntRange(1), help="How many bursts are built.")
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Keep album, library and truth here.")
@click.option("--errors", is_flag=True, help="Name each error, too.")
def faces(  # noqa: PLR0917 - click passes each option by name
    folders: tuple[Path, ...],
    output_format: str,
    null: bool,
    seed: int,
    count: int,
    keep: Path | None,
    errors: bool,
) -> None:
    """Count how often an undamaged frame of a burst of people is picked, and how many reasons are untrue.

    The bursts are built from the photos of folders that show faces. The smallest important face is 47 to 53 pixels wide
    where the scan decodes the photo, so that some frames of a burst are read from a larger decode. Frames are zoomed by
    up to 8 %, shifted and turned; some bursts have coloured light, a face that the frame's edge cuts, or a bystander
    out of focus. One or two frames are undamaged, the others are blurred, noisy or wrongly exposed.

    The photos are only read. The album is built in a temporary folder, or in --keep, which must be empty.
    """
    from photoidx.evaluation.bursts import face_bench as ours
    from photoidx.library import Library

    if output_format == "paths":
        raise click.UsageError("there are no paths to print: choose table, json, jsonl or csv")
    if keep and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise PhotoidxError(f"{keep} is not an empty folder: name one that is, or that does not exist yet.")
    with ExitStack() as stack:
        place = keep or Path(stack.enter_context(TemporaryDirectory(prefix="photoidx-bench-")))

        def index(album: Path) -> Library:
            click.echo("photoidx: the album is built; now it is scanned", err=True)
            library = Library(place / "library")
            library.scan(album)
            return library

        report = ours.bench(folders, place / "album", seed, index, count, place / "truth.json")
    tables = {**report.tables, **({"errors": report.errors} if errors else {})}
    if output_format == "table":
        print_tables(tables)
    else:
        render(long_rows(tables), output_format, null=null)
