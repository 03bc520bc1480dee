"""What Lance says when files are damaged, missing or can't be written, turned into errors that say what to do."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from photoidx.errors import PhotoidxError, TableDamagedError
from photoidx.storage.schema import MADE, META, key_of_table

_OS_ERROR = re.compile(r"os error (\d+)")
_SOURCE_LINE = re.compile(r",? /\S+\.rs:\d+:\d+")
_FULL = {27: "a file would grow over the limit", 28: "the disk is full", 122: "the quota is used up"}
_DENIED = {1: "not permitted", 13: "permission denied", 30: "the file system is read-only"}
_MANY_FILES = 24
VERSION_HINT = "latest_version_hint.json"
# A write that fails otherwise may be a conflict or a mistake of ours, which must not be taken for damage.
_DAMAGE = re.compile(
    r"not found|fill whole buffer|file size is too small|magic|corrupt|not appear to be|decod|not a directory|"
    r"os error (5|20|117)\b|panic|out of (range|bounds)|unexpected end|invalid range",
    re.IGNORECASE,
)


@contextlib.contextmanager
def reading(uri: str, table: str) -> Iterator[None]:
    """Turn what goes wrong while a table is read into TableDamagedError, or PhotoidxError if the system forbids it."""
    try:
        yield
    except BaseException as error:
        if not _is_lances(error):
            raise
        tell_system(uri, error)
        raise damaged(uri, table, words_of(error)) from error


@contextlib.contextmanager
def changing(uri: str, table: str) -> Iterator[None]:
    """Turn a full disk and the like, and damage that a write meets, into errors that say so; others stay."""
    try:
        yield
    except BaseException as error:
        if not _is_lances(error):
            raise
        tell_system(uri, error)
        if not _DAMAGE.search(str(error)):
            raise
        raise damaged(uri, table, words_of(error)) from error


def damaged(uri: str, table: str, why: str) -> TableDamagedError:
    """Return the error for a table that can't be read."""
    return TableDamagedError(
        f"The table {table} of the library at {uri} is damaged: {why}. "
        f"See what is wrong, and what can be repaired, with: photoidx doctor"
    )


def missing(uri: str, *tables: str) -> TableDamagedError:
    """Return the error for tables that the library had and that are gone."""
    names = f"table {tables[0]}" if len(tables) == 1 else f"tables {', '.join(tables)}"
    were = "was there and is" if len(tables) == 1 else "were there and are"
    return TableDamagedError(
        f"The {names} of the library at {uri} {were} missing. "
        f"See what is wrong, and what can be repaired, with: photoidx doctor"
    )


def check_described(uri: str, table: str, columns: Collection[str]) -> None:
    """Raise TableDamagedError if what was opened is no version of a table, or has not the columns of its key.

    Lance opens a description of a version that is full of zeros, as a power cut leaves it, as version 0 of a table
    without columns. Costs nothing but a look at the schema, which is there once a table is open.
    """
    lacking = [name for name in key_of_table(table) if name not in columns]
    if not columns or lacking:
        raise damaged(uri, table, "the description of its newest version is empty, or lacks the columns of its key")


def noted_version(folder: Path | None, table: str) -> int:
    """Return the number of the newest version that Lance has noted beside a table; 0 where it has noted none.

    Lance does so after each commit, and does without: if it then opens an older version, the description of the newest
    one is lost. Ask before the table is opened, for others may write.
    """
    if folder is None:
        return 0
    try:
        noted = json.loads((folder / f"{table}.lance" / "_versions" / VERSION_HINT).read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0
    return noted if isinstance(noted, int) else 0


def check_newest(uri: str, table: str, version: int, noted: int) -> None:
    """Raise TableDamagedError if an older version was opened than the newest that was noted."""
    if version < noted:
        raise damaged(uri, table, "the description of its newest version is missing")


def made_by(uri: str, facts: Mapping[str, str]) -> set[str]:
    """Return the names of the tables that were ever made, by the facts of `meta`. Raises TableDamagedError."""
    try:
        return set(map(str, json.loads(facts.get(MADE, "[]"))))
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged(uri, META.name, f"its fact {MADE!r} makes no sense") from error


def is_half_made(table: Path) -> bool:
    """Return whether the making of a table was cut off: its folder holds no version and no rows. It never was there."""
    return not _holds(table / "_versions", ".manifest") and not _holds(table / "data", ".lance")


def _holds(folder: Path, suffix: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(suffix) for entry in entries)
    except FileNotFoundError:
        return False
    except OSError:  # it may not be listed, or is no folder: reading will tell
        return True


def words_of(error: BaseException, longest: int = 300) -> str:
    """Return Lance's message as one line, without the places in its source code."""
    text = _SOURCE_LINE.sub("", " ".join(str(error).split())).removeprefix("lance error: ")
    return text[:longest].rstrip(" .,") or type(error).__name__


def _is_lances(error: BaseException) -> bool:
    # A panic in Lance's Rust code is a PanicException, which is no Exception, or a RustPanic. Neither can be imported.
    return isinstance(error, (RuntimeError, OSError, ValueError)) or "Panic" in type(error).__name__


def tell_system(uri: str, error: BaseException) -> None:
    """Raise PhotoidxError where the operating system, not the file's content, is the reason."""
    code = _OS_ERROR.search(str(error))
    number = int(code[1]) if code else getattr(error, "errno", None)
    if number in _FULL:
        raise PhotoidxError(
            f"Can't write to the library at {uri}: {_FULL[number]}. What was written before is whole. "
            "Make room, and do it again."
        ) from error
    if number in _DENIED:
        raise PhotoidxError(f"Can't read or write the library at {uri}: {_DENIED[number]}.") from error
    if number == _MANY_FILES:
        raise PhotoidxError(f"Too many files are open to read {uri}. Raise the limit: ulimit -n 4096") from error
