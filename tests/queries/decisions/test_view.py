"""One reading of all decisions, for bursts, clusters and duplicates."""

from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_library import SPECS, file, write
from photoidx.queries.best.picks import best_of_bursts
from photoidx.queries.bursts.table import bursts
from photoidx.queries.clusters.best import best_of_clusters
from photoidx.queries.clusters.table import Cluster, ClusterMember
from photoidx.queries.decisions.record import Decision, record, undo
from photoidx.queries.decisions.view import DecisionView, Flag, read_view, view
from photoidx.queries.duplicates.known import KnownFacts, Question
from photoidx.storage.store import Store

BURST = {"A": ("burst", 0), "B": ("burst", 1), "C": ("burst", 2), "X": ("other", 0), "Y": ("other", 1)}
# A frame of two shots: a JPEG, and the RAW of the same press in another folder.
PRESS = {"JPG": ("burst", 0), "RAW": ("burst", 0), "B": ("burst", 1)}
CHOSEN, KEPT, UNDECIDED, REJECTED = Flag


def said(words: str) -> list[Decision]:
    """Return the decisions that are told as `best A; keep A B`."""
    told = (each.split() for each in words.split(";") if each.strip())
    return [Decision(f"{number:03}", verb, tuple(shots)) for number, (verb, *shots) in enumerate(told)]


def read(words: str, places=BURST) -> DecisionView:
    return view(said(words), places)


WISHES = [
    ("", {}),
    ("best A", {"A": CHOSEN}),
    ("best A; keep A", {"A": CHOSEN}),
    ("keep A; best A", {"A": CHOSEN}),
    ("best A; reject A", {"A": REJECTED}),
    ("reject A; best A", {"A": CHOSEN}),
    ("reject A; keep A", {"A": KEPT}),
    ("keep A; reject A", {"A": REJECTED}),
    ("best A; reject A; keep A", {"A": KEPT}),
    ("best A; best B", {"A": UNDECIDED, "B": CHOSEN}),
    ("best A; best B; best A", {"A": CHOSEN, "B": UNDECIDED}),
    ("best A; best X", {"A": CHOSEN, "X": CHOSEN}),
    ("best A; best lone", {"A": CHOSEN, "lone": CHOSEN}),
    ("best lone; best alone", {"lone": CHOSEN, "alone": CHOSEN}),
    ("best A; keep A; best B", {"A": KEPT, "B": CHOSEN}),
    ("best A; best B; reject B", {"A": CHOSEN, "B": REJECTED}),
    ("reject A; best A; best B", {"A": UNDECIDED, "B": CHOSEN}),
    ("keep A; reject A; best A; best B", {"A": UNDECIDED, "B": CHOSEN}),
    ("reject A B; keep B", {"A": REJECTED, "B": KEPT}),
    ("reject A; keep-all A B", {"A": UNDECIDED, "B": UNDECIDED}),
    ("keep-all A B; reject A", {"A": REJECTED, "B": UNDECIDED}),
    ("same A B; different A B; apart A B; together A B", {"A": UNDECIDED, "B": UNDECIDED}),
]


@pytest.mark.parametrize(("words", "flags"), WISHES)
def test_of_what_was_said_of_shots_the_newest_holds(words, flags):
    found = read(words)
    assert {shot_id: found.flag([shot_id]) for shot_id in flags} == flags
    assert found.chosen == {shot_id for shot_id, flag in flags.items() if flag is CHOSEN}
    assert found.keep == {shot_id for shot_id, flag in flags.items() if flag is KEPT}
    assert found.reject == {shot_id for shot_id, flag in flags.items() if flag is REJECTED}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        *(("best A; best B", "B"), ("best A; keep A; best B", "AB"), ("keep-all A B", "AB")),
        *(("reject A; keep-all A B", "AB"), ("keep-all A B; reject A", "B"), ("keep A; reject A", "")),
    ],
)
def test_a_shot_stays_if_it_is_chosen_kept_or_one_of_those_that_are_all_kept(words, wanted):
    assert "".join(shot_id for shot_id in "ABC" if read(words).is_wanted([shot_id])) == wanted


