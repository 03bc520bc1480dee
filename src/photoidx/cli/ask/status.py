"""`photoidx status`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from photoidx.cli.terminal.output import as_of_option, flat, library_option, output_options, plain, render, render_facts

_UNIT = 1000


@click.command()
@library_option
@as_of_option
@output_options
def status(library: str | None, as_of: datetime | None, output_format: str, null: bool) -> None:
    """Count what is in the library: files, shots, its size, what each stage did, the last scan."""
    from photoidx.library import Library

    found = Library(library, as_of=as_of).status()
    if output_format in ("json", "jsonl"):
        click.echo(json.dumps(plain(found)))
    elif output_format == "table":
        render_facts(_for_people(found))
    else:
        render(flat(found), output_format, null=null)


def _for_people(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    kinds = ", ".join(f"{count:,} {kind}{'s' * (count != 1)}" for kind, count in found["files"].items())
    last = found["last_scan"]
    stages = {
        name: f"{counts['done']:,} done" + (f", {counts['failed']:,} failed" if counts["failed"] else "")
        for name, counts in found["stages"].items()
    }
    library = {
        "at": found["library"],
        "size on disk": None if found["size_bytes"] is None else _size(found["size_bytes"]),
        "files": kinds or "none",
        "not understood": ", ".join(f"{count:,} {suffix}" for suffix, count in found["not_understood"].items()) or None,
        "shots": f"{found['shots']:,}",
        "last scan": last and f"{last['status']}, {str(last['finished_at'] or last['started_at'])[:19]} UTC",
    }
    roots = {root: f"{count:,} files" for root, count in found["roots"].items()}
    for root in found["without_links"]:
        roots[root] = f"{roots.get(root, 'no root now')}, links left out"
    return {"library": library, "folders": roots, "stages": stages}


def _size(size_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size_bytes < _UNIT:
            return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _UNIT
    return f"{size_bytes:.1f} TB"
