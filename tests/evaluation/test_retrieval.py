"""Finding the other photos of a group: the measures, the methods, and `photoidx bench retrieval`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright
from sklearn.feature_selection import f_classif
from sklearn.metrics import adjusted_rand_score, average_precision_score, pair_confusion_matrix

import data_sets as made
from photoidx.cli import cli
from photoidx.config import Config
from photoidx.errors import AssetError, PhotoError, PhotoidxError
from photoidx.evaluation.datasets.findings import DataSetError
from photoidx.evaluation.datasets.labelled import LabelledPhoto, LabelledSet, read
from photoidx.evaluation.retrieval import bench, colour_distances, measures, visual_words
from photoidx.evaluation.retrieval.feature_cache import KeptFeatures
from photoidx.evaluation.retrieval.methods import SimilarityMethod, method
from photoidx.evaluation.retrieval.page import MARK, check_place, page, write_page
from photoidx.records import content_id_of
from photoidx.storage.store import Store

PHOTOIDX = Path(sys.executable).with_name("photoidx")
EXACT = Config(device="cpu", precision="float32")
RANKS = st.lists(st.integers(1, 60), min_size=1, max_size=15, unique=True).map(lambda found: np.array(sorted(found)))


def test_average_precision_of_a_case_worked_out_by_hand():
    ranks = np.array([1, 3, 12])
    assert measures.average_precision(ranks) == pytest.approx((1 + 2 / 3 + 3 / 12) / 3)
    assert measures.average_precision_at(ranks, 10) == pytest.approx((1 + 2 / 3) / 3)
    assert measures.average_precision_at(np.arange(1, 30), 10) == 1
    assert measures.trapezoid_precision(ranks) == pytest.approx(
        ((1 + 1) / 2 + (1 / 2 + 2 / 3) / 2 + (2 / 11 + 1 / 4) / 2) / 3
    )
    assert [measures.recall_at(ranks, depth) for depth in (1, 3, 11, 12)] == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1])


@settings(deadline=None, max_examples=40)
@given(RANKS)
def test_average_precision_is_that_of_scikit_learn(ranks):
    right = np.isin(np.arange(1, 61), ranks)
    assert measures.average_precision(ranks) == pytest.approx(average_precision_score(right, -np.arange(60)))
    assert measures.average_precision_at(ranks, 60) == pytest.approx(measures.average_precision(ranks))


@settings(deadline=None, max_examples=40)
@given(RANKS)
def test_trapezoids_are_those_of_the_loop_of_the_holidays_program(ranks):
    area = 0.0
    for found, rank in enumerate(ranks - 1):
        before = 1.0 if rank == 0 else found / rank
        area += (before + (found + 1) / (rank + 1)) / (2 * len(ranks))
    assert measures.trapezoid_precision(ranks) == pytest.approx(area)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=40))
def test_grouping_measures_are_those_of_scikit_learn_and_of_counting(pairs):
    predicted, truth = (np.array(each) for each in zip(*pairs, strict=True))
    found = measures.grouping_measures(predicted, truth)
    assert found["ari"] == pytest.approx(adjusted_rand_score(truth, predicted))
    (_, false), (missed, true) = pair_confusion_matrix(truth, predicted)
    assert found["pair_f1"] == pytest.approx(2 * true / (2 * true + false + missed) if true + false + missed else 1)
    same, known = predicted[:, None] == predicted, truth[:, None] == truth
    precision = ((same & known).sum(axis=1) / same.sum(axis=1)).mean()
    recall = ((same & known).sum(axis=1) / known.sum(axis=1)).mean()
    assert found["bcubed_f1"] == pytest.approx(2 * precision * recall / (precision + recall))


@st.composite
def matrices(draw):
    count = draw(st.integers(4, 16))
    groups = np.array(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    queries = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    similarity = rng.random((count, count))
    np.fill_diagonal(similarity, 2)
    return similarity, groups, queries


@settings(deadline=None, max_examples=40)
@given(matrices())
def test_what_is_judged_is_what_plain_loops_find(case):
    similarity, groups, queries = case
    found = measures.judge(similarity, groups, queries)
    asked = [q for q in range(len(groups)) if queries[q] and (groups == groups[q]).sum() > 1]
    assert found.asked.tolist() == asked
    for row, query in enumerate(asked):
        order = sorted((x for x in range(len(groups)) if x != query), key=lambda x: -similarity[query, x])
        right = [groups[x] == groups[query] for x in order]
        ranks = np.flatnonzero(right) + 1
        assert found.precision[row] == pytest.approx(measures.average_precision(ranks))
        assert found.hit[row] == right[0]
        assert found.first_right[row] == right.index(True) + 1
        assert found.ns_without[row] == sum(right[:3])
        assert found.ns_with_self[row] == 1 + sum(right[:3])
        assert found.nearest[row].tolist() == (order[:10] + [-1] * 10)[:10]
        assert found.recall[row][4] == pytest.approx(sum(right[:5]) / sum(right))


def test_perfect_likenesses_get_the_best_of_every_measure():
    groups = np.repeat(np.arange(5), 4)
    similarity = (groups[:, None] == groups).astype(float)
    found = measures.judge(similarity, groups, np.ones(20, bool))
    for each in (found.precision, found.precision_at_10, found.trapezoid, found.hit, found.recall[:, 2]):
        assert (each == 1).all()
    assert (found.ns_with_self == 4).all()
    assert (found.ns_without == 3).all()
    labels = measures.grouped_by_likeness(similarity, 5)
    assert measures.grouping_measures(labels, groups) == {"pair_f1": 1, "bcubed_f1": 1, "ari": 1}


def test_a_method_that_tells_nothing_apart_gains_nothing_by_the_order_of_the_files():
    groups = np.repeat(np.arange(50), 4)
    found = measures.judge(np.zeros((200, 200)), groups, np.ones(200, bool))
    assert found.precision.mean() < 0.06
    assert found.ns_with_self.mean() < 0.3


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000))
def test_fishers_ratio_orders_features_as_the_f_test_does(seed):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(4), 6))
    values = rng.normal(size=(24, 5)) + groups[:, None] * rng.random(5)
    expected = f_classif(values, groups)[0] * (4 - 1) / (24 - 4)
    assert measures.fisher_ratios(values, groups) == pytest.approx(expected)


def test_fishers_ratio_of_a_constant_is_0_and_of_what_varies_between_groups_alone_infinite():
    groups = np.array([0, 0, 1, 1])
    ratios = measures.fisher_ratios(np.array([[7, 0], [7, 0], [7, 1], [7, 1]], float), groups)
    assert ratios.tolist() == [0, np.inf]


def test_fishers_criterion_of_a_case_worked_out_by_hand():
    # Within groups 1 and 3, between them 6, 10, 6, 10.
    similarity = np.array([[9, 1, 6, 10], [0, 9, 6, 10], [0, 0, 9, 3], [0, 0, 0, 9]], float)
    found = measures.separation(similarity, np.array([0, 0, 1, 1]))
    assert found.criterion == pytest.approx(36 / (1 + 4))
    assert (found.within.sum(), found.between.sum()) == pytest.approx((1, 1))
    assert (found.edges[0], found.edges[-1]) == (1, 10)


@settings(deadline=None, max_examples=40)
@given(matrices(), st.floats(-10, 10), st.floats(1e-3, 10))
def test_the_separation_is_that_of_all_pairs_at_once(case, shift, scale):
    similarity, groups, _ = case
    similarity = similarity * scale + shift
    found = measures.separation(similarity, groups)
    rows, columns = np.triu_indices(len(groups), 1)
    values, same = similarity[rows, columns], groups[rows] == groups[columns]
    one, other = values[same], values[~same]
    if len(one) and len(other):
        assert found.criterion == pytest.approx((one.mean() - other.mean()) ** 2 / (one.var() + other.var()), rel=1e-6)
    for shares, part in ((found.within, one), (found.between, other)):
        assert shares == pytest.approx(np.histogram(part, found.edges)[0] / max(len(part), 1))


def test_groups_that_nothing_joins_are_infinitely_far_apart_and_equal_ones_not_at_all():
    groups = np.array([0, 0, 1, 1])
    same = (groups[:, None] == groups).astype(float)
    assert measures.separation(same, groups).criterion == np.inf
    assert measures.separation(np.full((4, 4), 0.1), groups).criterion == 0


def test_as_many_groups_are_made_as_are_wanted_where_many_photos_are_equally_far():
    similarity = np.eye(12)
    similarity[0, 1] = similarity[1, 0] = 0.9
    assert len(set(measures.grouped_by_likeness(similarity, 5))) == 5


def test_tf_idf_of_a_case_worked_out_by_hand():
    counts = np.array([[2, 2, 0], [0, 1, 0], [0, 0, 0]])
    found = visual_words.tf_idf(counts)
    first = np.array([0.5 * np.log(3), 0.5 * np.log(3 / 2), 0])
    assert found[0] == pytest.approx(first / np.linalg.norm(first))
    assert found[1] == pytest.approx([0, 1, 0])
    assert found[2].tolist() == [0, 0, 0]


def test_the_distance_of_root_sift_is_that_of_hellinger():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 200, (2, 128)).astype(np.uint8)
    p, q = one / one.sum(), other / other.sum()
    rooted = visual_words.root_sift(np.stack([one, other]))
    assert np.linalg.norm(rooted[0] - rooted[1]) == pytest.approx(
        np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum()), abs=1e-6
    )


def texture(seed: int, size: int = 320) -> Image.Image:
    """Make a picture with many corners."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (size, size), tuple(rng.integers(0, 255, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(150):
        x, y = rng.integers(0, size - 30, 2).tolist()
        w, h = rng.integers(4, 40, 2).tolist()
        pen.rectangle((x, y, x + w, y + h), fill=tuple(rng.integers(0, 255, 3).tolist()))
    return image


