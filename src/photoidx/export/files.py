"""Copy or link chosen photos into a folder: planned whole, checked by their content, and resumable.

A photo goes with its sidecars and its film. They and the files of one press have one name but for what follows it, so
where a name is taken they are numbered together. Nothing that is there is ever replaced: a file with the same bytes is
what was to be made, one with others means another number.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Literal

from photoidx.config import Config
from photoidx.errors import ExportError
from photoidx.export.journal import Entry, Folder, Journal, Placed, exporting
from photoidx.export.template import columns_in, key_of, numbered, place_of
from photoidx.export.writing import ended_when_full, partial_of, place_new, sync_folder, words_of
from photoidx.files import is_at_or_below
from photoidx.indexer.shots.sidecar_names import FolderNames
from photoidx.records import Kind, content_id_of_stream, path_text, text_path
from photoidx.storage.store import Store

How = Literal["copy", "hardlink", "reflink"]
_FICLONE = 0x40049409
_PART = 1 << 20
_MOST_NUMBERS = 100_000


@dataclass(frozen=True)
class FilesOptions:
    """Where files go, as what, and under which names."""

    to: str
    template: str = "{name}"
    how: How = "copy"


@dataclass(frozen=True)
class Item:
    """A file to be made: from where, and what follows the group's stem in its name."""

    source: str
    content_id: str
    size: int
    ending: str


@dataclass(frozen=True)
class Group:
    """Files that go together: into one folder, with one stem."""

    folder: tuple[str, ...]
    stem: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Step:
    """A file of the plan. `state`: new, there (the same bytes are there already), or failed, with a note."""

    source: str
    path: str
    state: str
    note: str = ""
    content_id: str = ""
    size: int = 0

    def row(self) -> dict[str, Any]:
        """Return it as a row: path, source, state, note."""
        return {"path": path_text(self.path), "source": path_text(self.source), "state": self.state, "note": self.note}


@dataclass
class FilesResult:
    """What an export of files came to."""

    made: int = 0
    there: int = 0
    failed: int = 0
    bytes_made: int = 0


def groups_of(
    store: Store, chosen: AbstractSet[str] | None, options: FilesOptions, config: Config | None = None
) -> list[Group]:
    """Return what is to be exported, in the order of the sources. Raises ExportError for a template that is wrong."""
    names = columns_in(options.template)
    files = [
        {**row, "path": text_path(row["path"]), "root": text_path(row["root"]), "key": row["path"]}
        for row in store.read("files", ["path", "root", "shot_id", "content_id", "kind", "size"]).to_pylist()
        if row["content_id"]
    ]
    facts = _facts(store, names, config) if names else {}
    photos = [row for row in files if row["kind"] == Kind.PHOTO and (chosen is None or row["key"] in chosen)]
    beside = _beside(files, {os.path.dirname(row["path"]) for row in photos})
    presses: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(photos, key=lambda row: row["path"]):
        folder, name = os.path.split(row["path"])
        presses[folder, row["shot_id"] or row["content_id"], key_of(os.path.splitext(name)[0])].append(row)
    return [_group(rows, beside, facts, options) for rows in presses.values()]


def _group(
    rows: Sequence[dict[str, Any]],
    beside: Mapping[str, Sequence[dict[str, Any]]],
    facts: Mapping[str, Mapping[str, Any]],
    options: FilesOptions,
) -> Group:
    first = rows[0]
    folder, name = os.path.split(first["path"])
    stem, suffix = os.path.splitext(name)
    below = os.path.relpath(folder, first["root"])
    known = facts.get(first["key"], {})
    said = {**known, "name": name, "stem": stem, "suffix": suffix, "subfolder": "" if below == "." else below}
    *parts, last = place_of(options.template, said)
    items: dict[str, Item] = {}
    for row in [*rows, *(each for photo in rows for each in beside.get(photo["path"], ()))]:
        other = os.path.basename(row["path"])
        ending = other[len(stem) :] if key_of(other).startswith(key_of(stem)) else f"_{other}"
        items[row["path"]] = Item(row["path"], row["content_id"], row["size"], ending)
    return Group(tuple(parts), last[: len(last) - len(suffix)] if suffix else last, tuple(items.values()))


