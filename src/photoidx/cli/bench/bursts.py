"""`photoidx bench bursts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click

from photoidx.cli.terminal.output import output_options, render
from photoidx.errors import PhotoidxError
from photoidx.temporary import temporary_folder

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_EMPTY = {"errors": ("error", "detail")}


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=_FOLDER)
@output_options
@click.option("--seed", default=0, show_default=True, help="For everything that is drawn.")
@click.option("--walk", "walks", multiple=True, metavar="DIR", type=_FOLDER, help="A walk around a thing: no burst.")
@click.option(
    "--faces", multiple=True, metavar="DIR", type=_FOLDER, help="Photos of faces, for bursts with closed eyes."
)
@click.option(
    "--face-detector",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The ONNX file of YuNet: close the eyes of the faces that it finds, instead of those that photoidx finds.",
)
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Keep album, library and truth here.")
@click.option("--errors", is_flag=True, help="Name each error, too.")
def bursts(  # noqa: PLR0917 - click passes each option by name
    folders: tuple[Path, ...],
    output_format: str,
    null: bool,
    seed: int,
    walks: tuple[Path, ...],
    faces: tuple[Path, ...],
    face_detector: Path | None,
    keep: Path | None,
    errors: bool,
) -> None:
    """Count how well bursts are found and their best frames picked, in an album built from the photos of folders.

    The album has hand-held bursts with one undamaged frame, equally good bursts, brackets, panoramas, timelapses, focus
    stacks, single photos, and traps; with --faces also bursts in which someone closes the eyes in all frames but
    one, every other of them under coloured light.
    It is scanned as by photoidx scan. Printed are BCubed precision, recall and F1 of the grouping, the kinds that
    groups were called, and how often the undamaged frame is picked, beside chance and beside the sharpest by variance
    of the Laplacian.

    The photos are only read. The album takes about 110 MB, for the time of the run or in --keep, which must be empty.
    """
    from photoidx.evaluation import yunet
    from photoidx.evaluation.bursts import bench as ours
    from photoidx.evaluation.bursts.closed_eyes import found_faces
    from photoidx.library import Library

    if output_format == "paths":
        raise click.UsageError("there are no paths to print: choose table, json, jsonl or csv")
    if keep and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise PhotoidxError(f"{keep} is not an empty folder: name one that is, or that does not exist yet.")
    with ExitStack() as stack:
        place = keep or Path(stack.enter_context(temporary_folder("bench")))

        def index(album: Path) -> Library:
            click.echo("photoidx: the album is built; now it is scanned", err=True)
            library = Library(place / "library")
            library.scan(album)
            return library

        truth_file = place / "truth.json"
        finder = found_faces if face_detector is None else partial(yunet.find, face_detector)
        report = ours.bench(folders, place / "album", seed, index, None, walks, truth_file, faces, finder)
    tables = {**report.tables, **({"errors": report.errors} if errors else {})}
    if output_format == "table":
        print_tables(tables)
    else:
        render(long_rows(tables), output_format, null=null)


def print_tables(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print tables for a person, each below its name."""
    for name, rows in tables.items():
        click.echo(f"\n{name}\n")
        render(rows, "table", columns=_EMPTY.get(name, ()))


def long_rows(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return one table of all: the table's name, what a row is of, and each of its values in a row of its own."""
    rows = []
    for name, table in tables.items():
        for row in table:
            (_, of), *values = row.items()
            rows += [{"table": name, "of": of, "measure": measure, "value": value} for measure, value in values]
    return rows
