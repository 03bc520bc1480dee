"""SQL in a process of its own: no query, however it is planned, takes more than its share or ends who asks."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

import fuzz_sql
from made_library import file, write
from photoidx import Config, Library
from photoidx.errors import EarlierStateError, LibraryNotFoundError, QueryError
from photoidx.queries.sql.process import Questions, paths_where
from photoidx.queries.sql.query import run_sql
from photoidx.storage.store import Store
from running_scan import wait_for

CONFIG = Config(query_time_limit_s=1)
CROSSED = "files"
STARS = "files"
NESTED = "files f"
for number in range(60):
    CROSSED = f"(SELECT a.* FROM {CROSSED} a CROSS JOIN files b)"
    NESTED = f"({NESTED} CROSS JOIN files f{number})"
for _ in range(24):
    STARS = f"(SELECT *, * FROM {STARS})"
TWICE = ", ".join(f"c{n} AS NOT MATERIALIZED (SELECT a.x FROM c{n - 1} a CROSS JOIN c{n - 1} b)" for n in range(1, 25))
WITHOUT_END = {
    "nested cross joins": f"SELECT count(*) FROM {CROSSED}",
    "cross joins in brackets": f"SELECT count(*) FROM {NESTED}",
    "columns that double": f"SELECT count(*) FROM {STARS}",
    "subqueries that double": f"WITH c0 AS (SELECT 1 AS x), {TWICE} SELECT count(*) FROM c24",
    "a constant that is folded": "SELECT levenshtein(repeat('a', 100000), repeat('b', 100000))",
}
ASKER = """
import sys
from photoidx.config import Config
from photoidx.queries.sql.process import Questions
questions = Questions()
questions.start()
print(questions._ready[0]._process.pid, flush=True)
questions.ask(sys.argv[1], sys.argv[2], Config())
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(str(tmp_path_factory.mktemp("sql") / "library"), create=True)
    write(store, files=[file("/p/a.jpg", "c1"), file("/p/b.jpg", "c2")])
    return store


@pytest.fixture(scope="module")
def questions() -> Iterator[Questions]:
    with contextlib.closing(Questions()) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("query", WITHOUT_END.values(), ids=WITHOUT_END.keys())
def test_a_query_that_does_not_end_while_it_is_planned_is_stopped(store: Store, questions: Questions, query: str):
    with pytest.raises(QueryError, match="longer than 1 s and was stopped"):
        questions.ask(store.uri, query, CONFIG)
    assert questions.ask(store.uri, "SELECT count(*) AS n FROM photos", CONFIG).to_pylist() == [{"n": 2}]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a process's own memory")
def test_a_query_that_takes_more_than_half_of_the_memory_is_refused(store: Store, questions: Questions):
    half = psutil.virtual_memory().total // 2
    with pytest.raises(QueryError, match="more than half of the computer's memory"):
        questions.ask(store.uri, f"SELECT len(range({half // 4}))", Config())


def test_a_condition_that_does_not_end_is_stopped(store: Store):
    with pytest.raises(QueryError, match="was stopped"):
        paths_where(store, f"({WITHOUT_END['subqueries that double']}) > 0", CONFIG)
    assert paths_where(store, "name = 'a.jpg'") == {"/p/a.jpg"}


def test_the_process_answers_as_the_engine_does_and_is_kept_for_the_next_query(store: Store):
    library = Library(store.uri)
    query = "SELECT path, size, modified_at, [1.5, NULL] AS list, 'ü' AS text, 1 AS text FROM photos ORDER BY path"
    answer = library.sql(query)
    assert answer.equals(run_sql(store, query))
    assert library._questions is not None
    (process,) = library._questions._ready
    assert isinstance(library.sql("SELECT 1"), pa.Table)
    assert library._questions._ready == [process]
    library._questions.close()
    assert not process.is_alive()
    assert library.sql("SELECT 1 AS a").to_pylist() == [{"a": 1}]


def test_a_process_that_died_meanwhile_is_replaced(store: Store):
    with contextlib.closing(Questions()) as questions:
        questions.ask(store.uri, "SELECT 1", CONFIG)
        questions._ready[0]._process.kill()
        questions._ready[0]._process.wait()
        assert questions.ask(store.uri, "SELECT 1 AS a", CONFIG).to_pylist() == [{"a": 1}]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
