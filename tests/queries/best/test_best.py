"""Choosing: eyes first, then sharpness, then the score; each choice is explained, and none depends on the order."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.queries.best.face_tracking import fewest_frames, persons
from photoidx.queries.best.selection import Difference, Ranking, differences, judge, pick_reason

SCORE = st.one_of(st.none(), st.floats(0, 1))


def quality(**given: Any) -> dict[str, Any]:
    return {"technical": 0.8, "sharpness_subject": -3.0, **given}


def face(
    x: float, eyes: float = 0.9, *, width: float = 0.1, reliable: bool = True, state: str | None = None
) -> dict[str, Any]:
    """Return a face whose left eye is so open, and whose right eye is open."""
    left = state or ("shut" if eyes <= 0.4 else "open" if eyes >= 0.7 else "unclear")
    return {
        "box_x": x,
        "box_y": 0.3,
        "box_width": width,
        "box_height": width * 1.3,
        "important": True,
        "reliable": reliable,
        "eye_left_open": eyes,
        "eye_right_open": 0.95,
        "eye_left": left,
        "eye_right": "open",
        "eyes": {"open": "open", "shut": "one shut"}.get(left, "unclear"),
    }


def told(verdict: Ranking, winner: int = 0, other: int = 1) -> list[Difference]:
    """Return what is said against a frame, by its rank."""
    first, second = verdict.ranked[winner], verdict.ranked[other]
    return differences(first, second, verdict.leads.get((first.number, second.number)))


def paths(count: int) -> list[str]:
    return [f"/p/{number}.jpg" for number in range(count)]


def test_a_frame_in_which_one_person_closes_the_eyes_loses_to_a_softer_one_with_open_eyes():
    verdict = judge(
        paths(2),
        [quality(), quality(sharpness_subject=-4.5)],
        [[face(0.2), face(0.6, 0.1)], [face(0.21), face(0.61, 0.9)]],
    )
    assert [frame.number for frame in verdict.ranked] == [1, 0]
    assert (verdict.decided_by, verdict.margin) == ("eyes", 1.0)
    words = told(verdict)[0].words
    assert words == "one person's eyes are closed (0.10 against 0.90)"
    assert "all 2 pairs of eyes open" in pick_reason(verdict)


def test_someone_whose_eyes_are_never_open_vetoes_nothing():
    verdict = judge(paths(2), [quality(), quality(technical=0.5)], [[face(0.2, 0.1)], [face(0.2, 0.15)]])
    assert verdict.ranked[0].number == 0
    assert verdict.decided_by == "score"


@pytest.mark.parametrize("doubt", [{"reliable": False}, {"important": False}])
def test_eyes_that_can_not_be_believed_veto_nothing(doubt):
    closed = {**face(0.2, 0.1), **doubt}
    verdict = judge(paths(2), [quality(), quality(technical=0.5)], [[closed], [face(0.2)]])
    assert verdict.ranked[0].number == 0


@pytest.mark.parametrize(
    ("here", "there", "picked"),
    [
        ({"detail_45": -2.0}, {"detail_45": -2.6}, 1),
        ({"detail_45": -2.0}, {"detail_45": -2.8}, 0),
        ({"detail_45": -2.0, "detail_64": -2.0}, {"detail_45": -2.6, "detail_64": -2.8}, 0),
        ({"detail_45": -2.0}, {}, 0),
        ({}, {}, 1),
    ],
    ids=["a little softer", "much softer", "much softer at the largest width", "cut by the edge", "not measured"],
)
def test_eyes_of_a_face_that_is_much_softer_than_elsewhere_are_not_read(here, there, picked):
    faces = [[{**face(0.2, 0.1), **here}], [{**face(0.2), **there}]]
    assert judge(paths(2), [quality(), quality(technical=0.5)], faces).ranked[0].number == picked


BYSTANDERS = [{**face(x), "detail_45": -2.0} for x in (0.4, 0.6, 0.8)]
SOFT_BYSTANDERS = [{**face(x), "detail_45": -3.2} for x in (0.4, 0.6, 0.8)]


@pytest.mark.parametrize(
    ("here", "there", "others", "picked"),
    [
        ({}, {}, BYSTANDERS, 1),
        ({"noise_sigma": 1.0}, {"noise_sigma": 2.4}, BYSTANDERS, 1),
        ({"noise_sigma": 1.0}, {"noise_sigma": 2.6}, BYSTANDERS, 0),
        ({"noise_sigma": 2.6}, {"noise_sigma": 1.0}, BYSTANDERS, 0),
        ({}, {}, SOFT_BYSTANDERS, 0),
    ],
    ids=["alike", "a little noisier", "open in a noisy frame", "shut in a noisy frame", "open in a soft frame"],
)
def test_eyes_are_not_read_in_a_frame_that_is_softer_or_noisier_than_another(here, there, others, picked):
    """The person's own face is as sharp in both; what is said of a frame as a whole makes it a guess."""
    faces = [[{**face(0.2, 0.1), "detail_45": -2.0}, *BYSTANDERS], [{**face(0.2), "detail_45": -2.0}, *others]]
    verdict = judge(paths(2), [quality(**here), quality(technical=0.5, **there)], faces)
    assert verdict.ranked[0].number == picked
    assert any("closed" in each.words for each in told(verdict)) == (picked == 1)


