"""The scripts and the commands of make that the pages name: each runs, in a form that is as short as it can be."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import bench
from photoidx import Config, Library
from pictures import draw

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
SHORT = {
    "bench": ["--files", "0", "--rescan", "3", "--repeats", "1"],
    "bench_clusters": ["--library", "LIBRARY", "--photos", "40", "--reduce", "pca"],
    "bench_duplicates": ["--sizes", "40", "--added", "2"],
    "bench_grouping": ["--shots", "60", "--added", "2"],
    "bench_search": ["--photos", "50"],
}
NO_OPTIONS = {"demo", "exif_agreement", "generate_docs"}


def run(name: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> object:
    """Run a script in this process, and give its exit status."""
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *words])
    try:
        runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")
    except SystemExit as ended:
        return ended.code or 0
    return 0


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("scripts")
    for number in range(3):
        draw(folder / "photos" / f"{number}.jpg", number)
    library = Library(folder / "library", Config(workers=1, without=("faces", "sharpness", "technical")))
    library.scan(folder / "photos")
    return library.uri


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_a_measurement_runs_in_a_short_form(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    words = [library if word == "LIBRARY" else word for word in SHORT[name]]
    assert run(name, words, monkeypatch) == 0
    assert capsys.readouterr().out


def test_the_steps_of_a_scan_are_measured_one_by_one(tmp_path: Path):
    photo = tmp_path / "a.jpg"
    Image.new("RGB", (640, 480), "navy").save(photo)
    steps = bench.Steps(tmp_path / "library")
    steps.run([photo])
    assert {"read", "hash", "decode", "commit", *bench.scores()} <= steps.costs.keys()
    assert Library(tmp_path / "library").store.count("files") == 1


def test_every_script_that_a_page_names_has_the_options_that_it_gives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    named: dict[str, set[str]] = {}
    for page in PAGES:
        for name, words in re.findall(r"scripts/(\w+)\.py((?: [^`#\n]*)?)", page.read_text()):
            named.setdefault(name, set()).update(re.findall(r"--[a-z-]+", words))
    assert len(named) > 10
    for name in sorted(named.keys() - NO_OPTIONS):
        assert run(name, ["--help"], monkeypatch) == 0, name
        helped = capsys.readouterr().out
        assert {option for option in named[name] if option not in helped} == set(), name


def test_every_command_of_make_that_a_page_names_runs_a_script_that_is_there():
    rules = (ROOT / "Makefile").read_text()
    named = {name for page in PAGES for name in re.findall(r"(?:^    |`)make ([a-z]+)", page.read_text(), re.MULTILINE)}
    assert {"scan", "test", "demo", "bench", "docs"} <= named
    for name in named:
        words = ["make", "-n", "-o", ".venv/.ready", name]
        dry = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert dry.returncode == 0, dry.stderr
    for path in re.findall(r"scripts/[\w.]+", rules):
        assert (ROOT / path).is_file(), path
