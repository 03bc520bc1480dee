"""Write docs/cli.md from --help and docs/columns.md from the tables' declarations; with --check, compare only."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from photoidx.cli import cli
from photoidx.cli.terminal.lazy import LazyGroup
from photoidx.config import Config
from photoidx.registry import stages
from photoidx.storage.schema import arrow_schema, key_of, tables_of

_WIDTH = 98  # what click writes on a terminal of 100 columns
DOCS = Path(__file__).parent.parent / "docs"


def cli_page() -> str:
    """Return the help of every command."""
    parts = ["# The commands\n\nGenerated from `--help` by `make docs`.\n"]
    for name in ("", *(name for name, _command in _commands(cli))):
        shown = CliRunner().invoke(cli, [*name.split(), "--help"], prog_name="photoidx", terminal_width=_WIDTH)
        assert shown.exit_code == 0, shown.output
        parts.append(f"## {f'photoidx {name}'.strip()}\n\n```text\n{shown.output.rstrip()}\n```\n")
    return "\n".join(parts)


def _commands(group: LazyGroup, above: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.all_commands().items():
        yield above + name, command
        if isinstance(command, LazyGroup):
            yield from _commands(command, f"{above}{name} ")


def columns_page() -> str:
    """Return every table with its columns, as the stages of the default configuration declare them."""
    parts = ["# The tables and their columns\n\nGenerated from the stages' declarations by `make docs`.\n"]
    for spec in tables_of(stages(Config())).values():
        parts.append(f"## {spec.name}\n\n{spec.about} Key: {', '.join(key_of(spec))}.\n")
        parts.append("| column | type | about |\n| --- | --- | --- |")
        for field in arrow_schema(spec):
            about = (field.metadata or {}).get(b"about", b"").decode().replace("|", "\\|")
            parts.append(f"| {field.name} | {field.type} | {about} |")
        parts.append("")
    return "\n".join(parts)


def main() -> int:
    """Write or compare the pages."""
    stale = []
    for name, text in (("cli.md", cli_page()), ("columns.md", columns_page())):
        path = DOCS / name
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(name)
    if stale:
        print(f"Not current: {', '.join(stale)}. Run: make docs")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
