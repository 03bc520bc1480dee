"""`photoidx bench quality`."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.terminal.output import harmless, output_options, render
from photoidx.errors import SOME_FAILED
from photoidx.temporary import temporary_folder

if TYPE_CHECKING:
    from photoidx.storage.store import Store

_QUICK = 200
_NUMBER = click.IntRange(min=0)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@output_options
@click.option("--layout", type=click.Choice(("phototriage", "ava")), required=True, help="What DIR holds.")
@click.option("--split", metavar="NAME", help="Of phototriage: one list, as train, val or test; all by default.")
@click.option("--without", multiple=True, metavar="STAGE", help="Do without this scorer, as faces. May be repeated.")
@click.option("--scorer", multiple=True, metavar="DIR", help="Judge a trained scorer, too. May be repeated.")
@click.option("--quick", is_flag=True, help="Draw 200 pairs or photos.")
@click.option("--limit", type=_NUMBER, default=0, metavar="N", help="Draw so many pairs, in whole series, or photos.")
@click.option("--seed", type=_NUMBER, default=0, show_default=True, help="For the draw, chance and the intervals.")
@click.option("--library", metavar="URI", help="Keep the scores here for another run; by default for this run only.")
def quality(  # noqa: PLR0917 - click passes each option by name
    folder: Path,
    output_format: str,
    null: bool,
    layout: str,
    split: str | None,
    without: tuple[str, ...],
    scorer: tuple[str, ...],
    quick: bool,
    limit: int,
    seed: int,
    library: str | None,
) -> None:
    """Tell how well each score of quality predicts what people said of the photos of a published set.

    phototriage: in how many per cent of the pairs the photo that people prefer has the higher score, of all pairs and
    of those with 70 % of the people on one side, beside the best constant answer and chance. ava: rank correlation with
    the mean mark. More is taken for better in every column: one that falls with quality comes out below chance. The
    set is checked first. See docs/evaluation.md.

    Photos are only read. Exit status 3 means that some photos could not be scored; in pairs they count as undecided.
    """
    from photoidx.config import Config
    from photoidx.evaluation import quality_bench as ours
    from photoidx.library import Library

    if output_format == "paths":
        raise click.UsageError("there are no paths to print: choose table, json, jsonl or csv")
    if split and layout != "phototriage":
        raise click.UsageError("--split is for the layout phototriage")
    most = limit or (_QUICK if quick else 0)
    judge: Callable[[Any], list[dict[str, Any]]]
    if layout == "phototriage":
        pairs, findings = ours.read_pairs(folder, split, most, seed)
        paths = {path for pair in pairs for path in (pair.first, pair.second)}
        judge = functools.partial(ours.pair_rows, pairs, seed=seed)
    else:
        photos, findings = ours.read_marked(folder, most, seed)
        paths = {photo.path for photo in photos}
        judge = functools.partial(ours.mark_rows, photos, seed=seed)
    for finding in findings:
        click.echo(f"photoidx: {harmless(str(finding))}", err=True)
    click.echo(f"photoidx: scoring {len(paths):,} photos", err=True)
    with ExitStack() as stack:
        place = library or stack.enter_context(temporary_folder("bench"))
        opened = Library(place, Config(embedders=(), without=without, scorers=tuple(map(os.path.abspath, scorer))))

        def index(links: str) -> Store:
            opened.scan(links, allow_empty=True)
            return opened.store

        found = ours.scores(index, paths)
    rows = judge(found)
    unscored = sorted(paths.difference(found))
    for path in unscored:
        click.echo(f"photoidx: not scored {harmless(path)}", err=True)
    render(rows, output_format, null=null)
    sys.exit(SOME_FAILED if unscored else 0)
