"""How many folders the system lets one user watch (Linux: inotify), told before it bites."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_LIMITS = Path("/proc/sys/fs/inotify")
_NEAR = 0.9  # of the limit: other programs, as the desktop's file manager, watch folders, too
_LEAST = 65_536


def most_folders() -> int | None:
    """Return how many folders one user's programs may watch together; None where there is no such limit."""
    if sys.platform != "linux":
        return None
    try:
        return int((_LIMITS / "max_user_watches").read_text())
    except (OSError, ValueError):
        return None


def held() -> int:
    """Count the folders that this process watches now, by what the kernel tells of its open files."""
    count = 0
    try:
        for entry in os.scandir("/proc/self/fdinfo"):
            with open(entry.path, encoding="ascii", errors="replace") as file:
                count += sum(line.startswith("inotify wd:") for line in file)
    except OSError:
        return count
    return count


def advice(folders: int, most: int | None) -> str:
    """Say what to do if so many folders are too many to be watched, or nearly; nothing if they are not."""
    if most is None or folders <= _NEAR * most:
        return ""
    wanted = max(_LEAST, 1 << (2 * folders - 1).bit_length())
    return (
        f"{folders:,} folders are to be watched, and this system lets a user watch {most:,}. Raise it with: "
        f"sudo sysctl fs.inotify.max_user_watches={wanted} (and for good with a line "
        f"fs.inotify.max_user_watches={wanted} in /etc/sysctl.d/60-photoidx.conf)"
    )


def instances_advice() -> str:
    """Say how to let more programs watch, for when the system refuses another one."""
    try:
        most = int((_LIMITS / "max_user_instances").read_text())
    except (OSError, ValueError):
        return ""
    return (
        f"This system lets a user's programs watch in {most} places at a time. Raise it with: "
        f"sudo sysctl fs.inotify.max_user_instances={2 * most}"
    )
