"""What a file holds that another lacks, and which may go: the rule, one case a line, and drawn albums."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photoidx.queries.duplicates.holdings.rules import Companion, Holdings, Making, Tie, lacks, may_go
from photoidx.queries.duplicates.keep import Copy, age, in_order, preference, reason, that_go

NOON = datetime(2024, 6, 1, 12)  # noqa: DTZ001 - a camera writes local time
CAMERA = {"make": "Canon", "model": "EOS R6", "taken_at": NOON, "iso": 100}
FILM = Companion("video", "film", "IMG_1.MOV")
RAW = Companion("raw", "raw", "IMG_1.CR3")
WITH_FILM = {"company": frozenset({FILM})}
SIDECAR = Companion("sidecar", "stars", "IMG_1.xmp", "5 stars")
COPY, WORSE, BETTER = Making(1.0, 5.0, 5.0, 0.8), Making(40.0, 200.0, 5.0, 0.8), Making(0.6, 0.5, 1.0, 0.7)
PLAIN = Holdings(
    path="/p/a.jpg",
    content="a",
    width=4000,
    height=3000,
    pictures=1,
    parts=frozenset(),
    film_bytes=0,
    bits=8,
    colour="rgb",
    alpha=False,
    wide_gamut=False,
    lossless=False,
    detail=3600,
    words=frozenset(),
    picture_id="a",
    facts=MappingProxyType(CAMERA),
)
OTHER = replace(PLAIN, path="/p/b.jpg", content="b", picture_id="b")
MADE_FROM = Tie("same", kept=WORSE, other=COPY)
"""The other can be made from the kept one, and the kept one can't from the other."""


def facts(**more: Any) -> MappingProxyType[str, Any]:
    return MappingProxyType({**CAMERA, **more})


def made(changes: dict[str, Any], number: int = 0) -> Copy:
    """Return a copy with these fields of its own or of its holdings, in a file of this number."""
    own = {name: changes[name] for name in changes if name in Copy.__dataclass_fields__}
    held = {name: changes[name] for name in changes if name not in own}
    if number:
        held = {"path": f"/p/{number}.jpg", "content": f"c{number}", "picture_id": f"c{number}"} | held
    return Copy(replace(PLAIN, **held), **{"quality": 85, "mtime_ns": 1, **own})


def codes(kept: Holdings, other: Holdings, tie: Tie = MADE_FROM) -> set[str]:
    return {lack.code for lack in lacks(kept, other, tie)}


def test_a_copy_that_was_made_from_the_kept_file_and_holds_nothing_else_may_go():
    assert lacks(PLAIN, OTHER, MADE_FROM) == ()
    assert may_go(PLAIN, OTHER, MADE_FROM)


@pytest.mark.parametrize("relation", ["edited", "part of", "similar"])
def test_only_what_is_identical_or_the_same_may_go(relation):
    assert not may_go(PLAIN, OTHER, replace(MADE_FROM, relation=relation))


