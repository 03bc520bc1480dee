"""`photoidx decide`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from photoidx.cli.terminal.output import harmless, library_option, output_options, render

if TYPE_CHECKING:
    from photoidx.library import Library

_VERBS = ("best", "together", "apart", "same", "different", "keep-all", "keep", "reject", "list")


@click.command()
@click.argument("verb", type=click.Choice(_VERBS), required=False)
@click.argument("photos", nargs=-1, type=click.Path())
@click.option("--undo", is_flag=True, help="Take back the last decision that holds.")
@library_option
@output_options
def decide(  # noqa: PLR0917 - click passes each option by name
    verb: str | None, photos: tuple[str, ...], undo: bool, library: str | None, output_format: str, null: bool
) -> None:
    """Record what you decide about photos. It survives every scan, and wins over the machine.

    best: the photo is the best of its burst. together: the photos are of one burst. apart: none of them is of one burst
    with another; a burst is cut at the longest pause between them. Of two decisions about a pair, the newer one holds.
    same, different: the photos are, or are not, the same picture. keep-all: they may be, and you want all of them.
    keep, reject: what you will do with them; nothing is moved or deleted. list: the decisions that hold.
    """
    from photoidx.library import Library

    ours = Library(library)
    if undo:
        if verb or photos:
            raise click.UsageError("--undo takes back the last decision; name nothing else.")
        choice = ours.undo()
        click.echo(harmless(f"Taken back: {choice.verb}, {len(choice.shot_ids)} shots."), err=True)
    elif verb == "list":
        render(ours.decisions(), output_format, null=null, columns=("decision_id", "verb", "path"))
    elif verb is None or not photos:
        raise click.UsageError("Say what and of which photos: photoidx decide best PHOTO")
    elif verb == "best" and len(photos) > 1:
        raise click.UsageError("One photo is the best of its burst: give one.")
    else:
        choice = ours.decide(verb, *photos)
        click.echo(f"Recorded: {choice.verb}, {len(choice.shot_ids)} shots. Take it back with --undo.", err=True)
        if verb == "best":
            _hint_if_not_chosen_from(ours, choice.shot_ids[0])


def _hint_if_not_chosen_from(library: Library, shot_id: str) -> None:
    """Say so where the best that was named is in no group of which a best is picked."""
    kinds = (each["kind"] for each in library.bursts() for frame in each["frames"] if shot_id in frame["shots"])
    kind = next(kinds, None)
    if kind is None:
        words = "it is in no burst yet. If it belongs to one: photoidx decide together PHOTO..."
    elif kind != "burst":
        words = f"it is in a group of the kind {kind}, of which no best photo is picked."
    else:
        return
    click.echo(f"photoidx: {words}", err=True)
