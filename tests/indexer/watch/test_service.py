"""The watch as a service: what systemd, launchd and Task Scheduler are given is what was asked for."""

from __future__ import annotations

import json
import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given
from hypothesis import strategies as st

from photoidx.cli.terminal.output import library_option, output_options
from photoidx.cli.upkeep.watch_service import background_options
from photoidx.errors import PhotoidxError
from photoidx.indexer.watch.service import (
    TASK,
    Service,
    launch_agent,
    service_of_agent,
    service_of_unit,
    systemd_unit,
    task_line,
)
from photoidx.indexer.watch.service_install import install, service_file, state, uninstall
from service_readers import powershell_strings, systemd_command, systemd_words, windows_arguments

ENVIRONMENT = {"HOME": "/home/other", "a": "put in", "PATH": "/bin"}
NASTY = (
    "/photos/50% off/%h",
    "/photos/$HOME/${a}/$$",
    "$HOME",
    "/photos/a \"b\" 'c'",
    "/photos/back\\slash\\",
    "/photos/ two  spaces ",
    "/photos/Zürich 日本 🏔",
    "-rf",
    ";",
    "",
    "#",
)
text = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=12) | st.text(
    "$%\\\"'{} a;\u2019", max_size=8
)
services = st.builds(
    lambda program, options, roots: Service(
        (f"/{program}", *(f"--option={value}" for value in options), "--", *roots), (("HF_HOME", "/" + program),)
    ),
    text,
    st.lists(text, max_size=3),
    st.lists(text, min_size=1, max_size=3),
)
nasty = Service(("/usr/bin/python3", "-m", "photoidx.cli", "watch", "--library=/l $a", "--", *NASTY), (("A", "b %h"),))


def line_of(unit: str, key: str) -> str:
    return next(line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}="))


@given(services)
@example(nasty)
@example(Service(("/opt/$HOME/${a}/python", "$HOME", "--", "$$"), (("A", "$HOME"),)))
def test_systemd_runs_exactly_the_command_that_was_asked_for(service: Service):
    if set(service.command[0]) & set("\\\"'"):
        with pytest.raises(PhotoidxError, match="Move it"):
            systemd_unit(service)
        return
    unit = systemd_unit(service)
    assert tuple(systemd_command(line_of(unit, "ExecStart"), ENVIRONMENT)) == service.command
    name, value = service.environment[0]
    assert systemd_words(line_of(unit, "Environment")) == [f"{name}={value}"]
    assert service_of_unit(unit) == service


@given(services)
@example(nasty)
def test_launchd_gets_exactly_the_command_that_was_asked_for(service: Service):
    agent = plistlib.loads(launch_agent(service))
    assert tuple(agent["ProgramArguments"]) == service.command
    assert service_of_agent(launch_agent(service)) == service


@given(services)
@example(
    Service(("C:\\Program Files\\python.exe", "-m", "x", "--", "D:\\It's\\", 'a\\"b', "Ann\u2019s \u2018 album", ""))
)
def test_task_scheduler_gets_exactly_the_command_that_was_asked_for(service: Service):
    try:
        line = task_line(service)
    except PhotoidxError:
        assert any(re.search(r"%.+%|\$\(", word) for word in service.command)
        return
    name, program, arguments, again = powershell_strings(line)
    assert name == again == TASK
    assert windows_arguments(program) + windows_arguments(arguments) == list(service.command)


@pytest.mark.parametrize(
    ("root", "why"),
    [
        ("/photos/new\nExecStart=/bin/evil", "a control character"),
        ("/photos/\x1b[2J", "a control character"),
        (os.fsdecode(b"/photos/\xff"), "not UTF-8"),
        ("/photos/\ufffe", "U+FFFE"),
        ("/photos/\ufdd0", "U+FDD0"),
    ],
)
def test_what_a_service_cannot_say_is_refused_and_named(root: str, why: str):
    for form in (systemd_unit, launch_agent, task_line):
        with pytest.raises(PhotoidxError, match=re.escape(why)) as caught:
            form(Service(("/python", "--", root)))
        assert repr(root) in str(caught.value)


def test_windows_variables_in_a_path_are_refused():
    for root in ("C:\\%TEMP%\\x", "C:\\$(Arg0)"):
        with pytest.raises(PhotoidxError, match="variable"):
            task_line(Service(("C:\\python.exe", "--", root)))


