"""SQL over a library: DuckDB reads the tables' rows, locked against files, network and settings."""

from __future__ import annotations

import difflib
import re

import duckdb
import pyarrow as pa

from photoidx.errors import QueryError
from photoidx.queries.views import views
from photoidx.store import Store

# Read only where a query names them: they make up most of a library's bytes.
_HEAVY = {"exif": {"tags"}, "thumbnails": {"jpeg"}}
_LOCKS = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
_EMPTY = {
    "labels": pa.schema(
        [("content_id", pa.string()), ("labels", pa.list_(pa.string())), ("probabilities", pa.list_(pa.float32()))]
    ),
}


def run_sql(store: Store, query: str) -> pa.Table:
    """Answer one query over the views. Raises QueryError, with the nearest names where a name is wrong.

    The tables that the views need are read into memory: cost grows with the library's rows, not with its bytes.
    """
    with duckdb.connect(":memory:", config=dict(_LOCKS)) as connection:
        statements = _parse(connection, query)
        names = _load(connection, store, query)
        connection.execute("SET lock_configuration = true")
        try:
            answer = connection.sql(statements[0]).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(_explain(str(error), names)) from None
    assert isinstance(answer, pa.Table)
    return answer


def _parse(connection: duckdb.DuckDBPyConnection, query: str) -> list[duckdb.Statement]:
    try:
        statements = connection.extract_statements(query)
    except duckdb.Error as error:
        raise QueryError(_first_line(str(error))) from None
    if len(statements) != 1:
        raise QueryError("Give exactly one statement.")
    if statements[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        raise QueryError("Only queries are answered: the library can't be changed by SQL. Begin with SELECT.")
    return statements


def _load(connection: duckdb.DuckDBPyConnection, store: Store, query: str) -> dict[str, list[str]]:
    """Register the tables and make the views. Gives each view's columns."""
    connection.execute("CREATE SCHEMA t")
    columns: dict[str, list[str]] = {}
    for name in sorted(store.names() - {"meta"}):
        if name.startswith("vectors_"):
            continue
        heavy = _HEAVY.get(name, set())
        wanted = [
            column
            for column in store.schema(name).names
            if column not in heavy or re.search(rf"\b{column}\b", query, re.IGNORECASE)
        ]
        columns[name] = wanted
        _register(connection, name, store.read(name, wanted).select(wanted))
    for name, schema in _EMPTY.items():
        if name not in columns:
            _register(connection, name, schema.empty_table())
    found: dict[str, list[str]] = {}
    for name, definition in views(columns).items():
        connection.execute(f'CREATE VIEW "{name}" AS {definition}')
        found[name] = [str(row[0]) for row in connection.execute(f'DESCRIBE "{name}"').fetchall()]
    return found


def _register(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register(f"arrow_{name}", table)
    connection.execute(f'CREATE VIEW t."{name}" AS SELECT * FROM "arrow_{name}"')  # noqa: S608 - a table's own name


def _explain(message: str, names: dict[str, list[str]]) -> str:
    missing = re.search(r'(?:column|Table with name) "?([^"\s!]+)"?', message)
    if "does not have a column" in message or "not found in FROM" in message or "does not exist" in message:
        if missing is None:
            return _first_line(message)
        word = missing[1]
        is_table = "Table with name" in message
        known = list(names) if is_table else sorted({column for columns in names.values() for column in columns})
        near = difflib.get_close_matches(word.lower(), known, n=3, cutoff=0.5)
        hint = f"The nearest are: {', '.join(near)}." if near else f"There are: {', '.join(known)}."
        return f"There is no {'view' if is_table else 'column'} {word}. {hint}"
    return _first_line(message)


def _first_line(message: str) -> str:
    return message.splitlines()[0].strip()
