"""What goes wrong while a library is reviewed: killed in an accept, the drive away, a photo changed, no room."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from photoidx import Library
from photoidx.review.pictures import Pictures, render
from reviews import FRAMES, Running, running


@pytest.fixture
def own(reviewed: Library, tmp_path: Path) -> Library:
    """Return a copy of the library, over the same photos."""
    shutil.copytree(reviewed.uri, tmp_path / "library")
    return Library(tmp_path / "library", reviewed.config)


def first_burst(server: Running, cookie: str) -> dict:
    bursts = json.loads(server.ask("/api/bursts", Cookie=cookie)[2])["bursts"]
    return json.loads(server.ask(f"/api/bursts/{bursts[0]['id']}", Cookie=cookie)[2])


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.02, 0.05])
def test_an_accept_that_is_killed_is_there_as_a_whole_or_not_at_all(own: Library, after_s: float):
    with running(own) as server:
        cookie = server.cookie()
        burst = first_burst(server, cookie)["id"]
        origin = f"http://127.0.0.1:{server.port}"

        def accept() -> None:
            try:
                server.ask(f"/api/bursts/{burst}/accept", "POST", "{}", Cookie=cookie, Origin=origin)
            except OSError:
                return

        asking = threading.Thread(target=accept)
        asking.start()
        time.sleep(after_s)
        server.process.kill()
        server.process.wait()
        asking.join()
    verbs = [row["verb"] for row in own.decisions()]
    assert verbs in ([], ["best"] + ["reject"] * (FRAMES - 1))
    assert len(own.best_of_bursts()) == len(Library(own.uri).bursts())


def test_a_photo_that_is_away_or_changed_is_told_in_words(
    own: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # what is there already would be shown
    with running(own) as server:
        cookie = server.cookie()
        content = first_burst(server, cookie)["frames"][0]["content"]
        (path,) = own.sql(f"SELECT path FROM photos WHERE content_id = '{content}'")["path"].to_pylist()
        photo, before = Path(path), Path(path).read_bytes()
        try:
            photo.unlink()
            assert b"is a drive away?" in server.ask(f"/picture/full/{content}", Cookie=cookie)[2]
            photo.write_bytes(before[:-1] + b"x")
            assert b"changed since it was scanned" in server.ask(f"/picture/full/{content}", Cookie=cookie)[2]
        finally:
            photo.write_bytes(before)
        assert server.ask(f"/picture/full/{content}", Cookie=cookie)[0] == 200


def test_a_cache_that_can_not_be_written_is_told_and_leaves_nothing(own: Library, tmp_path: Path):
    row = own.sql("SELECT path, content_id FROM photos LIMIT 1").to_pylist()[0]
    (tmp_path / "no folder").write_text("")
    out = str(tmp_path / "no folder" / "a.jpg")
    assert "can't be read" in render(row["path"], "jpeg", row["content_id"], "work", out)


def test_the_cache_stays_within_its_size_and_loses_what_is_oldest(tmp_path: Path):
    import os

    pictures = Pictures(tmp_path, 250, lambda _content: None)
    for number in range(5):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
        pictures._make_room(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.jpg", "4.jpg"]
