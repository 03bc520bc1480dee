"""What ties the files of one press: names propose, times and pictures agree."""

import itertools
import os
import unicodedata
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.shots.agreement import ShotMember
from photoidx.indexer.shots.edit_words import EDIT_WORDS
from photoidx.indexer.shots.names import family, is_edited, is_telling
from photoidx.indexer.shots.rules import shots
from photoidx.records import format_of, kind_of

NOON = datetime(2024, 6, 1, 12)  # noqa: DTZ001
CANON, NIKON = "Canon\0EOS", "Nikon\0D1"


def member(name: str, **known: Any) -> ShotMember:
    file_format = format_of(name) or ""
    path = name if name.startswith("/") else f"/p/{name}"
    return ShotMember(path, f"id-{path}", kind_of(file_format).value, file_format, **known)


def differing(bits: int) -> int:
    """Return a hash that differs in so many bits from 0."""
    return (1 << bits) - 1


def rule_of(*members: ShotMember, last: int = -1, **options: Any) -> str | None:
    """Return the rule that ties the last file to the first; None if they are two shots."""
    result = shots(members, **options)
    first, other = result[members[0].path], result[members[last].path]
    return other[1] if first[0] == other[0] else None


# Names alone, of files of which nothing else is known: those that only a camera gives.
BY_NAME = [
    ("IMG_0001.CR3", "IMG_0001.JPG", "raw+jpeg"),
    ("DSC01234.ARW", "DSC01234.JPG", "raw+jpeg"),
    ("_DSC1234.NEF", "_DSC1234.JPG", "raw+jpeg"),
    ("P1010001.ORF", "p1010001.jpg", "raw+jpeg"),
    ("20180101_123456.dng", "20180101_123456.jpg", "raw+jpeg"),
    ("IMG_0001.DNG", "IMG_0001.HEIC", "raw+jpeg"),
    ("IMG_0001.HEIC", "img_0001.jpg", "heif+jpeg"),
    ("PXL_20250126_164931991.RAW-02.ORIGINAL.dng", "PXL_20250126_164931991.RAW-01.COVER.jpg", "raw+jpeg"),
    ("PXL_20250126_164931991.RAW-02.ORIGINAL.dng", "PXL_20250126_164931991.RAW-01.MP.COVER.jpg", "raw+jpeg"),
    ("IMG_0001.HEIC", "IMG_0001.MOV", "live photo"),
    ("beach.heic", "beach.MOV", "live photo"),
    ("IMG_0001.JPG", "IMG_0001.MP4", "live photo"),
    ("IMG_0001.HEIC", "IMG_0001_HEVC.MOV", "live photo"),
    ("IMG_0001.HEIC", "IMG_0001.HEIC.MOV", "live photo"),
    ("IMG_0001(1).HEIC", "IMG_0001(1).MP4", "live photo"),
    ("PXL_20250126_164931991.MP.jpg", "PXL_20250126_164931991.mp4", "live photo"),
    ("IMG_0001.HEIC", "IMG_E0001.MOV", "live photo"),
    ("IMG_0001.JPG", "IMG_0001-edited.mp4", "live photo"),
    ("IMG_0001.CR3", "IMG_0001.xmp", "sidecar"),
    ("IMG_0001.CR3", "img_0001.cr3.XMP", "sidecar"),
    ("IMG_0001.HEIC", "IMG_0001.AAE", "sidecar"),
    ("IMG_0001.HEIC", "IMG_O0001.AAE", "sidecar"),
    ("1.jpg", "1.xmp", "sidecar"),
    ("a.b.cdef.jpg", "a.b.cdef.xmp", "sidecar"),
    ("IMG_0001.JPG", "IMG_E0001.JPG", "edited"),
    ("IMG_0001.JPG", "IMG_0001-edited.jpg", "edited"),
    ("IMG_20200101_120000.jpg", "IMG_20200101_120000~2.jpg", "edited"),
    ("PXL_20250126_164931991.MP.jpg", "PXL_20250126_164931991.MP~2.jpg", "edited"),
    ("IMG_0001.HEIC", "IMG_0001.HEIC.jpg", "heif+jpeg"),
    # What is not one press, or nobody knows.
    ("1.cr2", "1.jpg", None),
    ("image.heic", "image.jpg", None),
    ("scan0001.dng", "scan0001.jpg", None),
    ("IMG_20~1.CR2", "IMG_20~1.JPG", None),
    ("IMG_20.JPG", "IMG_20~1.JPG", None),
    ("1.jpg", "1-edited.jpg", None),
    ("1.jpg", "1.mp4", None),
    ("beach.jpg", "beach.mp4", None),
    ("IMG_0001.JPG", "IMG_0001.jpeg", None),
    ("IMG_0001.JPG", "IMG_0001(1).JPG", None),
    ("IMG_0001.JPG", "IMG_0001.PNG", None),
    ("IMG_0001.JPG", "IMG_0001.CR3.xmp", None),
    ("IMG_0001.JPG", "IMG_0001.HEIC.MOV", None),
    ("20180101_123456_001.jpg", "20180101_123456_002.dng", None),
    ("PXL_20250126_164931991.BURST-01.jpg", "PXL_20250126_164931991.BURST-02.dng", None),
    ("/p/IMG_0001.CR3", "/q/IMG_0001.JPG", None),
]


