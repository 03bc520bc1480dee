"""Is the library whole? Every table is opened, every row read, and what the tables say of each other is compared."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.config import DEFAULT_EMBEDDER, Config
from photoidx.errors import AssetError, PhotoidxError, TableDamagedError
from photoidx.maintenance.leftovers import leftovers
from photoidx.registry import stages
from photoidx.scoring.learned.card import read_card
from photoidx.stage import Stage
from photoidx.storage.as_of import READ_ORDER, Version
from photoidx.storage.damage import made_by
from photoidx.storage.schema import DECISIONS, FILES, LEDGER, META, OWN_TABLES, PENDING, SCANS
from photoidx.storage.tables import Tables

KEY_MARK = b"lance-schema:unenforced-primary-key"
_KEPT = {  # columns that are compared with other tables
    FILES.name: ("kind", "content_id"),
    LEDGER.name: ("content_id", "stage", "status"),
    SCANS.name: ("scan_id", "status"),
    META.name: ("name", "value"),
}
_LISTS = ("embedders", "scorers")  # facts that are lists, as JSON
Progress = Callable[[str], None]


class Repair(StrEnum):
    """What can be done about a fault."""

    GO_BACK = "go back"
    MAKE_ANEW = "make anew"
    DROP_VERSIONS = "drop versions"
    DROP_ROWS = "drop rows"
    FORGET_RESULTS = "forget results"
    SAVE_DECISIONS = "save decisions"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (a fault), or worth knowing (a note: `repair` is None and `is_fault` is false).

    `words` say what it is, `remedy` what to do, or what `photoidx doctor --repair` would do. `rows` are the keys or
    contents that it is about, `manifests` the descriptions of versions that can't be read.
    """

    table: str
    words: str
    remedy: str
    is_fault: bool = True
    repair: Repair | None = None
    version: Version | None = None
    rows: tuple[Any, ...] = field(default=(), repr=False)
    manifests: tuple[Path, ...] = ()


@dataclass
class TableState:
    """What was read of a table's newest version: the number of rows, and the columns that others are compared with."""

    rows: int
    columns: pa.Table
    schema: pa.Schema


def examine(tables: Tables, progress: Progress = lambda _table: None) -> list[Finding]:
    """Look at everything in a library, and change nothing. A scan may write meanwhile."""
    found: list[Finding] = []
    states: dict[str, TableState] = {}
    names = tables.names()
    for name in sorted(names, key=lambda name: (name not in READ_ORDER, name)):
        progress(name)
        try:
            states[name] = _look(tables, name)
        except TableDamagedError as error:
            found.append(_damaged(tables, name, error))
            continue
        found += _twice(name, states[name])
        found += _unlisted(tables, name)
    facts = facts_of(states)
    found += _missing(names, made_by(tables.uri, facts))
    found += _results(states, facts)
    found += _notes(states, facts)
    return found + leftovers_told(tables)


def facts_of(states: Mapping[str, TableState]) -> dict[str, str]:
    """Return the facts of the table `meta`; none where it can't be read."""
    if META.name not in states:
        return {}
    columns = states[META.name].columns
    return dict(zip(columns["name"].to_pylist(), columns["value"].to_pylist(), strict=True))


def key_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that together tell a table's rows apart."""
    return [item.name for item in schema if KEY_MARK in (item.metadata or {})]


def read_all(tables: Tables, name: str, version: int, keep: Iterable[str]) -> tuple[int, pa.Table]:
    """Read every value of a version; give the number of rows, and these columns. Raises TableDamagedError."""
    schema = tables.schema(name, version)
    kept = [column for column in dict.fromkeys(keep) if column in schema.names]
    parts, rows = [], 0
    for batch in tables.batches(name, version):
        batch.validate(full=True)
        rows += batch.num_rows
        parts.append(pa.Table.from_batches([batch]).select(kept))
    return rows, pa.concat_tables(parts) if parts else pa.schema([schema.field(each) for each in kept]).empty_table()


def last_readable(tables: Tables, name: str) -> Version | None:
    """Return the newest version that can be read to the end; None if none can, or the versions can't be told."""
    try:
        versions = tables.versions(name)
    except TableDamagedError:
        return None
    for version in reversed(versions):
        try:
            read_all(tables, name, version.number, ())
        except (TableDamagedError, pa.ArrowInvalid):
            continue
        return version
    return None


