"""Each limit of what one file holds that another lacks, from both sides, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pytest

from photoidx.queries.duplicates.holdings.rules import (
    Companion,
    Holdings,
    Making,
    Tie,
    is_exact,
    lacks,
    lacks_apart_from_the_picture,
    needs_look,
)

NOON = datetime(2024, 6, 1, 12)  # noqa: DTZ001 - a camera writes local time
CAMERA = {"make": "Canon", "model": "EOS R6", "taken_at": NOON, "iso": 100}
FILM = Companion("video", "film", "IMG_1.MOV")
WORSE, COPY = Making(40.0, 200.0, 5.0, 0.8), Making(1.0, 5.0, 5.0, 0.8)
MADE_FROM = Tie("same", kept=WORSE, other=COPY)
COARSER = Making(0.6, 1.3, 4.5, 0.7)
"""The kept one's own encoding is coarse, and the other one lies near it."""
FINE = Making(0.6, 0.5, 1.0, 0.7)
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
SMALL = {"width": 2000, "height": 1500}
PORTRAIT = {"width": 3000, "height": 4000}


def tied(made: dict[str, Any] | None = None, back: dict[str, Any] | None = None, *, of: Tie = MADE_FROM) -> Tie:
    """Return what a look found, but for these values of the kept picture's and of the other one's."""
    assert of.kept is not None
    assert of.other is not None
    return replace(of, kept=replace(of.kept, **(made or {})), other=replace(of.other, **(back or {})))


def codes(kept: dict[str, Any], other: dict[str, Any], tie: Tie = MADE_FROM) -> list[str]:
    return sorted(lack.code for lack in lacks(replace(PLAIN, **kept), replace(OTHER, **other), tie))


FROM_COARSER = Tie("same", kept=COARSER, other=FINE)
ONE_SIZE: dict[str, tuple[Tie, list[str]]] = {
    "it can be made from the kept one": (tied(back={"ratio": 1.29}), []),
    "it has what can't be made": (tied(back={"ratio": 1.31}), ["detail"]),
    "its encoding can't be repeated": (tied(back={"ratio": None}), []),
    "the kept one can't be made from it": (tied({"ratio": 3.1}), []),
    "the kept one may be made from it": (tied({"ratio": 2.9}), ["first:unclear"]),
    "the kept one's encoding can't be repeated": (tied({"ratio": None, "own": None}), ["first:unclear"]),
    "what the kept one has more is detail": (tied({"structured": 0.31}), []),
    "what the kept one has more may be noise": (tied({"structured": 0.29}), ["first:unclear"]),
    "it was made from the coarser one": (FROM_COARSER, []),
    "it lies farther from the coarser one": (tied({"distance": 1.4}, of=FROM_COARSER), ["first:unclear"]),
    "twice as coarse": (tied({}, {"own": 2.24}, of=FROM_COARSER), []),
    "less than twice as coarse": (tied({}, {"own": 2.26}, of=FROM_COARSER), ["first:unclear"]),
    "a loss that is more than rounding": (tied({"own": 1.1, "distance": 0.2}, {"own": 0.1}, of=FROM_COARSER), []),
    "a loss that may be rounding": (
        tied({"own": 0.9, "distance": 0.2}, {"own": 0.1}, of=FROM_COARSER),
        ["first:unclear"],
    ),
    "the other's loss is not known": (tied({}, {"own": None}, of=FROM_COARSER), ["first:unclear"]),
    "another picture in places": (tied({"differs": True}), ["differs"]),
    "another picture in places, seen from the other": (tied({}, {"differs": True}), ["differs"]),
    "the kept one was not looked at": (replace(MADE_FROM, kept=None), ["detail:unclear"]),
    "the other was not looked at": (replace(MADE_FROM, other=None), ["detail:unclear"]),
}


@pytest.mark.parametrize(("tie", "expected"), ONE_SIZE.values(), ids=ONE_SIZE.keys())
def test_of_two_pictures_of_one_size_the_one_goes_that_was_made_from_the_other(tie, expected):
    assert codes({}, {}, tie) == expected


