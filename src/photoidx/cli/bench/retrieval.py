"""`photoidx bench retrieval`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.bench.bursts import print_tables
from photoidx.cli.terminal.output import harmless, output_options, plain, render
from photoidx.cli.terminal.progress import step_progress
from photoidx.errors import SOME_FAILED

if TYPE_CHECKING:
    from photoidx.evaluation.retrieval.bench import RetrievalReport

_LAYOUTS = ("ukbench", "holidays", "folders", "csv")
_METHODS = ("efficientnet_lite0", "sift", "emd")
_NUMBER = click.IntRange(min=0)
_FINDING = ("map_10", "low", "high", "map", "map_trapezoid", "nearest", "recall_10", "ns_of_4", "ns_of_3")
_GROUPING = ("pair_f1", "bcubed_f1", "ari", "fisher", "published_map_10")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@output_options
@click.option(
    "--layout", type=click.Choice(_LAYOUTS), default="folders", show_default=True, help="How DIR tells the groups."
)
@click.option("--protocol", type=click.Choice(("official", "all")), default="official", help="Of holidays: who asks.")
@click.option(
    "--methods",
    multiple=True,
    metavar="NAME,...",
    help=f"sift, emd, and embedders as photoidx models lists them; {','.join(_METHODS)} by default.",
)
@click.option("--random-weights", is_flag=True, help="Run embedders whose weights are not here with random ones.")
@click.option("--quick", is_flag=True, help="Draw 300 photos and make fewer visual words: a first impression.")
@click.option(
    "--limit", type=_NUMBER, default=0, metavar="N", help="Draw N photos at most, whole groups where they are small."
)
@click.option("--seed", type=_NUMBER, default=0, show_default=True, help="For draws, equal similarities and intervals.")
@click.option("--html", metavar="OUT.html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page, too.")
@click.option("--library", metavar="URI", help="Keep features here; by default in the benchmark's own cache.")
def retrieval(  # noqa: PLR0917 - click passes each option by name
    folder: Path,
    output_format: str,
    null: bool,
    layout: str,
    protocol: str,
    methods: tuple[str, ...],
    random_weights: bool,
    quick: bool,
    limit: int,
    seed: int,
    html: Path | None,
    library: str | None,
) -> None:
    """Measure which method finds your photos best: each photo of a group asks for the others.

    In the layout folders the folders in DIR are the groups; csv is a table of path and label. What is missing or
    inconsistent in DIR is told first. Printed are mAP@10 with a 95 % interval, mAP, recall, and how well the groups are
    found again when their number is told; beside them chance, and for ukbench and holidays what others published. A
    method with random weights shows that it runs, and nothing more. See docs/evaluation.md.

    Photos are only read. What a method read is kept, so that a second run is quick. Exit status 3 means that some
    photos could not be read; they are left out for all methods.
    """
    from photoidx.config import Config
    from photoidx.evaluation.datasets.labelled import read

    if output_format == "paths":
        raise click.UsageError("there are no paths to print: choose table, json, jsonl or csv")
    if html is not None:
        from photoidx.evaluation.retrieval.page import check_place

        check_place(html)
    names = dict.fromkeys(name.strip() for given in methods or _METHODS for name in given.split(",") if name.strip())
    if not names:
        raise click.UsageError("name a method: --methods sift,emd, or an embedder")
    labelled = read(layout, folder, protocol).checked()
    from photoidx.evaluation.retrieval import bench as ours
    from photoidx.evaluation.retrieval.methods import method
    from photoidx.storage.store import Store

    labelled = ours.drawn(labelled, limit or (ours.QUICK_PHOTOS if quick else 0), seed)
    chosen = [method(name, Config(), random_weights=random_weights, quick=quick) for name in names]
    store = Store(library or _own_library(), create=True)
    with store.writing(), step_progress() as progress:
        report = ours.bench(labelled, chosen, store, seed, progress)
    for note in report.notes:
        click.echo(f"photoidx: {harmless(note)}", err=True)
    for path, why in sorted(report.unread.items()):
        click.echo(f"photoidx: left out {harmless(path)}: {harmless(why)}", err=True)
    groups = len(set(report.groups.tolist()))
    click.echo(f"{len(report.photos):,} photos in {groups:,} groups; see docs/evaluation.md.", err=True)
    if output_format == "json":
        click.echo(json.dumps({**_whole(report), "seed": seed}, indent=1))
    elif output_format == "table":
        _print_tables(report)
    else:
        render(report.rows, output_format, null=null)
    if html is not None:  # last: the figures are told even where no page can be written
        from photoidx.evaluation.retrieval.page import write_page

        write_page(report, html)
        click.echo(f"Written: {harmless(str(html))}", err=True)
    sys.exit(SOME_FAILED if report.unread else 0)


def _own_library() -> str:
    from platformdirs import user_cache_path

    return str(user_cache_path("photoidx") / "features")


def _print_tables(report: RetrievalReport) -> None:
    """Print what a terminal has room for: finding, groups found again, agreement."""
    parts = {"finding": ("method", "weights", *_FINDING), "groups and others' figures": ("method", *_GROUPING)}
    tables = {
        heading: [{name: row[name] for name in names if name in row} for row in report.rows]
        for heading, names in parts.items()
    }
    print_tables({**tables, **({"agreement": report.agreement} if report.agreement else {})})


def _whole(report: RetrievalReport) -> dict[str, Any]:
    return {
        "layout": report.layout,
        "folder": report.folder,
        "protocol": report.protocol,
        "photos": len(report.photos),
        "groups": len(set(report.groups.tolist())),
        "notes": list(report.notes),
        "unread": report.unread,
        "methods": [plain(row) for row in report.rows],
        "agreement": [plain(row) for row in report.agreement],
    }
