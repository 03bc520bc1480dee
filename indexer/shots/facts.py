"""What the tables know of the files that names propose as one press: times, cameras, hashes and thumbnails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.shots.agreement import ShotMember
from photoidx.indexer.shots.equal_thumbnails import look_same
from photoidx.indexer.shots.rules import Tied, shots
from photoidx.storage.store import Store

_FEW = 2000  # up to here rows are asked for by name; above it, reading the whole table is quicker
_THUMBNAILS_AT_ONCE = 500
_EXIF = ("taken_at", "make", "model", "serial", "width", "height")
_HASHES = ("phash_256", "pixel_id")


class ShotFacts:
    """What is known of some contents, as columns; rows of it are given as members."""

    def __init__(self, store: Store, content_ids: pa.ChunkedArray) -> None:
        """Read what is known of these contents."""
        self._store = store
        self._wanted = content_ids.unique().drop_null()
        self._columns = self._read("exif", _EXIF) | self._read("hashes", _HASHES)

    def tied(self, rows: pa.Table) -> Tied:
        """Tie files (path, content_id, kind, format) to shots: whole families, as `shots` does it.

        Thumbnails are read in a few steps: those that one pass asks for are there in the next.
        """
        members = self._members(rows)
        found: dict[frozenset[str], bool] = {}
        while True:
            asked: dict[frozenset[str], None] = {}

            def look(one: ShotMember, other: ShotMember, asked: dict[frozenset[str], None] = asked) -> bool:
                pair = frozenset((one.identity, other.identity))
                if pair not in found:
                    asked[pair] = None
                return found.get(pair, False)

            tied = shots(members, look)
            if not asked:
                return tied
            found.update(self._compared(list(asked)))

    def _members(self, rows: pa.Table) -> list[ShotMember]:
        place = pc.index_in(rows["content_id"], value_set=self._wanted)
        known = {name: column.take(place).to_pylist() for name, column in self._columns.items()}
        missing: list[Any] = [None] * len(rows)
        return [
            ShotMember(
                path,
                content_id or path,
                kind,
                file_format,
                taken_at,
                f"{make or ''}\0{model}" if model else None,
                serial,
                int(phash, 16) if phash else None,
                pixels,
                max(width, height) / min(width, height) if width and height else None,
            )
            for path, content_id, kind, file_format, taken_at, make, model, serial, width, height, phash, pixels in zip(
                *(rows[name].to_pylist() for name in ("path", "content_id", "kind", "format")),
                *(known.get(name, missing) for name in (*_EXIF, *_HASHES)),
                strict=True,
            )
        ]

    def _compared(self, pairs: Sequence[frozenset[str]]) -> Iterator[tuple[frozenset[str], bool]]:
        for start in range(0, len(pairs), _THUMBNAILS_AT_ONCE // 2):
            some = pairs[start : start + _THUMBNAILS_AT_ONCE // 2]
            wanted = sorted(frozenset().union(*some))
            jpegs: dict[str, bytes] = {}
            if "thumbnails" in self._store.names():
                rows = self._store.read("thumbnails", ["content_id", "jpeg"], _among(wanted))
                jpegs = dict(zip(rows["content_id"].to_pylist(), rows["jpeg"].to_pylist(), strict=True))
            for pair in some:
                here = [jpegs[each] for each in pair if each in jpegs]
                yield pair, len(pair) == 1 or (len(here) == len(pair) and look_same(*here))

    def _read(self, table: str, names: Sequence[str]) -> dict[str, pa.Array]:
        """Return columns of a table, a row for each content that is wanted, null where it has none."""
        if table not in self._store.names() or not len(self._wanted):
            return {}
        there = [name for name in names if name in self._store.schema(table).names]
        few = _among(self._wanted.to_pylist()) if len(self._wanted) <= _FEW else None
        rows = self._store.read(table, ["content_id", *there], few)
        place = pc.index_in(self._wanted, value_set=rows["content_id"].combine_chunks())
        return {name: rows[name].combine_chunks().take(place) for name in there}


def _among(content_ids: Iterable[str]) -> str:
    return "content_id IN ({})".format(", ".join("'" + each.replace("'", "''") + "'" for each in content_ids))
