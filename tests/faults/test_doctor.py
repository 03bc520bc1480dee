"""`photoidx doctor`: whole libraries are called whole, damaged ones are named and repaired, decisions are safe."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from faults.damage import WAYS, commit, data_files, made, remove, truncate
from made_library import SPECS
from photoidx.cli import cli
from photoidx.errors import LibraryNotFoundError, TableDamagedError
from photoidx.maintenance.doctor import examine
from photoidx.maintenance.repair import repair
from photoidx.queries.decisions.record import decisions
from photoidx.storage.schema import arrow_schema
from photoidx.storage.store import Store
from photoidx.storage.tables import Tables


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return made(tmp_path / "library")


def faults(store: Store) -> dict[str, str]:
    return {each.table: each.words for each in examine(Tables(store.uri)) if each.is_fault}


def rows(store: Store, table: str) -> set[tuple[object, ...]]:
    return {tuple(str(value) for value in row.values()) for row in Store(store.uri).read(table).to_pylist()}


def contents(store: Store, table: str) -> set[str]:
    return set(Store(store.uri).read(table, ["content_id"])["content_id"].to_pylist())


def run(*arguments: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(cli, arguments)
    return found.exit_code, found.stdout, found.stderr


def test_a_whole_library_is_called_whole_and_stays_as_it_is(store: Store):
    before = {name: store.version(name) for name in store.names()}
    status, out, talk = run("doctor", "--library", store.uri, "--format", "json")
    assert (status, json.loads(out)) == (0, [])
    assert "whole" in talk
    assert repair(Tables(store.uri)) == []
    assert {name: Store(store.uri).version(name) for name in store.names()} == before


@pytest.mark.parametrize(
    ("table", "way"),
    [*(("exif", way) for way in WAYS), *((table, truncate) for table in ("ledger", "files", "meta"))],
)
def test_a_damaged_table_is_named_and_mended_and_no_result_is_claimed_that_is_not_there(
    store: Store, table: str, way: Callable[[Path], None]
):
    held, facts = rows(store, "decisions"), store.meta()
    way(data_files(store, table)[-1])
    with pytest.raises(TableDamagedError, match=rf"{table} .* photoidx doctor"):
        Store(store.uri).read(table)
    assert table in faults(store)
    status, out, _ = run("doctor", "--library", store.uri, "--format", "json")
    assert status == 1
    assert any(row["table"] == table and row["remedy"].startswith("with --repair: ") for row in json.loads(out))
    assert repair(Tables(store.uri))
    assert faults(store) == {}
    whole = Store(store.uri)
    claimed = {row["content_id"] for row in whole.read("ledger").to_pylist() if row["stage"] == "exif"}
    assert claimed <= contents(store, "exif")
    assert rows(store, "decisions") == held
    commit(whole, "a", "b", "c", "d")  # what the next scan does
    assert contents(store, "exif") == {"a", "b", "c", "d"}
    assert faults(store) == {}
    assert facts["schema_version"] == whole.meta()["schema_version"]


def test_a_table_goes_back_to_its_last_readable_state_and_only_what_came_since_is_computed_again(store: Store):
    truncate(data_files(store, "exif")[-1])
    repair(Tables(store.uri))
    assert contents(store, "exif") == {"a", "b"}
    ledger = {(row["content_id"], row["stage"]) for row in Store(store.uri).read("ledger").to_pylist()}
    assert ledger == {("a", "exif"), ("b", "exif"), *((each, "hashes") for each in "abcd")}


def test_a_result_that_was_computed_anew_since_is_not_taken_for_the_older_one(store: Store):
    commit(store, "a")  # the row is in both states of exif, with another time in the ledger
    truncate(data_files(store, "exif")[-1])
    repair(Tables(store.uri))
    assert contents(store, "exif") == {"a", "b", "c", "d"}
    ledger = {row["content_id"] for row in Store(store.uri).read("ledger").to_pylist() if row["stage"] == "exif"}
    assert ledger == {"b", "c", "d"}


def test_a_table_whose_newest_version_is_not_described_any_more_goes_back(store: Store):
    truncate(Tables(store.uri).manifests("exif")[0])
    assert "exif" in faults(store)
    repair(Tables(store.uri))
    assert faults(store) == {}
    assert contents(store, "exif") == {"a", "b"}


def test_an_earlier_version_that_can_not_be_told_is_forgotten_and_nothing_else(store: Store):
    truncate(Tables(store.uri).manifests("exif")[1])
    assert "earlier versions" in faults(store)["exif"]
    repair(Tables(store.uri))
    assert faults(store) == {}
    assert contents(store, "exif") == contents(store, "ledger") == {"a", "b", "c", "d"}


@pytest.mark.parametrize("table", ["exif", "ledger", "files", "bursts", "meta"])
def test_a_table_that_is_gone_is_named_and_made_anew(store: Store, table: str):
    shutil.rmtree(Path(store.uri) / f"{table}.lance")
    with pytest.raises(TableDamagedError, match=f"{table} .*missing.* photoidx doctor"), Store(store.uri).writing():
        Store(store.uri).ensure(SPECS[table])
    assert "missing" in faults(store)[table]
    repair(Tables(store.uri))
    assert faults(store) == {}
    commit(Store(store.uri), "a", "b", "c", "d")
    assert faults(store) == {}
    assert len(decisions(Store(store.uri))) == 2


@pytest.mark.parametrize("way", WAYS[:2], ids=lambda way: way.__name__)
def test_damaged_decisions_are_saved_as_far_as_they_can_be_read_and_never_touched(
    store: Store, way: Callable[[Path], None], tmp_path: Path
):
    way(data_files(store, "decisions")[-1])
    held = {path: path.stat().st_mtime_ns for path in (Path(store.uri) / "decisions.lance").rglob("*")}
    assert "decisions" in faults(store)
    status, _, talk = run("doctor", "--repair", "--library", store.uri)
    assert status == 1
    assert {path: path.stat().st_mtime_ns for path in (Path(store.uri) / "decisions.lance").rglob("*")} == held
    (saved,) = tmp_path.glob("library-decisions-*.json")
    assert str(saved) in talk
    assert [each["verb"] for each in json.loads(saved.read_text())["decisions"]] == ["keep"]


def test_a_lost_table_of_decisions_is_never_made_anew_unseen(store: Store):
    shutil.rmtree(Path(store.uri) / "decisions.lance")
    for _ in range(2):
        with pytest.raises(TableDamagedError, match="decisions .* photoidx doctor"), Store(store.uri).writing():
            pass
        repair(Tables(store.uri))
    assert "missing" in faults(store)["decisions"]
    assert "decisions" not in Tables(store.uri).names()


def test_a_library_of_an_older_version_that_lacks_a_table_is_whole(store: Store):
    with store.writing():
        made_before = sorted(set(json.loads(store.meta()["tables"])) - {"clusters"})
        store.upsert(SPECS["meta"], [{"name": "tables", "value": json.dumps(made_before)}])
    shutil.rmtree(Path(store.uri) / "clusters.lance")
    found = examine(Tables(store.uri))
    assert [each.is_fault for each in found] == [False]
    assert "clusters" in found[0].words
    with Store(store.uri).writing():
        pass
    assert examine(Tables(store.uri)) == []


def add_twice(store: Store, table: str, row: dict[str, object]) -> None:
    """Append a row without looking whether its key is there."""
    import lancedb

    lancedb.connect(store.uri).open_table(table).add(pa.Table.from_pylist([row], schema=arrow_schema(SPECS[table])))


@pytest.mark.parametrize("table", ["exif", "hashes", "ledger", "files", "meta"])
def test_rows_that_are_there_twice_are_told_and_removed_to_be_written_again(store: Store, table: str):
    add_twice(store, table, store.read(table).to_pylist()[0])
    assert "more than once" in faults(store)[table]
    repair(Tables(store.uri))
    assert faults(store) == {}
    commit(Store(store.uri), "a", "b", "c", "d")
    assert Store(store.uri).read("exif").num_rows == 4
    assert faults(store) == {}


def test_decisions_that_are_there_twice_are_told_and_left(store: Store):
    add_twice(store, "decisions", store.read("decisions").to_pylist()[0])
    repair(Tables(store.uri))
    assert "more than once" in faults(store)["decisions"]
    assert store.read("decisions").num_rows == 3


def test_results_that_the_ledger_claims_and_that_are_not_there_are_told_and_forgotten(store: Store):
    with store.writing():
        store.delete("exif", "content_id", ["a", "c"])
    assert "2 results of exif" in faults(store)["exif"]
    repair(Tables(store.uri))
    assert faults(store) == {}
    ledger = {(row["content_id"], row["stage"]) for row in Store(store.uri).read("ledger").to_pylist()}
    assert ledger == {("b", "exif"), ("d", "exif"), *((each, "hashes") for each in "abcd")}


def test_what_a_scan_that_was_cut_off_left_is_a_note(store: Store):
    with store.writing():
        store.upsert(SPECS["exif"], [{"content_id": "e"}])
        store.upsert(SPECS["scans"], [{"scan_id": f"{2:020d}-y", "status": "running"}])
        store.upsert(SPECS["files"], [{"path": "/p/f.jpg", "content_id": "f", "kind": "photo"}])
    (Path(store.uri) / "exif.lance" / "data" / f"{'0' * 24}{'a' * 26}.lance").write_bytes(b"half")
    notes = " ".join(each.words for each in examine(Tables(store.uri)) if not each.is_fault)
    assert faults(store) == {}
    for words in ("1 contents are not in the ledger", "scan is running", "1 photos were not looked", "1 data files"):
        assert words in notes


def test_a_table_with_no_version_left_is_made_anew(store: Store):
    for manifest in Tables(store.uri).manifests("hashes"):
        remove(manifest)
    repair(Tables(store.uri))
    assert faults(store) == {}
    assert contents(store, "hashes") == set()
    assert {row["stage"] for row in Store(store.uri).read("ledger").to_pylist()} == {"exif"}
    assert list((Path(store.uri) / "set-aside").iterdir())


def test_where_there_is_no_library_the_doctor_says_so_and_makes_none(tmp_path: Path):
    with pytest.raises(LibraryNotFoundError):
        Tables(str(tmp_path))
    assert run("doctor", "--library", str(tmp_path / "nowhere"))[0] == 1
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_state_before_a_repair_is_refused(store: Store):
    before = datetime.now(UTC)
    truncate(data_files(store, "exif")[-1])
    repair(Tables(store.uri))
    assert Store(store.uri, as_of=datetime.now(UTC)).count("exif") == 2
    with pytest.raises(Exception, match="earliest there is"):
        Store(store.uri, as_of=before)
