"""SQL over a library: DuckDB reads the tables' rows, locked against files, network and settings."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Callable

import duckdb
import pyarrow as pa

from photoidx.config import Config
from photoidx.errors import QueryError
from photoidx.queries.sql.functions import SimilarityFunctions, says_similarity, with_content_ids
from photoidx.queries.sql.limits import collect, locked_connection
from photoidx.queries.sql.statement import check_text, first_line, is_write, only_queries, parse, read_only
from photoidx.queries.sql.views import joins, views
from photoidx.registry import stages
from photoidx.storage.as_of import READ_ORDER
from photoidx.storage.schema import META, arrow_schema, tables_of
from photoidx.storage.store import Store

# Read only where a query names them, as the tables that `photos` does not need: they make up most of a library's bytes.
_HEAVY_COLUMNS = {"exif": frozenset({"tags"}), "thumbnails": frozenset({"jpeg"})}
_ALWAYS_READ = frozenset({"files", "labels", "sidecars", "places"})
_KEY_MARK = b"lance-schema:unenforced-primary-key"
_NO_TABLE = re.compile(r'Table with name "?(?P<word>[^"!]+?)"? does not exist|Referenced table "(?P<other>[^"]+)" not')
_NO_COLUMN = re.compile(
    r'(?:Referenced column|does not have a column named|Column) "+(?P<word>[^"]+)"+'
    r"(?:$| not found| in \w+ list not found| does not exist| referenced in UNPIVOT)",
    re.MULTILINE,
)


def run_sql(
    store: Store, query: str, config: Config | None = None, begins: Callable[[], None] = lambda: None
) -> pa.Table:
    """Answer one query over the views. Raises QueryError, with the nearest names where a name is wrong.

    DuckDB can't always be interrupted: what a user wrote is for `sql_process`, which can end the process that runs
    this. `begins` is called when the tables are read and the limit of time begins.

    Besides DuckDB's functions there are `similarity` and `text_similarity`; `config` says where their models are.

    The tables are read into memory: cost grows with the library's rows. Tables that `photos` does not need, and the
    columns `exif.tags` and `thumbnails.jpeg`, are read only where the query names them.
    """
    config = config or Config()
    with locked_connection() as connection:
        statement = parse(connection, query)
        functions = SimilarityFunctions(store, config)
        if says_similarity(query):
            statement = parse(connection, with_content_ids(query))
            functions.register(connection)
        names = _load(connection, store, query)
        connection.execute("SET lock_configuration = true")
        read_only(connection)
        begins()
        try:
            answer = collect(connection, statement, config)
        except (duckdb.Error, pa.ArrowException, OSError) as error:  # those that come late, Arrow tells in its own
            if functions.error is not None:
                raise functions.error from None
            if is_write(error):
                raise only_queries() from None
            raise QueryError(_explain(str(error), query, names)) from None
    return answer.rename_columns(_told_apart(answer.column_names))


def as_condition(condition: str) -> str:
    """Return a condition as it can follow WHERE, in brackets. Raises QueryError if it is not exactly one expression."""
    check_text(condition)
    try:
        duckdb.SQLExpression(condition)
    except duckdb.Error as error:
        message = first_line(str(error))
        raise QueryError(f"{condition!r} is no condition, as `iso > 800` is one. {message}") from None
    return f"(\n{condition}\n)"  # the new lines keep a comment from reaching further


def _load(connection: duckdb.DuckDBPyConnection, store: Store, query: str) -> dict[str, list[str]]:
    """Register the tables and make the views. Gives each view's columns, those too that were not read.

    Tables and columns that photoidx declares and the library does not have yet are there, empty. A scan may write
    meanwhile: every file that is told of has its results, for those that tell of others' rows are read first.
    """
    schemas = _schemas(store)
    joinable = [name for name, schema in schemas.items() if joins(name, _keys(schema))]
    connection.execute("CREATE SCHEMA t")
    columns = {}
    for name, schema in sorted(schemas.items(), key=lambda item: (item[0] not in READ_ORDER, item[0])):
        heavy = _HEAVY_COLUMNS.get(name, frozenset())
        columns[name] = [column for column in schema.names if column not in heavy or _says(query, column)]
        wanted = pa.schema([schema.field(column) for column in columns[name]])
        wants = name in _ALWAYS_READ or name in joinable or _says(query, name)
        wants |= name == "ledger" and _says(query, "failures")
        wants |= name == "video_facts" and _says(query, "videos")
        rows = _rows(store, name, wanted) if wants and name in store.names() else wanted.empty_table()
        connection.register("arrow", rows)
        connection.execute(f'CREATE TABLE t."{name}" AS FROM arrow')
        connection.unregister("arrow")  # SHOW TABLES would list it
    found: dict[str, list[str]] = {}
    for name, definition in views(columns, joinable).items():
        connection.execute(f'CREATE VIEW "{name}" AS {definition}')
        found[name] = [str(row[0]) for row in connection.execute(f'DESCRIBE "{name}"').fetchall()]
        heavy = _HEAVY_COLUMNS.get("exif" if name == "photos" else name, frozenset())
        found[name] += sorted(heavy - set(found[name]))
    return found


def _schemas(store: Store) -> dict[str, pa.Schema]:
    """Return the schema of every table, as it is stored with what photoidx would add to it."""
    found = {name: arrow_schema(spec) for name, spec in tables_of(stages(Config())).items()}
    for name in store.names():
        stored = store.schema(name)
        found[name] = pa.schema([*stored, *(field for field in found.get(name, ()) if field.name not in stored.names)])
    # DuckDB can't read the float16 of vectors.
    return {name: schema for name, schema in found.items() if name != META.name and not name.startswith("vectors_")}


def _rows(store: Store, name: str, wanted: pa.Schema) -> pa.Table:
    stored = store.schema(name).names
    table = store.read(name, [column for column in wanted.names if column in stored])
    for field in wanted:
        if field.name not in stored:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(wanted.names)


def _keys(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if _KEY_MARK in (field.metadata or {})]


def _says(query: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", query, re.IGNORECASE) is not None


def _told_apart(names: list[str]) -> list[str]:
    """Return each name that came before a number, since a record can hold a name only once."""
    result: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" for number in itertools.count(2))
        result.append(next(new for new in itertools.chain([name], numbered) if new not in result))
    return result


def _explain(message: str, query: str, names: dict[str, list[str]]) -> str:
    """Put DuckDB's message into one line; where a view or column is missing, name the nearest that there are."""
    table, column = _NO_TABLE.search(message), _NO_COLUMN.search(message)
    if says_similarity(query) and "content_id" in first_line(message) and not _says(query, "content_id"):
        return f"{first_line(message)} Tell similarity() which photos it is about: similarity('photo', p.content_id)."
    if table is not None:
        word = table["word"] or table["other"]
        return f"There is no view {word}. {_nearest(word, list(names))}"
    if column is not None:
        said = [name for name in names if _says(query, name)] or list(names)
        known = sorted({known for name in said for known in names[name]})
        return f"There is no column {column['word']}. {_nearest(column['word'], known)}"
    hints = [line for line in message.splitlines()[1:] if line.startswith("Did you mean")]
    return " ".join([first_line(message), *hints])


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word.lower(), known, n=3, cutoff=0.6)
    return f"The nearest are: {', '.join(near)}." if near else f"There are: {', '.join(known)}."
