"""`export xmp` when things go wrong: whatever happens, a sidecar is the old or the new one, and all can be undone."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from export_album import Album, state
from photoidx.errors import ExportError, LibraryLockedError
from photoidx.export import sidecars
from photoidx.export.journal import alone, pasts
from photoidx.export.sidecars import Result, SidecarOptions
from photoidx.export.xmp.fields import Fields, read_fields
from photoidx.export.xmp.packet import Packet


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path)


def export(album: Album, **options: Any) -> tuple[Result, list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    done = album.library.export_xmp(SidecarOptions(**options), on_plan=lambda plan: rows.extend(plan.rows()))
    return done, rows


def told(path: Path) -> Fields:
    return read_fields(Packet.read(path.read_bytes()))


@pytest.mark.parametrize(
    ("content", "words"), [("<broken", "no sound xml"), ("<!DOCTYPE a><a/>", "doctype"), ("<a/>", "no rdf")]
)
def test_a_sidecar_that_is_not_understood_is_named_and_left(album: Album, content: str, words: str):
    album.decide("reject", album.add("IMG_1.jpg"), album.add("IMG_2.jpg"))
    (album.folder / "IMG_1.xmp").write_text(content)
    done, rows = export(album)
    assert (album.folder / "IMG_1.xmp").read_text() == content
    assert told(album.folder / "IMG_2.xmp").rating == -1
    assert (done.written, done.failed) == (1, 1)
    assert words in next(row["note"] for row in rows if row["field"] is None).lower()


def test_a_sidecar_that_changes_while_it_is_written_keeps_the_change(album: Album, monkeypatch: pytest.MonkeyPatch):
    album.decide("reject", album.add("IMG_1.jpg"))
    path = album.sidecar("IMG_1.xmp")
    real = sidecars.put

    def late(to: str, data: bytes, expected: bytes | None) -> None:
        path.write_text(path.read_text().replace("kept", "developed"))
        real(to, data, expected)

    monkeypatch.setattr(sidecars, "put", late)
    done, rows = export(album)
    assert (done.written, done.failed) == (0, 1)
    assert "another program has changed it meanwhile" in rows[-1]["note"]
    assert "developed" in path.read_text()
    assert told(path) == Fields()
    monkeypatch.undo()
    assert export(album)[0].written == 1
    album.library.undo_export()
    assert "developed" in path.read_text()


def test_a_write_protected_sidecar_and_a_folder_that_may_not_be_written_are_named(album: Album):
    album.decide("reject", album.add("a/IMG_1.jpg"), album.add("IMG_2.jpg"), album.add("IMG_3.jpg"))
    path = album.sidecar("IMG_2.xmp")
    path.chmod(0o444)
    (album.folder / "a").chmod(0o555)
    try:
        done, rows = export(album)
    finally:
        (album.folder / "a").chmod(0o755)
    is_root = os.geteuid() == 0
    assert done.failed == (1 if is_root else 2)
    assert told(path) == Fields()
    assert any("write-protected" in row["note"] for row in rows)
    assert told(album.folder / "IMG_3.xmp").rating == -1
    assert not list(album.folder.rglob("*.partial"))


def test_a_full_disk_ends_the_export_and_leaves_whole_files(album: Album, monkeypatch: pytest.MonkeyPatch):
    photos = [album.add(f"IMG_{number}.jpg") for number in range(4)]
    album.decide("reject", *photos)
    before = state(album.folder)
    real, calls = os.fsync, [0]

    def full(handle: int) -> None:
        calls[0] += 1
        if calls[0] == 5:  # of the journal and its folder, then of two sidecars with their folder
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match="the disk is full"):
        export(album)
    monkeypatch.undo()
    written = state(album.folder).keys() - before.keys()
    assert 0 < len(written) < 4
    assert all(name.endswith(".xmp") and told(album.folder / name).rating == -1 for name in written)
    album.library.undo_export()
    assert state(album.folder) == before


def test_two_exports_at_once_are_one_after_the_other(album: Album):
    album.decide("reject", album.add("IMG_1.jpg"))
    with alone(album.store), pytest.raises(LibraryLockedError, match="Another export"):
        export(album)


_DYING = """
import os, signal, sys
from photoidx.export import writing, journal
from photoidx.export.sidecars import SidecarOptions
from photoidx.library import Library

left = int(sys.argv[2])

def counted(real):
    def call(*given, **named):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real(*given, **named)
    return call

for name in ("fsync", "link", "unlink", "replace"):
    setattr(os, name, counted(getattr(os, name)))
Library(sys.argv[1]).export_xmp(SidecarOptions(policy="ours"))
"""


@pytest.mark.slow
def test_killed_at_any_moment_every_sidecar_is_old_or_new_and_undo_is_complete(album: Album):
    photos = [album.add(f"IMG_{number}.jpg") for number in range(3)]
    album.sidecar("IMG_0.xmp", 'xmp:Rating="4"', 100)
    album.decide("reject", *photos)
    before = state(album.folder)
    ended = False
    for moment in range(60):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(_DYING), album.uri, str(moment)], capture_output=True, check=False
        )
        ended = done.returncode == 0
        assert ended or done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
        for path in album.folder.glob("*.xmp"):
            assert told(path) in {Fields(rating=4), Fields(-1, -1)}
        if pasts(album.store):
            album.library.undo_export()
        left = list(album.folder.glob(".photoidx-*"))
        assert state(album.folder) == before, (moment, left)
        if ended:
            break
    assert ended


@pytest.mark.parametrize("where", ["elsewhere.xmp", "nowhere"])
def test_a_link_that_leads_out_of_the_photos_is_not_followed(album: Album, tmp_path: Path, where: str):
    album.decide("reject", album.add("IMG_1.jpg"))
    album.sidecar("IMG_1.xmp").rename(tmp_path / "elsewhere.xmp")
    before = (tmp_path / "elsewhere.xmp").read_bytes()
    (album.folder / "IMG_1.xmp").symlink_to(tmp_path / where)
    done, rows = export(album)
    assert (done.written, done.failed) == (0, 1)
    assert "a link" in rows[0]["note"]
    assert (tmp_path / "elsewhere.xmp").read_bytes() == before
    assert not (tmp_path / "nowhere").exists()


_LIMITED = """
import resource, signal, sys
from photoidx.errors import ExportError
from photoidx.export.sidecars import SidecarOptions
from photoidx.library import Library

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    Library(sys.argv[1]).export_xmp(SidecarOptions())
except ExportError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("most", [100, 1000])
def test_where_no_file_may_grow_nothing_is_half_written(album: Album, most: int):
    album.decide("reject", *(album.add(f"IMG_{number}.jpg") for number in range(5)))
    path = album.sidecar("IMG_0.xmp", f'own:more="{"x" * 3000}"')
    before = state(album.folder)
    command = [sys.executable, "-c", _LIMITED, album.uri, str(most)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Without it nothing is written" in done.stderr
    assert state(album.folder) == before
    assert export(album)[0].written == 5
    assert path.stat().st_size > 3000
