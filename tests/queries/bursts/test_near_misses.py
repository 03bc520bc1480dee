"""People whose bursts are slow: another time for one answer, and how near photos were to being a burst."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from skimage import data

from burst_album import NOON, shoot
from photoidx import Config, Library
from photoidx.cli.ask.best import best
from photoidx.cli.ask.bursts import bursts
from photoidx.queries.bursts.near_misses import hint


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return a library of pairs that were taken 5.5 s, 8 s and 12 s apart, and of one picture and its export."""
    scenes = (data.astronaut(), data.coffee(), data.chelsea())
    for number, (scene, gap) in enumerate(zip(scenes, (5.5, 8.0, 12.0), strict=True)):
        begin = NOON + timedelta(hours=number, milliseconds=100)
        shoot(tmp_path / "album" / f"IMG_{number}1.JPG", scene, begin)
        shoot(tmp_path / "album" / f"IMG_{number}2.JPG", scene, begin + timedelta(seconds=gap), shift=2)
    for name in ("IMG_91.JPG", "web/IMG_91.jpg"):
        shoot(tmp_path / "album" / name, data.rocket(), NOON + timedelta(hours=9, milliseconds=100), quality=70)
    library = Library(tmp_path / "library", Config(workers=1, without=("faces", "sharpness", "technical")))
    library.scan(tmp_path / "album")
    return library


def names(groups: list[dict]) -> list[list[str]]:
    return [[Path(frame["path"]).stem for frame in each["frames"]] for each in groups]


def test_a_time_of_one_s_own_holds_for_one_answer_and_decisions_hold_in_it(library):
    album = Path(library.uri).parent / "album"
    assert library.bursts() == []
    assert names(library.bursts(6)) == [["IMG_01", "IMG_02"]]
    assert names(library.bursts(10)) == [["IMG_01", "IMG_02"], ["IMG_11", "IMG_12"]]
    assert library.bursts() == []
    library.decide("apart", album / "IMG_01.JPG", album / "IMG_02.JPG")
    assert names(library.bursts(10)) == [["IMG_11", "IMG_12"]]
    library.decide("best", album / "IMG_12.JPG")
    (found,) = library.best_of_bursts(within_s=10)
    assert (Path(found["pick"]["path"]).stem, found["decided_by"]) == ("IMG_12", "decision")
    library.decide("together", album / "IMG_11.JPG", album / "IMG_12.JPG")
    (stored,) = library.bursts()
    assert [each["burst_id"] for each in library.bursts(10)] == [stored["burst_id"]]


def test_the_answer_says_how_near_photos_were_to_being_a_burst(library):
    where = ["--library", library.uri]
    assert library.near_misses() == [5.5, 8.0]
    told = CliRunner().invoke(bursts, where)
    assert "1 pair of photos missed being a burst by less than a second: try --within 6s" in told.stderr
    told = CliRunner().invoke(best, ["--burst", *where])
    assert "try --within 6s" in told.stderr
    told = CliRunner().invoke(bursts, ["--within", "10s", "--format", "paths", *where])
    assert [Path(line).stem for line in told.stdout.split()] == ["IMG_01", "IMG_02", "IMG_11", "IMG_12"]
    assert "best --burst --within 10s" in told.stderr
    assert "missed" not in told.stderr
    told = CliRunner().invoke(best, ["--burst", "--within", "10s", "--format", "paths", *where])
    assert {"IMG_01", "IMG_11"} <= {Path(line).stem for line in told.stdout.split()}


@pytest.mark.parametrize(
    ("missed", "any_groups", "words"),
    [
        ([5.4], True, "1 pair of photos missed being a burst by less than a second: try --within 6s"),
        ([5.4, 6.0, 9.0], True, "2 pairs of photos missed being a burst by less than a second: try --within 6s"),
        ([7.5, 8.2], True, ""),
        ([7.5, 8.2], False, "2 pairs of photos missed being a burst by 4 s or less: try --within 9s"),
        ([], True, ""),
        ([], False, "Copies aside, no two photos of one camera within 10 s of each other look alike."),
    ],
)
def test_what_just_missed_is_told_and_more_where_there_is_no_group_at_all(missed, any_groups, words):
    assert hint(missed, any_groups=any_groups) == words


@pytest.mark.parametrize(
    ("text", "taken"), [("10s", True), ("1.5", True), ("2min", True), ("0s", False), ("soon", False)]
)
def test_times_are_read_as_people_write_them(text, taken, tmp_path):
    told = CliRunner().invoke(bursts, ["--within", text, "--library", str(tmp_path / "none")])
    assert ("is no time: write seconds" not in told.output) is taken


def test_clusters_have_no_such_time(tmp_path):
    told = CliRunner().invoke(best, ["--cluster", "--within", "8s", "--library", str(tmp_path / "none")])
    assert "--within is about bursts" in told.output
