"""A scan as the command does it, but with workers that are ready, so that many scans are quick."""

from __future__ import annotations

import threading
from pathlib import Path

from faults.dying_scan import CONFIG
from photoidx import Library
from photoidx.indexer.engines.pool import WorkerPool
from photoidx.indexer.scan.run import Scan, ScanResult
from photoidx.maintenance.doctor import examine
from photoidx.queries.bursts.table import is_current, regroup
from photoidx.storage.store import Store
from photoidx.storage.tables import Tables
from table_state import state_of


def scan(uri: Path, photos: Path, pool: WorkerPool) -> ScanResult:
    store = Store(str(uri), create=True)
    with store.writing():
        result = Scan(store, [str(photos)], pool, threading.Event()).run(lambda *_counts: None)
        if result.touched or not is_current(store):
            regroup(store)
    return result


def faults_of(uri: Path) -> list[str]:
    return [each.words for each in examine(Tables(str(uri))) if each.is_fault]


def is_as_fresh(uri: Path, photos: Path, pool: WorkerPool, fresh: Path) -> bool:
    """Scan once more, and compare the tables with those of another library that is made now."""
    scan(uri, photos, pool)
    scan(fresh, photos, pool)
    return state_of(Library(uri, CONFIG)) == state_of(Library(fresh, CONFIG)) and not faults_of(uri)
