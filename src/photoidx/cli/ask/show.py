"""`photoidx show`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.terminal.output import (
    as_of_option,
    flat,
    harmless,
    library_option,
    output_options,
    plain,
    render,
    render_facts,
)

if TYPE_CHECKING:
    from photoidx.library import Library

_COLUMNS, _LINES = 64, 22


@click.command()
@click.argument("photo", type=click.Path())
@library_option
@as_of_option
@output_options
@click.option("--faces", metavar="OUT.jpg", help="Also write the photo with its faces drawn in, to a new file.")
def show(  # noqa: PLR0917 - click passes each option by name
    photo: str, library: str | None, as_of: datetime | None, output_format: str, null: bool, faces: str | None
) -> None:
    """Show what is known about one photo: its picture where the terminal can, its scores in words, and all values.

    In the picture that --faces writes a face is green if its eyes can be relied on, amber if not, and grey if the photo
    is not about it.
    """
    from photoidx.library import Library

    ours = Library(library, as_of=as_of)
    found = ours.show(photo)
    if faces is not None:
        _write_faces(ours, photo, faces)
    if output_format == "table":
        print_thumbnail(ours.thumbnail(photo))
        sentences = found.pop("report", [])
        for line in ["report"] * bool(sentences) + [f"  {harmless(sentence)}" for sentence in sentences]:
            click.echo(line)
    if output_format in ("json", "jsonl"):
        click.echo(json.dumps(plain(found)))
    elif output_format == "table":
        render_facts(_for_people(found))
    elif output_format == "paths":
        render([found["file"], *found["shot"]], output_format, null=null)
    else:
        render(flat(found), output_format)


def _write_faces(ours: Library, photo: str, out: str) -> None:
    from photoidx.queries.face_picture import save

    save(ours.draw_faces(photo), out)
    click.echo(f"Faces drawn in {harmless(out)}.", err=True)


def print_thumbnail(jpeg: bytes | None) -> None:
    """Draw a thumbnail with coloured half blocks, two pixels a character, where the terminal has the colours."""
    if jpeg is None or not sys.stdout.isatty():
        return
    from PIL import Image
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    console = Console(highlight=False)
    if console.color_system not in {"truecolor", "256"}:
        return
    with Image.open(io.BytesIO(jpeg)) as picture:
        scale = min(min(_COLUMNS, console.width) / picture.width, _LINES * 2 / picture.height)
        width, height = max(1, round(picture.width * scale)), max(2, round(picture.height * scale) // 2 * 2)
        hexes = picture.convert("RGB").resize((width, height)).tobytes().hex()
    for top in range(0, height, 2):
        line = Text()
        for x in range(width):
            upper, lower = ("#" + hexes[at : at + 6] for at in (6 * (top * width + x), 6 * ((top + 1) * width + x)))
            line.append("\u2580", Style(color=upper, bgcolor=lower))
        console.print(line)


def _for_people(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the groups as they stand on a terminal: the other files of the shot by path, numbers rounded."""
    groups: dict[str, Mapping[str, Any]] = {
        name: {key: _short(value) for key, value in facts.items()} if isinstance(facts, Mapping) else facts
        for name, facts in found.items()
        if name != "faces"  # the sentences tell of them
    }
    groups["shot"] = {mate["path"]: mate["rule"] or "of the same shot" for mate in found["shot"]}
    if "labels" in found:
        groups["labels"] = {word: f"{100 * chance:.0f} %" for word, chance in found["labels"].items()}
    return groups


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
