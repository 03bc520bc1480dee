"""`photoidx best` and `photoidx why`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from photoidx.cli.output import harmless, library_option, output_options, plain, render, render_facts


@click.command()
@click.option("--burst", "of_bursts", is_flag=True, help="The best photo of each burst.")
@click.option("--keep", default=1, show_default=True, type=click.IntRange(1), help="How many of each burst.")
@library_option
@output_options
def best(of_bursts: bool, keep: int, library: str | None, output_format: str, null: bool) -> None:
    """Pick the best photo of each burst, and say why.

    Eyes come first, then sharpness of the subject, then a score of all measures; photos are compared with those of
    their burst alone. Where it is too close to call, the first two are named. Nothing is deleted. With --format paths
    only the picks are printed; `photoidx decide best PHOTO` overrules a pick.
    """
    from photoidx.library import Library  # noqa: PLC0415

    if not of_bursts:
        raise click.UsageError("Say of what: photoidx best --burst")
    found = Library(library).best_of_bursts()
    if output_format == "json":
        click.echo(json.dumps(plain(found)))
    elif output_format == "jsonl":
        click.echo("".join(json.dumps(plain(each)) + "\n" for each in found), nl=False)
    elif output_format == "table":
        for each in found:
            _print(each, keep)
    elif output_format == "paths":
        render([{"path": frame["path"]} for each in found for frame in _kept(each, keep)], "paths", null=null)
    else:
        rows = [
            {
                "burst_id": each["burst_id"],
                "decided_by": each["decided_by"],
                "close_call": each["close_call"],
                **_flat(frame),
            }
            for each in found
            for frame in each["frames"]
        ]
        render(rows, output_format, columns=("burst_id", "decided_by", "close_call", "rank", "path", "reason"))
    close = sum(each["close_call"] for each in found)
    words = f"{len(found):,} bursts" if len(found) != 1 else "1 burst"
    click.echo(f"{words}, {close} too close to call." if found else "There are no bursts.", err=True)


def _kept(each: Mapping[str, Any], keep: int) -> Sequence[Mapping[str, Any]]:
    frames: Sequence[Mapping[str, Any]] = each["frames"]
    return frames[: max(keep, 2 if each["close_call"] else 1)]


def _flat(frame: Mapping[str, Any]) -> dict[str, Any]:
    return {"rank": frame["rank"], "path": frame["path"], "reason": frame["reason"], **frame["scores"]}


def _print(each: Mapping[str, Any], keep: int) -> None:
    kept = len(_kept(each, keep))
    click.echo(harmless(f"{each['burst_id']}, {len(each['frames'])} shots"))
    for frame in each["frames"]:
        mark = "*" if frame["rank"] <= kept else " "
        word = "picked: " if frame["rank"] == 1 else ""
        click.echo(harmless(f"  {mark} {frame['path']}  {word}{frame['reason']}"))
    if len(each["everyone_open"]) > 1:
        click.echo(harmless(f"    everyone's eyes are open at least once in: {', '.join(each['everyone_open'])}"))


@click.command()
@click.argument("first", metavar="A", type=click.Path())
@click.argument("second", metavar="B", type=click.Path())
@library_option
@output_options
def why(first: str, second: str, library: str | None, output_format: str, null: bool) -> None:
    """Say what decided between two photos of a burst, and what would have to change for the other to win."""
    from photoidx.library import Library  # noqa: PLC0415

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
