"""The files of one press of the shutter are tied: in the folders that a scan touched, or in all of them.

Costs a read of the table of files, and the work of `shots` for the files whose name another file of their folder has.
All is held as columns but for blocks of such files; docs/reliability.md has what a million files of one folder cost.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.shots.facts import ShotFacts
from photoidx.indexer.shots.names import family, is_edited
from photoidx.indexer.shots.rules import VERSION
from photoidx.indexer.shots.sidecar_names import FolderNames
from photoidx.records import Kind, path_text, text_path
from photoidx.storage.schema import BURSTS, DECISIONS, FILES, META, arrow_schema
from photoidx.storage.store import Store

_STATE = "tying"
"""The fact in `meta` that tells by which version of the rules shots were tied."""
_COLUMNS = ("path", "root", "content_id", "kind", "format", "shot_id", "shot_rule", "about")
_AT_ONCE = 1 << 15  # rows that are Python objects at one time
_WRITTEN_AT_ONCE = 1 << 17
Array = np.ndarray[Any, Any]


def is_tied(store: Store) -> bool:
    """Return whether the files were tied by this version of the rules, or there are none."""
    return store.meta().get(_STATE) == str(VERSION) or store.count(FILES.name) == 0


def assign_shots(
    store: Store,
    touched: Collection[str] | None,
    forget: Collection[str],
    root_of: Callable[[str], str],
    now: Callable[[], datetime],
    *,
    read_name: Callable[[str], Mapping[str, Any]] = lambda _name: {},
) -> list[str]:
    """Tie the files of the touched folders anew, those of all folders if `touched` is None.

    `forget` are paths, as the tables spell them, that are about to leave; `root_of` gives the root of a path. With all
    folders, the rules may be others than those that tied last: rejections of shots that turned out to be several are
    taken back, for they named one of them, and nobody knows which. Then, too, names are read anew by `read_name`, which
    gives columns of `files`. Returns what the user is to be told.
    """
    names = list(read_name("")) if touched is None else []
    files = store.read("files", [*_COLUMNS, *names])
    here, apart = _chosen(files, touched, forget)
    ids, rules, about = _tied(store, here)
    new = {"root": _roots(here, root_of), "shot_id": ids, "shot_rule": rules, "about": about}
    new |= _names(here, names, read_name)
    _carry_over(store, here, ids, apart)
    told = _take_back_rejections(store, here, ids, now()) if touched is None else []
    moved = _differ(here["shot_id"], ids)
    changed = reduce(pc.or_, [_differ(here[name], column) for name, column in new.items()])
    _write(store, pa.table({"path": here["path"], **new, "moved": moved}).filter(changed), now())
    if touched is None or not is_tied(store):
        store.upsert(META, [{"name": _STATE, "value": str(VERSION)}])
    return told


def _chosen(
    files: pa.Table, touched: Collection[str] | None, forget: Collection[str]
) -> tuple[pa.Table, pa.ChunkedArray]:
    """Return the files to tie, and the shots of the other files."""
    masks = []
    for batch in files.to_batches(_AT_ONCE):
        known = np.asarray(pc.is_valid(batch["shot_id"]))
        paths = batch["path"].to_pylist()
        chosen = (touched is None or os.path.dirname(text_path(path)) in touched for path in paths)
        masks.append(np.fromiter(chosen, np.bool_, len(paths)) | ~known)
    mask = pa.array(np.concatenate(masks) if masks else np.zeros(0, np.bool_))
    here = files.filter(mask)
    if forget:
        left = pc.is_in(here["path"], value_set=pa.array(sorted(forget), pa.string()))
        here = here.filter(pc.invert(left))
    return here.combine_chunks(), files["shot_id"].filter(pc.invert(mask))


def _names(rows: pa.Table, columns: list[str], read_name: Callable[[str], Mapping[str, Any]]) -> dict[str, pa.Array]:
    """Return what the files' names tell, as these columns."""
    if not columns:
        return {}
    told = [read_name(os.path.basename(path)) for path in rows["path"].to_pylist()]
    return {name: pa.array([each[name] for each in told], rows.schema.field(name).type) for name in columns}


