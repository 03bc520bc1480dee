"""Clustering as a pure function: what is dense is found, what is alone is noise. Names say what tells them apart."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from photoidx.queries.clusters.clustering import (
    METHODS,
    NEW,
    NOISE,
    Parameters,
    cluster,
    hdbscan_of,
    join,
    put_together,
    reduced,
)
from photoidx.queries.clusters.count import Joins, merged
from photoidx.queries.clusters.names import Subject, name_clusters
from photoidx.queries.clusters.pieces import pieces
from photoidx.queries.stable_ids import keep_ids

DAY = datetime(2014, 6, 3, 12)  # noqa: DTZ001 - a camera writes local time


def blobs(*sizes: int, outliers: int = 0, spread: float = 0.5, width: int = 64, seed: int = 1):
    """Make vectors around as many places as there are sizes, and some that are alone. Gives them and their places."""
    random = np.random.default_rng(seed)
    middles = random.standard_normal((len(sizes) + outliers, width))
    places = np.repeat(np.arange(len(middles)), [*sizes, *[1] * outliers])
    vectors = middles[places] + spread * random.standard_normal((len(places), width))
    truth = np.where(places < len(sizes), places, NOISE)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16), truth


@pytest.mark.slow
@pytest.mark.parametrize("parameters", [Parameters(), Parameters(reduce="pca"), Parameters("dbscan")])
def test_dense_groups_are_clusters_and_what_is_alone_is_noise(parameters):
    vectors, truth = blobs(60, 40, 30, outliers=8)
    labels, sure = cluster(vectors, parameters)
    inside = truth != NOISE
    assert adjusted_rand_score(truth[inside], labels[inside]) > 0.9
    assert (labels[~inside] == NOISE).mean() >= 0.5
    assert (sure[labels == NOISE] == 0).all()
    assert (sure[labels != NOISE] > 0).all()


def test_few_photos_are_clustered_without_umap():
    vectors, truth = blobs(20, 20)
    assert reduced(vectors, "umap").how == "pca"
    labels, _ = cluster(vectors, Parameters())
    assert adjusted_rand_score(truth, labels) > 0.8


def test_kmeans_finds_the_number_or_takes_the_one_that_it_is_told():
    vectors, truth = blobs(40, 40, 40, 40, 40, 40)
    labels, sure = cluster(vectors, Parameters("kmeans", reduce="pca"))
    assert adjusted_rand_score(truth, labels) == 1
    assert ((sure > 0) & (sure <= 1)).all()
    labels, _ = cluster(vectors, Parameters("kmeans", k=3, reduce="pca"))
    assert len(set(labels.tolist())) == 3


def test_the_same_vectors_give_the_same_clusters():
    vectors, _ = blobs(80, 50, spread=0.9)
    first, again = cluster(vectors, Parameters()), cluster(vectors, Parameters())
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()


@pytest.mark.slow
def test_both_implementations_of_hdbscan_agree():
    # With few columns: with more, fast_hdbscan compiles itself for half a minute in each process.
    vectors, truth = blobs(*[60] * 12, outliers=40, spread=0.15, width=10)
    points = vectors.astype(np.float32)
    slow, fast = (hdbscan_of(points, 10, fast=each)[0] for each in (False, True))
    assert adjusted_rand_score(slow, fast) > 0.95
    assert adjusted_rand_score(truth, slow) > 0.8


def test_photos_that_are_all_the_same_or_too_few_are_no_error():
    assert cluster(np.empty((0, 8), np.float16), Parameters())[0].tolist() == []
    assert set(cluster(blobs(9)[0], Parameters())[0].tolist()) == {NOISE}
    for method in METHODS:
        labels, _ = cluster(np.ones((120, 8), np.float16), Parameters(method))
        assert len(set(labels.tolist())) == 1, method


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.1, -1.0, 1.0]), min_size=3, max_size=3), max_size=25),
    st.sampled_from(METHODS),
    st.sampled_from(["pca", "none", "umap"]),
)
def test_every_photo_gets_a_cluster_or_none_and_a_probability(rows, method, reduction):
    vectors = np.array(rows, np.float16).reshape(-1, 3)
    labels, sure = cluster(vectors, Parameters(method, min_size=3, reduce=reduction))
    assert len(labels) == len(sure) == len(rows)
    assert (labels >= NOISE).all()
    assert ((sure >= 0) & (sure <= 1)).all()


def test_what_there_is_not_is_refused():
    for wrong in ({"method": "x"}, {"reduce": "x"}, {"min_size": 1}, {"k": 0}):
        with pytest.raises(ValueError, match="must be|are"):
            Parameters(**wrong)


# Looking again


def album(things: int, each: int, apart: float, seed: int = 0):
    """Make photos that share most of what they show and differ in a little. Gives them, and what each shows."""
    random = np.random.default_rng(seed)
    common, middles = 6 * random.standard_normal(128), random.standard_normal((things, 128))
    truth = np.repeat(np.arange(things), each)
    vectors = common + apart * middles[truth] + random.standard_normal((len(truth), 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16), truth


def test_a_cluster_that_holds_more_than_its_share_is_divided_into_the_things_that_it_shows():
    vectors, truth = album(8, 60, 0.7)
    labels, sure = pieces(vectors, np.zeros(len(vectors), np.int64), np.ones(len(vectors), np.float32), 10)
    assert adjusted_rand_score(truth, labels) > 0.9
    assert ((sure > 0) & (sure <= 1)).all()
    assert (sure < 1).any()


ONE_THING, MANY_THINGS = album(1, 480, 0.7)[0], album(8, 60, 0.7)[0]
FLAT = np.hstack([np.ones((480, 1)), 0.05 * np.random.default_rng(3).standard_normal((480, 2))]).astype(np.float16)


@pytest.mark.parametrize(
    ("why", "vectors", "others", "divided"),
    [
        ("it shows many things", MANY_THINGS, [], True),
        ("it shows one thing", ONE_THING, [], False),
        ("it has few dimensions, and chance divides them as well", FLAT, [], False),
        ("it has fewer rows than a look is worth", MANY_THINGS[::5], [], False),
        ("it is as large as the others", MANY_THINGS, [480, 470], False),
        ("it is less than three times as large as the others", MANY_THINGS, [170, 170], False),
        ("it is more than three times as large as the others", MANY_THINGS, [150, 150], True),
    ],
)
def test_what_is_divided(why, vectors, others, divided):
    labels = np.repeat(np.arange(len(others) + 1), [len(vectors), *others])
    rest = np.repeat(album(1, 1, 1, seed=9)[0][:, : vectors.shape[1]], sum(others), axis=0)
    everything = np.vstack([vectors, rest])
    found, _ = pieces(everything, labels, np.ones(len(labels), np.float32), 10)
    assert (len(set(found[: len(vectors)].tolist())) > 1) == divided, why
    assert (found[len(vectors) :] == labels[len(vectors) :]).all()


def test_a_cluster_with_a_small_share_of_a_large_library_is_not_looked_at_again():
    labels = np.concatenate([np.zeros(480, np.int64), 1 + np.arange(24_000) // 10])
    vectors = np.vstack([MANY_THINGS, np.tile(MANY_THINGS, (50, 1))])
    assert (pieces(vectors, labels, np.ones(len(labels), np.float32), 10)[0] == labels).all()


def test_no_piece_is_smaller_than_a_cluster_may_be():
    vectors, _ = album(8, 60, 0.7)
    for min_size in (10, 59, 70, 150):
        labels, _sure = pieces(vectors, np.zeros(len(vectors), np.int64), np.ones(len(vectors), np.float32), min_size)
        assert np.bincount(labels).min() >= min_size


def test_pieces_of_more_photos_than_are_judged_are_the_same_things():
    vectors, truth = album(6, 500, 0.8)
    labels, _ = pieces(vectors, np.zeros(len(vectors), np.int64), np.ones(len(vectors), np.float32), 10)
    assert adjusted_rand_score(truth, labels) > 0.9


def ring(*sizes: int) -> Joins:
    """Join all of each group with each other, and the last of a group with the first of the next, weakly."""
    rows = np.repeat(np.arange(len(sizes)), sizes)
    one, other = np.nonzero((rows[:, None] == rows[None, :]) & ~np.eye(len(rows), dtype=bool))
    first = np.cumsum([0, *sizes[:-1]])
    last = np.cumsum(sizes) - 1
    links = np.array([last, np.roll(first, -1)])
    ends = (np.concatenate([one, *links]), np.concatenate([other, *links[::-1]]))
    return Joins(ends, np.concatenate([np.ones(len(one)), np.full(2 * len(sizes), 0.1)]))


def test_parts_of_a_group_are_merged_and_groups_are_not():
    graph = ring(12, 9, 15)
    groups = np.repeat([0, 1, 2], [12, 9, 15])
    halves = groups * 2 + np.arange(len(groups)) % 2
    assert adjusted_rand_score(groups, merged(halves, graph)) == 1
    assert adjusted_rand_score(groups, merged(groups, graph)) == 1
    nothing = np.empty(0, np.int64)
    assert merged(nothing, Joins((nothing, nothing), np.empty(0))).tolist() == []


@settings(deadline=None)
@given(st.lists(st.integers(2, 7), min_size=2, max_size=5), st.integers(0, 99))
def test_merging_never_lowers_the_modularity_and_divides_no_group(sizes, seed):
    graph = ring(*sizes)
    labels = np.unique(np.random.default_rng(seed).integers(0, 6, sum(sizes)), return_inverse=True)[1]
    found = merged(labels, graph)
    assert graph.modularity(found) >= graph.modularity(labels) - 1e-9
    assert len(set(zip(labels.tolist(), found.tolist(), strict=True))) == labels.max() + 1
    assert set(found.tolist()) == set(range(found.max() + 1))


def test_modularity_is_the_share_of_joins_within_groups_less_that_by_chance():
    two = Joins((np.array([0, 1, 2, 3]), np.array([1, 0, 3, 2])), np.ones(4))
    for labels, expected in (([0, 0, 1, 1], 0.5), ([0, 0, 0, 0], 0.0), ([0, 1, 2, 3], -0.25), ([0, 1, 0, 1], -0.5)):
        assert two.modularity(np.array(labels)) == pytest.approx(expected)
    part = two.among(np.array([2, 3, 1]))
    assert part.ends[0].tolist() == [0, 1]
    assert part.modularity(np.array([0, 0, 1])) == 0


def test_the_number_of_kmeans_on_an_album_of_one_subject_is_not_two():
    vectors, truth = album(12, 60, 0.8)
    labels, _ = cluster(vectors, Parameters("kmeans", reduce="pca"))
    assert 10 <= len(set(labels.tolist())) <= 14
    assert adjusted_rand_score(truth, labels) > 0.85


def test_noise_among_the_photos_of_a_cluster_joins_it_and_clusters_in_pieces_are_merged():
    vectors, truth = blobs(60, 60)
    rows = reduced(vectors, "umap")
    labels, sure = truth.copy(), np.ones(120, np.float32)
    labels[[0, 1, 70]], sure[[0, 1, 70]] = NOISE, 0
    labels[90:] = 2
    found, certain = put_together(rows, labels, sure)
    assert (found == truth).all()
    assert (certain[[0, 1, 70]] >= 0.5).all()
    outliers, truth = blobs(60, 60, outliers=5)
    found, _ = put_together(reduced(outliers, "umap"), truth, np.ones(125, np.float32))
    assert (found == truth).all()


# Joining


def test_a_new_photo_joins_the_cluster_that_it_lies_in_and_a_strange_one_none():
    vectors, truth = blobs(50, 50, outliers=3)
    labels = truth.copy()
    new = [0, 30, 70, 100, 101]
    labels[new] = NEW
    found, sure = join(vectors, labels)
    assert found[:3].tolist() == truth[new[:3]].tolist()
    assert (sure[:3] == 1).all()
    assert found[3:].tolist() == [NOISE, NOISE] or (sure[3:] < 1).all()


def test_new_photos_that_are_like_each_other_alone_join_nothing():
    vectors, truth = blobs(50, 50, 20)
    found, sure = join(vectors, np.where(truth == 2, NEW, truth))
    assert set(found.tolist()) == {NOISE}
    assert not sure.any()


# Ids

GROUPS = st.lists(st.sets(st.integers(0, 30), min_size=1), max_size=6)


def shots(sets: list[set[int]]) -> list[list[str]]:
    """Return groups that share no member."""
    seen: set[int] = set()
    found = []
    for each in sets:
        found.append([f"shot-{member:032x}" for member in sorted(each - seen)])
        seen |= each
    return [each for each in found if each]


@given(GROUPS, GROUPS)
def test_ids_are_unique_and_a_group_that_did_not_change_keeps_its_own(first, second):
    old = shots(first)
    before = {shot: group_id for each, group_id in zip(old, keep_ids(old, {}, "cluster"), strict=True) for shot in each}
    new = shots(second)
    ids = keep_ids(new, before, "cluster")
    assert len(set(ids)) == len(new)
    for members, group_id in zip(new, ids, strict=True):
        if members in old:
            assert before[members[0]] == group_id
        if not any(shot in before for shot in members):
            assert group_id not in before.values()


# Names


def subjects(count: int, label: str, probability: float = 0.8, **rest) -> list[Subject]:
    folder = rest.pop("folder", "/p/DCIM/100CANON")
    return [Subject(f"{folder}/{label}_{n}.jpg", {label: probability, "web site": 0.1}, **rest) for n in range(count)]


def named(*clusters: list[Subject], others: int = 40) -> list[str]:
    return name_clusters(clusters, [*subjects(others, "pier"), *(each for members in clusters for each in members)])


def test_a_name_says_what_tells_a_cluster_apart_and_not_what_all_show():
    assert named(subjects(20, "tench"), subjects(20, "church")) == ["tench", "church"]
    both = [Subject("/p/DCIM/1.jpg", {"monastery": 0.5, "church": 0.4})] * 10
    assert named(both) == ["monastery, church"]


def test_the_narrowest_period_is_named_if_the_library_is_longer():
    assert named(subjects(9, "tench", taken_at=DAY)) == ["tench · 2014-06-03"]
    month = [*subjects(9, "tench", taken_at=DAY), *subjects(9, "tench", taken_at=DAY.replace(day=9))]
    assert named(month) == ["tench · 2014-06"]
    year = [*month, *subjects(9, "tench", taken_at=DAY.replace(month=9))]
    assert named(year) == ["tench · 2014"]
    years = [*month, *subjects(9, "tench", taken_at=DAY.replace(year=2019))]
    assert named(years) == ["tench"]
    assert named(month, others=0) == ["tench"]
    assert named([*subjects(4, "tench", taken_at=DAY), *subjects(9, "tench")]) == ["tench"]


def test_a_narrow_place_is_named_as_exactly_as_it_is_narrow():
    paris = [*subjects(9, "palace", place=(48.858, 2.294)), *subjects(9, "palace", place=(48.861, 2.336))]
    assert named(paris) == ["palace · 48.86 N 2.34 E"]
    around = [*paris, *subjects(9, "palace", place=(48.6, 2.1))]
    assert named(around) == ["palace · 48.9 N 2.3 E"]
    assert named(subjects(9, "opera", place=(-33.8568, 151.2153))) == ["opera · 33.86 S 151.22 E"]
    assert named([*paris, *subjects(18, "palace", place=(40.0, -3.0))]) == ["palace"]


def test_a_folder_that_a_person_named_is_named_and_a_camera_s_is_not():
    assert named(subjects(9, "tench", folder="/p/Lake Como")) == ["tench · Lake Como"]
    for folder in ("/p/100CANON", "/p/DCIM", "/p/2014", "/"):
        assert named(subjects(9, "tench", folder=folder)) == ["tench"]
    assert named(subjects(9, "tench", folder="/p/all"), others=0) == ["tench"]


def test_a_name_is_never_empty_and_never_that_of_another():
    assert named([Subject(f"/p/DCIM/{n}.jpg", {}) for n in range(5)]) == ["mixed"]
    many = [Subject(f"/p/DCIM/{n}.jpg", {f"thing {n % 10}": 0.4}) for n in range(50)]
    assert named(many) == ["mixed: thing 0, thing 1"]
    assert named(subjects(5, "tench"), subjects(20, "tench")) == ["tench (2)", "tench"]
