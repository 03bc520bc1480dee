import pytest

from photoidx.indexer.shots.agreement import ShotMember
from photoidx.indexer.shots.names import family
from photoidx.indexer.shots.rules import shots
from photoidx.indexer.shots.takeout_names import TakeoutNames
from photoidx.records import format_of, kind_of

LONG = "a-very-long-name-of-a-photo-that-nobody-would-type.jpg"  # Takeout keeps 47 characters before the suffix
CUT = f"{LONG[:47]}.jpg"


def member(name):
    return ShotMember(f"/p/{name}", f"id-{name}", kind_of(format_of(name)).value, format_of(name))


@pytest.mark.parametrize(
    ("photos", "sidecar", "about"),
    [
        (["IMG_1.jpg"], "IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
        (["IMG_1.jpg"], "IMG_1.jpg.supplemental-meta.json", "IMG_1.jpg"),
        (["IMG_1.jpg"], "IMG_1.jpg.s.json", "IMG_1.jpg"),
        (["IMG_1.jpg"], "IMG_1.jpg.json", "IMG_1.jpg"),
        (["IMG_1.JPG"], "img_1.jpg.JSON", "IMG_1.JPG"),
        (["IMG_1.jpg", "IMG_1(1).jpg"], "IMG_1.jpg.supplemental-metadata(1).json", "IMG_1(1).jpg"),
        (["IMG_1.jpg", "IMG_1(1).jpg"], "IMG_1.jpg(1).json", "IMG_1(1).jpg"),
        (["IMG_1.jpg", "IMG_1(1).jpg"], "IMG_1(1).jpg.supplemental-metadata.json", "IMG_1(1).jpg"),
        (["IMG_1.jpg", "IMG_1(1).jpg"], "IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
        (["IMG_1.jpg"], "IMG_1.jpg.supplemental-metadata(1).json", None),
        (["IMG_1.HEIC", "IMG_1.MP4"], "IMG_1.HEIC.supplemental-metadata.json", "IMG_1.HEIC"),
        (["IMG_1.jpg", "IMG_1-edited.jpg"], "IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
        ([CUT], f"{LONG[:46]}.json", CUT),
        (["PXL_20230101_101112345.PORTRAIT-01.COVER.jpg"], "PXL_20230101_101112345.PORTRAIT-01.COVER.jpg.s.json",
         "PXL_20230101_101112345.PORTRAIT-01.COVER.jpg"),
        (["Screenshot_20230101-101112_Some App.jpg"], "Screenshot_20230101-101112_Some App.jpg.supple.json",
         "Screenshot_20230101-101112_Some App.jpg"),
        ([CUT, f"{LONG[:46]}x.jpg"], f"{LONG[:46]}.json", None),
        (["IMG_1.jpg"], "IMG_2.jpg.json", None),
    ],
)  # fmt: skip
def test_takeout_s_json_is_about_the_photo_that_it_names(photos, sidecar, about):
    assert TakeoutNames(photos).photo_of(sidecar) == about
    assert format_of(sidecar) == "takeout"
    if about is not None:
        assert family(sidecar, "sidecar") == family(about, kind_of(format_of(about)))
        tied = shots([member(name) for name in (*photos, sidecar)])
        assert tied[f"/p/{sidecar}"][0] == tied[f"/p/{about}"][0]


@pytest.mark.parametrize("name", ["settings.json", "package.json", "Metadaten.json", "a.b.json", ".json"])
def test_other_json_is_no_sidecar(name):
    assert format_of(name) is None


@pytest.mark.parametrize(
    ("photo", "film"),
    [
        ("PXL_20230101_101112345.MP.jpg", "PXL_20230101_101112345.MP"),
        ("PXL_20230101_101112345.MP.jpg", "PXL_20230101_101112345.MP.mp4"),
        ("IMG_0001.HEIC", "IMG_0001.MP4"),
        ("IMG_0001.HEIC", "IMG_0001_HEVC.MOV"),
        ("IMG_0001.HEIC", "IMG_0001.HEIC.MOV"),
    ],
)
def test_films_are_tied_in_the_naming_of_apple_google_and_icloudpd(photo, film):
    tied = shots([member(photo), member(film)])
    assert tied[f"/p/{film}"] == (tied[f"/p/{photo}"][0], "live photo")
    assert family(photo, "photo") == family(film, "video")


def test_a_version_s_sidecar_and_its_photo_are_looked_at_together():
    for name in ("IMG_1.jpg.xmp", "IMG_1_01.jpg.xmp", "IMG_1.xmp"):
        assert family(name, "sidecar") == family("IMG_1.jpg", "photo")
        assert shots([member("IMG_1.jpg"), member(name)])[f"/p/{name}"][1] in {"sidecar", "sidecar of a version"}
