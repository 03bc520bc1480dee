import contextlib
import errno
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.media.links import follows_by, link_rules, nowhere, remember_links
from photoidx.indexer.media.walk import FileState, StoppedError, walk
from photoidx.indexer.scan import scope
from photoidx.indexer.scan.plan import KnownFile, Verdict, plan
from photoidx.indexer.scan.scope import walk_some
from photoidx.records import path_text, text_path
from photoidx.storage.store import Store
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


def test_links_are_followed_out_of_the_root_unless_they_are_not_to_be(tmp_path: Path):
    draw(tmp_path / "in" / "a.jpg")
    draw(tmp_path / "out" / "b.jpg")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "c.jpg").symlink_to(tmp_path / "out" / "b.jpg")
    (tmp_path / "in" / "twin.jpg").symlink_to("a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert names(tmp_path / "in") == {"a.jpg", "c.jpg", "twin.jpg", "folder/b.jpg"}
    for root in (tmp_path / "in", tmp_path / "link"):  # what you name yourself may be a link
        assert {os.path.basename(path) for path in walk(str(root), follows=nowhere).files} == {"a.jpg"}


def test_what_came_by_a_link_is_gone_for_a_scan_that_follows_none(tmp_path: Path):
    draw(tmp_path / "in" / "a.jpg")
    draw(tmp_path / "out" / "b.jpg")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    root = str(tmp_path / "in")
    listing = walk(root)
    known = {path: KnownFile(state, "c", root, "photo") for path, state in listing.files.items()}
    assert len(known) == 2
    some, judged = walk_some(root, [f"{root}/folder"], known, follows=nowhere)
    assert set(judged) == set(known)
    for seen in (some, walk(root, follows=nowhere)):
        (gone,) = plan([seen], known, 0, 0).of(Verdict.GONE)
        assert gone.path == f"{root}/folder/b.jpg"


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


def test_a_look_at_some_folders_judges_only_what_lies_in_them_or_has_left_them(tmp_path: Path):
    root = str(tmp_path)
    for name in ("a/1.jpg", "a/deep/2.jpg", "b/3.jpg", "new/deeper/4.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    known = {f"{root}/{name}": name for name in ("a/1.jpg", "a/deep/2.jpg", "a/left/5.jpg", "a/6.jpg", "b/3.jpg")}
    listing, judged = walk_some(root, [f"{root}/a", f"{root}/new"], known)
    assert set(listing.files) == {f"{root}/a/1.jpg", f"{root}/new/deeper/4.jpg"}
    assert set(judged.values()) == {"a/1.jpg", "a/left/5.jpg", "a/6.jpg"}


def test_a_folder_that_is_gone_is_judged_by_the_one_above_and_a_root_that_is_gone_judges_nothing(tmp_path: Path):
    root = str(tmp_path / "root")
    known = {f"{root}/a/b/1.jpg": 1, f"{root}/c/2.jpg": 2}
    listing, judged = walk_some(root, [f"{root}/a/b"], known)
    assert root in listing.unlisted
    assert not judged
    (tmp_path / "root" / "c").mkdir(parents=True)
    assert set(walk_some(root, [f"{root}/a/b"], known)[1].values()) == {1}


def test_a_drive_that_leaves_in_the_middle_of_a_look_takes_no_file_from_the_library(tmp_path: Path, monkeypatch):
    root = tmp_path / "root"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        (root / name / "1.jpg").write_bytes(b"x")
    known = {f"{root}/{name}/1.jpg": FileState(0, 0, 0) for name in ("a", "b")}
    listed = scope.enter

    def leaves_after_the_first(folder: str, entered: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
        found = listed(folder, entered)
        if (root / "a").exists():  # what is unmounted leaves its empty mount point
            root.rename(tmp_path / "away")
            root.mkdir()
        return found

    monkeypatch.setattr(scope, "enter", leaves_after_the_first)
    listing, judged = walk_some(str(root), [f"{root}/a", f"{root}/b"], known)
    told = plan([listing], {path: KnownFile(state, "x", str(root)) for path, state in judged.items()}, 0, 0)
    assert told.of(Verdict.GONE) == []
    assert any("meanwhile" in each for each in told.warnings)


def test_a_walk_that_is_told_to_stop_is_cut_short_in_the_middle_of_a_folder(tmp_path: Path):
    for number in range(9):
        draw(tmp_path / f"{number}.jpg")
    left = iter(range(3))

    class Stop(threading.Event):
        def is_set(self) -> bool:
            return next(left, None) is None

    with pytest.raises(StoppedError):
        walk(str(tmp_path), stop=Stop())
    assert next(left, None) is None


@pytest.mark.parametrize(
    ("told", "follow", "expected"),
    [
        ([], None, {"/p": True, "/p/a/b": True}),
        ([("/p", False)], None, {"/p": False, "/p/a/b": False, "/q": True}),
        ([("/p", False)], True, {"/p": True, "/p/a": True}),
        ([("/p", False), ("/p/a", True)], None, {"/p": False, "/p/a": True, "/p/a/b": True, "/p/b": False}),
        ([("/p/a", False)], None, {"/p": True, "/p/a/b": False, "/p/ab": True}),
        ([("/p/a", False)], True, {"/p": True, "/p/a/b": True}),
    ],
)
def test_links_are_followed_as_the_nearest_root_was_last_told(
    tmp_path: Path, told: list[tuple[str, bool]], follow: bool | None, expected: dict[str, bool]
):
    store = Store(str(tmp_path / "library"), create=True)
    with store.writing():
        for root, rule in told:
            remember_links(store, [root], rule)
    follows = follows_by(link_rules(store, ["/p"], follow))
    assert {folder: follows(folder) for folder in expected} == expected


def test_of_a_folder_whose_listing_breaks_off_nothing_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for number in range(4):
        draw(tmp_path / f"{number}.jpg")
    root = str(tmp_path)
    known = {path: KnownFile(state, "c", root, "photo") for path, state in walk(root).files.items()}

    @contextlib.contextmanager
    def scandir(folder: str):
        with whole(folder) as entries:
            yield broken(entries)

    def broken(entries):
        yield next(entries)
        raise OSError(errno.EIO, "Input/output error")

    whole = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    some, judged = walk_some(root, [root], known)
    assert judged == {}
    for seen in (some, walk(root)):
        assert seen.unlisted == {root: "Input/output error"}
        assert plan([seen], known, 0, 0).of(Verdict.GONE) == []
