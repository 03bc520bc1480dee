"""Paths, and files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from photoidx.files import is_below, write_whole


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("/p/a.jpg", "/p", True),
        ("/p/b/a.jpg", "/p/", True),
        ("/photos/a.jpg", "/p", False),
        ("/p", "/p", False),
        ("/a.jpg", "/", True),
    ],
)
def test_what_lies_below_a_folder(path: str, folder: str, expected: bool):
    assert is_below(path, folder) is expected


def test_a_file_is_written_in_the_place_of_the_one_before(tmp_path: Path):
    for data in (b"one", "zw\u00f6lf"):
        write_whole(tmp_path / "a.json", data)
        assert (tmp_path / "a.json").read_bytes() == (data if isinstance(data, bytes) else data.encode())
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_file_that_can_not_be_put_in_its_place_leaves_nothing_beside_it(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
        write_whole(tmp_path / "a", b"one")
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