@pytest.mark.parametrize(
    ("code", "held"),
    [
        ("pictures", {"pictures": 12}),
        ("pictures:unclear", {"pictures": None}),
        ("part:film", {"parts": frozenset({"film"}), "film_bytes": 900_000}),
        ("part:gain map", {"parts": frozenset({"gain map"})}),
        ("part:depth", {"parts": frozenset({"depth"})}),
        ("part:unknown", {"parts": frozenset({"unknown"})}),
        ("parts:unclear", {"parts": None}),
        ("beside:video", {"company": frozenset({FILM})}),
        ("beside:raw", {"company": frozenset({RAW})}),
        ("beside:sidecar", {"company": frozenset({SIDECAR})}),
        ("beside:photo", {"company": frozenset({Companion("photo", "edit", "IMG_1-edited.jpg")})}),
        ("beside:video", {"company": frozenset({replace(FILM, content=None)})}),
        ("bits", {"bits": 16}),
        ("colour:unclear", {"bits": None}),
        ("colour:unclear", {"colour": None}),
        ("alpha", {"alpha": True}),
        ("gamut", {"wide_gamut": True}),
        ("larger", {"width": 5000, "height": 3750, "detail": 4800}),
        ("larger:enlarged", {"width": 5000, "height": 3750, "detail": 3600}),
        ("size:unclear", {"width": None, "height": None}),
        ("fact:rating", {"facts": facts(rating=5)}),
        ("fact:label", {"facts": facts(label="Red")}),
        ("fact:keywords", {"facts": facts(keywords=("zebra",))}),
        ("fact:place", {"facts": facts(gps_lat=47.0, gps_lon=8.0)}),
        ("fact:camera", {"facts": facts(lens="EF 50mm")}),
        ("fact:taken_at", {"facts": facts(taken_at=NOON.replace(year=2020))}),
        ("tags", {"tags": frozenset({"MakerNote FlashInfo"})}),
        ("words", {"words": frozenset({"Grandmother in Rome"})}),
        ("words:unclear", {"words": None}),
    ],
)
def test_a_file_stays_for_what_only_it_has(code, held):
    assert code in codes(PLAIN, replace(OTHER, **held))
    assert not may_go(PLAIN, replace(OTHER, **held), MADE_FROM)


@pytest.mark.parametrize(
    "held",
    [
        {"parts": frozenset({"film"}), "film_bytes": 900_000},
        {"parts": frozenset({"gain map", "depth"})},
        {"company": frozenset({FILM, RAW, SIDECAR})},
        {"bits": 16, "alpha": True, "wide_gamut": True},
        {"facts": facts(rating=5, keywords=("zebra",), gps_lat=47.0, gps_lon=8.0)},
        {"words": frozenset({"Grandmother in Rome"})},
    ],
)
def test_what_the_kept_file_holds_too_keeps_no_copy(held):
    assert may_go(replace(PLAIN, **held), replace(OTHER, **held), MADE_FROM)
    assert may_go(replace(PLAIN, **held), OTHER, MADE_FROM)


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("part:unknown", {"parts": frozenset({"unknown"})}),
        ("part:film", {"parts": frozenset({"film"}), "film_bytes": 800_000}),
        ("pictures", {"pictures": 12}),
        ("colour", {"colour": "grey"}),
        ("colour", {"colour": "palette"}),
        ("fact:place", {"facts": facts(gps_lat=48.0, gps_lon=8.0)}),
    ],
)
def test_something_of_the_kind_is_not_the_thing_itself(code, kept):
    held = {
        "part:unknown": {"parts": frozenset({"unknown"})},
        "part:film": {"parts": frozenset({"film"}), "film_bytes": 900_000},
        "pictures": {"pictures": 12},
        "fact:place": {"facts": facts(gps_lat=47.0, gps_lon=8.0)},
    }.get(code, {})
    assert code in codes(replace(PLAIN, **kept), replace(OTHER, **held))


def test_a_still_does_not_go_for_an_animation_that_begins_with_it():
    assert codes(replace(PLAIN, pictures=12), OTHER) == {"pictures:still"}


def test_a_time_to_the_second_is_held_by_one_with_its_fractions_and_not_the_other_way_round():
    fine = replace(PLAIN, facts=facts(taken_at=NOON.replace(microsecond=120_000)))
    assert may_go(fine, OTHER, MADE_FROM)
    assert "fact:taken_at" in codes(PLAIN, replace(fine, content="b", picture_id="b"))


def test_equal_bytes_differ_in_nothing_but_their_company():
    twin = replace(PLAIN, path="/q/a.jpg", company=frozenset({FILM}))
    assert codes(PLAIN, twin, Tie("identical")) == {"beside:video"}
    assert may_go(twin, PLAIN, Tie("identical"))


