"""Hostile SQL and `--where`: they reach nothing but the tables, and take no more than their share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from made_library import file, write
from photoidx import Config, Library
from photoidx.errors import QueryError
from photoidx.queries.gallery.reading import photo_rows
from photoidx.queries.sql.process import paths_where
from photoidx.queries.sql.query import run_sql
from photoidx.storage.store import Store

PHOTOIDX = Path(sys.executable).with_name("photoidx")
SECRET = "the-secret"
ATTACKS = [
    "COPY (PIVOT photos ON name USING count(*)) TO '{0}/out.csv'",
    "EXPLAIN ANALYZE COPY (PIVOT photos ON name USING count(*)) TO '{0}/out.csv'",
    "PIVOT (SELECT content AS k, 1 AS v FROM read_text('{0}/s.csv')) ON k USING sum(v)",
    "SELECT * FROM read_csv(['{0}/s.csv'])",
    "FROM read_csv(getvariable('x'))",
    "SELECT * FROM (VALUES ('{0}/s.csv')) AS v(f), LATERAL (SELECT * FROM read_text(f))",
    "SELECT * FROM '{0}/*.csv'",
    'SELECT * FROM "{0}/s.csv"',
    "SELECT * FROM read_csv('/dev/stdin')",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM sqlite_scan('{0}/x.db', 't')",
    "SELECT * FROM postgres_query('x', 'SELECT 1')",
    "SELECT * FROM read_xlsx('{0}/s.xlsx')",
    "SELECT * FROM st_read('{0}/s.csv')",
    "SELECT * FROM delta_scan('{0}')",
    "SELECT * FROM iceberg_scan('{0}')",
    "SELECT * FROM 'hf://datasets/a/b.csv'",
    "SELECT * FROM read_text('file://{0}/s.csv')",
    "FORCE INSTALL httpfs FROM community",
    "ATTACH ':memory:' AS other",
    "ATTACH 'https://example.invalid/x.db' (TYPE sqlite)",
    "SET VARIABLE x = 1",
    "SET allow_unsigned_extensions = true",
    "SET temp_directory = '{0}'",
    "SET memory_limit = '1TB'",
    "SET threads = 1000",
    "SET extension_directory = '{0}'",
    "SET allowed_directories = ['{0}']",
    "SET allowed_paths = ['{0}/s.csv']",
    "RESET memory_limit",
    "CREATE MACRO photos() AS 1",
    "CREATE TABLE mine AS PIVOT photos ON name USING count(*)",
    "/* PIVOT */ CREATE TEMP TABLE mine AS PIVOT photos ON name USING count(*)",
    "WITH p AS (PIVOT photos ON name USING count(*)) INSERT INTO t.files SELECT * FROM t.files, p",
    "INSERT INTO t.files PIVOT photos ON name USING count(*)",
    "MERGE INTO t.files USING t.files AS f ON true WHEN MATCHED THEN DELETE",
    "COMMENT ON TABLE t.files IS 'x'",
    "SELECT write_log('x') FROM read_text('{0}/s.csv')",
    "SELECT * FROM test_all_types() AS t, read_text('{0}/s.csv')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM arrow_scan_dumb(1::POINTER, 2::POINTER, 3::POINTER)",
    "SELECT * FROM pandas_scan(1::POINTER)",
    "SELECT * FROM python_map_function(1)",
    "SELECT * FROM stored_rows",
    "SELECT * FROM frame",
]
CONDITIONS = [
    "true) UNION SELECT content FROM read_text('{0}/s.csv') --",
    "true); COPY photos TO '{0}/out.csv'; --",
    "true; DROP VIEW photos",
    "true) -- ",
    "true /*",
    "*/ true",
    "true, 1",
    ") OR (true",
    "",
    ";",
    "path IN (SELECT content FROM read_text('{0}/s.csv'))",
    "EXISTS (FROM '{0}/s.csv')",
    "getenv('HOME') = 'x'",
    "1 = (SELECT count(*) FROM glob('{0}/*'))",
    "true ORDER BY 1 LIMIT 1",
    "true\0",
]
TOO_MUCH = [
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r) SELECT * FROM r",
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT 1 - a FROM r) SELECT max(a) FROM r",
    "SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b WHERE a.range % 7 = b.range % 5",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(str(tmp_path_factory.mktemp("hostile") / "library"), create=True)
    write(store, files=[file("/p/a.jpg", "c1"), file("/p/b.jpg", "c2")])
    return store


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stay out of."""
    (tmp_path / "s.csv").write_text(f"a\n{SECRET}\n")
    with duckdb.connect(str(tmp_path / "x.db")) as made:
        made.execute("CREATE TABLE t AS SELECT 1 AS a")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_query_reaches_nothing_but_the_tables(store: Store, outside: Path, attack: str):
    stored_rows, frame = pa.table({"a": [SECRET]}), {"a": [SECRET]}
    before = sorted(outside.rglob("*"))
    with pytest.raises(QueryError) as raised:
        run_sql(store, attack.format(outside))
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert sorted(outside.rglob("*")) == before
    assert (stored_rows.num_rows, len(frame), store.read("files").num_rows) == (1, 1, 2)


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_stays_one_condition(store: Store, outside: Path, condition: str):
    before = sorted(outside.rglob("*"))
    for ask in (paths_where, photo_rows):
        with pytest.raises(QueryError) as raised:
            ask(store, condition.format(outside))
        assert SECRET not in str(raised.value)
    assert sorted(outside.rglob("*")) == before