@pytest.mark.parametrize(
    ("number", "why"),
    [(signal.SIGTERM, "was ended from outside"), (signal.SIGKILL, "most likely because memory was short")],
)
def test_of_a_process_that_was_ended_only_what_is_known_is_told(store: Store, number: signal.Signals, why: str):
    with contextlib.closing(Questions()) as questions:
        questions.start()
        (process,) = questions._ready

        def end() -> None:
            wait_for(lambda: not process.is_ready)
            process._process.send_signal(number)

        threading.Thread(target=end).start()
        with pytest.raises(QueryError, match=why):
            questions.ask(store.uri, WITHOUT_END["columns that double"], Config())


def test_errors_keep_their_kind(store: Store, questions: Questions, tmp_path: Path):
    with pytest.raises(QueryError, match="no column isoo"):
        questions.ask(store.uri, "SELECT isoo FROM photos", CONFIG)
    with pytest.raises(LibraryNotFoundError):
        questions.ask(str(tmp_path / "none"), "SELECT 1", CONFIG)
    with pytest.raises(EarlierStateError):
        questions.ask(store.uri, "SELECT 1", CONFIG, datetime(2020, 1, 1, tzinfo=UTC))


def test_the_process_ends_with_the_one_that_asked(store: Store):
    query = "SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b WHERE a.range % 7 = b.range % 5"
    with subprocess.Popen([sys.executable, "-c", ASKER, store.uri, query], stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout is not None
        pid = int(asker.stdout.readline())
        assert psutil.pid_exists(pid)
        asker.kill()
    until = time.monotonic() + 120
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    "query",
    [
        "WITH x AS (DELETE FROM t.files RETURNING *) SELECT * FROM x",
        "WITH x AS (INSERT INTO t.files SELECT * FROM t.files RETURNING *) FROM x",
        "WITH x AS (UPDATE t.files SET size = 0 RETURNING *) SELECT count(*) FROM x",
        "EXPLAIN ANALYZE DELETE FROM t.files",
        "EXPLAIN DELETE FROM t.files",
        "EXPLAIN ANALYZE CREATE TABLE z AS SELECT 1",
        "EXPLAIN (FORMAT json) UPDATE t.files SET size = 0",
        "EXPLAIN ANALYZE CHECKPOINT",
        "EXPLAIN ANALYZE VACUUM",
        "EXPLAIN ANALYZE SET threads = 1",
        "CHECKPOINT",
        "FORCE CHECKPOINT",
        "FROM checkpoint()",
        'SELECT * FROM "Force_Checkpoint"()',
        "SELECT * FROM enable_logging()",
        "SELECT * FROM enable_profiling()",
        "SELECT write_log('x')",
        "SELECT * FROM query('FROM checkpoint()')",
    ],
)
def test_what_would_change_something_is_refused_however_it_is_wrapped(store: Store, query: str):
    with pytest.raises(QueryError, match="Only queries are answered"):
        run_sql(store, query)


@pytest.mark.parametrize(
    "query",
    [
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT count(*) FROM photos",
        "EXPLAIN (FORMAT json) SELECT 1",
        "EXPLAIN (SELECT 1)",
        "explain /* a comment */ analyze with x as (select 1) from x",
        "EXPLAIN ANALYZE PIVOT photos ON name USING count(*)",
        "SELECT 'CHECKPOINT()' AS checkpoint",
        "WITH deleted AS (SELECT 1) FROM deleted",
    ],
)
def test_what_only_reads_is_answered_however_it_is_wrapped(store: Store, query: str):
    assert run_sql(store, query).num_rows >= 1


@pytest.mark.parametrize("value", ["1::UHUGEINT", "'101'::BIT", "[TIMETZ '12:00:00+02']"])
def test_a_type_that_would_be_told_as_another_value_is_refused(store: Store, value: str):
    with pytest.raises(QueryError, match="CAST"):
        run_sql(store, f"SELECT {value} AS v")
    assert run_sql(store, "SELECT {'BIT': 1} AS v").num_rows == 1


def test_a_query_that_is_longer_than_anybody_writes_is_refused(store: Store):
    with pytest.raises(QueryError, match="at most"):
        run_sql(store, f"SELECT 1 -- {'x' * (1 << 20)}")


def test_random_statements_are_answered_or_refused_in_one_line(tmp_path: Path):
    """The short form of `scripts/fuzz_sql.py`."""
    counts, faults = fuzz_sql.run(tmp_path, range(60), seed=7)
    assert faults == []
    assert counts["answered"] >= 5
