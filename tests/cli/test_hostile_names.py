"""Names that look like options, markup, shell or SQL, or that would drive a terminal, through the real commands."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from made_library import file, write
from photoidx import Config, Library
from photoidx.cli import main
from photoidx.cli.terminal.output import FORMATS
from photoidx.records import path_text
from photoidx.storage.store import Store
from pictures import age, draw

pty = pytest.importorskip("pty", reason="Windows allows no such names")
PHOTOIDX = Path(sys.executable).with_name("photoidx")
DRIVING = (
    b"clear \x1b[2J\x1b[H.jpg",
    b"link \x1b]8;;mailto:x@example.invalid\x1b\\here\x1b]8;;\x1b\\.jpg",
    b"title \x1b]0;owned\x07.jpg",
    b"two\nlines\r.jpg",
    b"back\x08\x08\x7f.jpg",
    "c1 \u009b31m.jpg".encode(),
    "turned \u202egpj.exe.jpg".encode(),
    b"bytes \xff\xfe\x9b.jpg",
)
NAMES = (
    *DRIVING,
    b"--help.jpg",
    b"-rf.jpg",
    b"--library=x.jpg",
    b"<img src=x onerror=alert(1)>.jpg",
    b"<script>alert(1)<!--.jpg",
    b"[bold red]:skull:[] %s %n {0} {name}.jpg",
    b"'; DROP TABLE files; --.jpg",
    b'" OR 1=1.jpg',
    b"$(touch pwned) `touch pwned`; & | > pwned.jpg",
    b"=1+1.jpg",
    b"*?[a-z]~ .jpg",
    b"broken \x1b[2J<b>.png",
)
COMMANDS = (
    ["sql", "SELECT path, name, make FROM photos"],
    ["sql", 'SELECT name AS "\x1b[2J" FROM photos'],
    ["failures"],
    ["bursts", "--explain"],
    ["best", "--burst"],
    ["dups"],
    ["similar", "--count", "50", "--", "--help.jpg"],
    ["search", "skull"],
    ["search", "\x1b[2J"],
    ["show", "--", "-rf.jpg"],
    ["show", "--", os.fsdecode(DRIVING[0])],
    ["decide", "list"],
    ["status"],
)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A scanned folder of such names, in a folder with such a name: each photo twice, so that there are duplicates."""
    top = tmp_path_factory.mktemp("names")
    photos = top / "photos\x1b[2J\u202e"
    exif = Image.Exif()
    exif[0x010F] = "\x1b[2JMaker\x07"
    for folder in ("a", "b"):
        (photos / folder).mkdir(parents=True)
        for number, name in enumerate(NAMES):
            place = Path(os.fsdecode(os.path.join(os.fsencode(photos / folder), name)))
            if name.startswith(b"broken"):
                place.write_bytes(b"\x1b[2J no picture")
            else:
                image = Image.open(draw(top / "one.jpg", number, (120, 80)))
                image.save(place, exif=exif)
            age(place, 86400 + number)
    library = Library(top / "library", Config(without=("faces", "sharpness", "technical")))
    assert library.scan(photos).seen == 2 * len(NAMES)
    return photos, str(top / "library")


def on_terminal(words: list[str], folder: Path, library: str) -> tuple[int, str]:
    """Run a command with a terminal for stdout and stderr; give its status and everything that the terminal gets."""
    ours, theirs = pty.openpty()
    got: list[bytes] = []

    def listen() -> None:
        with contextlib.suppress(OSError):  # how Linux says that the other end is closed
            while part := os.read(ours, 1 << 16):
                got.append(part)

    listener = threading.Thread(target=listen)
    listener.start()
    with pytest.MonkeyPatch.context() as patch, open(theirs, "w", encoding="utf-8") as terminal:
        for name, value in {"TERM": "dumb", "COLUMNS": "200", "PHOTOIDX_LIBRARY": library}.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["photoidx", *words])
        patch.setattr(sys, "stdout", terminal)
        patch.setattr(sys, "stderr", terminal)
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        terminal.flush()
    listener.join()
    os.close(ours)
    return status, b"".join(got).decode("utf-8")


def driving(text: str) -> set[str]:
    """Return the characters that a terminal might obey."""
    return {char for char in text if unicodedata.category(char)[0] == "C"} - {"\n"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_name_drives_the_terminal(album: tuple[Path, str], command: list[str]):
    status, text = on_terminal(command, album[0] / "a", album[1])
    plain = text.replace("\r\n", "\n").replace("\rComparing pictures", "Comparing pictures")
    assert driving(plain) == set(), plain
    assert status == 0, plain
    assert "Traceback" not in plain


@pytest.mark.parametrize("output_format", FORMATS)
def test_no_format_drives_the_terminal(album: tuple[Path, str], output_format: str):
    words = ["sql", "SELECT path, name FROM photos", "--format", output_format]
    status, text = on_terminal(words, album[0], album[1])
    assert status == 0
    allowed = {"\x7f"} if output_format in {"json", "jsonl"} else set()  # DEL, which no terminal obeys
    assert driving(text.replace("\r\n", "\n")) <= allowed


def test_the_plan_of_a_scan_and_its_warnings_do_not_drive_the_terminal(album: tuple[Path, str], tmp_path: Path):
    status, text = on_terminal(["scan", "--dry-run", str(album[0])], tmp_path, str(tmp_path / "new"))
    assert (status, driving(text.replace("\r\n", "\n"))) == (0, set())
    emptied = tmp_path / "emptied\x1b[2J"
    emptied.mkdir()
    store = Store(str(tmp_path / "library"), create=True)
    write(store, files=[file(f"{emptied}/{number}.jpg", f"c{number}", root=str(emptied)) for number in range(30)])
    for words in (["scan", str(emptied), "--dry-run"], ["scan", str(emptied)]):
        status, text = on_terminal(words, tmp_path, store.uri)
        assert "emptied\\x1b[2J" in text
        assert driving(text.replace("\r\n", "\n")) == set()


def piped(album: tuple[Path, str], *words: str) -> bytes:
    command = [PHOTOIDX, *words, "--library", album[1]]
    return subprocess.run(command, capture_output=True, check=True, timeout=600).stdout


def test_programs_get_every_name_as_it_is(album: tuple[Path, str]):
    there = {os.path.join(os.fsencode(album[0]), folder, name) for folder in (b"a", b"b") for name in NAMES}
    query = "SELECT path FROM photos"
    assert set(piped(album, "sql", query, "--format", "paths", "-0").split(b"\0")) - {b""} == there
    texts = {path_text(os.fsdecode(path)) for path in there}
    assert {row["path"] for row in json.loads(piped(album, "sql", query, "--format", "json"))} == texts
    table = io.StringIO(piped(album, "sql", query, "--format", "csv").decode(), newline="")
    assert {row["path"] for row in csv.DictReader(table)} == texts


def test_an_option_like_name_is_a_photo_after_two_dashes(album: tuple[Path, str]):
    status, text = on_terminal(["show", "--", "--help.jpg"], album[0] / "a", album[1])
    assert status == 0
    assert "Usage" not in text
    assert "--help.jpg" in text


def test_a_name_is_never_run_and_nothing_appears_beside_the_photos(album: tuple[Path, str]):
    assert {os.path.basename(os.fsencode(path)) for path in (album[0] / "a").iterdir()} == set(NAMES)
    assert not [path for path in album[0].parent.rglob("*pwned*") if path.suffix != ".jpg"]
