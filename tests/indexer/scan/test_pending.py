"""What is left to do, held against sets of rows."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as some

from photoidx.indexer.engines.worker import DECODE_FINGERPRINT
from photoidx.indexer.scan.pending import LEDGER_COLUMNS, Pending
from photoidx.records import Kind
from photoidx.stage import PhotoStage


class Made(PhotoStage):
    """A stage of some name."""

    def __init__(self, name: str, needs: str) -> None:
        self.name, self.needs = name, needs

    def run(self, photo):
        raise NotImplementedError


# More than fit into one number of 64 bits.
STAGES = [Made(f"stage{number}", "bytes" if number % 3 else "pixels") for number in range(70)]
CONTENTS = [f"content{number}" for number in range(6)]
FINGERPRINTS = [*(stage.fingerprint for stage in STAGES[:3] + STAGES[-3:]), DECODE_FINGERPRINT, "another@1:0"]
ROWS = some.dictionaries(
    some.tuples(some.sampled_from(CONTENTS), some.sampled_from(FINGERPRINTS)), some.sampled_from(["done", "failed"])
)


@given(rows=ROWS, retry_failed=some.booleans(), size=some.integers(1, 5))
def test_a_content_lacks_the_stages_that_the_ledger_does_not_have_of_it(rows, retry_failed, size):
    ledger = [(content_id, fingerprint, status) for (content_id, fingerprint), status in rows.items()]
    columns = [pa.array([row[at] for row in ledger], pa.string()) for at in range(3)]
    batches = pa.table(columns, names=LEDGER_COLUMNS).to_batches(max_chunksize=size)
    pending = Pending(batches, STAGES, retry_failed=retry_failed)

    def done(content_id: str, stage: PhotoStage) -> bool:
        if not retry_failed and stage.needs != "bytes" and (content_id, DECODE_FINGERPRINT) in rows:
            return True
        status = rows.get((content_id, stage.fingerprint))
        return status == "done" or (status == "failed" and not retry_failed)

    lacking = {
        content_id: tuple(stage.name for stage in STAGES if not done(content_id, stage)) for content_id in CONTENTS
    }
    expected = {(content_id, Kind.PHOTO): names for content_id, names in lacking.items() if names}
    assert pending.missing([(None, Kind.PHOTO), *((each, Kind.PHOTO) for each in CONTENTS)]) == expected
    assert set(pending.complete()) == {each for each in CONTENTS if not lacking[each]}
