"""Two scans at once, and questions during a scan: one writes, the other says why not; answers are never half."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from faults.damage import commit, made
from faults.dying_scan import CONFIG
from faults.ready import faults_of, is_as_fresh, scan
from photoidx import Library
from photoidx.errors import LibraryLockedError
from photoidx.indexer.engines.pool import WorkerPool
from photoidx.queries.sql.query import run_sql
from photoidx.storage.store import Store
from pictures import draw

SMALL_COMMITS = """
import sys
from dataclasses import replace
from faults.damage import commit, made
from faults.dying_scan import CONFIG
from photoidx import Library
if __name__ == "__main__":
    Library(sys.argv[1], replace(CONFIG, commit_rows=2)).scan(sys.argv[2])
"""
WITHOUT_RESULTS = """
SELECT count(*) AS photos, count(*) FILTER (WHERE exif.content_id IS NULL OR hashes.content_id IS NULL) AS half
FROM photos LEFT JOIN exif USING (content_id) LEFT JOIN hashes ON hashes.content_id = photos.content_id
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(8):
        draw(tmp_path / "photos" / f"{number}.jpg", number)
    return tmp_path / "photos"


@contextmanager
def another_scan(uri: Path, photos: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Scan in another process, with many commits."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "helpers")}
    process = subprocess.Popen([sys.executable, "-c", SMALL_COMMITS, str(uri), str(photos)], env=environment)
    try:
        yield process
        assert process.wait(600) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_second_scan_says_who_writes_and_questions_see_whole_states_alone(
    photos: Path, tmp_path: Path, pool: WorkerPool
):
    uri = tmp_path / "library"
    scan(uri, photos, pool)
    for number in range(8, 32):
        draw(photos / f"{number}.jpg", number)
    for number in range(4):
        (photos / f"{number}.jpg").unlink()
    counts, holders = {8}, set()
    library = Library(uri, CONFIG)
    library.sql(WITHOUT_RESULTS)  # its process is there from now on
    with another_scan(uri, photos) as other:
        while other.poll() is None:
            for question in (library.bursts, library.status, library.failures, library.best_of_bursts):
                (answer,) = library.sql(WITHOUT_RESULTS).to_pylist()
                assert answer["half"] == 0
                counts.add(answer["photos"])
                question()
            if f'"pid": {other.pid},' in (uri / "writer.json").read_text():  # before, it would find the lock held
                try:
                    with Store(str(uri)).writing():
                        time.sleep(0.01)
                except LibraryLockedError as error:
                    holders |= set(re.findall(r"process (\d+) on", str(error)))
    assert len(counts) > 2, "questions came between commits"
    assert holders == {str(other.pid)}
    assert is_as_fresh(uri, photos, pool, tmp_path / "fresh")
    assert faults_of(uri) == []


def test_an_answer_has_the_results_of_every_photo_that_it_counts_though_commits_come_between_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store, read, at_work = made(tmp_path / "library"), Store.read, []

    def read_and_commit(self: Store, name: str, *args: Any) -> Any:
        rows = read(self, name, *args)
        if not at_work:
            at_work.append(name)
            commit(store, f"after-{name}")
            at_work.clear()
        return rows

    monkeypatch.setattr(Store, "read", read_and_commit)
    library = Library(store.uri)
    for _ in range(2):
        (answer,) = run_sql(Store(library.uri), WITHOUT_RESULTS, library.config).to_pylist()
        assert answer["half"] == 0
    assert answer["photos"] > 4
