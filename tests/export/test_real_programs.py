"""Other programs read what we write: ExifTool, exiv2, darktable, xmllint. Tests of those that are not here skip."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from export_album import Album
from photoidx.export.sidecars import SidecarOptions
from pictures import draw


def needed(program: str) -> str:
    return shutil.which(program) or pytest.skip(f"needs {program}")


@pytest.fixture
def album(tmp_path: Path) -> Album:
    """Three photos: rejected, picked with stars, a colour and keywords, and one with a sidecar of another program."""
    made = Album(tmp_path)
    draw(tmp_path / "one.jpg", 1)
    picture = (tmp_path / "one.jpg").read_bytes()
    rejected = made.add("IMG_1.jpg", picture + b"1")
    picked = made.add("IMG_2.jpg", picture + b"2", rating=4, keywords=["harbour", "Käse & Wein", "旅行"])
    made.add("IMG_3.jpg", picture + b"3")
    made.sidecar("IMG_3.jpg.xmp", 'xmp:Rating="2"')
    made.decide("reject", rejected)
    made.decide("keep", picked)
    return made


def export(album: Album, **options: Any) -> list[Path]:
    album.library.export_xmp(
        SidecarOptions(**{"naming": "darktable", "pick_label": "Green", "words": ("Albums|Lisbon",), **options})
    )
    return sorted(album.folder.glob("*.xmp"))


def test_exiftool_shows_rating_reject_label_and_keywords(album: Album):
    exiftool = needed("exiftool")
    command = [exiftool, "-j", "-struct", "-charset", "utf8", *map(str, export(album))]
    one, two, three = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (one["Rating"], one["PickLabel"]) == (-1, 1)
    assert (two["Rating"], two["Label"], two["PickLabel"]) == (4, "Green", 3)
    assert two["Subject"] == ["Lisbon", "harbour", "Käse & Wein", "旅行"]
    assert two["HierarchicalSubject"] == ["Albums|Lisbon", "harbour", "Käse & Wein", "旅行"]
    assert two["TagsList"] == ["Albums/Lisbon", "harbour", "Käse & Wein", "旅行"]
    assert (three["Rating"], three["History"]) == (2, "kept")
    assert "Warning" not in {**one, **two, **three}


def test_exiv2_shows_rating_reject_label_and_keywords(album: Album):
    exiv2 = needed("exiv2")
    paths = export(album)
    done = subprocess.run([exiv2, "-PXkt", *map(str, paths)], capture_output=True, check=True, text=True)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    found = "\n".join(lines)
    for part in (
        "Xmp.xmp.Rating -1",
        "Xmp.xmp.Rating 4",
        "Xmp.xmp.Label Green",
        "Xmp.digiKam.PickLabel",
        "Xmp.dc.subject Lisbon, harbour, Käse & Wein, 旅行",
        "Xmp.lr.hierarchicalSubject Albums|Lisbon, harbour",
    ):
        assert part in found
    assert "rror" not in done.stderr


def test_darktable_imports_rating_reject_label_and_keywords(album: Album, tmp_path: Path):
    program = needed("darktable-cli")
    export(album)
    wanted = {"IMG_1.jpg": (8, 0, set()), "IMG_2.jpg": (0, 4, {"harbour", "Käse & Wein", "旅行", "Albums|Lisbon"})}
    for name, (rejected, stars, words) in wanted.items():
        home = tmp_path / f"darktable-{name}"
        home.mkdir()
        command = [program, album.folder / name, home / "out.jpg", "--width", "64", "--core"]
        command += ["--configdir", home, "--cachedir", home, "--library", home / "library.db"]
        subprocess.run(command, capture_output=True, check=True, timeout=120)
        library, data = sqlite3.connect(home / "library.db"), sqlite3.connect(home / "data.db")
        ((flags,),) = library.execute("SELECT flags FROM images").fetchall()
        assert flags & 8 == rejected
        assert rejected or flags & 7 == stars
        colours = [colour for (colour,) in library.execute("SELECT color FROM color_labels")]
        assert colours == ([] if rejected else [2])
        tags = {tag for (tag,) in data.execute("SELECT name FROM tags") if not tag.startswith("darktable|")}
        assert words <= tags
        assert "Albums|Lisbon" in tags


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("naming", ["adobe", "darktable", "as-found"])
def test_xmllint_accepts_every_sidecar(album: Album, naming: str, encoding: str):
    xmllint = needed("xmllint")
    path = album.folder / "IMG_3.jpg.xmp"
    path.write_bytes(path.read_text(encoding="utf-8").replace("\ufeff", "").encode(encoding))
    paths = export(album, naming=naming)
    assert len(paths) >= 3
    subprocess.run([xmllint, "--noout", *paths], check=True, capture_output=True)


def test_what_exiftool_writes_afterwards_stays_and_ours_is_taken_out(album: Album):
    exiftool = needed("exiftool")
    paths = export(album)
    subprocess.run([exiftool, "-q", "-overwrite_original", "-XMP-dc:Title=Mine", paths[1]], check=True)
    before = paths[1].read_bytes()
    export(album)
    assert paths[1].read_bytes() == before
    album.library.undo_export()
    found = json.loads(subprocess.run([exiftool, "-j", paths[1]], capture_output=True, check=True).stdout)[0]
    assert found["Title"] == "Mine"
    assert "PickLabel" not in found
    assert "Rating" not in found
    assert not paths[0].exists()


def test_the_watch_takes_up_a_rating_of_another_program_and_exports_make_no_loop(tmp_path: Path):
    exiftool = needed("exiftool")
    made = Album(tmp_path)
    draw(made.folder / "IMG_1.jpg", 1)
    look = _looker(made)
    look()
    made.library.decide("keep", made.folder / "IMG_1.jpg")
    made.library.export_xmp(SidecarOptions())
    look()
    sidecar = made.folder / "IMG_1.xmp"
    subprocess.run([exiftool, "-q", "-overwrite_original", "-XMP-xmp:Rating=5", sidecar], check=True)
    look()
    assert made.library.sql("SELECT rating FROM photos").to_pylist() == [{"rating": 5}]
    after = sidecar.read_bytes()
    assert made.library.export_xmp(SidecarOptions()).written == 0
    assert sidecar.read_bytes() == after
    assert look() == 0


def _looker(album: Album) -> Any:
    """Return a look at the folder as a watch does it, which gives the number of files that it took up."""
    import contextlib
    import threading

    from faults.dying_scan import CONFIG
    from photoidx.indexer.engines.pool import WorkerPool
    from photoidx.watcher import Watcher

    def look() -> int:
        taken: list[int] = []
        pool = WorkerPool(CONFIG)
        roots = [str(album.folder)]
        watcher = Watcher(
            str(album.uri),
            roots,
            pool,
            threading.Event(),
            on_progress=lambda *_counts: None,
            on_result=lambda result: taken.append(result.touched),
        )
        with contextlib.closing(watcher):
            watcher.look(None)
        return taken[0]

    return look
