"""Groups of commands that are imported when they are called: what a command does not use, it does not load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click

_WHOLE = 400  # characters of a command's first sentence: none is cut off


class LazyGroup(click.Group):
    """Commands by name, in sections with a heading, each as `module:function` below `photoidx.cli`."""

    def __init__(self, *arguments: Any, sections: Mapping[str, Mapping[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._sections = sections
        self._places = {name: place for commands in sections.values() for name, place in commands.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the sections."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command. Returns None if there is none of the name."""
        if cmd_name not in self.commands and cmd_name in self._places:
            module, _, function = self._places[cmd_name].partition(":")
            self.commands[cmd_name] = getattr(import_module(f"photoidx.cli.{module}"), function)
        return super().get_command(ctx, cmd_name)

    def all_commands(self) -> dict[str, click.Command]:
        """Import all commands and return them by name."""
        context = click.Context(self)
        found = {name: self.get_command(context, name) for name in self._places}
        return {name: command for name, command in found.items() if command}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write each section under its heading, each command with its whole first sentence."""
        commands = self.all_commands()
        for heading, names in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, commands[name].get_short_help_str(_WHOLE)) for name in names])


def lazy_group(
    name: str | None = None, *, sections: Mapping[str, Mapping[str, str]], **options: Any
) -> Callable[[Callable[..., Any]], LazyGroup]:
    """Decorate a function as a `LazyGroup`."""

    def decorate(function: Callable[..., Any]) -> LazyGroup:
        made = click.group(name, cls=LazyGroup, sections=sections, **options)(function)
        assert isinstance(made, LazyGroup)
        return made

    return decorate
