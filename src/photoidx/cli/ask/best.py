"""`photoidx best` and `photoidx why`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from photoidx.cli.ask.bursts import hint_if_missed, hint_if_outdated, within_option
from photoidx.cli.terminal.output import (
    as_of_option,
    harmless,
    library_option,
    output_options,
    plain,
    render,
    render_facts,
)

_COLUMNS = ("decided_by", "close_call", "rank", "keep", "path", "reason")
_NEXT_BEST = 2  # of a cluster, which may have thousands


@click.command()
@click.option("--burst", "of_bursts", is_flag=True, help="The best photo of each burst.")
@click.option("--cluster", "of_clusters", is_flag=True, help="The best photo of each cluster (`photoidx clusters`).")
@click.option("--keep", default=1, show_default=True, type=click.IntRange(1), help="How many of each.")
@within_option
@library_option
@as_of_option
@output_options
def best(  # noqa: PLR0917 - click passes each option by name
    of_bursts: bool,
    of_clusters: bool,
    keep: int,
    within_s: float | None,
    library: str | None,
    as_of: datetime | None,
    output_format: str,
    null: bool,
) -> None:
    """Pick the best photo of each burst, or of each cluster, and say why.

    Eyes come first, then sharpness of the subject, then a score of all measures; photos are compared with those of
    their burst alone. Each frame is marked whether it is kept: the first of its burst, or so many as --keep says, and
    two where it is too close to call. With --format paths only those are printed. Nothing is deleted, and
    `photoidx decide best PHOTO` overrules a pick. With --within the bursts are worked out for this answer alone.

    The photos of a cluster are of different scenes: there a photo with closed eyes loses, then the technical score
    counts. Of a burst only its pick can win.
    """
    from photoidx.library import Library

    if of_bursts == of_clusters:
        raise click.UsageError("Choose one: photoidx best --burst, or photoidx best --cluster")
    if of_clusters and within_s is not None:
        raise click.UsageError("--within is about bursts: photoidx best --burst --within ...")
    ours = Library(library, as_of=as_of)
    hint_if_outdated(ours)
    if of_bursts:
        found, what = ours.best_of_bursts(keep, within_s), "burst"
    else:
        found, what = ours.best_of_clusters(keep, lambda text: click.echo(harmless(text), err=True)), "cluster"
    if output_format == "json":
        click.echo(json.dumps(plain(found)))
    elif output_format == "jsonl":
        click.echo("".join(json.dumps(plain(each)) + "\n" for each in found), nl=False)
    elif output_format == "table":
        for each in found:
            _print(each, what)
    elif output_format == "paths":
        kept = [{"path": frame["path"]} for each in found for frame in each["frames"] if frame["keep"]]
        render(kept, "paths", null=null)
    else:
        rows = [
            {
                f"{what}_id": each[f"{what}_id"],
                "decided_by": each["decided_by"],
                "close_call": each["close_call"],
                **_flat(frame),
            }
            for each in found
            for frame in each["frames"]
        ]
        render(rows, output_format, columns=(f"{what}_id", *_COLUMNS))
    _tell_missing([frame["path"] for each in found for frame in each["frames"] if frame["keep"]])
    close = sum(each["close_call"] for each in found)
    words = f"{len(found):,} {what}s" if len(found) != 1 else f"1 {what}"
    click.echo(f"{words}, {close} too close to call." if found else f"There are no {what}s.", err=True)
    if of_bursts and not found and within_s is None:
        hint_if_missed(ours, any_groups=bool(ours.bursts()))


def _tell_missing(kept: Sequence[str]) -> None:
    """Say which picks are not there now: nobody may throw the others away for them. Costs one stat a pick."""
    from photoidx.records import text_path

    missing = [path for path in kept if not os.path.exists(text_path(path))]
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        words = f"photoidx: no longer where the last scan saw them: {missing[0]}{more}. Mount the drive, or scan again."
        click.echo(harmless(words), err=True)


def _flat(frame: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: frame[name] for name in ("rank", "keep", "path", "reason")}, **frame["scores"]}


def _print(each: Mapping[str, Any], what: str) -> None:
    named = f" ({each['label']})" if what == "cluster" else ""
    click.echo(harmless(f"{each[f'{what}_id']}{named}, {len(each['frames'])} shots"))
    kept = sum(frame["keep"] for frame in each["frames"])
    shown = each["frames"] if what == "burst" else each["frames"][: kept + _NEXT_BEST]
    for frame in shown:
        mark = "*" if frame["keep"] else " "
        word = "picked: " if frame["rank"] == 1 else ""
        click.echo(harmless(f"  {mark} {frame['path']}  {word}{frame['reason']}"))
    if len(shown) < len(each["frames"]):
        click.echo(f"    and {len(each['frames']) - len(shown):,} more")
    if len(each.get("everyone_open", ())) > 1:
        click.echo(harmless(f"    everyone's eyes are open at least once in: {', '.join(each['everyone_open'])}"))


@click.command()
@click.argument("first", metavar="A", type=click.Path())
@click.argument("second", metavar="B", type=click.Path())
@library_option
@output_options
def why(first: str, second: str, library: str | None, output_format: str, null: bool) -> None:
    """Say what decided between two photos of a burst, and what would have to change for the other to win."""
    from photoidx.library import Library

    found = Library(library).why(first, second)
    if output_format in ("json", "jsonl"):
        click.echo(json.dumps(plain(found)))
    elif output_format == "table":
        facts = {
            "better": found["winner"],
            "than": found["other"],
            "decided by": found["rule"],
            "because": "; ".join(each["words"] for each in found["differences"]) or "nothing tells them apart",
            "for the other to win": found["for_the_other_to_win"],
        }
        render_facts({found["burst_id"]: facts})
    else:
        rows = [
            {"path": found["winner"], "score": found["score"]["winner"]},
            {"path": found["other"], "score": found["score"]["other"]},
        ]
        render(rows, output_format, null=null)
