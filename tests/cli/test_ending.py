"""How commands end that are stopped, or are refused something by the system: in one line, and nothing stays behind."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from photoidx.cli.terminal.ending import Stop
from photoidx.cli.upkeep.scan import end, print_result
from photoidx.indexer.scan.run import ScanResult
from photoidx.library import Library
from photoidx.temporary import PREFIX, TemporaryFolder, remove_abandoned
from pictures import draw
from running_scan import PATIENCE_S, PHOTOIDX, is_at_work, many_photos, start, wait_for, workers

COUNT = 150
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /dev and /proc")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library of one photo."""
    folder = tmp_path_factory.mktemp("ending")
    found = Library(folder / "library")
    found.scan(draw(folder / "photos" / "a.jpg").parent)
    return found.uri


def completed(folder: Path) -> bool:
    """Scan again, and tell whether every photo has its row and nothing failed."""
    with start(folder, "scan", folder / "photos", "--format", "json") as again:
        again.communicate(timeout=PATIENCE_S)
    library = Library(folder / "library")
    assert library.failures().num_rows == 0
    return again.returncode == 0 and library.sql("SELECT count(*) AS n FROM photos")["n"].to_pylist() == [COUNT]


@pytest.mark.slow
@needs_linux
@pytest.mark.parametrize(
    ("words", "number", "to_all"),
    [
        (("scan",), signal.SIGINT, True),  # as a terminal does: the workers get it too
        (("scan",), signal.SIGTERM, False),
        (("scan",), signal.SIGTERM, True),
        (("watch", "--once"), signal.SIGINT, False),
        (("watch", "--once"), signal.SIGTERM, False),
    ],
)
def test_a_signal_ends_a_scan_in_one_line_and_nothing_is_left(
    tmp_path: Path, words: tuple[str, ...], number: signal.Signals, to_all: bool
):
    photos = many_photos(tmp_path / "photos", COUNT)
    with start(tmp_path, *words, photos, "--format", "json", "--workers", "1") as process:
        wait_for(lambda: is_at_work(process))
        (os.killpg if to_all else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number, err
    assert json.loads(out)["interrupted"]
    assert json.loads(out)["seen"] == COUNT
    first, last = err.strip().splitlines()  # else Python would tell here of semaphores that are left
    assert first == "Stopping ..."
    assert last.startswith(f"Stopped; the next scan goes on from here: {COUNT} files")
    assert "nothing to do" not in last
    assert os.listdir(tmp_path / "tmp") == []
    if to_all:
        assert completed(tmp_path)


WAITING = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may have them ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            print("here", file=sys.stderr, flush=True)
            while True:
                time.sleep(1)
module = sys.argv.pop(1)
sys.meta_path.insert(0, Slow())
from photoidx.cli import main
main()
"""
"""The command line on a disk that never brings the module of this name: a command that is asked to stop there."""


@pytest.mark.slow
@needs_linux
@pytest.mark.parametrize(
    ("module", "words"),
    [
        *(("lancedb", words) for words in (("status",), ("failures",), ("best", "--burst"), ("dups",))),
        *(("lancedb", words) for words in (("clusters",), ("doctor",), ("optimize",), ("decide", "list"))),
        *(("lancedb", words) for words in (("gallery", "out"), ("backup", "copy"), ("scan", ".", "--dry-run"))),
        *(("cv2", words) for words in (("bench", "duplicates", "photos"), ("bench", "degradations", "photos"))),
        ("torch", ("train", "series", "photos", "--layout", "degradations", "--out", "scorer")),
    ],
)
def test_sigterm_ends_every_command_in_one_line(library: str, tmp_path: Path, module: str, words: tuple[str, ...]):
    draw(tmp_path / "photos" / "a.jpg")
    assert stopped(tmp_path, library, module, words, signal.SIGTERM) == (128 + signal.SIGTERM, "Stopped.\n")


@needs_linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_end_a_command_as_sigterm_does(
    library: str, tmp_path: Path, number: signal.Signals
):
    assert stopped(tmp_path, library, "lancedb", ("status",), number) == (128 + number, "Stopped.\n")


def stopped(folder: Path, library: str, module: str, words: tuple[str, ...], number: signal.Signals) -> tuple[int, str]:
    """Send a signal to a command that waits for a module. Returns how it ended, and what it said."""
    command = [sys.executable, "-c", WAITING, module, *words]
    environment = {**os.environ, "PHOTOIDX_LIBRARY": library}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "here\n", process.stderr.read()
        process.send_signal(number)
        _out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, err


@needs_linux
def test_a_signal_ends_a_command_whose_answer_nobody_takes(library: str):
    words = ("sql", "SELECT repeat('x', 1000) FROM range(10000)")
    command = [PHOTOIDX, *words, "--library", library]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        _out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (128 + signal.SIGTERM, "Stopped.\n")


@pytest.mark.parametrize(
    "work",
    [
        "with ThreadPoolExecutor() as pool: list(pool.map(lambda _: threading.Event().wait(), range(2)))",
        "while True:\n        with contextlib.suppress(SystemExit): threading.Event().wait()",
    ],
    ids=["threads that are waited for", "a library that swallows the request"],
)
def test_a_command_that_does_not_end_by_itself_is_ended(tmp_path: Path, work: str):
    code = f"""
import contextlib, os, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
from photoidx.cli.terminal import ending
from photoidx.temporary import TemporaryFolder
ending.GRACE_S = 0.1
with ending.ended_by_signals():
    folder = TemporaryFolder("bench")
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    {work}
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, "Stopped.\n")
    assert os.listdir(tmp_path) == []


