"""The short form of `scripts/kill_scans.py`, and that it would see harm. Its long form: docs/reliability.md."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import lancedb
import pytest

from faults.damage import data_files, made, truncate
from kill_scans import kill_scans
from killed_library import Looker
from photoidx.storage.store import Store


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills process groups")
def test_scans_that_are_killed_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    held = kill_scans(tmp_path, kills=3, seed=2, photos=8, without=("faces", "efficientnet_lite0"))
    assert held, capsys.readouterr().out


def delete(store: Store, table: str, column: str, value: str) -> None:
    with store.writing():
        store.delete(table, column, [value])


def double(store: Store) -> None:
    table = lancedb.connect(store.uri).open_table("exif")
    table.add(table.to_arrow().slice(0, 1))


@pytest.mark.parametrize(
    ("harm", "seen"),
    [
        (lambda store: delete(store, "decisions", "verb", "keep"), "lost"),
        (lambda store: delete(store, "files", "path", "/p/a.jpg"), "lost"),
        (lambda store: delete(store, "files", "path", "/p/b.jpg"), None),  # that is gone from its folder
        (lambda store: delete(store, "exif", "content_id", "a"), "lost"),
        (double, "doubled"),
        (lambda store: truncate(data_files(store, "exif")[-1]), "unreadable"),
    ],
)
def test_what_is_lost_doubled_or_unreadable_is_seen(tmp_path: Path, harm: Callable[[Store], None], seen: str | None):
    store, looker = made(tmp_path / "library"), Looker(tmp_path / "library")
    held = [f"/p/{name}.jpg" for name in "acd"]
    assert not looker.look(held)[1]
    harm(store)
    found = looker.look(held)[1]
    assert [name for name in ("lost", "doubled", "unreadable") if getattr(found, name)] == ([seen] if seen else [])
