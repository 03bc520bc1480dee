"""`photoidx train series`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from photoidx.cli.terminal.output import harmless
from photoidx.cli.terminal.progress import step_progress

_WORDS = {
    "accuracy": "pairs that come out right",
    "accuracy_low": "95 % interval by scene: from",
    "accuracy_high": "to",
    "accuracy_clear": "of those on which 70 % of people agree",
    "accuracy_before": "before it learnt",
    "majority": "the better constant answer",
    "chance": "by lot",
    "log_loss": "log-loss",
    "log_loss_chance": "log-loss by lot",
    "log_loss_floor": "the least log-loss: the entropy of people's answers",
    "top_1": "series whose best photo is first",
    "top_1_chance": "by lot",
}

_COUNT = click.IntRange(min=1)


@click.command()
@click.argument("data", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option("--layout", type=click.Choice(["phototriage", "degradations"]), required=True, help="What DATA is.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The directory of the scorer.")
@click.option("--name", default="series", show_default=True, help="What it is called in tables.")
@click.option("--backbone", default="efficientnet_lite0", show_default=True, help="Or timm:NAME, as timm:resnet50.")
@click.option("--random-weights", is_flag=True, help="Leave the backbone as it is before it has learnt anything.")
@click.option("--train-backbone", is_flag=True, help="Let the backbone learn, too. It takes a GPU, or few photos.")
@click.option(
    "--with",
    "beside",
    type=click.Choice(["measures", "vector"]),
    multiple=True,
    help="Look at hand-made measures, too, or at the vector of an embedder. May be repeated.",
)
@click.option("--embedder", default="efficientnet_lite0", show_default=True, help="Whose vector (--with vector).")
@click.option("--start", type=click.Path(file_okay=False, path_type=Path), help="A ranker to begin with.")
@click.option("--epochs", type=_COUNT, default=8, show_default=True, help="How often all pairs are learnt from.")
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="How many pairs are learnt from at a time.",
)
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same ranker.")
@click.option("--photos", default=0, help="Take so many photos at most (degradations).")
@click.option("--test", default="val", show_default=True, help="The list to test on (phototriage).")
@click.option("--device", default="auto", show_default=True, help="Where it learns: auto, cpu, cuda, mps.")
@click.option("--shuffled", is_flag=True, help="Draw by lot which is better: what is learnt must be worth nothing.")
@click.option("--resume", is_flag=True, help="Go on where a training was cut off.")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
def series(  # noqa: PLR0917 - click passes each option by name
    data: Path,
    layout: str,
    out: Path,
    name: str,
    backbone: str,
    random_weights: bool,
    train_backbone: bool,
    beside: tuple[str, ...],
    embedder: str,
    start: Path | None,
    epochs: int,
    batch: int,
    seed: int,
    photos: int,
    test: str,
    device: str,
    shuffled: bool,
    resume: bool,
    output_format: str,
) -> None:
    """Train a ranker of the photos of a series.

    DATA is PhotoTriage, or for `degradations` any folder of photos: the ranker learns to put each above worse versions
    of itself, and is tested on photos and kinds of damage that it has not seen. Begin with the second, and go on with
    the first by --start.
    """
    from photoidx.config import Config
    from photoidx.errors import PhotoidxError
    from photoidx.training.series import Settings, train
    from photoidx.training.series_data import degraded_data, triage_data

    if shuffled and layout != "degradations":
        raise PhotoidxError("--shuffled is for --layout degradations.")
    read = degraded_data(data, photos, seed, shuffled=shuffled) if layout == "degradations" else triage_data(data, test)
    settings = Settings(
        backbone=backbone,
        pretrained=not random_weights,
        beside=beside,
        embedder=embedder,
        whole=train_backbone,
        epochs=epochs,
        batch=batch,
        seed=seed,
    )
    with step_progress() as tell:
        found = train(read, out, name, settings, start=start, resume=resume, config=Config(device=device), tell=tell)
    print_figures(found, _WORDS, output_format)
    click.echo(
        f"The scorer is {harmless(str(out))}. Use it with: photoidx scan --scorer {harmless(str(out))} PHOTOS", err=True
    )


def print_figures(figures: dict[str, Any], words: dict[str, str], output_format: str) -> None:
    """Print what a scorer is worth."""
    if output_format == "json":
        click.echo(json.dumps(figures))
        return
    for name, said in words.items():
        if figures.get(name) is not None:
            click.echo(f"{figures[name]:>8.3f}  {said}")
    for kind, value in figures.get("by_kind", {}).items():
        click.echo(f"{value:>8.3f}  {kind}")