@needs_linux
def test_writing_to_a_terminal_that_was_closed_ends_as_its_signal_does(tmp_path: Path):
    ours, theirs = pty.openpty()
    code = "import os, sys; sys.stdin.readline(); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", code, str(PHOTOIDX), "--help"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.close(ours)
        assert process.stdin is not None
        process.stdin.write(b"now\n")
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 128 + signal.SIGHUP


@pytest.mark.slow
@needs_linux
def test_a_scan_whose_terminal_is_closed_ends_in_order(tmp_path: Path):
    photos = many_photos(tmp_path / "photos", COUNT)
    ours, theirs = pty.openpty()
    terminal = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    code = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PHOTOIDX_LIBRARY": str(tmp_path / "library")}
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-c", code, str(PHOTOIDX), "scan", str(photos), "--workers", "1"]
    with subprocess.Popen(command, env=environment, start_new_session=True, **terminal) as process:
        os.close(theirs)
        wait_for(lambda: is_at_work(process))
        os.close(ours)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGHUP
    assert os.listdir(tmp_path / "tmp") == []
    assert completed(tmp_path)


def test_nohup_is_heeded(tmp_path: Path):
    photos = many_photos(tmp_path / "photos", 12)
    code = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", code, str(PHOTOIDX), "scan", str(photos), "--workers", "1"]
    command += ["--library", str(tmp_path / "library")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        wait_for(lambda: is_at_work(process))
        os.killpg(process.pid, signal.SIGHUP)
        _out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert "12 new" in err


def test_a_scan_that_was_finished_when_it_was_asked_to_stop_ends_with_0():
    stop = Stop()
    stop.exit_code = 143
    stop.set()
    with pytest.raises(SystemExit) as ended:
        end(ScanResult(seen=1, new=1), stop)
    assert ended.value.code == 0


def test_a_scan_that_was_stopped_before_its_first_result_does_not_say_that_there_is_nothing_to_do(
    capsys: pytest.CaptureFixture[str],
):
    print_result(ScanResult(seen=3, interrupted=True), "table")
    assert "nothing to do" not in capsys.readouterr().err
    print_result(ScanResult(seen=3, unchanged=3), "table")
    assert "nothing to do, 3 unchanged" in capsys.readouterr().err


@pytest.mark.slow
@needs_linux
@pytest.mark.parametrize(
    "words",
    [
        ("sql", "SELECT path FROM photos", "--format", "paths"),
        ("sql", "SELECT path FROM photos", "--format", "table"),
        ("--version",),
    ],
)
@pytest.mark.parametrize(("where", "why"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")])
def test_an_answer_that_can_not_be_written_is_one_line(library: str, words: tuple[str, ...], where: str, why: str):
    environment = {**os.environ, "PHOTOIDX_LIBRARY": library}
    command = ["bash", "-c", f'exec "$0" "$@" {where}', PHOTOIDX, *words]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (1, f"photoidx: The answer can't be written: {why}.\n")


@pytest.mark.slow
@needs_linux
def test_a_scan_has_no_need_of_streams_that_are_closed(tmp_path: Path):
    photos = draw(tmp_path / "photos" / "a.jpg").parent
    command = ["bash", "-c", 'exec "$0" "$@" <&- >&- 2>&-', PHOTOIDX, "scan", photos, "--library", tmp_path / "library"]
    assert subprocess.run(command, check=False).returncode == 0
    assert Library(tmp_path / "library").store.count("files") == 1


@needs_linux
@pytest.mark.parametrize("kibibytes", [400_000, 1_500_000])
def test_too_few_addresses_are_told_before_a_library_crashes(library: str, kibibytes: int):
    command = [
        "bash",
        "-c",
        f'ulimit -v {kibibytes}; exec "$0" "$@"',
        PHOTOIDX,
        "sql",
        "SELECT 1",
        "--library",
        library,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "ulimit -v unlimited" in done.stderr


@needs_linux
def test_a_full_temporary_folder_is_one_line_that_says_what_to_do(tmp_path: Path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", small], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small disk: {mounted.stderr.strip()}")
    try:
        photos = many_photos(tmp_path / "photos", 150)  # whose table of what workers have begun on takes two pages
        command = [PHOTOIDX, "scan", photos, "--library", tmp_path / "library"]
        environment = {**os.environ, "TMPDIR": str(small)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert os.listdir(small) == []
    finally:
        subprocess.run(["umount", small], check=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"The folder {small} takes no temporary files: No space left on device." in done.stderr
    assert "TMPDIR" in done.stderr


@pytest.mark.slow
@needs_linux
def test_the_temporary_folder_of_a_scan_that_was_killed_goes_with_the_next_scan(tmp_path: Path):
    photos = many_photos(tmp_path / "photos", COUNT)
    with start(tmp_path, "scan", photos, "--workers", "1") as process:
        wait_for(lambda: is_at_work(process))
        left = workers(process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)
    wait_for(lambda: not any(each.is_running() for each in left))
    assert len(os.listdir(tmp_path / "tmp")) == 1
    assert completed(tmp_path)
    assert os.listdir(tmp_path / "tmp") == []


def test_folders_in_use_those_of_others_and_links_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    used, dead = TemporaryFolder(), TemporaryFolder("bench")
    dead._lock.release()  # as the system does when its holder dies
    for name in (f"{PREFIX}notes", "other"):
        (tmp_path / name).mkdir()
    treasure = tmp_path / "other" / "treasure"
    treasure.write_text("kept")
    (dead.path / "link").symlink_to(tmp_path / "other")
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "other")
    assert remove_abandoned() == 1
    assert not dead.path.exists()
    assert used.path.exists()
    assert treasure.read_text() == "kept"
    assert (tmp_path / f"{PREFIX}notes").exists()  # whose maker may just be about to lock it
    old = (tmp_path / f"{PREFIX}notes").stat().st_mtime - 2 * 86_400
    os.utime(tmp_path / f"{PREFIX}notes", (old, old))
    assert remove_abandoned() == 1
    used.close()
    assert not used.path.exists()
    shutil.rmtree(tmp_path / "other")
