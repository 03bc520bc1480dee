"""Which pictures may be shown inside others: parts of pictures whose hashes are near those of whole pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.queries.compare.pictures import Box
from photoidx.queries.contents import Array
from photoidx.queries.duplicates.candidates import near_bits, nearest
from photoidx.queries.duplicates.pictures import Pictures
from photoidx.storage.store import Store

TABLE = "panels"
Boxes = Mapping[int, Sequence[Box]]
"""The parts of pictures that may show others, by place."""
_SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class Panels:
    """The parts of pictures, one row each, and the middle squares of whole pictures.

    `owners` (m) are places in `Pictures`, `boxes` (m x 4) left, top, right and bottom as shares of the owner's sides;
    `hash_64` and `square_64` (m, uint64) are of the part and of the square in its middle. `wholes` (n) are the places
    of pictures whose middle square is known, `squares` (n, uint64) its hashes.
    """

    owners: Array
    boxes: Array
    hash_64: Array
    square_64: Array
    wholes: Array
    squares: Array


def read_panels(store: Store, pictures: Pictures) -> Panels:
    """Read the parts of these pictures. Where the table is not there, there are none."""
    if TABLE not in store.names():
        none, hashes = np.zeros(0, np.int64), np.zeros(0, np.uint64)
        return Panels(none, np.zeros((0, 4), np.float32), hashes, hashes, none, hashes)
    rows = store.read(TABLE, ["content_id", "panel", *_SIDES, "phash_64", "square_64"])
    places = pc.index_in(rows["content_id"].combine_chunks(), value_set=pa.array(pictures.content_ids, pa.string()))
    rows = rows.append_column("place", places).filter(pc.is_valid(places))
    rows = rows.sort_by([("place", "ascending"), ("panel", "ascending")])
    is_whole = pc.equal(rows["panel"], 0)
    wholes, parts = rows.filter(is_whole), rows.filter(pc.invert(is_whole))
    return Panels(
        np.asarray(parts["place"], np.int64),
        np.stack([np.asarray(parts[side], np.float32) for side in _SIDES], axis=1),
        _numbers(parts["phash_64"]),
        _numbers(parts["square_64"]),
        np.asarray(wholes["place"], np.int64),
        _numbers(wholes["square_64"]),
    )


def _numbers(hashes: pa.ChunkedArray) -> Array:
    return np.frombuffer(bytes.fromhex("".join(hashes.to_pylist())), ">u8").astype(np.uint64)


def shown_inside(pictures: Pictures, panels: Panels, fresh: Array | None = None) -> Array:
    """Return which parts may show which pictures (m x 2: row of `panels`, place). With `fresh` (places), only theirs.

    Either the part and the picture have near hashes, or the squares in the middle of both: a cell of another shape
    cuts a picture at two sides.
    """
    first = np.sort(np.unique(pictures.pixels, return_index=True)[1])
    found = [np.zeros((0, 3), np.int64)]
    for asked, among, stored in (
        (panels.hash_64, first, pictures.hash_64[first]),
        (panels.square_64, panels.wholes, panels.squares),
    ):
        for rows in near_bits(stored, asked) if len(among) and len(asked) else ():
            rows[:, 1] = among[rows[:, 1]]
            owner = panels.owners[rows[:, 0]]
            other = owner != rows[:, 1]
            if fresh is not None:
                other &= np.isin(owner, fresh) | np.isin(rows[:, 1], fresh)
            found.append(nearest(rows[other]))
    return nearest(np.concatenate(found))[:, :2]


def boxes_of(panels: Panels, inside: Array) -> Boxes:
    """Return the boxes of those parts that may show other pictures, by the places of their owners."""
    found: dict[int, list[Box]] = defaultdict(list)
    for row in np.unique(inside[:, 0]).tolist():
        found[int(panels.owners[row])].append(tuple(panels.boxes[row].tolist()))
    return found
