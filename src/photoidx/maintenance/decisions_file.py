"""The user's decisions as a JSON file that any library can take: shots are named by the contents of their files."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from photoidx.errors import PhotoidxError, TableDamagedError
from photoidx.files import write_whole
from photoidx.storage.schema import DECISIONS, FILES
from photoidx.storage.store import Store
from photoidx.storage.tables import Tables

_MARK = "photoidx_decisions"
_VERSION = 1
_TIMES = ("at", "undone_at")
_VERB_LONGEST = 40


def save_decisions(tables: Tables, path: Path, version: int | None = None, readable: Tables | None = None) -> int:
    """Write the decisions to a file, in one step, and give their number. An older file is replaced.

    `version` is that of the table, None its newest; `readable` is where to read it if not in the library itself. Raises
    TableDamagedError, and PhotoidxError if the file can't be written.
    """
    source = readable or tables
    if DECISIONS.name not in source.names():
        raise PhotoidxError(f"The library at {tables.uri} has no decisions.")
    number = source.newest(DECISIONS.name) if version is None else version
    rows = [row for batch in source.batches(DECISIONS.name, number) for row in batch.to_pylist()]
    contents = _contents_of_shots(tables)
    told = [
        {
            **{name: row[name] for name in ("decision_id", "verb")},
            **{name: row[name].isoformat() if row[name] else None for name in _TIMES},
            "shots": [{"shot_id": shot_id, "files": contents.get(shot_id, [])} for shot_id in row["shot_ids"]],
        }
        for row in sorted(rows, key=lambda row: str(row["decision_id"]))
    ]
    record = {
        _MARK: _VERSION,
        "library": tables.uri,
        "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "decisions": told,
    }
    _write(path, json.dumps(record, indent=1, ensure_ascii=False))
    return len(told)


def read_decisions(path: Path) -> list[dict[str, Any]]:
    """Read a file that `save_decisions` wrote. Raises PhotoidxError, naming it, if it is another or a damaged one."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PhotoidxError(f"Can't read {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise PhotoidxError(f"{path} is no JSON file, and so holds no decisions: {error}") from error
    if not isinstance(record, dict) or _MARK not in record:
        raise PhotoidxError(
            f"{path} holds no decisions. `photoidx backup --only decisions FILE.json` writes such files."
        )
    if record[_MARK] != _VERSION:
        raise PhotoidxError(f"{path} was written by a newer photoidx ({_MARK} {record[_MARK]!r}). Install that one.")
    try:
        return [_checked(each) for each in record["decisions"]]
    except (KeyError, TypeError, ValueError) as error:
        raise PhotoidxError(f"{path} is damaged: one of its decisions can't be understood ({error!r}).") from error


def take_decisions(store: Store, told: Sequence[Mapping[str, Any]]) -> int:
    """Add decisions to a library, and give the number of those that it did not have. The lock is the caller's to hold.

    A shot is found again by the content of its files; where none is here it keeps its id, which its files, once
    scanned, give it again.
    """
    known = set(store.read(DECISIONS.name, ["decision_id"])["decision_id"].to_pylist())
    files = store.read(FILES.name, ["content_id", "shot_id", "kind", "path"]).to_pylist()
    here: dict[str, str] = {}
    for row in sorted(files, key=lambda row: (row["kind"] == "photo", row["path"])):  # of several the photos win
        if row["content_id"] and row["shot_id"]:
            here[row["content_id"]] = row["shot_id"]
    shots = {row["shot_id"] for row in files}

    def found(shot: Mapping[str, Any]) -> str:
        again = [here[file["content_id"]] for file in shot["files"] if file["content_id"] in here]
        shot_id: str = shot["shot_id"]
        return shot_id if shot_id in shots or not again else again[0]

    rows = [
        {
            **{name: each[name] for name in ("decision_id", "verb", *_TIMES)},
            "shot_ids": list(dict.fromkeys(map(found, each["shots"]))),
        }
        for each in told
    ]
    new = [row for row in rows if row["decision_id"] not in known]
    store.upsert(DECISIONS, new)
    return len(new)


def _checked(each: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: datetime.fromisoformat(each[name]) if each[name] is not None else None for name in _TIMES}
    shots = [
        {
            "shot_id": _text(shot["shot_id"]),
            "files": [{"content_id": _text(file["content_id"])} for file in shot["files"]],
        }
        for shot in each["shots"]
    ]
    number = _text(each["decision_id"]).partition("-")[0]
    if not number.isdigit() or len(_text(each["verb"])) > _VERB_LONGEST or times["at"] is None:
        raise ValueError("decision_id, verb or at")
    return {"decision_id": each["decision_id"], "verb": each["verb"], "shots": shots, **times}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _contents_of_shots(tables: Tables) -> dict[str, list[dict[str, str]]]:
    """Return the files of each shot, by content and name; none where the table of files can't be read."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    try:
        newest = tables.newest(FILES.name) if FILES.name in tables.names() else None
        batches = [] if newest is None else list(tables.batches(FILES.name, newest))
    except TableDamagedError:
        return {}
    for batch in batches:
        for row in batch.select(["path", "content_id", "shot_id"]).to_pylist():
            if row["content_id"] and row["shot_id"]:
                found[row["shot_id"]].append({"content_id": row["content_id"], "name": os.path.basename(row["path"])})
    return {shot_id: sorted(files, key=str) for shot_id, files in found.items()}


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise PhotoidxError(f"Can't write {path}: {error.strerror}.") from error
