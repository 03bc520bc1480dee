"""`photoidx train aesthetic`."""

from __future__ import annotations

from pathlib import Path

import click

from photoidx.cli.terminal.output import harmless
from photoidx.cli.terminal.progress import step_progress
from photoidx.cli.train.series import print_figures

_WORDS = {
    "spearman": "Spearman's correlation with people's mean ratings",
    "spearman_low": "95 % interval by scene: from",
    "spearman_high": "to",
    "pearson": "Pearson's",
    "emd": "earth mover's distance of the shares of the ratings",
    "emd_constant": "of the usual shares",
    "error": "mean error of the mean rating",
    "error_constant": "of the usual rating",
}


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--layout", type=click.Choice(["ava", "csv", "laion"]), required=True, help="What DATA is.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The directory of the scorer.")
@click.option("--name", default="aesthetic", show_default=True, help="What it is called in tables.")
@click.option("--embedder", default="efficientnet_lite0", show_default=True, help="Whose vectors it reads.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same scorer.")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
def aesthetic(  # noqa: PLR0917 - click passes each option by name
    data: Path, layout: str, out: Path, name: str, embedder: str, seed: int, output_format: str
) -> None:
    """Train a scorer of aesthetic quality on people's ratings.

    DATA is AVA's folder, or a CSV file with the columns path and score (1 to 10). With `laion` it is a file of LAION's
    linear head, which is taken over as it is: name its embedder, as openclip:ViT-L-14/openai.
    """
    from photoidx.training.aesthetic import read_ratings, take_over, train

    if layout == "laion":
        take_over(data, out, name, embedder)
    else:
        with step_progress() as tell:
            photos = read_ratings(data, layout)
            found = train(photos, out, name, about=layout, embedder_name=embedder, seed=seed, tell=tell)
        print_figures(found, _WORDS, output_format)
    click.echo(
        f"The scorer is {harmless(str(out))}. Use it with: photoidx scan --scorer {harmless(str(out))} PHOTOS", err=True
    )
