"""`photoidx scan`."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from photoidx.cli.output import harmless, library_option, output_options, render
from photoidx.cli.scan_options import INTERRUPTED, SOME_FAILED, config_options, stoppable

if TYPE_CHECKING:
    from photoidx.config import Config
    from photoidx.indexer.plan import Plan
    from photoidx.indexer.scan import ScanResult


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(file_okay=False))
@library_option
@output_options
@click.option("--dry-run", "-n", is_flag=True, help="Print each file's verdict and its reason; change nothing.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option("--allow-empty", is_flag=True, help="Believe a folder that is suddenly empty.")
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
    from photoidx.library import Library  # noqa: PLC0415

    ours = Library(library, config)
    if dry_run:
        _print_plan(ours.plan(*paths, allow_empty=allow_empty), output_format, null=null)
        return
    with stoppable() as stop, _progress() as progress:
        result = ours.scan(*paths, retry_failed=retry_failed, allow_empty=allow_empty, progress=progress, stop=stop)
    print_result(result, output_format)
    # A model that is still being loaded by a thread must not keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    if result.interrupted:
        os._exit(INTERRUPTED)
    sys.exit(SOME_FAILED if result.failed else 0)


def _print_plan(plan: Plan, output_format: str, *, null: bool) -> None:
    from photoidx.records import path_text  # noqa: PLC0415

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
    words = ", ".join(parts) or "nothing to do"
    tail = f"{result.failed:,} failed (see: photoidx failures)" if result.failed else "no failures"
    head = "Stopped; the next scan goes on from here" if result.interrupted else "Done"
    click.echo(
        f"{head}: {result.seen:,} files in {result.seconds:.1f} s: {words}, {result.unchanged:,} unchanged; "
        f"{result.analysed:,} analysed, {tail}.",
        err=True,
    )


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int, int], None]]:
    """Show files, rate, time left and failures on a terminal; nothing when stderr is piped."""
    if not sys.stderr.isatty():
        yield lambda _done, _total, _failed: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("Scanning"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failures]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scan", total=None, rate="", failures="")

        def show(done: int, total: int, failed: int) -> None:
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            rate = f"{speed:.1f} files/s" if speed else ""
            failures = f"{failed} failed" if failed else ""
            bar.update(task, completed=done, total=total, rate=rate, failures=failures)

        yield show
