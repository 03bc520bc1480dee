"""Photos of a benchmark, opened as a scan opens them."""

from __future__ import annotations

from pathlib import Path

from photoidx.config import Config
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.records import format_of


def open_photo(path: str | Path) -> DecodedPhoto:
    """Read a photo's file; it is decoded when it is looked at. Raises OSError if it can't be read."""
    return DecodedPhoto(Path(path).read_bytes(), format_of(str(path)) or "", Config().max_pixels)