@pytest.mark.parametrize(
    "lost",
    [{}, {"tags": frozenset({"MakerNote FlashInfo"})}, {"parts": frozenset({"depth"})}, {"facts": facts(rating=3)}],
)
def test_an_original_goes_for_a_copy_of_its_data_that_adds_words_if_that_has_lost_nothing(lost):
    original = replace(PLAIN, **lost)
    told = replace(PLAIN, path="/p/told.jpg", content="b", words=frozenset({"Rome"}), facts=facts(rating=5))
    assert may_go(told, original, Tie("same")) is (not lost)
    assert not may_go(original, told, Tie("same"))


@pytest.mark.parametrize(
    ("code", "kept", "other", "tie"),
    [
        ("detail:unclear", {}, {}, Tie("same")),
        ("first:unclear", {}, {}, Tie("same", kept=COPY, other=COPY)),
        ("detail", {}, {}, Tie("same", kept=WORSE, other=WORSE)),
        ("first:unclear", {}, {}, Tie("same", kept=replace(WORSE, structured=0.0), other=COPY)),
        ("detail", {}, {"width": 2000, "height": 1500}, Tie("same", kept=WORSE, other=WORSE)),
        ("enlarged", {}, {"width": 2000, "height": 1500}, Tie("same", kept=COPY, other=COPY)),
        ("enlarged", {}, {"width": 2000, "height": 1500}, Tie("same", kept=replace(WORSE, structured=0), other=COPY)),
        ("enlarged", {}, {"width": 2000, "height": 1500}, Tie("same", kept=replace(WORSE, distance=19.0), other=COPY)),
        ("enlarged", {}, {"width": 2000, "height": 1500}, Tie("same", kept=replace(WORSE, ratio=19.0), other=COPY)),
        ("enlarged", {}, {"width": 2000, "height": 1500}, Tie("same", kept=replace(WORSE, own=0.0), other=COPY)),
        ("enlarged", {}, {"width": 2000, "height": 1500}, Tie("same", kept=WORSE, other=replace(COPY, ratio=None))),
        ("enlarged", {"detail": 2100}, {"width": 2000, "height": 1500}, MADE_FROM),
        ("enlarged", {"resized": True}, {"width": 2000, "height": 1500}, MADE_FROM),
        ("enlarged", {"edited": True}, {"width": 2000, "height": 1500}, MADE_FROM),
        ("enlarged", {"facts": {}}, {"width": 2000, "height": 1500, "facts": {}}, MADE_FROM),
    ],
)
def test_where_pixels_do_not_tell_which_was_first_both_stay(code, kept, other, tie):
    assert codes(replace(PLAIN, **kept), replace(OTHER, **other), tie) == {code}


def test_a_finer_encoding_that_was_made_from_a_coarser_one_goes_and_the_coarser_one_stays():
    coarse, fine = replace(PLAIN, path="/p/original.jpg"), OTHER
    made = Tie("same", kept=Making(0.6, 0.6, 4.5, 0.7), other=BETTER)
    assert may_go(coarse, fine, made)
    assert codes(fine, coarse, Tie("same", kept=made.other, other=made.kept)) == {"first:unclear"}


def test_a_smaller_copy_goes_for_the_cameras_own():
    small = replace(OTHER, width=1600, height=1200, facts=MappingProxyType({}))
    assert may_go(PLAIN, small, MADE_FROM)
    assert not may_go(small, PLAIN, Tie("same", kept=COPY, other=WORSE))


def test_a_png_that_was_made_from_a_jpeg_does_not_replace_it():
    png = replace(OTHER, format="png", lossless=True)
    assert codes(png, PLAIN, Tie("same", kept=Making(0.0, 0.0, 0.0, 0.5), other=Making(0.0, 0.0, 4.5, 0.5)))
    assert may_go(PLAIN, png, Tie("same", kept=Making(0.0, 0.0, 4.5, 0.5), other=Making(0.0, 0.0, 0.0, 0.5)))


# Drawn albums: each file has, of the same original, some things and lacks others.