SIZES: dict[str, tuple[dict[str, Any], dict[str, Any], Tie, list[str]]] = {
    "rounding of the long side": ({}, {"width": 4019}, MADE_FROM, []),
    "larger": ({}, {"width": 4021, "detail": 4010}, MADE_FROM, ["larger"]),
    "the kept one is hardly larger": ({}, {"width": 3981}, tied({"ratio": 3.1}), []),
    "the kept one is larger": ({}, {"width": 3979}, tied({"ratio": 3.1}), ["enlarged"]),
    "turned by a quarter": ({}, PORTRAIT, MADE_FROM, []),
    "the kept one is turned by a quarter": (PORTRAIT, {}, MADE_FROM, []),
    "the kept one's size is not known": ({"width": None, "height": None}, {}, MADE_FROM, ["size:unclear"]),
    "it needs more pixels than the kept one has": ({}, {"width": 5000, "detail": 4001}, MADE_FROM, ["larger"]),
    "it needs no more": ({}, {"width": 5000, "detail": 4000}, MADE_FROM, ["larger:enlarged"]),
    "what it needs is not known": ({}, {"width": 5000, "detail": None}, MADE_FROM, ["larger"]),
    "smaller, made from the kept one": ({}, SMALL, tied(back={"ratio": 1.24}), []),
    "smaller, with detail of its own": ({}, SMALL, tied(back={"ratio": 1.26}), ["detail"]),
    "smaller, of a loss that is not known": ({}, SMALL, tied(back={"own": None}), ["enlarged"]),
    "the kept one has twenty times the loss": ({}, SMALL, tied({"ratio": 21.0}), []),
    "the kept one has four times its loss": ({}, SMALL, tied({"distance": 21.0}), []),
    "the kept one has structure": ({}, SMALL, tied({"structured": 0.31}), []),
    "the kept one has little structure": ({}, SMALL, tied({"structured": 0.29}), ["enlarged"]),
    "the kept one's loss is not known": ({}, SMALL, tied({"own": None}), ["enlarged"]),
    "the kept one's encoding can't be repeated": ({}, SMALL, tied({"ratio": None}), ["enlarged"]),
    "the kept one needs its pixels": ({"detail": 2301}, SMALL, MADE_FROM, []),
    "the kept one hardly needs its pixels": ({"detail": 2299}, SMALL, MADE_FROM, ["enlarged"]),
    "the kept one's detail is not known": ({"detail": None}, SMALL, MADE_FROM, ["enlarged"]),
    "the kept one tells its maker": ({"facts": {"make": "Canon"}}, SMALL | {"facts": {}}, MADE_FROM, []),
    "the kept one tells its model": ({"facts": {"model": "R6"}}, SMALL | {"facts": {}}, MADE_FROM, []),
}


@pytest.mark.parametrize(("kept", "other", "tie", "expected"), SIZES.values(), ids=SIZES.keys())
def test_of_pictures_of_two_sizes_only_a_smaller_one_may_go(kept, other, tie, expected):
    assert codes(kept, other, tie) == expected


SAME_PICTURE = {"picture_id": "a"}
COLOURS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "more colours are kept": ({}, {"colour": "grey"}, []),
    "a palette is kept for grey": ({"colour": "palette"}, {"colour": "grey"}, []),
    "grey for a palette": ({"colour": "grey"}, {"colour": "palette"}, ["colour"]),
    "a palette for all colours": ({"colour": "palette"}, {}, ["colour"]),
    "colours that are not known": ({"colour": None}, {}, ["colour"]),
    "colours of another kind": ({}, {"colour": "cmyk"}, ["colour"]),
    "colours for those of another kind": ({"colour": "cmyk"}, {}, ["colour"]),
    "both of another kind": ({"colour": "cmyk"}, {"colour": "cmyk"}, []),
    "more bits": ({"bits": 16}, {}, []),
    "the kept one's bits are not known": ({"bits": None}, {}, ["colour:unclear"]),
    "transparency that is not known": ({}, {"alpha": None}, ["colour:unclear"]),
    "one picture, of which nothing is known": (
        {"bits": None},
        SAME_PICTURE | {"bits": None, "colour": None, "alpha": None},
        [],
    ),
    "one picture at more bits": ({}, SAME_PICTURE | {"bits": 16}, ["bits"]),
    "one picture in another format": ({"colour": "grey"}, SAME_PICTURE | {"format": "png"}, ["colour"]),
    "one picture without loss, and the JPEG that it was made from": (
        {"format": "png", "lossless": True},
        SAME_PICTURE,
        ["first"],
    ),
    "one picture without loss, and a JPEG of which that is not known": (
        {"format": "png", "lossless": True},
        SAME_PICTURE | {"lossless": None},
        ["first"],
    ),
    "one picture without loss, twice": (
        {"format": "png", "lossless": True},
        SAME_PICTURE | {"format": "tiff", "lossless": True},
        [],
    ),
}


