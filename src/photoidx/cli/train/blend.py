"""`photoidx train blend`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from photoidx.cli.terminal.output import harmless, library_option
from photoidx.cli.train.series import print_figures


@click.command()
@click.argument("data", required=False, type=click.Path(file_okay=False, exists=True, path_type=Path))
@library_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The directory of the scorer.")
@click.option("--name", default="blend", show_default=True, help="What it is called in reasons.")
@click.option("--scorer", multiple=True, metavar="DIR", help="A trained scorer to weigh, too (for DATA).")
@click.option("--split", metavar="NAME", help="The list of DATA to learn from: one that no scorer has learnt from.")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
def blend(  # noqa: PLR0917 - click passes each option by name
    data: Path | None,
    library: str | None,
    out: Path,
    name: str,
    scorer: tuple[str, ...],
    split: str | None,
    output_format: str,
) -> None:
    """Fit how much each score counts for the best photo of a series.

    DATA is PhotoTriage. Without it, what you decided in the library is learnt from: photoidx decide best PHOTO.
    """
    from photoidx.config import Config
    from photoidx.library import Library
    from photoidx.training.blend import choices_of_library, choices_of_triage, train

    if data is None:
        if scorer or split:
            raise click.UsageError("--scorer and --split are for DATA; a library's own scorers are weighed anyway")
        choices, about = choices_of_library(Library(library)), "the user's decisions"
    else:
        config = Config(scorers=tuple(os.path.abspath(each) for each in scorer))
        (choices, left_out), about = choices_of_triage(data, config, split), "PhotoTriage"
        if left_out:
            click.echo(f"photoidx: {left_out:,} pairs were left out: a photo of theirs could not be scored", err=True)
    found = train(choices, out, name, about)
    single = found.pop("single") if output_format == "table" else {}
    words = {
        "accuracy": "pairs that come out right, unseen",
        "accuracy_low": "95 % interval by series: from",
        "accuracy_high": "to",
        "chance": "by lot",
    }
    print_figures(found, words, output_format)
    for column, value in sorted(single.items(), key=lambda each: -each[1]):
        click.echo(f"{value:>8.3f}  {column} alone")
    click.echo(
        f"The scorer is {harmless(str(out))}. Use it with: photoidx scan --scorer {harmless(str(out))} PHOTOS", err=True
    )
