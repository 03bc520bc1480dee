"""The command line: it parses, calls, and renders. Libraries that are slow to import are imported inside commands."""

from __future__ import annotations

import gc
import io
import sys

import click

from photoidx.cli.ask.best import best, why
from photoidx.cli.ask.bursts import bursts
from photoidx.cli.ask.clusters import clusters
from photoidx.cli.ask.dups import calibrate, dups
from photoidx.cli.ask.explain import explain
from photoidx.cli.ask.failures import failures
from photoidx.cli.ask.gallery import gallery
from photoidx.cli.ask.search import search
from photoidx.cli.ask.show import show
from photoidx.cli.ask.similar import similar
from photoidx.cli.ask.sql import sql
from photoidx.cli.ask.status import status
from photoidx.cli.bench.bursts import bursts as bursts_bench
from photoidx.cli.bench.clusters import clusters as clusters_bench
from photoidx.cli.bench.degradations import bench
from photoidx.cli.bench.duplicates import duplicates as duplicates_bench
from photoidx.cli.bench.faces import faces as faces_bench
from photoidx.cli.bench.quality import quality
from photoidx.cli.bench.retrieval import retrieval
from photoidx.cli.decide import decide
from photoidx.cli.learn import learn
from photoidx.cli.terminal.ending import check_addresses, give_up, open_streams, refusal
from photoidx.cli.terminal.output import harmless
from photoidx.cli.train.aesthetic import aesthetic
from photoidx.cli.train.blend import blend
from photoidx.cli.train.group import train
from photoidx.cli.train.series import series as train_series
from photoidx.cli.upkeep.backup import backup, restore
from photoidx.cli.upkeep.doctor import doctor
from photoidx.cli.upkeep.models import models
from photoidx.cli.upkeep.optimize import optimize
from photoidx.cli.upkeep.scan import scan
from photoidx.cli.upkeep.watch import watch
from photoidx.errors import PhotoidxError


class _Group(click.Group):
    """Commands in the order in which a new user needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="photoidx-library", prog_name="photoidx")
def cli() -> None:
    """Index a photo library into LanceDB tables and ask it questions.

    Begin with `photoidx scan ~/Pictures`. Photos are only read, never changed.
    """
    check_addresses()


bench.add_command(bursts_bench)
bench.add_command(faces_bench)
bench.add_command(clusters_bench)
bench.add_command(duplicates_bench)
bench.add_command(quality)
bench.add_command(retrieval)
train.add_command(train_series)
train.add_command(aesthetic)
train.add_command(blend)
_COMMANDS = (
    scan,
    watch,
    status,
    best,
    bursts,
    why,
    dups,
    calibrate,
    clusters,
    decide,
    learn,
    gallery,
    similar,
    explain,
    search,
    sql,
    show,
    failures,
    models,
    optimize,
    doctor,
    backup,
    restore,
    bench,
    train,
)
for _command in _COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Run the command line. What photoidx and the system refuse is one line on stderr, and the exit status."""
    # Collecting while lancedb and torch are imported costs a quarter of their CPU time and frees nothing.
    gc.set_threshold(100_000, 20, 20)
    open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows no UTF-8 gets escapes instead of an error
            stream.reconfigure(errors="backslashreplace")
    try:
        _run()
    except PhotoidxError as error:
        click.echo(f"photoidx: {chr(10).join(map(harmless, error.lines))}", err=True)
        sys.exit(error.exit_code)
    except BaseException as error:
        words = refusal(error)
        if words is None:
            raise
        give_up(words)


def _run() -> None:
    try:
        cli()
    except SystemExit:
        sys.stdout.flush()  # what is left would fail later, where nobody catches it
        raise
