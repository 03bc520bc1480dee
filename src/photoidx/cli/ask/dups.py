"""`photoidx dups` and `photoidx calibrate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.ask.show import print_thumbnail
from photoidx.cli.terminal.output import as_of_option, harmless, library_option, output_options, plain, render

if TYPE_CHECKING:
    from photoidx.library import Library

_COLUMNS = (
    "group_id",
    "group_kind",
    "keep",
    "path",
    "kind",
    "distance",
    "width",
    "height",
    "size",
    "extra",
    "there",
    "goes_for",
    "only",
    "reason",
)


class _Share(click.ParamType[float]):
    """A share as `1%` or `0.01`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it. Fails unless it lies between 0 and 1."""
        if isinstance(value, float):
            return value
        try:
            share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            self.fail(f"{value!r} is no share; write 1% or 0.01", param, ctx)
        if not 0 <= share < 1:
            self.fail(f"{value!r} is not between 0 and 100 %", param, ctx)
        return share


@click.command()
@click.option(
    "--level",
    type=click.Choice(["identical", "same", "edited", "similar"]),
    default="edited",
    show_default=True,
    help="How alike: equal bytes; also the same picture; also edits of it; also pictures of one scene.",
)
@click.option(
    "--strictness",
    type=click.Choice(["strict", "normal", "loose"]),
    default="normal",
    show_default=True,
    help="How sure: 0.1 %, 1 % or 5 % of the pairs may be false.",
)
@click.option("--max-false", type=_Share(), help="The same as a share: 1% or 0.01.")
@click.option(
    "--include",
    multiple=True,
    type=click.Choice(["edited", "part of"]),
    help="Also offer edits of the kept picture, where it is sure which of the two is the edit.",
)
@click.option("--within", multiple=True, type=click.Path(), metavar="DIR", help="Only files below this folder.")
@click.option("--across", nargs=2, type=click.Path(), metavar="A B", help="Only groups with files below both folders.")
@library_option
@as_of_option
@output_options
def dups(  # noqa: PLR0917 - click passes each option by name
    level: str,
    strictness: str,
    max_false: float | None,
    include: tuple[str, ...],
    within: tuple[str, ...],
    across: tuple[str, str] | None,
    library: str | None,
    as_of: datetime | None,
    output_format: str,
    null: bool,
) -> None:
    """Find duplicates: which photos show the same picture, which of them may go, and why.

    A file may go only if one that stays is identical or the same (nothing but encoding, size, container or metadata
    differ) and holds all that it holds: detail, colours, films, other pictures, words, time, place, and the files that
    belong to it. Where that is not sure, all stay, and each says what only it has. Edits are shown, and offered only
    with --include edited. Two frames of a burst are two pictures, and so are RAW and JPEG. Nothing is deleted. With
    --format paths the copies that may go are printed: nothing that you keep, and none whose file to keep is not there
    as the last scan saw it. `photoidx decide different A B` says that two are no duplicates, `decide keep-all A B` that
    all are wanted; both hold for ever.
    """
    from photoidx.library import Library

    ours = Library(library, as_of=as_of)
    refresh(ours)
    found = ours.duplicates(
        level=level,
        strictness=strictness,
        most_false=max_false,
        within=within,
        across=across or (),
        include=include,
    )
    if output_format == "json":
        click.echo(json.dumps(plain(found)))
    elif output_format == "jsonl":
        click.echo("".join(json.dumps(plain(each)) + "\n" for each in found), nl=False)
    elif output_format == "table":
        for each in found:
            _print(each)
    elif output_format == "paths":
        render(
            [{"path": file["path"]} for each in found for file in each["files"] if file["extra"]], "paths", null=null
        )
    else:
        rows = [
            {"group_id": each["group_id"], "group_kind": each["kind"], **{name: file[name] for name in _COLUMNS[2:]}}
            for each in found
            for file in each["files"]
        ]
        render(rows, output_format, columns=_COLUMNS)
    _sum_up(found)


def _sum_up(found: Sequence[Mapping[str, Any]]) -> None:
    files = [file for each in found for file in each["files"]]
    freed = sum(each["bytes_freed"] for each in found)
    groups = "1 group" if len(found) == 1 else f"{len(found):,} groups"
    extra = sum(file["extra"] for file in files)
    copies = "1 copy that may go; it takes" if extra == 1 else f"{extra:,} copies that may go; they take"
    copies += f" {freed / 1e6:,.1f} MB."
    click.echo(f"{groups}, {copies}" if found else "There are no duplicates.", err=True)
    missing = sum(not file["there"] for file in files)
    if missing:
        click.echo(
            f"{missing:,} files are not as the last scan saw them. No copy is offered for these: scan again.", err=True
        )


def refresh(ours: Library) -> None:
    """Bring the pairs up to date, and say what is done, or why it is not."""

    def show(done: int, total: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\rComparing pictures: {done:,} of {total:,} pairs", nl=done == total, err=True)

    problem = ours.refresh_duplicates(show)
    if problem:
        click.echo(harmless(f"These are the duplicates that were known before: {problem}"), err=True)


def _print(each: Mapping[str, Any]) -> None:
    click.echo(harmless(f"{each['group_id']}, {each['kind']}, {len(each['files'])} files"))
    for file in each["files"]:
        mark = "*" if file["keep"] else "-" if file["extra"] else " "
        is_first = file["reason"].startswith("keep")
        words = file["reason"] if is_first else f"{file['kind']}: {file['reason']}"
        click.echo(harmless(f"  {mark} {file['path']}  {words}"))


@click.command()
@click.option("--count", default=10, show_default=True, type=click.IntRange(1), help="How many pairs to ask about.")
@library_option
@output_options
def calibrate(count: int, library: str | None, output_format: str, null: bool) -> None:
    """Teach `photoidx dups` on your own photos, by saying of pairs whether they are the same picture.

    Asks about the pairs whose answer teaches most. From then on --max-false counts with your answers too. Piped or with
    --format it lists the pairs instead; answer them with `photoidx decide same A B` or `photoidx decide different A B`.
    """
    from photoidx.library import Library

    ours = Library(library)
    refresh(ours)
    pairs = ours.doubtful_pairs(count)
    if not sys.stdin.isatty() or output_format != "table":
        render(pairs, output_format, null=null, columns=("first", "second", "distance", "chance"))
        return
    said = 0
    for number, pair in enumerate(pairs, 1):
        for path in (pair["first"], pair["second"]):
            click.echo(harmless(path))
            print_thumbnail(ours.thumbnail(path))
        answer = click.prompt(
            f"{number} of {len(pairs)}: the same picture? [y]es, [n]o, [s]kip, [q]uit",
            type=click.Choice(["y", "n", "s", "q"]),
            default="s",
            show_choices=False,
            show_default=False,
        )
        if answer == "q":
            break
        if answer != "s":
            ours.decide("same" if answer == "y" else "different", pair["first"], pair["second"])
            said += 1
    click.echo(f"{said} answers recorded. Take the last one back with: photoidx decide --undo", err=True)