@pytest.mark.parametrize(("noise", "doubts"), [((1.0, 1.0), 1), ((1.0, 4.0), 0), ((4.0, 1.0), 1)])
def test_an_eye_that_looks_open_in_a_noisy_frame_puts_no_other_in_doubt(noise, doubts):
    qualities = [quality(noise_sigma=each) for each in noise]
    verdict = judge(paths(2), qualities, [[face(0.2, 0.1, state="unclear")], [face(0.2)]])
    assert sum(len(frame.doubtful) for frame in verdict.ranked if frame.number == 0) == doubts


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({}, ["less of a smile (0.20 against 0.70)"]),
        ({"noise_sigma": 4.0}, []),
        ({"luma_p50": 130}, []),
        ({"clipped_highlights": 0.1}, []),
        ({"sharpness_subject": -3.3}, []),
    ],
    ids=["alike", "noisier", "brighter", "overexposed", "softer"],
)
def test_a_smile_is_missed_only_in_a_frame_without_other_faults(there, said):
    plain = {"noise_sigma": 1.0, "luma_p50": 100, "clipped_highlights": 0.0}
    faces = [[{**face(0.2), "smile": smile}] for smile in (0.7, 0.2)]
    verdict = judge(paths(2), [quality(**plain), quality(**{**plain, "technical": 0.7, **there})], faces)
    assert [each.words for each in told(verdict) if each.feature == "smile_mean"] == said


def test_smiles_are_compared_of_people_whose_smile_is_known_in_both_frames():
    """A mean over other people is no change of anybody's smile: the one who laughs gapes in the other frame."""
    laughing, earnest = {**face(0.2), "smile": 0.9}, {**face(0.6), "smile": 0.0}
    gaping = {**laughing, "smile": None}
    verdict = judge(paths(2), [quality(), quality(technical=0.78)], [[laughing, earnest], [gaping, earnest]])
    assert {frame.parts["smile"] for frame in verdict.ranked} == {0.025}
    assert [each.feature for each in told(verdict)] == ["score"]


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({"detail_45": -2.1}, ["less of a smile (0.10 against 0.60)"]),
        ({"detail_45": -2.1, "reliable": False}, []),
        ({"detail_45": -2.8}, []),
        ({"detail_45": -2.1, "box_x": 0.8}, []),
    ],
    ids=["the same face", "one that can't be believed", "one that is much softer", "another person"],
)
def test_a_smile_is_missed_only_where_the_same_persons_face_can_be_read_in_both(there, said):
    faces = [[{**face(0.2), "smile": 0.6, "detail_45": -2.0}], [{**face(0.2), "smile": 0.1, **there}]]
    verdict = judge(paths(2), [quality(), quality(technical=0.75)], faces)
    assert verdict.ranked[0].number == 0
    assert [each.words for each in told(verdict) if each.feature == "smile_mean"] == said


