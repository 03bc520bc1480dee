"""The rules of choosing, one row each: who wins, what decided, and what is said of the other frames."""

from __future__ import annotations

from typing import Any

import pytest

from photoidx.queries.best.selection import Difference, Ranking, differences, judge, pick_reason


def frame(**given: Any) -> dict[str, Any]:
    return {"technical": 0.8, "sharpness_subject": -3.0, "sharpness_global": -3.0, **given}


def face(left: float = 0.9, x: float = 0.3, right: float = 0.95, **given: Any) -> dict[str, Any]:
    """Return a face whose eyes are so open; the states are those of a face that can be read."""
    place = {"box_x": x, "box_y": 0.3, "box_width": 0.1, "box_height": 0.13}
    states = ["shut" if open_ <= 0.4 else "open" if open_ >= 0.7 else "unclear" for open_ in (left, right)]
    eyes = {"eye_left_open": left, "eye_right_open": right, "eye_left": states[0], "eye_right": states[1]}
    both = "open" if set(states) == {"open"} else "unclear" if "unclear" in states else "shut"
    return {**place, "important": True, "reliable": True, **eyes, "eyes": both, **given}


def judged(*qualities: dict[str, Any], faces: list[list[dict[str, Any]]] | None = None, **given: Any) -> Ranking:
    paths = [f"/p/{number}.jpg" for number in range(len(qualities))]
    return judge(paths, qualities, faces or [[] for _ in qualities], **given)


def outcome(verdict: Ranking) -> tuple[int, str]:
    return verdict.ranked[0].number, verdict.decided_by


