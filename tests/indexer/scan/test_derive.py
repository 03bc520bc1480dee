"""Stages over other stages' rows: what is worked out, what fails, and what is left when a scan ends early."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from photoidx.indexer.scan import derive as derive_module
from photoidx.indexer.scan.commit import Batch
from photoidx.indexer.scan.derive import derive
from photoidx.indexer.scan.pending import read_pending
from photoidx.stage import DerivedStage, Photo, PhotoStage, Rows, TableSpec, column, quality
from photoidx.storage.schema import tables_of
from photoidx.storage.store import Store


class Source(PhotoStage):
    name = "source"
    tables = (TableSpec("numbers", "A number.", (column("number", pa.float32(), "It."),)),)

    def run(self, photo: Photo) -> Rows:
        raise NotImplementedError


class Doubled(DerivedStage):
    name = "doubled"
    source, source_table, source_columns = Source(), "numbers", ("number",)
    tables = (quality(column("doubled", pa.float32(), "Twice the number.")),)

    def run_rows(self, rows: pa.RecordBatch) -> Sequence[Rows]:
        numbers = rows["number"].to_pylist()
        if 13 in numbers:
            raise ValueError("unlucky")
        return [{"quality": [{"doubled": 2 * number}]} for number in numbers]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(str(tmp_path), create=True)
    with store.writing():
        yield store


def batch(store: Store, rows_per_commit: int = 100) -> Batch:
    store.ensure(*tables_of([Source(), Doubled()]).values())
    return Batch(store, [Source(), Doubled()], rows_per_commit)


def fill(store: Store, numbers: Sequence[float]) -> None:
    ours = batch(store)
    for number in numbers:
        ours.add(f"c{number:g}", "source", {"numbers": [{"number": number}]})
    ours.fail("broken", "source", "it is broken")
    ours.commit()


def lacking(store: Store, *, retry_failed: bool = False) -> list[str]:
    pending = read_pending(store, [Source(), Doubled()], retry_failed=retry_failed)
    return sorted(pending.derivable(Doubled()))


def run(store: Store, contents: Sequence[str], rows_per_commit: int = 100, stop: threading.Event | None = None) -> int:
    stop = stop or threading.Event()
    told: list[int] = []
    return derive(store, Doubled(), contents, batch(store, rows_per_commit), stop=stop, done=told.append)


def doubled(store: Store) -> dict[str, float]:
    rows = store.read("quality").to_pylist()
    return {row["content_id"]: row["doubled"] for row in rows if row["doubled"] is not None}


@pytest.mark.parametrize("few", [0, 100])
def test_what_has_a_row_is_worked_out_once(store: Store, monkeypatch, few: int):
    monkeypatch.setattr(derive_module, "_FEW", few)  # asked for by name, and read from the whole table
    fill(store, [1, 2, 3])
    assert lacking(store) == ["c1", "c2", "c3"]  # and not what is broken: it has no row
    assert run(store, ["c1", "c3"]) == 0
    assert doubled(store) == {"c1": 2, "c3": 6}
    assert lacking(store) == ["c2"]


def test_one_row_that_fails_leaves_the_others_alone(store: Store):
    fill(store, [1, 13, 3])
    assert run(store, lacking(store)) == 1
    assert doubled(store) == {"c1": 2, "c3": 6}
    ledger = {(row["content_id"], row["stage"]): row["error"] for row in store.read("ledger").to_pylist()}
    assert ledger["c13", "doubled"] == "ValueError: unlucky"
    assert lacking(store) == []
    assert lacking(store, retry_failed=True) == ["c13"]


def test_a_row_that_is_not_there_is_told_and_not_looked_for_each_time(store: Store):
    fill(store, [1, 2])
    store.delete("numbers", "content_id", ["c2"])
    assert run(store, ["c1", "c2"]) == 1
    assert lacking(store) == []


def test_a_scan_that_is_stopped_keeps_what_it_has_and_the_next_goes_on(store: Store, monkeypatch):
    monkeypatch.setattr(derive_module, "_FEW", 0)
    numbers = np.arange(20_000, 40_000).tolist()  # more than the table gives at once
    ours = batch(store, 10**6)
    for number in numbers:
        ours.add(f"c{number}", "source", {"numbers": [{"number": number}]})
    ours.commit()
    stop, contents = threading.Event(), lacking(store)
    derive(store, Doubled(), contents, batch(store, 10**6), stop=stop, done=lambda _done: stop.set())
    left = lacking(store)
    assert 0 < len(left) < len(contents)
    assert len(doubled(store)) == len(contents) - len(left)
    assert run(store, left, 10**6) == 0
    assert doubled(store) == {f"c{number}": 2 * number for number in numbers}


def test_another_source_means_that_it_is_worked_out_anew():
    newer = Source()
    newer.version = 2
    stage = Doubled()
    before = stage.fingerprint
    stage.source = newer
    assert stage.fingerprint != before
    assert stage.fingerprint.startswith("doubled@1:")