EQUAL = "too close to call, the first two are equally good"


@pytest.mark.parametrize(
    ("first", "second", "picked", "decided_by", "said"),
    [
        pytest.param({"eyes": 0.9}, {"eyes": 0.85}, 0, "order", EQUAL, id="open eyes are equally good"),
        pytest.param({"eyes": 0.3}, {"eyes": 0.9}, 1, "eyes", None, id="an eye that is clearly shut is a veto"),
        pytest.param({"eyes": 0.55, "state": "shut"}, {"eyes": 0.9}, 1, "eyes", None, id="a wink is a veto"),
        pytest.param(
            {"eyes": 0.3, "state": "unclear"},
            {"eyes": 0.9},
            1,
            "order",
            "unclear whether",
            id="read as shut, not clear",
        ),
        pytest.param({"eyes": 0.55}, {"eyes": 0.9}, 1, "order", "unclear whether", id="lowered lids"),
        pytest.param({"eyes": 0.69}, {"eyes": 0.9}, 0, "order", EQUAL, id="a little less open is no doubt"),
        pytest.param(
            {"eyes": 0.9}, {"eyes": 0.3, "state": "unclear"}, 0, "order", "in 1.jpg", id="doubt in the second"
        ),
        pytest.param({"eyes": 0.6}, {"eyes": 0.6}, 0, "order", EQUAL, id="unclear in both alike"),
        pytest.param(
            {"eyes": 0.38, "state": "unclear"}, {"eyes": 0.6}, 1, "order", "unclear whether", id="open in neither"
        ),
    ],
)
def test_of_equal_frames_the_one_whose_eyes_are_open_without_a_doubt_is_picked_and_doubts_are_told(
    first, second, picked, decided_by, said
):
    verdict = judge(paths(2), [quality(), quality()], [[face(0.2, **first)], [face(0.2, **second)]])
    assert verdict.ranked[0].number == picked
    assert (verdict.decided_by == "eyes") is (decided_by == "eyes")
    assert verdict.close_call is (decided_by != "eyes")
    if said is not None:
        assert said in pick_reason(verdict)
        assert (pick_reason(verdict).startswith(EQUAL)) is (said == EQUAL)
        words = [each.words for each in told(verdict) if each.rule != "score"]
        assert words == ([] if said == EQUAL else ["one person's eyes may be shut"])


def test_a_slit_is_a_doubt_whatever_the_model_says():
    slit = {**face(0.2, 0.8, state="unclear"), "eye_left_opening": 0.05, "eye_right_opening": 0.3}
    verdict = judge(paths(2), [quality(), quality()], [[slit], [{**face(0.2), "eye_left_opening": 0.3}]])
    assert verdict.ranked[0].number == 1
    assert "unclear" in pick_reason(verdict)


def test_a_doubt_does_not_outweigh_a_clearly_better_score_but_two_frames_are_kept():
    doubtful, clear = face(0.2, 0.3, state="unclear"), face(0.2)
    verdict = judge(paths(2), [quality(), quality(technical=0.5)], [[doubtful], [clear]])
    assert (verdict.ranked[0].number, verdict.decided_by, verdict.close_call) == (0, "score", True)
    assert "one person's eyes are open in 0.jpg" in pick_reason(verdict)


