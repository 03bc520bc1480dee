"""`photoidx bursts`."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.terminal.output import as_of_option, harmless, library_option, output_options, plain, render

if TYPE_CHECKING:
    from photoidx.library import Library

_LONGEST_S = 3600.0
_WITHIN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m)?", re.IGNORECASE)
_KINDS = ("burst", "bracket", "panorama", "timelapse", "focus_stack")


class _Seconds(click.ParamType[float]):
    """A time as people write it: 10, 10s, 1.5s, 2min."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = _WITHIN.fullmatch(str(value).strip())
        seconds = float(found[1]) * (1 if (found[2] or "s").lower() == "s" else 60) if found else 0.0
        if not 0 < seconds <= _LONGEST_S:
            self.fail(f"{value!r} is no time: write seconds, as 8s, up to {_LONGEST_S / 60:.0f}min", param, ctx)
        return seconds


within_option = click.option(
    "--within",
    "within_s",
    type=_Seconds(),
    help="How long after each other frames of a burst may be taken, instead of 3 s, or 5 s where they clearly overlap; "
    "for this answer alone.",
)


@click.command()
@library_option
@as_of_option
@output_options
@within_option
@click.option("--explain", is_flag=True, help="Tell of each frame what ties it to an earlier one.")
@click.option("--kind", type=click.Choice(_KINDS), help="Only groups of this kind.")
@click.option("--regroup", is_flag=True, help="First group all shots anew. Ids and decisions stay.")
def bursts(  # noqa: PLR0917 - click passes each option by name
    library: str | None,
    as_of: datetime | None,
    output_format: str,
    null: bool,
    within_s: float | None,
    explain: bool,
    kind: str | None,
    regroup: bool,
) -> None:
    """List the groups of shots: bursts, exposure brackets, panoramas, time-lapses, focus stacks.

    A scan groups what it found new, in its neighbourhood in time. Shots are grouped by the maker's burst id or sequence
    number, or because they follow each other within seconds by one camera and look alike.

    With --within 10s the groups are worked out for this answer, with frames that far apart. Your decisions hold in it,
    too; what the library holds, and so other answers, stays as it is.
    """
    from photoidx.library import Library

    ours = Library(library, as_of=as_of)
    if regroup:
        ours.regroup()
    hint_if_outdated(ours)
    groups = ours.bursts(within_s)
    found = [each for each in groups if kind in (None, each["kind"])]
    if within_s is None:
        hint_if_missed(ours, any_groups=bool(groups))
    if output_format == "json":
        click.echo(json.dumps(plain(found)))
        return
    if output_format == "jsonl":
        click.echo("".join(json.dumps(plain(each)) + "\n" for each in found), nl=False)
        return
    if output_format == "table" and not explain:
        rows = [
            {
                "burst": each["burst_id"],
                "kind": each["kind"],
                "shots": len(each["frames"]),
                "taken": str(each["frames"][0]["taken_at"] or "")[:19],
                "first": each["frames"][0]["path"],
            }
            for each in found
        ]
        render(rows, "table", columns=("burst", "kind", "shots", "taken", "first"))
    else:
        rows = [
            {"burst_id": each["burst_id"], "kind": each["kind"], **_told(frame, explain)}
            for each in found
            for frame in each["frames"]
        ]
        render(rows, output_format, null=null, columns=("burst_id", "kind", "path", "taken_at"))
    again = "" if within_s is None else f" --within {within_s:g}s"
    click.echo(harmless(f"{len(found):,} groups. Their best frames: photoidx best --burst{again}"), err=True)


def _told(frame: dict[str, object], explain: bool) -> dict[str, object]:
    row = {"path": frame["path"], "taken_at": frame["taken_at"]}
    return {**row, "tied_by": frame["rule"], "gap_s": frame["gap_s"], "cosine": frame["cosine"]} if explain else row


def hint_if_missed(library: Library, *, any_groups: bool) -> None:
    """Say where photos just missed being a burst, and how near any were where there is none."""
    from photoidx.queries.bursts.near_misses import hint

    if words := hint(library.near_misses(), any_groups=any_groups):
        click.echo(f"photoidx: {words}", err=True)


def hint_if_outdated(library: Library) -> None:
    """Say what to do where another version grouped the shots, or a scan was cut off before it did."""
    if library.as_of is None and not library.is_grouped():
        click.echo(
            "photoidx: the shots are not grouped by this version's rules, or not all of them. Do so with "
            "`photoidx bursts --regroup`, or scan again.",
            err=True,
        )