@pytest.mark.parametrize(("first", "second", "rule"), BY_NAME)
def test_a_name_that_only_a_camera_gives_is_enough_where_nothing_else_is_known(first, second, rule):
    assert rule_of(member(first), member(second)) == rule


TWO_S, THREE_S = NOON + timedelta(seconds=2), NOON + timedelta(seconds=3)
SUB = {"microsecond": 120_000}
SAME, COPY, NO_COPY, EDIT, UNCLEAR, HARDLY, OTHER = map(differing, (0, 12, 13, 64, 65, 87, 88))
# Two names, what is known of each, and the rule that ties the second to the first.
BY_EVIDENCE = [
    # times
    ("1.heic", "1.jpg", {"taken_at": NOON}, {"taken_at": TWO_S}, "heif+jpeg"),
    ("1.heic", "1.jpg", {"taken_at": NOON}, {"taken_at": THREE_S}, None),
    ("1.heic", "1.jpg", {"taken_at": NOON.replace(**SUB)}, {"taken_at": TWO_S.replace(microsecond=0)}, "heif+jpeg"),
    ("1.heic", "1.jpg", {"taken_at": NOON}, {"taken_at": TWO_S.replace(microsecond=900_000)}, "heif+jpeg"),
    ("1.heic", "1.jpg", {"taken_at": NOON.replace(**SUB)}, {"taken_at": TWO_S.replace(microsecond=900_000)}, None),
    ("1.heic", "1.jpg", {"taken_at": TWO_S.replace(microsecond=900_000)}, {"taken_at": NOON}, "heif+jpeg"),
    ("1.heic", "1.jpg", {"taken_at": NOON}, {"taken_at": NOON, "hash_256": SAME}, "heif+jpeg"),
    ("1.heic", "1.jpg", {"taken_at": NOON, "hash_256": SAME}, {"taken_at": NOON}, "heif+jpeg"),
    ("IMG_0001.CR3", "IMG_0001.JPG", {"taken_at": NOON}, {"taken_at": NOON + timedelta(days=3)}, None),
    ("IMG_0001.JPG", "IMG_0001-edited.jpg", {"taken_at": NOON}, {"taken_at": THREE_S}, None),
    ("1.jpg", "1-edited.jpg", {"taken_at": NOON, "hash_256": SAME}, {"taken_at": NOON, "hash_256": OTHER}, "edited"),
    # pictures
    ("1.jpg", "1.png", {"hash_256": SAME}, {"hash_256": COPY}, "jpeg+png"),
    ("1.jpg", "1.png", {"hash_256": SAME}, {"hash_256": NO_COPY}, None),
    ("1.jpg", "1.png", {"hash_256": SAME, "aspect": 1.5}, {"hash_256": SAME, "aspect": 1.6}, None),
    ("1.jpg", "1.png", {"hash_256": SAME, "aspect": 1.5}, {"hash_256": SAME, "aspect": 1.529}, "jpeg+png"),
    ("1.jpg", "1.png", {"hash_256": SAME, "aspect": 1.5}, {"hash_256": SAME, "aspect": 1.532}, None),
    ("1.jpg", "1.png", {"hash_256": SAME, "aspect": 1.5}, {"hash_256": SAME}, "jpeg+png"),
    ("1.jpg", "1.png", {"hash_256": SAME}, {"hash_256": SAME, "aspect": 1.5}, "jpeg+png"),
    ("1.jpg", "1.png", {"pixels": "a"}, {"pixels": "b"}, None),
    ("1.jpg", "1.png", {"hash_256": SAME}, {}, None),
    ("1.jpg", "1.png", {"pixels": "a"}, {"pixels": "a"}, "jpeg+png"),
    ("1.tif", "1.png", {"pixels": "a", "taken_at": NOON}, {"pixels": "a", "taken_at": THREE_S}, "png+tiff"),
    ("1.dng", "1.jpg", {"hash_256": SAME}, {"hash_256": EDIT}, "raw+jpeg"),
    ("1.dng", "1.jpg", {"hash_256": SAME}, {"hash_256": UNCLEAR}, None),
    ("1.jpg", "1-edited.jpg", {"hash_256": SAME}, {"hash_256": EDIT}, "edited"),
    ("1.jpg", "1-edited.jpg", {"hash_256": SAME}, {"hash_256": UNCLEAR}, None),
    ("IMG_0001.JPG", "IMG_E0001.JPG", {"hash_256": SAME}, {"hash_256": UNCLEAR}, None),
    ("IMG_0001.CR3", "IMG_0001.JPG", {"hash_256": SAME}, {"hash_256": UNCLEAR}, None),
    ("IMG_0001.HEIC", "IMG_0001.HEIC.jpg", {"hash_256": SAME}, {"hash_256": UNCLEAR}, None),
    # a time that many scans were given, and pictures that differ
    ("1.tif", "1.jpg", {"taken_at": NOON, "hash_256": SAME}, {"taken_at": NOON, "hash_256": UNCLEAR}, "jpeg+tiff"),
    ("1.tif", "1.jpg", {"taken_at": NOON, "hash_256": SAME}, {"taken_at": NOON, "hash_256": HARDLY}, "jpeg+tiff"),
    ("1.tif", "1.jpg", {"taken_at": NOON, "hash_256": SAME}, {"taken_at": NOON, "hash_256": OTHER}, None),
    ("1.dng", "1.jpg", {"taken_at": NOON, "hash_256": SAME}, {"taken_at": NOON, "hash_256": OTHER}, None),
    (
        *("1.heic", "1.jpg", {"taken_at": NOON.replace(**SUB), "hash_256": SAME, "camera": CANON}),
        *({"taken_at": NOON.replace(microsecond=130_000), "hash_256": OTHER, "camera": CANON}, None),
    ),
    (
        *("1.dng", "1.jpg", {"taken_at": NOON, "hash_256": SAME, "camera": CANON}),
        *({"taken_at": NOON, "hash_256": OTHER, "camera": CANON}, "raw+jpeg"),
    ),
    (
        *("1.dng", "1.jpg", {"taken_at": NOON, "hash_256": SAME, "camera": CANON}),
        *({"taken_at": NOON, "hash_256": OTHER, "camera": NIKON}, None),
    ),
    (
        *("1.heic", "1.jpg", {"taken_at": NOON.replace(**SUB), "hash_256": SAME, "camera": CANON}),
        *({"taken_at": NOON.replace(**SUB), "hash_256": OTHER, "camera": CANON}, "heif+jpeg"),
    ),
    (
        *("1.heic", "1.jpg", {"taken_at": NOON, "hash_256": SAME, "camera": CANON}),
        *({"taken_at": NOON, "hash_256": OTHER, "camera": CANON}, None),
    ),
    ("IMG_1.CR3", "IMG_1.JPG", {"taken_at": NOON, "serial": "1"}, {"taken_at": NOON, "serial": "2"}, None),
    ("IMG_1.CR3", "IMG_1.JPG", {"taken_at": NOON, "serial": "1"}, {"taken_at": NOON, "serial": "1"}, "raw+jpeg"),
    ("IMG_1.CR3", "IMG_1.JPG", {"taken_at": NOON, "serial": "1"}, {"taken_at": NOON}, "raw+jpeg"),
    ("IMG_1.CR3", "IMG_1.JPG", {"taken_at": NOON}, {"taken_at": NOON, "serial": "2"}, "raw+jpeg"),
    # a cover and its original are two JPEGs
    (
        *("PXL_20250126_164931991.PORTRAIT-01.COVER.jpg", "PXL_20250126_164931991.PORTRAIT-02.ORIGINAL.jpg"),
        *({"taken_at": NOON}, {"taken_at": NOON}, "cover"),
    ),
    (
        *("00000PORTRAIT_00000_BURST20190102123456789.jpg", "00100lPORTRAIT_00100_BURST20190102123456789_COVER.jpg"),
        *({"taken_at": NOON}, {"taken_at": NOON}, "cover"),
    ),
    (
        *("00000IMG_00000_BURST20180101123456_COVER.jpg", "00001IMG_00001_BURST20180101123456.jpg"),
        *({"taken_at": NOON}, {"taken_at": NOON}, None),
    ),
    # the short names of a FAT drive tell frames of one second apart
    ("IMG_20~1.JPG", "IMG_20~2.JPG", {"taken_at": NOON, "hash_256": SAME}, {"taken_at": NOON, "hash_256": SAME}, None),
    ("IMG_20.JPG", "IMG_20~1.JPG", {"taken_at": NOON, "hash_256": SAME}, {"taken_at": NOON, "hash_256": SAME}, None),
]