def test_visual_words_find_a_turned_and_scaled_picture_again():
    sift = visual_words.VisualWords(200)
    pictures = [texture(seed) for seed in range(4)]
    turned = [each.rotate(20, expand=True, fillcolor="grey").resize((400, 400)) for each in pictures]
    kept = [visual_words.key_points(each)[1] for each in [*pictures, *turned]]
    similarity = sift.similarity(sift.vectors(kept))
    groups = np.tile(np.arange(4), 2)
    # The originals ask: what was turned has the corners of its new frame in common.
    assert measures.judge(similarity, groups, np.arange(8) < 4).hit.all()


def test_a_picture_without_key_points_is_like_no_other():
    sift = visual_words.VisualWords()
    flat = visual_words.key_points(Image.new("RGB", (100, 100), "grey"))[1]
    assert flat.shape == (0, 128)
    vectors = sift.vectors([flat, visual_words.key_points(texture(1))[1]])
    assert sift.similarity(vectors)[0].tolist() == [0, 0]
    assert sift.vectors([flat, flat]).shape[0] == 2


def test_the_earth_movers_distance_of_two_single_colours_is_that_of_their_places():
    red, black = (colour_distances.histogram(Image.new("RGB", (8, 8), name)) for name in ("red", "black"))
    places = colour_distances.bin_places()
    expected = np.linalg.norm(places[red.argmax()] - places[black.argmax()])
    vectors = np.stack([red, black, red])
    similarity = colour_distances.ColourDistances().similarity(vectors)
    assert similarity[0, 1] == pytest.approx(-expected, abs=1e-5)
    assert similarity[0, 2] == pytest.approx(0, abs=1e-5)
    assert (similarity == similarity.T).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_the_earth_movers_distance_is_that_of_linear_programming(seed):
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    one, other = (np.column_stack([rng.dirichlet(np.ones(4)), rng.random((4, 3))]).astype(np.float32) for _ in "ab")
    costs = np.linalg.norm(one[:, None, 1:] - other[None, :, 1:], axis=2)
    rows = [np.kron(np.eye(4)[at], np.ones(4)) for at in range(4)] + [
        np.kron(np.ones(4), np.eye(4)[at]) for at in range(4)
    ]
    least = linprog(costs.ravel(), A_eq=np.array(rows)[:-1], b_eq=[*one[:, 0], *other[:-1, 0]])
    assert colour_distances.distance(one, other) == pytest.approx(least.fun, abs=1e-4)