def unreadable_manifests(tables: Tables, name: str) -> list[Path]:
    """Return the descriptions of versions that can't be read. One of them is enough to hide all the others."""
    found = []
    for manifest in tables.manifests(name):
        with tables.with_manifests(name, [manifest]) as alone:
            try:
                alone.versions(name)
            except TableDamagedError:
                found.append(manifest)
    return found


def _look(tables: Tables, name: str) -> TableState:
    version = tables.newest(name)
    schema = tables.schema(name, version)
    keep = [*key_columns(schema), *_KEPT.get(name, ())]
    try:
        rows, columns = read_all(tables, name, version, keep)
    except pa.ArrowInvalid as error:
        raise TableDamagedError(f"its values make no sense: {error}") from error
    if rows != tables.count(name, version):
        raise TableDamagedError(f"it says it has {tables.count(name, version):,} rows, and {rows:,} are there")
    state = TableState(rows, columns, schema)
    if name == META.name:
        _check_facts(tables, facts_of({name: state}))
    return state


def _check_facts(tables: Tables, facts: Mapping[str, str]) -> None:
    made_by(tables.uri, facts)
    try:
        int(facts.get("schema_version", "0"))
        for name in _LISTS:
            list(json.loads(facts.get(name, "[]")))
    except (ValueError, TypeError, RecursionError) as error:
        raise TableDamagedError(f"its facts make no sense: {error}") from error


def _unlisted(tables: Tables, name: str) -> list[Finding]:
    """Look for versions that can't be told though the newest can be read: no scan could clean up any more."""
    try:
        tables.versions(name)
    except TableDamagedError as error:
        bad = tuple(unreadable_manifests(tables, name))
        words = f"earlier versions can't be told: {_reason(tables, error)}"
        return [Finding(name, words, "forget these versions", repair=Repair.DROP_VERSIONS, manifests=bad)]
    return []


def _reason(tables: Tables, error: Exception) -> str:
    text = str(error)
    return text.partition(f"{tables.uri} is damaged: ")[2].partition(". See what is wrong")[0] or text


def _damaged(tables: Tables, name: str, error: Exception) -> Finding:
    words = f"can't be read: {_reason(tables, error)}"
    bad = tuple(unreadable_manifests(tables, name))
    if bad:
        with tables.with_manifests(name, [each for each in tables.manifests(name) if each not in bad]) as rest:
            back = last_readable(rest, name)
    else:
        back = last_readable(tables, name)
    when = "" if back is None else back.at.astimezone().isoformat(sep=" ", timespec="seconds")
    if name == DECISIONS.name:
        remedy = (
            f"--repair saves the decisions of {when} in a file and touches nothing. Then: photoidx restore --only "
            "decisions FILE --force"
            if back
            else "no version can be read: bring them back with photoidx restore, from a backup"
        )
        return Finding(name, words, remedy, repair=Repair.SAVE_DECISIONS, version=back, manifests=bad)
    if back is not None:
        remedy = f"go back to its state of {when}; {_AGAIN}"
        return Finding(name, words, remedy, repair=Repair.GO_BACK, version=back, manifests=bad)
    return Finding(name, words, f"make it anew; {_AGAIN}", repair=Repair.MAKE_ANEW)


_AGAIN = "the next scan computes again what is lost"


def _twice(name: str, state: TableState) -> list[Finding]:
    key = key_columns(state.schema)
    if not key or not state.rows:
        return []
    counted = state.columns.group_by(key).aggregate([([], "count_all")])
    twice = counted.filter(pc.greater(counted["count_all"], 1)).select(key)
    if not twice.num_rows:
        return []
    words = f"{twice.num_rows:,} keys are there more than once"
    if name == DECISIONS.name:
        return [Finding(name, words, "bring them back from a backup with photoidx restore --only decisions")]
    rows = tuple(tuple(row.values()) for row in twice.to_pylist())
    return [Finding(name, words, f"remove these rows; {_AGAIN}", repair=Repair.DROP_ROWS, rows=rows)]


def _missing(names: set[str], made: set[str]) -> list[Finding]:
    found = []
    if META.name not in names:
        found.append(Finding(META.name, "is missing", "make it anew", repair=Repair.MAKE_ANEW))
    for name in sorted(made - names):
        if name == DECISIONS.name:
            remedy = "bring it back from a backup: photoidx restore --only decisions FILE --force"
            found.append(Finding(name, "was there and is missing", remedy))
        else:
            found.append(Finding(name, "was there and is missing", f"make it anew; {_AGAIN}", repair=Repair.MAKE_ANEW))
    later = {spec.name for spec in OWN_TABLES} - names - made - {META.name}
    if later:
        words = f"not there yet: {', '.join(sorted(later))}: the library is of an older version"
        found.append(Finding("-", words, "the next scan adds them", is_fault=False))
    return found