@pytest.mark.parametrize(("first", "second", "one", "other", "rule"), BY_EVIDENCE)
def test_two_photos_of_one_name_are_one_shot_if_their_times_or_pictures_agree(first, second, one, other, rule):
    found = shots([member(first, **one), member(second, **other)])
    ids = {shot_id for shot_id, _ in found.values()}
    assert found[f"/p/{second}"][1] == rule
    assert len(ids) == (2 if rule is None else 1)


WORDS = sorted({word for words in EDIT_WORDS.values() for word in words})


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("word", WORDS)
def test_an_edit_is_tied_in_any_language_and_form_of_unicode(word, form):
    for name in (
        f"IMG_0001-{word}.jpg",
        f"IMG_0001_{word}.jpg",
        f"img_0001 ({word.upper()}).JPG",
        f"IMG_0001-{word}-2.jpg",
    ):
        spelt = unicodedata.normalize(form, name)
        assert rule_of(member("IMG_0001.JPG", taken_at=NOON), member(spelt, taken_at=NOON)) == "edited", spelt
        assert is_edited(f"/p/{spelt}"), spelt


@pytest.mark.parametrize("name", ["IMG_0001.jpg", "credited.jpg", "edited.jpg", "IMG_20~1.JPG", "audit.jpg", "~1.jpg"])
def test_an_original_is_not_taken_for_an_edit(name):
    assert not is_edited(f"/p/{name}")


