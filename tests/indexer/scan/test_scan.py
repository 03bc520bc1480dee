"""Scans with real worker processes, real models and real tables."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from photoidx import Config, Library
from photoidx.errors import AssetError, LibraryLockedError, LibraryTooNewError, PhotoidxError
from photoidx.storage.schema import META
from photoidx.storage.store import Store
from pictures import age, draw
from running_scan import is_at_work, wait_for

CONFIG = Config(workers=2)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(8):
        draw(tmp_path / "photos" / f"{number}.jpg", number)
    return tmp_path / "photos"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library", CONFIG)


def contents(library: Library) -> dict[str, list[tuple[object, ...]]]:
    """Return every table's rows without the times of writing, in one order, for comparing."""
    result = {}
    for name in sorted(library.store.names() - {"scans", "meta"}):
        table = library.store.read(name)
        kept = [column for column in sorted(table.column_names) if column not in {"at", "seen_at", "inode", "_rowid"}]
        result[name] = sorted(tuple(map(str, row.values())) for row in table.select(kept).to_pylist())
    return result


def paths(library: Library) -> set[str]:
    return {Path(path).name for path in library.store.read("files", ["path"])["path"].to_pylist()}


def test_a_library_remembers_of_a_folder_that_links_are_left_out(tmp_path: Path, photos: Path, library: Library):
    draw(tmp_path / "elsewhere" / "there.jpg", 9)
    (photos / "link").symlink_to(tmp_path / "elsewhere")
    strict, lax = (Library(library.uri, replace(CONFIG, follow=follow)) for follow in (False, True))
    assert (strict.scan(photos).new, strict.status()["without_links"]) == (8, [str(photos)])
    assert library.scan(photos).new == 0
    assert library.plan(photos).decisions == []
    assert lax.scan(photos).new == 1
    assert (library.scan(photos).gone, library.status()["without_links"]) == (0, [])
    assert strict.scan(photos).gone == 1


def test_a_stop_during_the_walk_cuts_it_short_and_nothing_is_gone(photos: Path, library: Library):
    library.scan(photos)
    stop = threading.Event()
    stop.set()
    result = library.scan(photos, stop=stop)
    assert (result.interrupted, result.seen, result.gone) == (True, 0, 0)
    assert library.scan(photos).unchanged == 8


def test_a_scan_fills_the_tables_and_a_second_one_does_no_work(photos: Path, library: Library):
    first = library.scan(photos)
    assert (first.new, first.analysed, first.failed) == (8, 8, 0)
    for table in ("files", "exif", "thumbnails", "labels", "vectors_efficientnet_lite0"):
        assert library.store.read(table).num_rows == 8, table
    second = library.scan(photos)
    assert (second.new, second.analysed, second.decoded, second.unchanged) == (0, 0, 0, 8)


def test_copies_in_one_scan_are_one_content_and_a_broken_one_fails_under_each_name(photos: Path, library: Library):
    (photos / "broken.jpg").write_bytes((photos / "0.jpg").read_bytes()[:300])
    for name in ("0.jpg", "broken.jpg"):
        shutil.copy2(photos / name, photos / f"copy-of-{name}")
    for path in photos.iterdir():
        age(path, 9999)
    result = library.scan(photos)
    assert (result.new, result.analysed, result.failed) == (11, 9, 2)
    assert library.failures().num_rows == 2


def test_copies_that_are_new_together_are_decoded_once(photos: Path, tmp_path: Path):
    for folder in ("a", "b", "c"):
        shutil.copytree(photos, photos / folder, ignore=lambda at, _names: ["a", "b", "c"])
    library = Library(tmp_path / "library", Config(workers=1))  # two might meet a copy at the same instant
    result = library.scan(photos)
    assert (result.new, result.decoded, result.analysed, result.failed) == (32, 8, 8, 0)
    assert library.sql("SELECT count(*) AS n FROM photos WHERE technical IS NOT NULL")["n"].to_pylist() == [32]
    fresh = Library(tmp_path / "fresh", CONFIG)
    fresh.scan(photos)
    assert contents(fresh) == contents(library)


def test_a_renamed_folder_and_copies_cost_no_decoding(photos: Path, library: Library):
    library.scan(photos)
    photos.rename(photos.parent / "renamed")
    library.scan(photos.parent / "renamed")
    root = photos.parent / "renamed"
    for number in range(4):
        shutil.copy2(root / f"{number}.jpg", root / f"copy-{number}.jpg")
    (root / "inner").mkdir()
    (root / "7.jpg").rename(root / "inner" / "7.jpg")
    result = library.scan(root)
    assert (result.decoded, result.new, result.moved, result.gone) == (0, 4, 1, 0)
    assert library.store.read("vectors_efficientnet_lite0").num_rows == 8


def test_a_root_at_another_place_is_recognised_and_its_old_rows_go(photos: Path, library: Library):
    library.scan(photos)
    photos.rename(photos.parent / "renamed")
    result = library.scan(photos.parent / "renamed")
    assert (result.decoded, result.moved, result.new) == (0, 8, 0)
    roots = set(library.store.read("files", ["root"])["root"].to_pylist())
    assert roots == {str(photos.parent / "renamed")}


def test_exactly_the_edited_files_are_analysed(photos: Path, library: Library):
    library.scan(photos)
    for number in range(3):
        draw(photos / f"{number}.jpg", number + 100)
    result = library.scan(photos)
    assert (result.changed, result.analysed, result.unchanged) == (3, 3, 5)