HELD = st.fixed_dictionaries(
    {
        "parts": st.sampled_from([frozenset(), frozenset({"film"}), frozenset({"gain map"}), None]),
        "pictures": st.sampled_from([1, 1, 1, 12, None]),
        "bits": st.sampled_from([8, 8, 16, None]),
        "colour": st.sampled_from(["rgb", "rgb", "grey", "palette"]),
        "company": st.frozensets(st.sampled_from([FILM, RAW, SIDECAR]), max_size=2),
        "words": st.sampled_from([frozenset(), frozenset({"Rome"}), None]),
        "facts": st.sampled_from([MappingProxyType({}), facts(), facts(rating=5), facts(gps_lat=1.0, gps_lon=2.0)]),
        "edited": st.booleans(),
        "resized": st.booleans(),
    }
)
FOLDERS = ("/p/DCIM", "/p/backup", "/p/Downloads", "/p/WhatsApp", "/p/edited")
NAMES = ("IMG_1", "x", "a long name")
KINDS = ("coarser", "finer", "smaller", "enlarged", "enlarged and sharpened", "grey", "sepia", "cropped", "bars")
EDITS = {"grey": "edited", "sepia": "edited", "cropped": "edited", "bars": "edited"}
# What a look at full size finds of a copy of each kind against its original: the copy from it, and it from the copy.
FOUND = {
    "coarser": (COPY, WORSE),
    "finer": (BETTER, Making(0.6, 0.5, 4.5, 0.7)),
    "smaller": (COPY, Making(40.0, 200.0, 4.5, 0.8)),
    "enlarged": (COPY, COPY),
    "enlarged and sharpened": (Making(14.0, 60.0, 5.0, 0.85), Making(1.6, 8.0, 18.0, 0.85)),
}
SCALE = {"smaller": 0.4, "enlarged": 2.0, "enlarged and sharpened": 2.0, "bars": 1.3}


@st.composite
def albums(draw: st.DrawFn) -> tuple[list[Copy], list[str]]:
    """An original and copies of it, all of them with or without EXIF, older or newer, in any folder."""
    kinds = ["original", *draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))]
    whole = facts() if draw(st.booleans()) else MappingProxyType({})
    copies = []
    for number, kind in enumerate(kinds):
        scale = SCALE.get(kind, 1.0)
        strips = draw(st.booleans()) and kind != "original"
        held = replace(
            PLAIN,
            path=f"{draw(st.sampled_from(FOLDERS))}/{draw(st.sampled_from(NAMES))}-{number}.jpg",
            content=f"c{number}",
            picture_id=f"c{number}",
            width=round(1200 * scale),
            height=round(900 * scale),
            detail=1100 if scale >= 1 else round(1150 * scale),
            facts=MappingProxyType({}) if strips else whole,
            colour="grey" if kind == "grey" else "rgb",
        )
        copies.append(Copy(held, quality=draw(st.floats(50, 100)), mtime_ns=draw(st.integers(0, 9))))
    return copies, kinds


def tied(copies: list[Copy], kinds: list[str], kept: int, other: int) -> Tie:
    """What would be known of two of the files. Two copies of one original were not looked at."""
    relation = "edited" if kinds[kept] in EDITS or kinds[other] in EDITS else "same"
    if relation == "edited":
        return Tie(relation)
    if kinds[kept] == "original":
        other_from, kept_from = FOUND[kinds[other]]
        return Tie(relation, kept=kept_from, other=other_from)
    if kinds[other] == "original":
        kept_from, other_from = FOUND[kinds[kept]]
        return Tie(relation, kept=kept_from, other=other_from)
    return Tie(relation)


@settings(max_examples=300, deadline=None)
@given(albums())
def test_no_original_is_ever_extra_whatever_the_names_times_and_sizes(album):
    copies, kinds = album
    going = that_go(copies, lambda kept, other: tied(copies, kinds, kept, other))
    assert kinds.index("original") not in going
    assert not [kinds[at] for at in going if kinds[at] in EDITS]