BETTER = {"technical": 0.95}  # so that without the rule of a row the other frame would win by its score
CHOICES: dict[str, tuple[Ranking, tuple[int, str]]] = {
    "the higher score": (judged(frame(), frame(technical=0.9)), (1, "score")),
    "of equal ones the earlier": (judged(frame(), frame()), (0, "order")),
    "one alone": (judged(frame()), (0, "alone")),
    "none scored": (judged({}, {}), (0, "not scored")),
    "one of two scored": (judged({}, frame()), (1, "only one scored")),
    "softer by more than the gate": (judged(frame(), frame(**BETTER, sharpness_subject=-3.71)), (0, "sharpness")),
    "softer by less than the gate": (judged(frame(), frame(**BETTER, sharpness_subject=-3.69)), (1, "score")),
    "sharp by noise": (judged(frame(noise_sigma=9.0), frame(**BETTER, sharpness_subject=-4)), (1, "score")),
    "sharp by texture that looks like noise": (
        judged(frame(noise_sigma=2.9), frame(**BETTER, sharpness_subject=-4)),
        (0, "sharpness"),
    ),
    "one and a half times the noise is fair": (
        judged(frame(noise_sigma=17.9), frame(**BETTER, noise_sigma=10.0, sharpness_subject=-4)),
        (0, "sharpness"),
    ),
    "more than that is not": (
        judged(frame(noise_sigma=18.1), frame(**BETTER, noise_sigma=10.0, sharpness_subject=-4)),
        (1, "score"),
    ),
    "no sharpness is not soft": (judged(frame(), frame(**BETTER, sharpness_subject=None)), (1, "score")),
    "subjects of two kinds are compared all over": (
        judged(frame(subject_kind="faces", sharpness_subject=-9), frame(**BETTER, subject_kind="centre")),
        (1, "score"),
    ),
    "all over the other is softer": (
        judged(frame(subject_kind="faces"), frame(**BETTER, subject_kind="centre", sharpness_global=-4)),
        (0, "sharpness"),
    ),
    "of one kind the subject counts": (
        judged(frame(subject_kind="faces"), frame(**BETTER, subject_kind="faces", sharpness_global=-4)),
        (1, "score"),
    ),
    "sharpness counts in the score": (judged(frame(), frame(sharpness_subject=-2.5)), (1, "score")),
    "middle grey counts in the score": (judged(frame(midtone=0.2), frame(midtone=0.9)), (1, "score")),
    "a measure that one lacks counts in none": (judged(frame(midtone=None), frame(midtone=0.9)), (0, "order")),
    "exposure weighs less than the technical score": (
        judged(frame(technical=0.9, midtone=0.65), frame(technical=0.8, midtone=0.9)),
        (0, "score"),
    ),
    "the technical score of a frame that is exposed much worse counts no more than the other's": (
        judged(frame(technical=0.9, midtone=0.6), frame(technical=0.8, midtone=0.9)),
        (1, "score"),
    ),
    "a softer frame that is better exposed takes nothing from the others": (
        judged(
            *[frame(technical=0.9, midtone=0.6), frame(technical=0.8, midtone=0.7)],
            frame(technical=0.1, midtone=1.0, sharpness_subject=-4),
        ),
        (0, "score"),
    ),
    "a better exposed frame with closed eyes takes nothing from the others": (
        judged(
            *[frame(technical=0.9, midtone=0.6), frame(technical=0.8, midtone=0.7), frame(technical=0.1, midtone=1.0)],
            faces=[[face()], [face()], [face(0.2)]],
        ),
        (0, "score"),
    ),
    "of equal frames the less noisy one": (
        judged(frame(technical=0.82, noise_sigma=3.0), frame(noise_sigma=1.0)),
        (1, "score"),
    ),
    "noise weighs less than much of the technical score": (
        judged(frame(technical=0.95, noise_sigma=3.0), frame(noise_sigma=1.0)),
        (0, "score"),
    ),
    "what was learnt takes the score's place": (judged(frame(**BETTER), frame(), learnt=[0.0, 1.0]), (1, "score")),
    "what was learnt does not overrule sharpness": (
        judged(frame(), frame(sharpness_subject=-4), learnt=[0.0, 9.0]),
        (0, "sharpness"),
    ),
    "eyes that are nowhere wide open": (
        judged(frame(**BETTER), frame(), faces=[[face(0.2)], [face(0.59)]]),
        (0, "score"),
    ),
    "eyes that are not quite closed": (judged(frame(**BETTER), frame(), faces=[[face(0.41)], [face()]]), (0, "score")),
    "eyes without a clear difference": (
        judged(frame(**BETTER), frame(), faces=[[face(0.39)], [face(0.63)]]),
        (0, "score"),
    ),
    "someone in fewer than half of the frames vetoes nothing": (
        judged(
            *[frame(**BETTER), frame(), frame(), frame(), frame()],
            faces=[[face(0.2)], [face()], [], [], []],
        ),
        (0, "score"),
    ),
    "a shut eye that is open elsewhere": (judged(frame(**BETTER), frame(), faces=[[face(0.2)], [face()]]), (1, "eyes")),
    "a shut eye that is hardly open elsewhere is a doubt": (
        judged(frame(technical=0.81), frame(), faces=[[face(0.29)], [face(0.72)]]),
        (1, "order"),
    ),
    "and decides nothing where the score does": (
        judged(frame(**BETTER), frame(), faces=[[face(0.29)], [face(0.72)]]),
        (0, "score"),
    ),
    "closed eyes before a frame that was not scored": (
        judged({}, frame(), faces=[[face()], [face(0.2)]]),
        (1, "only one scored"),
    ),
    "a frame that was not scored has no doubts, and is not put first": (
        judged(frame(), {}, faces=[[face(0.5)], [face()]], learnt=[0.1, 0.0]),
        (0, "only one scored"),
    ),
    "a doubt decides between frames that are too close to call": (
        judged(frame(technical=0.81), frame(), faces=[[face(0.5)], [face()]]),
        (1, "order"),
    ),
    "a doubt does not bring a softer frame forward": (
        judged(frame(), frame(technical=0.9, sharpness_subject=-3.71), faces=[[face(0.5)], [face()]]),
        (0, "sharpness"),
    ),
    "a doubt does not bring closed eyes forward": (
        judged(
            *[frame(), frame(technical=0.81), frame(sharpness_subject=-4)],
            faces=[[face(0.5), face(x=0.6)], [face(), face(0.2, x=0.6)], [face(), face(x=0.6)]],
        ),
        (0, "sharpness"),
    ),
    "a frame with closed eyes makes no other frame soft": (
        judged(
            *[frame(), frame(sharpness_subject=-3.5), frame(technical=0.95, sharpness_subject=-3.9)],
            faces=[[face(0.2)], [face()], [face()]],
        ),
        (2, "score"),
    ),
    "eyes that were not read": (
        judged(frame(**BETTER), frame(), faces=[[face(eye_left_open=None)], [face()]]),
        (0, "score"),
    ),
}


@pytest.mark.parametrize(("verdict", "expected"), CHOICES.values(), ids=CHOICES.keys())
def test_who_wins_and_by_which_rule(verdict, expected):
    assert outcome(verdict) == expected


