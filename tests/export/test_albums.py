"""`export albums`: lists that other programs read."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

from export_album import Album
from photoidx.errors import ExportError
from photoidx.export.selection import Selection

FORMATS = ("paths", "csv", "lightroom", "immich")


@pytest.fixture
def album(tmp_path: Path) -> Album:
    made = Album(tmp_path)
    made.decide("keep", made.add("IMG_1.JPG", rating=4, keywords=["sea", "sand"]), made.add("it's a $(day).JPG"))
    made.add("IMG_3.JPG", label="=1+1")
    return made


def test_the_picks_are_an_album_in_every_format(album: Album, tmp_path: Path):
    rows = album.library.export_albums(tmp_path / "out", FORMATS, Selection(picks=True))
    assert [row["photos"] for row in rows] == [2] * 4
    paths = (tmp_path / "out/picks.txt").read_text().splitlines()
    assert paths == [str(album.folder / "IMG_1.JPG"), str(album.folder / "it's a $(day).JPG")]
    with (tmp_path / "out/picks.csv").open(encoding="utf-8-sig", newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["Filename"], first["Rating"], first["Keywords"], first["Flag"]) == (
        "IMG_1.JPG",
        "4",
        "sea, sand",
        "pick",
    )


def test_the_commands_for_immich_name_each_photo_once_whatever_its_name(album: Album, tmp_path: Path):
    album.library.export_albums(tmp_path / "out", ["immich"], Selection(where="true"), "Rome; rm -rf 'x'")
    (script,) = (tmp_path / "out").glob("*.immich.sh")
    (tmp_path / "bin").mkdir()
    told = tmp_path / "bin/immich"
    told.write_text('#!/bin/sh\nfor each in "$@"; do printf "%s\\n" "$each"; done\n')
    told.chmod(0o755)
    shell = shutil.which("sh") or pytest.skip("needs a shell")
    done = subprocess.run([shell, script], env={"PATH": str(told.parent)}, capture_output=True, text=True, check=True)
    head, paths = done.stdout.splitlines()[:4], done.stdout.splitlines()[4:]
    assert head == ["upload", "--album-name", "Rome; rm -rf 'x'", "--"]
    assert paths == sorted(str(path) for path in album.folder.iterdir())


def test_a_smart_collection_is_a_table_with_one_rule(album: Album, tmp_path: Path):
    album.library.export_albums(tmp_path / "out", ["lightroom"], Selection(picks=True), 'The "best"')
    (made,) = (tmp_path / "out").glob("*.lrsmcol")
    text = made.read_text()
    assert text.startswith("s = {")
    assert text.count("{") == text.count("}")
    assert 'value = "The \\"best\\"",' in text
    assert 'type = "LibrarySmartCollection"' in text


def test_a_cell_is_no_formula(album: Album, tmp_path: Path):
    album.library.export_albums(tmp_path / "out", ["csv"], Selection(where="label IS NOT NULL"), "odd")
    assert ",'=1+1," in (tmp_path / "out/odd.csv").read_text()


def test_a_list_is_brought_up_to_date_and_taken_back(album: Album, tmp_path: Path):
    album.library.export_albums(tmp_path / "out", ["paths"], Selection(picks=True))
    first = (tmp_path / "out/picks.txt").read_bytes()
    album.decide("reject", album.folder / "IMG_1.JPG")
    album.library.export_albums(tmp_path / "out", ["paths"], Selection(picks=True))
    assert len((tmp_path / "out/picks.txt").read_text().splitlines()) == 1
    album.library.undo_export()
    assert (tmp_path / "out/picks.txt").read_bytes() == first
    album.library.undo_export()
    assert not (tmp_path / "out").exists()


def test_a_list_of_anothers_is_not_replaced(album: Album, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/picks.txt").write_text("/my/own/list\n")
    with pytest.raises(ExportError, match="not as an export left it"):
        album.library.export_albums(tmp_path / "out", ["paths"], Selection(picks=True))
    assert (tmp_path / "out/picks.txt").read_text() == "/my/own/list\n"
