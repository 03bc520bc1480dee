"""Mending a library: what can be computed again is taken back or away, so that the next scan does. Never decisions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from photoidx.errors import TableDamagedError
from photoidx.indexer.engines.worker import DECODE
from photoidx.maintenance.decisions_file import save_decisions
from photoidx.maintenance.doctor import Finding, Repair, examine, key_columns, known_stages, last_readable
from photoidx.storage.as_of import current_at, passed_twice
from photoidx.storage.damage import made_by
from photoidx.storage.schema import DECISIONS, LEDGER, MADE, META, PENDING, REPAIRED, arrow_schema, tables_of
from photoidx.storage.store import Store
from photoidx.storage.tables import Tables

_GROUPS = ("bursts", "pairs", "looks", "clusters", "texts")
"""Tables that are computed from others, with the facts in `meta` that say what they were made of."""
_STATES = {"bursts": "grouping", "pairs": "pairs", "clusters": "clusters", "texts": "texts_made_from"}
_OF_CONTENTS = "content_id"
_ROUNDS = 3


def repair(tables: Tables) -> list[str]:
    """Repair what can be repaired, and say what was done. Raises LibraryLockedError while another process writes.

    What one step brings to light, as ledger rows without their data, the next round repairs.
    """
    done: list[str] = []
    with tables.writing():
        for _ in range(_ROUNDS):
            faults = [each for each in examine(tables) if each.repair is not None]
            # Decisions are saved first. The facts and the ledger come next: the other steps need them.
            order = {DECISIONS.name: 0, META.name: 1, LEDGER.name: 2}
            todo = sorted(faults, key=lambda each: (order.get(each.table, 3), each.table))
            news = [_mend(tables, each) for each in todo]
            news = [each for each in news if each not in done]
            if not news:
                break
            done += news
    return done


def _mend(tables: Tables, fault: Finding) -> str:
    if fault.repair == Repair.SAVE_DECISIONS:
        return _save_decisions(tables, fault)
    if fault.repair == Repair.DROP_VERSIONS:
        tables.set_manifests_aside(fault.manifests)
        return f"{fault.table}: {len(fault.manifests):,} earlier versions forgotten"
    if fault.repair in {Repair.GO_BACK, Repair.MAKE_ANEW}:
        went_back = fault.repair == Repair.GO_BACK and _went_back(tables, fault)
        if not went_back and fault.table in tables.names():
            tables.set_aside(fault.table)
        store = _store(tables)
        _afterwards(tables, store, fault, went_back=went_back)
        return f"{fault.table}: went back to an earlier state" if went_back else f"{fault.table}: made anew, empty"
    store = _store(tables)
    if fault.repair == Repair.FORGET_RESULTS:
        _forget(store, fault.rows)
        return f"{fault.table}: {len(fault.rows):,} results taken out of the ledger"
    _drop_rows(tables, store, fault)
    return f"{fault.table}: {len(fault.rows):,} keys that were there more than once removed"


def _save_decisions(tables: Tables, fault: Finding) -> str:
    if fault.version is None or tables.folder is None:
        return f"{DECISIONS.name}: nothing can be read; bring them back from a backup"
    place = tables.folder.resolve()
    path = place.parent / f"{place.name}-decisions-{fault.version.number}.json"
    rest = [each for each in tables.manifests(DECISIONS.name) if each not in fault.manifests]
    with tables.with_manifests(DECISIONS.name, rest) as readable:
        save_decisions(tables, path, fault.version.number, readable)
    return f"{DECISIONS.name}: what can be read is saved in {path}"


def _went_back(tables: Tables, fault: Finding) -> bool:
    """Make the last readable version the newest one. Gives false if it can't be done."""
    assert fault.version is not None
    tables.set_manifests_aside(fault.manifests)
    tables.forget_noted_version(fault.table)
    try:
        if tables.newest(fault.table) != fault.version.number:
            tables.go_back(fault.table, fault.version.number)
        return last_readable(tables, fault.table) is not None
    except TableDamagedError:
        return False


def _store(tables: Tables) -> Store:
    """Open the library for writing rows; where its facts are gone, begin them again. The lock is held."""
    if META.name not in tables.names():
        Store.remake_facts(tables.uri)
    return Store(tables.uri, is_whole=False)