@pytest.mark.parametrize(
    ("verdict", "close"),
    [
        (judged(frame(), frame(technical=0.83)), True),
        (judged(frame(), frame(technical=0.84)), False),
        (judged(frame(), frame()), True),
        (judged(frame(), frame(sharpness_subject=-3.71)), False),
        (judged({}, {}), False),
        (judged(frame(), frame(), learnt=[0.0, 0.19]), True),
        (judged(frame(), frame(), learnt=[0.0, 0.21]), False),
    ],
    ids=["a little", "more", "equal", "softer", "not scored", "a learnt score a little", "a learnt score more"],
)
def test_when_it_is_too_close_to_call(verdict, close):
    assert verdict.close_call is close


@pytest.mark.parametrize("eyes", [{"left": 0.8}, {"right": 0.8}])
def test_the_score_counts_the_most_closed_eye_and_how_soft_a_frame_is_up_to_a_limit(eyes):
    verdict = judged(frame(), frame(sharpness_subject=-9), faces=[[face(**eyes)], [face()]])
    assert verdict.ranked[0].parts["eyes"] == pytest.approx(0.08)
    assert verdict.ranked[1].parts["sharpness"] == 0


OPEN, FAR_OPEN = face(), face(x=0.6)


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        ([[OPEN], [face(0.1, right=0.3)]], ["one person's eyes are closed (0.10 against 0.90)"]),
        ([[OPEN], [face(0.3, right=0.1)]], ["one person's eyes are closed (0.10 against 0.95)"]),
        ([[OPEN, FAR_OPEN], [face(0.3), face(0.1, 0.6)]], ["the eyes of 2 people are closed (0.10 against 0.90)"]),
        ([[OPEN, FAR_OPEN], [face(0.1), face(0.3, 0.6)]], ["the eyes of 2 people are closed (0.10 against 0.90)"]),
        ([[face(0.1), FAR_OPEN], [OPEN, face(0.1, 0.6)]], []),
        ([[OPEN], [face(0.5)]], ["one person's eyes may be shut"]),
        ([[face(0.5), FAR_OPEN], [OPEN, face(0.5, 0.6)]], []),
        ([[face(0.99)], [face(0.72)]], []),
    ],
    ids=[
        "the left eye is the more closed one",
        "the right eye is",
        "the second person's are",
        "the first person's are",
        "another person's in each",
        "an eye that may be shut",
        "one in each",
        "two that are open",
    ],
)
def test_what_is_said_of_eyes(faces, words):
    verdict = judged(frame(**BETTER), frame(), faces=faces)
    assert [each.words for each in said(verdict) if "eyes" in each.feature] == words


def test_of_frames_that_are_equal_nothing_is_said():
    assert said(judged(frame(), frame())) == []


def test_margins_are_in_the_unit_of_the_rule():
    assert judged(frame(), frame(technical=0.9)).margin == pytest.approx(0.07)
    assert judged(frame(), frame(sharpness_subject=-4)).margin == pytest.approx(1.0)


def said(verdict: Ranking) -> list[Difference]:
    """Return what is said of the second frame as against the first."""
    first, second = verdict.ranked
    return differences(first, second, verdict.leads.get((first.number, second.number)))


def told(winner: dict[str, Any], other: dict[str, Any], **given: Any) -> list[str]:
    verdict = judged(frame(**BETTER, **winner), frame(**other), **given)
    assert verdict.ranked[0].number == 0
    return [each.words for each in said(verdict)]


DIFFERENCES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "softer": ({}, {"sharpness_subject": -3.3}, ["softer on the subject (1.3x less fine detail)"]),
    "highlights": (
        {"clipped_highlights": 0.01},
        {"clipped_highlights": 0.04},
        ["4 % of the highlights are clipped"],
    ),
    "shadows": ({"clipped_shadows": 0.0}, {"clipped_shadows": 0.1}, ["10 % of the shadows are clipped"]),
    "noise": ({"noise_sigma": 2.0}, {"noise_sigma": 4.1}, ["noisier (4.1 against 2.0)"]),
    "brighter": ({"luma_p50": 100}, {"luma_p50": 120}, ["brighter (120 against 100 of 255)"]),
    "darker": ({"luma_p50": 100}, {"luma_p50": 80}, ["darker (80 against 100 of 255)"]),
}
SLIGHT = {
    "softer": ({}, {"sharpness_subject": -3.2}),
    "highlights": ({"clipped_highlights": 0.02}, {"clipped_highlights": 0.03}),
    "shadows": ({"clipped_shadows": 0.02}, {"clipped_shadows": 0.03}),
    "noise": ({"noise_sigma": 2.0}, {"noise_sigma": 3.9}),
    "light": ({"luma_p50": 100}, {"luma_p50": 119}),
    "both blurred by motion": ({"blur_kind": "motion"}, {"blur_kind": "motion"}),
    "not measured": ({"noise_sigma": 2.0, "luma_p50": 9}, {"noise_sigma": None, "luma_p50": None}),
}


