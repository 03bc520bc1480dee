"""`photoidx bursts`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import click

from photoidx.cli.output import as_of_option, harmless, library_option, output_options, plain, render

if TYPE_CHECKING:
    from photoidx.library import Library

_KINDS = ("burst", "bracket", "panorama", "timelapse", "focus_stack")


@click.command()
@library_option
@as_of_option
@output_options
@click.option("--explain", is_flag=True, help="Tell of each frame what ties it to an earlier one.")
@click.option("--kind", type=click.Choice(_KINDS), help="Only groups of this kind.")
@click.option("--regroup", is_flag=True, help="First group all shots anew. Ids and decisions stay.")
def bursts(  # noqa: PLR0917 - click passes each option by name
    library: str | None,
    as_of: datetime | None,
    output_format: str,
    null: bool,
    explain: bool,
    kind: str | None,
    regroup: bool,
) -> None:
    """List the groups of shots: bursts, exposure brackets, panoramas, time-lapses, focus stacks.

    A scan groups what it found new, in its neighbourhood in time. Shots are grouped by the maker's burst id or sequence
    number, or because they follow each other within seconds by one camera and look alike.
    """
    from photoidx.library import Library  # noqa: PLC0415

    ours = Library(library, as_of=as_of)
    if regroup:
        ours.regroup()
    hint_if_outdated(ours)
    found = [each for each in ours.bursts() if kind in (None, each["kind"])]
    if output_format in ("json", "jsonl"):
        lines = [json.dumps(plain(each)) for each in found]
        click.echo("\n".join(lines) if output_format == "jsonl" else f"[{', '.join(lines)}]")
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
    click.echo(harmless(f"{len(found):,} groups. Their best frames: photoidx best --burst"), err=True)


def _told(frame: dict[str, object], explain: bool) -> dict[str, object]:
    row = {"path": frame["path"], "taken_at": frame["taken_at"]}
    return {**row, "tied_by": frame["rule"], "gap_s": frame["gap_s"], "cosine": frame["cosine"]} if explain else row


def hint_if_outdated(library: Library) -> None:
    """Say what to do where another version grouped the shots, or a scan was cut off before it did."""
    if library.as_of is None and not library.is_grouped():
        click.echo(
            "photoidx: the shots are not grouped by this version's rules, or not all of them. Do so with "
            "`photoidx bursts --regroup`, or scan again.",
            err=True,
        )
