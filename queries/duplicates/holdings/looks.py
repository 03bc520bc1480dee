"""Looks at two pictures at full size, where only that tells which may go; what was found is kept in a table.

Few pairs need it: those that are the same picture in other encodings or sizes, and of which nothing else says that one
must stay. The files are read again; a file that is not what the last scan saw is not looked at.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin

from photoidx.config import Config
from photoidx.errors import PhotoError, PhotoidxError
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.queries.contents import quoted
from photoidx.queries.duplicates.holdings.origin import Encoded, making
from photoidx.queries.duplicates.holdings.rules import Holdings, Making
from photoidx.records import content_id_of, text_path
from photoidx.storage.schema import LOOKS
from photoidx.storage.store import Store

_HELD_AT_ONCE = 3  # decoded pictures; one of 12 megapixels has 36 MB
_MEASURES = ("ratio", "distance", "own", "structured", "differs")
Key = tuple[str, str]


class Looks:
    """What was found of pairs of contents (one, other): whether the one can have been made from the other."""

    def __init__(self, store: Store, *, may_read: bool = True) -> None:
        self._store = store
        self._may_read = may_read
        self._known: dict[Key, Making | None] = {}
        self._fresh: list[dict[str, Any]] = []
        self._pictures: OrderedDict[str, Encoded | None] = OrderedDict()

    def know(self, contents: Sequence[str]) -> None:
        """Read what is known of these contents."""
        if LOOKS.name not in self._store.names() or not contents:
            return
        among = ", ".join(map(quoted, contents))
        for row in self._store.read(LOOKS.name, None, f"one IN ({among})").to_pylist():
            known = None if row["distance"] is None else Making(*(row[name] for name in _MEASURES))
            self._known[row["one"], row["other"]] = known

    def of(self, one: Holdings, other: Holdings) -> Making | None:
        """Return what is known of the first file's picture against the second's, looked at if needed, or None."""
        key = one.content, other.content
        if key not in self._known:
            if not self._may_read:
                return None
            pictures = self._encoded(one), self._encoded(other)
            found = None if None in pictures else making(pictures[0], pictures[1])  # type: ignore[arg-type]
            self._known[key] = found
            if found is not None:  # a file that can't be read now may be readable the next time
                measures = {name: getattr(found, name) for name in _MEASURES}
                self._fresh.append({"one": key[0], "other": key[1], **measures})
        return self._known[key]

    def save(self) -> None:
        """Keep what was found. Where the library can't be written now, it is found again the next time."""
        if not self._fresh:
            return
        try:
            with self._store.writing():
                self._store.ensure(LOOKS)
                self._store.upsert(LOOKS, self._fresh)
        except PhotoidxError:  # another process writes, or the library is read-only
            return
        self._fresh = []

    def _encoded(self, file: Holdings) -> Encoded | None:
        if file.content not in self._pictures:
            self._pictures[file.content] = _read(file)
            while len(self._pictures) > _HELD_AT_ONCE:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(file.content)
        return self._pictures[file.content]


def _read(file: Holdings) -> Encoded | None:
    """Decode a file at full size; None if it is no longer what the last scan saw, or can't be decoded."""
    try:
        with open(text_path(file.path), "rb") as opened:
            data = opened.read()
    except OSError:
        return None
    if content_id_of(data) != file.content or not file.long_side:
        return None
    try:
        photo = DecodedPhoto(data, file.format, Config().max_pixels)
        pixels = np.asarray(photo.image(file.long_side))
    except (PhotoError, MemoryError):
        return None
    return Encoded(pixels, *_tables(data), is_lossless=file.lossless is True and file.colour != "palette")


def _tables(data: bytes) -> tuple[Sequence[Sequence[int]] | None, int]:
    """Return a JPEG's quantisation tables and chroma sampling; None for other formats."""
    if not data.startswith(b"\xff\xd8"):
        return None, 0
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            tables: Mapping[int, Sequence[int]] = image.quantization  # type: ignore[attr-defined]
            return [list(tables[at]) for at in sorted(tables)], JpegImagePlugin.get_sampling(image)
    except (OSError, SyntaxError, ValueError):
        return None, 0