def test_features_are_kept_by_content_and_by_what_they_depend_on(tmp_path):
    store = Store(str(tmp_path / "library"), create=True)
    features = {"a" * 32: np.arange(6, dtype=np.uint8).reshape(2, 3), "b" * 32: np.empty((0, 128), np.uint8)}
    with store.writing():
        assert KeptFeatures(store, "sift@1").read(list(features)) == {}
        KeptFeatures(store, "sift@1").write(features)
        KeptFeatures(store, "it's@1").write({"a" * 32: np.ones(3, np.float16)})
    again = KeptFeatures(Store(str(tmp_path / "library")), "sift@1").read([*features, "c" * 32])
    assert {key: (value.shape, value.dtype) for key, value in again.items()} == {
        key: (value.shape, value.dtype) for key, value in features.items()
    }
    assert (again["a" * 32] == features["a" * 32]).all()
    assert KeptFeatures(store, "sift@2").read(list(features)) == {}
    assert KeptFeatures(store, "it's@1").read(["a" * 32])["a" * 32].tolist() == [1, 1, 1]


class Brightness(SimilarityMethod):
    """A method of three lines, which counts how often it is asked."""

    name = "brightness"
    fingerprint = "brightness@1"
    seen = 0

    def read(self, photos):
        self.seen += len(photos)
        return [np.asarray(photo.image().convert("RGB"), np.float32).mean(axis=(0, 1)) for photo in photos]

    def vectors(self, kept):
        return np.stack(kept)


