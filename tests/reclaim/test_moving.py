"""Files moved into the trash and back: killed, changed meanwhile, on full disks, on drives that are away."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import kill_reclaims
from photoidx.errors import LibraryLockedError, QueryError
from photoidx.reclaim import moving
from photoidx.reclaim.filling import move_units
from photoidx.reclaim.journal import NAME, Journal, State, read_batch
from photoidx.reclaim.moving import rename_new
from photoidx.reclaim.places import TRASH, incomplete, trash_of, trashes, unknown_beside
from photoidx.reclaim.run import bytes_of
from photoidx.reclaim.trash import (
    batches,
    chosen,
    empty,
    held,
    last_batch,
    locked,
    older_than_units,
    put_back_units,
    recover,
    rows,
)
from photoidx.reclaim.units import Kept, Member, Unit
from photoidx.records import content_id_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def written(path: Path, data: bytes) -> Member:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Member(str(path), content_id_of(data), len(data))


def live_photo(root: Path, name: str = "1") -> Unit:
    kept = written(root / "kept" / f"{name}.jpg", f"picture {name}".encode())
    members = (
        written(root / "copies" / f"{name}.jpg", f"picture {name}".encode()),
        written(root / "copies" / f"{name}.mov", f"film {name}".encode()),
    )
    return Unit("duplicate", str(root), "a copy", members, (Kept(kept.path, kept.content_id or ""),))


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {NAME, "lock"}
    }


def trash(root: Path) -> list[str]:
    return trashes([str(root)])


def test_a_unit_goes_into_the_trash_beside_its_root_and_comes_back(root: Path):
    unit, before = live_photo(root), None
    before = bytes_below(root.parent)
    done = move_units("mine", [unit])
    assert (done.files, done.problems) == (2, [])
    assert sorted(path.name for path in root.rglob("*.*")) == ["1.jpg"]
    assert trash(root) == [str(root.parent / TRASH)]
    assert sorted(bytes_below(root.parent).values()) == sorted(before.values())
    assert [row["path"] for row in rows(batches(trash(root)))] == [member.path for member in unit.members]
    assert put_back_units(last_batch(batches(trash(root)), "mine")).files == 2
    assert bytes_below(root.parent) == before
    with pytest.raises(QueryError, match="nothing in the trash"):
        last_batch(batches(trash(root)), "mine")


def test_undo_takes_the_last_reclaim_of_its_own_library(root: Path):
    units = [live_photo(root, name) for name in "123"]
    for unit, library in zip(units, ("mine", "mine", "another"), strict=True):
        move_units(library, [unit])
    found = last_batch(batches(trash(root)), "mine")
    assert [file.source for _, entry in found for file in entry.files] == [each.path for each in units[1].members]


def spoil_kept(root: Path, _unit: Unit) -> None:
    (root / "kept" / "1.jpg").write_bytes(b"picture 2")


def remove_kept(root: Path, _unit: Unit) -> None:
    (root / "kept" / "1.jpg").unlink()


def link_kept(root: Path, unit: Unit) -> None:
    (root / "kept" / "1.jpg").unlink()
    os.link(unit.members[0].path, root / "kept" / "1.jpg")


def symlink_kept(root: Path, unit: Unit) -> None:
    (root / "kept" / "1.jpg").unlink()
    (root / "kept" / "1.jpg").symlink_to(unit.members[0].path)


def edit_film(root: Path, _unit: Unit) -> None:
    (root / "copies" / "1.mov").write_bytes(b"another film")


def link_folder(root: Path, _unit: Unit) -> None:
    (root / "copies").rename(root.parent / "elsewhere")
    (root / "copies").symlink_to(root.parent / "elsewhere")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (spoil_kept, "its bytes are others"),
        (remove_kept, "can't be read"),
        (link_kept, "another name of the file"),
        (symlink_kept, "is a link"),
        (edit_film, "its bytes are others"),
        (link_folder, "reached by a link"),
    ],
)
def test_nothing_of_a_unit_goes_that_is_not_as_it_was_scanned(
    root: Path, change: Callable[[Path, Unit], None], why: str
):
    unit = live_photo(root)
    change(root, unit)
    before = bytes_below(root.parent)
    done = move_units("mine", [unit])
    assert done.files == 0
    assert why in done.problems[0]
    assert bytes_below(root.parent) == before
    assert os.listdir(root.parent / TRASH) == ["lock"]


def test_a_photo_that_is_changed_while_it_is_moved_goes_back(root: Path, monkeypatch: pytest.MonkeyPatch):
    unit = live_photo(root)

    def renamed(source: str, target: str) -> None:
        if source.endswith("1.mov"):
            Path(source).write_bytes(b"saved by an editor just now")
        rename_new(source, target)

    monkeypatch.setattr(moving, "rename_new", renamed)
    assert "was changed while it was moved" in move_units("mine", [unit]).problems[0]
    assert (root / "copies" / "1.mov").read_bytes() == b"saved by an editor just now"
    assert (root / "copies" / "1.jpg").exists()


def test_a_unit_of_which_one_file_can_not_be_moved_stays_whole(root: Path, monkeypatch: pytest.MonkeyPatch):
    units = [live_photo(root), live_photo(root, "2")]

    def renamed(source: str, target: str) -> None:
        if source.endswith("1.mov"):
            raise OSError(errno.EXDEV, "another file system")
        rename_new(source, target)

    monkeypatch.setattr(moving, "rename_new", renamed)
    before = bytes_below(root / "copies")
    done = move_units("mine", units)
    assert (done.files, len(done.problems)) == (2, 1)
    assert {name: data for name, data in before.items() if name[0] == "1"} == bytes_below(root / "copies")


def test_nothing_is_written_over_on_the_way_back(root: Path):
    unit = live_photo(root)
    move_units("mine", [unit])
    Path(unit.members[1].path).write_bytes(b"a new film")
    done = put_back_units(last_batch(batches(trash(root)), "mine"))
    assert "is there again" in done.problems[0]
    assert Path(unit.members[1].path).read_bytes() == b"a new film"
    assert not Path(unit.members[0].path).exists()  # the unit stays whole, in the trash
    assert len(held(batches(trash(root)))) == 1


@pytest.mark.parametrize("at", [*range(12)])
def test_a_process_that_dies_at_any_step_leaves_every_file_once(root: Path, at: int, monkeypatch: pytest.MonkeyPatch):
    """The steps are the lines of the journal and the renames: dying in between is one of these."""
    units = [live_photo(root), live_photo(root, "2")]
    before = sorted(bytes_below(root).values())
    steps = 0

    class Died(BaseException):
        pass

    def counted(real: Callable[..., None]) -> Callable[..., None]:
        def step(*args: object) -> None:
            nonlocal steps
            steps += 1
            if steps > at:
                raise Died
            real(*args)

        return step

    def there_and_back() -> None:
        move_units("mine", units)
        put_back_units(last_batch(batches(trash(root)), "mine"))

    with monkeypatch.context() as patch:
        patch.setattr(moving, "rename_new", counted(rename_new))
        patch.setattr(Journal, "write", counted(Journal.write))
        with pytest.raises(Died):
            there_and_back()
    assert sorted(bytes_below(root.parent).values()) == before
    if trash(root):
        recover(*trash(root))
        recover(*trash(root))  # twice is as once
    for unit in units:
        assert len({Path(member.path).exists() for member in unit.members}) == 1
    put_back_units(held(batches(trash(root))))
    assert sorted(bytes_below(root).values()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_twenty_kills_lose_nothing(tmp_path: Path):
    """The same with two hundred: `python scripts/kill_reclaims.py`."""
    done = subprocess.run(
        [sys.executable, kill_reclaims.__file__, "--kills", "20", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_line_of_the_journal_that_was_cut_off_tells_of_nothing(root: Path):
    move_units("mine", [live_photo(root)])
    (batch,) = batches(trash(root))
    with open(os.path.join(batch.folder, NAME), "ab") as file:
        file.write(b'{"unit": 0, "state": "delet')
    found = read_batch(batch.folder)
    assert found is not None
    assert found.entries[0].state is State.MOVED
    assert put_back_units(held([found])).problems == []


def test_a_full_disk_is_told_and_nothing_is_moved(root: Path, monkeypatch: pytest.MonkeyPatch):
    units = [live_photo(root)]

    def full(_self: Journal, record: dict[str, object]) -> None:
        if "files" in record:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Journal, "write", full)
    before = bytes_below(root)
    done = move_units("mine", units)
    assert "No space left on device" in done.problems[0]
    assert bytes_below(root) == before


def test_a_drive_that_is_away_costs_only_its_own_units(root: Path, tmp_path: Path):
    away = live_photo(tmp_path / "drive")
    (tmp_path / "drive").rename(tmp_path / "gone")
    done = move_units("mine", [away, live_photo(root)])
    assert done.files == 2
    assert "is a drive away?" in done.problems[0]


def test_a_root_of_which_much_is_missing_looks_incomplete(root: Path):
    files = [{"root": str(root), "path": written(root / f"{n}.jpg", b"x").path} for n in range(10)]
    assert incomplete(files) == {}
    (root / "1.jpg").unlink()
    assert incomplete(files) == {}
    (root / "2.jpg").unlink()
    assert "2 of 10 files" in incomplete(files)[str(root)]
    assert incomplete(files, {str(root / "2.jpg")}) == {}
    root.rename(root.with_name("away"))
    assert "can't be listed" in incomplete(files)[str(root)]


def test_notes_beside_a_photo_are_those_of_its_name(root: Path):
    names = ("1.jpg", "1.pp3", "1.jpg.json", "1.JPG", "1 (1).json", "10.pp3", ".1.pp3", "2.pp3")
    for name in names:
        written(root / name, name.encode())
    beside = unknown_beside({str(root / "1.jpg"), str(root / "1.JPG")})
    assert sorted(map(os.path.basename, beside(str(root / "1.jpg")))) == ["1.jpg.json", "1.pp3"]


def test_the_trash_is_inside_a_root_whose_folder_can_not_be_written(root: Path, monkeypatch: pytest.MonkeyPatch):
    assert trash_of(str(root)) == str(root.parent / TRASH)
    monkeypatch.setattr(os, "access", lambda *_args: False)
    assert trash_of(str(root)) == str(root / TRASH)
    assert trash_of("/") == f"/{TRASH}"


def test_two_roots_with_one_trash_have_a_batch_each(root: Path, tmp_path: Path):
    units = [live_photo(root), live_photo(tmp_path / "more")]
    assert move_units("mine", units).files == 4
    assert len(batches(trash(root))) == 2
    assert put_back_units(last_batch(batches(trash(root)), "mine")).files == 4


def test_only_one_moves_files_at_a_time(root: Path):
    move_units("mine", [live_photo(root)])
    with locked(*trash(root)), pytest.raises(LibraryLockedError, match="Another process moves files"):
        move_units("mine", [live_photo(root, "2")])


def test_a_name_of_any_bytes_comes_back(root: Path):
    from photoidx.records import path_text

    place = os.path.join(os.fsencode(root), b"two\nlines \xff {}.jpg")
    with open(place, "wb") as file:
        file.write(b"x")
    member = Member(path_text(os.fsdecode(place)), content_id_of(b"x"), 1)
    assert move_units("mine", [Unit("rejected", str(root), "", (member,))]).problems == []
    assert not os.path.lexists(place)
    assert put_back_units(held(batches(trash(root)))).problems == []
    assert os.path.lexists(place)


def test_emptying_deletes_what_is_old_enough_and_never_the_last_copy(root: Path):
    units = [live_photo(root), live_photo(root, "2")]
    move_units("mine", units)
    found = batches(trash(root))
    assert older_than_units(found, timedelta(days=30)) == []
    old = [replace(batch, at="2020-01-01T00:00:00+00:00") for batch in found]
    assert len(older_than_units(old, timedelta(days=30))) == 2
    (root / "kept" / "1.jpg").unlink()
    done = empty(held(found), even_last=False)
    assert (done.files, len(done.problems)) == (2, 1)
    assert "may be the last copy" in done.problems[0]
    assert [entry.files[0].source for _, entry in held(batches(trash(root)))] == [units[0].members[0].path]
    assert empty(held(batches(trash(root))), even_last=True).files == 2
    assert batches(trash(root)) == []
    assert bytes_below(root.parent) == {"photos/kept/2.jpg": b"picture 2"}


def test_what_is_chosen_comes_back_with_its_unit(root: Path):
    units = [live_photo(root), live_photo(root, "2")]
    move_units("mine", units)
    found = batches(trash(root))
    assert len(chosen(found, [found[0].batch_id])) == 2
    assert put_back_units(chosen(found, [units[0].members[1].path])).files == 2
    with pytest.raises(QueryError, match="not in the trash"):
        chosen(batches(trash(root)), [units[0].members[1].path])


@pytest.mark.parametrize(
    ("text", "size"), [("20GB", 20 * 10**9), ("1.5 TiB", 3 * 2**39), ("500 mb", 5 * 10**8), ("7", 7), ("2k", 2000)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int):
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "nan", "inf", "1e99", "0"])
def test_what_is_no_size_is_told(text: str):
    with pytest.raises(QueryError, match="is no size"):
        bytes_of(text)