@pytest.mark.parametrize(("kept", "other", "expected"), COLOURS.values(), ids=COLOURS.keys())
def test_a_file_stays_for_its_colours_or_its_first_encoding(kept, other, expected):
    assert codes(kept, other) == expected


def facts(**more: Any) -> dict[str, Any]:
    return {"facts": MappingProxyType({**CAMERA, **more})}


UNNAMED = replace(FILM, content=None)
REST: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "a place not far away": (facts(gps_lat=47.0, gps_lon=8.0), facts(gps_lat=47.0019, gps_lon=8.0), []),
    "a place farther away": (facts(gps_lat=47.0, gps_lon=8.0), facts(gps_lat=47.0, gps_lon=8.0021), ["fact:place"]),
    "half a place is none": ({}, facts(gps_lat=47.0), []),
    "a place beside half a place": (facts(gps_lat=47.0), facts(gps_lat=47.0, gps_lon=8.0), ["fact:place"]),
    "the camera's data are there, whatever they say": ({}, facts(iso=200), []),
    "the same rating": (facts(rating=4), facts(rating=4), []),
    "another rating": (facts(rating=4), facts(rating=5), ["fact:rating"]),
    "another time": ({}, facts(taken_at=NOON.replace(second=1)), ["fact:taken_at"]),
    "a time a second earlier": (facts(taken_at=NOON.replace(second=1)), {}, ["fact:taken_at"]),
    "fewer keywords": (facts(keywords=("a", "b")), facts(keywords=("b",)), []),
    "the same tags": ({"tags": frozenset("ab")}, {"tags": frozenset("b")}, []),
    "words where the kept one's are not known": ({"words": None}, {"words": frozenset("x")}, ["words"]),
    "a companion that is the kept file": ({}, {"company": frozenset({Companion("photo", "a", "x.jpg")})}, []),
    "companions that are not known": (
        {"company": frozenset({UNNAMED})},
        {"company": frozenset({UNNAMED})},
        ["beside:video"],
    ),
    "frames that both have": ({"pictures": 12}, SAME_PICTURE | {"pictures": 12}, []),
    "frames that may be others": (
        {"pictures": 12, "picture_id": None},
        {"pictures": 12, "picture_id": None},
        ["pictures"],
    ),
    "how many pictures the kept one has is not known": ({"pictures": None}, {}, ["pictures:unclear"]),
    "the length of a film counts for films alone": (
        {"parts": frozenset({"depth"}), "film_bytes": None},
        {"parts": frozenset({"depth"})},
        [],
    ),
    "the kept one's parts are not known": ({"parts": None}, {"parts": frozenset({"depth"})}, ["part:depth"]),
    "a second picture in both": (
        {"parts": frozenset({"picture"})},
        {"parts": frozenset({"picture"})},
        ["part:picture"],
    ),
}


@pytest.mark.parametrize(("kept", "other", "expected"), REST.values(), ids=REST.keys())
def test_what_else_keeps_a_file(kept, other, expected):
    assert codes(kept, other) == expected


