"""Ways to damage a table's files, and a library of made rows to damage."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from made_library import SPECS, file, write
from photoidx.config import Config
from photoidx.queries.decisions.record import record
from photoidx.registry import stages
from photoidx.storage.store import Store

PRINTS = {stage.name: stage.fingerprint for stage in stages(Config())}


def done(content_id: str, *names: str) -> list[dict[str, object]]:
    """Return the ledger's rows for stages that were done."""
    at = datetime.now(UTC).replace(tzinfo=None)
    return [
        {
            "content_id": content_id,
            "stage": name,
            "fingerprint": PRINTS[name],
            "status": "done",
            "error": None,
            "at": at,
        }
        for name in names
    ]


def commit(store: Store, *content_ids: str) -> None:
    """Write photos as a scan's commit does: what was found, then the ledger, then the files."""
    with store.writing():
        store.ensure(SPECS["exif"], SPECS["hashes"])
        store.upsert(SPECS["exif"], [{"content_id": each, "model": each} for each in content_ids])
        store.upsert(SPECS["hashes"], [{"content_id": each} for each in content_ids])
        rows = [row for each in content_ids for row in done(each, "exif", "hashes")]
        store.upsert(SPECS["ledger"], rows)
        store.upsert(SPECS["files"], [file(f"/p/{each}.jpg", each) for each in content_ids])
    time.sleep(0.002)


def made(folder: Path) -> Store:
    """Make a whole library: two commits of photos, and a decision after each."""
    store = Store(str(folder), create=True)
    for content_ids in (("a", "b"), ("c", "d")):
        commit(store, *content_ids)
        with store.writing():
            record(store, "keep", [f"shot-{content_ids[0]}"])
    write(store, scans=[{"scan_id": f"{1:020d}-x", "status": "finished"}])
    return store


def data_files(store: Store, table: str) -> list[Path]:
    """Return a table's data files, the oldest first."""
    found = (Path(store.uri) / f"{table}.lance" / "data").glob("*.lance")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def truncate(path: Path) -> None:
    """Cut a file in half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Turn all bits of every seventh byte."""
    data = bytearray(path.read_bytes())
    data[::7] = bytes(byte ^ 0xFF for byte in data[::7])
    path.write_bytes(data)


def zero(path: Path) -> None:
    """Write zeros over a file, as a lost block does."""
    path.write_bytes(bytes(path.stat().st_size))


def remove(path: Path) -> None:
    """Delete a file."""
    path.unlink()


WAYS = (truncate, flip, zero, remove)
