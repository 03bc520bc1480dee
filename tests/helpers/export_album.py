"""A folder of files and a library whose tables have them as a scan would, for tests of exports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from made_library import SPECS, file, write
from photoidx.library import Library
from photoidx.queries.decisions.record import record
from photoidx.records import Kind, content_id_of, format_of, kind_of, path_text
from photoidx.storage.store import Store

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Another Program">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:own="urn:another"
    own:history="kept"{told}/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


class Album:
    """Files in `folder`, and the library `library`."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "photos"
        self.folder.mkdir()
        self.uri = home / "library"
        self.store = Store(str(self.uri), create=True)
        with self.store.writing():
            self.store.ensure(*SPECS.values())
        self.library = Library(self.uri)

    def add(self, name: str, data: bytes | None = None, *, shot: str | None = None, **told: Any) -> Path:
        """Write a file and its row; `told` is what its EXIF says."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = data if data is not None else os.fsencode(name)
        path.write_bytes(content)
        content_id = content_id_of(content)
        kind = kind_of(format_of(path.name) or "jpeg")
        row = file(
            path_text(str(path)),
            content_id,
            str(kind),
            root=str(self.folder),
            size=len(content),
            mtime_ns=path.stat().st_mtime_ns,
            format=format_of(path.name) or "jpeg",
            shot_id=f"shot-{shot or content_id}",
        )
        write(self.store, files=[row])
        if kind is Kind.PHOTO:
            write(self.store, exif=[{"content_id": content_id, **told}])
        return path

    def sidecar(self, name: str, told: str = "", age_s: float = 0.0) -> Path:
        """Write a sidecar of another program, so many seconds old."""
        path = self.folder / name
        path.write_text(XMP.format(told=f" {told}" if told else ""), encoding="utf-8")
        at = path.stat().st_mtime - age_s
        os.utime(path, (at, at))
        return path

    def decide(self, verb: str, *paths: Path) -> None:
        """Record a decision."""
        known = {row["path"]: row["shot_id"] for row in self.store.read("files", ["path", "shot_id"]).to_pylist()}
        with self.store.writing():
            record(self.store, verb, [known[path_text(str(path))] for path in paths])


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the time of every file below a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
