"""The command line: it parses, calls, and renders. Commands are imported when they are called."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import sys
import traceback

import click

from photoidx.cli.commands import SECTIONS
from photoidx.cli.terminal.ending import (
    HUNG_UP,
    check_addresses,
    ended_by_signals,
    give_up,
    is_terminal_gone,
    open_streams,
    refusal,
)
from photoidx.cli.terminal.lazy import lazy_group
from photoidx.cli.terminal.output import harmless
from photoidx.errors import PhotoidxError
from photoidx.extras import told
from photoidx.storage.light_lancedb import lighten_lancedb

_LOGGER = logging.getLogger("photoidx")
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@lazy_group(sections=SECTIONS, context_settings=_CONTEXT)
@click.version_option(None, "-V", "--version", package_name="photoidx-library", prog_name="photoidx")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the answer and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Also show the log, and where an error comes from.")
@click.pass_context
def cli(context: click.Context, quiet: bool, verbose: bool) -> None:
    """Index a photo library into LanceDB tables and ask it questions.

    Begin with `photoidx scan ~/Pictures`. Photos are only read: `reclaim` alone moves
    files, into a trash, and `trash empty` alone deletes them.
    """
    check_addresses()
    if verbose:
        logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
        _LOGGER.setLevel(logging.DEBUG)
    if quiet:
        nowhere = context.with_resource(open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - click closes it
        context.with_resource(contextlib.redirect_stderr(nowhere))


def main() -> None:
    """Run the command line. What photoidx and the system refuse is one line on stderr, and the exit status."""
    # Collecting while lancedb and torch are imported costs a quarter of their CPU time and frees nothing.
    gc.set_threshold(100_000, 20, 20)
    lighten_lancedb()
    open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows no UTF-8 gets escapes instead of an error
            stream.reconfigure(errors="backslashreplace")
    try:
        _run()
    except PhotoidxError as error:
        if _LOGGER.isEnabledFor(logging.DEBUG):
            traceback.print_exc()
        click.echo(f"photoidx: {chr(10).join(map(harmless, error.lines))}", err=True)
        sys.exit(error.exit_code)
    except BaseException as error:
        missing = told(error) if isinstance(error, ModuleNotFoundError) else None
        words = str(missing) if missing else refusal(error)
        if words is None:
            raise
        give_up(words, HUNG_UP if is_terminal_gone(error) else 1)


def _run() -> None:
    try:
        with ended_by_signals():
            cli()
    except SystemExit:
        sys.stdout.flush()  # what is left would fail later, where nobody catches it
        raise
