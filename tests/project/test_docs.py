"""What the pages say is so: their SQL runs, their commands exist, and what is generated is current."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from photoidx.cli import cli
from photoidx.cli.terminal.lazy import LazyGroup
from photoidx.library import Library
from pictures import draw

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
STATEMENTS = [
    line.strip()
    for language, block in BLOCKS
    if language == "sql"
    for line in re.sub(r"--.*", "", block).split(";")
    if line.strip()
]


def demo_album(folder: Path) -> Path:
    for number in range(3):
        draw(folder / "demo-album" / f"IMG_{number}.jpg", number)
    return folder / "demo-album"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("docs")
    library = Library(folder / "library")
    assert library.scan(demo_album(folder)).analysed == 3
    return library


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_sql_of_the_readme_runs(library: Library, statement: str):
    assert library.sql(statement).num_columns > 0


def test_the_sql_of_the_readme_commands_runs(library: Library):
    queries = re.findall(r'photoidx sql "([^"]+)"', README)
    assert queries
    for query in queries:
        assert library.sql(query).num_columns > 0


def test_every_command_that_the_readme_names_exists_with_its_options():
    named = re.findall(r"(?<!from )photoidx ([a-z]+)((?: +(?:--[a-z-]+|[^`\s#]+))*)", "\n".join(_code(README)))
    assert len({name for name, _rest in named}) >= 6
    commands = cli.all_commands()
    for name, rest in named:
        assert name in commands, name
        command = commands[name]
        if isinstance(command, LazyGroup) and rest.split() and rest.split()[0] in command.all_commands():
            command = command.all_commands()[rest.split()[0]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, (name, rest)


def _code(page: str) -> list[str]:
    """Return the indented lines, fenced blocks and inline code."""
    return re.findall(r"^    .*$", page, re.MULTILINE) + re.findall(r"`[^`]+`", page)


def test_the_python_of_the_readme_runs(tmp_path: Path):
    demo_album(tmp_path)
    for number, block in enumerate(block for language, block in BLOCKS if language == "python"):
        script = tmp_path / f"readme_{number}.py"
        script.write_text(block)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "IMG_2.jpg" in done.stdout
        shutil.rmtree(tmp_path / "photo-library")


def test_every_link_to_a_page_of_the_project_leads_somewhere():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_test_that_the_security_page_names_is_there():
    named = set(re.findall(r"`((?:tests|scripts)/[\w/]+\.py)`", (ROOT / "SECURITY.md").read_text()))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_the_declared_packages_are_the_folders_on_disk():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {"photoidx": ROOT / "src" / "photoidx"}
    folders |= {f"photoidx.{name}": ROOT / name for name in ("indexer", "scoring", "queries", "evaluation", "training")}
    found = set()
    for package, folder in folders.items():
        for path in folder.rglob("__init__.py"):
            found.add(".".join([package, *path.parent.relative_to(folder).parts]))
    assert found == set(tools["packages"])
    assert {package: ROOT / path for package, path in tools["package-dir"].items()} == folders


def imported(place: Path) -> set[str]:
    """Return the names of the top packages that a module, or each of a folder, imports."""
    found = set()
    for path in [place] if place.is_file() else place.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"photoidx"}


def spelled(requirement: str) -> str:
    """Return a requirement's package, as registries compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def test_every_package_that_is_imported_is_declared():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = told["project"]["optional-dependencies"].values()
    ours = {spelled(each) for group in (told["project"]["dependencies"], *extras) for each in group}
    groups = told["dependency-groups"]
    also = {spelled(each) for group in groups.values() for each in group if isinstance(each, str)}
    brought_by = packages_distributions()
    own = {path.stem for folder in ("tests/helpers", "scripts") for path in (ROOT / folder).iterdir()}
    for folder, declared in (
        *((folder, ours) for folder in ("src", "indexer", "scoring", "queries", "evaluation", "training")),
        *((folder, ours | also) for folder in ("tests", "scripts")),
    ):
        for name in sorted(imported(ROOT / folder) - own):
            assert {spelled(each) for each in brought_by[name]} & declared, f"{folder} imports {name}"


def test_only_the_store_and_the_tables_may_import_lancedb_in_whatever_package():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rule,) = (each for each in contracts if each.get("forbidden_modules") == ["lancedb"])
    assert rule["source_modules"] == ["photoidx"]
    folders = [ROOT / "src", *(ROOT / name for name in ("indexer", "scoring", "queries", "evaluation", "training"))]
    found = {path.name for folder in folders for path in folder.rglob("*.py") if "lancedb" in imported(path)}
    assert found == {"store.py", "tables.py"}


def test_the_generated_pages_are_current():
    command = [sys.executable, ROOT / "scripts" / "generate_docs.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs the git repository")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_package_registry_or_a_folder_of_the_machine_it_was_written_on():
    hosts = ("pypi" + ".org", "files.python" + "hosted.org")
    places = re.compile(r"(?<![\w.~}/])/(?:work|tmp|root)/")
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        name = str(path.relative_to(ROOT))
        assert [host for host in hosts if host in text] == [], name
        if not name.startswith("tests/"):
            assert places.findall(text) == [], name


def test_the_page_of_commands_shows_what_the_commands_show():
    page = (ROOT / "docs" / "cli.md").read_text()
    environment = {**os.environ, "COLUMNS": "100"}
    for arguments in ([], ["scan"], ["decide"], ["bench", "retrieval"]):
        command = [Path(sys.executable).with_name("photoidx"), *arguments, "--help"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        assert "-h, --help" in shown
        assert f"```text\n{shown.rstrip()}\n```" in page