def _afterwards(tables: Tables, store: Store, fault: Finding, *, went_back: bool) -> None:
    """Take out of the ledger what the table no longer holds, and note that groups are to be made again."""
    facts = store.meta()
    name = fault.table
    if not went_back:  # no longer a table that was there: the next scan may make it
        made = sorted(made_by(tables.uri, facts) - {name})
        store.upsert(META, [{"name": MADE, "value": json.dumps(made)}])
        specs = tables_of(known_stages(facts))
        if name in specs:
            store.ensure(specs[name])
    owners = _owners(store, facts, name)
    if owners:
        _forget_since(tables, store, owners, fault, went_back=went_back)
    states = [_STATES[name]] if name in _STATES else list(_STATES.values()) if name == META.name else []
    news = {PENDING: "yes", REPAIRED: datetime.now(UTC).isoformat(), **dict.fromkeys(states, "")}
    store.upsert(META, [{"name": fact, "value": value} for fact, value in news.items()])


def _owners(store: Store, facts: Mapping[str, str], table: str) -> list[str]:
    """Return the stages that write a table; of one that several share also those that are in the ledger and not known.

    Such a one may be a scorer whose directory is away.
    """
    known = known_stages(facts)
    owners = {stage.name: spec for stage in known for spec in stage.tables if spec.name == table}
    if table.startswith("vectors_") and not owners:
        return [table.removeprefix("vectors_")]
    unknown: set[str] = set()
    if any(spec.shared for spec in owners.values()):
        noted = store.read(LEDGER.name, ["stage"])["stage"]
        unknown = set(pc.unique(noted).to_pylist()) - {stage.name for stage in known} - {DECODE}
    return [*owners, *sorted(unknown)]


def _forget_since(tables: Tables, store: Store, owners: Sequence[str], fault: Finding, *, went_back: bool) -> None:
    """Take these stages' results out of the ledger; of a table that went back, only what it can't hold.

    Data are written before the ledger: what the ledger had until the table's next version has its data in this one.
    """
    ledger = store.read(LEDGER.name)
    ours = ledger.filter(pc.is_in(ledger["stage"], value_set=pa.array(owners)))
    held: set[tuple[Any, ...]] = set()
    if went_back and fault.version is not None:
        later = [each.at for each in tables.versions(fault.table) if each.number > fault.version.number]
        # With descriptions set aside, the next version that is told may not be the next that there was.
        is_sure = bool(later) and not fault.manifests
        held = set(_rows(_ledger_at(tables, later[0] - timedelta(microseconds=1) if is_sure else fault.version.at)))
    lost = [row[:2] for row in _rows(ours) if row not in held]
    _forget(store, [(stage, content_id) for content_id, stage in lost])


def _rows(ledger: pa.Table) -> list[tuple[Any, ...]]:
    columns = [ledger[name].to_pylist() for name in ("content_id", "stage", "fingerprint", "at")]
    return list(zip(*columns, strict=True))


def _ledger_at(tables: Tables, moment: datetime) -> pa.Table:
    """Return the ledger as it was at a moment; empty where it is not kept, or the clock was set back."""
    empty = arrow_schema(LEDGER).empty_table()
    try:
        versions = tables.versions(LEDGER.name)
        then = current_at(versions, moment)
        if then is None or passed_twice(versions) is not None:
            return empty
        batches = list(tables.batches(LEDGER.name, then.number))
    except TableDamagedError:
        return empty
    return pa.Table.from_batches(batches) if batches else empty


def _forget(store: Store, rows: Sequence[tuple[str, str]]) -> None:
    """Take results, by stage and content, out of the ledger."""
    of_stage: Mapping[str, list[str]] = defaultdict(list)
    for stage, content_id in rows:
        of_stage[stage].append(content_id)
    for stage, content_ids in of_stage.items():
        store.delete(LEDGER.name, _OF_CONTENTS, content_ids, f"stage = '{stage}'")


def _drop_rows(tables: Tables, store: Store, fault: Finding) -> None:
    """Remove all rows of keys that are there twice, and what the ledger says of them."""
    name = fault.table
    key = key_columns(tables.schema(name, tables.versions(name)[-1].number))
    values = sorted({row[0] for row in fault.rows})
    kept = {fact: value for fact, value in store.meta().items() if fact in values} if name == META.name else {}
    store.delete(name, key[0], values)
    if kept:
        store.upsert(META, [{"name": fact, "value": value} for fact, value in kept.items()])
    if key[0] == _OF_CONTENTS and name != LEDGER.name:
        for stage in _owners(store, store.meta(), name):
            _forget(store, [(stage, value) for value in values])
    state = {_STATES[name]: ""} if name in _STATES else {}
    store.upsert(META, [{"name": fact, "value": value} for fact, value in {PENDING: "yes", **state}.items()])
