"""Which file system a folder lies on, and whether its kernel can tell of changes that others make."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_TABLE = Path("/proc/self/mountinfo")
# What another machine, or the host of a virtual one, changes there is not told by this kernel's events.
_SILENT = frozenset(
    {
        "9p",
        "afs",
        "afpfs",
        "ceph",
        "cifs",
        "drvfs",
        "glusterfs",
        "ncpfs",
        "nfs",
        "nfs4",
        "prl_fs",
        "smb2",
        "smb3",
        "smbfs",
    }
    | {"vboxsf", "virtiofs", "vmhgfs", "webdav"}
)
_OF_USER = "fuse"  # as fuse.sshfs or fuse.rclone: most of them reach over a network


def mounts() -> dict[str, str]:
    """Return the mount points with their file systems' kinds; none where the system does not tell (Linux tells)."""
    if sys.platform != "linux":
        return {}
    try:
        lines = _TABLE.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        before, _, after = line.partition(" - ")
        found[_plain(before.split(" ")[4])] = after.split(" ")[0]  # a later mount covers an earlier one
    return found


def kind_at(folder: str, known: dict[str, str]) -> str:
    """Return the kind of the file system that a folder lies on; nothing if it is not known."""
    above = os.path.realpath(folder)
    while above not in known:
        if above == os.path.dirname(above):
            return known.get(above, "")
        above = os.path.dirname(above)
    return known[above]


def is_silent(kind: str) -> bool:
    """Return whether a kind of file system is known not to tell of what other machines change."""
    return kind in _SILENT or kind.partition(".")[0] == _OF_USER


def below(root: str, known: dict[str, str]) -> dict[str, str]:
    """Return the mounts at or below a root: another card is another set of them."""
    real = os.path.realpath(root)
    inside = os.path.join(real, "")
    return {point: kind for point, kind in known.items() if point == real or point.startswith(inside)}


def _plain(escaped: str) -> str:
    """Undo the kernel's octal escapes of blanks, tabs, line ends and backslashes."""
    for code in ("\\040", "\\011", "\\012", "\\134"):
        escaped = escaped.replace(code, chr(int(code[1:], 8)))
    return escaped
