"""Stages over what other stages wrote: they take rows from the tables, and no file is read for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.errors import PhotoidxError
from photoidx.indexer.scan.commit import Batch
from photoidx.stage import DerivedStage, fitting
from photoidx.storage.store import Store

_FEW = 2000  # up to here the rows are asked for by name; above it, reading the whole table is quicker


def derive(
    store: Store,
    stage: DerivedStage,
    content_ids: Sequence[str],
    batch: Batch,
    *,
    stop: threading.Event,
    done: Callable[[int], None],
) -> int:
    """Run a stage over the rows of these contents, and commit. `done` is told how many have been dealt with.

    Ends early when `stop` is set. What can't be worked out is recorded as a failure, as is a row that is not there.
    Gives how many failed.
    """
    failed, missing = 0, set(content_ids)
    for rows in _parts(store, stage, content_ids):
        if stop.is_set():
            break
        failed += _run(stage, rows, batch)
        missing.difference_update(rows["content_id"].to_pylist())
        batch.commit_if_full()
        done(len(content_ids) - len(missing))
    else:
        for content_id in sorted(missing):
            batch.fail(content_id, stage.name, f"there is no row for it in {stage.source_table}")
        failed += len(missing)
    batch.commit()
    return failed


def _parts(store: Store, stage: DerivedStage, content_ids: Sequence[str]) -> Iterator[pa.RecordBatch]:
    columns = ["content_id", *stage.source_columns]
    if len(content_ids) <= _FEW:
        among = ", ".join(f"'{content_id}'" for content_id in content_ids)
        yield from store.read(stage.source_table, columns, f"content_id IN ({among})").to_batches()
        return
    wanted = pa.array(content_ids, pa.string())
    for part in store.batches(stage.source_table, columns):
        yield part.filter(pc.is_in(part["content_id"], value_set=wanted))


def _run(stage: DerivedStage, rows: pa.RecordBatch, batch: Batch) -> int:
    if not rows.num_rows:
        return 0
    try:
        results = [fitting(stage, found) for found in stage.run_rows(rows)]
    except PhotoidxError:
        raise
    except Exception as error:  # noqa: BLE001 - find the row that the stage can't take
        if rows.num_rows == 1:
            batch.fail(rows["content_id"][0].as_py(), stage.name, f"{type(error).__name__}: {error}")
            return 1
        return sum(_run(stage, rows.slice(at, 1), batch) for at in range(rows.num_rows))
    for content_id, found in zip(rows["content_id"].to_pylist(), results, strict=True):
        batch.add(content_id, stage.name, found)
    return 0
