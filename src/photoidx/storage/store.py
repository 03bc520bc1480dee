"""The library on disk: LanceDB tables, one writer at a time. The only module that imports lancedb."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
from lancedb.index import FTS
from lancedb.query import LanceVectorQueryBuilder, MatchQuery

from photoidx.errors import (
    EarlierStateError,
    LibraryNotFoundError,
    LibraryTooNewError,
    PhotoidxError,
)
from photoidx.moments import spelt
from photoidx.stage import TableSpec
from photoidx.storage.as_of import READ_ORDER, Version, current_at, versions_at
from photoidx.storage.damage import (
    changing,
    check_described,
    check_newest,
    damaged,
    is_half_made,
    made_by,
    missing,
    noted_version,
    reading,
)
from photoidx.storage.lock import watch_lock, writer_lock
from photoidx.storage.migrations import MIGRATIONS, migrate
from photoidx.storage.schema import MADE, META, OWN_TABLES, REPAIRED, SCHEMA_VERSION, arrow_schema, key_of

_BATCH_ROWS = 4096


class Store:
    """An open library. Reading needs no lock; every write happens inside `writing`."""

    def __init__(self, uri: str, *, create: bool = False, as_of: datetime | None = None, is_whole: bool = True) -> None:
        """Open the library at a folder or object-store URI; with `as_of` (a time with a zone), as it was then.

        Raises LibraryNotFoundError if there is none and `create` is false, LibraryTooNewError if a newer version of
        photoidx wrote it, TableDamagedError if a table is lost, and EarlierStateError if it is not kept as it was.
        Whoever repairs a library opens it with `is_whole=False`: tables may be lost then, but not `meta`.
        """
        self.uri, self.as_of = uri, as_of
        self._ensured: dict[str, TableSpec] = {}
        self._at: dict[str, int] = {}
        self._folder = None if "://" in uri else Path(uri).expanduser()
        if self._folder is not None and not self._folder.is_dir():
            if not create:
                raise LibraryNotFoundError(f"There is no library at {uri}. Make one with: photoidx scan FOLDER")
            _make_folder(self._folder)
        self._db = lancedb.connect(str(self._folder or uri))
        self._names = self._listed()
        if META.name not in self._names and self._names & {spec.name for spec in OWN_TABLES}:
            raise missing(uri, META.name)
        if META.name not in self._names and not create:
            raise LibraryNotFoundError(f"There is no library at {uri}. Make one with: photoidx scan FOLDER")
        if META.name in self._names:
            facts = self.meta()
            self._check_version(facts)
            if is_whole:
                self._check_whole(facts)
        if as_of is not None:
            self._go_back(as_of)

    def _listed(self) -> set[str]:
        with reading(self.uri, "list"):
            names = set(self._db.list_tables(limit=10_000).tables)
        if self._folder is not None:
            names -= {name for name in names if is_half_made(self._folder / f"{name}.lance")}
        return names

    def _check_version(self, facts: Mapping[str, str]) -> None:
        try:
            version = int(facts.get("schema_version", "0"))
        except ValueError as error:
            raise damaged(self.uri, META.name, "its fact 'schema_version' is no number") from error
        if version > SCHEMA_VERSION:
            raise LibraryTooNewError(
                f"The library at {self.uri} has schema version {version}; this photoidx knows up to {SCHEMA_VERSION}. "
                "Install a newer photoidx, or name another library with --library."
            )

    def _check_whole(self, facts: Mapping[str, str]) -> None:
        """Raise TableDamagedError if a table that was ever made is not there."""
        lost = made_by(self.uri, facts) - self._names
        if lost:
            self._names = self._listed()  # another process may just have made it
            lost -= self._names
            if lost:
                raise missing(self.uri, *sorted(lost))

    def _go_back(self, moment: datetime) -> None:
        """Read every table from now on as it was at a moment."""
        repaired = self.meta().get(REPAIRED)
        order = sorted(self._names, key=lambda name: (name not in READ_ORDER, name))
        tables = {name: self.versions(name) for name in order}
        self._at = versions_at(tables, moment, datetime.fromisoformat(repaired) if repaired else None)
        self._names = set(self._at)

    def _open(self, name: str, *, newest: bool = False) -> lancedb.table.Table:
        with reading(self.uri, name):  # also where a write begins: what can't be opened is damaged
            version = None if newest else self._at.get(name)
            noted = noted_version(self._folder, name) if version is None else 0
            table = self._db.open_table(name, version=version)
            check_described(self.uri, name, table.schema.names)
            check_newest(self.uri, name, table.version, noted)
        return table

    @contextlib.contextmanager
    def writing(self, role: str = "") -> Iterator[None]:
        """Hold the library's writer lock. Raises LibraryLockedError, naming the holder, if another process has it.

        The operating system frees the lock when its holder dies. A library in an object store has no lock file. `role`
        tells others who holds it.
        """
        self.check_current()
        if self._folder is None:
            self._prepare()
            yield
            return
        with writer_lock(self._folder, self.uri, role=role):
            self._prepare()
            yield

    def check_current(self) -> None:
        """Raise EarlierStateError if the tables are those of an earlier moment, which can only be read."""
        if self.as_of is not None:
            raise EarlierStateError(f"The library as of {spelt(self.as_of)} can only be read. Do without --as-of.")

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Be the one watch of this library. Raises LibraryLockedError, naming the other, if there is one."""
        if self._folder is None:
            yield
            return
        with watch_lock(self._folder, self.uri):
            yield

    def _prepare(self) -> None:
        self.ensure(META, *OWN_TABLES)
        version = self.meta().get("schema_version")
        if version is None:
            self.upsert(META, [{"name": "schema_version", "value": str(SCHEMA_VERSION)}])
        else:
            migrate(self, int(version), MIGRATIONS)

    def ensure(self, *specs: TableSpec) -> None:
        """Make the tables that are not there, and add the columns that they lack. Looks once for each declaration.

        Raises TableDamagedError for a table that was there and is not: who lost something must hear of it.
        """
        new = [spec for spec in specs if self._ensured.get(spec.name) != spec]
        if not {spec.name for spec in new} <= self._names:
            self._names = self._listed()  # another process may have made it
        made = self._made() if new else set()
        for spec in new:
            schema = arrow_schema(spec)
            with changing(self.uri, spec.name):
                if spec.name not in self._names:
                    if spec.name in made:
                        raise missing(self.uri, spec.name)
                    self._db.create_table(spec.name, schema=schema, exist_ok=True)
                    self._names.add(spec.name)
                else:
                    table = self._open(spec.name)
                    lacking = [field for field in schema if field.name not in table.schema.names]
                    if lacking:
                        table.add_columns(lacking)
            self._ensured[spec.name] = spec
        if new and not self._names <= made:
            self.upsert(META, [{"name": MADE, "value": json.dumps(sorted(made | self._names))}])

    @staticmethod
    def remake_facts(uri: str) -> None:
        """Make the table `meta` of a library that lost it. The caller holds the writer lock."""
        lancedb.connect(uri if "://" in uri else str(Path(uri).expanduser())).create_table(
            META.name, schema=arrow_schema(META)
        )
        store = Store(uri, is_whole=False)
        store.upsert(META, [{"name": "schema_version", "value": str(SCHEMA_VERSION)}])

    def _made(self) -> set[str]:
        """Return the names of the tables that were ever made, as far as is known."""
        return made_by(self.uri, self.meta()) if META.name in self._names else set()

    def names(self) -> set[str]:
        """Return the names of the tables that exist."""
        return set(self._names)

    def read(self, name: str, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """Read a table's rows. A table that does not exist yet raises KeyError."""
        if name not in self._names:
            raise KeyError(name)
        with reading(self.uri, name):
            query = self._open(name).search()
            if where is not None:
                query = query.where(where)
            if columns is not None:
                query = query.select(list(columns))
            return query.to_arrow()

    def batches(self, name: str, columns: Sequence[str], rows: int = _BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read a table in parts of a few thousand rows, or so many at most: the whole is never in memory."""
        with reading(self.uri, name):
            found = iter(self._open(name).search().select(list(columns)).to_batches(rows))
        while True:
            with reading(self.uri, name):  # not around the yield: what the caller raises is the caller's
                batch = next(found, None)
            if batch is None:
                return
            yield batch

    def count(self, name: str) -> int:
        """Count a table's rows; 0 where there is no such table."""
        with reading(self.uri, name):
            return int(self._open(name).count_rows()) if name in self._names else 0

    def version(self, name: str) -> int:
        """Return a number that rises with every change of a table; 0 where there is no such table."""
        with reading(self.uri, name):
            return int(self._open(name).version) if name in self._names else 0

    def versions(self, name: str) -> list[Version]:
        """Return the versions of a table that are kept, with the time (with a zone) at which each was written."""
        with reading(self.uri, name):
            return _versions(self._open(name, newest=True))

    def schema(self, name: str) -> pa.Schema:
        """Return the Arrow schema of a table."""
        with reading(self.uri, name):
            return self._open(name).schema

    def meta(self) -> dict[str, str]:
        """Return the facts about the library."""
        rows = self.read(META.name)
        return dict(zip(rows["name"].to_pylist(), rows["value"].to_pylist(), strict=True))

    def upsert(self, spec: TableSpec, rows: Sequence[Mapping[str, Any]] | pa.Table) -> None:
        """Write rows, replacing those with the same key. Doing it twice is the same as once.

        Of several given rows with the same key the last one counts.
        """
        if not len(rows):
            return
        data = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows), schema=arrow_schema(spec))
        key = key_of(spec)
        last = {name: number for number, name in enumerate(zip(*(data[n].to_pylist() for n in key), strict=True))}
        if len(last) < data.num_rows:  # Lance would insert them all
            data = data.take(sorted(last.values()))
        with changing(self.uri, spec.name):
            merge = self._open(spec.name).merge_insert(list(key))
            merge.when_matched_update_all().when_not_matched_insert_all().execute(data)

    def replace(self, spec: TableSpec, content_ids: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Write all the rows of these contents, in one step; rows of theirs that are not given are deleted."""
        data = pa.Table.from_pylist(list(rows), schema=arrow_schema(spec))
        quoted = ", ".join(f"'{content_id}'" for content_id in content_ids)
        with changing(self.uri, spec.name):
            merge = self._open(spec.name).merge_insert(list(key_of(spec)))
            merge = merge.when_matched_update_all().when_not_matched_insert_all()
            merge.when_not_matched_by_source_delete(f"content_id IN ({quoted})").execute(data)

    def delete(self, name: str, column: str, values: Sequence[str], where: str = "true") -> None:
        """Delete the rows whose column holds one of the values, and for which a condition holds."""
        with changing(self.uri, name):
            table = self._open(name)
            for start in range(0, len(values), 500):
                quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values[start : start + 500])
                table.delete(f"{column} IN ({quoted}) AND {where}")

    def clear(self, name: str) -> None:
        """Delete all rows of a table, if it exists."""
        if name in self._names:
            with changing(self.uri, name):
                self._open(name).delete("true")

    def index_text(self, name: str, column: str) -> None:
        """Make a full-text index over a column of words with blanks between, or take new rows into the one there is.

        Words of one English stem are the same word.
        """
        with changing(self.uri, name):
            table = self._open(name)
            if _is_indexed(table, column):
                table.optimize()
            elif table.count_rows():
                # Nothing is left out: a camera may be called "A", and the name of a file be as long as it likes.
                index = FTS(base_tokenizer="whitespace", remove_stop_words=False, max_token_length=None)
                table.create_index(column, config=index)

    def search_text(self, name: str, column: str, word: str, select: Sequence[str], edits: int = 0) -> pa.Table:
        """Return the rows that have a word, or one with up to so many edits after its first letter, the best first.

        They have the selected columns and `_score`, by BM25. Where there is no index there are none.
        """
        with reading(self.uri, name):
            return self._search_text(self._open(name), column, word, select, edits)

    def _search_text(
        self, table: lancedb.table.Table, column: str, word: str, select: Sequence[str], edits: int
    ) -> pa.Table:
        names = [*select, "_score"]
        if not _is_indexed(table, column):
            schema = pa.schema([*(table.schema.field(each) for each in select), pa.field("_score", pa.float32())])
            return schema.empty_table()
        # Its other arguments have defaults, which mypy does not see in a pydantic class.
        query = MatchQuery(word, column, fuzziness=edits, prefix_length=1 if edits else 0)  # type: ignore[call-arg]
        return table.search(query, query_type="fts").select(names).limit(max(1, table.count_rows())).to_arrow()

    def nearest(self, name: str, column: str, vector: Any, count: int) -> pa.Table:
        """Return `content_id` and `_distance` (1 - cosine) of the rows with the nearest vectors, the nearest first."""
        with reading(self.uri, name):
            query = self._open(name).search(vector, vector_column_name=column, query_type="vector")
            assert isinstance(query, LanceVectorQueryBuilder)
            query = query.distance_type("cosine").bypass_vector_index()
            return query.select(["content_id", "_distance"]).limit(count).to_arrow()

    @property
    def folder(self) -> str | None:
        """The library's folder; None for one in an object store."""
        return None if self._folder is None else os.path.abspath(self._folder)

    def size_bytes(self) -> int | None:
        """Return the size of the library's folder on disk; None for one in an object store."""
        if self._folder is None:
            return None
        total = 0
        for folder, _folders, names in os.walk(self._folder):
            for name in names:
                with contextlib.suppress(OSError):  # a scan may have removed it meanwhile
                    total += os.lstat(os.path.join(folder, name)).st_size
        return total

    def optimize(self, keep_versions_for: timedelta) -> None:
        """Merge small data files and remove old versions: those that were no longer current this long ago."""
        for name in sorted(self._names):
            with changing(self.uri, name):
                table = self._open(name, newest=True)
                table.optimize(cleanup_older_than=_age_to_keep(_versions(table), keep_versions_for))


def _versions(table: lancedb.table.Table) -> list[Version]:
    # Lance tells local times without a zone.
    return [Version(int(each["version"]), each["timestamp"].astimezone(UTC)) for each in table.list_versions()]


def _age_to_keep(versions: Sequence[Version], keep_for: timedelta) -> timedelta:
    """Return the age up to which versions stay, so that the one that was current `keep_for` ago is among them."""
    now = datetime.now(UTC)
    then = current_at(versions, now - keep_for) if keep_for else None
    return keep_for if then is None else now - then.at + timedelta(seconds=1)


def _is_indexed(table: lancedb.table.Table, column: str) -> bool:
    return any(index.columns == [column] for index in table.list_indices())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PhotoidxError(
            f"Can't make the library folder {folder}: {error.strerror}. Choose another with --library."
        ) from error
