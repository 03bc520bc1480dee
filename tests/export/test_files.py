"""`export files`: what is copied or linked, under which names, checked, resumed and taken back."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from export_album import Album, state
from photoidx.errors import ExportError, PhotoidxError
from photoidx.export import files
from photoidx.export.files import FilesOptions, FilesResult
from photoidx.export.selection import Selection

ALL = Selection(where="true")


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path)


def export(
    album: Album, to: Path, selection: Selection = ALL, *, dry_run: bool = False, **options: Any
) -> tuple[FilesResult, list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    found = album.library.export_files(
        FilesOptions(str(to), **options), selection, dry_run=dry_run, on_step=lambda step: rows.append(step.row())
    )
    return found, rows


def listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_picks_go_with_raw_sidecar_and_film(album: Album, tmp_path: Path):
    raw = album.add("IMG_1.CR3", shot="one")
    for name in ("IMG_1.JPG", "IMG_1.MOV", "IMG_1.xmp", "IMG_1.JPG.xmp"):
        album.add(name, shot="one")
    album.add("IMG_2.JPG")
    rejected = album.add("IMG_3.JPG")
    album.decide("keep", raw)
    album.decide("reject", rejected)
    before = state(album.folder)
    found, _ = export(album, tmp_path / "out", Selection(picks=True))
    assert listed(tmp_path / "out") == {"IMG_1.CR3", "IMG_1.JPG", "IMG_1.MOV", "IMG_1.xmp", "IMG_1.JPG.xmp"}
    assert (found.made, found.failed) == (5, 0)
    assert state(album.folder) == before
    assert (tmp_path / "out/IMG_1.CR3").stat().st_mtime_ns == raw.stat().st_mtime_ns


def test_names_that_collide_are_numbered_together_also_where_case_does_not_count(album: Album, tmp_path: Path):
    for folder in ("a", "b"):
        album.add(f"{folder}/IMG_1.CR3", folder.encode(), shot=folder)
        album.add(f"{folder}/IMG_1.xmp", f"<{folder}/>".encode(), shot=folder)
    album.add("c/img_1.cr3", b"c")
    export(album, tmp_path / "out")
    assert listed(tmp_path / "out") == {
        "IMG_1.CR3",
        "IMG_1.xmp",
        "IMG_1-2.CR3",
        "IMG_1-2.xmp",
        "img_1-3.cr3",
    }
    assert (tmp_path / "out/IMG_1-2.xmp").read_bytes() == b"<b/>"


def test_a_file_that_is_there_is_never_replaced(album: Album, tmp_path: Path):
    album.add("IMG_1.JPG", b"ours")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/img_1.jpg").write_bytes(b"another")
    export(album, tmp_path / "out")
    assert (tmp_path / "out/img_1.jpg").read_bytes() == b"another"
    assert (tmp_path / "out/IMG_1-2.JPG").read_bytes() == b"ours"
    found, _ = export(album, tmp_path / "out")
    assert (found.made, found.there) == (0, 1)


def test_copies_of_one_photo_are_written_once_under_one_name(album: Album, tmp_path: Path):
    album.add("a/IMG_1.JPG", b"same")
    album.add("b/IMG_1.JPG", b"same")
    found, _ = export(album, tmp_path / "out")
    assert listed(tmp_path / "out") == {"IMG_1.JPG"}
    assert (found.made, found.there) == (1, 1)


def test_a_template_makes_folders_from_columns(album: Album, tmp_path: Path):
    album.add("IMG_1.JPG", model="X/100: V", rating=5)
    export(album, tmp_path / "out", template="{model}/{rating}/{name}")
    assert listed(tmp_path / "out") == {"X_100_ V/5/IMG_1.JPG"}
    with pytest.raises(PhotoidxError, match="no column"):
        export(album, tmp_path / "out", template="{no_such}/{name}")


def test_a_dry_run_tells_the_same_and_makes_nothing(album: Album, tmp_path: Path):
    album.add("a/IMG_1.JPG", b"1")
    album.add("b/IMG_1.JPG", b"2")
    _, rows = export(album, tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    assert export(album, tmp_path / "out")[1] == rows


def test_an_export_that_was_cut_off_goes_on_and_undo_takes_back_both_halves(
    album: Album, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for number in range(4):
        album.add(f"IMG_{number}.JPG")
    real = files._copy

    def full(source: str, partial: str, *, is_reflink: bool) -> None:
        if source.endswith("IMG_2.JPG"):
            Path(partial).write_bytes(b"ha")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, partial, is_reflink=is_reflink)

    monkeypatch.setattr(files, "_copy", full)
    with pytest.raises(ExportError, match="the disk is full"):
        export(album, tmp_path / "out")
    monkeypatch.undo()
    assert listed(tmp_path / "out") == {"IMG_0.JPG", "IMG_1.JPG"}
    found, _ = export(album, tmp_path / "out")
    assert (found.made, found.there) == (2, 2)
    album.library.undo_export()
    assert listed(tmp_path / "out") == {"IMG_0.JPG", "IMG_1.JPG"}
    album.library.undo_export()
    assert not (tmp_path / "out").exists()


def test_a_file_that_changed_since_the_scan_is_not_exported(album: Album, tmp_path: Path):
    path = album.add("IMG_1.JPG")
    album.add("IMG_2.JPG")
    path.write_bytes(b"another picture")
    found, rows = export(album, tmp_path / "out")
    assert listed(tmp_path / "out") == {"IMG_2.JPG"}
    assert found.failed == 1
    assert "not as it was scanned" in rows[0]["note"]
    path.unlink()
    assert export(album, tmp_path / "out")[0].failed == 1


def test_a_hard_link_is_the_same_file_and_undo_removes_only_the_link(album: Album, tmp_path: Path):
    path = album.add("IMG_1.JPG")
    export(album, tmp_path / "out", how="hardlink")
    assert (tmp_path / "out/IMG_1.JPG").samefile(path)
    album.library.undo_export()
    assert path.read_bytes() == b"IMG_1.JPG"
    assert not (tmp_path / "out").exists()


def test_a_reflink_is_made_or_refused_in_words(album: Album, tmp_path: Path):
    album.add("IMG_1.JPG")
    found, rows = export(album, tmp_path / "out", how="reflink")
    if found.failed:
        assert "knows no reflinks" in rows[0]["note"]
        assert listed(tmp_path / "out") == set()
    else:
        assert (tmp_path / "out/IMG_1.JPG").read_bytes() == b"IMG_1.JPG"


def test_undo_leaves_a_file_that_someone_changed_since(album: Album, tmp_path: Path):
    album.add("IMG_1.JPG")
    album.add("IMG_2.JPG")
    export(album, tmp_path / "out")
    (tmp_path / "out/IMG_1.JPG").write_bytes(b"retouched")
    found = album.library.undo_export()
    assert listed(tmp_path / "out") == {"IMG_1.JPG"}
    assert {row["done"] for row in found.rows} == {"removed", "left as it is"}


def test_a_link_that_leads_out_of_the_folder_is_not_followed(album: Album, tmp_path: Path):
    album.add("IMG_1.JPG", model="away")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/away").symlink_to(tmp_path / "elsewhere")
    found, rows = export(album, tmp_path / "out", template="{model}/{name}")
    assert found.failed == 1
    assert "leads out" in rows[0]["note"]
    assert os.listdir(tmp_path / "elsewhere") == []


def test_names_of_any_bytes_are_copied(album: Album, tmp_path: Path):
    name = os.fsdecode(b"IMG_\xff.JPG")
    try:
        album.add(name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    export(album, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == [name]


def test_the_library_is_no_place_for_files_and_a_cluster_must_be_there(album: Album):
    album.add("IMG_1.JPG")
    with pytest.raises(ExportError, match="lies in the library"):
        export(album, album.uri / "out")
    with pytest.raises(ExportError, match="no cluster"):
        export(album, album.folder, Selection(cluster="none"))