def test_names_that_differ_in_the_form_of_unicode_alone_are_equal():
    names = [
        unicodedata.normalize(form, f"Übung 20240101.{suffix}") for form, suffix in (("NFC", "CR3"), ("NFD", "JPG"))
    ]
    assert rule_of(*map(member, names)) == "raw+jpeg"


def test_the_number_of_an_edit_is_its_originals_number_if_that_is_there_else_a_second_edit():
    known = {"taken_at": NOON}
    plain, numbered = member("IMG_0007.jpg", **known), member("IMG_0007(1).jpg", **known)
    for name in ("IMG_0007-edited(1).jpg", "IMG_0007(1)-edited.jpg", "IMG_0007-modifié(1).jpg"):
        assert rule_of(numbered, plain, member(name, **known)) == "edited", name
    assert rule_of(plain, member("IMG_0007-edited(1).jpg", **known)) == "edited"
    assert rule_of(plain, member("IMG_0007(1)-edited.jpg", **known)) is None
    other = member("IMG_0007(1).jpg", taken_at=THREE_S)
    assert rule_of(plain, other, member("IMG_0007-edited(1).jpg", **known)) == "edited"


def test_a_name_that_takeout_cut_short_is_that_of_an_edit():
    original = "PXL_20210411_103521345.LONG_EXPOSURE-01.COVER"
    assert rule_of(member(f"{original}.jpg", taken_at=NOON), member(f"{original}-e.jpg", taken_at=NOON)) == "edited"
    assert rule_of(member("IMG_0001.jpg", taken_at=NOON), member("IMG_0001-e.jpg", taken_at=NOON)) is None


