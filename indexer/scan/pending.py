"""Which work is left: contents x stages, minus what the ledger has under the same fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.engines.worker import DECODE_FINGERPRINT
from photoidx.records import Kind
from photoidx.stage import DerivedStage, Stage
from photoidx.storage.store import Store

LEDGER_COLUMNS = ("content_id", "fingerprint", "status")
_ROWS_AT_ONCE = 1 << 18
_BITS = 64
_Array = np.ndarray[Any, Any]


def read_pending(store: Store, stages: Sequence[Stage], *, retry_failed: bool = False) -> Pending:
    """Return what the ledger of a library leaves to do for these stages."""
    return Pending(store.batches("ledger", LEDGER_COLUMNS, _ROWS_AT_ONCE), stages, retry_failed=retry_failed)


class Pending:
    """The ledger, asked for what is missing. `retry_failed` takes what failed as not done.

    It is given in parts (its `LEDGER_COLUMNS`) and kept as two bits for each content and fingerprint: a million photos
    have a dozen million rows. Of stages over others' rows `derivable` tells; for the rest of it they are not there,
    for they need no file.
    """

    def __init__(
        self, ledger: Iterable[pa.RecordBatch], stages: Sequence[Stage], *, retry_failed: bool = False
    ) -> None:
        self._stages = [stage for stage in stages if not isinstance(stage, DerivedStage)]
        self._retry_failed = retry_failed
        of_derived = (each for stage in stages if isinstance(stage, DerivedStage) for each in (stage, stage.source))
        asked = [DECODE_FINGERPRINT, *(stage.fingerprint for stage in (*self._stages, *of_derived))]
        self._place = {fingerprint: at for at, fingerprint in enumerate(dict.fromkeys(asked))}
        self._contents, self._had, self._faultless = _gathered(ledger, list(self._place))

    def _is_there(self, fingerprint: str, *, faultless: bool = False) -> _Array:
        """Return for each content whether the ledger has it under a fingerprint; with `faultless`, not as failed."""
        column, bit = divmod(self._place[fingerprint], _BITS)
        masks = (self._faultless if faultless else self._had)[column]
        found: _Array = masks >> np.uint64(bit) & np.uint64(1) == 1
        return found

    def _is_done(self, stage: Stage) -> _Array:
        done = self._is_there(stage.fingerprint, faultless=self._retry_failed)
        if stage.needs != "bytes" and not self._retry_failed:
            done = done | self._is_there(DECODE_FINGERPRINT)
        return done

    def missing(self, contents: Iterable[tuple[str | None, str]]) -> dict[tuple[str, str], tuple[str, ...]]:
        """Return the stages that each of these contents, with a file's kind, lacks; without those lacking none."""
        of_kind: dict[str, list[str]] = {kind: [] for kind in Kind}
        for content_id, kind in contents:
            if content_id is not None:
                of_kind[kind].append(content_id)
        result: dict[tuple[str, str], tuple[str, ...]] = {}
        for kind, content_ids in of_kind.items():
            ours = pa.array(content_ids, pa.string())
            rows = pc.fill_null(pc.index_in(ours, value_set=self._contents), -1).to_numpy()
            for stage in self._stages:
                if kind in stage.kinds:
                    done = np.append(self._is_done(stage), False)  # row -1: what the ledger does not know
                    for content_id in ours.filter(pa.array(~done[rows])).to_pylist():
                        result[content_id, kind] = (*result.get((content_id, kind), ()), stage.name)
        return result

    def derivable(self, stage: DerivedStage) -> list[str]:
        """Return the contents for which a stage over another's rows has work to do."""
        there = self._is_there(stage.source.fingerprint, faultless=True)
        return self._named(there & ~self._is_there(stage.fingerprint, faultless=self._retry_failed))

    def complete(self, kind: Kind = Kind.PHOTO, *, faultless: bool = False) -> list[str]:
        """Return the contents that lack nothing that a file of this kind needs; with `faultless`, none that failed."""
        wanted = [
            self._is_there(stage.fingerprint, faultless=True) if faultless else self._is_done(stage)
            for stage in self._stages
            if kind in stage.kinds
        ]
        return self._named(np.logical_and.reduce(wanted)) if wanted else []

    def _named(self, chosen: _Array) -> list[str]:
        found: list[str] = self._contents.filter(pa.array(chosen)).to_pylist()
        return found


def _gathered(ledger: Iterable[pa.RecordBatch], asked: Sequence[str]) -> tuple[pa.Array, list[_Array], list[_Array]]:
    """Return the contents, and by 64 fingerprints at a time, which of them each has; those that failed, and without."""
    import duckdb  # noqa: PLC0415 - groups many rows in little memory

    columns = range(-(-len(asked) // _BITS))
    names = [f"{what}{column}" for what in ("had", "faultless") for column in columns]
    schema = pa.schema([("content_id", pa.string()), *((name, pa.uint64()) for name in names)])
    rows = pa.RecordBatchReader.from_batches(schema, _masks(ledger, asked, schema))
    sums = ", ".join(f"bit_or({name})" for name in names)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("rows", rows)
        found = connection.sql(f"SELECT content_id, {sums} FROM rows GROUP BY content_id").to_arrow_table()  # noqa: S608
    contents, *masks = (column.combine_chunks() for column in found.columns)
    numbers = [mask.to_numpy() for mask in masks]
    return contents, numbers[: len(columns)], numbers[len(columns) :]


def _masks(ledger: Iterable[pa.RecordBatch], asked: Sequence[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Return the ledger's rows with a bit for the fingerprint of each."""
    known = pa.array(asked, pa.string())
    for batch in ledger:
        places = pc.fill_null(pc.index_in(batch["fingerprint"], value_set=known), -1).to_numpy()
        is_done = pc.equal(batch["status"], "done").to_numpy(zero_copy_only=False)
        bits = np.uint64(1) << (places % _BITS).astype(np.uint64)
        had = [
            np.where((places >= 0) & (places // _BITS == column), bits, np.uint64(0))
            for column in range(-(-len(asked) // _BITS))
        ]
        faultless = [np.where(is_done, mask, np.uint64(0)) for mask in had]
        yield pa.RecordBatch.from_arrays([batch["content_id"], *map(pa.array, (*had, *faultless))], schema=schema)
