"""Where the gallery is put, and what is left there if it is cut off or can't be written."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from galleries import jpegs, record, row
from photoidx.errors import PhotoidxError
from photoidx.queries.gallery.page import BLOCK
from photoidx.queries.gallery.writing import check_place, write_folder, write_page


def test_it_is_not_put_among_scanned_photos_unless_asked(tmp_path: Path):
    photos = tmp_path / "photos"
    (photos / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(photos / "sub")
    for out in (photos, photos / "gallery", photos / "sub" / "g.html", tmp_path / "link" / "gallery"):
        with pytest.raises(PhotoidxError, match="--inside-photos"):
            check_place(str(out), [str(photos)], overwrite=True, inside_photos=False)
    place = check_place(str(photos / "gallery"), [str(photos)], overwrite=False, inside_photos=True)
    assert place == photos / "gallery"
    with pytest.raises(PhotoidxError, match="no folder"):
        check_place(str(tmp_path / "not" / "there"), [], overwrite=False, inside_photos=False)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for out in (str(tmp_path / "loop" / "x"), "~nobody-of-this-name/x", str(tmp_path / "a\0b")):
        with pytest.raises(PhotoidxError, match=re.escape(os.path.basename(out))):
            check_place(out, [], overwrite=False, inside_photos=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(PhotoidxError, match="not a folder"):
        check_place(str(tmp_path / "file"), [], overwrite=True, inside_photos=False)


@pytest.mark.parametrize("write", [write_folder, write_page])
def test_an_interruption_leaves_nothing_and_the_older_gallery_whole(write, tmp_path: Path):
    made = record([row(f"{number}.jpg", number) for number in range(8)])
    place = tmp_path / ("out" if write is write_folder else "out.html")

    def interrupted():
        yield from list(jpegs(made["contents"]))[:4]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(place, made, interrupted())
    assert os.listdir(tmp_path) == []
    write(place, made, jpegs(made["contents"]))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(KeyboardInterrupt):
        write(place, made, interrupted())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_there_is_filled_from_within_since_it_may_be_another_disk(tmp_path: Path):
    made = record([row(f"{number}.jpg", number) for number in range(4)])
    place = tmp_path / "out"
    place.mkdir()
    around: list[str] = []

    def looking():
        for each in jpegs(made["contents"]):
            around.extend(os.listdir(tmp_path))
            yield each

    write_folder(place, made, looking())
    assert set(around) == {"out"}
    assert [name for name in os.listdir(place) if name.startswith(".")] == []


def test_where_the_page_can_not_be_put_in_its_place_the_thumbnails_go_too(tmp_path: Path):
    made = record([row(f"{number}.jpg", number) for number in range(4)])
    (tmp_path / "out" / "index.html").mkdir(parents=True)
    with pytest.raises(PhotoidxError, match="out"):
        write_folder(tmp_path / "out", made, jpegs(made["contents"]))
    assert os.listdir(tmp_path / "out") == ["index.html"]


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path):
    made = record([row(f"{number}.jpg", number) for number in range(4)])
    place = check_place(str(tmp_path / ("a" * 255)), [], overwrite=False, inside_photos=False)
    write_folder(place, made, jpegs(made["contents"]))
    assert (place / "index.html").is_file()
    with pytest.raises(PhotoidxError, match="aaa"):
        write_folder(
            check_place(str(tmp_path / ("a" * 256)), [], overwrite=False, inside_photos=False), made, jpegs([])
        )


def test_sigterm_leaves_nothing_half_written(tmp_path: Path):
    code = """
import os, signal, sys
from pathlib import Path
from galleries import jpegs, record, row
from photoidx.cli.terminal.ending import ended_by_signals
from photoidx.queries.gallery.writing import write_folder
made = record([row(f"{number}.jpg", number) for number in range(4)])
def ended():
    yield from list(jpegs(made["contents"]))[:2]
    os.kill(os.getpid(), signal.SIGTERM)
    yield from jpegs(made["contents"])
with ended_by_signals():
    write_folder(Path(sys.argv[1]), made, ended())
"""
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2] / "helpers", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, "Stopped.\n")
    assert os.listdir(tmp_path) == []


def test_blocks_of_thumbnails_hold_the_order_of_the_contents(tmp_path: Path):
    made = record([row(f"{number}.jpg", number) for number in range(2 * BLOCK + 3)])
    write_page(tmp_path / "out.html", made, jpegs(made["contents"]))
    found = re.findall(r'id="thumbs-(\d+)">(.*?)</script>', (tmp_path / "out.html").read_text(), re.DOTALL)
    assert [(number, block.count("\n") + 1) for number, block in found] == [("0", BLOCK), ("1", BLOCK), ("2", 3)]
    expected = [jpeg for _content_id, jpeg in jpegs(made["contents"])]
    assert [base64.b64decode(line) for _number, block in found for line in block.split("\n")] == expected
