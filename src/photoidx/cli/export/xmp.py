"""`photoidx export xmp`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from photoidx.cli.export.options import dry_run_option, library_of
from photoidx.cli.terminal.output import harmless, library_option, output_options, render
from photoidx.errors import SOME_FAILED

if TYPE_CHECKING:
    from photoidx.export.selection import Selection
    from photoidx.export.sidecars import Result, SidecarOptions
    from photoidx.library import Library

_FIELDS = ("picks", "ratings", "labels", "keywords", "captions")
_COLUMNS = ("sidecar", "photo", "field", "before", "after", "note")


@click.command()
@click.option("--beside", is_flag=True, help="Write beside the photos, as other programs look for sidecars.")
@click.option("--to", type=click.Path(file_okay=False), metavar="DIR", help="Write into a mirror of the folders.")
@click.option(
    "--naming",
    type=click.Choice(["as-found", "adobe", "darktable"]),
    default="as-found",
    show_default=True,
    help="adobe: IMG_1.xmp for RAW and JPEG. darktable: IMG_1.CR3.xmp, IMG_1.JPG.xmp. as-found: what is there.",
)
@click.option("--where", metavar="SQL", help="Only photos for which this holds, as in \"taken_at >= '2024-01-01'\".")
@click.option("--cluster", metavar="ID", help="Only photos of this cluster (`photoidx clusters`).")
@click.option("--only-picks", is_flag=True, help="Only the picks of bursts, and what you chose and keep.")
@click.option("--picks", is_flag=True, help="Also flag the picks of bursts that you have not decided.")
@click.option(
    "--field", "fields", multiple=True, type=click.Choice(_FIELDS), help="Only this field; may be given several times."
)
@click.option(
    "--with",
    "extra",
    multiple=True,
    type=click.Choice(["labels", "places", "people"]),
    help="Also write these as keywords: labels of the classifier, places, people.",
)
@click.option("--keyword", "words", multiple=True, metavar="WORD", help="Also write this keyword; A|B has levels.")
@click.option("--pick-rating", type=click.IntRange(1, 5), metavar="N", help="Give picks N stars, too.")
@click.option("--pick-label", metavar="COLOUR", help="Give picks a colour label, too: Green.")
@click.option(
    "--on-conflict",
    "policy",
    type=click.Choice(["name", "newer", "ours"]),
    default="name",
    show_default=True,
    help="Where a sidecar says otherwise than you decided: name it and leave it, the newer wins, or yours does.",
)
@click.option("--yes", is_flag=True, help="Write beside the photos without asking.")
@dry_run_option
@library_option
@output_options
def xmp(library: str | None, output_format: str, null: bool, **asked: Any) -> None:
    """Write picks, rejects, ratings, labels, keywords and captions into XMP sidecars.

    A new sidecar is made where you decided something, a keyword was asked for, or another sidecar says something. It
    also repeats what the photo itself says. In a sidecar that is there only these fields change; everything else stays
    to the letter, and what it says wins over what the photo says. A reject is written as -1 star and as a flag.

    Each field is printed with what it was and what it becomes. --dry-run writes nothing; --beside shows what it would
    do and asks first. `photoidx export --undo` takes everything back.
    """
    context = click.get_current_context()
    from photoidx.export.selection import Selection
    from photoidx.export.sidecars import FIELDS, SidecarOptions
    from photoidx.library import Library

    if asked["beside"] == (asked["to"] is not None):
        raise click.UsageError("Say where: --beside the photos, or --to DIR.")
    ours = Library(library_of(context, library))
    options = SidecarOptions(
        to=asked["to"],
        naming=asked["naming"],
        fields=asked["fields"] or FIELDS,
        with_picks=asked["picks"],
        extra=asked["extra"],
        words=asked["words"],
        pick_rating=asked["pick_rating"],
        pick_label=asked["pick_label"],
        policy=asked["policy"],
    )
    selection = Selection(asked["only_picks"], asked["where"], asked["cluster"])
    dry_run, is_asking = asked["dry_run"], asked["beside"] and not asked["yes"]
    rows, found = _run(ours, options, selection, dry_run=dry_run or is_asking)
    if dry_run or is_asking:
        render(rows, output_format, null=null, columns=_COLUMNS)
        _summary(found, dry_run=True)
    if is_asking and not dry_run and found.written:
        if not sys.stdin.isatty():
            click.echo("Nothing was written beside the photos. To write it, say so: --yes", err=True)
            return
        if not click.confirm(f"Write {found.written:,} sidecars beside the photos?", err=True):
            return
        rows, found = _run(ours, options, selection, dry_run=False)
        _summary(found, dry_run=False)
    elif not dry_run and not is_asking:
        render(rows, output_format, null=null, columns=_COLUMNS)
        _summary(found, dry_run=False)
    if found.failed:
        context.exit(SOME_FAILED)


def _run(
    library: Library, options: SidecarOptions, selection: Selection, *, dry_run: bool
) -> tuple[list[dict[str, Any]], Result]:
    rows: list[dict[str, Any]] = []
    found = library.export_xmp(options, selection, dry_run=dry_run, on_plan=lambda plan: rows.extend(plan.rows()))
    return rows, found


def _summary(found: Result, *, dry_run: bool) -> None:
    would = "would be written" if dry_run else "written"
    words = [f"{found.written:,} sidecars {would}, {found.made:,} of them new"]
    words += [f"{found.conflicts:,} with a conflict (--on-conflict)"] * bool(found.conflicts)
    words += [f"{found.failed:,} left as they are"] * bool(found.failed)
    click.echo(harmless(f"{'; '.join(words)}."), err=True)
    if found.written and not dry_run:
        click.echo("Take it back with: photoidx export --undo", err=True)
