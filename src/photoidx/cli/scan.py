"""`photoidx scan`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.output import harmless, library_option, output_options, render

if TYPE_CHECKING:
    from photoidx.indexer.plan import Plan
    from photoidx.indexer.scan import ScanResult

_SOME_FAILED = 3
_INTERRUPTED = 130


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(file_okay=False))
@library_option
@output_options
@click.option("--dry-run", "-n", is_flag=True, help="Print each file's verdict and its reason; change nothing.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option("--allow-empty", is_flag=True, help="Believe a folder that is suddenly empty.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files and folders; may be given again.")
@click.option("--embedder", multiple=True, metavar="NAME", help="Also embed with this model; see `photoidx models`.")
@click.option("--without", multiple=True, metavar="STAGE", help="Leave out a stage, as faces; may be given again.")
@click.option("--workers", default=0, help="Processes that read and decode; one for each processor by default.")
@click.option("--time-limit", default=60.0, show_default=True, metavar="SECONDS", help="Longest time for one photo.")
@click.option("--device", default="auto", show_default=True, help="Where models run: auto, cpu, cuda, mps.")
def scan(  # noqa: PLR0917 - click passes each option by name
    paths: tuple[str, ...],
    library: str | None,
    output_format: str,
    null: bool,
    dry_run: bool,
    retry_failed: bool,
    allow_empty: bool,
    exclude: tuple[str, ...],
    embedder: tuple[str, ...],
    without: tuple[str, ...],
    workers: int,
    time_limit: float,
    device: str,
) -> None:
    """Bring the library up to date with these folders.

    Only what is new or changed is read; Ctrl-C stops at once, and the next scan goes on from there. Exit status 3 means
    that some photos could not be processed: `photoidx failures` lists them.
    """
    from photoidx.config import Config  # noqa: PLC0415
    from photoidx.library import Library  # noqa: PLC0415

    config = Config(
        embedders=tuple(dict.fromkeys((*Config().embedders, *embedder))),
        without=without,
        excludes=exclude,
        workers=workers,
        time_limit_s=time_limit,
        device=device,
    )
    ours = Library(library, config)
    if dry_run:
        _print_plan(ours.plan(*paths, allow_empty=allow_empty), output_format, null=null)
        return
    with _stoppable() as stop, _progress() as progress:
        result = ours.scan(*paths, retry_failed=retry_failed, allow_empty=allow_empty, progress=progress, stop=stop)
    _print_result(result, output_format)
    # A model that is still being loaded by a thread must not keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    if result.interrupted:
        os._exit(_INTERRUPTED)
    sys.exit(_SOME_FAILED if result.failed else 0)


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


def _print_result(result: ScanResult, output_format: str) -> None:
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
def _stoppable() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a wish to stop; the second one ends the process as usual."""
    stop = threading.Event()

    def ask(_signal: int, _frame: Any) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        click.echo("\nStopping ...", err=True)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


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
