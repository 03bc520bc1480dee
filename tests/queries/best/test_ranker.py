"""The ranker learns from choices, keeps to the default where it knows nothing, and is on only where it helps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photoidx.queries.best.ranker import FEATURES, Choices, default_weights, features, fit, learn, uncertainty

WIDTH = len(FEATURES) + 6


def bursts_of(taste: np.ndarray, count: int, seed: int = 0, size: int = 4) -> list[Choices]:
    """Make bursts in which the user takes the frame that the taste likes best."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        frames = random.normal(0, 1, (size, WIDTH))
        found.append(Choices(frames, int(np.argmax(frames @ taste))))
    return found


def test_it_learns_a_taste_that_the_default_does_not_have_and_is_on():
    taste = np.zeros(WIDTH)
    taste[8], taste[10] = 3.0, -3.0  # colourful pictures, and one direction of the vector
    learnt = learn(bursts_of(taste, 40))
    assert learnt is not None
    assert learnt.is_on
    assert learnt.hits > learnt.default_hits + 10
    unseen = bursts_of(taste, 100, seed=1)
    right = sum(int(np.argmax(each.frames @ learnt.weights)) == each.chosen for each in unseen)
    assert right > 60


def test_choices_at_random_do_not_switch_it_on():
    random = np.random.default_rng(3)
    default = default_weights(WIDTH)
    agreeing = bursts_of(default, 30)
    learnt = learn(agreeing)
    assert learnt is not None
    assert learnt.default_hits == 30
    assert not learnt.is_on
    noise = [Choices(each.frames, int(random.integers(0, 4))) for each in agreeing]
    by_chance = learn(noise)
    assert by_chance is not None
    assert by_chance.hits <= by_chance.default_hits + 4


def test_a_few_choices_do_not_switch_it_on():
    taste = np.zeros(WIDTH)
    taste[9] = 3.0
    learnt = learn(bursts_of(taste, 4))
    assert learnt is not None
    assert not learnt.is_on
    assert learn([]) is None


def test_one_choice_moves_the_weights_towards_it_and_not_far():
    (burst,) = bursts_of(-default_weights(WIDTH), 1)
    before, after = default_weights(WIDTH), fit([burst])
    gained = burst.frames @ (after - before)
    assert np.argmax(gained) == burst.chosen
    assert np.linalg.norm(after - before) < 10


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_swapping_two_frames_flips_the_answer_exactly(seed):
    frames = np.random.default_rng(seed).normal(0, 1, (2, WIDTH))
    weights = fit(bursts_of(np.ones(WIDTH), 3, seed))
    forward, backward = (pair[0] @ weights - pair[1] @ weights for pair in (frames, frames[::-1]))
    assert forward == -backward


def test_a_burst_in_doubt_teaches_more():
    weights = default_weights(WIDTH)
    equal, clear = np.zeros((2, WIDTH)), np.zeros((2, WIDTH))
    clear[0, 0] = 10
    assert uncertainty(equal, weights) == pytest.approx(1.0)
    assert uncertainty(clear, weights) < 0.001
    assert uncertainty(equal[:1], weights) == 0


def test_a_score_that_is_missing_in_one_frame_counts_in_none():
    found = features([{"technical": 0.9}, {"technical": None}], [-3.0, -4.0], np.zeros((2, 6)))
    assert found.shape == (2, WIDTH)
    assert found[:, 0].tolist() == [0, 0]
    at = list(FEATURES).index("sharpness")
    assert found[0, at] - found[1, at] == pytest.approx(2.0)