def test_each_eye_is_held_against_the_same_eye_elsewhere():
    left, right = face(0.2, 0.2), {**face(0.2), "eye_right": "shut", "eye_right_open": 0.2, "eyes": "one shut"}
    verdict = judge(paths(3), [quality(), quality(), quality()], [[left], [right], [face(0.2)]])
    assert verdict.ranked[0].number == 2
    assert [len(frame.closed) for frame in sorted(verdict.ranked, key=lambda each: each.number)] == [1, 1, 0]


def test_someone_who_closes_both_eyes_is_one_person():
    both = {**face(0.2, 0.2), "eye_right": "shut", "eye_right_open": 0.1, "eyes": "shut"}
    verdict = judge(paths(2), [quality(), quality()], [[both], [face(0.2)]])
    assert verdict.ranked[1].closed == [(0, 0.1, 0.95)]


def test_of_frames_that_are_equal_but_for_the_exposure_the_one_nearer_to_middle_grey_is_picked():
    verdict = judge(paths(3), [quality(midtone=0.6), quality(midtone=0.95), quality(midtone=0.3)], [[], [], []])
    assert [frame.number for frame in verdict.ranked] == [1, 0, 2]


def test_a_clearly_softer_frame_loses_whatever_its_score():
    verdict = judge(paths(2), [quality(technical=0.5), quality(sharpness_subject=-4.0, technical=1.0)], [[], []])
    assert verdict.decided_by == "sharpness"
    assert verdict.ranked[0].number == 0
    assert "softer on the subject (2.7x less fine detail)" in told(verdict)[0].words
    assert pick_reason(verdict) == "sharpest on the subject (2.7x)"


def test_a_frame_in_which_alone_a_face_was_found_is_compared_by_the_whole_picture():
    with_face = quality(sharpness_subject=-4.5, sharpness_global=-2.0, subject_kind="faces")
    without = quality(sharpness_subject=-3.0, sharpness_global=-3.0, subject_kind="centre", technical=0.9)
    verdict = judge(paths(2), [with_face, without], [[], []])
    assert (verdict.ranked[0].number, verdict.decided_by) == (0, "sharpness")
    assert "softer all over (2.7x" in told(verdict)[0].words
    assert pick_reason(verdict) == "sharpest all over (2.7x)"


def test_faults_are_named():
    good, bad = (
        quality(noise_sigma=1.0, luma_p50=120),
        quality(
            technical=0.4,
            noise_sigma=9.0,
            clipped_highlights=0.05,
            luma_p50=180,
            blur_kind="motion",
            blur_anisotropy=0.6,
        ),
    )
    good["clipped_highlights"] = 0.0
    verdict = judge(paths(2), [good, bad], [[], []])
    words = [each.words for each in told(verdict)]
    assert words == [
        "5 % of the highlights are clipped",
        "noisier (9.0 against 1.0)",
        "brighter (180 against 120 of 255)",
        "blurred by motion",
    ]


@pytest.mark.parametrize(
    ("kind", "before", "after", "said"),
    [
        ("motion", 0.1, 0.6, True),
        ("motion", 0.5, 0.8, True),
        ("motion", 0.5, 0.6, False),
        ("defocus", 0.1, 0.6, False),
    ],
    ids=["shaken", "shaken, before a fence", "out of focus, before a fence", "out of focus"],
)
def test_a_frame_is_blurred_by_motion_only_if_the_scene_does_not_run_in_one_direction_anyway(kind, before, after, said):
    frames = [quality(blur_anisotropy=before), quality(blur_kind=kind, blur_anisotropy=after, technical=0.7)]
    words = [each.words for each in told(judge(paths(2), frames, [[], []]))]
    assert ("blurred by motion" in words) == said


def test_equally_good_frames_are_too_close_to_call_and_the_earlier_one_comes_first():
    verdict = judge(paths(3), [quality(), quality(), quality(technical=0.79)], [[], [], []])
    assert verdict.close_call
    assert [frame.number for frame in verdict.ranked] == [0, 1, 2]
    assert pick_reason(verdict).startswith("too close to call")


