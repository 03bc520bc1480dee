"""`photoidx bench degradations`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.terminal.output import harmless, output_options, render
from photoidx.errors import SOME_FAILED, PhotoidxError

if TYPE_CHECKING:
    from photoidx.evaluation.degradation_bench import ScoreComparison, Scorer


@click.command()
@click.argument(
    "folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@output_options
@click.option("--scorer", default="technical", show_default=True, metavar="COLUMN", help="A column of quality.")
@click.option("--form", type=click.Choice(("both", "published", "strict")), default="both", show_default=True)
@click.option("--by", type=click.Choice(("type", "variant")), default="type", show_default=True, help="What a row is.")
@click.option("--limit", default=0, metavar="N", help="Draw N of the pictures; all by default.")
@click.option("--seed", default=0, show_default=True, help="For the noise, the motion, the draw and the intervals.")
def degradations(  # noqa: PLR0917 - click passes each option by name
    folders: tuple[Path, ...], output_format: str, null: bool, scorer: str, form: str, by: str, limit: int, seed: int
) -> None:
    """Count how often a score puts a picture above a degraded copy of itself.

    Published form: 27 variants of each picture, a tie is wrong, beside the figures that others published. Strict form:
    both encoded alike and brought to one size, both orders, noise and motion blur too, and a mirrored copy as a placebo
    that should come out near 50 %, ties as half. See docs/quality.md. Exit status 3 means that some pictures could not
    be read; they are left out.
    """
    from photoidx.evaluation import degradation_bench as ours

    score = _scorer(scorer)
    found: dict[str, list[ScoreComparison]] = {each: [] for each in ("published", "strict") if form in (each, "both")}
    unread = 0
    for path, pixels in ours.pictures(folders, limit, seed):
        if isinstance(pixels, Exception):
            click.echo(f"photoidx: left out {harmless(path)}: {harmless(str(pixels))}", err=True)
            unread += 1
            continue
        for each in found:
            compare = ours.published_form if each == "published" else ours.strict_form
            found[each] += compare(path, pixels, score, seed)
    if not all(found.values()):
        raise PhotoidxError(f"There is no picture that can be read below {', '.join(map(str, folders))}.")
    rows = [row for each, comparisons in found.items() for row in _rows(each, comparisons, by, seed)]
    render(rows, output_format, null=null)
    sys.exit(SOME_FAILED if unread else 0)


def _scorer(column: str) -> Scorer:
    from photoidx.evaluation.degradation_bench import quality_columns, scorer_of

    columns = quality_columns()
    if column not in columns:
        known = ", ".join(sorted(columns)) or "none"
        raise click.BadParameter(f"the table quality has no column {column!r}; it has {known}", param_hint="--scorer")
    return scorer_of(columns[column], column)


def _rows(form: str, comparisons: Sequence[ScoreComparison], by: str, seed: int) -> list[dict[str, Any]]:
    from photoidx.evaluation import degradation_bench as ours

    by_type = ours.published_tallies if form == "published" else ours.strict_tallies
    tallies = by_type(comparisons, seed) if by == "type" else ours.variant_tallies(comparisons, seed)
    rows = []
    for tally in tallies:
        row = {
            "form": form,
            by: tally.name,
            "pictures": tally.pictures,
            "comparisons": tally.comparisons,
            "correct": round(tally.correct, 1),
            "low": round(tally.low, 1),
            "high": round(tally.high, 1),
            "ties": tally.ties,
            "order_matters": tally.order_matters if form == "strict" else None,
        }
        if by == "type":
            place = ours.PUBLISHED_KINDS.index(tally.name) if form == "published" else None
            row |= {name: None if place is None else figures[place] for name, figures in ours.THEIRS.items()}
        rows.append(row)
    return rows
