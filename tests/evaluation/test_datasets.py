"""Data sets as they are published: what is read, and what is told before anything is computed."""

from __future__ import annotations

import itertools
import os
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import data_sets as made
from photoidx.errors import PhotoidxError
from photoidx.evaluation.datasets.ava import read_ava
from photoidx.evaluation.datasets.findings import DataSetError
from photoidx.evaluation.datasets.labelled import read, read_holidays, read_ukbench
from photoidx.evaluation.datasets.phototriage import majority_accuracy, read_phototriage
from pictures import draw


def names(found):
    return [os.path.basename(photo.path) for photo in found.photos]


def fatal(found):
    return " | ".join(str(each) for each in found.findings if each.fatal)


def told(found):
    return " | ".join(str(each) for each in found.findings if not each.fatal)


def test_four_consecutive_numbers_of_ukbench_are_one_object(tmp_path):
    found = read_ukbench(made.ukbench(tmp_path)).checked()
    assert [photo.group for photo in found.photos] == ["object 00000"] * 4 + ["object 00001"] * 4
    assert all(photo.is_query for photo in found.photos)
    assert "8 of 10,200 photos" in told(found)


def test_a_photo_that_an_object_of_ukbench_lacks_is_named(tmp_path):
    found = read_ukbench(made.ukbench(tmp_path, [0, 1, 3, 4, 5, 6, 7]))
    with pytest.raises(DataSetError, match="ukbench00002.jpg"):
        found.checked()


def test_the_cut_off_last_object_of_a_sample_is_left_out_and_told(tmp_path):
    found = read_ukbench(made.ukbench(tmp_path, range(9))).checked()
    assert len(found.photos) == 8
    assert "ukbench00008.jpg" in told(found)


def test_photos_of_another_name_are_told_and_numbers_twice_are_refused(tmp_path):
    folder = made.ukbench(tmp_path)
    draw(folder / "full" / "IMG_1.jpg")
    draw(folder / "copy" / "ukbench00000.jpg")
    found = read_ukbench(folder)
    assert "IMG_1.jpg" in told(found)
    assert "ukbench00000.jpg" in fatal(found)


def test_an_empty_file_is_refused(tmp_path):
    folder = made.ukbench(tmp_path)
    (folder / "full" / "ukbench00003.jpg").write_bytes(b"")
    assert "empty files" in fatal(read_ukbench(folder))


def test_the_photos_of_holidays_that_end_in_00_ask_and_by_the_other_protocol_all_do(tmp_path):
    folder = made.holidays(tmp_path)
    official = read_holidays(folder).checked()
    asked = [os.path.basename(photo.path) for photo in official.photos if photo.is_query]
    assert asked == ["100000.jpg", "100100.jpg"]
    assert [photo.group for photo in official.photos] == ["group 1000"] * 2 + ["group 1001"] * 3
    assert all(photo.is_query for photo in read_holidays(folder, "all").checked().photos)
    with pytest.raises(PhotoidxError, match="official, all"):
        read_holidays(folder, "other")


def test_a_group_of_holidays_without_its_query_or_with_nothing_to_find_is_refused(tmp_path):
    found = read_holidays(made.holidays(tmp_path, ["100001", "100100", "100101", "100200", "100300", "100303"]))
    assert "100000.jpg" in fatal(found)
    assert "100200.jpg" in fatal(found)
    assert "100301.jpg, 100302.jpg" in told(found)
    alone = read_holidays(made.holidays(tmp_path / "all", ["100000", "100001", "100200", "100301"]), "all").checked()
    assert "photos without another photo of their group (2): 100200.jpg, 100301.jpg" in told(alone)


def test_folders_are_groups_and_photos_beside_them_are_told(tmp_path):
    folder = made.folders(tmp_path, [("cats", 2), ("dogs", 3), ("mice", 1)])
    draw(folder / "cats" / "deep" / "2.png", 9)
    draw(folder / "stray.png", 99)
    found = read("folders", folder).checked()
    assert found.group_sizes == {"cats": 3, "dogs": 3, "mice": 1}
    assert {photo.group for photo in found.photos if photo.is_query} == {"cats", "dogs"}
    assert "stray.png" in told(found)
    assert "mice" in told(found)


