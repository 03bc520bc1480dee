"""The watch as a service of the user's session: the text that systemd, launchd or Task Scheduler wants. All is pure.

Each form quotes differently, and none can say everything: what can't be said is refused, never changed.
"""

from __future__ import annotations

import json
import plistlib
import re
import subprocess
import unicodedata
from dataclasses import dataclass
from xml.parsers.expat import ExpatError

from photoidx.errors import PhotoidxError

UNIT = "photoidx-watch.service"
LABEL = "photoidx.watch"
TASK = "photoidx watch"

_RECORD = "# photoidx: "
_NO_CHARACTER = 0xFFFE  # the last two code points of each plane, and 32 more, are none: systemd drops their lines
_NO_CHARACTERS = range(0xFDD0, 0xFDF0)
_WINDOWS_VARIABLE = re.compile(r"%[^%]+%|\$\(")
_POWERSHELL_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")


@dataclass(frozen=True)
class Service:
    """What is to run: the whole command line, which ends in `--` and the watched folders, and its environment.

    Options with a value are one word, `--name=value`. All paths are absolute.
    """

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def roots(self) -> tuple[str, ...]:
        """The watched folders."""
        return self.command[self.command.index("--") + 1 :] if "--" in self.command else ()

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the watch."""
        before = self.command[: self.command.index("--")] if "--" in self.command else self.command
        return tuple(word for word in before if word.startswith("--"))

    def option(self, name: str) -> str | None:
        """Return the value of an option, as of `--library`; None if it is not there."""
        values = [word.removeprefix(f"{name}=") for word in self.options if word.startswith(f"{name}=")]
        return values[-1] if values else None


def systemd_unit(service: Service) -> str:
    """Return the text of a systemd user unit (systemd.service(5), systemd.syntax(7)). Raises PhotoidxError."""
    _check(service)
    program, *arguments = service.command
    if any(char in program for char in "\\\"'"):
        raise PhotoidxError(
            f"systemd starts no program that has a quote or backslash in its path: {program!r}. Move it."
        )
    # systemd takes `$` for a variable in the arguments and not in the program's path, where `$$` would stay as it is.
    # The colon turns variables off. It needs systemd 244, so it is used only where nothing else helps.
    literal = "$" in program
    words = [_systemd_word(f":{program}" if literal else program)]
    words += [_systemd_word(word if literal else word.replace("$", "$$")) for word in arguments]
    environment = "".join(f"Environment={_systemd_word(f'{name}={value}')}\n" for name, value in service.environment)
    record = json.dumps({"command": service.command, "environment": service.environment})
    return f"""\
# Written by `photoidx watch --install`, which writes it anew; `photoidx watch --uninstall` removes it.
{_RECORD}{record}
[Unit]
Description=photoidx watch: keeps the photo library up to date

[Service]
ExecStart={" ".join(words)}
{environment}\
Restart=on-failure
RestartSec=30
# 2: a wrong call, which no restart repairs. 3: some photos could not be read, which is no failure of the watch.
RestartPreventExitStatus=2
SuccessExitStatus=3 130
# The watch is asked to stop and ends its own workers; what is left after it is killed.
KillMode=mixed
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def service_of_unit(text: str) -> Service | None:
    """Read back what a unit runs; None if `photoidx watch --install` did not write it."""
    for line in text.splitlines():
        if line.startswith(_RECORD):
            try:
                record = json.loads(line.removeprefix(_RECORD))
                return Service(tuple(record["command"]), tuple((name, value) for name, value in record["environment"]))
            except (ValueError, KeyError, TypeError):
                return None
    return None


def launch_agent(service: Service) -> bytes:
    """Return the property list of a launchd agent (launchd.plist(5)). Raises PhotoidxError."""
    _check(service)
    gentle = "--nice" in service.options
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(service.command),
            "EnvironmentVariables": dict(service.environment),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 30,
            "ExitTimeOut": 60,
            "ProcessType": "Background" if gentle else "Standard",
            "LowPriorityIO": gentle,
        },
        sort_keys=False,
    )


def service_of_agent(data: bytes) -> Service | None:
    """Read back what a launchd agent runs; None if it can't be read."""
    try:
        agent = plistlib.loads(data)
        return Service(tuple(agent["ProgramArguments"]), tuple(agent.get("EnvironmentVariables", {}).items()))
    except (plistlib.InvalidFileException, ValueError, KeyError, TypeError, AttributeError, ExpatError):
        return None


def task_line(service: Service) -> str:
    """Return the PowerShell line that registers and starts a task of Task Scheduler. Raises PhotoidxError.

    The line replaces a task of the same name, and needs no administrator. The environment is not part of it.
    """
    _check(service)
    for word in service.command:
        if _WINDOWS_VARIABLE.search(word):
            raise PhotoidxError(
                f"Task Scheduler would take a part of {word!r} for a variable. Rename the folder or leave it out."
            )
    program, *arguments = service.command
    return (
        f"Register-ScheduledTask -Force -TaskName {_powershell(TASK)}"
        f" -Action (New-ScheduledTaskAction -Execute {_powershell(subprocess.list2cmdline([program]))}"
        f" -Argument {_powershell(subprocess.list2cmdline(arguments))})"
        ' -Trigger (New-ScheduledTaskTrigger -AtLogOn -User "$env:USERDOMAIN\\$env:USERNAME")'
        " -Settings (New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries"
        " -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 3 -RestartInterval (New-TimeSpan -Minutes 1)"
        f" -MultipleInstances IgnoreNew); Start-ScheduledTask -TaskName {_powershell(TASK)}"
    )


def task_removal() -> str:
    """Return the PowerShell line that stops and removes the task."""
    name = _powershell(TASK)
    return f"Stop-ScheduledTask -TaskName {name}; Unregister-ScheduledTask -TaskName {name} -Confirm:$false"


def task_question() -> str:
    """Return the PowerShell line that shows the state of the task."""
    name = _powershell(TASK)
    return f"Get-ScheduledTask -TaskName {name} | Get-ScheduledTaskInfo | Format-List LastRunTime, LastTaskResult"


def _systemd_word(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _powershell(text: str) -> str:
    """Quote for PowerShell, which takes typographic quotation marks for its own."""
    return "'" + _POWERSHELL_QUOTES.sub(r"\1\1", text) + "'"


def _check(service: Service) -> None:
    for word in (*service.command, *(text for pair in service.environment for text in pair)):
        for char in word:
            what = _unsayable(char)
            if what:
                raise PhotoidxError(
                    f"{word!r} can't be part of a service: it holds {what}. Rename it, or run `photoidx watch` by hand."
                )


def _unsayable(char: str) -> str | None:
    category = unicodedata.category(char)
    if category == "Cs":
        return "bytes that are not UTF-8"
    if category == "Cc":
        return "a control character"
    if ord(char) & _NO_CHARACTER == _NO_CHARACTER or ord(char) in _NO_CHARACTERS:
        return f"U+{ord(char):04X}, which is no character"
    return None
