"""A scan whose process is killed at its n-th write: `python dying_scan.py LIBRARY PHOTOS N`.

The writes are those of LanceDB itself, each of which is one commit of one table.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from lancedb.db import LanceDBConnection
from lancedb.merge import LanceMergeInsertBuilder
from lancedb.table import LanceTable

from photoidx import Config, Library

CONFIG = Config(workers=1, settle_s=0.0, without=("faces", "efficientnet_lite0"))
_WRITES = (
    (LanceDBConnection, "create_table"),
    (LanceTable, "add_columns"),
    (LanceTable, "delete"),
    (LanceTable, "optimize"),
    (LanceMergeInsertBuilder, "execute"),
)


def count_writes(at: Callable[[int], None], put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Have `at` called with its number before each write of this process."""
    numbers = itertools.count()

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def method(*args: Any, **options: Any) -> Any:
            at(next(numbers))
            return real(*args, **options)

        return method

    for kind, name in _WRITES:
        put(kind, name, counted(getattr(kind, name)))


def main(library: str, photos: str, number: int) -> None:
    """Scan until death."""
    count_writes(lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == number else None)
    Library(library, CONFIG).scan(photos)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
