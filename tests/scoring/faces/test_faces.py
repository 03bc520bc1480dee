"""Faces: found, read, and believed only where they can be."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

from photoidx.errors import AssetError
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.queries.best.sharper import GATE
from photoidx.records import format_of
from photoidx.scoring.faces import blazeface, model
from photoidx.scoring.faces.detection import Box, boxes, distinct, finds
from photoidx.scoring.faces.eyes import Eye
from photoidx.scoring.faces.landmarks import look
from photoidx.scoring.faces.light import Light
from photoidx.scoring.faces.stage import Face, Faces, faces, summary
from photoidx.scoring.faces.subject import important, important_boxes

SHARE = st.floats(0, 1, width=32)
BOXES = st.builds(Box, SHARE, SHARE, st.floats(0.01, 1), st.floats(0.01, 1), SHARE)


def astronaut() -> Image.Image:
    return Image.fromarray(data.astronaut())


def photo(image: Image.Image) -> DecodedPhoto:
    out = io.BytesIO()
    image.save(out, "PNG")
    return DecodedPhoto(out.getvalue(), "png", 10**8)


def one_face(image: Image.Image) -> Face:
    (face,) = faces(photo(image))
    return face


@pytest.fixture(scope="module")
def face() -> Face:
    return one_face(astronaut())


def crowd(size: tuple[int, int], places: list[tuple[int, int]], width: int) -> Image.Image:
    """Paste the astronaut's head several times, each head's face about `width` pixels wide."""
    scene = Image.new("RGB", size, (90, 110, 120))
    head = astronaut().crop((140, 20, 320, 200))
    head = head.resize((round(180 * width / 95),) * 2, Image.Resampling.LANCZOS)
    for place in places:
        scene.paste(head, place)
    return scene


def test_a_clear_face_is_found_and_read(face):
    assert face.important
    assert face.reliable
    assert face.look is not None
    assert face.sides == ("open", "open")
    assert face.look.smile is not None
    assert face.look.smile > 0.5
    assert max(map(abs, (face.look.yaw, face.look.pitch, face.look.roll))) < 30
    assert face.look.occluded == 0


def test_the_box_lies_on_the_face_and_the_eyes_lie_in_the_box(face):
    assert 0.33 < face.box.x + face.box.width / 2 < 0.53
    assert 0.1 < face.box.y + face.box.height / 2 < 0.35
    assert face.places is not None
    (left_x, left_y), (right_x, right_y) = face.places
    assert face.box.x < right_x < left_x < face.box.x + face.box.width  # the person's left is the picture's right
    for y in (left_y, right_y):
        assert face.box.y < y < face.box.y + face.box.height / 2


def test_a_mirrored_face_turns_and_looks_the_other_way_and_swaps_its_eyes(face):
    mirrored = one_face(astronaut().transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert mirrored.look is not None
    assert face.look is not None
    assert mirrored.look.yaw == pytest.approx(-face.look.yaw, abs=5)
    assert mirrored.look.roll == pytest.approx(-face.look.roll, abs=5)
    assert mirrored.look.gaze_x == pytest.approx(-face.look.gaze_x, abs=0.3)
    assert mirrored.look.left.openness == pytest.approx(face.look.right.openness, abs=0.15)


def test_a_head_that_is_tilted_clockwise_has_a_larger_roll(face):
    tilted = one_face(astronaut().rotate(-20, center=(220, 110)))
    assert tilted.look is not None
    assert face.look is not None
    assert tilted.look.roll - face.look.roll == pytest.approx(20, abs=6)


def test_faces_do_not_depend_on_how_the_file_is_turned(face):
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    astronaut().transpose(Image.Transpose.ROTATE_90).save(out, "PNG", exif=exif)
    (turned,) = faces(DecodedPhoto(out.getvalue(), "png", 10**8))
    assert turned == face


@pytest.mark.parametrize(("width", "reliable"), [(120, True), (60, True), (35, False)])
def test_a_face_under_50_pixels_is_not_reliable(width, reliable):
    (face,) = faces(photo(crowd((500, 400), [(100, 80)], width)))
    assert face.reliable is reliable


def test_a_soft_face_is_not_reliable_and_says_nothing_of_the_photo():
    soft = photo(astronaut().filter(ImageFilter.GaussianBlur(4)))
    (face,) = faces(soft)
    assert not face.reliable
    (row,) = Faces().run(soft)["quality"]
    assert row["faces_important"] == 1
    assert row["eyes_min"] is None


def test_eyes_behind_dark_glasses_are_unclear_and_a_mask_hides_the_smile(face):
    assert face.places is not None
    (left_x, left_y), (right_x, right_y) = ((x * 512, y * 512) for x, y in face.places)
    glasses, mask = astronaut(), astronaut()
    for x, y in ((left_x, left_y), (right_x, right_y)):
        ImageDraw.Draw(glasses).ellipse((x - 16, y - 12, x + 16, y + 12), fill=(12, 12, 14))
    box = face.box
    low, middle = (box.y + box.height * 1.05) * 512, (box.y + box.height * 0.55) * 512
    ImageDraw.Draw(mask).rectangle((box.x * 512, middle, (box.x + box.width) * 512, low), fill=(60, 120, 200))
    found = one_face(glasses)
    assert (found.reliable, found.sides) == (False, ("unclear", "unclear"))
    found = one_face(mask)
    assert found.look is not None
    assert found.look.occluded >= 0.25
    assert found.look.smile is None


def test_small_faces_are_found_all_over_a_large_picture():
    places = [(x, y) for x in (40, 400, 780, 1110) for y in (30, 420, 760)]
    found = boxes(photo(crowd((1200, 900), places, 42)))
    assert len(found) == len(places)
    for x, y in places:
        assert any(
            x <= (box.x + box.width / 2) * 1200 <= x + 80 and y <= (box.y + box.height / 2) * 900 <= y + 80
            for box in found
        )


def test_small_important_faces_are_read_from_a_larger_decode():
    scene = crowd((3000, 2000), [(600, 600), (1800, 900)], 110)
    found = faces(photo(scene))
    assert len(found) == 2
    assert all(face.width_px > 60 for face in found)
    assert all(face.reliable for face in found)


def test_a_picture_without_faces_has_a_count_of_none_and_no_rows():
    rows = Faces().run(photo(Image.fromarray(data.coffee())))
    assert rows["faces"] == []
    (row,) = rows["quality"]
    assert row == {
        "face_count": 0,
        "faces_important": 0,
        "eyes_min": None,
        "eyes_shut": 0,
        "eyes_unclear": 0,
        "smile_mean": None,
        "face_sharpness_min": None,
    }


def test_a_face_matters_from_two_percent_of_the_frame_and_a_third_of_the_largest_on():
    widths = (0.019, 0.03, 0.1, 0.029)
    found = [Box(0, 0, width, width, 1) for width in widths]
    assert important(found) == [False, True, True, False]
    assert important([Box(0, 0, 0.019, 0.03, 1)]) == [False]
    assert important([]) == []


def test_the_subject_is_the_important_faces():
    scene = crowd((1000, 700), [(100, 100)], 200)
    scene.paste(crowd((150, 150), [(0, 0)], 45), (800, 500))
    subject = important_boxes(photo(scene))
    assert len(subject) == 1
    assert subject[0][0] < 0.4


def test_the_most_closed_eye_counts_only_where_it_can_be_believed(face):
    assert face.look is not None
    shut = replace(face, look=replace(face.look, left=Eye(0.1, 0.02)))
    assert summary((face, shut))["eyes_min"] == pytest.approx(0.1)
    assert [summary((face, shut))[name] for name in ("eyes_shut", "eyes_unclear")] == [1, 0]
    for doubtful in (
        replace(shut, width_px=49.0),
        replace(shut, sharpness=-6.0),
        replace(shut, look=replace(face.look, left=Eye(0.1, 0.02), yaw=-36.0)),
        replace(shut, important=False),
    ):
        assert summary((face, doubtful))["eyes_min"] == summary((face,))["eyes_min"]
        assert summary((face, doubtful))["eyes_unclear"] == doubtful.important
        assert summary((face, doubtful))["eyes_shut"] == 0


@given(st.lists(BOXES, max_size=12))
def test_no_two_of_the_kept_boxes_are_of_one_face_and_the_best_one_is_kept(found):
    kept = distinct(found)
    assert set(kept) <= set(found)
    for number, box in enumerate(kept):
        assert all(box.overlap(other) < 0.3 for other in kept[:number])
    if found:
        assert max(box.score for box in kept) == max(box.score for box in found)
    assert distinct(kept) == kept


@pytest.mark.parametrize(("mode", "width"), [("RGB", 32), ("L", 40)])
def test_a_small_face_is_found_wherever_it_lies_with_nothing_larger_to_hint_at_it(mode, width):
    scene = Image.fromarray(data.coffee()).resize((960, 640))
    side = round(180 * width / 95)
    head = crowd((side, side), [(0, 0)], width)
    for place in ((5, 5), (960 - side, 10), (450, 300), (8, 640 - side), (958 - side, 635 - side)):
        with_face = scene.copy()
        with_face.paste(head, place)
        (box,) = boxes(photo(with_face.convert(mode)))
        assert place[0] < (box.x + box.width / 2) * 960 < place[0] + side
        assert place[1] < (box.y + box.height / 2) * 640 < place[1] + side


@pytest.mark.parametrize("size", [(1500, 200), (200, 1500), (90, 90), (3, 500), (1, 1)])
def test_a_picture_may_have_any_shape(size):
    scene = Image.new("RGB", size, (90, 110, 120))
    scene.paste(crowd((90, 90), [(0, 0)], 45), (0, 0))
    assert len(boxes(photo(scene))) == (min(size) >= 90)


@pytest.mark.parametrize(("width", "height"), [(128, 128), (576, 432), (48, 160)])
def test_a_face_moves_with_the_picture_that_the_net_sees(width, height):
    side = min(width, height)
    head = np.asarray(astronaut().crop((140, 20, 320, 200)).resize((side, side)))
    found = []
    for left, top in {(0, 0), (width - side, 0), (0, height - side)}:
        scene = np.zeros((height, width, 3), np.uint8)
        scene[top : top + side, left : left + side] = head
        best = blazeface.find(scene, 0.5, 0.3)[0]
        found.append(best[:4] * (width, height, width, height) - (left, top, left, top))
    for box in found:
        assert box == pytest.approx(found[0], abs=0.06 * side)
        assert 0.3 * side < box[2] - box[0] < 0.8 * side


def test_what_the_detection_read_of_a_doubtful_face_is_what_would_be_read_again(samples):
    doubtful = 0
    for name in ("11.jpg", "17.jpg"):
        source = DecodedPhoto((samples / "groups" / name).read_bytes(), "jpeg", 10**9)
        whole = np.asarray(source.image())
        height, width = whole.shape[:2]
        for box, known in finds(source):
            if known is not None and known.light is Light.PLAIN:
                doubtful += 1
                assert known == look(whole, box.x * width, box.y * height, box.width * width, box.height * height)
    assert doubtful


def test_a_missing_model_is_said_before_the_scan(monkeypatch):
    missing = replace(model.ASSET, sources=(), name="face_landmarker_of_a_test")
    monkeypatch.setattr(model, "ASSET", missing)
    with pytest.raises(AssetError, match="is missing"):
        Faces().check()


def test_a_face_is_found_in_every_photo_of_faces(samples):
    without = []
    for path in sorted(Path(samples / "faces").rglob("*")):
        file_format = format_of(path.name)
        if file_format is not None and not boxes(DecodedPhoto(path.read_bytes(), file_format, 10**9)):
            without.append(path.name)
    assert without == []


def test_no_face_is_found_in_pictures_of_things():
    for scene in (data.coffee(), data.rocket(), data.chelsea()):
        assert boxes(photo(Image.fromarray(scene))) == ()


def test_the_numbers_are_plain(face):
    row = Faces().run(photo(astronaut()))["faces"][0]
    assert not any(isinstance(value, np.generic) for value in row.values())


def zoomed(scale: float, long_side: int) -> DecodedPhoto:
    """Return the astronaut's head on a ground of its own colours, the face some 100 pixels wide at a scale of 1."""
    head = astronaut().crop((120, 0, 320, 200))
    scene = astronaut().resize((24, 16)).resize((1200, 800), Image.Resampling.BICUBIC)
    side = round(200 * scale)
    scene.paste(head.resize((side, side), Image.Resampling.LANCZOS), (600 - side // 2, 400 - side // 2))
    return photo(scene.resize((long_side, long_side * 2 // 3), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("scale", [0.92, 0.96, 1.04, 1.1])
def test_a_face_keeps_its_detail_at_a_fixed_width_when_the_photo_zooms(scale):
    base, other = one_face(Image.open(io.BytesIO(zoomed(1.0, 1200).data))).detail, faces(zoomed(scale, 1200))[0].detail
    shared = base.keys() & other.keys()
    assert max(shared) >= 64
    assert max(abs(base[width] - other[width]) for width in shared) < GATE / 3


def test_a_face_keeps_its_detail_when_its_photo_is_decoded_at_half_the_size():
    small, large = faces(zoomed(0.8, 1199))[0].detail, faces(zoomed(0.8, 2398))[0].detail
    assert max(small) == 64
    assert max(abs(small[width] - large[width]) for width in small) < GATE / 3


def test_a_blurred_face_has_less_detail_and_noise_adds_little():
    base = one_face(astronaut()).detail
    soft = one_face(astronaut().filter(ImageFilter.GaussianBlur(2))).detail
    noise = np.random.default_rng(0).normal(0, 12, (512, 512, 3))
    noisy = one_face(Image.fromarray(np.clip(data.astronaut() + noise, 0, 255).astype(np.uint8))).detail
    width = max(base.keys() & soft.keys() & noisy.keys())
    assert base[width] - soft[width] > GATE
    assert abs(base[width] - noisy[width]) < GATE / 3


def test_a_face_that_the_edge_cuts_or_that_is_overexposed_has_no_detail(face):
    assert face.detail
    assert face.places is not None
    (left, y), (right, _) = face.places
    cut = round(512 * (left + right) / 2) - 30
    assert all(not each.detail for each in faces(photo(astronaut().crop((cut, 0, 512, 512)))))
    bright = astronaut().point([min(255, value * 2) for value in range(256)] * 3)
    assert all(not each.detail for each in faces(photo(bright)))
    assert y
