"""`photoidx bench duplicates`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from photoidx.cli.bench.bursts import long_rows, print_tables
from photoidx.cli.terminal.output import output_options, render
from photoidx.errors import PhotoidxError
from photoidx.temporary import temporary_folder

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_SHOWN = 20
_SLOW = ("faces", "sharpness", "technical", "horizon")
"""Stages that no duplicate depends on, and that take two thirds of a scan."""


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=_FOLDER)
@output_options
@click.option("--seed", default=0, show_default=True, help="For everything that is drawn.")
@click.option("--limit", default=40, show_default=True, type=click.IntRange(1), help="Originals of each folder.")
@click.option("--walk", "walks", multiple=True, metavar="DIR", type=_FOLDER, help="Photos of one thing: no copies.")
@click.option(
    "--keep-built", metavar="DIR", type=click.Path(path_type=Path), help="Keep album, library and truth.json here."
)
@click.option("--as-folders", is_flag=True, help="Build nothing: the names of the files or subfolders are the truth.")
@click.option("--edits", type=click.Choice(("all", "common")), default="all", show_default=True, help="Kinds of edit.")
@click.option("--errors", is_flag=True, help="Name each error, not only the first.")
def duplicates(  # noqa: PLR0917 - click passes each option by name
    folders: tuple[Path, ...],
    output_format: str,
    null: bool,
    seed: int,
    limit: int,
    walks: tuple[Path, ...],
    keep_built: Path | None,
    as_folders: bool,
    edits: str,
    errors: bool,
) -> None:
    """Count how well copies of photos are found, in an album built from the photos of folders.

    Each original gets 80 copies: what editors, phones, messengers and printers do to it, from other bytes to a collage
    (--edits common: the 16 commonest). Beside them lie photos that are no copies: bursts and other series, walks
    (--walk), the other photos of the folders. Printed are precision and recall with 95 % intervals, recall for each
    kind of edit, false pairs for each kind of trap, and what is kept; beside it what near perceptual hashes (with the
    packages imagehash and pdqhash two more) and near vectors would give.

    With --as-folders the photos of the folders themselves are judged: names as ukbench00120_hflip.jpg tell the picture
    and the thing, elsewhere the subfolders do. The photos are only read. 60 originals of 1 MP and 20 larger ones
    make an album of 1 GB, for the time of the run or in --keep-built, which must be empty.
    """
    from photoidx.config import Config
    from photoidx.evaluation.duplicates import bench as ours
    from photoidx.evaluation.duplicates.builder import CopyAmount
    from photoidx.evaluation.duplicates.edits import EDITS
    from photoidx.evaluation.duplicates.program_edits import ALL_EDITS
    from photoidx.library import Library

    if output_format == "paths":
        raise click.UsageError("there are no paths to print: choose table, json, jsonl or csv")
    if keep_built and keep_built.exists() and (not keep_built.is_dir() or any(keep_built.iterdir())):
        raise PhotoidxError(f"{keep_built} is not an empty folder: name one that is, or that does not exist yet.")
    with ExitStack() as stack:
        place = keep_built or Path(stack.enter_context(temporary_folder("bench")))

        def index(roots: Sequence[Path]) -> Library:
            click.echo("photoidx: now the photos are scanned", err=True)
            library = Library(place / "library", Config(without=_SLOW))
            library.scan(*roots)
            return library

        if as_folders:
            report = ours.bench_folders(folders, index)
        else:
            edited = ALL_EDITS if edits == "all" else EDITS
            amount, truth_file = CopyAmount(originals=limit, edits=edited), place / "truth.json"
            report = ours.bench(folders, place / "album", seed, index, amount, walks, truth_file)
    _print(report.tables, report.errors if errors else report.errors[:_SHOWN], output_format, null=null)


def _print(
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    errors: Sequence[Mapping[str, Any]],
    output_format: str,
    *,
    null: bool,
) -> None:
    named = {**tables, **({"errors": errors} if errors else {})}
    if output_format == "table":
        print_tables(named)
    else:
        render(long_rows(named), output_format, null=null)