def test_without_any_score_the_frames_keep_their_order():
    verdict = judge(paths(2), [{}, {}], [[], []])
    assert verdict.decided_by == "not scored"
    assert not verdict.close_call


@given(st.lists(st.tuples(SCORE, st.one_of(st.none(), st.floats(-8, 0))), min_size=1, max_size=6), st.randoms())
def test_the_winner_does_not_depend_on_the_order_of_different_frames(rows, random):
    frames: list[Mapping[str, Any]] = [{"technical": score, "sharpness_subject": sharp} for score, sharp in rows]
    straight = judge(paths(len(frames)), frames, [[] for _ in frames])
    order = list(range(len(frames)))
    random.shuffle(order)
    shuffled = judge(paths(len(frames)), [frames[at] for at in order], [[] for _ in frames])
    assert sorted(frame.number for frame in straight.ranked) == list(range(len(frames)))
    if not straight.close_call:
        assert frames[order[shuffled.ranked[0].number]] == frames[straight.ranked[0].number]


def test_a_person_is_followed_while_the_camera_moves():
    frames = [[face(0.2), face(0.5)], [face(0.28), face(0.58)], [face(0.36), face(0.66)]]
    found = persons(frames)
    assert len(found) == 2
    assert [seen[2]["box_x"] for seen in found] == [0.36, 0.66]


def test_neighbours_in_a_group_are_not_taken_for_each_other_when_the_camera_moves_by_more_than_half_their_distance():
    row = [0.05 + 0.12 * place for place in range(6)]
    found = persons([[face(x) for x in row], [face(x + 0.1) for x in row], [face(x + 0.02) for x in row]])
    assert len(found) == len(row)
    assert [seen[0]["box_x"] for seen in found] == row
    assert [round(seen[1]["box_x"] - seen[0]["box_x"], 6) for seen in found] == [0.1] * 6
    assert [round(seen[2]["box_x"] - seen[0]["box_x"], 6) for seen in found] == [0.02] * 6


def test_someone_who_is_hidden_for_a_frame_is_found_again_where_the_camera_has_moved_to():
    found = persons([[face(0.1), face(0.5)], [face(0.24)], [face(0.38), face(0.78)]])
    assert [sorted(seen) for seen in found] == [[0, 1, 2], [0, 2]]


def test_a_person_who_leaves_and_one_who_comes_are_two():
    found = persons([[face(0.1)], [face(0.8)]])
    assert [sorted(seen) for seen in found] == [[0], [1]]


@given(st.lists(st.sets(st.integers(0, 5), max_size=4), max_size=6))
def test_the_fewest_frames_show_everyone_with_open_eyes_and_are_the_earliest_of_such(open_in):
    chosen = fewest_frames(open_in)
    seen = [frames for frames in open_in if frames]
    fitting = [
        each
        for count in range(7)
        for each in combinations(range(6), count)
        if all(not frames.isdisjoint(each) for frames in seen)
    ]
    assert chosen == list(fitting[0])


def test_the_frame_with_most_people_is_left_out_where_two_others_suffice():
    assert fewest_frames([{0, 2}, {0, 2}, {0}, {1, 2}, {1, 2}, {1}]) == [0, 1]


def test_of_many_frames_some_few_show_everyone():
    open_in = [{person, person + 20, 99} for person in range(20)] + [{98, 3}]
    assert len(fewest_frames(open_in)) == 2


def test_a_frame_that_could_not_be_scored_is_last_and_does_not_blind_the_rest():
    frames = [{}, quality(sharpness_subject=-2.1), quality(technical=0.95, sharpness_subject=-2.0)]
    verdict = judge(paths(3), frames, [[], [], []])
    assert [frame.number for frame in verdict.ranked] == [2, 1, 0]
    assert not verdict.close_call
    assert told(verdict, 0, 2)[0].words == "it could not be scored"
