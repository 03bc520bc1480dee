"""`photoidx clusters`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.terminal.output import as_of_option, harmless, library_option, output_options, plain, render

if TYPE_CHECKING:
    from photoidx.queries.clusters.clustering import Parameters

_METHODS, _REDUCTIONS = ("hdbscan", "kmeans", "dbscan"), ("umap", "pca", "none")
_COLUMNS = ("cluster_id", "label", "path", "probability", "is_representative", "is_best")


@click.command()
@click.option("--method", type=click.Choice(_METHODS), help="hdbscan, the default, finds how many there are.")
@click.option("--min-size", type=click.IntRange(2), metavar="N", help="The fewest photos of a cluster; 10 by default.")
@click.option(
    "--k", type=click.IntRange(1), metavar="N", help="How many clusters, for kmeans; by default it finds out."
)
@click.option("--reduce", type=click.Choice(_REDUCTIONS), help="How vectors are made shorter first; umap by default.")
@click.option("--recompute", is_flag=True, help="Cluster everything anew, also if nothing changed. Ids stay.")
@click.option("--noise", is_flag=True, help="Print the photos that belong to none, too.")
@library_option
@as_of_option
@output_options
def clusters(  # noqa: PLR0917 - click passes each option by name
    method: str | None,
    min_size: int | None,
    k: int | None,
    reduce: str | None,
    recompute: bool,
    noise: bool,
    library: str | None,
    as_of: datetime | None,
    output_format: str,
    null: bool,
) -> None:
    """Put photos that look alike into clusters, name them, and show which photo stands for each and which is best.

    The answer is kept and brought up to date when photos were added: few of them join the clusters that there are, and
    clusters keep their ids. Without --method, --min-size, --k or --reduce those of the last time hold. Photos that are
    like no others are noise and in no cluster. With --format paths the one is printed that stands for each cluster.
    """
    from photoidx.library import Library

    found = Library(library, as_of=as_of).clusters(
        _parameters(method=method, min_size=min_size, k=k, reduce=reduce),
        recompute=recompute,
        with_noise=True,
        warn=lambda text: click.echo(harmless(text), err=True),
    )
    lone = sum(each["size"] for each in found if each["cluster_id"] is None)
    shown = [each for each in found if noise or each["cluster_id"] is not None]
    if output_format == "json":
        click.echo(json.dumps(plain(shown)))
    elif output_format == "jsonl":
        click.echo("".join(json.dumps(plain(each)) + "\n" for each in shown), nl=False)
    elif output_format == "table":
        columns = ("cluster_id", "size", "label", "representative")
        render([{name: each[name] for name in columns} for each in shown], "table", columns=columns)
    elif output_format == "paths":
        lone_paths = [{"path": file["path"]} for each in shown if each["cluster_id"] is None for file in each["files"]]
        stand = [{"path": each["representative"]} for each in shown if each["cluster_id"] is not None]
        render(stand + lone_paths, "paths", null=null)
    else:
        render([row for each in shown for row in _rows(each)], output_format, columns=_COLUMNS)
    count = len(found) - bool(lone)
    said = f"{count:,} clusters" if count != 1 else "1 cluster"
    belong = "photo belongs" if lone == 1 else "photos belong"
    click.echo(f"{said}; {lone:,} {belong} to none.", err=True)


def _parameters(**given: Any) -> Parameters | None:
    """Return what was asked for, with the defaults for the rest; None if nothing was."""
    from photoidx.errors import QueryError
    from photoidx.queries.clusters.clustering import Parameters

    asked = {name: value for name, value in given.items() if value is not None}
    if not asked:
        return None
    if "k" in asked and asked.setdefault("method", "kmeans") != "kmeans":
        raise QueryError("--k is for --method kmeans: the others find how many clusters there are.")
    return Parameters(**asked)


def _rows(each: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "cluster_id": each["cluster_id"],
            "label": each["label"],
            **file,
            "is_representative": file["path"] == each["representative"],
            "is_best": file["path"] == each["best"],
        }
        for file in each["files"]
    ]
