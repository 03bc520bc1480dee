"""What a commit writes: shared tables, tables of several rows, what is taken over from a content of equal pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from photoidx.indexer.scan.commit import Batch
from photoidx.stage import Photo, PhotoStage, Rows, TableSpec, column, quality
from photoidx.storage.schema import FILES, tables_of
from photoidx.storage.store import Store

MANY = TableSpec("many", "Several rows.", (column("n", pa.int32(), "n"), column("v", pa.string(), "v")), row_key=("n",))
WIDE = TableSpec("wide", "A vector.", (column("vector", pa.list_(pa.float16(), 3), "v"),))


class Scorer(PhotoStage):
    def __init__(self, name: str, *columns: str) -> None:
        self.name = name
        self.tables = (quality(*(column(each, pa.float32(), each) for each in columns)),)

    def run(self, photo: Photo) -> Rows:
        raise NotImplementedError


class Lister(Scorer):
    def __init__(self) -> None:
        self.name, self.tables = "lister", (MANY,)


class Vectors(Scorer):
    def __init__(self) -> None:
        self.name, self.tables = "vectors", (WIDE,)


SHARP, LIGHT = Scorer("sharp", "sharp", "tile"), Scorer("light", "light")


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    store = Store(str(tmp_path), create=True)
    with store.writing():
        yield store


def batch(store: Store, *stages: PhotoStage) -> Batch:
    for spec in tables_of(stages).values():
        store.ensure(spec)
    return Batch(store, stages, 100)


def rows(store: Store, table: str) -> dict[object, dict[str, object]]:
    return {row.pop("content_id"): row for row in store.read(table).to_pylist()}


def test_scorers_share_one_row_of_the_table_quality(store):
    both = batch(store, SHARP, LIGHT)
    both.add("a", "sharp", {"quality": [{"sharp": 1.0, "tile": 2.0}]})
    both.add("a", "light", {"quality": [{"light": 3.0}]})
    both.commit()
    assert rows(store, "quality") == {"a": {"sharp": 1.0, "tile": 2.0, "light": 3.0}}


def test_a_scorer_that_runs_alone_later_leaves_the_columns_of_the_others_as_they_are(store):
    both = batch(store, SHARP, LIGHT)
    for content in ("a", "b"):
        both.add(content, "sharp", {"quality": [{"sharp": 1.0, "tile": 2.0}]})
        both.add(content, "light", {"quality": [{"light": 3.0}]})
    both.commit()
    alone = batch(store, SHARP)
    alone.add("a", "sharp", {"quality": [{"sharp": 9.0}]})
    alone.add("c", "sharp", {"quality": [{"sharp": 5.0}]})
    alone.commit()
    assert rows(store, "quality") == {
        "a": {"sharp": 9.0, "tile": None, "light": 3.0},
        "b": {"sharp": 1.0, "tile": 2.0, "light": 3.0},
        "c": {"sharp": 5.0, "tile": None, "light": None},
    }


def test_what_a_scorer_found_before_it_failed_does_not_stay(store):
    both = batch(store, SHARP, LIGHT)
    both.add("a", "sharp", {"quality": [{"sharp": 1.0, "tile": 2.0}]})
    both.add("a", "light", {"quality": [{"light": 3.0}]})
    both.commit()
    both.fail("a", "sharp", "broken")
    both.commit()
    assert rows(store, "quality") == {"a": {"sharp": None, "tile": None, "light": 3.0}}


def test_a_table_of_several_rows_holds_those_of_the_last_run_alone(store):
    lister = batch(store, Lister())
    lister.add("a", "lister", {"many": [{"n": 0, "v": "x"}, {"n": 1, "v": "y"}]})
    lister.add("b", "lister", {"many": [{"n": 0, "v": "z"}]})
    lister.commit()
    lister.add("a", "lister", {"many": [{"n": 0, "v": "new"}]})
    lister.commit()
    assert sorted(map(tuple, (row.values() for row in store.read("many").to_pylist()))) == [
        ("a", 0, "new"),
        ("b", 0, "z"),
    ]
    lister.add("a", "lister", {"many": []})
    lister.commit()
    assert [row["content_id"] for row in store.read("many").to_pylist()] == ["b"]


def test_a_content_with_the_same_pixels_gets_equal_rows_and_a_ledger_of_its_own(store):
    stages = (SHARP, LIGHT, Lister(), Vectors())
    all_of_them = batch(store, *stages)
    all_of_them.add("a", "sharp", {"quality": [{"sharp": 1.0, "tile": 2.0}]})
    all_of_them.add("a", "light", {"quality": [{"light": 3.0}]})
    all_of_them.add("a", "lister", {"many": [{"n": 0, "v": "x"}, {"n": 1, "v": "y"}]})
    all_of_them.add("a", "vectors", {"wide": [{"vector": np.array([0.1, -0.5, 1], np.float16)}]})
    all_of_them.commit()
    all_of_them.reuse("b", "a", ["sharp", "lister", "vectors"])
    all_of_them.add("b", "light", {"quality": [{"light": 4.0}]})
    all_of_them.commit()
    assert rows(store, "quality")["b"] == {"sharp": 1.0, "tile": 2.0, "light": 4.0}
    many = store.read("many").to_pylist()
    assert [(row["n"], row["v"]) for row in many if row["content_id"] == "b"] == [(0, "x"), (1, "y")]
    vectors = rows(store, "wide")
    assert vectors["b"] == vectors["a"]
    done = {(row["content_id"], row["stage"], row["status"]) for row in store.read("ledger").to_pylist()}
    assert {("b", stage.name, "done") for stage in stages} <= done


def test_two_scorers_with_a_column_of_one_name_are_refused(store):
    with pytest.raises(ValueError, match="declares sharp, which another stage has"):
        batch(store, SHARP, Scorer("other", "sharp"))


def test_the_more_rows_the_tables_have_the_more_a_commit_takes(store):
    def committed_after(least: int) -> list[int]:
        ours, counts = Batch(store, [SHARP], least), []
        for number in range(32):
            before = store.count("files")
            ours.file({"path": f"/p/{before}-{number}.jpg"})
            ours.commit_if_full()
            if store.count("files") > before:
                counts.append(store.count("files") - before)
        return counts

    # Of files alone four count as one: nothing was computed for them.
    assert committed_after(2) == [8, 8, 8, 8]
    store.upsert(FILES, [{"path": f"/q/{number}.jpg"} for number in range(2000)])
    assert committed_after(2) == [16, 16]
    assert committed_after(5) == [20]
