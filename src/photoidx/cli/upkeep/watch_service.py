"""The part of `photoidx watch` that is about running in the background: its options, and what they do."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from photoidx.cli.terminal.output import harmless, plain, render_facts

if TYPE_CHECKING:
    from photoidx.indexer.watch.service import Service

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SHOWN_LINES = 10
_NOT_PASSED_ON = {"install", "uninstall", "status", "once", "output_format", "null", "library", "log", "help"}
_ENVIRONMENT = ("XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE")


def background_options(command: _Command) -> _Command:
    """Add --install, --uninstall, --status, --log, --nice and --pause-on-battery to the watch.

    The command takes `paths` (which this makes sure are there), `library`, and from here `may_work`, a callable that
    says whether the watch may work now; the logger `photoidx.watch` is written to a file while it runs.
    """

    @click.option("--install", is_flag=True, help="Watch in the background from now on, and after each login.")
    @click.option("--uninstall", is_flag=True, help="End that.")
    @click.option("--status", is_flag=True, help="Say whether a watch is installed and runs, and what it did last.")
    @click.option("--log", metavar="FILE", help="Write the log here; by default where the system keeps logs.")
    @click.option("--nice", is_flag=True, help="Work at low priority, on the processor and on the disk.")
    @click.option("--pause-on-battery", is_flag=True, help="Rest while the machine runs on its battery.")
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        paths: tuple[str, ...],
        install: bool,
        uninstall: bool,
        status: bool,
        log: str | None,
        nice: bool,
        pause_on_battery: bool,
        **rest: Any,
    ) -> Any:
        if install + uninstall + status > 1:
            raise click.UsageError("Only one of --install, --uninstall and --status can be asked for.")
        if uninstall:
            return _uninstall()
        if status:
            return _status(log, rest.get("output_format"))
        if not paths:
            raise click.UsageError("Missing argument 'PATHS...': which folders are to be watched?")
        if install:
            if rest.get("once"):
                raise click.UsageError("--once ends after one look; only a watch that goes on can be installed.")
            return _install(click.get_current_context(), paths, rest.get("library"), log)
        return _watch(command, args, {**rest, "paths": paths}, log=log, nice=nice, pause_on_battery=pause_on_battery)

    return wrapped  # type: ignore[return-value]


def _watch(
    command: Callable[..., Any],
    args: tuple[Any, ...],
    rest: dict[str, Any],
    *,
    log: str | None,
    nice: bool,
    pause_on_battery: bool,
) -> Any:
    import logging

    from photoidx.indexer.watch.log_file import LOGGER, log_file
    from photoidx.indexer.watch.priority import BatteryRest, step_back

    with log_file(log, _say):
        if nice:
            logging.getLogger(LOGGER).info("%s", step_back())
        may_work = BatteryRest() if pause_on_battery else _always
        return command(*args, may_work=may_work, **rest)


def _always() -> bool:
    return True


def _install(context: click.Context, paths: Iterable[str], library: str | None, log: str | None) -> None:
    from photoidx.errors import PhotoidxError
    from photoidx.indexer.watch.service_install import install

    for path in paths:
        if not os.path.isdir(path):
            raise PhotoidxError(f"{path!r} is no folder. Name folders that are there now.")
    service = service_for(context, paths, library, log)
    line = install(service, _say)
    if line:
        click.echo(line)
    _say("Look at it with: photoidx watch --status")


def service_for(context: click.Context, paths: Iterable[str], library: str | None, log: str | None) -> Service:
    """Return the service that runs this very call of the watch: with its options, and with absolute paths."""
    from photoidx.config import default_library
    from photoidx.indexer.watch.log_file import default_log
    from photoidx.indexer.watch.service import Service

    options = (
        f"--library={_absolute(library or default_library())}",
        f"--log={os.path.abspath(log) if log else default_log()}",
        *_passed_on(context),
    )
    # -P: a file named photoidx.py in the folder where the service starts must not be taken for the program.
    program = (os.path.abspath(sys.executable), "-P", "-m", "photoidx.cli", context.command.name or "watch")
    environment = tuple((name, os.environ[name]) for name in _ENVIRONMENT if os.environ.get(name))
    return Service((*program, *options, "--", *map(os.path.abspath, paths)), environment)


def _passed_on(context: click.Context) -> list[str]:
    """Return the options that the user gave, each as one word."""
    words: list[str] = []
    for option in context.command.params:
        name = option.name or ""
        given = context.get_parameter_source(name) in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
        if not isinstance(option, click.Option) or name in _NOT_PASSED_ON or not given:
            continue
        value = context.params[name]
        long = next(spelling for spelling in option.opts if spelling.startswith("--"))
        if option.is_flag and isinstance(value, bool):
            words += [long] if value else option.secondary_opts[:1]
        else:
            path = isinstance(option.type, click.Path)
            values = value if option.multiple else [value]
            words += [f"{long}={_absolute(each) if path else _absolute_file(name, each)}" for each in values]
    return words


def _absolute(library: str) -> str:
    """Spell a folder from the root of the file system; an object-store URI is one already."""
    return library if "://" in library else os.path.abspath(library)


def _absolute_file(name: str, value: Any) -> str:
    """Spell the weights' file of an embedder (`dinov2@FILE`) from the root of the file system."""
    model, at, file = str(value).partition("@")
    return f"{model}@{os.path.abspath(os.path.expanduser(file))}" if name == "embedder" and at else str(value)


def _uninstall() -> None:
    from photoidx.indexer.watch.service_install import uninstall

    line = uninstall(_say)
    if line:
        click.echo(line)


def _status(log: str | None, output_format: str | None) -> None:
    from photoidx.indexer.watch.log_file import default_log, last_lines
    from photoidx.indexer.watch.service_install import state

    found = state()
    service = found.service
    written = log or (service and service.option("--log")) or default_log()
    options = [word for word in service.options if not word.startswith(("--library=", "--log="))] if service else []
    lines = last_lines(written, _SHOWN_LINES)
    shown: dict[str, Any] = {
        "installed": found.installed,
        "file": found.file,
        "running": found.running,
        "since": found.since,
        "pid": found.pid,
        "system": found.words,
        "library": service and service.option("--library"),
        "folders": list(service.roots) if service else [],
        "options": options,
        "log": written,
    }
    if output_format in ("json", "jsonl"):
        click.echo(json.dumps(plain({**shown, "last_lines": lines})))
        return
    words = {True: "yes", False: "no", None: "can't be told"}
    roots = {root: "is there" if os.path.isdir(root) else "is not there now" for root in shown.pop("folders")}
    told = {"installed": words[found.installed], "running": words[found.running], "options": " ".join(options)}
    render_facts({"Watch in the background": {**shown, **told}, "Folders": roots})
    click.echo("Last lines of the log" if lines else "The log is empty.")
    for line in lines:
        click.echo(f"  {harmless(line)}")


def _say(text: str) -> None:
    click.echo(f"photoidx: {harmless(text)}", err=True)