def known_stages(facts: Mapping[str, str]) -> list[Stage]:
    """Return the stages whose results a library may hold, with the embedders and scorers that it remembers.

    Scorers that are not where they were are left out.
    """
    remembered = [name for name in json.loads(facts.get("embedders", "[]")) if name != DEFAULT_EMBEDDER]
    scorers = [each["directory"] for each in json.loads(facts.get("scorers", "[]"))]
    config = Config(embedders=(DEFAULT_EMBEDDER, *remembered), scorers=tuple(filter(_is_scorer, scorers)))
    for less in (config, replace(config, scorers=()), Config()):
        with contextlib.suppress(PhotoidxError, ValueError):
            return stages(less)
    return []


def _is_scorer(directory: str) -> bool:
    try:
        read_card(Path(directory))
    except AssetError:
        return False
    return True


def _results(states: Mapping[str, TableState], facts: Mapping[str, str]) -> list[Finding]:
    """Compare the ledger, which tells what was done, with the tables that hold what was found."""
    if LEDGER.name not in states:
        return []
    ledger = states[LEDGER.name].columns
    found = []
    owners: dict[str, list[str]] = {}
    for stage in known_stages(facts):
        for spec in stage.tables:
            owners.setdefault(spec.name, []).append(stage.name)
        ours = pc.and_(pc.equal(ledger["stage"], stage.name), pc.equal(ledger["status"], "done"))
        done = pc.unique(ledger["content_id"].filter(ours))
        # A stage may find several rows in a content, or none; and what those of other packages leave out is theirs.
        sure = [spec for spec in stage.tables if not spec.row_key and type(stage).__module__.startswith("photoidx.")]
        for spec in sure:
            if spec.name in states:
                there = states[spec.name].columns["content_id"]
                lost = done.filter(pc.invert(pc.is_in(done, value_set=there.combine_chunks()))).to_pylist()
                if lost:
                    words = f"{len(lost):,} results of {stage.name} are not there, and the ledger says they are"
                    remedy = "take them out of the ledger; the next scan computes them again"
                    rows = tuple((stage.name, content_id) for content_id in lost)
                    found.append(Finding(spec.name, words, remedy, repair=Repair.FORGET_RESULTS, rows=rows))
    for name, names in owners.items():
        if name in states:
            known = ledger["content_id"].filter(pc.is_in(ledger["stage"], value_set=pa.array(names)))
            there = pc.unique(states[name].columns["content_id"])
            more = there.filter(pc.invert(pc.is_in(there, value_set=known.combine_chunks())))
            if len(more):
                words = f"the results of {len(more):,} contents are not in the ledger: a scan was cut off"
                found.append(Finding(name, words, "the next scan writes them again", is_fault=False))
    return found


def _notes(states: Mapping[str, TableState], facts: Mapping[str, str]) -> list[Finding]:
    found = []
    if FILES.name in states and LEDGER.name in states:
        files = states[FILES.name].columns
        contents = pc.unique(files["content_id"].filter(pc.equal(files["kind"], "photo")).drop_null())
        known = states[LEDGER.name].columns["content_id"].combine_chunks()
        waiting = len(contents.filter(pc.invert(pc.is_in(contents, value_set=known))))
        if waiting:
            words = f"the contents of {waiting:,} photos were not looked at"
            found.append(Finding(FILES.name, words, "the next scan does", is_fault=False))
    if SCANS.name in states and states[SCANS.name].rows:
        last = max(states[SCANS.name].columns.to_pylist(), key=lambda row: str(row["scan_id"]))
        if last["status"] != "finished":
            words = "a scan is running" if last["status"] == "running" else "the last scan was stopped"
            words += ", or was cut off" if last["status"] == "running" else ""
            found.append(Finding(SCANS.name, words, "the next scan goes on from there", is_fault=False))
    if facts.get(PENDING) == "yes":
        remedy = "the next scan, or `photoidx bursts --regroup`, groups them"
        found.append(Finding("bursts", "shots may have changed since they were grouped", remedy, is_fault=False))
    return found


def leftovers_told(tables: Tables) -> list[Finding]:
    """Return the notes about files that nothing needs."""
    return [Finding("-", words, remedy, is_fault=False) for words, remedy in leftovers(tables)]
