"""The parts that find duplicates: stars, orientations, the choice of what to keep, and the calibration."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.optimize import isotonic_regression
from skimage import data

from made_pictures import made
from photoidx.queries.compare.orientation import COUNT, inverse, turned, turned_hashes
from photoidx.queries.duplicates.calibration import calibrate, rising
from photoidx.queries.duplicates.candidates import NEAR_64, NEAR_256, candidates, unique_pairs
from photoidx.queries.duplicates.groups import consistent, stars
from photoidx.scoring.hashes import perceptual_hash

TIES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(0, 1)), max_size=25)


@given(TIES, st.permutations(range(10)))
def test_every_member_is_tied_to_its_representative(ties, order):
    known = {frozenset(tie[:2]) for tie in ties}
    found = stars(order, ties)
    assert all(member == head or frozenset((member, head)) in known for member, (head, _) in found.items())
    assert all(found[head][0] == head for head, _ in found.values())


@given(TIES, st.permutations(range(10)))
def test_two_that_are_tied_are_not_both_left_alone(ties, order):
    found = stars(order, ties)
    assert all(one in found or other in found for one, other, _ in ties if one != other)


@given(TIES, st.sets(st.frozensets(st.integers(0, 9), min_size=2, max_size=2)))
def test_no_member_is_tied_to_two_that_are_apart(ties, sets):
    kept = consistent(ties, lambda pairs: np.array([frozenset(pair) in sets for pair in pairs.tolist()], np.bool_))
    near = {
        member: {*(b for a, b, _ in kept if a == member), *(a for a, b, _ in kept if b == member)}
        for member in range(10)
    }
    assert not any(frozenset((one, other)) in sets for others in near.values() for one in others for other in others)
    assert {frozenset(tie[:2]) for tie in kept} <= {frozenset(tie[:2]) for tie in ties} - sets


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_pairs_are_given_once_in_order(pairs):
    found = unique_pairs(np.array(pairs, np.int64).reshape(-1, 2))
    assert found.tolist() == [list(pair) for pair in sorted({tuple(sorted(pair)) for pair in pairs})]


def photo(name: str) -> np.ndarray:
    return cv2.cvtColor(getattr(data, name)()[..., :3], cv2.COLOR_RGB2GRAY)


@pytest.mark.parametrize("side", [8, 16])
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_the_hash_of_a_turned_picture_follows_from_the_hash(name, side):
    def hashed(picture: np.ndarray) -> np.ndarray:
        text = perceptual_hash(Image.fromarray(picture), side)
        return np.frombuffer(bytes.fromhex(text), ">u8").astype(np.uint64)

    expected = turned_hashes(hashed(photo(name))[None], side)[:, 0]
    for orientation in range(COUNT):
        bits = np.bitwise_count(expected ^ hashed(turned(photo(name), orientation))).sum(axis=1)
        assert bits.argmin() == orientation
        assert bits[orientation] <= (NEAR_64 if side == 8 else NEAR_256 / 2)


@pytest.mark.parametrize("orientation", range(COUNT))
def test_turning_back_undoes_turning(orientation):
    picture = photo("coffee")
    assert np.array_equal(turned(turned(picture, orientation), inverse(orientation)), picture)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.6), st.booleans()), max_size=8), st.lists(st.floats(0, 0.6), min_size=1))
def test_the_chance_of_a_false_pair_never_falls_with_distance_nor_the_cut_with_leniency(answers, distances):
    curve = calibrate(answers)
    assert np.all(np.diff(curve.false(np.linspace(0, 1, 200))) >= -1e-12)
    cuts = [curve.cut(np.array(distances), share) for share in (0.0, 0.001, 0.01, 0.05)]
    assert cuts == sorted(cuts)


def test_answers_about_the_users_own_photos_move_the_cut():
    distances = np.linspace(0.01, 0.3, 30)
    stricter = calibrate([(0.1, False)] * 20).cut(distances, 0.01)
    assert stricter < calibrate().cut(distances, 0.01)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63), max_size=7))
def test_hashes_that_differ_in_seven_bits_are_found(first, bits):
    second = first
    for bit in bits:
        second ^= 1 << bit
    pictures = made([first, second], np.zeros((2, 4)))
    assert candidates(pictures).tolist() == [[0, 1]]


def test_what_is_new_finds_the_same_pairs_as_all_at_once():
    rng = np.random.default_rng(3)
    vectors = np.repeat(rng.standard_normal((40, 32)), 2, axis=0) + 0.05 * rng.standard_normal((80, 32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pictures = made(rng.integers(0, 2**63, 80).tolist(), vectors)
    whole = candidates(pictures)
    fresh = np.array([0, 7, 50])
    assert candidates(pictures, fresh).tolist() == whole[np.isin(whole, fresh).any(axis=1)].tolist()
    assert {(at, at + 1) for at in range(0, 80, 2)} <= {tuple(pair) for pair in whole.tolist()}


def test_a_vector_whose_first_numbers_are_zero_is_compared_and_an_empty_one_is_not():
    vectors = np.zeros((30, 100))
    vectors[:2, -1] = 1
    pictures = made(np.random.default_rng(4).integers(0, 2**63, 30).tolist(), vectors)
    assert candidates(pictures).tolist() == [[0, 1]]
    assert candidates(pictures, np.array([1])).tolist() == [[0, 1]]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 5)), min_size=1, max_size=30))
def test_the_curve_rises_as_scipys_does(rows: list[tuple[float, float]]):
    values, weights = np.array(rows).T
    assert rising(values, weights) == pytest.approx(isotonic_regression(values, weights=weights).x)
