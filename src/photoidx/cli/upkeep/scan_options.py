"""The options of every command that looks at photos, and what the commands share that do."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def config_options(command: _Command) -> _Command:
    """Add the options that say how photos are looked at, which give the command its `config`."""

    @click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files and folders; may be given again.")
    @click.option(
        "--follow/--no-follow",
        default=None,
        help="Follow links to files and folders, as at first, or leave them out; remembered for these folders.",
    )
    @click.option(
        "--embedder", multiple=True, metavar="NAME", help="Also embed with this model; see `photoidx models`."
    )
    @click.option(
        "--scorer",
        multiple=True,
        type=click.Path(file_okay=False),  # so that --install spells it from the root
        metavar="DIR",
        help="Also run a trained scorer; see `photoidx train`.",
    )
    @click.option("--without", multiple=True, metavar="STAGE", help="Leave out a stage, as faces; may be given again.")
    @click.option(
        "--workers",
        default=0,
        type=click.IntRange(min=0),
        help="Processes that read and decode; one for each processor by default.",
    )
    @click.option(
        "--time-limit", default=60.0, show_default=True, metavar="SECONDS", help="Longest time for one photo."
    )
    @click.option("--device", default="auto", show_default=True, help="Where models run: auto, cpu, cuda, mps.")
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        exclude: tuple[str, ...],
        follow: bool | None,
        embedder: tuple[str, ...],
        scorer: tuple[str, ...],
        without: tuple[str, ...],
        workers: int,
        time_limit: float,
        device: str,
        **rest: Any,
    ) -> Any:
        from photoidx.config import Config

        config = Config(
            embedders=tuple(dict.fromkeys((*Config().embedders, *embedder))),
            scorers=tuple(os.path.abspath(each) for each in scorer),
            without=without,
            excludes=exclude,
            follow=follow,
            workers=workers,
            time_limit_s=time_limit,
            device=device,
        )
        return command(*args, config=config, **rest)

    return wrapped  # type: ignore[return-value]