def things(held: Holdings) -> set[Any]:
    """Everything that a file holds, as things that can be counted."""
    found: set[Any] = {("part", part) for part in held.parts or ()} | {("word", word) for word in held.words or ()}
    found |= {("beside", each.content) for each in held.company} | {(name, held.facts[name]) for name in held.facts}
    found |= {("pictures", held.pictures)} if (held.pictures or 1) > 1 else set()
    found |= {("bits", 16)} if held.bits == 16 else set()
    found |= {("rgb",)} if held.colour == "rgb" else set()
    unknown = [name for name in ("parts", "pictures", "bits", "words") if getattr(held, name) is None]
    return found | {(name, held.path) for name in unknown}


@settings(max_examples=400, deadline=None)
@given(st.lists(HELD, min_size=2, max_size=6), st.data())
def test_nothing_that_only_one_file_has_is_lost(helds, draw):
    copies = [
        Copy(replace(PLAIN, path=f"/p/{at}.jpg", content=str(at), picture_id=str(at), **held), mtime_ns=at)
        for at, held in enumerate(helds)
    ]
    making = st.sampled_from([COPY, WORSE, BETTER, None])
    looks = {(one, other): draw.draw(making) for one in range(len(helds)) for other in range(len(helds))}
    going = that_go(copies, lambda kept, other: Tie("same", kept=looks[kept, other], other=looks[other, kept]))
    staying = [at for at in range(len(copies)) if at not in going]
    held = set().union(*(things(copies[at].holdings) for at in staying))
    assert held == set().union(*(things(copy.holdings) for copy in copies))
    assert all(keeper in staying for keeper in going.values())


def test_what_the_user_keeps_stays_and_nothing_goes_for_what_is_not_there():
    copies = [Copy(PLAIN), Copy(OTHER)]

    def ties(kept: int, _other: int) -> Tie:
        return MADE_FROM if kept == 0 else Tie("same", kept=COPY, other=WORSE)

    assert that_go(copies, ties) == {1: 0}
    assert that_go(copies, ties, stays={1}) == {}
    assert that_go(copies, ties, gone={0}) == {}


def test_a_rejected_file_goes_only_if_another_holds_all_of_it():
    equal = [Copy(PLAIN, flag=1), Copy(replace(PLAIN, path="/p/b.jpg"))]
    assert that_go(equal, lambda *_: Tie("identical")) == {0: 1}
    richer = [Copy(replace(PLAIN, company=frozenset({FILM})), flag=1), equal[1]]
    assert that_go(richer, lambda *_: Tie("identical")) == {}  # nothing goes for what may be gone tomorrow


def test_of_files_that_hold_the_same_the_first_in_order_stays():
    twins = [Copy(replace(PLAIN, path=f"/p/{name}.jpg")) for name in "cab"]
    assert that_go(twins, lambda *_: Tie("identical")) == {0: 1, 2: 1}


IN_ORDER: dict[str, tuple[list[dict[str, Any]], int]] = {
    "what holds what more of the others hold, before what has more parts": (
        [{"parts": frozenset({"depth"})}, *[{"company": frozenset({FILM})}] * 3],
        1,
    ),
    "what the user keeps": ([{"words": frozenset({"x"})}, {"flag": -1}], 1),
    "what the user does not reject": ([{"words": frozenset({"x"}), "flag": 1}, {}], 1),
    "what has no frame": ([{"words": frozenset({"x"}), "framed": True}, {}], 1),
    "what has not lost its colours": ([{"words": frozenset({"x"}), "faded": True}, {}], 1),
}


@pytest.mark.parametrize(("held", "first"), IN_ORDER.values(), ids=IN_ORDER.keys())
def test_which_file_is_the_first_in_order(held, first):
    assert in_order([made(each, at) for at, each in enumerate(held)])[0] == first


def test_an_older_file_comes_first_and_one_of_unknown_time_last():
    assert sorted([None, 5, 0, 3], key=age) == [0, 3, 5, None]