def textures(folder: Path, groups: int = 4, each: int = 3) -> Path:
    for group in range(groups):
        for number in range(each):
            (folder / f"g{group}").mkdir(parents=True, exist_ok=True)
            whole = texture(group, 400)
            whole.crop((9 * number, 5 * number, 330 + 9 * number, 330)).save(folder / f"g{group}" / f"{number}.png")
    return folder


def test_a_second_run_reads_no_photo_again_and_a_photo_that_cannot_be_read_is_left_out_for_all(tmp_path):
    folder = textures(tmp_path / "photos")
    (folder / "g0" / "0.png").write_bytes(b"no picture")
    store = Store(str(tmp_path / "library"), create=True)
    first, second = Brightness(), Brightness()
    with store.writing():
        labelled = read("folders", folder).checked()
        one = bench.bench(labelled, [first, method("emd", EXACT)], store)
        two = bench.bench(labelled, [second], store)
    assert (first.seen, second.seen) == (11, 0)
    assert len(one.photos) == len(two.photos) == 11
    assert list(one.unread) == [str(folder / "g0" / "0.png")]
    assert one.rows[0]["map_10"] == two.rows[0]["map_10"]
    assert [row["method"] for row in one.rows] == ["brightness", "emd", "chance"]
    assert one.agreement[0]["both_right"] + one.agreement[0]["only_first"] == pytest.approx(
        one.rows[0]["nearest"], abs=1e-3
    )