def test_an_emptied_root_removes_nothing(photos: Path, library: Library):
    library.scan(photos)
    photos.rename(photos.parent / "away")
    photos.mkdir()
    result = library.scan(photos)
    assert result.gone == 0
    assert "suddenly empty" in result.warnings[0]
    photos.rmdir()
    assert "can't be listed" in library.scan(photos).warnings[0]
    assert len(paths(library)) == 8


def test_deleted_files_leave_the_table_and_come_back_without_decoding(photos: Path, library: Library):
    library.scan(photos)
    (photos / "1.jpg").rename(photos.parent / "kept.jpg")
    assert library.scan(photos).gone == 1
    assert "1.jpg" not in paths(library)
    (photos.parent / "kept.jpg").rename(photos / "1.jpg")
    assert library.scan(photos).decoded == 0


def test_a_broken_photo_is_one_recorded_failure_and_is_tried_again_only_when_asked(photos: Path, library: Library):
    data = (photos / "0.jpg").read_bytes()
    (photos / "broken.jpg").write_bytes(data[: len(data) // 2])
    age(photos / "broken.jpg", 9999)
    assert library.scan(photos).failed == 1
    (failure,) = library.failures().to_pylist()
    assert failure["path"].endswith("broken.jpg")
    assert failure["stage"] == "decode"
    assert library.scan(photos).decoded == 0
    assert library.scan(photos, retry_failed=True).failed == 1


def test_an_unreadable_file_is_a_failure_until_it_can_be_read(photos: Path, library: Library):
    (photos / "dir.jpg").symlink_to("/proc/self/mem")
    result = library.scan(photos)
    assert result.new >= 8
    (photos / "dir.jpg").unlink()
    assert library.scan(photos).failed == 0


def test_a_file_written_a_moment_ago_is_waited_for(photos: Path, library: Library):
    (photos / "fresh.jpg").write_bytes((photos / "0.jpg").read_bytes())
    assert library.scan(photos).new == 9
    assert "fresh.jpg" in paths(library)


@pytest.mark.slow
def test_a_scan_below_a_known_root_keeps_the_root(photos: Path, library: Library):
    draw(photos / "in" / "x.jpg", 50)
    library.scan(photos / "in")
    library.scan(photos)
    draw(photos / "in" / "y.jpg", 51)
    library.scan(photos / "in")
    assert set(library.store.read("files", ["root"])["root"].to_pylist()) == {str(photos)}
    assert len(paths(library)) == 10


def test_two_scans_at_once_are_refused_by_name(photos: Path, library: Library):
    store = Store(library.uri, create=True)
    with store.writing(), pytest.raises(LibraryLockedError, match=str(os.getpid())):
        library.scan(photos)


def test_a_library_of_a_newer_version_is_refused(photos: Path, library: Library):
    library.scan(photos)
    with library.store.writing():
        library.store.upsert(META, [{"name": "schema_version", "value": "999"}])
    with pytest.raises(LibraryTooNewError, match="newer photoidx"):
        library.scan(photos)


def test_a_stopped_scan_goes_on_where_it_was(photos: Path, library: Library, tmp_path: Path):
    stop = threading.Event()
    first = library.scan(photos, stop=stop, on_progress=lambda done, _total, _failed: stop.set() if done > 2 else None)
    assert first.interrupted
    library.scan(photos)
    fresh = Library(tmp_path / "fresh", CONFIG)
    fresh.scan(photos)
    assert contents(library) == contents(fresh)


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
def test_a_killed_scan_leaves_the_tables_of_an_undisturbed_one(photos: Path, library: Library, tmp_path: Path):
    for number in range(8, 60):
        draw(photos / f"{number}.jpg", number)
    command = [sys.executable, "-m", "photoidx.cli", "scan", str(photos), "--library", library.uri]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    wait_for(lambda: is_at_work(process))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: group_is_gone(process.pid))  # a worker that was just being started may hold the lock for a moment
    library.scan(photos)
    fresh = Library(tmp_path / "fresh", CONFIG)
    fresh.scan(photos)
    assert contents(library) == contents(fresh)


def test_real_photos_scan_to_the_end(samples: Path, library: Library):
    result = library.scan(samples / "orientation", samples / "formats", samples / "raw", samples / "broken")
    assert result.analysed > 80
    failed = {Path(row["path"]).parent.name for row in library.failures().to_pylist()}
    assert "orientation" not in failed


def test_a_model_that_is_not_here_stops_the_scan_before_it_begins_and_is_not_remembered(photos: Path, library: Library):
    with pytest.raises(AssetError, match="photoidx models pull dinov2"):
        Library(library.uri, replace(CONFIG, embedders=("efficientnet_lite0", "dinov2"))).scan(photos)
    assert library.scan(photos).warnings == []


def test_a_remembered_model_that_went_away_is_a_warning(photos: Path, library: Library):
    library.scan(photos)
    with library.store.writing():
        library.store.upsert(META, [{"name": "embedders", "value": '["efficientnet_lite0", "dinov2"]'}])
    assert "without dinov2" in library.scan(photos).warnings[0]


def test_a_misspelt_folder_makes_no_library(tmp_path: Path, library: Library):
    with pytest.raises(PhotoidxError, match="no folder"):
        library.scan(tmp_path / "no such folder")
    assert not Path(library.uri).exists()


@pytest.mark.slow
def test_a_script_that_scans_without_the_main_guard_is_told_what_to_do(tmp_path, photos):
    script = tmp_path / "script.py"
    script.write_text(f"from photoidx import Library\nLibrary({str(tmp_path / 'lib')!r}).scan({str(photos)!r})\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert '`if __name__ == "__main__":`' in done.stderr.splitlines()[-1]
