"""The installed command, run as a user runs it: exit status, what goes to stdout, what goes to stderr."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from photoidx.errors import QueryError
from photoidx.library import Library
from pictures import age, draw

PHOTOIDX = Path(sys.executable).with_name("photoidx")
SLOW = ("torch", "lancedb", "duckdb", "pyarrow", "timm", "numpy", "rich", "PIL")


def photoidx(*arguments: str | Path, **rest: Any) -> subprocess.CompletedProcess[str]:
    rest.setdefault("timeout", 600)
    return subprocess.run([PHOTOIDX, *arguments], capture_output=True, text=True, check=False, **rest)


def spoil(path: Path) -> Path:
    """Cut a picture in half."""
    data = draw(path, 77).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    age(path, 9999)
    return path


def facts(path: Path) -> dict[str, tuple[bytes, int]]:
    return {str(each): (each.read_bytes(), each.stat().st_mtime_ns) for each in path.rglob("*") if each.is_file()}


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two good photos, a sidecar, and a broken photo."""
    folder = tmp_path_factory.mktemp("cli") / "my album"
    for number in (1, 2):
        draw(folder / f"{number}.jpg", number)
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    xmp += '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
    (folder / "1.xmp").write_text(xmp)
    age(folder / "1.xmp", 5000)
    spoil(folder / "broken.jpg")
    return folder


