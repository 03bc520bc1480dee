"""Which work is left: contents x stages, minus what the ledger has under the same fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.worker import DECODE, DECODE_FINGERPRINT
from photoidx.records import Kind
from photoidx.stage import Stage

LEDGER_COLUMNS = ("content_id", "stage", "fingerprint", "status")


class Pending:
    """The ledger (its `LEDGER_COLUMNS`), asked for what is missing. `retry_failed` takes what failed as not done."""

    def __init__(self, ledger: pa.Table, stages: Sequence[Stage], *, retry_failed: bool = False) -> None:
        self._stages = stages
        failed_decode = pc.and_(pc.equal(ledger["stage"], DECODE), pc.equal(ledger["fingerprint"], DECODE_FINGERPRINT))
        undecodable = ledger["content_id"].filter(failed_decode)
        counted = pc.equal(ledger["status"], "done") if retry_failed else pa.scalar(value=True)
        self._done: dict[str, pa.ChunkedArray] = {}
        self._faultless: dict[str, pa.ChunkedArray] = {}
        for stage in stages:
            same = pc.and_(pc.equal(ledger["stage"], stage.name), pc.equal(ledger["fingerprint"], stage.fingerprint))
            done = ledger["content_id"].filter(pc.and_(same, counted))
            if stage.needs != "bytes" and not retry_failed:
                done = pa.chunked_array([*done.chunks, *undecodable.chunks], type=pa.string())
            self._done[stage.name] = done
            self._faultless[stage.name] = ledger["content_id"].filter(pc.and_(same, pc.equal(ledger["status"], "done")))

    def missing(self, contents: Iterable[tuple[str | None, str]]) -> dict[tuple[str, str], tuple[str, ...]]:
        """Give for each of these contents, with a file's kind, the stages that it lacks; without those lacking none."""
        of_kind: dict[str, list[str]] = {kind: [] for kind in Kind}
        for content_id, kind in contents:
            if content_id is not None:
                of_kind[kind].append(content_id)
        result: dict[tuple[str, str], tuple[str, ...]] = {}
        for kind, content_ids in of_kind.items():
            ours = pa.array(content_ids, pa.string())
            for stage in self._stages:
                if kind in stage.kinds:
                    lacking = ours.filter(pc.invert(pc.is_in(ours, value_set=self._done[stage.name])))
                    for content_id in lacking.to_pylist():
                        result[content_id, kind] = (*result.get((content_id, kind), ()), stage.name)
        return result

    def complete(self, kind: Kind = Kind.PHOTO, *, done: bool = False) -> list[str]:
        """Give the contents that lack nothing that a file of this kind needs; with `done`, those without a failure."""
        known = self._faultless if done else self._done
        wanted = [known[stage.name] for stage in self._stages if kind in stage.kinds]
        if not wanted:
            return []
        first, *rest = wanted
        for others in rest:
            first = first.filter(pc.is_in(first, value_set=others))
        found: list[str] = pc.unique(first).to_pylist()
        return found
