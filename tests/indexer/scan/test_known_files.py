"""What is read of the tables before a scan: paths and states are shared, and a moved root is found in linear work."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_library import file, write
from photoidx.indexer.media.walk import state_of, walk
from photoidx.indexer.scan.known_files import found_below, read_known, shots_of
from photoidx.storage.store import Store

AT_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.lists(st.sampled_from(["a", "b", "ab", "a.jpg"]), min_size=1, max_size=3).map("/".join)


@AT_ANY_SPEED
@given(
    st.dictionaries(NAMES, st.sampled_from(["x", "y", None])),
    st.dictionaries(st.sampled_from(["x", "y", "z"]), st.lists(NAMES.map("/new/".__add__))),
)
def test_a_file_came_again_if_its_path_below_the_root_ends_a_new_one_of_its_content(
    below: dict[str, str | None], new: dict[str, list[str]]
):
    files = {f"/old/{name}": content_id for name, content_id in below.items()}
    expected = [
        path
        for path, content_id in files.items()
        if any(each.endswith(os.sep + os.path.relpath(path, "/old")) for each in new.get(content_id or "", ()))
    ]
    assert found_below(files, "/old", new) == expected


class Counted(str):
    """A path that may not be compared with every file."""

    __slots__ = ()

    def endswith(self, *_args: object) -> bool:  # type: ignore[override]
        raise AssertionError("every copy is looked at for every file")


def test_many_copies_of_one_content_are_not_compared_each_with_each():
    new = {"x": [Counted(f"/new/{number}/a.jpg") for number in range(3000)]}
    files: dict[str, str | None] = {f"/old/{number}/a.jpg": "x" for number in range(3000)}
    assert len(found_below(files, "/old", new)) == 3000


def test_known_files_are_read_as_they_were_written(tmp_path: Path):
    store = Store(str(tmp_path), create=True)
    odd = "/p/caf\U0010ffe9.jpg"  # a byte that is no UTF-8, as tables spell it
    write(store, files=[file("/p/a.jpg", "x", size=1, inode=7), file(odd, None), file("/p/c.xmp", "x", "sidecar")])
    known = read_known(store)
    assert known["/p/a.jpg"].state == (1, 10**18, 7)
    assert known["/p/a.jpg"].content_id is known["/p/c.xmp"].content_id
    assert known["/p/caf\udce9.jpg"].content_id is None
    assert {path: each.path for path, each in known.items()} == {path: path for path in known}
    assert shots_of(store, ["/p/caf\udce9.jpg", "/p/none.jpg"]) == {odd: "shot-None"}
    assert shots_of(store, []) == {}


def test_a_rescan_holds_the_path_and_state_of_an_unchanged_file_once(tmp_path: Path):
    for name in ("same.jpg", "other.jpg"):
        (tmp_path / "p").mkdir(exist_ok=True)
        (tmp_path / "p" / name).write_bytes(b"x")
    store = Store(str(tmp_path / "library"), create=True)
    rows = []
    for path in (tmp_path / "p").iterdir():
        state = state_of(path.stat())._asdict() | ({"size": 9} if path.name == "other.jpg" else {})
        rows.append(file(str(path), "x", **state))
    write(store, files=rows)
    known = read_known(store)
    listing = walk(str(tmp_path / "p"), (), known)
    for path, state in listing.files.items():
        shared = path.endswith("same.jpg")
        assert (state is known[path].state) == shared
        assert (path is known[path].path) == shared
