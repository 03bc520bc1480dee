from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.shots import Member, shots
from photoidx.records import format_of, kind_of

NOON = datetime(2024, 6, 1, 12)  # noqa: DTZ001


def member(path: str, taken_at: datetime | None = None) -> Member:
    file_format = format_of(path) or ""
    return Member(path, f"id-{path}", kind_of(file_format).value, file_format, taken_at)


def tied(*members: Member) -> dict[str, tuple[str, str | None]]:
    return shots(members)


def rule_between(first: str, second: str) -> str | None:
    result = tied(member(first), member(second))
    return result[second][1] if result[first][0] == result[second][0] else None


def test_a_raw_file_and_its_jpeg_are_one_shot():
    assert rule_between("/p/IMG_1.CR3", "/p/IMG_1.JPG") == "raw+jpeg"


def test_a_heic_and_its_jpeg_are_one_shot():
    assert rule_between("/p/IMG_1.HEIC", "/p/img_1.jpg") == "heif+jpeg"


def test_a_live_photo_and_its_film_are_one_shot():
    assert rule_between("/p/IMG_1.HEIC", "/p/IMG_1.MOV") == "live photo"


def test_a_sidecar_belongs_to_its_photo_however_it_is_named():
    assert rule_between("/p/IMG_1.CR3", "/p/IMG_1.xmp") == "sidecar"
    assert rule_between("/p/IMG_1.CR3", "/p/IMG_1.CR3.xmp") == "sidecar"


def test_edited_exports_belong_to_their_original():
    for name in (
        "IMG_0001-edited.jpg",
        "IMG_0001-Edit.tif",
        "IMG_0001 (edited).jpg",
        "IMG_E0001.JPG",
        "IMG_0001~2.jpg",
    ):
        assert rule_between("/p/IMG_0001.JPG", f"/p/{name}") == "edited", name


def test_the_same_name_in_another_folder_is_another_shot():
    assert rule_between("/p/IMG_1.CR3", "/q/IMG_1.JPG") is None


def test_two_originals_of_one_format_are_two_shots():
    assert rule_between("/p/IMG_1.JPG", "/p/IMG_1.jpeg") is None


def test_the_same_name_at_another_time_is_a_counter_that_started_again():
    result = tied(member("/p/IMG_1.CR3", NOON), member("/p/IMG_1.JPG", NOON + timedelta(days=3)))
    assert result["/p/IMG_1.CR3"][0] != result["/p/IMG_1.JPG"][0]


def test_a_film_on_its_own_is_tied_to_nothing():
    assert tied(member("/p/a.MOV"))["/p/a.MOV"][1] is None


paths = st.builds(
    "/{}/IMG_{}{}.{}".format,
    st.sampled_from("pq"),
    st.integers(1, 2),
    st.sampled_from(("", "-edited")),
    st.sampled_from(("CR3", "JPG", "xmp", "MOV", "heic")),
)


@given(st.lists(paths, unique=True).flatmap(st.permutations))
def test_every_file_gets_a_shot_and_the_order_does_not_matter(order: list[str]):
    result = shots([member(path) for path in order])
    assert result == shots([member(path) for path in sorted(order)])
    assert set(result) == set(order)