@pytest.mark.parametrize("command", [["similar", "/p/a.jpg"], ["search", "boat"], ["gallery", "out.html"]])
def test_every_command_with_a_condition_refuses_a_broken_one(store: Store, outside: Path, command: list[str]):
    words = [PHOTOIDX, *command, "--library", store.uri, "--where", CONDITIONS[0].format(outside)]
    done = subprocess.run(words, capture_output=True, check=False, timeout=600, text=True)
    assert done.returncode == 1, done.stderr
    assert "condition" in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert not (outside / "out.html").exists()


def test_a_pivot_is_a_query(store: Store):
    query = "WITH p AS (SELECT name, 'create' AS copy, 1 AS n FROM photos) PIVOT p ON name USING sum(n)"
    assert run_sql(store, query).to_pylist() == [{"copy": "create", "a.jpg": 1, "b.jpg": 1}]


def test_what_locks_a_query_is_locked_itself(store: Store):
    wanted = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "lock_configuration": "true",
        "temp_directory": "",
    }
    names = ", ".join(f"'{name}'" for name in wanted)
    rows = run_sql(store, f"SELECT name, value FROM duckdb_settings() WHERE name IN ({names})").to_pylist()
    assert {row["name"]: row["value"] for row in rows} == wanted


@pytest.mark.parametrize("query", TOO_MUCH)
def test_a_query_without_end_is_stopped(store: Store, query: str):
    with pytest.raises(QueryError, match="longer than 1 s and was stopped"):
        run_sql(store, query, Config(query_time_limit_s=1))


def test_an_answer_without_end_is_given_up(store: Store):
    with pytest.raises(QueryError, match="larger than 20 MiB"):
        run_sql(store, "SELECT range FROM range(100000000000)", Config(query_answer_bytes=20 << 20))


def test_the_limits_hold_for_a_library_too_and_leave_the_next_query_alone(store: Store):
    library = Library(store.uri, Config(query_time_limit_s=5))
    with pytest.raises(QueryError, match="was stopped"):
        library.sql(TOO_MUCH[0])
    assert library.sql("SELECT count(*) AS n FROM photos").to_pylist() == [{"n": 2}]


@pytest.mark.parametrize("late", ["error('late ' || path)", "CAST('late' AS INT)"])
def test_an_error_that_comes_late_is_one_line(store: Store, late: str):
    query = f"SELECT CASE WHEN r.range > 90000 THEN {late} END FROM photos, range(100000) r"
    with pytest.raises(QueryError, match="late") as raised:
        run_sql(store, query)
    assert "\n" not in str(raised.value)
