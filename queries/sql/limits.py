"""What one query may take: memory, time, and the size of its answer. A query without end must not take the machine."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from photoidx.config import Config
from photoidx.errors import QueryError

# These have to be set at the start: later ones are refused once external access is off.
_AT_THE_START = {
    "temp_directory": "",  # else a large query would write into the current folder, which may be a photo folder
    "memory_limit": "50%",
}
_LOCKS = (
    "enable_external_access",
    "autoinstall_known_extensions",
    "autoload_known_extensions",
    "python_enable_replacements",
)
_ROWS_AT_ONCE = 1 << 14
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_NOT_IN_ARROW = re.compile(r"\b(UHUGEINT|BIT|TIME WITH TIME ZONE|TIMETZ)\b")


@contextmanager
def locked_connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that can reach no file, no network, no extension and no variable of this process."""
    with duckdb.connect(":memory:", config=dict(_AT_THE_START)) as connection:
        for name in _LOCKS:
            connection.execute(f"SET {name} = false")
        yield connection


def collect(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, config: Config) -> pa.Table:
    """Run a statement and give its answer, read in parts so that one that is too large is noticed.

    Raises QueryError where a limit is passed, and DuckDB's and Arrow's own errors.
    """
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        connection.interrupt()

    timer = threading.Timer(config.query_time_limit_s, stop)
    timer.daemon = True
    timer.start()
    try:
        relation = connection.sql(statement)
        _check_types(relation)
        reader = relation.to_arrow_reader(_ROWS_AT_ONCE)
        return pa.Table.from_batches(_parts(reader, config.query_answer_bytes), reader.schema)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if str(error).startswith("Out of Memory"):
            raise QueryError(
                "The query needs more than half of the computer's memory. Ask for fewer rows or columns, or aggregate."
            ) from None
        if stopped.is_set():
            raise QueryError(f"The query took longer than {config.query_time_limit_s:g} s and was stopped.") from None
        raise
    finally:
        timer.cancel()


def _check_types(relation: duckdb.DuckDBPyRelation) -> None:
    """Raise QueryError for types that DuckDB gives to Arrow as other values: a zone is lost, a number negative."""
    for name, kind in zip(relation.columns, relation.types, strict=True):
        found = _NOT_IN_ARROW.search(_QUOTED.sub("", str(kind)))
        if found is not None:
            raise QueryError(f"{name} is of the type {found[0]}, which can't be told. Write CAST(... AS VARCHAR).")


def _parts(reader: pa.RecordBatchReader, most: int) -> list[pa.RecordBatch]:
    parts, size = [], 0
    for part in reader:
        size += part.nbytes
        if size > most:
            raise QueryError(f"The answer is larger than {most / (1 << 20):,.0f} MiB. Add LIMIT, or ask for less.")
        parts.append(part)
    return parts
