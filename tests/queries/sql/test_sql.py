"""SQL over real LanceDB tables, written row by row: answers, views, and what a query must not reach."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from photoidx.config import Config
from photoidx.errors import QueryError
from photoidx.queries.sql.query import run_sql
from photoidx.registry import stages
from photoidx.stage import TableSpec, column
from photoidx.storage.schema import arrow_schema, tables_of
from photoidx.storage.store import Store

SPECS = tables_of(stages(Config()))
SECRET = "the-secret"
TOOK = datetime(2024, 5, 1, 12, 30, 15, 123456)  # noqa: DTZ001 - a camera's local time


def file(path: str, content_id: str, kind: str = "photo", shot_id: str = "shot-1", **rest: Any) -> dict[str, Any]:
    suffix = path.rpartition(".")[2]
    return {
        "path": path, "root": "/p", "size": 10, "mtime_ns": 10**18 + 1000, "inode": 0, "content_id": content_id,
        "kind": kind, "format": suffix, "shot_id": shot_id, **rest,
    }  # fmt: skip


def write(store: Store, **tables: list[dict[str, Any]]) -> None:
    with store.writing():
        for name, rows in tables.items():
            store.ensure(SPECS[name])
            store.upsert(SPECS[name], rows)


def ask(store: Store, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in run_sql(store, query).to_pylist()]


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "empty"), create=True)
    write(store)
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(str(tmp_path_factory.mktemp("sql") / "library"), create=True)
    write(
        store,
        files=[
            file("/p/a.cr3", "c1"),
            file("/p/a.jpg", "c2"),
            file("/p/a.xmp", "x1", "sidecar"),
            file("/p/copy/a.jpg", "c2"),
            file("/p/b.jpg", "c3", shot_id="shot-3"),
            file("/p/unread.jpg", None, shot_id="shot-4", error="Permission denied"),
        ],
        exif=[
            {"content_id": "c1", "iso": 100, "model": "R6", "taken_at": TOOK, "rating": 1, "tags": '{"Lens": "50"}'},
            {"content_id": "c2", "iso": 200, "model": "R6", "rating": 2, "keywords": ["inside"]},
            {"content_id": "c3", "iso": None, "model": "A7", "rating": 3, "label": "Red"},
        ],
        sidecars=[{"content_id": "x1", "rating": 5, "keywords": ["sea", "boat"]}],
        labels=[{"content_id": "c2", "labels": ["lighthouse", "boat"], "probabilities": [0.75, 0.25]}],
        ledger=[
            {"content_id": "c2", "stage": "exif", "fingerprint": "f", "status": "failed", "error": "no EXIF"},
            {"content_id": "c1", "stage": "exif", "fingerprint": "f", "status": "done"},
        ],
        thumbnails=[{"content_id": "c1", "jpeg": b"\xff\xd8", "width": 2, "height": 2}],
    )
    return store


def test_photos_has_one_row_per_file_also_when_two_share_a_content(store: Store):
    assert ask(store, "SELECT name, folder, iso FROM photos ORDER BY path") == [
        ("a.cr3", "/p", 100),
        ("a.jpg", "/p", 200),
        ("b.jpg", "/p", None),
        ("a.jpg", "/p/copy", 200),
        ("unread.jpg", "/p", None),
    ]


def test_sub_second_times_survive(store: Store):
    assert ask(store, "SELECT taken_at, extract('microsecond' FROM taken_at) FROM photos WHERE iso = 100") == [
        (TOOK, 15123456)
    ]


def test_a_sidecar_goes_before_what_is_embedded_for_every_photo_of_its_shot_in_its_folder(store: Store):
    assert ask(store, "SELECT path, rating, keywords, label FROM photos ORDER BY path") == [
        ("/p/a.cr3", 5, ["sea", "boat"], None),
        ("/p/a.jpg", 5, ["sea", "boat"], None),
        ("/p/b.jpg", 3, None, "Red"),
        ("/p/copy/a.jpg", 2, ["inside"], None),
        ("/p/unread.jpg", None, None, None),
    ]


def test_of_two_sidecars_the_newest_that_says_a_thing_wins_and_no_row_is_doubled(empty: Store):
    write(
        empty,
        files=[
            file("/p/a.jpg", "c1"),
            file("/p/a.xmp", "x1", "sidecar", mtime_ns=3),
            file("/p/a.jpg.xmp", "x2", "sidecar", mtime_ns=2),
            file("/p/a.aae", "x3", "sidecar", mtime_ns=9),
            file("/p/sub/a.jpg", "c1"),
            file("/p/sub/a.xmp", "x4", "sidecar", mtime_ns=9),
        ],
        exif=[{"content_id": "c1", "rating": 1}],
        sidecars=[
            {"content_id": "x1", "rating": 3},
            {"content_id": "x2", "rating": 2, "label": "Blue"},
            {"content_id": "x3"},
            {"content_id": "x4", "rating": 4},
        ],
    )
    assert ask(empty, "SELECT path, rating, label FROM photos ORDER BY path") == [
        ("/p/a.jpg", 3, "Blue"),
        ("/p/sub/a.jpg", 4, None),
    ]


@pytest.mark.skipif(os.sep != "/", reason="a backslash separates folders there")
def test_a_backslash_in_a_name_is_no_folder(empty: Store):
    write(empty, files=[file("/p/back\\slash.jpg", "c1")])
    assert ask(empty, "SELECT name, folder FROM photos") == [("back\\slash.jpg", "/p")]


def test_a_table_with_several_rows_for_a_content_does_not_double_photos_and_has_a_view_of_its_own(empty: Store):
    write(empty, files=[file("/p/a.jpg", "c1")])
    spots = TableSpec("spots", "Spots.", (column("n", pa.int32(), "n"), column("glow", pa.int32(), "n")), ("n",))
    with empty.writing():
        empty.ensure(spots)
        empty.upsert(spots, [{"content_id": "c1", "n": number, "glow": 5} for number in range(3)])
    assert ask(empty, "SELECT path FROM photos") == [("/p/a.jpg",)]
    assert ask(empty, "SELECT count(*), sum(glow)::INT FROM spots") == [(3, 15)]


def test_a_table_of_another_package_is_flattened_into_photos_and_can_not_hide_its_columns(empty: Store):
    write(empty, files=[file("/p/a.jpg", "c1")])
    spec = TableSpec("bright", "B.", (column("mean", pa.float32(), "m"), column("size", pa.int32(), "clash")))
    with empty.writing():
        empty.ensure(spec)
        empty.upsert(spec, [{"content_id": "c1", "mean": 0.5, "size": 99}])
    assert ask(empty, "SELECT mean, size FROM photos") == [(0.5, 10)]


def test_labels_are_one_row_for_each_word_and_file(store: Store):
    assert ask(store, "SELECT path, rank, label, probability FROM labels ORDER BY ALL") == [
        ("/p/a.jpg", 1, "lighthouse", 0.75),
        ("/p/a.jpg", 2, "boat", 0.25),
        ("/p/copy/a.jpg", 1, "lighthouse", 0.75),
        ("/p/copy/a.jpg", 2, "boat", 0.25),
    ]
    joined = "SELECT p.path, probability FROM labels l JOIN photos p USING (path) WHERE l.label ILIKE '%house'"
    assert len(ask(store, joined)) == 2
    assert len(ask(store, "SELECT 1 FROM labels WHERE content_id = 'c2'")) == 4


def test_failures_name_every_file_of_a_content_and_files_that_could_not_be_read(store: Store):
    assert ask(store, "SELECT path, stage, error FROM failures ORDER BY path") == [
        ("/p/a.jpg", "exif", "no EXIF"),
        ("/p/copy/a.jpg", "exif", "no EXIF"),
        ("/p/unread.jpg", "read", "Permission denied"),
    ]


@pytest.mark.parametrize("view", ["photos", "labels", "failures", "scans", "files", "exif", "sidecars", "thumbnails"])
def test_every_view_answers_on_an_empty_library(empty: Store, view: str):
    answer = run_sql(empty, f"SELECT * FROM {view}")
    assert answer.num_rows == 0
    assert answer.num_columns > 2


def test_a_column_that_the_library_does_not_have_yet_is_null(empty: Store):
    with empty.writing():
        empty.ensure(TableSpec("exif", "As an older version wrote it.", (column("iso", pa.int32(), "ISO"),)))
        empty.upsert(TableSpec("exif", "", (column("iso", pa.int32(), ""),)), [{"content_id": "c1", "iso": 50}])
    write(empty, files=[file("/p/a.jpg", "c1")])
    assert ask(empty, "SELECT iso, model FROM photos") == [(50, None)]


def test_tags_are_read_where_a_query_names_them(store: Store):
    assert ask(store, "SELECT tags->>'$.Lens' FROM exif WHERE content_id = 'c1'") == [("50",)]
    assert ask(store, "SELECT json_extract_string(Tags, 'Lens') FROM photos WHERE iso = 100") == [("50",)]
    assert "tags" not in run_sql(store, "SELECT * FROM photos").column_names
    assert ask(store, "SELECT octet_length(jpeg) FROM thumbnails") == [(2,)]
    assert run_sql(store, "SELECT * FROM thumbnails").column_names == ["content_id", "width", "height"]


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("WITH r6 AS (SELECT * FROM photos WHERE model = 'R6') SELECT count(*) FROM r6", [(3,)]),
        ("SELECT path FROM photos QUALIFY row_number() OVER (ORDER BY iso NULLS LAST, path) = 1", [("/p/a.cr3",)]),
        ("SELECT model, count(*) FROM photos GROUP BY ALL ORDER BY ALL", [("A7", 1), ("R6", 3), (None, 1)]),
        ("FROM photos SELECT count(*)", [(5,)]),
        ("VALUES (1), (2)", [(1,), (2,)]),
        ("SELECT count(*) FROM photos; -- and no more", [(5,)]),
        ("SELECT ';' -- ; SELECT 2", [(";",)]),
        ("SELECT count(*) FROM (SUMMARIZE photos) WHERE column_name = 'iso'", [(1,)]),
        ("SELECT count(*) FROM (DESCRIBE photos) WHERE column_name IN ('path', 'iso')", [(2,)]),
        ("SELECT P.ISO FROM PHOTOS P WHERE p.Path = '/p/a.cr3'", [(100,)]),
        ("PIVOT (SELECT model FROM photos WHERE model IS NOT NULL) ON model USING count(*)", [(1, 3)]),
    ],
)
def test_the_whole_of_sql_is_there(store: Store, query: str, answer: list[tuple[Any, ...]]):
    assert ask(store, query) == answer


def test_a_user_can_ask_what_there_is(store: Store):
    views = {name for (name,) in ask(store, "SHOW TABLES")}
    assert views == set(SPECS) - {"meta", "vectors_efficientnet_lite0"} | {"photos", "videos", "failures"}
    assert ask(store, "DESCRIBE photos")[0][:2] == ("path", "VARCHAR")
    assert "iso" in {row[0] for row in ask(store, "SUMMARIZE photos")}
    assert "physical_plan" in ask(store, "EXPLAIN SELECT * FROM photos")[0]


def test_columns_of_one_name_are_told_apart(store: Store):
    answer = run_sql(store, "SELECT 1 AS a, 2 AS a, 3 AS a_2, 4 AS a")
    assert answer.to_pylist() == [{"a": 1, "a_2": 2, "a_2_2": 3, "a_3": 4}]


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stay out of; it is the current one too."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for name in ("s.csv", "s.json", "s.txt"):
        (folder / name).write_text(json.dumps({"a": SECRET}))
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [SECRET]}), folder / "s.parquet")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("A_SECRET", SECRET)
    return folder


ATTACKS = [
    "SELECT * FROM read_csv('{0}/s.csv')",
    "SELECT * FROM read_csv_auto('s.csv')",
    "SELECT * FROM sniff_csv('{0}/s.csv')",
    "SELECT * FROM read_text('{0}/s.txt')",
    "SELECT * FROM read_blob('{0}/*')",
    "SELECT * FROM read_parquet('{0}/s.parquet')",
    "SELECT * FROM parquet_metadata('{0}/s.parquet')",
    "SELECT * FROM read_json('{0}/s.json')",
    "SELECT * FROM read_ndjson_objects('{0}/s.json')",
    "SELECT * FROM read_duckdb('{0}/x.db')",
    "SELECT * FROM glob('{0}/*')",
    "FROM '{0}/s.csv'",
    "FROM 's.parquet'",
    "SELECT * FROM 'https://example.invalid/s.csv'",
    "SELECT * FROM read_csv('http://example.invalid/s.csv')",
    "SELECT * FROM 's3://bucket/s.parquet'",
    "SELECT * FROM query('FROM ''s.csv''')",
    "SELECT * FROM query_table('s.csv')",
    "WITH x AS (SELECT * FROM read_text('s.txt')) SELECT * FROM x",
    "SELECT (SELECT content FROM read_text('s.txt'))",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{0}/out.csv'",
    "COPY (SELECT * FROM photos) TO '{0}/out.csv'",
    "COPY photos TO 'out.parquet'",
    "EXPORT DATABASE '{0}/out'",
    "IMPORT DATABASE '{0}'",
    "ATTACH '{0}/new.db'",
    "EXPLAIN ANALYZE ATTACH '{0}/new.db'",
    "DETACH memory",
    "USE t",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{0}/s.txt'",
    "SET enable_external_access = true",
    "SET GLOBAL lock_configuration = false",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "PRAGMA profiling_output = '{0}/out.json'",
    "CALL pragma_version()",
    "SELECT * FROM enable_logging(storage = 'file', storage_path = '{0}/log')",
    "SELECT * FROM enable_profiling(save_location = '{0}/out.json')",
    "CREATE TABLE mine AS SELECT 1",
    "CREATE OR REPLACE VIEW photos AS SELECT 1",
    "CREATE SECRET (TYPE s3)",
    "INSERT INTO files SELECT * FROM files",
    "UPDATE files SET path = 'x'",
    "UPDATE t.files SET path = 'x'",
    "DELETE FROM t.files",
    "DROP VIEW photos",
    "TRUNCATE t.files",
    "ALTER TABLE t.files ADD COLUMN x INT",
    "BEGIN",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "VACUUM",
    "CHECKPOINT",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW photos",
    "",
    "-- nothing",
    "SELECT getenv('A_SECRET')",
    "SELECT * FROM hidden_rows",
    "SELECT * FROM SPECS",
    "SELECT * FROM duckdb_secrets()",
    "SELECT",
    "not sql at all",
    "SELECT $1",
    "SELECT 'unended",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_query_that_reaches_out_is_refused_and_touches_nothing(store: Store, secret: Path, attack: str):
    hidden_rows = pa.table({"a": [SECRET]})
    before = sorted(secret.rglob("*"))
    with pytest.raises(QueryError) as raised:
        run_sql(store, attack.format(secret))
    assert hidden_rows.num_rows == 1
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert sorted(secret.rglob("*")) == before
    assert store.read("files").num_rows == 6


@pytest.mark.slow
def test_every_table_function_that_takes_a_path_keeps_the_files_secret(store: Store, secret: Path):
    functions = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type LIKE 'table%'"
    readers = ask(store, f"{functions} AND regexp_matches(function_name, 'read|scan|glob|sniff|parquet|import')")
    assert len(readers) > 20
    for (name,) in readers:
        for path in (f"{secret}/s.csv", f"{secret}/*", "s.parquet"):
            with pytest.raises(QueryError) as raised:
                run_sql(store, f"SELECT * FROM {name}('{path}')")
            assert SECRET not in str(raised.value)


def test_a_large_sort_spills_nothing_into_the_current_folder(store: Store, secret: Path):
    assert ask(store, "SELECT current_setting('temp_directory')") == [("",)]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT isoo FROM photos", ["no column isoo", "iso"]),
        ("SELECT photos.isoo FROM photos", ["no column isoo", "iso"]),
        ("SELECT p.isoo FROM photos p", ["no column isoo", "iso"]),
        ('SELECT "focal lenght mm" FROM photos', ["no column focal lenght mm", "focal_length_mm"]),
        ("SELECT avg(f_nmber) FROM photos", ["no column f_nmber", "f_number"]),
        ("SELECT coalesce(upper(modell), '') FROM photos", ["no column modell", "model"]),
        ("SELECT path FROM photos WHERE takenat > '2020-01-01'", ["no column takenat", "taken_at"]),
        ("SELECT count(*) FROM photos GROUP BY foldr", ["no column foldr", "folder"]),
        ("SELECT path FROM photos ORDER BY ratign", ["no column ratign", "rating"]),
        ("SELECT * EXCLUDE (modle) FROM photos", ["no column modle", "model"]),
        ("SELECT * FROM photos JOIN labels USING (pth)", ["no column pth", "path"]),
        ("WITH x AS (SELECT stge FROM failures) SELECT * FROM x", ["no column stge", "stage"]),
        ("SELECT tagz FROM photos", ["no column tagz", "tags"]),
        ("SELECT zzzzzz FROM failures", ["no column zzzzzz", "There are: at, error, path, stage"]),
        ("SELECT * FROM photo", ["no view photo", "photos"]),
        ('SELECT * FROM "Photoz"', ["no view Photoz", "photos"]),
        ("SELECT * FROM main.lables", ["no view lables", "labels"]),
        ("SELECT lables.rank FROM labels", ["no view lables", "labels"]),
        ("SELECT lenght(path) FROM photos", ["lenght", 'Did you mean "length"']),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_that_there_are(store: Store, query: str, words: list[str]):
    with pytest.raises(QueryError) as raised:
        run_sql(store, query)
    assert [word for word in words if word not in str(raised.value)] == [], str(raised.value)


def test_a_library_of_100_000_photos_answers(tmp_path: Path):
    count = 100_000
    store = Store(str(tmp_path / "large"), create=True)
    ids = [f"{number:032x}" for number in range(count)]
    photos = {"path": [f"/p/{name}.jpg" for name in ids], "content_id": ids, "kind": ["photo"] * count}
    exif = {"content_id": ids, "iso": range(count)}
    with store.writing():
        for name, columns in (("files", photos), ("exif", exif)):
            schema = arrow_schema(SPECS[name])
            arrays = [
                pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(count, field.type)
                for field in schema
            ]
            store.ensure(SPECS[name])
            store.upsert(SPECS[name], pa.Table.from_arrays(arrays, schema=schema))
    assert ask(store, "SELECT count(*), max(iso), count(DISTINCT path) FROM photos") == [(count, count - 1, count)]
