"""What workers look up by id: files that every worker maps into memory, 16 bytes for each id."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping
from pathlib import Path

_WIDTH = 16


def write_ids(path: Path, ids: Iterable[str]) -> None:
    """Write ids (32 hexadecimal digits) for `KnownIds` to read."""
    path.write_bytes(b"".join(sorted(map(bytes.fromhex, ids))))


def write_pairs(path: Path, pairs: Mapping[str, str]) -> None:
    """Write an id for each id, for `KnownPairs` to read."""
    path.write_bytes(b"".join(sorted(bytes.fromhex(key + value) for key, value in pairs.items())))


class _Sorted:
    """Records of one width on disk, in order. Finding one is a binary search."""

    def __init__(self, path: Path, width: int) -> None:
        self._width = width
        self._count = path.stat().st_size // width
        self._map: bytes | mmap.mmap = b""
        if self._count:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def find(self, key: str) -> bytes | None:
        """Return the record that begins with an id; None if there is none."""
        wanted = bytes.fromhex(key)
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            found = self._map[middle * self._width : (middle + 1) * self._width]
            if found[:_WIDTH] == wanted:
                return found
            low, high = (middle + 1, high) if found[:_WIDTH] < wanted else (low, middle)
        return None


class KnownIds(_Sorted):
    """A set of ids."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _WIDTH)

    def __contains__(self, key: str) -> bool:
        return self.find(key) is not None


class KnownPairs(_Sorted):
    """An id for each of some ids."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 2 * _WIDTH)

    def get(self, key: str) -> str | None:
        """Return the id that belongs to an id; None if there is none."""
        found = self.find(key)
        return None if found is None else found[_WIDTH:].hex()


def make_claims(path: Path, most: int) -> None:
    """Make room for so many ids for `Claims`. It is taken at once: a hole on a full disk kills who writes."""
    path.write_bytes(bytes(_WIDTH * (2 * most + 1)))


class Claims:
    """Which contents a worker has begun on: a hash table that all of them write, without a lock.

    Two that come at the same instant may both be told to go on. Then the work is done twice, and nothing is lost.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._slots = len(self._map) // _WIDTH

    def take(self, key: str) -> bool:
        """Return whether nobody has begun on an id, and note that somebody has now."""
        wanted = bytes.fromhex(key)
        at = int.from_bytes(wanted[:8], "little") % self._slots
        for _ in range(self._slots):
            here = self._map[at * _WIDTH : (at + 1) * _WIDTH]
            if here == wanted:
                return False
            if not any(here):
                self._map[at * _WIDTH : (at + 1) * _WIDTH] = wanted
                return True
            at = (at + 1) % self._slots
        return True