def _tied(store: Store, rows: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray, pa.Array]:
    """Return the shot ids of files, the rules that tied them, and which photo alone a sidecar is about.

    A file whose name no other has is alone.
    """
    alone = pc.binary_join_element_wise("shot-", pc.coalesce(rows["content_id"], rows["path"]), "")
    places, ends = _families(rows)
    if not len(places):
        return alone, pa.chunked_array([pa.nulls(len(rows), pa.string())]), pa.nulls(len(rows), pa.string())
    facts = ShotFacts(store, rows["content_id"].take(pa.array(places)))
    found_ids, found_rules, found_about = [], [], []
    for start, end in _blocks(ends):
        block = rows.take(pa.array(places[start:end]))
        tied = facts.tied(block)
        said = [tied[path] for path in block["path"].to_pylist()]
        found_ids.append(pa.array([shot_id for shot_id, _ in said], pa.string()))
        found_rules.append(pa.array([rule for _, rule in said], pa.string()))
        found_about.append(pa.array(_about(block), pa.string()))
    mask = np.zeros(len(rows), np.bool_)
    mask[places] = True
    order = pa.array(np.argsort(places, kind="stable"))  # replacements are given in the order of rows
    ids = pc.replace_with_mask(alone, mask, pa.chunked_array(found_ids).take(order).combine_chunks())
    nothing = pa.nulls(len(rows), pa.string())
    rules, about = (
        pc.replace_with_mask(nothing, mask, pa.chunked_array(found).take(order).combine_chunks())
        for found in (found_rules, found_about)
    )
    return ids, rules, about


def _about(block: pa.Table) -> list[str | None]:
    """Return for each file, if it is a sidecar with the full name of one photo, or of an edit, that photo's path."""
    paths, kinds, formats = (block[name].to_pylist() for name in ("path", "kind", "format"))
    folders: dict[str, list[str]] = defaultdict(list)
    for path, kind in zip(paths, kinds, strict=True):
        if kind != Kind.SIDECAR:
            folders[os.path.dirname(path)].append(os.path.basename(path))
    known = {folder: FolderNames(names) for folder, names in folders.items()}

    def about(path: str) -> str | None:
        folder, name = os.path.split(path)
        spoken = known[folder].spoken_for(name) if folder in known else None
        if spoken is None or (spoken.form == "stem" and not all(map(is_edited, spoken.photos))):
            return None
        return os.path.join(folder, spoken.photos[0]) if len(spoken.photos) == 1 else None

    return [about(path) if each == "xmp" else None for path, each in zip(paths, formats, strict=True)]


def _families(rows: pa.Table) -> tuple[Array, Array]:
    """Return the places of files that may share a shot with another one, families together, and where families end."""
    keys = []
    for batch in rows.select(["path", "kind"]).to_batches(_AT_ONCE):
        split = (path.rpartition(os.sep) for path in batch["path"].to_pylist())
        keys.append(
            pa.array(
                [
                    f"{folder}{os.sep}{family(name, kind)}"
                    for (folder, _, name), kind in zip(split, batch["kind"].to_pylist(), strict=True)
                ],
                pa.string(),
            )
        )
    coded = pa.chunked_array(keys, pa.string()).combine_chunks().dictionary_encode()
    codes = np.asarray(coded.indices, np.int64)
    if not len(codes):
        return codes, codes
    several = np.bincount(codes)[codes] > 1
    places = np.flatnonzero(several)
    places = places[np.argsort(codes[places], kind="stable")]
    return places, np.flatnonzero(np.diff(codes[places], append=-1)) + 1


def _blocks(ends: Array) -> Iterator[tuple[int, int]]:
    """Cut families into blocks of about `_AT_ONCE` files, none of them in two."""
    start = 0
    while start < ends[-1]:
        end = int(ends[min(int(np.searchsorted(ends, start + _AT_ONCE)), len(ends) - 1)])
        yield start, end
        start = end


def _roots(rows: pa.Table, root_of: Callable[[str], str]) -> pa.ChunkedArray:
    found = [
        pa.array([path_text(root_of(text_path(path))) for path in batch["path"].to_pylist()], pa.string())
        for batch in rows.select(["path"]).to_batches(_AT_ONCE)
    ]
    return pa.chunked_array(found, pa.string())


