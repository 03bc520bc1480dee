"""Rows on their way to the tables. One commit writes the data first, then the ledger: a crash repeats work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from photoidx.indexer.worker import DECODE, DECODE_FINGERPRINT
from photoidx.schema import FILES, LEDGER, tables_of
from photoidx.stage import Rows, Stage
from photoidx.store import Store


def utc_now() -> datetime:
    """Give the time as the tables hold it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


class Batch:
    """What the next commit will write. Rows with the same key replace each other."""

    def __init__(self, store: Store, stages: Sequence[Stage], rows_per_commit: int) -> None:
        self._store = store
        self._specs = tables_of(stages)
        self._fingerprints = {stage.name: stage.fingerprint for stage in stages} | {DECODE: DECODE_FINGERPRINT}
        self._limit = rows_per_commit
        self._data: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(dict)
        self._ledger: dict[tuple[str, str], dict[str, Any]] = {}
        self._files: dict[str, Mapping[str, Any]] = {}

    def add(self, content_id: str, stage: str, rows: Rows) -> None:
        """Take what a stage found in a content."""
        for table, found in rows.items():
            self._data[table][content_id] = [{"content_id": content_id, **row} for row in found]
        self._note(content_id, stage, "done", None)

    def fail(self, content_id: str, stage: str, why: str) -> None:
        """Take a failure of a stage."""
        self._note(content_id, stage, "failed", why[:1000])

    def file(self, row: Mapping[str, Any]) -> None:
        """Take a row of the table `files`."""
        self._files[row["path"]] = row

    def _note(self, content_id: str, stage: str, status: str, why: str | None) -> None:
        row = {
            "content_id": content_id,
            "stage": stage,
            "fingerprint": self._fingerprints[stage],
            "status": status,
            "error": why,
            "at": utc_now(),
        }
        self._ledger[content_id, stage] = row

    def commit_if_full(self) -> None:
        """Commit if enough has gathered."""
        if len(self._files) + len(self._ledger) // 4 >= self._limit:
            self.commit()

    def commit(self) -> None:
        """Write everything that has gathered."""
        for table, contents in self._data.items():
            self._store.upsert(self._specs[table], [row for rows in contents.values() for row in rows])
        self._store.upsert(LEDGER, list(self._ledger.values()))
        self._store.upsert(FILES, list(self._files.values()))
        self._data.clear()
        self._ledger.clear()
        self._files.clear()
