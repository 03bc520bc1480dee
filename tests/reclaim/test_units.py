"""Which files go together, and which stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.reclaim.units import Unit, find_units, take


def row(path: str, content: str | None, shot: str, kind: str = "photo", size: int = 10) -> dict[str, Any]:
    return {"path": path, "root": "/p", "content_id": content, "shot_id": shot, "kind": kind, "size": size}


def group(keep: str, *extra: str, kind: str = "identical", distance: float = 0.0) -> dict[str, Any]:
    files = [{"path": keep, "extra": False, "goes_for": None, "kind": "identical", "distance": 0.0, "reason": "keep"}]
    files += [
        {"path": path, "extra": True, "goes_for": keep, "kind": kind, "distance": distance, "reason": "a copy"}
        for path in extra
    ]
    return {"files": files}


def found(
    files: Sequence[dict[str, Any]],
    groups: Sequence[dict[str, Any]] = (),
    rejected: Sequence[str] = (),
    notes: dict[str, list[str]] | None = None,
) -> tuple[list[list[str]], dict[str, str]]:
    units, staying = find_units(files, groups, rejected, lambda path: (notes or {}).get(path, []))
    return [[member.path for member in unit.members] for unit in units], {each.path: each.why for each in staying}


A, B = row("/p/a/1.jpg", "x", "s"), row("/p/b/1.jpg", "x", "s")
LIVE = [A, row("/p/a/1.mov", "film", "s", "video"), B, row("/p/b/1.mov", "film", "s", "video")]


def test_a_copy_goes_for_the_file_that_stays():
    assert found([A, B], [group(A["path"], B["path"])]) == ([["/p/b/1.jpg"]], {})


def test_a_film_goes_with_its_photo_if_its_bytes_stay_with_the_kept_one():
    assert found(LIVE, [group(A["path"], B["path"])]) == ([["/p/b/1.jpg", "/p/b/1.mov"]], {})


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([*LIVE[:3], row("/p/b/1.mov", "another", "s", "video")], "1.mov belongs to it"),
        ([A, B, row("/p/b/1.xmp", "words", "s", "sidecar")], "1.xmp belongs to it"),
        ([A, B, row("/p/b/1.mov", None, "s", "video")], "1.mov belongs to it"),
        ([A, B, row("/p/b/1.mov", "film", "of its own", "video")], "1.mov lies beside it"),
        ([A, B, row("/p/b/1.cr3", "raw", "s")], "another file of its shot stays"),
    ],
)
def test_nothing_goes_where_a_file_of_its_unit_is_nowhere_else(files: list[dict[str, Any]], why: str):
    units, staying = found(files, [group(A["path"], B["path"])])
    assert units == []
    assert why in staying["/p/b/1.jpg"]


def test_raw_and_jpeg_go_together_if_both_are_copies():
    files = [A, B, row("/p/a/1.cr3", "raw", "s"), row("/p/b/1.cr3", "raw", "s")]
    groups = [group(A["path"], B["path"]), group("/p/a/1.cr3", "/p/b/1.cr3")]
    assert found(files, groups) == ([["/p/b/1.cr3", "/p/b/1.jpg"]], {})


def test_a_copy_beside_the_kept_file_leaves_the_others_of_the_shot_where_they_are():
    copy = row("/p/a/1 (1).jpg", "x", "s")
    assert found([A, copy, LIVE[1]], [group(A["path"], copy["path"])]) == ([["/p/a/1 (1).jpg"]], {})


def test_a_sidecar_of_its_own_keeps_a_copy_beside_the_kept_file():
    copy, words = row("/p/a/1 (1).jpg", "x", "s"), row("/p/a/1 (1).xmp", "words", "s", "sidecar")
    units, staying = found([A, copy, words], [group(A["path"], copy["path"])])
    assert (units, list(staying)) == ([], [copy["path"]])


def test_notes_that_the_library_does_not_know_keep_a_copy_and_go_with_what_was_rejected():
    notes = {"/p/b/1.jpg": ["/p/b/1.jpg.json"]}
    assert found([A, B], [group(A["path"], B["path"])], notes=notes)[0] == []
    lone = row("/p/b/1.jpg", "y", "other")
    assert found([A, lone], rejected=["other"], notes=notes)[0] == [["/p/b/1.jpg", "/p/b/1.jpg.json"]]


def test_the_files_of_a_rejected_shot_go_and_nothing_goes_for_one_of_them():
    raw = row("/p/a/1.cr3", "raw", "s")
    own = [*LIVE[:2], raw, row("/p/a/1.xmp", "words", "s", "sidecar")]
    assert found(own, rejected=["s"])[0] == [["/p/a/1.cr3", "/p/a/1.jpg", "/p/a/1.mov", "/p/a/1.xmp"]]
    other = row("/p/c/1.jpg", "x", "t")
    units, staying = found([*own, other], [group(A["path"], other["path"])], rejected=["s"])
    assert len(units) == 1
    assert "is to go, too" in staying["/p/c/1.jpg"]


@pytest.mark.parametrize(
    "other",
    [B, row("/p/a/1-edited.jpg", "edit", "s"), {**row("/q/a/1.jpg", "x", "s"), "root": "/q"}],
    ids=["a copy in another folder", "an edit", "a copy on another drive"],
)
def test_a_rejected_shot_with_copies_or_edits_stays_for_one_of_them_may_be_meant(other: dict[str, Any]):
    units, staying = found([A, other], rejected=["s"])
    assert units == []
    assert set(staying) == {A["path"], other["path"]}
    assert all("unclear which" in why for why in staying.values())


def test_what_loses_least_goes_first_and_a_goal_stops_there():
    sizes = {"a": 9, "b": 9, "c": 5, "d": 7, "e": 9, "f": 90}
    files = [row(f"/p/{name}/1.jpg", name, name, size=size) for name, size in sizes.items()]
    groups = [
        group("/p/a/1.jpg", "/p/b/1.jpg", kind="same", distance=0.2),
        group("/p/e/1.jpg", "/p/c/1.jpg", "/p/d/1.jpg"),
    ]
    units, _ = find_units(files, groups, ["f"], lambda _path: [])
    assert [unit.members[0].path[3] for unit in units] == ["d", "c", "b", "f"]
    taken, following = take(units, 8)
    assert [[unit.members[0].path[3] for unit in each] for each in (taken, following)] == [["d", "c"], ["b", "f"]]


@given(st.lists(st.integers(1, 50), max_size=20), st.integers(1, 200))
def test_a_goal_takes_no_unit_more_than_it_needs(sizes: list[int], goal: int):
    from photoidx.reclaim.units import Member

    units = [Unit("rejected", "/p", "", (Member(f"/p/{n}", None, size),)) for n, size in enumerate(sizes)]
    taken, following = take(units, goal)
    assert taken + following == units
    assert sum(unit.size for unit in taken[:-1]) < goal
    assert not following or sum(unit.size for unit in taken) >= goal
