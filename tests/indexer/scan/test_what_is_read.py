"""A scan of what phones, programs and archives leave in a folder."""

from __future__ import annotations

import json
import struct
import unicodedata
from pathlib import Path

import pytest

from photoidx import Config, Library
from photoidx.storage.schema import FILES, META
from pictures import age, draw

XMP = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmlns:exif='http://ns.adobe.com/exif/1.0/' "
    "xmp:Rating='{}' exif:GPSLatitude='38,42.8N' exif:GPSLongitude='9,8.4W' "
    "exif:DateTimeOriginal='2019-07-04T10:11:12'/></rdf:RDF></x:xmpmeta>"
)


def film(seconds: int) -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return (len(body) + 8).to_bytes(4, "big") + kind + body

    header = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1, seconds))
    return box(b"ftyp", b"mp42") + box(b"mdat", b"frames") + box(b"moov", header)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("read")
    photos = folder / "photos"
    names = [
        "IMG_1.jpg",
        "IMG_2.jpg",
        "IMG-20190704-WA0012.jpg",
        unicodedata.normalize("NFD", "Zürich.jpg"),
        "東京旅行2019.jpg",
    ]
    for number, name in enumerate(names):
        draw(photos / name, number)
    (photos / "IMG_1.xmp").write_text(XMP.format(4))
    (photos / "img_2_01.JPG.xmp").write_bytes(XMP.format(5).encode("utf-16"))
    (photos / unicodedata.normalize("NFC", "Zürich.jpg.xmp")).write_text(XMP.format(3))
    told = {"photoTakenTime": {"timestamp": "1562235072"}, "people": [{"name": "Ann Lee"}]}
    (photos / "IMG-20190704-WA0012.jpg.supplemental-meta.json").write_text(json.dumps(told))
    (photos / "VID-20190704-WA0001.mp4").write_bytes(film(7))
    for name in ("notes.txt", "settings.json", "README", "a.TXT"):
        (photos / name).write_text("{}")
    for path in photos.iterdir():
        age(path, 60)
    made = Library(folder / "library", Config(workers=1))
    made.scan(photos)
    return made


def told(library: Library, columns: str, view: str = "photos") -> dict[str, tuple[object, ...]]:
    rows = library.sql(f"SELECT name, {columns} FROM {view}").to_pylist()
    return {unicodedata.normalize("NFC", row.pop("name")): tuple(row.values()) for row in rows}


def test_each_sidecar_speaks_for_its_photo(library: Library):
    ratings = told(library, "rating")
    assert (ratings["IMG_1.jpg"], ratings["IMG_2.jpg"], ratings["Zürich.jpg"]) == ((4,), (5,), (3,))


def test_places_have_names_in_sql_and_are_found_by_words(library: Library):
    assert told(library, "city, region, country")["IMG_1.jpg"] == ("Lisbon", "Lisbon", "Portugal")
    found = {Path(row["path"]).name for row in library.search("lisbon 2019", words=True).rows}
    assert found == {"IMG_1.jpg", "IMG_2.jpg", unicodedata.normalize("NFD", "Zürich.jpg")}


@pytest.mark.parametrize("word", ["旅行", "東京", "東京旅行", "東京旅行2019", "旅行 2019", "東"])
def test_words_of_a_language_without_blanks_are_found_inside(library: Library, word: str):
    assert [Path(row["path"]).name for row in library.search(word, words=True).rows] == ["東京旅行2019.jpg"]


def test_takeout_s_time_and_people_are_a_photo_s(library: Library):
    row = told(library, "taken_at::VARCHAR, taken_at_source, people")["IMG-20190704-WA0012.jpg"]
    assert row == ("2019-07-04 10:11:12", "takeout", ["Ann Lee"])


def test_a_video_is_a_file_with_a_duration_and_a_day(library: Library):
    row = told(library, "duration_s, taken_on::VARCHAR, taken_at_source", "videos")["VID-20190704-WA0001.mp4"]
    assert row == (7.0, "2019-07-04", "file name")


def test_what_was_seen_and_not_understood_is_counted_by_suffix(library: Library):
    assert library.status()["not_understood"] == {".txt": 2, ".json": 1, "(none)": 1}


def test_a_library_of_before_gets_what_names_tell_without_reading_a_photo(library: Library):
    store = library.store
    with store.writing():
        rows = [row | {"name_day": None, "name_time": None} for row in store.read(FILES.name).to_pylist()]
        store.upsert(FILES, rows)
        store.upsert(META, [{"name": "tying", "value": "2"}])
    [root] = library.status()["roots"]
    assert library.scan(root).decoded == 0
    assert told(library, "taken_on::VARCHAR", "videos")["VID-20190704-WA0001.mp4"] == ("2019-07-04",)