def test_a_decision_about_one_shot_of_a_frame_is_about_the_frame():
    for words, flag in (
        *(("best JPG", CHOSEN), ("best JPG; reject RAW", REJECTED), ("reject JPG; best RAW", CHOSEN)),
        *(("best RAW; best B", UNDECIDED), ("keep RAW", KEPT)),
    ):
        found = read(words, PRESS)
        assert {found.flag([shot_id]) for shot_id in ("JPG", "RAW")} == {flag}, words
        assert found.flag(["JPG", "RAW"]) is flag
        assert (found.flags["JPG"], found.flags["RAW"]) == (flag, flag)
    assert read("best one; reject two", {}).flag(["one", "two"]) is REJECTED  # a press that is in no burst


def test_of_several_frames_the_one_that_was_chosen_last_is_the_best():
    frames = [["A"], ["X"], ["lone"]]
    assert read("best lone; best X; best A").chosen_of(frames) == 0
    assert read("best A; best X").chosen_of(frames) == 1
    assert read("best A; best X; reject X").chosen_of(frames) == 0
    assert read("keep A").chosen_of(frames) is None


def pairs(*those: str) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in those}


@pytest.mark.parametrize(
    ("words", "same", "different"),
    [
        ("same A B", ["AB"], []),
        ("same A B; different A B", [], ["AB"]),
        ("different A B; same A B", ["AB"], []),
        ("same A B C; different A B", ["AC", "BC"], ["AB"]),
        ("same A B C; different A X", ["ABC"], ["AX"]),
        ("different A B C; same A C", ["AC"], ["AB", "BC"]),
    ],
)
def test_of_same_and_different_the_newer_holds_for_each_pair(words, same, different):
    found = read(words)
    assert set(found.same) == pairs(*same)
    assert set(found.different) == pairs(*different)


@pytest.mark.parametrize(
    ("words", "apart"),
    [
        *(("apart A B", ["AB"]), ("apart A B; together A B", []), ("together A B; apart A B", ["AB"])),
        *(("apart A B C; together A C", ["AB", "BC"]), ("together A B", [])),
    ],
)
def test_of_apart_and_together_the_newer_holds_for_each_pair(words, apart):
    assert read(words).apart == pairs(*apart)


def test_those_that_are_all_kept_are_told_without_those_rejected_since():
    assert read("keep-all A B").kept_all == [frozenset("AB")]
    assert read("keep-all A").kept_all == [frozenset("A")]
    assert read("keep-all A B; reject A").kept_all == [frozenset("B")]
    assert read("reject A; keep-all A B").kept_all == [frozenset("AB")]
    assert read("keep-all A; reject A").kept_all == []


choices = st.lists(
    st.builds(
        lambda verb, shots: f"{verb} {' '.join(shots)}",
        st.sampled_from(("best", "keep", "reject", "keep-all", "same", "different", "apart", "together")),
        st.lists(st.sampled_from("ABCXY"), min_size=2, max_size=3, unique=True),
    ),
    max_size=8,
)


@given(choices)
def test_no_burst_has_two_that_are_chosen_and_nothing_wanted_is_rejected(words):
    found = read("; ".join(words))
    for burst in ("ABC", "XY"):
        assert len(found.chosen & set(burst)) <= 1
    assert not any(found.is_wanted([shot_id]) for shot_id in found.reject)
    assert not found.chosen & found.keep
    sets = (found.same, found.different)
    same, different = ({frozenset(two) for shots in each for two in combinations(shots, 2)} for each in sets)
    assert not same & different


