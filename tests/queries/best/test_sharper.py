"""Sharpness between two frames: the same person's face where both show it alike, else the subject or the whole."""

from __future__ import annotations

from typing import Any

import pytest

from photoidx.queries.best.face_tracking import persons
from photoidx.queries.best.sharper import Lead, hard_to_read, leads, much_softer

Face = dict[str, Any]
SUBJECT = {"subject_kind": "centre", "sharpness_subject": -3.0, "sharpness_global": -3.5}
SOFTER = {"subject_kind": "centre", "sharpness_subject": -3.25, "sharpness_global": -4.5}
ELSEWHERE = Lead(-3.0, -3.25, "on the subject")


def face(x: float, yaw: float = 0.0, **detail: float) -> Face:
    place = {"box_x": x, "box_y": 0.3, "box_width": 0.1, "box_height": 0.13}
    return {**place, "yaw_deg": yaw, "pitch_deg": 0.0, **detail}


def lead(first: list[Face], second: list[Face], **other: Any) -> Lead | None:
    return leads([SUBJECT, {**SOFTER, **other}], persons([first, second])).get((0, 1))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (
            [face(0.2, detail_45=-2.0, detail_64=-3.5)],
            [face(0.2, detail_45=-2.25)],
            Lead(-2.0, -2.25, "on the face"),
        ),
        (
            [face(0.2, detail_45=-2.0, detail_64=-3.5)],
            [face(0.2, detail_45=-2.25, detail_64=-4.0)],
            Lead(-3.5, -4.0, "on the face"),
        ),
        ([face(0.2, detail_45=-2.0)], [face(0.2)], ELSEWHERE),
        ([face(0.2, detail_45=-2.0)], [face(0.8, detail_45=-2.5)], ELSEWHERE),
        ([face(0.2, detail_45=-5.0)], [face(0.2, detail_45=-7.0)], ELSEWHERE),
        ([face(0.2, detail_45=-2.0)], [face(0.2, detail_45=-5.0)], Lead(-2.0, -5.0, "on the face")),
        ([face(0.2, yaw=40, detail_45=-2.0)], [face(0.2, yaw=40, detail_45=-4.0)], ELSEWHERE),
        ([face(0.2, pitch_deg=40, detail_45=-2.0)], [face(0.2, pitch_deg=40, detail_45=-4.0)], ELSEWHERE),
        ([face(0.2, yaw=-15, detail_45=-2.0)], [face(0.2, yaw=10, detail_45=-4.0)], ELSEWHERE),
        (
            [face(0.2, detail_45=-2.0), face(0.6, detail_45=-2.5)],
            [face(0.2, detail_45=-2.5), face(0.6, detail_45=-2.5)],
            Lead(-2.25, -2.5, "on the faces"),
        ),
        (
            [face(0.2, detail_45=-2.0), face(0.6, detail_45=-2.5)],
            [face(0.2, detail_45=-3.0), face(0.6, detail_45=-2.5)],
            Lead(-2.0, -3.0, "on one of the faces"),
        ),
        (
            [face(0.2, detail_45=-2.0), face(0.6, detail_45=-3.0)],
            [face(0.2, detail_45=-3.0), face(0.6, detail_45=-2.5)],
            Lead(-2.5, -2.75, "on the faces"),
        ),
    ],
    ids=[
        "at the largest width that both have",
        "at the largest of several",
        "a face that one frame's edge cuts",
        "another person",
        "a face that is out of focus in both",
        "a face that is out of focus in one",
        "a face from the side",
        "a face that looks down",
        "a head that turned",
        "the mean of all people",
        "one person is clearly softer",
        "the focus moved from one person to another",
    ],
)
def test_frames_are_compared(first, second, expected):
    assert lead(first, second) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, ELSEWHERE),
        ({}, {"subject_kind": "faces"}, Lead(-3.5, -4.5, "all over")),
        (
            {"subject_kind": "faces", "faces_important": 2},
            {"subject_kind": "faces", "faces_important": 3},
            Lead(-3.5, -4.5, "all over"),
        ),
        (
            {"subject_kind": "faces", "faces_important": 2},
            {"subject_kind": "faces", "faces_important": 2},
            ELSEWHERE,
        ),
        ({"noise_sigma": 9.0}, {"noise_sigma": 1.0}, None),
        ({"noise_sigma": 1.0}, {"noise_sigma": 9.0}, None),
        ({"noise_sigma": 1.0}, {"noise_sigma": 2.0}, ELSEWHERE),
        (
            {"noise_sigma": 1.0},
            {"noise_sigma": 9.0, "sharpness_subject": -4.0},
            Lead(-3.0, -4.0, "on the subject"),
        ),
        ({}, {"sharpness_subject": None}, None),
    ],
    ids=[
        "both in the middle",
        "a face in one frame only",
        "more faces in one frame",
        "as many faces",
        "noise looks like detail",
        "the slightly softer one is much noisier",
        "the slightly softer one is a little noisier",
        "the clearly softer one is much noisier",
        "not measured",
    ],
)
def test_where_nobody_can_be_compared(first, second, expected):
    found = leads([{**SUBJECT, **first}, {**SOFTER, **second}], [])
    assert found.get((0, 1)) == expected
    assert (expected is None) == ((1, 0) not in found)


