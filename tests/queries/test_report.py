"""The scores of a photo in words, and its faces drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from photoidx import Config, Library
from photoidx.errors import QueryError
from photoidx.queries.face_picture import save
from photoidx.queries.report import report, standing
from pictures import age

FACE = {
    "face": 0,
    "eye_left_open": 0.9,
    "eye_right_open": 0.8,
    "eye_left": "open",
    "eye_right": "open",
    "smile": 0.5,
    "mouth_open": 0.0,
    "yaw_deg": 3.0,
    "reliable": True,
}


def said(quality: dict[str, object], *faces: dict[str, object], **library: list[float]) -> str:
    return "\n".join(report(quality, faces, library))


def test_nothing_is_said_of_what_was_not_measured():
    assert report({}, [], {}) == []
    assert report(dict.fromkeys(("technical", "noise_sigma", "face_count", "jpeg_quality")), [], {}) == []


def test_a_score_is_compared_with_the_photos_of_the_library():
    words = said({"technical": 0.8, "sharpness_subject": -4.0}, technical=[0.1, 0.5, 0.8, 0.9, 1.0])
    assert "Technical quality 0.80 of 1, better than 50 % of this library." in words
    assert "Sharpness of the middle -4.0." in words


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=30), st.data())
def test_standing_counts_the_photos_that_are_worse(others, data):
    others.sort()
    value = data.draw(st.sampled_from(others))
    share = standing(value, others)
    assert share is not None
    assert 0 <= share <= 1
    if others.count(value) == 1:
        assert share == sum(other < value for other in others) / (len(others) - 1)
    else:
        assert len(set(others)) > 1 or share == 0.5


def test_blur_clipping_noise_tilt_and_compression_are_named():
    words = said(
        {
            "sharpness_subject": -8.0,
            "subject_kind": "faces",
            "blur_kind": "motion",
            "blur_direction_deg": 40.0,
            "noise_sigma": 9.0,
            "clipped_highlights": 0.05,
            "clipped_shadows": 0.001,
            "jpeg_quality": 30,
            "horizon_tilt_deg": -3.2,
            "horizon_confidence": 0.9,
        }
    )
    assert "Sharpness of the faces -8.0; blurred by motion at 40 degrees." in words
    assert "noisy" in words
    assert "Highlights: 5 % of the picture are clipped." in words
    assert "Shadows" not in words
    assert "quality 30: compression may show" in words
    assert "Tilted by 3.2 degrees counter-clockwise" in words


def test_faces_are_told_one_by_one_and_doubt_is_told_too():
    words = said(
        {"face_count": 3, "faces_important": 2, "eyes_min": 0.1, "eyes_shut": 1, "eyes_unclear": 1},
        FACE,
        {
            **FACE,
            "face": 1,
            "eye_left_open": 0.1,
            "eye_left": "shut",
            "smile": None,
            "yaw_deg": -40.0,
            "reliable": False,
        },
        {"face": 2, "eye_left_open": None, "reliable": False},
    )
    assert "3 faces, 2 important; the most closed eye that is clear is 10 % open; " in words
    assert "; 1 with an eye shut; 1 with eyes that are unclear." in words
    assert "Face 1: eyes open (0.90, 0.80), smiles (0.50)." in words
    assert "Face 2: eyes left shut, right open (0.10, 0.80), turned 40 degrees to the left, not reliable." in words
    assert "Face 3: seen from the side or too unclear to read." in words


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("faces")
    (folder / "photos").mkdir()
    for name, picture in (("a.png", data.astronaut()), ("b.png", data.coffee())):
        Image.fromarray(picture).save(folder / "photos" / name)
        age(folder / "photos" / name, 3600)
    library = Library(folder / "library", Config(workers=1, embedders=()))
    library.scan(folder / "photos")
    return library


def photo_of(library: Library) -> Path:
    return Path(library.uri).parent / "photos" / "a.png"


def test_show_tells_the_report_and_the_faces_of_a_real_photo(library):
    found = library.show(photo_of(library))
    assert any(sentence.startswith("Face 1: eyes open") for sentence in found["report"])
    assert library.sql("SELECT name FROM photos WHERE face_count = 1").to_pylist() == [{"name": "a.png"}]
    assert library.sql("SELECT path, face, smile FROM faces WHERE smile > 0.5").num_rows == 1


def test_the_faces_are_drawn_into_a_copy(library):
    drawn = library.draw_faces(photo_of(library))
    with Image.open(photo_of(library)) as plain:
        assert drawn.size == plain.size
        greens = sum(drawn.getpixel((x, y)) == (57, 211, 83) for x in range(160, 290, 1) for y in range(40, 200, 1))
    assert greens > 200


def test_a_drawing_is_never_written_over_a_file(library, tmp_path):
    drawn = library.draw_faces(photo_of(library))
    before = photo_of(library).read_bytes()
    with pytest.raises(QueryError, match="nothing is written over"):
        save(drawn, str(photo_of(library)))
    assert photo_of(library).read_bytes() == before
    save(drawn, str(tmp_path / "out.jpg"))
    with Image.open(tmp_path / "out.jpg") as written:
        assert written.size == drawn.size
    with pytest.raises(QueryError, match="Can't write"):
        save(drawn, str(tmp_path / "no" / "folder.jpg"))


def test_faces_of_a_photo_that_changed_since_the_scan_are_not_drawn(library):
    path = photo_of(library)
    before = path.read_bytes()
    try:
        Image.fromarray(data.coffee()).save(path)
        with pytest.raises(QueryError, match="has changed since it was scanned"):
            library.draw_faces(path)
    finally:
        path.write_bytes(before)
        age(path, 3600)
