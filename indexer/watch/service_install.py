"""Install, remove and look at the watch's service: the files of systemd and launchd, and the programs that load them.

Windows keeps its tasks itself: there, the PowerShell line to run is given.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from photoidx.errors import PhotoidxError
from photoidx.files import write_whole
from photoidx.indexer.watch import service as forms
from photoidx.indexer.watch.service import Service

Say = Callable[[str], None]
_PATIENCE_S = 90
_LINGERING = Path("/var/lib/systemd/linger")


@dataclass(frozen=True)
class ServiceState:
    """What is known of the service. None means that it can't be told from here."""

    file: str | None
    """The file that installs it, if it is there."""
    service: Service | None
    """What it runs."""
    running: bool | None
    since: datetime | None = None
    """When its process was started, in local time with its offset."""
    pid: int | None = None
    words: str = ""
    """What the system says beyond that, or which line asks it."""
    known: bool = True
    """Whether it can be told from here what is installed."""

    @property
    def installed(self) -> bool | None:
        """Whether the service is installed."""
        return self.file is not None if self.known else None


def service_file(system: str = sys.platform) -> Path | None:
    """Return the place of the file that installs the service, whether it is there or not; None on Windows."""
    if system == "win32":
        return None
    if system == "darwin":
        return Path.home() / "Library" / "LaunchAgents" / f"{forms.LABEL}.plist"
    config = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(config) if os.path.isabs(config) else Path.home() / ".config") / "systemd" / "user" / forms.UNIT


def install(service: Service, say: Say, system: str = sys.platform) -> str | None:
    """Install and start the service, in the place of one that is there.

    Gives the line that the user has to run where it is for them to do. Raises PhotoidxError if the service can't be
    put into words, written or started.
    """
    path = service_file(system)
    if path is None:
        say("Run this line in PowerShell; it starts the watch now and whenever you log in:")
        return forms.task_line(service)
    if system == "darwin":
        _write(path, forms.launch_agent(service))
        _load(path, say, _launchd_load(path))
        return None
    _write(path, forms.systemd_unit(service).encode())
    commands = [_systemctl(*words) for words in (("daemon-reload",), ("enable", forms.UNIT), ("restart", forms.UNIT))]
    _load(path, say, commands)
    user = getpass.getuser()
    if not (_LINGERING / user).exists():
        say(f"It runs while you are logged in. To let it run without a login session: loginctl enable-linger {user}")
    return None


def uninstall(say: Say, system: str = sys.platform) -> str | None:
    """Stop and remove the service. Gives the line that the user has to run where it is for them to do."""
    path = service_file(system)
    if path is None:
        say("Run this line in PowerShell:")
        return forms.task_removal()
    if not path.is_file() and not path.is_symlink():
        say(f"Nothing is installed: there is no {path}.")
        return None
    stop = _launchd_stop() if system == "darwin" else [_systemctl("disable", "--now", forms.UNIT)]
    told = _run_all(stop)
    try:
        path.unlink()
        if system != "darwin":  # what `disable` removes, where there is no systemd to ask
            (path.parent / "default.target.wants" / forms.UNIT).unlink(missing_ok=True)
    except OSError as error:
        raise PhotoidxError(f"{path} can't be removed: {error.strerror}.") from error
    if system != "darwin":
        _run_all([_systemctl("daemon-reload")])
    say(f"Removed {path}.")
    if told and system != "darwin":  # launchctl also fails where nothing was loaded
        say(f"A watch that runs may run on: {told}")
    return None


def state(system: str = sys.platform) -> ServiceState:
    """Look whether the service is installed and runs."""
    path = service_file(system)
    if path is None:
        return ServiceState(None, None, None, words=f"ask in PowerShell: {forms.task_question()}", known=False)
    try:
        data = path.read_bytes()
    except OSError:
        return ServiceState(None, None, running=False)
    if system == "darwin":
        return _launchd_state(str(path), forms.service_of_agent(data))
    return _systemd_state(str(path), forms.service_of_unit(data.decode("utf-8", "replace")))


