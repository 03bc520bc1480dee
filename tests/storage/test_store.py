"""The library on disk: real LanceDB tables in a temporary folder, and real processes that hold the lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from photoidx.errors import LibraryLockedError, LibraryNotFoundError, LibraryTooNewError, PhotoidxError
from photoidx.stage import TableSpec, column
from photoidx.storage.lock import WATCH
from photoidx.storage.migrations import MIGRATIONS, Migration, migrate
from photoidx.storage.schema import FILES, META, OWN_TABLES, SCHEMA_VERSION, key_of
from photoidx.storage.store import Store

MARK = b"lance-schema:unenforced-primary-key"
ONE, TWO, THREE = (column(name, pa.string(), name) for name in ("one", "two", "three"))
NARROW = TableSpec("things", "Things.", (ONE, THREE))
WIDE = TableSpec("things", "Things.", (ONE, TWO, THREE))
HOLD = """
import sys, time
from photoidx.storage.store import Store
with Store(sys.argv[1], create=True).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "library"), create=True)
    with store.writing():
        pass
    return store


@contextmanager
def holder(uri: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the writer's lock."""
    command = [sys.executable, "-c", HOLD, uri]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def files(store: Store) -> dict[str, int]:
    return {row["path"]: row["size"] for row in store.read("files").to_pylist()}


def test_writing_a_row_twice_is_the_same_as_once(store: Store):
    rows = [{"path": "/a", "size": 1}, {"path": "/b", "size": 2}]
    with store.writing():
        store.upsert(FILES, rows)
        store.upsert(FILES, rows)
        store.upsert(FILES, [{"path": "/b", "size": 3}])
    assert store.read("files").num_rows == 2
    assert files(store) == {"/a": 1, "/b": 3}


def test_of_two_given_rows_with_one_key_the_last_counts(store: Store):
    with store.writing():
        store.upsert(FILES, [{"path": "/a", "size": 1}, {"path": "/b", "size": 1}, {"path": "/a", "size": 2}])
    assert store.read("files").num_rows == 2
    assert files(store)["/a"] == 2


def test_a_key_of_two_columns_is_one_key(store: Store):
    ledger = next(spec for spec in OWN_TABLES if spec.name == "ledger")
    with store.writing():
        for status in ("failed", "done"):
            rows = [{"content_id": "c", "stage": stage, "status": status} for stage in ("exif", "hash")]
            store.upsert(ledger, rows)
    assert sorted(store.read("ledger", ["stage", "status"]).to_pylist(), key=str) == [
        {"stage": "exif", "status": "done"},
        {"stage": "hash", "status": "done"},
    ]


def test_writing_nothing_is_nothing(store: Store):
    with store.writing():
        store.upsert(FILES, [])
        store.delete("files", "path", [])
    assert files(store) == {}


def test_a_second_writer_is_refused_with_the_process_that_writes(store: Store):
    with (
        holder(store.uri) as process,
        pytest.raises(LibraryLockedError, match=rf"process {process.pid} on "),
        store.writing(),
    ):
        pass


def test_the_lock_of_a_killed_process_is_free(store: Store):
    with holder(store.uri) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with store.writing():
            store.upsert(FILES, [{"path": "/a", "size": 1}])
            assert json.loads((Path(store.uri) / "writer.json").read_text())["pid"] == os.getpid()
    assert files(store) == {"/a": 1}


def test_the_lock_is_free_after_an_error(store: Store):
    with pytest.raises(ZeroDivisionError), store.writing():
        raise ZeroDivisionError
    with store.writing():
        pass


def test_readers_need_not_wait_for_a_writer_and_see_what_it_wrote(store: Store):
    reader = Store(store.uri)
    with store.writing():
        assert files(reader) == {}
        store.upsert(FILES, [{"path": "/a", "size": 1}])
        assert files(reader) == files(Store(store.uri)) == {"/a": 1}
    with holder(store.uri):
        assert files(Store(store.uri)) == {"/a": 1}


def test_a_table_grows_by_a_column_and_keeps_its_rows(store: Store):
    with store.writing():
        store.ensure(NARROW)
        store.upsert(NARROW, [{"content_id": "a", "one": "1", "three": "3"}])
        store.ensure(WIDE)
        store.ensure(WIDE)
        assert store.read("things").to_pylist() == [{"content_id": "a", "one": "1", "three": "3", "two": None}]
        store.upsert(WIDE, [{"content_id": "b", "one": "I", "two": "II", "three": "III"}])
        store.ensure(NARROW)
    rows = {row["content_id"]: (row["one"], row["two"], row["three"]) for row in store.read("things").to_pylist()}
    assert rows == {"a": ("1", None, "3"), "b": ("I", "II", "III")}


@pytest.mark.parametrize("value", ["it's", "''", "back\\slash", '"', "; DROP", "%", "\n", "\U0010ffe9", "x' OR '1'='1"])
def test_exactly_the_named_row_is_deleted_whatever_characters_it_has(store: Store, value: str):
    with store.writing():
        store.upsert(FILES, [{"path": path, "size": 1} for path in (value, value * 2 + "x", "other")])
        store.delete("files", "path", [value])
    assert set(files(store)) == {value * 2 + "x", "other"}


def test_many_rows_are_deleted(store: Store):
    with store.writing():
        store.upsert(FILES, [{"path": f"/{number}", "size": 1} for number in range(1203)])
        store.delete("files", "path", [f"/{number}" for number in range(1201)])
    assert set(files(store)) == {"/1201", "/1202"}


def test_the_schema_version_is_recorded_once_and_a_newer_one_is_refused(store: Store):
    assert store.meta()["schema_version"] == str(SCHEMA_VERSION)
    with store.writing():
        store.upsert(META, [{"name": "schema_version", "value": str(SCHEMA_VERSION + 1)}])
    with pytest.raises(LibraryTooNewError, match=f"schema version {SCHEMA_VERSION + 1}"):
        Store(store.uri)


def test_an_older_library_takes_the_steps_that_it_lacks_once_each_and_records_them(store: Store):
    taken: list[int] = []

    def step(to: int) -> Migration:
        return Migration(to, f"step {to}", lambda _: taken.append(to))

    with store.writing():
        migrate(store, 1, [step(2), step(3)])
        migrate(store, int(store.meta()["schema_version"]), [step(2), step(3), step(4)])
    assert taken == [2, 3, 4]
    facts = store.meta()
    assert facts["schema_version"] == "4"
    assert all(facts[f"migration_{to}"].endswith(f"step {to}") for to in taken)


def test_a_step_that_fails_is_taken_again_the_next_time(store: Store):
    def fail(_: Store) -> None:
        raise OSError("disk full")

    with store.writing(), pytest.raises(OSError, match="disk full"):
        migrate(store, 1, [Migration(2, "first", lambda _: None), Migration(3, "second", fail)])
    assert store.meta()["schema_version"] == "2"


def test_the_known_steps_lead_to_this_version_without_a_gap():
    assert [step.to for step in MIGRATIONS] == list(range(2, SCHEMA_VERSION + 1))


def test_the_key_columns_of_every_table_carry_the_mark_of_a_key(store: Store):
    for spec in OWN_TABLES:
        marked = [field.name for field in store.schema(spec.name) if MARK in (field.metadata or {})]
        assert sorted(marked) == sorted(key_of(spec)), spec.name


def test_a_folder_that_is_no_library_is_told_and_stays_as_it_is(tmp_path: Path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(LibraryNotFoundError, match="photoidx scan"):
            Store(str(path))
    assert list(tmp_path.iterdir()) == []


def test_a_library_can_not_be_made_in_a_file_or_where_its_lock_can_not_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PhotoidxError, match="--library"):
        Store(str(tmp_path / "file"), create=True)
    (tmp_path / "locked" / "writer.lock").mkdir(parents=True)
    with (
        pytest.raises(PhotoidxError, match="Can't write to the library"),
        Store(str(tmp_path / "locked"), create=True).writing(),
    ):
        pass


def test_a_table_that_does_not_exist_is_a_key_error(store: Store):
    with pytest.raises(KeyError):
        store.read("things")


@pytest.mark.filterwarnings("ignore:optimize")
def test_optimizing_keeps_the_rows_and_shrinks_the_folder(store: Store):
    with store.writing():
        for number in range(20):
            store.upsert(FILES, [{"path": f"/{number}", "size": number}])
        before = store.size_bytes()
        store.optimize(timedelta(0))
    assert files(store) == {f"/{number}": number for number in range(20)}
    assert before is not None
    assert 0 < (store.size_bytes() or 0) < before


def test_a_writer_waits_for_a_watch_and_says_so_and_a_watch_does_not_wait(tmp_path: Path, caplog):
    uri, held, let_go = str(tmp_path / "library"), threading.Event(), threading.Event()

    def hold() -> None:
        with Store(uri, create=True).writing(WATCH):
            held.set()
            let_go.wait(600)

    watch = threading.Thread(target=hold)
    watch.start()
    try:
        assert held.wait(600)
        with pytest.raises(LibraryLockedError, match="the watch"), Store(uri).writing(WATCH):
            pass
        threading.Timer(0.5, let_go.set).start()
        with Store(uri).writing():
            assert let_go.is_set()
    finally:
        let_go.set()
        watch.join()
    assert "Waiting for the watch (process" in caplog.text