def test_an_edit_of_an_edit_is_tied_to_the_original():
    first = member("PXL_20210411_103521345.jpg", taken_at=NOON)
    assert rule_of(first, member("PXL_20210411_103521345~2-edited.jpg", taken_at=NOON)) == "edited"


def test_an_edit_without_its_original_is_a_shot_that_its_other_format_shares():
    one, other = member("IMG_0001-Edit.tif", taken_at=NOON), member("IMG_0001-Edit.jpg", taken_at=NOON)
    assert rule_of(one, other) == "jpeg+tiff" or rule_of(other, one) == "jpeg+tiff"
    assert rule_of(one, member("IMG_0001~2.jpg", taken_at=NOON)) is None


def test_of_two_presses_of_one_name_the_film_is_nobodys_unless_it_names_its_file():
    heic, jpeg = member("IMG_0001.HEIC", taken_at=NOON), member("IMG_0001.JPG", taken_at=THREE_S)
    assert rule_of(heic, jpeg, member("IMG_0001.MOV")) is None
    assert rule_of(jpeg, heic, member("IMG_0001.MOV")) is None
    assert rule_of(heic, jpeg, member("IMG_0001.HEIC.MOV")) == "live photo"
    assert rule_of(jpeg, heic, member("IMG_0001.HEIC.MOV")) is None


def test_a_sidecar_of_a_full_name_speaks_for_that_file_and_of_a_short_one_for_the_raw():
    raw, jpeg, png = member("1.cr2", taken_at=NOON), member("1.jpg", taken_at=THREE_S), member("1.png")
    for name, first, rule in (
        *(("1.png.xmp", png, "sidecar"), ("1.png.xmp", jpeg, None), ("1.jpg.xmp", jpeg, "sidecar")),
        *(("1.xmp", raw, "sidecar"), ("1.xmp", jpeg, None)),
    ):
        others = [each for each in (raw, jpeg, png) if each is not first]
        assert rule_of(first, *others, member(name)) == rule, (name, first.path)
    assert rule_of(jpeg, png, member("1.xmp")) is None
    assert rule_of(png, jpeg, member("1.xmp")) is None


def test_names_alone_tie_nothing_where_two_could_be_meant():
    raw = member("IMG_0001.CR3")
    heic, jpeg = member("IMG_0001.HEIC", taken_at=NOON), member("IMG_0001.JPG", taken_at=THREE_S)
    assert rule_of(raw, heic, jpeg) is None
    assert rule_of(raw, jpeg, heic) is None
    assert rule_of(heic, jpeg, member("IMG_0001-edited.jpg")) is None


def test_hashes_that_agree_are_looked_at_again_where_the_name_tells_nothing():
    def never(_one: ShotMember, _other: ShotMember) -> bool:
        return False

    def pair(stem: str) -> list[ShotMember]:
        return [member(f"{stem}.jpg", hash_256=0), member(f"{stem}.png", hash_256=0)]

    assert rule_of(*pair("scan1"), look=never) is None
    assert rule_of(*pair("scan1")) == "jpeg+png"
    assert rule_of(*pair("IMG_20240101_120000"), look=never) == "jpeg+png"


