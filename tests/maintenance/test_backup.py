"""Backups: checked, cheap when little changed, never half, restored only when whole. Decisions as a file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from faults.damage import commit, data_files, made, truncate
from made_library import file, write
from photoidx.cli import cli
from photoidx.errors import LibraryLockedError, PhotoidxError, TableDamagedError
from photoidx.maintenance.backup import backup
from photoidx.maintenance.decisions_file import save_decisions
from photoidx.maintenance.doctor import examine
from photoidx.maintenance.restore import find_snapshot, restore, restore_decisions
from photoidx.maintenance.snapshot import check_files, read_snapshot, snapshots
from photoidx.queries.decisions.record import decisions
from photoidx.storage.store import Store
from photoidx.storage.tables import Tables

BACK_UP = """
import sys
from pathlib import Path
from photoidx.maintenance.backup import backup
from photoidx.storage.tables import Tables
print(flush=True)
backup(Tables(sys.argv[1]), Path(sys.argv[2]))
"""
RESTORE = """
import sys
from pathlib import Path
from photoidx.maintenance.restore import restore
print(flush=True)
restore(Path(sys.argv[1]), sys.argv[2], force=True)
"""
DECISION = {"decision_id": "1-a", "verb": "keep", "at": "2026-01-01", "undone_at": None, "shots": []}


def record(*told: object) -> str:
    """Return the text of a file of decisions."""
    return json.dumps({"photoidx_decisions": 1, "decisions": list(told)})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return made(tmp_path / "library")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def content(uri: str | Path) -> dict[str, list[str]]:
    store = Store(str(uri))
    return {name: sorted(map(str, store.read(name).to_pylist())) for name in store.names()}


def run(*arguments: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(cli, arguments)
    return found.exit_code, found.stdout, found.stderr + str(found.exception or "")


def test_what_is_restored_is_what_was_backed_up_with_its_earlier_states(store: Store, place: Path, tmp_path: Path):
    before = content(store.uri)
    status, out, talk = run("backup", str(place), "--library", store.uri)
    assert status == 0, talk
    assert Path(out.strip()) == snapshots(place)[-1]
    commit(store, "later")
    status, _, talk = run("restore", str(place), "--library", str(tmp_path / "again"))
    assert status == 0, talk
    assert content(tmp_path / "again") == before
    assert len(Store(str(tmp_path / "again")).versions("exif")) == 3
    assert examine(Tables(str(tmp_path / "again"))) == []
    commit(Store(str(tmp_path / "again")), "new")  # it can be written, too


def test_a_second_backup_copies_only_what_is_new_and_the_first_stays_whole(store: Store, place: Path):
    first = backup(Tables(store.uri), place)
    assert first.copied == first.snapshot.size
    commit(store, "e")
    second = backup(Tables(store.uri), place)
    assert 0 < second.copied < second.snapshot.size / 2
    for made_backup in (first, second):
        check_files(read_snapshot(made_backup.snapshot.folder))
    again = backup(Tables(store.uri), place, keep=2)
    assert (again.copied, again.removed) == (0, 1)
    assert snapshots(place) == [second.snapshot.folder, again.snapshot.folder]


def test_a_backup_beside_a_writer_holds_one_whole_state(store: Store, place: Path, tmp_path: Path):
    stop = threading.Event()

    def scan() -> None:
        for number in range(1000):
            if stop.is_set():
                return
            commit(store, f"x{number}", f"y{number}")
            time.sleep(0.3)

    writer = threading.Thread(target=scan)
    writer.start()
    try:
        for number in range(3):
            backup(Tables(store.uri), place)
            copy = tmp_path / f"copy{number}"
            restore(place, str(copy))
            assert [each for each in examine(Tables(str(copy))) if each.is_fault] == []
    finally:
        stop.set()
        writer.join()


def test_with_wait_it_begins_when_the_writer_ends(store: Store, place: Path):
    released: list[float] = []

    def hold() -> None:
        with store.writing():
            held.set()
            time.sleep(1)
            released.append(time.monotonic())

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    done = backup(Tables(store.uri), place, wait=True)
    holder.join()
    assert done.snapshot.folder.stat().st_mtime_ns
    assert time.monotonic() > released[0]


def killed_while(script: str, *arguments: str, after_s: float) -> None:
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.02, 0.15, 0.4])
def test_a_backup_that_is_killed_looks_not_whole_and_leaves_the_earlier_one(store: Store, place: Path, after_s: float):
    first = backup(Tables(store.uri), place).snapshot
    commit(store, *map(str, range(50)))
    killed_while(BACK_UP, store.uri, str(place), after_s=after_s)
    for folder in snapshots(place):
        check_files(read_snapshot(folder))
    check_files(read_snapshot(first.folder))
    last = backup(Tables(store.uri), place).snapshot
    assert find_snapshot(place) == read_snapshot(last.folder)
    assert not list(place.glob("*.partial"))


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.02, 0.2, 0.5])
def test_a_restore_that_is_killed_leaves_the_old_library_or_the_new_one(
    store: Store, place: Path, after_s: float, tmp_path: Path
):
    saved = content(store.uri)
    backup(Tables(store.uri), place)
    commit(store, "later")
    now = content(store.uri)
    killed_while(RESTORE, str(place), store.uri, after_s=after_s)
    assert content(store.uri) in (saved, now)
    restore(place, store.uri, force=True)
    assert content(store.uri) == saved
    assert now in [content(old) for old in tmp_path.glob("library.before-restore*")]


def test_a_library_is_replaced_by_force_only_and_kept(store: Store, place: Path, tmp_path: Path):
    run("backup", str(place), "--library", store.uri)
    commit(store, "later")
    now = content(store.uri)
    status, _, talk = run("restore", str(place), "--library", store.uri)
    assert status == 1
    assert "--force" in talk
    assert "library.before-restore" in talk
    status, _, talk = run("restore", str(place), "--library", store.uri, "--dry-run")
    assert status == 0
    assert content(store.uri) == now
    status, _, talk = run("restore", str(place), "--library", store.uri, "--force")
    assert status == 0, talk
    assert content(tmp_path / "library.before-restore") == now
    assert "later" not in str(content(store.uri))
    restore(place, store.uri, force=True)
    assert (tmp_path / "library.before-restore-2").is_dir()


def test_a_library_that_is_being_written_is_not_replaced(store: Store, place: Path):
    backup(Tables(store.uri), place)
    with store.writing(), pytest.raises(LibraryLockedError):
        restore(place, store.uri, force=True)


def test_a_damaged_backup_is_refused_by_name_and_the_library_stays(store: Store, place: Path):
    folder = backup(Tables(store.uri), place).snapshot.folder
    now = content(store.uri)
    victim = next((folder / "library" / "exif.lance" / "data").iterdir())
    data = victim.read_bytes()
    victim.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    for options in ({"force": True}, {"dry_run": True}):
        with pytest.raises(PhotoidxError, match=victim.name):
            restore(place, store.uri, **options)
    victim.unlink()
    with pytest.raises(PhotoidxError, match=victim.name):
        restore(place, store.uri, force=True)
    assert content(store.uri) == now


def rot(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize("harm", [rot, Path.unlink], ids=["rotten", "missing"])
def test_a_rotten_file_in_the_newest_backup_is_copied_anew_with_a_warning(
    store: Store, place: Path, tmp_path: Path, harm: Callable[[Path], None]
):
    first = backup(Tables(store.uri), place).snapshot
    (victim, *_) = sorted((first.folder / "library" / "exif.lance" / "data").iterdir())
    harm(victim)
    done = CliRunner().invoke(cli, ["backup", str(place), "--library", store.uri])
    assert done.exit_code == 0
    assert f"Warning: The backup {first.folder} is damaged: {victim}" in done.stderr
    second = read_snapshot(find_snapshot(place).folder)
    check_files(second)
    assert second.folder != first.folder
    assert not os.path.exists(victim) or not os.path.samefile(victim, second.folder / victim.relative_to(first.folder))
    restore(place, str(tmp_path / "again"))
    assert content(str(tmp_path / "again")) == content(store.uri)
    third = backup(Tables(store.uri), place)
    assert (third.copied, third.warnings) == (0, ())


def test_a_newest_backup_without_a_record_that_makes_sense_does_not_block_the_next(store: Store, place: Path):
    first = backup(Tables(store.uri), place).snapshot
    (first.folder / "backup.json").write_text("{}")
    done = backup(Tables(store.uri), place)
    assert str(first.folder) in done.warnings[0]
    assert done.copied == done.snapshot.size
    check_files(done.snapshot)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"photoidx_backup": 1}', "\xff"])
def test_a_record_that_makes_no_sense_is_told(store: Store, place: Path, text: str):
    folder = backup(Tables(store.uri), place).snapshot.folder
    (folder / "backup.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(PhotoidxError, match="is no backup"):
        restore(place, store.uri, force=True)


def test_a_record_that_was_changed_is_told_and_one_that_points_outside_writes_nothing(
    store: Store, place: Path, tmp_path: Path
):
    from photoidx.maintenance import snapshot as care

    folder = backup(Tables(store.uri), place).snapshot.folder
    path = folder / "backup.json"
    text = path.read_text()
    path.write_text(text.replace('"exif": 4', '"exif": 5'))
    with pytest.raises(PhotoidxError, match="damaged"):
        restore(place, str(tmp_path / "other"))
    record = json.loads(text)
    record["files"][0]["path"] = "../../outside"
    del record["blake3"]
    path.write_text(json.dumps({**record, "blake3": care._digest(record)}))
    with pytest.raises(PhotoidxError, match="outside"):
        restore(place, str(tmp_path / "other"))
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "other").exists()


def test_a_damaged_library_is_not_backed_up_as_if_it_were_whole(store: Store, place: Path):
    first = backup(Tables(store.uri), place).snapshot
    truncate(data_files(store, "exif")[-1])
    with pytest.raises(PhotoidxError, match="exif"):
        backup(Tables(store.uri), place)
    assert find_snapshot(place).folder == first.folder


def test_a_place_in_the_library_or_without_a_backup_is_refused(store: Store, tmp_path: Path):
    with pytest.raises(PhotoidxError, match="outside"):
        backup(Tables(store.uri), Path(store.uri) / "backups")
    with pytest.raises(PhotoidxError, match="photoidx backup"):
        restore(tmp_path, store.uri, force=True)


def test_decisions_move_to_another_library_where_shots_have_other_ids(store: Store, tmp_path: Path):
    path = tmp_path / "decisions.json"
    assert run("backup", "--only", "decisions", str(path), "--library", store.uri)[0] == 0
    other = Store(str(tmp_path / "other"), create=True)
    write(other, files=[file("/q/raw.cr3", "raw", shot_id="shot-raw"), file("/q/a.jpg", "a", shot_id="shot-raw")])
    for new in (2, 0):  # the second time all are known
        assert restore_decisions(path, other.uri) == (2, new)
    assert [each.shot_ids for each in decisions(other)] == [("shot-raw",), ("shot-c",)]
    status, _, talk = run("restore", "--only", "decisions", str(path), "--library", other.uri)
    assert status == 0, talk
    assert "2 decisions in the file, 0 of them new" in talk


def test_what_was_undone_stays_undone(store: Store, tmp_path: Path):
    from photoidx.queries.decisions.record import undo

    with store.writing():
        undo(store)
    save_decisions(Tables(store.uri), tmp_path / "d.json")
    other = Store(str(tmp_path / "other"), create=True)
    write(other)
    restore_decisions(tmp_path / "d.json", other.uri)
    assert other.read("decisions").to_pylist() == store.read("decisions").to_pylist()
    assert len(decisions(other)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "{}",
        "[]",
        "\xff\xfe",
        "[" * 100_000,
        '{"photoidx_decisions": 2, "decisions": []}',
        '{"photoidx_decisions": 1, "decisions": 7}',
        record({}),
        record({**DECISION, "decision_id": "x"}),
        record({**DECISION, "at": None}),
        record({**DECISION, "at": "noon"}),
        record({**DECISION, "shots": [{"shot_id": 7, "files": []}]}),
    ],
)
def test_a_file_that_holds_no_decisions_is_told_by_name_and_changes_nothing(store: Store, tmp_path: Path, text: str):
    path = tmp_path / "wrong.json"
    path.write_bytes(text.encode("latin-1"))
    before = store.version("decisions")
    status, _, talk = run("restore", "--only", "decisions", str(path), "--library", store.uri)
    assert status == 1
    assert "wrong.json" in talk
    assert Store(store.uri).version("decisions") == before


def test_damaged_decisions_are_replaced_by_force_only_and_set_aside(store: Store, tmp_path: Path):
    path = tmp_path / "d.json"
    save_decisions(Tables(store.uri), path)
    truncate(data_files(store, "decisions")[-1])
    with pytest.raises(TableDamagedError, match="--force"):
        restore_decisions(path, store.uri)
    assert restore_decisions(path, store.uri, force=True) == (2, 2)
    assert len(decisions(Store(store.uri))) == 2
    assert os.listdir(Path(store.uri) / "set-aside")
    assert [each for each in examine(Tables(store.uri)) if each.is_fault] == []