def test_a_file_that_comes_first_goes_for_one_that_holds_more():
    coarse, fine = Copy(replace(PLAIN, path="/p/original.jpg"), quality=85), Copy(OTHER, quality=97)
    made = {(0, 1): Tie("same", kept=Making(0.6, 0.6, 4.5, 0.7), other=BETTER)}
    assert in_order([coarse, fine])[0] == 1
    assert that_go([coarse, fine], lambda kept, other: made.get((kept, other), Tie("same"))) == {1: 0}


COPIES = st.builds(
    Copy,
    holdings=st.builds(
        Holdings,
        path=st.text("ab/", min_size=1),
        content=st.uuids().map(str),
        width=st.integers(0, 5000),
        height=st.integers(0, 5000),
        facts=st.sampled_from([MappingProxyType({}), facts()]),
        edited=st.booleans(),
        format=st.sampled_from(["jpeg", "png", "cr3", "webp"]),
    ),
    flag=st.integers(-1, 1),
    quality=st.none() | st.floats(1, 100),
    mtime_ns=st.integers(0, 9),
)


@given(st.lists(COPIES, min_size=2, max_size=5, unique_by=lambda copy: copy.holdings.path))
def test_the_reason_to_keep_is_one_that_tells_the_kept_copy_from_the_next(copies):
    kept, second, *_ = sorted(copies, key=preference)
    assert reason(kept, second) != "equal in everything"
    assert preference(kept) < preference(second)


@pytest.mark.parametrize(
    ("words", "kept", "other"),
    [
        ("you decided so", {"flag": -1}, {}),
        ("without the frame", {}, {"framed": True}),
        ("in colour", {}, {"faded": True}),
        ("it holds more pictures", {"pictures": 2}, {}),
        ("it holds more pictures", {"pictures": 2}, {"pictures": None}),
        ("it holds more than a picture", {"parts": frozenset({"film"})}, {}),
        ("other files belong to it", {"company": frozenset({FILM})}, {}),
        ("has the camera's data", {}, {"facts": {"iso": 1, "lens": "x", "flash": True, "f_number": 2, "serial": "1"}}),
        ("its metadata tell more", {"facts": facts(rating=5)}, {}),
        ("its metadata tell more", {"words": frozenset({"Rome"})}, {}),
        ("not an edited copy", {}, {"edited": True}),
        ("at its first size", {}, {"resized": True}),
        ("the way most copies are turned", {}, {"turned": True}),
        ("larger", {"width": 4001}, {}),
        ("in a format of cameras", {}, {"format": "webp"}),
        ("in a format of cameras", {"format": "cr3"}, {"format": "png"}),
        ("less compressed", {"quality": 90}, {"quality": 80}),
        ("the older file", {"mtime_ns": 1}, {"mtime_ns": 2}),
        ("its time of change is known", {}, {"mtime_ns": None}),
        ("the shorter path", {}, {"path": "/p/longer/a.jpg"}),
        ("the shorter path", {"path": "/p/a long name.jpg"}, {"path": "/p/longer/a.jpg"}),
        ("the shorter path", {"path": "/a/bb.jpg"}, {"path": "/b/a.jpg"}),
        ("the shorter path", {}, {"path": "/p/A long name.jpg"}),
        ("the shorter path", {}, {"path": "/p/b.jpg"}),
        ("the shorter path", {"pictures": None}, {"path": "/p/b.jpg"}),
        ("the shorter path", {**WITH_FILM, "mtime_ns": 2}, {**WITH_FILM, "path": "/p/longer/a.jpg"}),
        ("the shorter path", {**WITH_FILM, "mtime_ns": None}, {**WITH_FILM, "path": "/p/longer/a.jpg"}),
    ],
)
def test_of_two_files_that_hold_the_same_the_first_rule_that_tells_them_apart_decides(words, kept, other):
    one, two = made(kept), made(other)
    assert preference(one) < preference(two)
    assert reason(one, two) == words