def test_a_draw_takes_whole_groups_where_they_are_small_and_as_many_of_each_where_they_are_large(tmp_path):
    small = read("ukbench", made.ukbench(tmp_path / "u", range(24)))
    assert set(bench.drawn(small, 9, 0).group_sizes.values()) == {4}
    assert len(bench.drawn(small, 9, 0).photos) == 8
    large = read("folders", made.folders(tmp_path / "f", [("cats", 20), ("dogs", 25)]))
    assert bench.drawn(large, 10, 0).group_sizes == {"cats": 5, "dogs": 5}
    assert bench.drawn(large, 10, 0) == bench.drawn(large, 10, 0)
    assert bench.drawn(large, 10, 0) != bench.drawn(large, 10, 1)
    assert bench.drawn(large, 0, 0) is large


@pytest.mark.parametrize("seed", range(5))
def test_a_draw_takes_no_more_than_it_should_and_leaves_something_to_find(tmp_path, seed):
    def told(*sizes: int, queries: int = 10**6) -> LabelledSet:
        photos = [
            LabelledPhoto(f"/{group:03d}/{number}", f"{group:03d}", number < queries)
            for group, size in enumerate(sizes)
            for number in range(size)
        ]
        return LabelledSet("folders", tmp_path, tuple(photos), ())

    uneven = bench.drawn(told(*[3] * 100, 600), 300, seed)
    assert 290 <= len(uneven.photos) <= 300
    assert len(bench.drawn(told(*[50] * 1000), 300, seed).photos) == 300
    mostly_alone = bench.drawn(told(*[1] * 40, 2, 2), 10, seed)
    assert max(mostly_alone.group_sizes.values()) == 2
    official = bench.drawn(told(30, 30, 30, 30, queries=1), 20, seed)
    assert sum(photo.is_query for photo in official.photos) == 4
    (note,) = official.findings
    assert "20 of 120 photos were drawn" in str(note)
    assert not note.fatal


def test_a_photo_that_changes_while_the_benchmark_runs_is_left_out_and_keeps_nothing_wrong(tmp_path):
    folder = textures(tmp_path / "photos")
    store = Store(str(tmp_path / "library"), create=True)
    changed = folder / "g0" / "0.png"
    before = changed.read_bytes()

    class Meddling(Brightness):
        fingerprint = "meddling@1"

        def read(self, photos):
            texture(9).save(changed)
            return super().read(photos)

    with store.writing():
        labelled = read("folders", folder).checked()
        report = bench.bench(labelled, [Meddling(), Brightness()], store)
        assert "changed while" in report.unread[str(changed)]
        changed.write_bytes(before)
        again = Brightness()
        assert bench.bench(labelled, [again], store).unread == {}
    assert again.seen == 1


def test_a_photo_that_a_method_can_not_read_is_left_out_alone(tmp_path):
    folder = textures(tmp_path / "photos")
    store = Store(str(tmp_path / "library"), create=True)
    content_id = content_id_of((folder / "g1" / "2.png").read_bytes())

    class Picky(Brightness):
        fingerprint = "picky@1"

        def read(self, photos):
            if any(photo.content_id == content_id for photo in photos):
                raise PhotoError("it is cut off")
            return super().read(photos)

    with store.writing():
        report = bench.bench(read("folders", folder).checked(), [Picky()], store)
    assert report.unread == {str(folder / "g1" / "2.png"): "it is cut off"}
    assert len(report.photos) == 11


def test_where_nothing_can_be_read_the_files_are_named_and_equal_files_of_two_groups_are_told(tmp_path):
    folder = textures(tmp_path / "photos", 2, 2)
    shutil.copy(folder / "g0" / "0.png", folder / "g1" / "copy.png")
    store = Store(str(tmp_path / "library"), create=True)
    with store.writing():
        report = bench.bench(read("folders", folder).checked(), [Brightness()], store)
        assert any("different groups" in note and "copy.png" in note for note in report.notes)
        for path in folder.rglob("*.png"):
            path.write_bytes(b"no picture")
        with pytest.raises(PhotoidxError, match=r"g0/0\.png: .*content"):
            bench.bench(read("folders", folder).checked(), [Brightness()], store)