@pytest.fixture(scope="module")
def scanned(album: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The library of that album, and how its scan ended."""
    library = album.parent / "library"
    before = facts(album)
    done = photoidx("scan", album, "--library", library, "--format", "json")
    assert facts(album) == before
    return library, done


@pytest.fixture
def library(scanned: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    return scanned[0]


def test_help_loads_no_slow_library():
    program = "import sys, photoidx.cli; print([name for name in sys.argv[1:] if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program, *SLOW], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["scan", "--help"], ["sql", "-h"], ["--version"]])
def test_help_is_printed(arguments: list[str]):
    done = photoidx(*arguments)
    assert done.returncode == 0
    assert "photoidx" in done.stdout


@pytest.mark.parametrize("command", [["status"], ["sql", "SELECT 1"], ["show", "x.jpg"], ["failures"], ["optimize"]])
def test_without_a_library_a_command_is_one_line_and_status_1(command: list[str], tmp_path: Path):
    done = photoidx(*command, "--library", tmp_path / "none")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("photoidx: There is no library at ")
    assert "photoidx scan" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["scan"], ["scan", ".", "--nonsense"], ["status", "--format", "xml"], ["sql"], ["nonsense"], ["scan", __file__]],
)
def test_a_wrong_call_is_status_2(arguments: list[str], tmp_path: Path):
    done = photoidx(*arguments, env={**os.environ, "PHOTOIDX_LIBRARY": str(tmp_path / "library")})
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_scan_with_a_broken_photo_is_status_3_and_prints_one_json_object(
    scanned: tuple[Path, subprocess.CompletedProcess[str]],
):
    done = scanned[1]
    assert done.returncode == 3, done.stderr
    counts = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    names = ("seen", "new", "changed", "moved", "gone", "unchanged", "failed")
    assert [counts[name] for name in names] == [4, 4, 0, 0, 0, 0, 1]
    assert counts["seconds"] > 0
    assert "1 failed (see: photoidx failures)" in done.stderr


def test_a_scan_without_failures_is_status_0_and_prints_nothing_into_a_pipe(album: Path, library: Path):
    good = album.parent / "good"
    shutil.copytree(album, good, ignore=shutil.ignore_patterns("broken*"))
    done = photoidx("scan", good, "--library", library.with_name("second"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("Done: 3 files in ")
    again = photoidx("scan", good, "--library", library.with_name("second"))
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing to do, 3 unchanged" in again.stderr


def test_a_dry_run_prints_verdicts_with_reasons_and_leaves_nothing_behind(album: Path, tmp_path: Path):
    done = photoidx("scan", album, "--dry-run", "--library", tmp_path / "library", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["path"] for row in rows} == {str(path) for path in album.iterdir()}
    assert {row["verdict"] for row in rows} == {"new"}
    assert all(row["reason"] for row in rows)
    assert "Nothing was written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_library_can_be_named_in_the_environment(album: Path, library: Path):
    done = photoidx(
        "sql", "SELECT name, rating FROM photos ORDER BY name", env={**os.environ, "PHOTOIDX_LIBRARY": str(library)}
    )
    assert done.stdout == "name,rating\n1.jpg,4\n2.jpg,\nbroken.jpg,\n"
    assert done.stderr == ""


def test_a_query_that_is_wrong_is_one_line_and_status_1(library: Path):
    done = photoidx("sql", "SELECT nam FROM photos", "--library", library)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "photoidx: There is no column nam. The nearest are: name.\n"


def test_failures_tell_file_stage_and_reason(album: Path, library: Path):
    done = photoidx("failures", "--library", library, "--format", "json")
    (row,) = json.loads(done.stdout)
    assert (row["path"], row["stage"]) == (str(album / "broken.jpg"), "decode")
    assert row["error"]
    assert "--retry-failed" in done.stderr
    paths = photoidx("failures", "--library", library, "--format", "paths")
    assert paths.stdout == f"{album / 'broken.jpg'}\n"


def test_show_tells_a_person_about_a_photo_in_groups(album: Path, library: Path):
    done = photoidx("show", album / "1.jpg", "--library", library, "--format", "table")
    lines = done.stdout.splitlines()
    headings = [line for line in lines if not line.startswith(" ")]
    assert headings == ["report", "file", "shot", "exif", "hashes", "holdings", "quality", "sidecar 1.xmp", "labels"]
    assert "  No faces." in lines
    assert any(line.split() == ["width", "64"] for line in lines)
    assert any(line.split() == ["rating", "4"] for line in lines)
    assert lines[-1].endswith(" %")
    assert max(map(len, lines)) < 200


def test_show_in_json_keeps_the_nesting(album: Path, library: Path):
    found = json.loads(photoidx("show", "1.jpg", "--library", library, "--format", "json", cwd=album).stdout)
    assert found["file"]["path"] == str(album / "1.jpg")
    assert found["shot"] == [{"path": str(album / "1.xmp"), "rule": "sidecar"}]
    assert found["exif"]["width"] == 64
    assert len(found["labels"]) == 5
    assert found["failures"] == {}
    broken = json.loads(photoidx("show", album / "broken.jpg", "--library", library, "--format", "json").stdout)
    assert list(broken["failures"]) == ["decode"]


def test_a_photo_is_named_by_its_path_or_by_its_file_s_name_everywhere(library: Path, tmp_path: Path):
    assert photoidx("show", "1.jpg", "--library", library, cwd=tmp_path).returncode == 0
    assert photoidx("decide", "keep", "1.jpg", "--library", library, cwd=tmp_path).returncode == 0
    assert photoidx("decide", "--undo", "--library", library).returncode == 0
    (tmp_path / "1.jpg").write_bytes(b"another")
    other = photoidx("show", "1.jpg", "--library", library, cwd=tmp_path)
    assert other.stderr.startswith("photoidx: 1.jpg is not in the library. The nearest are: ")


def test_show_of_an_unknown_photo_says_what_to_do(album: Path, library: Path, tmp_path: Path):
    done = photoidx("show", "other.png", "--library", library, cwd=album)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "photoidx: The library has no photo named other.png, and there is none in the current folder.\n"
    )
    elsewhere = photoidx("show", tmp_path / "other.png", "--library", library, cwd=album).stderr
    assert elsewhere.endswith(f"Scan its folder first: photoidx scan {tmp_path}\n")
    with pytest.raises(QueryError):
        Library(library).show(album / "it's.jpg")


def test_status_shows_counts_and_the_size_on_disk(album: Path, library: Path):
    done = photoidx("status", "--library", library, "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    on_disk = sum(path.stat().st_size for path in library.rglob("*") if path.is_file())
    assert found["size_bytes"] == on_disk > 10_000
    assert found["files"] == {"photo": 3, "sidecar": 1}
    assert found["roots"] == {str(album): 4}
    assert found["last_scan"]["status"] == "finished"
    people = photoidx("status", "--library", library, "--format", "table").stdout
    assert [line for line in people.splitlines() if not line.startswith(" ")] == ["library", "folders", "stages"]
    assert "3 photos, 1 sidecar" in people
    assert " kB\n" in people or " MB\n" in people
    assert f"size_bytes,{on_disk}" in photoidx("status", "--library", library).stdout


def test_optimize_keeps_the_library(library: Path):
    done = photoidx("optimize", "--library", library)
    assert (done.returncode, done.stdout) == (0, "")
    assert photoidx("sql", "SELECT count(*) AS n FROM photos", "--library", library).stdout == "n\n3\n"


def test_a_control_character_in_a_message_is_spelled_out(library: Path):
    done = photoidx("show", "\x1b[2Jx.jpg", "--library", library)
    assert "\\x1b[2Jx.jpg is not in the library" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_quiet_command_gives_its_answer_and_its_errors_alone(album: Path, library: Path, tmp_path: Path):
    done = photoidx("--quiet", "scan", album, "--library", library)
    assert (done.stdout, done.stderr) == ("", "")
    asked = photoidx("-q", "best", "--burst", "--library", library, "--format", "json")
    assert (json.loads(asked.stdout), asked.stderr) == ([], "")
    assert "No such command" in photoidx("-q", "nonsense").stderr
    assert photoidx("-q", "status", "--library", tmp_path / "none").stderr.startswith("photoidx: ")


def test_a_verbose_command_shows_where_an_error_comes_from(tmp_path: Path):
    done = photoidx("-v", "status", "--library", tmp_path / "none")
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("photoidx: ")
