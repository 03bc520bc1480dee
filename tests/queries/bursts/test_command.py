"""`photoidx bursts`, `best --burst` and `decide`: what they mark, and what they tell a user to do."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner, Result
from skimage import data

from burst_album import NOON, shoot
from photoidx import Config, Library
from photoidx.cli.ask.best import best
from photoidx.cli.ask.bursts import bursts
from photoidx.cli.decide import decide
from photoidx.storage.schema import META


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One burst of four with a clear pick, one of two that are equally good, and a single photo."""
    folder = tmp_path_factory.mktemp("answers") / "photos"
    for frame in range(4):
        when = NOON + timedelta(milliseconds=300 * frame)
        shoot(folder / f"IMG_{frame:04}.JPG", data.astronaut(), when, blur=frame != 1, shift=frame)
    for frame in range(2):
        when = NOON + timedelta(minutes=9, milliseconds=300 * frame)
        shoot(folder / f"IMG_{10 + frame:04}.JPG", data.coffee(), when, shift=frame)
    shoot(folder / "IMG_0020.JPG", data.rocket(), NOON + timedelta(minutes=20))
    Library(folder.parent / "library", Config(workers=2)).scan(folder)
    return folder


def ask(album: Path, command: Command, *words: str | Path) -> Result:
    found = CliRunner().invoke(command, [*map(str, words), "--library", str(album.parent / "library")])
    assert found.exit_code == 0, found.output
    return found


def kept(album: Path, *words: str) -> dict[str, bool]:
    rows = csv.DictReader(io.StringIO(ask(album, best, "--burst", "--format", "csv", *words).stdout))
    marks = {Path(row["path"]).stem[-2:]: row["keep"] == "true" for row in rows}
    told = json.loads(ask(album, best, "--burst", "--format", "json", *words).stdout)
    assert {Path(each["path"]).stem[-2:]: each["keep"] for burst in told for each in burst["frames"]} == marks
    printed = ask(album, best, "--burst", "--format", "paths", *words).stdout.split()
    assert {Path(path).stem[-2:] for path in printed} == {name for name, keep in marks.items() if keep}
    table = ask(album, best, "--burst", "--format", "table", *words).stdout
    assert {line.split()[1][-6:-4] for line in table.splitlines() if line.startswith("  *")} == {
        name for name, keep in marks.items() if keep
    }
    return marks


@pytest.mark.parametrize(("output_format", "printed"), [("jsonl", ""), ("json", "[]\n"), ("paths", "")])
def test_where_there_is_no_group_nothing_is_listed(album, output_format, printed):
    assert ask(album, bursts, "--kind", "bracket", "--format", output_format).stdout == printed


def test_every_format_marks_the_pick_and_of_a_close_call_the_first_two(album):
    assert [name for name, keep in kept(album).items() if keep] == ["01", "10", "11"]


def test_as_many_frames_of_each_burst_are_kept_as_are_asked_for(album):
    marks = kept(album, "--keep", "3")
    assert sum(marks[name] for name in ("00", "01", "02", "03")) == 3
    assert marks["01"]
    assert marks["10"]
    assert marks["11"]


def test_what_the_user_rejected_is_not_kept_and_what_the_user_keeps_is(album):
    ask(album, decide, "reject", album / "IMG_0001.JPG")
    ask(album, decide, "keep", album / "IMG_0003.JPG", album / "IMG_0002.JPG")
    marks = kept(album)
    assert (marks["01"], marks["02"], marks["03"]) == (False, True, True)
    assert not kept(album, "--keep", "9")["01"]
    ask(album, decide, "--undo")
    ask(album, decide, "--undo")


def test_the_best_of_no_burst_is_recorded_with_a_hint(album):
    told = ask(album, decide, "best", album / "IMG_0020.JPG").stderr
    assert "Recorded: best" in told
    assert "it is in no burst" in told
    assert "IMG_0020.JPG" in ask(album, decide, "list").stdout
    ask(album, decide, "--undo")
    assert "no burst" not in ask(album, decide, "best", album / "IMG_0000.JPG").stderr
    ask(album, decide, "--undo")


def test_a_library_that_another_version_grouped_says_what_to_do_until_it_is_done(album):
    library = Library(album.parent / "library")
    assert library.is_grouped()
    with library.store.writing():
        library.store.upsert(META, [{"name": "grouping", "value": "0 - 2024-01-01T00:00:00.000000"}])
    for command, words in ((bursts, []), (best, ["--burst"])):
        found = ask(album, command, *words, "--format", "json")
        assert "photoidx bursts --regroup" in found.stderr
        json.loads(found.stdout)
    assert "--regroup" not in ask(album, bursts, "--regroup").stderr
    assert "--regroup" not in ask(album, best, "--burst").stderr


def test_a_pick_that_is_not_there_any_more_is_told_before_anyone_throws_the_others_away(album):
    pick = album / "IMG_0001.JPG"
    away = pick.rename(album.parent / "elsewhere.jpg")
    try:
        told = ask(album, best, "--burst", "--format", "paths")
    finally:
        away.rename(pick)
    assert f"no longer where the last scan saw them: {pick}. Mount" in told.stderr
    assert "no longer where" not in ask(album, best, "--burst", "--format", "paths").stderr