def test_the_colours_that_separate_best_are_those_that_only_one_group_has(tmp_path):
    folder = tmp_path / "photos"
    for name in ("red", "blue"):
        (folder / name).mkdir(parents=True)
        for side in (64, 65):
            Image.new("RGB", (side, side), name).save(folder / name / f"{side}.png")
    store = Store(str(tmp_path / "library"), create=True)
    with store.writing():
        report = bench.bench(read("folders", folder).checked(), [method("emd", EXACT)], store)
    swatches = page(report).split("separate the groups best")[1].split("</div>")[0]
    assert swatches.count("<rect") == 2
    assert swatches.count("between groups alone") == 2


def test_a_model_without_weights_is_refused_and_runs_with_random_ones_when_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(AssetError, match="nowhere"):  # a file that was named is meant
        method(f"timm:test_resnet.r160_in1k@{tmp_path}/nowhere.safetensors", EXACT, random_weights=True)
    with pytest.raises(AssetError, match="test_resnet"):
        method("timm:test_resnet.r160_in1k", EXACT)
    one, other = (method("timm:test_resnet.r160_in1k", EXACT, random_weights=True) for _ in "ab")
    assert one.weights == "random"
    assert method("efficientnet_lite0", EXACT, random_weights=True).weights == "trained"
    folder = textures(tmp_path / "photos", 2, 2)
    store = Store(str(tmp_path / "library"), create=True)
    labelled = read("folders", folder).checked()
    with store.writing():
        report = bench.bench(labelled, [one], store)
    assert report.rows[0]["weights"] == "random"
    assert "random weights: it shows that it runs" in page(report)
    kept = KeptFeatures(store, other.fingerprint)
    from photoidx.indexer.media.decode import DecodedPhoto

    photo: LabelledPhoto = report.photos[0]
    decoded = DecodedPhoto(Path(photo.path).read_bytes(), "png", 10**9)
    again = other.read([decoded])[0]
    assert (kept.read([decoded.content_id])[decoded.content_id] == again).all()


def test_an_unknown_method_is_an_error():
    with pytest.raises(PhotoidxError, match="Unknown embedder 'sifd'"):
        method("sifd", EXACT)


def test_the_page_runs_no_code_asks_for_nothing_and_survives_hostile_names(tmp_path):
    folder = textures(tmp_path / "photos", 3, 2)
    (folder / "g0").rename(folder / "<script>alert(1)<")
    store = Store(str(tmp_path / "library"), create=True)
    with store.writing():
        report = bench.bench(read("folders", folder).checked(), [Brightness(), method("emd", EXACT)], store)
    out = tmp_path / "report.html"
    write_page(report, out)
    text = out.read_text()
    assert "<script" not in text
    assert "http://" not in text
    assert "https://" not in text
    assert text.count("<svg") >= 4
    assert "data:image/jpeg;base64," in text or "none</h3>" in text
    check_place(out)  # one of ours may be replaced
    other = tmp_path / "mine.html"
    other.write_text("mine")
    with pytest.raises(PhotoidxError, match="Choose another name"):
        check_place(other)
    with pytest.raises(PhotoidxError, match=r"end in \.html"):
        check_place(tmp_path / "report.jpg")
    with pytest.raises(PhotoidxError, match="no folder"):
        check_place(tmp_path / "nowhere" / "report.html")
    assert MARK in text


NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = os.environ.get("PHOTOIDX_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: install it, or name it in PHOTOIDX_CHROMIUM")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_in_a_browser_without_a_complaint_or_a_request(tmp_path, scheme):
    store = Store(str(tmp_path / "library"), create=True)
    labelled = read("folders", textures(tmp_path / "photos", 3, 2)).checked()
    with store.writing():
        report = bench.bench(labelled, [Brightness(), method("emd", EXACT)], store)
    write_page(report, tmp_path / "report.html")
    arguments = ["--disable-gpu", "--no-first-run", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        opened = browser.new_page(viewport={"width": 500, "height": 800}, color_scheme=scheme)
        opened.on("console", lambda message: wrong.append(message.text))
        opened.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or wrong.append(asked.url))
        opened.goto((tmp_path / "report.html").as_uri())
        width = opened.evaluate("document.documentElement.scrollWidth")
        paper = opened.evaluate("getComputedStyle(document.body).backgroundColor")
        bars = opened.locator("svg rect").first.evaluate("bar => getComputedStyle(bar).fill")
        browser.close()
    assert wrong == []
    assert width <= 500
    assert paper == {"light": "rgb(251, 251, 250)", "dark": "rgb(19, 19, 20)"}[scheme]
    assert bars == {"light": "rgb(154, 91, 0)", "dark": "rgb(240, 179, 82)"}[scheme]


def run(tmp_path: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [PHOTOIDX, "bench", "retrieval", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.slow
def test_the_command_tells_which_method_finds_the_photos_of_folders(tmp_path):
    folder = textures(tmp_path / "photos")
    (folder / "g1" / "1.png").write_bytes(b"no picture")
    out = tmp_path / "report.html"
    found = run(tmp_path, folder, "--methods", "efficientnet_lite0,sift", "--format", "json", "--html", out)
    assert found.returncode == 3, found.stderr
    assert "1.png" in found.stderr
    told = json.loads(found.stdout)
    assert (told["photos"], told["groups"]) == (11, 4)
    best, sift, chance = told["methods"]
    assert best["method"] == "efficientnet_lite0"
    assert best["map_10"] > 0.8 > chance["map_10"]
    assert sift["weights"] == ""
    assert "<svg" in out.read_text()
    assert (tmp_path / "cache" / "photoidx" / "features").is_dir()


def test_the_command_refuses_a_set_that_is_not_whole_before_it_computes(tmp_path):
    folder = made.ukbench(tmp_path / "set", [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11])
    library = tmp_path / "library"
    words = ["bench", "retrieval", str(folder), "--layout", "ukbench", "--library", str(library)]
    found = CliRunner().invoke(cli, words)
    assert isinstance(found.exception, DataSetError)
    assert "ukbench00003.jpg" in str(found.exception)
    assert not found.stdout
    assert not library.exists()
    said = run(tmp_path, *words[2:]).stderr.splitlines()
    assert said[0].endswith("can't be used as it is:")
    assert "ukbench00003.jpg" in said[1]


@pytest.mark.slow
def test_the_command_says_that_it_drew_and_prints_figures_though_the_page_can_not_be_written(tmp_path):
    folder = textures(tmp_path / "photos", 6, 3)
    (tmp_path / "report.html").mkdir()
    out = tmp_path / "locked" / "report.html"
    out.parent.mkdir()
    words = (folder, "--methods", "emd", "--limit", "9", "--seed", "4", "--format", "json")
    told = json.loads(run(tmp_path, *words).stdout)
    assert told["seed"] == 4
    assert "9 of 18 photos were drawn (seed 4)" in told["notes"][-1]
    # A name that is too long once it is being written.
    found = run(tmp_path, *words, "--html", out.with_name("x" * 245 + ".html"))
    assert found.returncode == 1
    assert "Can't write" in found.stderr
    assert json.loads(found.stdout)["methods"]


def test_options_that_say_nothing_are_refused_before_anything_is_read(tmp_path):
    folder = textures(tmp_path / "photos", 2, 2)
    for words in (("--seed", "-1"), ("--limit", "-5"), ("--methods", ",")):
        found = run(tmp_path, folder, *words)
        assert found.returncode == 2
        assert "Traceback" not in found.stderr


def test_the_command_knows_every_layout():
    from photoidx.cli.bench import retrieval as command
    from photoidx.evaluation.datasets import labelled

    assert command._LAYOUTS == labelled.LAYOUTS