def test_a_unit_of_another_hand_is_not_read():
    assert service_of_unit("[Service]\nExecStart=/bin/true\n") is None
    assert service_of_unit("# photoidx: [1]\n") is None
    assert service_of_agent(b"<plist") is None
    assert service_of_agent(plistlib.dumps({"Label": "x"})) is None


def verified(unit: Path) -> subprocess.CompletedProcess[str]:
    """Have systemd itself read a unit, and print what it understood."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze")
    found = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(unit)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(unit.parent), "SYSTEMD_LOG_LEVEL": "debug", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if "Command Line:" not in found.stdout:
        pytest.skip("systemd-analyze does not print what it reads here")
    return found


def test_systemd_itself_reads_the_command_that_was_asked_for(tmp_path: Path):
    program = tmp_path / "my 50% env; é -x" / "python"
    program.parent.mkdir()
    program.symlink_to(sys.executable)
    service = Service((str(program), *nasty.command[1:]), (("A_B", 'x "y" \\ 100 % $HOME'),))
    unit = tmp_path / "photoidx-watch.service"
    unit.write_text(systemd_unit(service))
    found = verified(unit)
    assert found.returncode == 0, found.stderr
    assert f"{unit}:" not in found.stderr  # no line is complained of
    printed = re.search(r"Command Line: (.*)", found.stdout)
    assert printed
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', printed[1])
    read = [bare or re.sub(r"\\(.)", r"\1", quoted) for quoted, bare in words]
    assert [word.replace("$$", "$") for word in read] == list(service.command)
    assert f"Environment: A_B={service.environment[0][1]}" in found.stdout
    assert "KillMode: mixed" in found.stdout


def test_systemd_itself_reads_a_program_with_a_dollar(tmp_path: Path):
    program = tmp_path / "${a}" / "python"
    program.parent.mkdir()
    program.symlink_to(sys.executable)
    unit = tmp_path / "photoidx-watch.service"
    unit.write_text(systemd_unit(Service((str(program), "--", "$HOME"))))
    found = verified(unit)
    assert found.returncode == 0, found.stderr
    program.unlink()
    assert verified(unit).returncode != 0  # so it was this very path that was looked for


# Installing. The programs that load a service are not ours, and must not be run by a test: scripts stand for them.


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, and no program to be found."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "PHOTOIDX_LIBRARY", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def program(home: Path, name: str, script: str = "") -> Path:
    """Put a program into the path that notes how it was called."""
    calls = home / f"{name}.calls"
    path = home / "bin" / name
    path.write_text(f"#!/bin/sh\necho \"$@\" >> '{calls}'\n{script}\n")
    path.chmod(0o755)
    return calls


SERVICE = Service((sys.executable, "-m", "photoidx.cli", "watch", "--library=/l", "--nice", "--", "/photos/a b"))
UNIT_PLACE = Path(".config/systemd/user/photoidx-watch.service")
AGENT_PLACE = Path("Library/LaunchAgents/photoidx.watch.plist")


def test_systemd_is_told_to_read_enable_and_start_the_unit_and_a_second_install_replaces_the_first(home: Path):
    calls = program(home, "systemctl")
    said: list[str] = []
    assert install(SERVICE, said.append, "linux") is None
    second = Service((*SERVICE.command, "/photos/more"))
    install(second, said.append, "linux")
    assert os.listdir(home / UNIT_PLACE.parent) == [UNIT_PLACE.name]
    assert service_of_unit((home / UNIT_PLACE).read_text()) == second
    once = ["--user daemon-reload", "--user enable photoidx-watch.service", "--user restart photoidx-watch.service"]
    assert calls.read_text().splitlines() == once * 2
    assert any("loginctl enable-linger" in line for line in said) or Path("/var/lib/systemd/linger").exists()


def test_the_users_own_configuration_folder_is_used(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "conf"))
    install(SERVICE, lambda _line: None, "linux")
    assert (home / "conf/systemd/user/photoidx-watch.service").is_file()
    monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")
    assert service_file("linux") == home / UNIT_PLACE


def test_without_systemctl_the_commands_are_named(home: Path):
    said: list[str] = []
    install(SERVICE, said.append, "linux")
    assert (home / UNIT_PLACE).is_file()
    assert "systemctl --user restart photoidx-watch.service" in said[0]


def test_a_systemd_that_refuses_is_an_error_that_says_what_to_run(home: Path):
    program(home, "systemctl", "echo Failed to connect to bus >&2; exit 1")
    with pytest.raises(PhotoidxError, match="not started: systemctl says: Failed to connect to bus.*run: systemctl"):
        install(SERVICE, lambda _line: None, "linux")
    found = state("linux")
    assert (found.installed, found.running, found.service) == (True, None, SERVICE)
    assert "Failed to connect to bus" in found.words


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(home: Path):
    (home / ".config").write_text("a file where a folder should be")
    with pytest.raises(PhotoidxError, match=re.escape(str(UNIT_PLACE))):
        install(SERVICE, lambda _line: None, "linux")


def test_uninstall_stops_the_service_and_leaves_nothing(home: Path):
    install(SERVICE, lambda _line: None, "linux")
    wants = home / UNIT_PLACE.parent / "default.target.wants" / UNIT_PLACE.name
    wants.parent.mkdir()
    wants.symlink_to(home / UNIT_PLACE)
    calls = program(home, "systemctl")
    uninstall(lambda _line: None, "linux")
    assert calls.read_text().splitlines() == ["--user disable --now photoidx-watch.service", "--user daemon-reload"]
    assert not wants.is_symlink()
    assert not (home / UNIT_PLACE).exists()
    said: list[str] = []
    uninstall(said.append, "linux")
    assert "Nothing is installed" in said[0]


def test_a_running_service_is_told_with_its_process_and_since_when(home: Path):
    install(SERVICE, lambda _line: None, "linux")
    facts = f"ActiveState=active\\nSubState=running\\nResult=success\\nMainPID={os.getpid()}\\nNRestarts=2\\n"
    program(home, "systemctl", f"printf '{facts}'")
    found = state("linux")
    assert (found.installed, found.running, found.pid) == (True, True, os.getpid())
    assert found.since
    assert found.words == "active (running), started again 2 times"
    program(home, "systemctl", "printf 'ActiveState=failed\\nSubState=failed\\nResult=exit-code\\nMainPID=0\\n'")
    found = state("linux")
    assert (found.installed, found.running, found.pid, found.since) == (True, False, None, None)
    assert found.words == "failed (failed), ended by exit-code"


def test_launchd_is_told_to_load_the_agent_anew(home: Path):
    # At first `print` still finds the watch that was there before.
    calls = program(home, "launchctl", f'[ "$1" = print ] || exit 0; [ ! -e "{home}/asked" ] && : > "{home}/asked"')
    install(SERVICE, lambda _line: None, "darwin")
    me = f"gui/{os.getuid()}"
    assert calls.read_text().splitlines() == [
        f"bootout {me}/photoidx.watch",
        f"print {me}/photoidx.watch",
        f"print {me}/photoidx.watch",
        f"enable {me}/photoidx.watch",
        f"bootstrap {me} {home / AGENT_PLACE}",
    ]
    assert plistlib.loads((home / AGENT_PLACE).read_bytes())["LowPriorityIO"] is True
    program(
        home, "launchctl", f"printf 'x = {{\\n\\tstate = running\\n\\tpid = {os.getpid()}\\n\\tstate = idle\\n}}\\n'"
    )
    found = state("darwin")
    assert (found.running, found.pid, found.service, found.words) == (True, os.getpid(), SERVICE, "running")
    program(home, "launchctl", "exit 3")
    assert state("darwin").running is False
    uninstall(lambda _line: None, "darwin")
    assert not (home / AGENT_PLACE).exists()
    assert state("darwin").installed is False


def test_on_windows_the_lines_are_given_and_nothing_is_written(home: Path):
    before = sorted(home.rglob("*"))
    line = install(SERVICE, lambda _line: None, "win32")
    assert line == task_line(SERVICE)
    assert "Unregister-ScheduledTask" in (uninstall(lambda _line: None, "win32") or "")
    assert state("win32").installed is None
    assert sorted(home.rglob("*")) == before


# The options, on a small command of the same kind as `photoidx watch`.


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(file_okay=False))
@library_option
@output_options
@background_options
@click.option("--once", is_flag=True)
@click.option("--exclude", multiple=True)
@click.option("--embedder", multiple=True)
@click.option("--workers", default=0)
@click.option("--bursts/--no-bursts", default=True)
@click.option("--models", type=click.Path())
def watch(may_work: Any, **given: Any) -> None:
    click.echo(json.dumps({"may_work": may_work(), **given}))


def call(*arguments: str) -> Result:
    return CliRunner().invoke(watch, arguments)


def installed(home: Path) -> Service:
    service = service_of_unit((home / UNIT_PLACE).read_text())
    assert service
    return service


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="installs for systemd")


@linux_only
def test_the_options_of_the_call_are_those_of_the_service(home: Path, monkeypatch: pytest.MonkeyPatch):
    (home / "a b").mkdir()
    monkeypatch.chdir(home)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HF_HOME", "/big disk/hf")
    options = ("--nice", "--pause-on-battery", "--exclude", "*.tmp", "--exclude", "--x", "--embedder", "dinov2@w.pt")
    done = call("--install", "a b", *options, "--no-bursts", "--workers", "2", "--library", "lib", "--models", "m")
    assert done.exit_code == 0, done.output
    service = installed(home)
    assert service.command[: service.command.index("watch") + 1] == (
        sys.executable,
        "-P",
        "-m",
        "photoidx.cli",
        "watch",
    )
    assert service.roots == (str(home / "a b"),)
    assert service.option("--library") == str(home / "lib")
    assert service.option("--log") == str(home / ".local/state/photoidx/log/watch.log")
    assert set(service.options) - {f"--library={home / 'lib'}", f"--log={service.option('--log')}"} == {
        "--nice",
        "--pause-on-battery",
        "--exclude=*.tmp",
        "--exclude=--x",
        f"--embedder=dinov2@{home / 'w.pt'}",
        "--no-bursts",
        "--workers=2",
        f"--models={home / 'm'}",
    }
    assert service.environment == (("HF_HOME", "/big disk/hf"),)


@linux_only
def test_the_service_runs_this_photoidx_whatever_lies_in_the_folder_where_it_starts(home: Path):
    call("--install", str(home))
    command = systemd_command(line_of((home / UNIT_PLACE).read_text(), "ExecStart"), ENVIRONMENT)
    (home / "photoidx.py").write_text("raise SystemExit('the wrong one')")
    program = command[: command.index("watch")]
    done = subprocess.run([*program, "--version"], cwd=home, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("photoidx, version")


@linux_only
def test_the_library_that_is_in_use_is_the_services_too(home: Path, monkeypatch: pytest.MonkeyPatch):
    call("--install", str(home))
    assert installed(home).option("--library") == str(home / ".local/share/photoidx/library")
    monkeypatch.setenv("PHOTOIDX_LIBRARY", "s3://bucket/photos")
    call("--install", str(home))
    assert installed(home).option("--library") == "s3://bucket/photos"


@linux_only
def test_status_tells_what_is_installed_and_what_was_done_last(home: Path):
    assert json.loads(call("--status", "--format", "json").stdout)["installed"] is False
    call("--install", str(home), "--nice", "--library", "/lib")
    log = Path(installed(home).option("--log") or "")
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(30)) + "bad \x1b[2J\n")
    shown = json.loads(call("--status", "--format", "json").stdout)
    assert (shown["installed"], shown["running"]) == (True, None)
    assert (shown["library"], shown["folders"], shown["options"]) == ("/lib", [str(home)], ["--nice"])
    assert shown["last_lines"][-2] == "line 29"
    people = call("--status", "--format", "table").stdout
    assert "\x1b" not in people
    assert f"{home}  is there" in people
    assert "line 29" in people


@linux_only
def test_uninstall_by_the_command_removes_what_install_wrote(home: Path):
    call("--install", str(home))
    done = call("--uninstall")
    assert done.exit_code == 0
    assert not (home / UNIT_PLACE).exists()


def test_a_call_that_makes_no_sense_is_refused(home: Path):
    assert call().exit_code == call("--install").exit_code == 2
    assert call("--install", "--status", str(home)).exit_code == 2
    assert call("--install", "--once", str(home)).exit_code == 2
    missing = call("--install", str(home / "typo"))
    assert isinstance(missing.exception, PhotoidxError)
    assert "typo" in str(missing.exception)
    assert not (home / UNIT_PLACE).exists()


def test_in_the_foreground_the_watch_gets_its_options_and_may_work(home: Path):
    told = json.loads(call(str(home), "--workers", "3").stdout)
    assert (told["may_work"], told["workers"], told["paths"]) == (True, 3, [str(home)])


def test_a_log_that_cannot_be_written_is_said_and_the_watch_goes_on(home: Path):
    (home / "file").write_text("")
    done = call(str(home), "--log", str(home / "file" / "watch.log"))
    assert done.exit_code == 0
    assert "can't be written" in done.stderr
    assert json.loads(done.stdout)["may_work"] is True
