import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.shots.sidecar_names import FolderNames, adobe_name, darktable_name, sidecars_of

NFD, NFC = (unicodedata.normalize(form, "Zürich.jpg") for form in ("NFD", "NFC"))


@pytest.mark.parametrize(
    ("photos", "sidecar", "meant"),
    [
        (["IMG_1.jpg"], "IMG_1.xmp", (["IMG_1.jpg"], "stem", 0)),
        (["IMG_1.jpg", "IMG_1.DNG"], "IMG_1.xmp", (["IMG_1.jpg", "IMG_1.DNG"], "stem", 0)),
        (["IMG_1.jpg", "IMG_1.png"], "IMG_1.png.xmp", (["IMG_1.png"], "full", 0)),
        (["IMG_1.JPG"], "img_1.jpg.XMP", (["IMG_1.JPG"], "full", 0)),
        (["IMG_1.jpg", "IMG_1.JPG"], "IMG_1.JPG.xmp", (["IMG_1.JPG"], "full", 0)),
        (["IMG_1.jpg"], "IMG_1_01.jpg.xmp", (["IMG_1.jpg"], "version", 1)),
        (["IMG_1.jpg", "IMG_1_01.jpg"], "IMG_1_01.jpg.xmp", (["IMG_1_01.jpg"], "full", 0)),
        (["IMG_1.jpg"], "IMG_1_12.jpg.xmp", (["IMG_1.jpg"], "version", 12)),
        (["holiday.2019.jpg"], "holiday.2019.xmp", (["holiday.2019.jpg"], "stem", 0)),
        (["a.b.cdef.jpg"], "a.b.cdef.jpg.xmp", (["a.b.cdef.jpg"], "full", 0)),
        (["photo.raw.jpg"], "photo.raw.xmp", (["photo.raw.jpg"], "stem", 0)),
        (["photo.raw", "photo.raw.jpg"], "photo.raw.xmp", (["photo.raw"], "full", 0)),
        ([NFD], f"{NFC}.xmp", ([NFD], "full", 0)),
        ([NFC], unicodedata.normalize("NFD", "Zürich.xmp"), ([NFC], "stem", 0)),
        (["IMG_1.jpg"], "IMG_2.xmp", None),
        (["IMG_1.jpg"], "IMG_1.png.xmp", None),
        (["IMG_1-edited.jpg", "IMG_1.jpg"], "IMG_1-edited.jpg.xmp", (["IMG_1-edited.jpg"], "full", 0)),
        (["IMG_1.jpg"], "IMG_1.aae", None),
    ],
)
def test_a_sidecar_speaks_for_what_its_name_says(photos, sidecar, meant):
    spoken = FolderNames(photos).spoken_for(sidecar)
    assert (spoken and (list(spoken.photos), spoken.form, spoken.version)) == meant


def test_a_photo_s_sidecars_come_with_the_most_exact_first():
    names = ["IMG_1_02.jpg.xmp", "IMG_1.xmp", "IMG_1_01.jpg.xmp", "IMG_2.xmp", "IMG_1.jpg.xmp"]
    found = [name for name, _ in sidecars_of("IMG_1.jpg", names, ["IMG_1.jpg", "IMG_2.jpg"])]
    assert found == ["IMG_1.jpg.xmp", "IMG_1.xmp", "IMG_1_01.jpg.xmp", "IMG_1_02.jpg.xmp"]


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1), st.integers(0, 99))
def test_what_a_sidecar_would_be_called_is_read_as_that_photo_s(stem, version):
    photo = f"{stem}.jpg"
    folder = FolderNames([photo])
    for name, form in ((adobe_name(photo), "stem"), (darktable_name(photo, version), "version" if version else "full")):
        spoken = folder.spoken_for(name)
        assert spoken is not None
        assert (spoken.photos, spoken.form) == ((photo,), form)