@pytest.mark.parametrize(("winner", "other", "words"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_what_is_said_of_a_frame_that_lost(winner, other, words):
    assert told(winner, other) == words


@pytest.mark.parametrize(("winner", "other"), SLIGHT.values(), ids=SLIGHT.keys())
def test_what_no_one_sees_is_not_told(winner, other):
    (words,) = told(winner, other)
    assert words.startswith("a slightly lower score")


def test_the_rule_of_a_difference_is_the_one_that_decided():
    soft = judged(frame(), frame(sharpness_subject=-4))
    assert [each.rule for each in said(soft)] == ["sharpness"]
    softish = judged(frame(**BETTER), frame(sharpness_subject=-3.3))
    assert [each.rule for each in said(softish)] == ["score"]


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (judged(frame(**BETTER), frame()), "the highest score (0.815)"),
        (judged(frame(**BETTER), frame(sharpness_subject=-3.3)), "sharpest on the subject (1.3x)"),
        (judged(frame(**BETTER), frame(sharpness_subject=-3.2)), "the highest score (0.815)"),
        (
            judged(frame(**BETTER), frame(sharpness_subject=-4), frame(sharpness_subject=-3.3)),
            "sharpest on the subject (1.3x)",
        ),
        (
            judged(frame(**BETTER), frame(sharpness_subject=-4), frame(noise_sigma=9)),
            "the highest score (0.665)",
        ),
        (judged({}, {}), "the first by time: no frame was scored"),
        (judged(frame(), frame()), "too close to call, the first two are equally good"),
    ],
    ids=[
        "score",
        "sharpest",
        "hardly sharper",
        "sharper than the next",
        "noise beside",
        "not scored",
        "equal",
    ],
)
def test_how_the_pick_is_praised(verdict, words):
    assert pick_reason(verdict).startswith(words)


@pytest.mark.parametrize("clipped", [(0.01, 0.04), (0.04, 0.01)])
def test_frames_that_differ_in_a_fault_are_not_called_equally_good(clipped):
    verdict = judged(*(frame(clipped_highlights=each) for each in clipped))
    assert pick_reason(verdict) == "too close to call"


def test_frames_that_differ_in_noise_are_not_called_equally_good():
    verdict = judged(frame(noise_sigma=1.0), frame(noise_sigma=2.3))
    assert pick_reason(verdict) == "too close to call"


@pytest.mark.parametrize(("change", "equal"), [({}, True), ({"reliable": False}, False), ({"important": False}, True)])
def test_frames_with_a_face_that_matters_and_can_not_be_read_are_not_called_equally_good(change, equal):
    verdict = judged(frame(), frame(), faces=[[face()], [face(**{"reliable": True, **change})]])
    assert ("equally good" in pick_reason(verdict)) is equal


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        ([OPEN, FAR_OPEN], "all 2 pairs of eyes open"),
        ([OPEN, face(0.65, 0.6)], "sharpest on the subject (2.7x)"),
        ([OPEN], "sharpest on the subject (2.7x)"),
    ],
    ids=["everybody's", "one person's", "one person is not there"],
)
def test_open_eyes_are_praised_only_if_everybody_has_them(faces, words):
    verdict = judged(frame(), frame(sharpness_subject=-4), faces=[faces, [OPEN, FAR_OPEN]])
    assert pick_reason(verdict).endswith(words)


def test_doubts_are_told_of_the_frames_that_are_kept():
    doubtful = [[face(0.5)], [face(0.5)], [face()]]
    clear_pick = judged(frame(technical=0.95), frame(), frame(technical=0.5), faces=[[OPEN], *doubtful[1:]])
    assert "unclear" not in pick_reason(clear_pick)
    close = judged(frame(), frame(), frame(technical=0.5), faces=doubtful)
    assert pick_reason(close).count("unclear") == 2


def test_a_trained_scorer_is_named_only_if_it_decided_clearly():
    clearly = judged(frame(), frame(), learnt=[1.0, 0.0])
    assert pick_reason(clearly, "mine") == "preferred by mine (73 in 100)"
    hardly = judged(frame(), frame(), learnt=[0.1, 0.0])
    assert "mine" not in pick_reason(hardly, "mine")
    by_sharpness = judged(frame(), frame(sharpness_subject=-4), learnt=[1.0, 0.0])
    assert "mine" not in pick_reason(by_sharpness, "mine")
