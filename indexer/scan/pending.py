"""Which work is left: contents x stages, minus what the ledger has under the same fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.engines.worker import DECODE_FINGERPRINT
from photoidx.records import Kind
from photoidx.stage import DerivedStage, Stage

LEDGER_COLUMNS = ("content_id", "fingerprint", "status")


class Pending:
    """The ledger (its `LEDGER_COLUMNS`), asked for what is missing. `retry_failed` takes what failed as not done.

    Of stages over others' rows `derivable` tells; for the rest of it they are not there, for they need no file.
    """

    def __init__(self, ledger: pa.Table, stages: Sequence[Stage], *, retry_failed: bool = False) -> None:
        self._stages = [stage for stage in stages if not isinstance(stage, DerivedStage)]
        self._retry_failed = retry_failed
        self._ledger = ledger.combine_chunks()
        # A fingerprint names its stage. Numbers are quicker to compare, once for each stage, than texts.
        self._codes = self._ledger["fingerprint"].combine_chunks().dictionary_encode()
        self._is_done = pc.equal(self._ledger["status"], "done")
        undecodable = self._contents(DECODE_FINGERPRINT)
        self._done: dict[str, pa.ChunkedArray] = {}
        for stage in self._stages:
            done = self._contents(stage.fingerprint, faultless=retry_failed)
            if stage.needs != "bytes" and not retry_failed:
                done = pa.chunked_array([*done.chunks, *undecodable.chunks], type=pa.string())
            self._done[stage.name] = done

    def _contents(self, fingerprint: str, *, faultless: bool = False) -> pa.ChunkedArray:
        """Return the contents that the ledger has under a fingerprint; with `faultless`, those that did not fail."""
        code = pc.index(self._codes.dictionary, pa.scalar(fingerprint, self._codes.dictionary.type)).as_py()
        rows = pc.equal(self._codes.indices, pa.scalar(code, self._codes.indices.type))
        return self._ledger["content_id"].filter(pc.and_(rows, self._is_done) if faultless else rows)

    def missing(self, contents: Iterable[tuple[str | None, str]]) -> dict[tuple[str, str], tuple[str, ...]]:
        """Return the stages that each of these contents, with a file's kind, lacks; without those lacking none."""
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

    def derivable(self, stage: DerivedStage) -> list[str]:
        """Return the contents for which a stage over another's rows has work to do."""
        there = self._contents(stage.source.fingerprint, faultless=True)
        had = self._contents(stage.fingerprint, faultless=self._retry_failed)
        found: list[str] = pc.unique(there.filter(pc.invert(pc.is_in(there, value_set=had)))).to_pylist()
        return found

    def complete(self, kind: Kind = Kind.PHOTO, *, faultless: bool = False) -> list[str]:
        """Return the contents that lack nothing that a file of this kind needs; with `faultless`, none that failed."""
        wanted = [
            self._contents(stage.fingerprint, faultless=True) if faultless else self._done[stage.name]
            for stage in self._stages
            if kind in stage.kinds
        ]
        if not wanted:
            return []
        first, *rest = wanted
        for others in rest:
            first = first.filter(pc.is_in(first, value_set=others))
        found: list[str] = pc.unique(first).to_pylist()
        return found
