"""Rows on their way to the tables. One commit writes the data first, then the ledger: a crash repeats work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from photoidx.indexer.engines.worker import DECODE, DECODE_FINGERPRINT
from photoidx.stage import Rows, Stage, TableSpec
from photoidx.storage.schema import FILES, LEDGER, META, tables_of
from photoidx.storage.store import Store

_STAMPED = (FILES.name, LEDGER.name, META.name)
_LEDGER_ROWS = 4  # count as one
_FILES = 4  # count as one: of a file whose content is known nothing was computed that could be lost
_SHARE = 500
"""A commit compares its rows with all of the tables': it costs as much as there are. So it has at least 1 in 500 as
many; else a first scan would grow with the square of its photos. Measured on links whose contents are known: 256 files,
with their commit, took 0.07 s beside 75,000 rows and 0.39 s beside 700,000 (2 busy cores).
"""


def utc_now() -> datetime:
    """Return the time as the tables hold it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


class Clock:
    """The time as the tables hold it, which never falls behind what they hold already.

    Whoever asks what came since some time must not miss what was written after the computer's clock was set back.
    """

    def __init__(self, store: Store) -> None:
        written = [version.at for name in _STAMPED for version in store.versions(name)]
        self._floor = max(written).replace(tzinfo=None)

    def now(self) -> datetime:
        """Return the time: UTC, without a zone."""
        return max(utc_now(), self._floor)


class Batch:
    """What the next commit will write. Rows with the same key replace each other."""

    def __init__(self, store: Store, stages: Sequence[Stage], rows_per_commit: int) -> None:
        self._store, self._clock = store, Clock(store)
        self._specs = tables_of(stages)
        self._tables = {stage.name: stage.tables for stage in stages} | {DECODE: ()}
        self._fingerprints = {stage.name: stage.fingerprint for stage in stages} | {DECODE: DECODE_FINGERPRINT}
        self._least = rows_per_commit
        self._limit = self._enough()
        self._data: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(dict)
        self._reused: dict[str, dict[str, str]] = defaultdict(dict)
        self._ledger: dict[tuple[str, str], dict[str, Any]] = {}
        self._files: dict[str, Mapping[str, Any]] = {}

    def add(self, content_id: str, stage: str, rows: Rows) -> None:
        """Take what a stage found in a content."""
        for spec in self._tables[stage]:
            found = rows.get(spec.name)
            if spec.shared:
                self._share(spec, content_id, found[0] if found else {})
            elif found is not None:
                self._data[spec.name][content_id] = [{"content_id": content_id, **row} for row in found]
        self._note(content_id, stage, "done", None)

    def fail(self, content_id: str, stage: str, why: str) -> None:
        """Take a failure of a stage. What it found earlier in this content does not stay in a shared table."""
        for spec in self._tables[stage]:
            if spec.shared:
                self._share(spec, content_id, {})
        self._note(content_id, stage, "failed", why[:1000])

    def reuse(self, content_id: str, source: str, stages: Iterable[str]) -> None:
        """Take over what these stages found in another content, which is in the tables and has the very same pixels."""
        for stage in stages:
            self._reused[stage][content_id] = source

    def file(self, row: Mapping[str, Any]) -> None:
        """Take a row of the table `files`."""
        self._files[row["path"]] = row

    def commit_if_full(self) -> None:
        """Commit if enough has gathered."""
        if len(self._files) // _FILES + len(self._ledger) // _LEDGER_ROWS >= self._limit:
            self.commit()

    def commit(self) -> None:
        """Write everything that has gathered."""
        self._take_over()
        for table, contents in self._data.items():
            spec = self._specs[table]
            rows = [row for found in contents.values() for row in found]
            if spec.row_key:
                self._store.replace(spec, list(contents), rows)
            else:
                self._store.upsert(spec, self._completed(spec, rows) if spec.shared else rows)
        self._store.upsert(LEDGER, list(self._ledger.values()))
        self._store.upsert(FILES, list(self._files.values()))
        self._data.clear()
        self._ledger.clear()
        self._files.clear()
        self._limit = self._enough()

    def _enough(self) -> int:
        """Return the number of rows that are enough for a commit, as `commit_if_full` counts them."""
        rows = self._store.count(FILES.name) + self._store.count(LEDGER.name) // _LEDGER_ROWS
        return max(self._least, rows // _SHARE)

    def _share(self, spec: TableSpec, content_id: str, row: Mapping[str, Any]) -> None:
        """Put a stage's columns into the one row; those that it does not tell are null."""
        (whole,) = self._data[spec.name].setdefault(content_id, [{"content_id": content_id}])
        whole.update({field.name: row.get(field.name) for field in spec.columns})

    def _note(self, content_id: str, stage: str, status: str, why: str | None) -> None:
        row = {
            "content_id": content_id,
            "stage": stage,
            "fingerprint": self._fingerprints[stage],
            "status": status,
            "error": None if why is None else why.encode("utf-8", "backslashreplace").decode(),
            "at": self._clock.now(),
        }
        self._ledger[content_id, stage] = row

    def _take_over(self) -> None:
        for stage, sources in self._reused.items():
            stored = {
                spec.name: self._stored(spec.name, sources.values(), [field.name for field in spec.columns])
                for spec in self._tables[stage]
            }
            for content_id, source in sources.items():
                self.add(content_id, stage, {table: rows.get(source, []) for table, rows in stored.items()})
        self._reused.clear()

    def _completed(self, spec: TableSpec, rows: list[dict[str, Any]]) -> pa.Table:
        """Add what other stages found earlier: an upsert replaces whole rows."""
        schema = self._store.schema(spec.name)
        partial = [row["content_id"] for row in rows if len(row) < len(schema)]
        stored = self._stored(spec.name, partial, [name for name in schema.names if name != "content_id"])
        whole = [{**before, **row} for row in rows for before in stored.get(row["content_id"], [{}])]
        return pa.Table.from_pylist(whole, schema=schema)

    def _stored(
        self, table: str, content_ids: Iterable[str], columns: Sequence[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Read the rows of these contents, by content."""
        found: dict[str, list[dict[str, Any]]] = {}
        quoted = ", ".join(f"'{content_id}'" for content_id in sorted(set(content_ids)))
        if quoted:
            for row in self._store.read(table, ["content_id", *columns], f"content_id IN ({quoted})").to_pylist():
                found.setdefault(row.pop("content_id"), []).append(row)
        return found
