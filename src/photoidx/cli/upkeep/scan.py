"""`photoidx scan`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, NoReturn

import click

from photoidx.cli.terminal.ending import Stop, stoppable
from photoidx.cli.terminal.output import harmless, library_option, output_options, render
from photoidx.cli.terminal.progress import shown_progress
from photoidx.cli.upkeep.scan_options import config_options
from photoidx.errors import SOME_FAILED

if TYPE_CHECKING:
    from photoidx.config import Config
    from photoidx.indexer.scan.plan import Plan
    from photoidx.indexer.scan.run import ScanResult


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(file_okay=False))
@library_option
@output_options
@click.option("--dry-run", "-n", is_flag=True, help="Print each file's verdict and its reason; change nothing.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option(
    "--allow-empty", is_flag=True, help="Forget the photos of a folder that is suddenly empty; by default they stay."
)
@config_options
def scan(  # noqa: PLR0917 - click passes each option by name
    paths: tuple[str, ...],
    library: str | None,
    output_format: str,
    null: bool,
    dry_run: bool,
    retry_failed: bool,
    allow_empty: bool,
    config: Config,
) -> None:
    """Bring the library up to date with these folders.

    Only what is new or changed is read; Ctrl-C stops at once, and the next scan goes on from there. Exit status 3 means
    that some photos could not be processed: `photoidx failures` lists them.
    """
    from photoidx.library import Library

    ours = Library(library, config)
    if dry_run:
        _print_plan(ours.plan(*paths, allow_empty=allow_empty), output_format, null=null)
        return
    with stoppable() as stop:
        with shown_progress() as progress:
            result = ours.scan(
                *paths, retry_failed=retry_failed, allow_empty=allow_empty, on_progress=progress, stop=stop
            )
        print_result(result, output_format)
    end(result, stop)


def end(result: ScanResult, stop: Stop) -> NoReturn:
    """End the command with the status that a scan's result has."""
    # A model that is still being loaded by a thread must not keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    if result.interrupted:
        os._exit(stop.exit_code)
    sys.exit(SOME_FAILED if result.failed else 0)


def _print_plan(plan: Plan, output_format: str, *, null: bool) -> None:
    from photoidx.records import path_text

    for warning in plan.warnings:
        click.echo(f"photoidx: {harmless(warning)}", err=True)
    rows = [
        {"verdict": decision.verdict.value, "path": path_text(decision.path), "reason": decision.reason}
        for decision in plan.decisions
    ]
    render(rows, output_format, null=null, columns=("verdict", "path", "reason"))
    click.echo(f"{len(plan.unchanged)} unchanged. Nothing was written.", err=True)


def print_result(result: ScanResult, output_format: str) -> None:
    """Say what a scan did, in words and where it is asked for in JSON."""
    for warning in result.warnings:
        click.echo(f"photoidx: {harmless(warning)}", err=True)
    counts = asdict(result)
    if output_format in ("json", "jsonl"):
        click.echo(json.dumps(counts))
    parts = [f"{counts[name]:,} {name}" for name in ("new", "changed", "moved", "gone", "unsettled") if counts[name]]
    words = ", ".join(parts) or ("nothing taken yet" if result.interrupted else "nothing to do")
    tail = f"{result.failed:,} failed (see: photoidx failures)" if result.failed else "no failures"
    head = "Stopped; the next scan goes on from here" if result.interrupted else "Done"
    click.echo(
        f"{head}: {result.seen:,} files in {result.seconds:.1f} s: {words}, {result.unchanged:,} unchanged; "
        f"{result.analysed:,} analysed, {tail}.",
        err=True,
    )
