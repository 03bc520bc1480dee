"""Workers that are ready, for all the scans of these tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from faults.dying_scan import CONFIG
from photoidx.indexer.engines.pool import WorkerPool


@pytest.fixture(scope="session")
def pool() -> Iterator[WorkerPool]:
    with contextlib.closing(WorkerPool(CONFIG)) as ours:
        yield ours
