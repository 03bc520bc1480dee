"""Which contents need no work: a sorted file of ids that every worker maps into memory, 16 bytes for each content."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path

_WIDTH = 16


def write_ids(path: Path, content_ids: Iterable[str]) -> None:
    """Write content ids for `KnownIds` to read."""
    path.write_bytes(b"".join(sorted(bytes.fromhex(content_id) for content_id in content_ids)))


class KnownIds:
    """A set of content ids on disk. Looking one up is a binary search."""

    def __init__(self, path: Path) -> None:
        self._count = path.stat().st_size // _WIDTH
        self._map: bytes | mmap.mmap = b""
        if self._count:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __contains__(self, content_id: str) -> bool:
        wanted = bytes.fromhex(content_id)
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            found = self._map[middle * _WIDTH : (middle + 1) * _WIDTH]
            if found == wanted:
                return True
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return False
