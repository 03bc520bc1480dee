"""Where the numbers of trained scorers stand: each has a column of its own beside the other scores."""

from __future__ import annotations

import pyarrow as pa

from photoidx.stage import TableSpec, column, quality

PREFIX = "learned_"


def learned_column(name: str) -> str:
    """Return the column of a scorer in `quality`, and so in `photos`."""
    return f"{PREFIX}{name}"


def learned_table(name: str, about: str) -> TableSpec:
    """Declare the column of a scorer."""
    return quality(column(learned_column(name), pa.float32(), about))
