"""Reclaim over a real scanned library: the rule of the duplicates, decisions, scans afterwards, and back."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from photoidx import Config, Library
from photoidx.cli import cli
from photoidx.errors import LibraryLockedError
from photoidx.indexer.scan.plan import Verdict
from pictures import age, draw

CONFIG = Config(workers=1, settle_s=0.0, without=("faces", "efficientnet_lite0"))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Five photos, of which two have a copy, one of these with a film beside it."""
    photos = tmp_path / "photos"
    for number in range(5):
        draw(photos / f"{number}.jpg", number)
    for number in range(2):
        (photos / "copies").mkdir(exist_ok=True)
        shutil.copy2(photos / f"{number}.jpg", photos / "copies" / f"{number}.jpg")
    (photos / "copies" / "1.mov").write_bytes(b"a film that is nowhere else")
    age(photos / "copies" / "1.mov", 3600)
    ours = Library(tmp_path / "library", CONFIG)
    ours.scan(photos)
    return ours


def test_copies_go_what_has_company_stays_and_undo_brings_all_back(library: Library, tmp_path: Path):
    photos = tmp_path / "photos"
    library.decide("reject", photos / "3.jpg")
    before = {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()}
    found, done = library.reclaim()
    assert [row["path"] for row in found.rows()] == [str(photos / "copies" / "0.jpg"), str(photos / "3.jpg")]
    assert (done.files, done.problems) == (2, [])
    assert not (photos / "3.jpg").exists()
    assert (photos / "copies" / "1.jpg").exists()

    plan = library.plan(photos)
    assert {each.path for each in plan.of(Verdict.GONE)} == {row["path"] for row in found.rows()}
    assert plan.warnings == []
    assert library.reclaimable().units == []  # what is in the trash is not offered again
    library.scan(photos)
    assert library.sql("SELECT count(*) AS n FROM photos").to_pylist() == [{"n": 5}]

    assert library.bring_back().files == 2
    assert {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()} == before
    library.scan(photos)
    assert [row["path"] for row in library.reclaimable(kinds=["rejected"]).rows()] == [str(photos / "3.jpg")]


def test_undo_without_a_scan_between_leaves_the_library_as_it_was(library: Library, tmp_path: Path):
    library.reclaim()
    library.bring_back()
    plan = library.plan(tmp_path / "photos")
    assert plan.decisions == []


def test_nothing_goes_from_a_root_that_looks_incomplete(library: Library, tmp_path: Path):
    for number in (2, 3):
        (tmp_path / "photos" / f"{number}.jpg").unlink()
    found = library.reclaimable()
    assert found.units == []
    assert any("is a drive away?" in each.why for each in found.staying)


def test_nothing_is_moved_while_another_writes(library: Library):
    with library.store.writing(), pytest.raises(LibraryLockedError):
        library.reclaim()


def ran(library: Library, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, [*words, "--library", library.uri])
    return done.exit_code, done.stdout, done.stderr


def test_the_commands_say_what_they_do(library: Library, tmp_path: Path):
    copy = str(tmp_path / "photos" / "copies" / "0.jpg")
    code, out, err = ran(library, "reclaim", "--dry-run", "--format", "json")
    (row,) = json.loads(out)
    assert (code, row["path"], row["what"]) == (0, copy, "duplicate")
    assert row["kept"] == [str(tmp_path / "photos" / "0.jpg")]
    assert "1 files may go" in err
    assert Path(copy).exists()
    assert ran(library, "reclaim", "--goal", "1 kB", "--only", "rejected")[0] == 0
    code, _, err = ran(library, "reclaim")
    assert code == 0
    assert "photoidx undo" in err
    assert not Path(copy).exists()
    assert json.loads(ran(library, "trash", "list", "--format", "json")[1])[0]["path"] == copy
    assert ran(library, "trash", "empty")[0] == 2  # it asks
    assert ran(library, "trash", "empty", "--older-than", "30d", "--yes")[2] == "Deleted 0 files, 0.0 MB.\n"
    assert ran(library, "trash", "restore", copy)[0] == 0
    assert Path(copy).exists()
    code, _, err = ran(library, "undo")
    assert (code, "nothing in the trash" in err or code == 1) == (1, True)


def test_a_kept_file_that_changed_since_is_told_and_its_copy_stays(library: Library, tmp_path: Path):
    kept = tmp_path / "photos" / "0.jpg"
    status = kept.stat()
    data = bytearray(kept.read_bytes())
    data[-3] ^= 1
    kept.write_bytes(data)
    os.utime(kept, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if nothing had happened
    code, _, err = ran(library, "reclaim")
    assert code == 3
    assert "its bytes are others" in err
    assert (tmp_path / "photos" / "copies" / "0.jpg").exists()
