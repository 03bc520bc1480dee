"""`photoidx export` on the command line: it shows before it writes, asks before it writes beside photos, and undoes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from export_album import Album, state
from photoidx.cli import cli


@pytest.fixture
def album(tmp_path: Path) -> Album:
    made = Album(tmp_path)
    made.decide("reject", made.add("IMG_1.jpg"))
    made.decide("keep", made.add("IMG_2.jpg"))
    return made


def run(album: Album, *words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["export", *words, "--library", str(album.uri)], input=answer)


def rows(done: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_beside_the_photos_nothing_is_written_without_a_yes(album: Album):
    before = state(album.folder)
    done = run(album, "xmp", "--beside")
    assert done.exit_code == 0
    assert "Nothing was written" in done.stderr
    assert [row["field"] for row in rows(done)] == ["pick", "rating", "pick"]
    assert state(album.folder) == before
    done = run(album, "xmp", "--beside", "--yes")
    assert done.exit_code == 0
    assert "2 sidecars written, 2 of them new" in done.stderr
    assert state(album.folder).keys() - before.keys() == {"IMG_1.xmp", "IMG_2.xmp"}


def test_a_dry_run_shows_each_field_before_and_after(album: Album):
    album.sidecar("IMG_1.xmp", 'xmp:Rating="0"')
    found = rows(run(album, "xmp", "--beside", "--dry-run"))
    rating = next(row for row in found if row["field"] == "rating")
    assert (rating["before"], rating["after"]) == ("0", "-1")
    assert rating["sidecar"].endswith("IMG_1.xmp")


def test_undo_stands_behind_export_and_says_what_it_did(album: Album):
    before = state(album.folder)
    run(album, "xmp", "--beside", "--yes")
    assert len(rows(run(album, "--undo", "--dry-run"))) == 2
    done = run(album, "--undo")
    assert "2 taken back" in done.stderr
    assert state(album.folder) == before
    assert run(album, "--undo").exit_code == 1


def test_a_photo_that_could_not_be_written_gives_status_3(album: Album):
    (album.folder / "IMG_1.xmp").write_text("<broken")
    done = run(album, "xmp", "--beside", "--yes")
    assert done.exit_code == 3
    assert "1 left as they are" in done.stderr


def test_files_and_albums_go_where_they_are_told(album: Album, tmp_path: Path):
    out = tmp_path / "out"
    done = run(album, "files", str(out), "--picks", "--name", "{taken_at:%Y}/{name}")
    assert done.exit_code == 0, done.output
    assert [row["state"] for row in rows(done)] == ["new"]
    assert (out / "unknown/IMG_2.jpg").exists()
    done = run(album, "albums", str(tmp_path / "lists"), "--picks", "--for", "paths")
    assert (tmp_path / "lists/picks.txt").read_text().splitlines() == [str(album.folder / "IMG_2.jpg")]
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["xmp"], "Say where"),
        (["xmp", "--beside", "--to", "x"], "Say where"),
        (["files", "x"], "Say which photos"),
        (["albums", "x", "--name", "y"], "--name names"),
        (["files", "x", "--picks", "--name", "../{name}"], "leads out"),
    ],
)
def test_a_wrong_call_is_said_and_does_nothing(album: Album, words: list[str], said: str):
    before = state(album.folder)
    done = run(album, *words)
    assert done.exit_code in {1, 2}
    assert said in done.output + str(done.exception)
    assert state(album.folder) == before


def test_labels_places_and_people_are_keywords_when_asked_for(album: Album, tmp_path: Path):
    from made_library import write

    path = album.add("IMG_3.jpg", country="Portugal", region="Lisbon", city="Lisboa", people=["Ann Lee"])
    files = album.store.read("files", ["path", "content_id"]).to_pylist()
    content_id = next(row["content_id"] for row in files if row["path"] == str(path))
    label = {"content_id": content_id, "labels": ["tench, Tinca tinca", "coho"], "probabilities": [0.9, 0.1]}
    write(album.store, labels=[label])
    asked = [word for each in ("labels", "places", "people") for word in ("--with", each)]
    run(album, "xmp", "--to", str(tmp_path / "out"), *asked)
    text = (tmp_path / "out/photos/IMG_3.xmp").read_text()
    for part in ("tench<", "Places|Portugal|Lisbon|Lisboa<", "People|Ann Lee<", "Places/Portugal/Lisbon/Lisboa<"):
        assert part in text
    assert "coho" not in text
    assert "Tinca" not in text