def _facts(store: Store, names: Sequence[str], config: Config | None) -> dict[str, dict[str, Any]]:
    from photoidx.queries.sql.query import run_sql  # noqa: PLC0415 - brings DuckDB

    quoted = ", ".join(f'"{name}"' for name in names)
    found = run_sql(store, f"SELECT path AS _path, {quoted} FROM photos", config)  # noqa: S608 - plain identifiers
    return {row.pop("_path"): row for row in found.to_pylist()}


def _beside(files: Iterable[dict[str, Any]], folders: AbstractSet[str]) -> dict[str, list[dict[str, Any]]]:
    """Return for each photo its sidecars and its film, in its own folder."""
    here: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in files:
        if (folder := os.path.dirname(row["path"])) in folders:
            here[folder].append(row)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for folder, rows in here.items():
        photos = {os.path.basename(row["path"]): row for row in rows if row["kind"] == Kind.PHOTO}
        speaking = FolderNames(photos)
        of_shot: dict[str, list[str]] = defaultdict(list)
        for name, row in photos.items():
            of_shot[row["shot_id"]].append(name)
        for row in (each for each in rows if each["kind"] != Kind.PHOTO):
            spoken = speaking.spoken_for(os.path.basename(row["path"])) if row["kind"] == Kind.SIDECAR else None
            named = of_shot.get(row["shot_id"], [])
            if spoken is not None:
                named = [name for name in spoken.photos if spoken.form != "stem" or name in named]
            for name in named:
                found[os.path.join(folder, name)].append(row)
    return found


