"""What a scan says while it works, and of a folder without photos."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from photoidx.cli import cli
from photoidx.cli.terminal import progress as scan_progress
from photoidx.cli.terminal.progress import Lines
from pictures import draw


class Clock:
    """Tells the seconds that it is set to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def said(*looks: tuple[float, int, int, int]) -> list[str | None]:
    """Return what is said at these seconds, of so many done, to do and failed."""
    clock = Clock()
    lines, found = Lines(30.0, clock), []
    for after, *counts in looks:
        clock.now = 100.0 + after
        found.append(lines.line(*counts))
    return found


def test_a_line_comes_every_half_minute_with_rate_and_time_left():
    assert said((1, 10, 5000, 0), (29, 290, 5000, 0), (31, 310, 5000, 0), (40, 400, 5000, 0), (62, 620, 5000, 3)) == [
        None,
        None,
        "Scanning: 310 of 5,000, 10.0 files/s, about 8 min left.",
        None,
        "Scanning: 620 of 5,000, 10.0 files/s, about 7 min left, 3 failed.",
    ]


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ((30, 30, 60, 0), "about 30 s left"),
        ((30, 30, 30 + 3599, 0), "about 60 min left"),
        ((30, 30, 30 + 7380, 0), "about 2 h 3 min left"),
        ((30, 0, 100, 0), "Scanning: 0 of 100."),
    ],
)
def test_the_time_left_is_told_in_the_unit_that_suits_it(look: tuple[float, int, int, int], words: str):
    _, line = said((0, 0, look[2], 0), look)
    assert line is not None
    assert words in line


def test_the_end_has_its_own_line_and_work_of_another_kind_is_counted_anew():
    assert said((31, 50, 50, 0), (61, 600, 1000, 0), (100, 20, 400, 0), (120, 220, 400, 0)) == [
        None,
        "Scanning: 600 of 1,000, 18.3 files/s, about 22 s left.",
        "Scanning: 20 of 400.",
        None,
    ]


def test_a_scan_whose_output_goes_to_a_file_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scan_progress, "LINE_EVERY_S", 0.0)
    for number in range(6):
        draw(tmp_path / "photos" / f"{number}.jpg", number)
    words = ["scan", str(tmp_path / "photos"), "--library", str(tmp_path / "library"), "--workers", "1"]
    done = CliRunner().invoke(cli, [*words, "--without", "faces"])
    assert re.search(r"^Scanning: [1-5] of 6, [\d.,]+ files/s, about \d+ (s|min) left\.$", done.stderr, re.MULTILINE)
    assert done.stdout == ""


def test_a_folder_without_photos_is_told_by_its_name_and_one_with_photos_is_not(tmp_path: Path):
    empty, notes = tmp_path / "empty", tmp_path / "notes"
    empty.mkdir()
    (notes / ".hidden").mkdir(parents=True)
    (notes / "a.txt").touch()
    photos = draw(tmp_path / "photos" / "a.jpg").parent
    words = [*map(str, (empty, notes, photos)), "--library", str(tmp_path / "library"), "--workers", "1"]
    for command in (["scan", "--dry-run"], ["scan"]):
        done = CliRunner().invoke(cli, [*command, *words])
        assert f"photoidx: No photos were found in {empty}. Is it the right folder?" in done.stderr
        assert f"No photos were found in {notes}; 1 names are left out." in done.stderr
        assert str(photos) + "." not in done.stderr
    (photos / "a.jpg").unlink()
    done = CliRunner().invoke(cli, ["scan", *words])
    assert f"{photos} is suddenly empty" in done.stderr
    assert f"No photos were found in {photos}" not in done.stderr


def test_what_came_before_the_first_file_does_not_lengthen_the_time_that_is_left():
    assert said((29, 1, 1000, 0), (31, 21, 1000, 0), (61, 321, 1000, 0)) == [
        None,
        "Scanning: 21 of 1,000, 10.0 files/s, about 2 min left.",
        "Scanning: 321 of 1,000, 10.0 files/s, about 1 min left.",
    ]