def _differ(old: pa.ChunkedArray, new: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    """Return where two columns differ; null equals null."""
    equal = pc.fill_null(pc.equal(old, new), fill_value=False)
    return pc.invert(pc.or_(equal, pc.and_(pc.is_null(old), pc.is_null(new))))


def _write(store: Store, new: pa.Table, at: datetime) -> None:
    """Write the changed columns of files. A file counts as seen anew if its shot is another."""
    wanted = new["path"].combine_chunks()
    waiting: list[pa.RecordBatch] = []

    def write() -> None:
        rows = pa.Table.from_batches(waiting).combine_chunks()
        waiting.clear()
        place = pc.index_in(rows["path"], value_set=wanted)
        found = rows.filter(pc.is_valid(place))
        if len(found):
            store.upsert(FILES, _replaced(found, new.take(place.drop_null()), at))

    for batch in store.batches(FILES.name, arrow_schema(FILES).names) if len(wanted) else ():
        waiting.append(batch)
        # Many batches at once: for each look-up all the wanted paths are hashed.
        if sum(map(len, waiting)) >= _WRITTEN_AT_ONCE:
            write()
    if waiting:
        write()


def _replaced(rows: pa.Table, new: pa.Table, at: datetime) -> pa.Table:
    seen_at = pc.if_else(new["moved"], pa.scalar(at, pa.timestamp("us")), rows["seen_at"])
    own = [(name, new[name]) for name in new.column_names if name not in {"path", "moved"}]
    for name, column in (*own, ("seen_at", seen_at)):
        rows = rows.set_column(rows.column_names.index(name), rows.schema.field(name), column)
    return rows


def _carry_over(store: Store, rows: pa.Table, ids: pa.ChunkedArray, apart: pa.ChunkedArray) -> None:
    """Let decisions and groups follow shots whose id changes: the file that gave it was edited, or is gone.

    Ids that some file still has stay where they are. Of several files of a shot it follows the one whose content gave
    the id, else a photo. Done before the files' own rows: a crash in between repeats it.
    """
    left = pc.and_(pc.is_valid(rows["shot_id"]), _differ(rows["shot_id"], ids))
    there = pa.chunked_array([*ids.chunks, *apart.chunks], pa.string()).unique()
    left = pc.and_(left, pc.invert(pc.is_in(rows["shot_id"], value_set=there)))
    moved = rows.append_column("new", ids).filter(left).select(["path", "kind", "content_id", "shot_id", "new"])
    if not len(moved):
        return

    def strength(row: Mapping[str, Any]) -> tuple[bool, bool, str]:
        return row["shot_id"] != f"shot-{row['content_id']}", row["kind"] != Kind.PHOTO, row["path"]

    changed = {row["shot_id"]: row["new"] for row in sorted(moved.to_pylist(), key=strength, reverse=True)}
    decided = [
        {**row, "shot_ids": list(dict.fromkeys(changed.get(each, each) for each in row["shot_ids"]))}
        for row in store.read(DECISIONS.name).to_pylist()
        if not changed.keys().isdisjoint(row["shot_ids"])
    ]
    store.upsert(DECISIONS, decided)
    groups = store.read(BURSTS.name)
    groups = groups.filter(pc.is_in(groups["shot_id"], value_set=pa.array(sorted(changed), pa.string())))
    store.upsert(BURSTS, [{**row, "shot_id": changed[row["shot_id"]]} for row in groups.to_pylist()])
    store.delete(BURSTS.name, "shot_id", groups["shot_id"].to_pylist())


def _take_back_rejections(store: Store, rows: pa.Table, ids: pa.ChunkedArray, at: datetime) -> list[str]:
    """Take back what rejects a shot whose photos are now of several; return what the user is to be told."""
    held = store.read(DECISIONS.name, where="verb = 'reject' AND undone_at IS NULL").to_pylist()
    rejected = pa.array(sorted({each for row in held for each in row["shot_ids"]}), pa.string())
    photos = rows.append_column("new", ids).filter(pc.equal(rows["kind"], Kind.PHOTO.value))
    photos = photos.filter(pc.is_in(photos["shot_id"], value_set=rejected))
    now_of: dict[str, set[str]] = defaultdict(set)
    for old, new in zip(photos["shot_id"].to_pylist(), photos["new"].to_pylist(), strict=True):
        now_of[old].add(new)
    divided = {old for old, new in now_of.items() if len(new) > 1}
    lost = [row for row in held if not divided.isdisjoint(row["shot_ids"])]
    for row in lost:
        rest = [each for each in row["shot_ids"] if each not in divided]
        store.upsert(DECISIONS, [{**row, "shot_ids": rest} if rest else {**row, "undone_at": at}])
    words = (
        f"{len(lost):,} decisions to reject a photo were taken back: their shot held other pictures of one name, "
        "which are shots of their own now. Look, and decide again"
    )
    return [words] if lost else []