EXACT: dict[str, tuple[dict[str, Any], dict[str, Any], bool, bool]] = {
    "equal bytes": ({"picture_id": None}, {"content": "a", "picture_id": None}, False, True),
    "equal data of the picture": ({}, {"picture_id": "a"}, False, True),
    "data of the picture that are not known": ({"picture_id": None}, {"picture_id": None}, False, False),
    "equal pixels, both without loss": ({"lossless": True}, {"lossless": True}, True, True),
    "equal pixels, the first with loss": ({}, {"lossless": True}, True, False),
    "equal pixels, the second with loss": ({"lossless": True}, {}, True, False),
    "both without loss": ({"lossless": True}, {"lossless": True}, False, False),
}


@pytest.mark.parametrize(("kept", "other", "equal_pixels", "expected"), EXACT.values(), ids=EXACT.keys())
def test_when_two_files_surely_show_the_same_pixels(kept, other, equal_pixels, expected):
    tie = Tie("same", equal_pixels=equal_pixels)
    assert is_exact(replace(PLAIN, **kept), replace(OTHER, **other), tie) is expected


@pytest.mark.parametrize(
    ("relation", "other", "expected"),
    [
        ("same", {}, True),
        ("edited", {}, False),
        ("same", {"picture_id": "a"}, False),
        ("same", {"words": frozenset("x")}, False),
    ],
    ids=["the same", "edited", "equal data of the picture", "it stays in any case"],
)
def test_a_look_at_full_size_is_asked_for_only_where_it_alone_can_tell(relation, other, expected):
    assert needs_look(PLAIN, replace(OTHER, **other), Tie(relation)) is expected


def test_apart_from_the_picture_equal_bytes_lack_company_alone():
    twin = replace(PLAIN, path="/q/a.jpg", words=None, parts=None)
    assert lacks_apart_from_the_picture(PLAIN, twin) == ()
    assert [lack.code for lack in lacks_apart_from_the_picture(PLAIN, replace(OTHER, bits=16, width=9000))] == ["bits"]


SIDECAR = Companion("sidecar", "stars", "IMG_1.xmp", "5 stars")
WORDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a film": ({"parts": frozenset({"film"}), "film_bytes": 900_000}, ["its film (0.9 MB)"]),
    "a film of unknown length": ({"parts": frozenset({"film"}), "film_bytes": None}, ["its film"]),
    "other parts": (
        {"parts": frozenset({"depth", "matte", "gain map"}), "film_bytes": 900_000},
        ["its depth map", "its gain map (HDR)", "its portrait matte"],
    ),
    "more parts": (
        {"parts": frozenset({"credentials", "sound", "thermal"})},
        ["its content credentials", "its sound", "its thermal data"],
    ),
    "parts of no kind": (
        {"parts": frozenset({"picture", "unknown"})},
        ["a second picture inside it", "data behind its picture that are of no known kind"],
    ),
    "companions": (
        {"company": frozenset({FILM, SIDECAR, replace(FILM, content="a second", name="A.MOV")})},
        ["the sidecar IMG_1.xmp beside it (5 stars)", "the film A.MOV beside it", "the film IMG_1.MOV beside it"],
    ),
    "other companions": (
        {"company": frozenset({Companion("raw", "r", "A.CR3"), Companion("photo", "p", "A.jpg")})},
        ["the version A.jpg beside it", "the RAW A.CR3 beside it"],
    ),
    "colours": ({"colour": "cmyk"}, ["its colours (cmyk against rgb)"]),
    "stars": (facts(rating=5), ["the rating of 5 stars"]),
    "a rejection": (facts(rating=-1), ["the mark of a rejected photo"]),
    "a time": (facts(taken_at=NOON.replace(year=2020)), ["the time 2020-06-01 12:00:00"]),
    "a label": (facts(label="Red"), ["label Red"]),
    "words": ({"words": frozenset({"Rome"})}, ["the words “Rome”"]),
    "many words": ({"words": frozenset({"Rome", "Paris"})}, ["the words “Paris” and 1 more"]),
}


@pytest.mark.parametrize(("other", "expected"), WORDS.values(), ids=WORDS.keys())
def test_what_only_a_file_has_is_told(other, expected):
    assert [lack.words for lack in lacks(PLAIN, replace(OTHER, **other), MADE_FROM)] == expected
