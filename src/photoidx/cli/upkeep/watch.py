"""`photoidx watch`."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from photoidx.cli.terminal.ending import Stop, stoppable
from photoidx.cli.terminal.output import harmless, library_option, output_options
from photoidx.cli.terminal.progress import in_lines, shown_progress
from photoidx.cli.upkeep.scan import end, print_result
from photoidx.cli.upkeep.scan_options import config_options
from photoidx.cli.upkeep.watch_service import background_options

if TYPE_CHECKING:
    from photoidx.config import Config
    from photoidx.indexer.scan.run import ScanResult
    from photoidx.library import Library


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(file_okay=False))
@library_option
@output_options
@background_options
@click.option("--once", is_flag=True, help="Look once and end, as cron wants it.")
@config_options
def watch(  # noqa: PLR0917 - click passes each option by name
    paths: tuple[str, ...],
    library: str | None,
    output_format: str,
    null: bool,  # noqa: ARG001 - no paths are printed
    once: bool,
    config: Config,
    may_work: Callable[[], bool],
) -> None:
    """Keep the library up to date with these folders, as they change.

    A photo is taken when it has been quiet for two seconds. Where a folder's drive does not tell of changes, as network
    drives don't, it is polled. Every hour everything is looked at again. Other commands can be used meanwhile, also
    those that write. Ctrl-C ends the watch; nothing that was found is lost.
    """
    with stoppable() as stop:
        from photoidx.library import Library

        ours = Library(library, config)
        if once:
            end(_look_once(ours, paths, output_format, may_work=may_work, stop=stop), stop)
        as_json = output_format in ("json", "jsonl")
        with _talk() as (state, progress):
            ours.watch(
                *paths,
                stop=stop,
                may_work=may_work,
                on_result=_print_json if as_json else _ignore,
                on_status=state,
                on_progress=progress,
            )
    # A model that is still being loaded by a thread must not keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _look_once(
    library: Library, paths: tuple[str, ...], output_format: str, *, may_work: Callable[[], bool], stop: Stop
) -> ScanResult:
    if not may_work():
        click.echo("photoidx: Nothing was looked at: the machine runs on its battery.", err=True)
        sys.exit(0)
    with shown_progress() as progress:
        result = library.scan(*paths, on_progress=progress, stop=stop)
    problem = "" if result.interrupted else library.refresh_duplicates(lambda _done, _total: stop.go_on())
    if problem:
        click.echo(f"photoidx: {harmless(problem)}", err=True)
    print_result(result, output_format)
    return result


def _ignore(_result: ScanResult) -> None:
    pass


def _print_json(result: ScanResult) -> None:
    if result.touched or result.failed:
        click.echo(json.dumps(asdict(result)))
        sys.stdout.flush()


class _Lines(logging.Handler):
    """Says on the terminal what is written to the log."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "" if record.levelno < logging.WARNING else "photoidx: "
        self._say(prefix + harmless(record.getMessage()))


@contextlib.contextmanager
def _talk() -> Iterator[tuple[Callable[[str], None], Callable[[int, int, int], None]]]:
    """Show a live line with what the watch does, on a terminal, and above it what it did; lines only if it is piped."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True, highlight=False)
    logger = logging.getLogger("photoidx.watch")

    def say(text: str) -> None:
        console.print(escape(text), soft_wrap=True)

    handler = _Lines(say)
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        if not console.is_terminal:
            yield lambda _words: None, in_lines(say)
            return
        with console.status("starting") as status:

            def state(words: str) -> None:
                status.update(escape(harmless(words[:1].upper() + words[1:])))

            def progress(done: int, total: int, failed: int) -> None:
                tail = f", {failed:,} failed" if failed else ""
                status.update(f"Looking at photos: {done:,} of {total:,}{tail}")

            yield state, progress
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
