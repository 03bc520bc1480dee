"""A table that is lost, or whose newest version is full of zeros: every command says so, and names `doctor`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from faults.damage import made, zero
from made_library import SPECS, vector, write
from photoidx.cli import cli
from photoidx.errors import TableDamagedError
from photoidx.maintenance.doctor import examine
from photoidx.maintenance.repair import repair
from photoidx.storage.damage import reading
from photoidx.storage.store import Store
from photoidx.storage.tables import Tables

COMMANDS = (
    ("decide", "list"),
    ("decide", "keep", "/p/a.jpg"),
    ("sql", "SELECT count(*) FROM files"),
    ("status",),
    ("best", "--burst"),
    ("bursts",),
    ("dups",),
    ("clusters",),
    ("search", "--words", "a"),
    ("similar", "/p/a.jpg"),
    ("show", "/p/a.jpg"),
    ("failures",),
    ("learn",),
    ("gallery", "OUT"),
    ("optimize",),
    ("backup", "OUT"),
    ("scan", "PHOTOS"),
)
EMBEDDER = "vectors_efficientnet_lite0"
TABLES = (*sorted({"exif", "hashes", "files", "ledger", "scans", "bursts", "pairs", "texts", "clusters"}), EMBEDDER)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that every command answers from."""
    store = made(tmp_path_factory.mktemp("whole") / "library")
    write(store, **{EMBEDDER: [{"content_id": each, "vector": vector(1.0)} for each in "abcd"]})
    return Path(store.uri)


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "library"))


def lose(library: Path, table: str) -> None:
    shutil.rmtree(library / f"{table}.lance")


def zero_the_newest(library: Path, table: str) -> None:
    zero(Tables(str(library)).manifests(table)[0])


def told(library: Path, words: tuple[str, ...]) -> str:
    """Run a command that can't be answered, and give the error that it ends with."""
    (library.parent / "photos").mkdir(exist_ok=True)
    names = {"OUT": str(library.parent / "out"), "PHOTOS": str(library.parent / "photos")}
    found = CliRunner().invoke(cli, [*(names.get(word, word) for word in words), "--library", str(library)])
    assert isinstance(found.exception, TableDamagedError), (words, found.output, found.exception)
    return str(found.exception)


@pytest.mark.slow
@pytest.mark.parametrize("table", [*TABLES, "decisions", "meta"])
def test_a_table_that_is_lost_is_told_by_every_command(copy: Path, table: str):
    lose(copy, table)
    for words in COMMANDS:
        message = told(copy, words)
        assert f"The table {table} " in message
        assert "missing" in message
        assert "photoidx doctor" in message
    assert not (copy / f"{table}.lance").exists()


@pytest.mark.parametrize("table", ["decisions", "files", "meta", "ledger"])
def test_a_table_whose_newest_version_is_full_of_zeros_is_damaged_and_not_empty(copy: Path, table: str):
    zero_the_newest(copy, table)
    asked = {
        "decisions": ("best", "--burst"),
        "files": ("sql", "SELECT count(*) FROM files"),
        "meta": ("status",),
        "ledger": ("status",),
    }
    lists = [("decide", "list")] if table in {"decisions", "files", "meta"} else []
    for words in [asked[table], *lists, ("scan", "PHOTOS"), ("decide", "keep", "/p/a.jpg")]:
        message = told(copy, words)
        assert f"The table {table} " in message
        assert "photoidx doctor" in message


@pytest.mark.parametrize("table", ["decisions", "files", "exif"])
def test_a_table_whose_newest_version_is_missing_is_not_taken_for_what_it_was_before(copy: Path, table: str):
    keys = {"decisions": "decision_id", "files": "path", "exif": "content_id"}
    store = Store(str(copy))
    store.delete(table, keys[table], store.read(table)[keys[table]].to_pylist()[:1])
    assert is_readable(copy)
    Tables(str(copy)).manifests(table)[0].unlink()
    for words in (("decide", "list"), ("best", "--burst"), ("scan", "PHOTOS"), ("backup", "OUT")):
        if table == "decisions" or words[0] != "decide":
            message = told(copy, words)
            assert f"The table {table} " in message
            assert "photoidx doctor" in message
    tables = Tables(str(copy))
    assert table in {each.table for each in examine(tables) if each.is_fault}
    repair(tables)
    if table != "decisions":  # which no repair touches
        assert is_readable(copy)
        assert Store(str(copy)).count(table)


def is_readable(library: Path) -> bool:
    """Return whether the tables can all be read."""
    return all(Tables(str(library)).newest(name) for name in Store(str(library)).names())


@pytest.mark.parametrize("table", ["exif", "texts"])
def test_a_write_that_meets_an_empty_description_tells_of_damage(copy: Path, table: str):
    Tables(str(copy)).manifests(table)[0].write_bytes(b"")
    message = told(copy, ("optimize",))
    assert f"The table {table} " in message
    assert "photoidx doctor" in message


@pytest.mark.parametrize("table", ["exif", "ledger", "files", "meta", "bursts"])
def test_the_doctor_takes_such_a_table_back_to_its_version_before(copy: Path, table: str):
    zero_the_newest(copy, table)
    tables = Tables(str(copy))
    assert table in {each.table for each in examine(tables) if each.is_fault}
    repair(tables)
    assert [each for each in examine(tables) if each.is_fault] == []
    assert Store(str(copy)).schema(table).names


def test_the_doctor_finds_facts_that_make_no_sense(copy: Path):
    store = Store(str(copy))
    for name, value in (("tables", "[broken"), ("schema_version", "one"), ("embedders", "3")):
        before = store.meta().get(name)
        store.upsert(SPECS["meta"], [{"name": name, "value": value}])
        assert "meta" in {each.table for each in examine(Tables(str(copy))) if each.is_fault}, name
        if name != "embedders":
            with pytest.raises(TableDamagedError, match="photoidx doctor"):
                Store(str(copy))
        store.upsert(SPECS["meta"], [{"name": name, "value": before or "[]"}])


def test_a_table_that_was_made_a_moment_ago_is_not_taken_for_a_lost_one(copy: Path, monkeypatch: pytest.MonkeyPatch):
    """A reader may list the tables before another process makes one, and read the facts after."""
    listed = Store._listed
    looks = iter([{"exif"}, set()])
    monkeypatch.setattr(Store, "_listed", lambda self: listed(self) - next(looks))
    assert "exif" in Store(str(copy)).names()


def test_a_backup_does_not_take_the_place_of_one_that_has_the_table(copy: Path):
    lose(copy, "decisions")
    told(copy, ("backup", "OUT", "--keep", "1"))
    assert not (copy.parent / "out").exists()


@pytest.mark.parametrize("name", ["PanicException", "RustPanic"])
def test_a_panic_of_rust_is_damage(name: str):
    panic: Callable[[], BaseException] = type(name, (BaseException,), {})
    with pytest.raises(TableDamagedError, match="photoidx doctor"), reading("/library", "exif"):
        raise panic()