def export_files(
    store: Store,
    groups: Sequence[Group],
    options: FilesOptions,
    *,
    dry_run: bool = False,
    on_step: Callable[[Step], None] = lambda _step: None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> FilesResult:
    """Make the files; with `dry_run`, only say which. `on_step` is told of each.

    Raises ExportError if the folder is in the library's, or has no room; LibraryLockedError.
    """
    to = os.path.abspath(options.to)
    if store.folder is not None and is_at_or_below(os.path.realpath(to), os.path.realpath(store.folder)):
        raise ExportError(f"{options.to} lies in the library. Choose another folder.")
    names = _Names(to)
    result = FilesResult()
    total = sum(len(group.items) for group in groups)
    done = 0

    def tell(step: Step) -> None:
        nonlocal done
        done += 1
        result.made += step.state == "new"
        result.there += step.state == "there"
        result.failed += step.state == "failed"
        result.bytes_made += step.size if step.state == "new" else 0
        on_step(step)
        on_progress(done, total)

    if dry_run:
        for group in groups:
            for step in names.place(group):
                tell(step)
        return result
    with exporting(store, "files") as journal:
        if options.how == "copy":
            _check_room(to, groups)
        for group in groups:
            for step in names.place(group):
                tell(_made(step, options.how, to, journal) if step.state == "new" else step)
    return result


class _Names:
    """Gives names in a folder: those that are there, and those that were given, are taken."""

    def __init__(self, to: str) -> None:
        self._to = to
        self._taken: dict[str, str] = {}
        self._there: dict[str, dict[str, str]] = {}

    def place(self, group: Group) -> list[Step]:
        """Return the steps of a group, under the first number for which no name of it is taken by other bytes."""
        folder = os.path.join(self._to, *group.folder)
        for number in range(1, _MOST_NUMBERS):
            stem = numbered(group.stem, number)
            steps = [self._step(item, folder, stem + item.ending) for item in group.items]
            if all(step is not None for step in steps):
                found = [step for step in steps if step is not None]
                self._taken |= {key_of(step.path): step.content_id for step in found}
                return found
        raise ExportError(f"There are too many files named {group.stem}.")

    def _step(self, item: Item, folder: str, name: str) -> Step | None:
        path = os.path.join(folder, name)
        known = self._taken.get(key_of(path))
        if known is not None:
            same = Step(item.source, path, "there", "the same bytes are exported under this name", item.content_id)
            return same if known == item.content_id else None
        there = self._listed(folder).get(key_of(name))
        if there is None:
            return Step(item.source, path, "new", "", item.content_id, item.size)
        there = os.path.join(folder, there)
        with contextlib.suppress(OSError), open(there, "rb") as file:
            if os.path.getsize(there) == item.size and content_id_of_stream(file) == item.content_id:
                return Step(item.source, there, "there", "", item.content_id)
        return None

    def _listed(self, folder: str) -> dict[str, str]:
        if folder not in self._there:
            names: list[str] = []
            with contextlib.suppress(OSError):
                names = os.listdir(folder)
            self._there[folder] = {key_of(name): name for name in names}
        return self._there[folder]


def _check_room(to: str, groups: Sequence[Group]) -> None:
    """Raise ExportError if the files do not fit, whatever of them is there already."""
    place = to
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    free = shutil.disk_usage(place).free
    there = {name for _, _, names in os.walk(to) for name in names}
    needed = sum(item.size for group in groups for item in group.items if group.stem + item.ending not in there)
    if needed > free:
        raise ExportError(f"{to} has {free / 1e6:,.0f} MB left, and the files need {needed / 1e6:,.0f} MB. Make room.")


def _made(step: Step, how: How, to: str, journal: Journal) -> Step:
    """Note a file in the journal and make it."""
    folder = os.path.dirname(step.path)
    try:
        journal.note([*_new_folders(folder), Placed(step.path, step.content_id)])
        with ended_when_full("exporting files"):
            os.makedirs(folder, exist_ok=True)
            if not is_at_or_below(os.path.realpath(folder), os.path.realpath(to)):
                raise OSError(errno.EXDEV, "a link leads out of the folder", folder)  # noqa: TRY301
            _make(step, how)
    except OSError as error:
        journal.withdraw(step.path)
        return replace(step, state="failed", note=words_of(error))
    except ExportError:
        with contextlib.suppress(OSError):
            os.unlink(partial_of(step.path))
        raise
    return step


def _new_folders(folder: str) -> list[Entry]:
    new: list[Entry] = []
    while folder and not os.path.isdir(folder):
        new.append(Folder(folder))
        folder = os.path.dirname(folder)
    return new[::-1]


def _make(step: Step, how: How) -> None:
    partial = partial_of(step.path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(partial)
    try:
        if how == "hardlink":
            os.link(step.source, partial)
        else:
            _copy(step.source, partial, is_reflink=how == "reflink")
        with open(partial, "rb") as file:  # read back: what was written, not what was meant to be
            found = content_id_of_stream(file)
        if found != step.content_id:
            raise OSError(errno.EIO, "the file is not as it was scanned; scan its folder again", step.source)  # noqa: TRY301
        place_new(partial, step.path)
        sync_folder(os.path.dirname(step.path))
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


def _copy(source: str, partial: str, *, is_reflink: bool) -> None:
    with open(source, "rb") as read, open(partial, "wb") as write:
        if is_reflink:
            _clone(read.fileno(), write.fileno(), source)
        else:
            shutil.copyfileobj(read, write, _PART)
        write.flush()
        os.fsync(write.fileno())
        if hasattr(os, "posix_fadvise"):  # so that reading back reads the disk
            os.posix_fadvise(write.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    shutil.copystat(source, partial)


def _clone(read: int, write: int, source: str) -> None:
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "reflinks are made on Linux alone", source)
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        fcntl.ioctl(write, _FICLONE, read)
    except OSError as error:
        raise OSError(errno.ENOTSUP, "this file system knows no reflinks between these folders", source) from error