def test_one_folder_alone_or_none_is_refused(tmp_path):
    assert "one group" in fatal(read("folders", made.folders(tmp_path / "one", [("cats", 2)])))
    (tmp_path / "empty").mkdir()
    assert "no photo" in fatal(read("folders", tmp_path / "empty"))
    with pytest.raises(PhotoidxError, match="no folder"):
        read("folders", tmp_path / "nowhere")
    with pytest.raises(PhotoidxError, match="ukbench, holidays, folders, csv"):
        read("flickr", tmp_path)


def test_a_table_gives_paths_from_its_own_folder_and_their_labels(tmp_path):
    folder = made.folders(tmp_path)
    table = folder / "labels.csv"
    table.write_text("path,label\ncats/0.png,a\ncats/1.png,a\ndogs/0.png,b\ndogs/1.png,b\n")
    for place in (table, folder):
        found = read("csv", place).checked()
        assert [photo.group for photo in found.photos] == ["a", "a", "b", "b"]


def test_all_that_is_wrong_in_a_table_is_told_at_once(tmp_path):
    folder = made.folders(tmp_path)
    (folder / "notes.txt").write_text("x")
    table = folder / "labels.csv"
    lines = [
        "cats/0.png,a",
        "cats/0.png,b",
        "cats/9.png,a",
        "dogs/0.png,",
        "notes.txt,a",
        "dogs/1.png,b",
        "dogs/1.png,b",
    ]
    table.write_text("img,category\n" + "\n".join(lines))
    with pytest.raises(DataSetError) as raised:
        read("csv", table).checked()
    for text in ("two labels (1): cats/0.png", "cats/9.png", "without a path or a label (1): dogs/0.png", "notes.txt"):
        assert text in str(raised.value)
    (folder / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(PhotoidxError, match="2 CSV files"):
        read("csv", folder)
    with pytest.raises(PhotoidxError, match="columns path and label; it has a, b"):
        read("csv", folder / "other.csv")
    (folder / "other.csv").write_text("path,label\n")
    assert "no photo" in fatal(read("csv", folder / "other.csv"))


def test_phototriage_has_pairs_of_files_with_the_share_that_prefers_the_first(tmp_path):
    made.phototriage(tmp_path)
    (tmp_path / "__MACOSX").mkdir()  # what an archive from a Mac brings along
    (tmp_path / "__MACOSX" / "._train_pairlist.txt").write_bytes(b"\0\5\x16\7 Mac OS X")
    found = read_phototriage(tmp_path).checked()
    assert len(found.pairs) == 9
    assert len(found.split("train")) == 6
    pair = found.split("val")[0]
    assert (pair.series, os.path.basename(pair.first), os.path.basename(pair.second)) == (
        7,
        "000007-01.JPG",
        "000007-02.JPG",
    )
    assert (pair.preference, pair.ranks, pair.agreement) == (0.9, (1, 2), 0.9)
    assert majority_accuracy(found.pairs) == 1


MISREAD = {
    "RANK1 is taken for the number of the winner": lambda one, ranks: float(ranks[0] == one),
    "a higher rank is taken for a better one": lambda _one, ranks: float(ranks[0] > ranks[1]),
}


@pytest.mark.parametrize("misread", MISREAD)
def test_a_folder_with_the_misread_column_is_caught(tmp_path, misread):
    rng = np.random.default_rng(0)
    lines = []
    for series in range(10, 20):
        ranks = [0, *(rng.permutation(5) + 1)]
        for one, two in itertools.combinations(range(1, 6), 2):
            ratio = MISREAD[misread](one, (ranks[one], ranks[two]))
            lines.append(f"{series} {one} {two} {ratio} {ranks[one]} {ranks[two]}")
    with pytest.raises(DataSetError, match="RANK1 is the rank of photo 1"):
        read_phototriage(made.phototriage(tmp_path, lines)).checked()


def test_a_folder_whose_ranks_were_replaced_by_winner_and_loser_is_caught(tmp_path):
    lines = ["1 1 2 0.8 1 2", "1 1 3 0.2 3 1", "1 2 3 0.9 2 3"]
    found = read_phototriage(made.phototriage(tmp_path, lines, [1]))
    assert "the columns are no ranks (2): 000001-01.JPG, 000001-03.JPG" in fatal(found)


def test_a_few_pairs_whose_ranks_say_otherwise_are_told_and_taken(tmp_path):
    lines = [line for series in range(11, 50) for line in made.pair_lines(series)]
    lines += made.pair_lines(50, (0.9, 0.4, 0.8))
    found = read_phototriage(made.phototriage(tmp_path, lines, range(11, 51))).checked()
    assert "otherwise than their ratio (1): train_pairlist.txt:120" in told(found)  # one of 120: less than one in 100


def test_everything_wrong_with_a_pair_list_is_told_at_once(tmp_path):
    lines = [
        *made.pair_lines(1),
        "1 2 1 0.1 2 1",
        "2 1 2 1.5 1 2",
        "2 1 1 0.5 1 1",
        "2 1 9 0.9 1 4",
        "2 2 3 nan 2 3",
        "2 3 x 0.9 3 4",
        "7 1 2 0.9 1 2",
        "2 1 3 0.9 0 3",
    ]
    found = read_phototriage(made.phototriage(tmp_path, lines))
    message = fatal(found)
    for text in (
        "train_pairlist.txt:5 and train_pairlist.txt:2",
        "share, 0 to 1 (2): train_pairlist.txt:6, train_pairlist.txt:9",
        "itself (1): train_pairlist.txt:7",
        "not there (1): 000002-09.JPG",
        "6 numbers",
        "more than one list (1): 7",
        "below 1 (1): train_pairlist.txt:12",
        "different ranks",
    ):
        assert text in message


def test_a_folder_without_pair_lists_is_refused(tmp_path):
    with pytest.raises(DataSetError, match="_pairlist"):
        read_phototriage(tmp_path).checked()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_a_constant_answer_is_right_for_half_of_the_pairs_at_least(preferences):
    from photoidx.evaluation.datasets.phototriage import PreferencePair

    pairs = [PreferencePair("train", 1, "1-01", "1-02", each, (1, 2)) for each in preferences]
    turned = [PreferencePair("train", 1, "1-02", "1-01", 1 - each, (2, 1)) for each in preferences]
    assert 0.5 <= majority_accuracy(pairs) <= 1
    if all(each != 0.5 for each in preferences) and all(1 - each != 0.5 for each in preferences):
        assert majority_accuracy(turned) == majority_accuracy(pairs)


def test_ava_has_the_votes_of_each_photo_that_is_there(tmp_path):
    found = read_ava(made.ava(tmp_path)).checked()
    first, second = found.photos
    assert first.image_id == 953619
    assert first.votes == (0, 1, 5, 17, 38, 36, 15, 6, 5, 1)
    assert first.tags == (1, 22)
    assert second.tags == (15,)
    assert first.challenge == 1396
    assert first.mean == pytest.approx(sum(n * v for n, v in enumerate(first.votes, start=1)) / 124)
    assert sum(first.shares) == pytest.approx(1)
    assert "954184.jpg" in told(found)


def test_everything_wrong_with_ava_is_told_at_once(tmp_path):
    lines = [
        "1 953619 0 1 5 17 38 36 15 6 5 1 1 22 1396",
        "2 953958 10 7 -15 26 26 21 10 8 1 2 15 0 1396",
        "3 953619 0 0 4 8 41 56 10 3 4 0 0 0 1396",
        "4 954185 0 0 0 0 0 0 0 0 0 0 0 0 1396",
        "5 954186 1 2 3",
    ]
    message = fatal(read_ava(made.ava(tmp_path, lines)))
    for text in ("below 0 (1): AVA.txt:2", "twice (1): AVA.txt:3", "without a vote (1): AVA.txt:4", "AVA.txt:5"):
        assert text in message
    assert "no AVA.txt" in fatal(read_ava(tmp_path / "images"))
    (tmp_path / "images" / "more").mkdir()
    shutil.copy(tmp_path / "images" / "953619.jpg", tmp_path / "images" / "more")
    (tmp_path / "images" / "953958.png").write_bytes(b"no photo of the set")
    assert "lie there twice (1): 953619.jpg" in fatal(read_ava(tmp_path))
    assert "not there" in fatal(read_ava(made.ava(tmp_path / "without", there=())))