@pytest.mark.parametrize(("noise", "compared"), [(1.0, True), (9.0, False)])
def test_a_face_does_not_look_sharper_by_noise(noise, compared):
    faces = persons([[face(0.2, detail_45=-2.0)], [face(0.2, detail_45=-2.5)]])
    assert ((0, 1) in leads([{"noise_sigma": noise}, {"noise_sigma": 1.0}], faces)) == compared


def test_the_lead_of_the_other_frame_is_the_opposite():
    found = leads([SUBJECT, SOFTER], [])
    assert found[1, 0].value == -found[0, 1].value


FACE, SOFT_FACE = {"detail_45": -2.0}, {"detail_45": -2.75}


@pytest.mark.parametrize(
    ("first", "second", "faces", "guessed"),
    [
        ({}, {}, (FACE, SOFT_FACE), {1}),
        ({}, {}, (FACE, {"detail_45": -2.65}), set()),
        ({"sharpness_subject": -2.0}, {}, ({}, {}), set()),
        ({"noise_sigma": 1.0}, {"noise_sigma": 2.6}, ({}, {}), {1}),
        ({"noise_sigma": 1.0}, {"noise_sigma": 2.4}, ({}, {}), set()),
        ({"noise_sigma": 1.0}, {"noise_sigma": None}, ({}, {}), set()),
        ({"noise_sigma": 3.0}, {"noise_sigma": 0.3}, (FACE, {"detail_45": -2.3}), set()),
        ({"noise_sigma": 3.0}, {"noise_sigma": 0.3}, (FACE, {"detail_45": -2.2}), {0}),
    ],
    ids=[
        "much softer on the faces",
        "softer on the faces",
        "much softer, but not on the faces",
        "noisier",
        "a little noisier",
        "noise that is not known",
        "sharper, with a texture that looks like noise",
        "noisier, and hardly sharper",
    ],
)
def test_faces_of_a_frame_are_a_guess_where_it_is_softer_or_noisier_than_another(first, second, faces, guessed):
    frames = [{**SUBJECT, **first}, {**SUBJECT, **second}]
    seen = persons([[face(0.2, **each)] for each in faces])
    assert hard_to_read(frames, leads(frames, seen)) == guessed


@pytest.mark.parametrize(
    ("details", "softer"),
    [
        ([{"detail_45": -2.0}, {"detail_45": -2.6}], set()),
        ([{"detail_45": -2.0}, {"detail_45": -2.8}], {1}),
        ([{"detail_45": -2.0, "detail_64": -3.0}, {"detail_45": -2.1, "detail_64": -3.8}], {1}),
        ([{"detail_45": -2.0, "detail_64": -3.0}, {"detail_45": -2.1}], set()),
        ([{"detail_45": -2.0}, {}], {1}),
        ([{}, {}], set()),
    ],
    ids=["a little", "much", "at the largest width", "at the width that both have", "not measured", "nowhere measured"],
)
def test_a_person_s_face_is_much_softer_than_the_sharpest_of_the_same_person(details, softer):
    assert much_softer(dict(enumerate(details)), 0.7) == softer


@pytest.mark.parametrize(("noise", "compared"), [(2.4, True), (2.6, False)])
def test_one_face_alone_does_not_look_sharper_in_a_noisier_frame(noise, compared):
    first = [face(0.2, detail_45=-2.0), face(0.6, detail_45=-2.5)]
    second = [face(0.2, detail_45=-3.0), face(0.6, detail_45=-2.5)]
    found = leads([{**SUBJECT, "noise_sigma": noise}, {**SUBJECT, "noise_sigma": 1.0}], persons([first, second]))
    assert ((0, 1) in found) is compared