@pytest.mark.parametrize(
    ("stem", "telling"),
    [
        *(("img_0001", True), ("_dsc1234", True), ("20180101_123456", True), ("p1010001", True), ("dscf0001", True)),
        *(
            ("1", False),
            ("0001", False),
            ("scan0001", False),
            ("image", False),
            ("photo 12", False),
            ("img_20~1", False),
        ),
        *(("unnamed(3)", False), ("beach", False), ("rome 12", False), ("image(1)", False)),
    ],
)
def test_a_stem_is_telling_if_only_a_camera_gives_it(stem, telling):
    assert is_telling(stem) is telling


def test_the_shot_id_comes_from_the_raw_and_from_the_original():
    found = shots([member(name) for name in ("IMG_0001-edited.jpg", "IMG_0001.JPG", "IMG_0001.CR3", "IMG_0001.xmp")])
    assert {shot_id for shot_id, _ in found.values()} == {"shot-id-/p/IMG_0001.CR3"}


def test_a_film_on_its_own_is_tied_to_nothing():
    assert shots([member("a.MOV")])["/p/a.MOV"][1] is None
    assert rule_of(member("IMG_0001.MOV"), member("IMG_0001.MOV.xmp")) is None


def test_many_spellings_of_one_name_propose_nothing():
    names = {"".join(letters) for letters in itertools.product(*({each, each.upper()} for each in "abcdef"))}
    found = shots([member(f"{name}.{suffix}", taken_at=NOON) for name in names for suffix in ("cr2", "jpg")])
    assert all(rule is None for _, rule in found.values())


stems = st.sampled_from(("IMG_0001", "1", "IMG_20~1", "PXL_20250126_164931991", "IMG_0001(1)"))
added = st.sampled_from(
    ("", "", "-edited", "-modifié", "~2", "-edited(1)", ".RAW-01.COVER", ".RAW-02.ORIGINAL", "_HEVC", ".HEIC")
)
suffixes = st.sampled_from(("CR3", "JPG", "jpg", "png", "heic", "MOV", "mp4", "xmp", "AAE"))
facts = st.fixed_dictionaries(
    {},
    optional={
        "taken_at": st.sampled_from((NOON, TWO_S, THREE_S)),
        "hash_256": st.sampled_from((SAME, COPY, EDIT, OTHER)),
        "serial": st.sampled_from("12"),
    },
)
members = st.lists(
    st.builds(
        lambda folder, stem, more, suffix, known: member(f"/{folder}/{stem}{more}.{suffix}", **known),
        *(st.sampled_from("pq"), stems, added, suffixes, facts),
    ),
    unique_by=lambda each: each.path,
    max_size=9,
)


@given(members.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_every_file_gets_a_shot_and_the_order_does_not_matter(drawn):
    some, permuted = drawn
    result = shots(some)
    assert set(result) == {each.path for each in some}
    assert result == shots(permuted)


@given(members, st.sampled_from(("DSC_7777.JPG", "2.jpg", "IMG_0002-edited.jpg", "IMG_20~2.JPG", "edited.png")))
def test_an_unrelated_file_changes_nothing(some, name):
    result = shots(some)
    more = shots([*some, member(f"/p/{name}", taken_at=NOON, hash_256=SAME)])
    assert {path: more[path] for path in result} == result


@given(members)
def test_a_photo_that_disagrees_with_all_changes_nothing_of_photos_that_agree(some):
    known = [
        each
        for each in some
        if each.kind == "photo" and each.taken_at is not None and each.taken_at != THREE_S and each.format != "gif"
    ]
    unrelated = member("/p/IMG_0001.gif", taken_at=NOON + timedelta(days=1), hash_256=OTHER)
    result, more = shots(known), shots([*known, unrelated])
    assert {path: more[path] for path in result} == result


@given(members)
def test_files_that_are_tied_are_of_one_family(some):
    result = shots(some)
    families: dict[str, set[tuple[str, str]]] = {}
    for each in some:
        folder, name = os.path.split(each.path)
        families.setdefault(result[each.path][0], set()).add((folder, family(name, each.kind)))
    assert all(len(those) == 1 for those in families.values())