def _systemd_state(path: str, service: Service | None) -> ServiceState:
    asked = _run(_systemctl("show", forms.UNIT, "--property=ActiveState,SubState,Result,MainPID,NRestarts"))
    if asked is None or asked.returncode:
        return ServiceState(path, service, None, words=_complaint(asked, "systemctl"))
    facts = dict(line.partition("=")[::2] for line in asked.stdout.splitlines())
    pid = int(facts.get("MainPID") or 0) or None
    words = [f"{facts.get('ActiveState', '')} ({facts.get('SubState', '')})"]
    if facts.get("Result", "success") != "success":
        words.append(f"ended by {facts['Result']}")
    if facts.get("NRestarts", "0") != "0":
        words.append(f"started again {facts['NRestarts']} times")
    return ServiceState(path, service, pid is not None, _started(pid), pid, ", ".join(words))


def _launchd_state(path: str, service: Service | None) -> ServiceState:
    asked = _launchd_print()
    if asked is None:
        return ServiceState(path, service, None, words=_complaint(asked, "launchctl"))
    if asked.returncode:
        return ServiceState(path, service, running=False, words="not loaded")
    facts = dict(line.strip().partition(" = ")[::2] for line in reversed(asked.stdout.splitlines()))
    number = facts.get("pid", "")
    pid = int(number) if number.isdigit() else None
    words = facts.get("state", "")
    if facts.get("last exit code", "0").isdigit() and facts.get("last exit code", "0") != "0":
        words += f", last ended with status {facts['last exit code']}"
    return ServiceState(path, service, pid is not None, _started(pid), pid, words)


def _started(pid: int | None) -> datetime | None:
    import psutil  # noqa: PLC0415

    with contextlib.suppress(psutil.Error):
        return datetime.fromtimestamp(psutil.Process(pid).create_time()).astimezone() if pid else None
    return None


def _load(path: Path, say: Say, commands: Sequence[Sequence[str]]) -> None:
    """Have the system start what was written, or say how the user does it."""
    lines = " && ".join(" ".join(command) for command in commands)
    if shutil.which(commands[0][0]) is None:
        say(f"Written: {path}. There is no {commands[0][0]} here to start it; where there is, run: {lines}")
        return
    told = _run_all(commands)
    if told:
        raise PhotoidxError(f"{path} is written, but was not started: {told} In a login session, run: {lines}")
    say(f"Installed and started: {path}")


def _systemctl(*words: str) -> tuple[str, ...]:
    return ("systemctl", "--user", *words)


def _launchd_stop() -> list[tuple[str, ...]]:
    return [("launchctl", "bootout", f"{_domain()}/{forms.LABEL}")]


def _launchd_load(path: Path) -> list[tuple[str, ...]]:
    # What is loaded under this name has to go first; where nothing is, bootout only complains. It returns before the
    # old watch has ended, and until then bootstrap would fail.
    _run_all(_launchd_stop())
    end = time.monotonic() + _PATIENCE_S
    while (asked := _launchd_print()) and not asked.returncode and time.monotonic() < end:
        time.sleep(0.2)
    return [("launchctl", "enable", f"{_domain()}/{forms.LABEL}"), ("launchctl", "bootstrap", _domain(), str(path))]


def _launchd_print() -> subprocess.CompletedProcess[str] | None:
    return _run(("launchctl", "print", f"{_domain()}/{forms.LABEL}"))


def _domain() -> str:
    return f"gui/{os.getuid()}"


def _run_all(commands: Sequence[Sequence[str]]) -> str:
    """Run commands until one fails; give what it complained of, or nothing."""
    for command in commands:
        done = _run(command)
        if done is None or done.returncode:
            return _complaint(done, command[0])
    return ""


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    plain: Mapping[str, str] = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        return subprocess.run(  # noqa: S603 - programs of the system, with words of ours
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_PATIENCE_S, env=plain
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _complaint(done: subprocess.CompletedProcess[str] | None, program: str) -> str:
    if done is None:
        return f"{program} is not here or does not answer."
    said = " ".join((done.stderr or done.stdout).split())
    return f"{program} says: {said or f'status {done.returncode}'}{'' if said.endswith('.') else '.'}"


def _write(path: Path, data: bytes) -> None:
    """Write a whole file or none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise PhotoidxError(f"The service can't be written to {path}: {error.strerror}.") from error
