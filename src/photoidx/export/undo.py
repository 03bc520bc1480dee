"""Take back the last export: every file has the bytes that it had, or, where others changed it since, only ours go."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from photoidx.errors import ExportError
from photoidx.export.journal import Entry, Folder, Past, Placed, Write, alone, clear_leftovers, digest, pasts
from photoidx.export.writing import ended_when_full, put, read_or_none, words_of
from photoidx.export.xmp.fields import SINGLE, check, read_fields, remove_keywords, with_value, write_field
from photoidx.export.xmp.packet import Packet, SidecarError
from photoidx.records import content_id_of_stream, path_text
from photoidx.storage.store import Store


@dataclass(frozen=True)
class Undone:
    """What was taken back: a row for each file (path, done, note), and how many could not be reached."""

    kind: str
    rows: tuple[dict[str, Any], ...]
    failed: int


def undo(
    store: Store, *, dry_run: bool = False, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Undone:
    """Take back the last export that was not taken back, also one that was killed. Raises ExportError if there is none.

    A file that others changed since keeps what they wrote; of a sidecar our fields go back to what they were. If a file
    can't be reached, the rest is done, and the next undo goes on with this export.
    """
    with alone(store):
        held = pasts(store)
        if not held:
            raise ExportError("There is no export to take back.")
        past = held[-1].whole()
        if not dry_run:
            clear_leftovers(store)
        rows, failed = [], 0
        for number, entry in enumerate(reversed(past.entries), 1):
            with ended_when_full("taking back"):
                try:
                    done, note = _one(entry, dry_run=dry_run)
                except (OSError, SidecarError) as error:
                    done, note = "left as it is", words_of(error)
                    failed += 1
            if done:
                rows.append({"path": path_text(entry.path), "done": done, "note": note})
            on_progress(number, len(past.entries))
        if not failed and not dry_run:
            past.mark_undone()
        return Undone(past.kind, tuple(rows), failed)


def last(store: Store) -> Past | None:
    """Return the export that the next undo takes back."""
    held = pasts(store)
    return held[-1] if held else None


def _one(entry: Entry, *, dry_run: bool) -> tuple[str, str]:  # noqa: PLR0911 - a return for each state of a file
    """Take one entry back. Return what was done (nothing, if there was nothing to do) and what else is to be known."""
    if isinstance(entry, Folder):
        return _folder(entry.path, dry_run=dry_run)
    if not os.path.isdir(os.path.dirname(entry.path)):
        raise FileNotFoundError(2, "its folder is not there; mount the drive and undo again", entry.path)
    if isinstance(entry, Placed):
        return _placed(entry, dry_run=dry_run)
    raw = read_or_none(entry.path)
    if raw == entry.before:
        return "", ""
    if raw is None:
        return "left as it is", "someone deleted it since"
    if digest(raw) != entry.after:
        return _fields(entry, raw, dry_run=dry_run)
    if entry.before is None:
        if not dry_run:
            os.unlink(entry.path)
        return "removed", ""
    if not dry_run:
        put(entry.path, entry.before, raw, entry.before_mtime_ns)
    return "put back", ""


def _folder(path: str, *, dry_run: bool) -> tuple[str, str]:
    if os.path.isdir(path) and not dry_run:
        try:
            os.rmdir(path)
        except OSError:  # something else lies in it
            return "", ""
        return "removed", ""
    return "", ""


def _placed(entry: Placed, *, dry_run: bool) -> tuple[str, str]:
    try:
        with open(entry.path, "rb") as file:
            is_ours = content_id_of_stream(file) == entry.content_id
    except FileNotFoundError:
        return "", ""
    if not is_ours:
        return "left as it is", "someone changed it since"
    if not dry_run:
        os.unlink(entry.path)
    return "removed", ""


def _fields(entry: Write, raw: bytes, *, dry_run: bool) -> tuple[str, str]:
    """Take our fields out of a sidecar that others changed since."""
    if not entry.fields:
        return "left as it is", "someone changed it since"
    packet = Packet.read(raw)
    edited, wanted, kept = packet, read_fields(packet), []
    for name in SINGLE:
        told = entry.fields.get(name)
        if told is not None:
            if getattr(wanted, name) == told["after"]:
                edited = write_field(edited, name, told["before"])
                wanted = with_value(wanted, name, told["before"])
            else:
                kept.append(name)
    added = entry.fields.get("keywords", {}).get("added", [])
    if added:
        edited = remove_keywords(edited, added)
        wanted = replace(wanted, keywords=tuple(_left(wanted.keywords, added)))
    check(packet, edited, wanted)
    if edited.data != packet.data and not dry_run:
        put(entry.path, edited.raw(), raw)
    words = "others changed it since, and that stays"
    return "our fields taken out", f"{words}, also {', '.join(kept)}" if kept else words


def _left(keywords: tuple[str, ...], gone: list[str]) -> list[str]:
    """Return the keywords that are left without some."""
    without = {*gone, *(each.rpartition("|")[2] for each in gone)}
    return [each for each in keywords if each not in without]