@given(choices, st.sampled_from("ABC"))
def test_the_last_word_about_a_shot_holds(words, shot_id):
    for verb, flag in (("best", CHOSEN), ("reject", REJECTED)):
        assert read("; ".join([*words, f"{verb} {shot_id}"])).flag([shot_id]) is flag
    assert read("; ".join([*words, f"keep {shot_id}"])).flag([shot_id]) in {CHOSEN, KEPT}
    assert read("; ".join([*words, f"keep-all {shot_id}"])).is_wanted([shot_id])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Make a library of a burst of three frames: of B there is a RAW, too, in another folder."""
    store = Store(str(tmp_path / "library"), create=True)
    with store.writing():
        store.ensure(*SPECS.values())
    at = datetime(2024, 6, 1, 12)  # noqa: DTZ001
    paths = {"A": "/p/jpg/A.jpg", "B": "/p/jpg/B.jpg", "R": "/p/raw/B.dng", "C": "/p/jpg/C.jpg"}
    camera = {"make": "m", "model": "n", "serial": "1"}
    burst = [("A", 0), ("B", 1), ("R", 1), ("C", 2)]
    write(
        store,
        files=[file(path, each) for each, path in paths.items()],
        exif=[{"content_id": each, "taken_at": at + timedelta(seconds=ord(each) % 66), **camera} for each in "AC"]
        + [{"content_id": each, "taken_at": at + timedelta(seconds=9), **camera} for each in "BR"],
        hashes=[{"content_id": each, "pixel_id": each, "phash_64": "0" * 16} for each in paths],
        bursts=[
            {"shot_id": f"shot-{each}", "burst_id": "burst", "kind": "burst", "position": place}
            for each, place in burst
        ],
    )
    return store


@pytest.mark.parametrize(
    ("words", "said_of"),
    [
        ("best A; keep A", {"A": CHOSEN}),
        ("best A; best B", {"A": UNDECIDED, "B": CHOSEN, "R": CHOSEN}),
        ("best A; keep A; best R", {"A": KEPT, "B": CHOSEN, "R": CHOSEN}),
        ("best B; reject R", {"B": REJECTED, "R": REJECTED}),
        ("reject A; best A", {"A": CHOSEN}),
        ("best A; reject A; keep A", {"A": KEPT}),
    ],
)
def test_bursts_clusters_and_duplicates_read_decisions_alike(store: Store, words: str, said_of: dict[str, Flag]):
    with store.writing():
        for verb, *shots in (each.split() for each in words.split("; ")):
            record(store, verb, [f"shot-{each}" for each in shots])
    [burst] = best_of_bursts(store)
    members = tuple(
        ClusterMember(frame["shot_id"], tuple(frame["shots"]), frame["content_id"], frame["path"], 1.0)
        for frame in bursts(store)[0]["frames"]
    )
    [cluster] = best_of_clusters(store, [Cluster("c", "c", members[0].path, members)])
    known = KnownFacts(store, Question())
    words_of = {CHOSEN: "you chose it", KEPT: "you keep it", UNDECIDED: "", REJECTED: "you rejected it"}
    for each, flag in said_of.items():
        assert known.flags.get(f"shot-{each}", 0) == {CHOSEN: -1, KEPT: -1, UNDECIDED: 0, REJECTED: 1}[flag]
        for frame in (*burst["frames"], *cluster["frames"]) if each != "R" else ():
            if frame["shot_id"] == f"shot-{each}":
                assert frame["reason"].startswith(words_of[flag])
                assert ("you " in frame["reason"]) == (flag is not UNDECIDED)
                assert flag is UNDECIDED or frame["keep"] == (flag is not REJECTED)
    chosen = next((each for each, flag in said_of.items() if flag is CHOSEN), None)
    for found in (burst, cluster) if chosen else ():
        assert found["decided_by"] == "decision"
        assert found["frames"][0]["shot_id"] == f"shot-{chosen}"
        assert not any("you chose" in frame["reason"] for frame in found["frames"][1:])


def test_what_is_wanted_is_never_offered_beside_whatever_copy_is_kept(store: Store):
    with store.writing():
        record(store, "keep-all", ["shot-A", "shot-B"])
        record(store, "reject", ["shot-B"])
    known = KnownFacts(store, Question())
    assert [known.is_wanted({"shot_id": f"shot-{each}"}) for each in "ABC"] == [True, False, False]


def test_a_word_taken_back_leaves_what_held_before(store: Store):
    with store.writing():
        for verb, shot_id in (("best", "shot-A"), ("best", "shot-B")):
            record(store, verb, [shot_id])
        assert read_view(store).chosen == {"shot-B", "shot-R"}
        undo(store)
    assert read_view(store).chosen == {"shot-A"}


def test_the_best_of_two_groups_that_are_no_bursts_are_both_chosen(store: Store):
    with store.writing():
        rows = store.read("bursts").to_pylist()
        store.upsert(SPECS["bursts"], [{**row, "kind": "bracket"} for row in rows])
        for shot_id in ("shot-A", "shot-B"):
            record(store, "best", [shot_id])
    assert read_view(store).chosen == {"shot-A", "shot-B"}
