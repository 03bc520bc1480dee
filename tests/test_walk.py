import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.walk import walk
from photoidx.records import path_text, text_path
from pictures import draw


def names(root: Path, *excludes: str) -> set[str]:
    return {os.path.relpath(path, root) for path in walk(str(root), excludes).files}


def test_photos_sidecars_and_videos_are_found_and_other_files_are_not(tmp_path: Path):
    for name in ("a.jpg", "b.CR3", "c.xmp", "d.mov", "e.txt", "f"):
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == {"a.jpg", "b.CR3", "c.xmp", "d.mov"}


def test_hidden_names_and_the_folders_of_network_drives_are_left_out(tmp_path: Path):
    for name in (".hidden/a.jpg", "@eaDir/a.jpg", ".b.jpg", "kept/c.jpg"):
        draw(tmp_path / name)
    assert names(tmp_path) == {"kept/c.jpg"}


def test_globs_leave_out_names_and_paths(tmp_path: Path):
    for name in ("a.jpg", "a_thumb.jpg", "export/b.jpg"):
        draw(tmp_path / name)
    assert names(tmp_path, "*_thumb.jpg", "*/export") == {"a.jpg"}


def test_a_loop_of_links_ends(tmp_path: Path):
    draw(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "loop").symlink_to(tmp_path)
    assert names(tmp_path) == {"in/a.jpg"}


def test_names_with_spaces_newlines_and_undecodable_bytes_are_found(tmp_path: Path):
    odd = os.fsencode(tmp_path) + b"/a \n\xff\xc3\xa9.jpg"
    with open(odd, "wb") as file:
        file.write(b"x")
    (path,) = walk(str(tmp_path)).files
    assert os.fsencode(path) == odd
    assert os.fsencode(text_path(path_text(path))) == odd


def test_a_pipe_is_not_a_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert names(tmp_path) == set()


def test_a_root_that_is_missing_is_said_to_be_unlisted(tmp_path: Path):
    assert str(tmp_path / "none") in walk(str(tmp_path / "none")).unlisted


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw))
def test_any_bytes_of_a_name_survive_the_tables(raw: bytes):
    text = path_text(os.fsdecode(raw))
    assert text.encode().decode() == text
    assert os.fsencode(text_path(text)) == raw


@given(st.binary(max_size=12), st.binary(max_size=12))
def test_two_names_never_share_a_text(one: bytes, other: bytes):
    same = path_text(os.fsdecode(one)) == path_text(os.fsdecode(other))
    assert same == (one == other)
