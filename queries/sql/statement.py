"""What may be asked: one statement that is a query, and nothing that would change, write or set something."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import duckdb

from photoidx.errors import QueryError

# DESCRIBE, SHOW, SUMMARIZE, VALUES and FROM-first are SELECT to DuckDB; a PIVOT over unknown values is MULTI.
_ANSWERED = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI})
_CHANGING = frozenset({"create", "copy", "insert", "update", "delete", "merge", "export", "attach", "prepare"})
# Functions that change how the database works, or run SQL that stands in a text. A transaction that only reads does
# not keep them away.
_REFUSED = frozenset(
    {
        *("checkpoint", "force_checkpoint", "truncate_duckdb_logs", "write_log", "sleep_ms"),
        *("enable_logging", "disable_logging", "enable_profiling", "disable_profiling"),
        *("create_external_resource", "destroy_external_resource", "register_external_resource"),
        *("deregister_external_resource", "register_external_resource_type"),
        *("query", "json_execute_serialized_sql"),
    }
)
_LONGEST = 1 << 20
_ONLY_QUERIES = "Only queries are answered: the library can't be changed by SQL. Begin with SELECT."


class _Token(NamedTuple):
    """A token of a query: its text as it stands there, its place in bytes, and whether it is a keyword."""

    text: str
    at: int
    is_keyword: bool


def parse(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    """Return the one statement of a query. Raises QueryError if it is none, more than one, or changes something.

    A write that hides in a query, as `WITH x AS (DELETE ...)`, is not seen here: see `read_only`.
    """
    check_text(query)
    statement = _only_one(connection, query)
    tokens = _tokens(query)
    is_pivot = statement.type == duckdb.StatementType.MULTI
    if statement.type not in _ANSWERED or (is_pivot and _CHANGING & _outer_words(tokens)):
        raise QueryError(_ONLY_QUERIES)
    for token, following in itertools.pairwise(tokens):
        name = token.text.strip('"').lower()
        if following.text == "(" and name in _REFUSED:
            raise QueryError(f"{name}() is not for queries. {_ONLY_QUERIES}")
    if statement.type == duckdb.StatementType.EXPLAIN:
        explained = _explained(query, tokens)
        if explained is not None:
            parse(connection, explained)
    return statement


def read_only(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a connection only read from now on. What would write raises duckdb.TransactionException."""
    connection.execute("BEGIN TRANSACTION READ ONLY")


def is_write(error: Exception) -> bool:
    """Return whether an error says that something would have written."""
    return "read-only mode" in str(error) or "read only" in str(error).lower()


def only_queries() -> QueryError:
    """Return the error for a statement that would change something."""
    return QueryError(_ONLY_QUERIES)


def check_text(query: str) -> None:
    """Raise QueryError if a query is no text, or is longer than a person or a program would write."""
    if len(query) > _LONGEST:
        raise QueryError(f"The query has {len(query):,} characters; {_LONGEST:,} are read at most.")
    try:
        query.encode()
    except UnicodeEncodeError:
        raise QueryError("There are bytes in the query that are no UTF-8 text, and SQL is text.") from None


def first_line(message: str) -> str:
    """Return the first line of what DuckDB says."""
    return message.strip().splitlines()[0].strip() if message.strip() else "DuckDB can't say what is wrong."


def _only_one(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    try:
        statements = connection.extract_statements(query)
    except duckdb.Error as error:
        raise QueryError(first_line(str(error))) from None
    if len(statements) != 1:
        raise QueryError(f"Give exactly one statement, not {len(statements)}.")
    return statements[0]


def _tokens(query: str) -> list[_Token]:
    data = query.encode()
    found = duckdb.tokenize(query)
    return [
        _Token(data[at:end].strip().decode("utf-8", "replace"), at, kind == duckdb.token_type.keyword)
        for (at, kind), (end, _) in itertools.pairwise([*found, (len(data), None)])
        if kind != duckdb.token_type.comment
    ]


def _outer_words(tokens: list[_Token]) -> set[str]:
    """Return the keywords that stand in no brackets, in lower case: DuckDB does not tell what a MULTI does."""
    words, depth = set(), 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if token.is_keyword and depth == 0:
            words.add(token.text.lower())
    return words


def _explained(query: str, tokens: list[_Token]) -> str | None:
    """Return the statement behind EXPLAIN, with ANALYZE and options in brackets; None if it can't be told apart."""
    at = 1
    if at < len(tokens) and tokens[at].text.lower() in {"analyze", "analyse"}:
        at += 1
    if at < len(tokens) and tokens[at].text == "(":
        # EXPLAIN (FORMAT json) SELECT ...: a query in brackets would begin with one of these words
        inner = tokens[at + 1].text.lower() if at + 1 < len(tokens) else ""
        if inner not in {"select", "from", "with", "values", "(", "table", "pivot", "unpivot"}:
            while at < len(tokens) and tokens[at].text != ")":
                at += 1
            at += 1
    return query.encode()[tokens[at].at :].decode("utf-8", "replace") if 0 < at < len(tokens) else None
