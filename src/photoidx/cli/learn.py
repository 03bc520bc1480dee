"""`photoidx learn`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.terminal.output import harmless, library_option, output_options, render

if TYPE_CHECKING:
    from photoidx.queries.best.ranker import Learnt


@click.command()
@click.option("--count", default=5, show_default=True, type=click.IntRange(1), help="How many bursts to ask for.")
@library_option
@output_options
def learn(count: int, library: str | None, output_format: str, null: bool) -> None:
    """Show what was learnt from your choices, and which bursts to decide next.

    A ranker learns from every `photoidx decide best PHOTO`. It takes the place of the default score once it predicts
    your choices better than the default does, each burst predicted from the others; at least five are needed. Eyes and
    sharpness still come first.
    """
    from photoidx.library import Library

    learnt, rows = Library(library).lessons(count)
    if output_format in ("json", "jsonl"):
        click.echo(json.dumps({"learnt": _told(learnt), "ask": rows}))
        return
    if learnt is None:
        click.echo("Nothing was decided yet: the default score ranks.", err=True)
    else:
        click.echo(
            f"{learnt.bursts} bursts decided. Predicted unseen: {learnt.hits} by what was learnt, "
            f"{learnt.default_hits} by the default. {'What was learnt' if learnt.is_on else 'The default'} ranks.",
            err=True,
        )
    if output_format == "table":
        for row in rows:
            click.echo(harmless(f"{row['burst_id']}, teaches {row['teaches']:.2f}"))
            for path in row["paths"]:
                click.echo(harmless(f"    {path}"))
        click.echo("Record a choice with: photoidx decide best PHOTO", err=True)
    else:
        flat = [
            {"burst_id": row["burst_id"], "teaches": row["teaches"], "path": path}
            for row in rows
            for path in row["paths"]
        ]
        render(flat, output_format, null=null, columns=("burst_id", "teaches", "path"))


def _told(learnt: Learnt | None) -> dict[str, Any] | None:
    if learnt is None:
        return None
    counts = {"bursts": learnt.bursts, "hits": learnt.hits, "default_hits": learnt.default_hits}
    return {**counts, "is_on": learnt.is_on}
