"""The small vocabulary that all rooms share: kinds of file, formats by file name, content ids."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Iterable
from enum import StrEnum
from typing import BinaryIO

from blake3 import blake3


class Kind(StrEnum):
    """What a file is to a photo library."""

    PHOTO = "photo"
    SIDECAR = "sidecar"
    VIDEO = "video"


RAW_FORMATS = frozenset(
    {
        "3fr",
        "arw",
        "cr2",
        "cr3",
        "crw",
        "dcr",
        "dng",
        "erf",
        "fff",
        "iiq",
        "kdc",
        "mef",
        "mos",
        "mrw",
        "nef",
        "nrw",
        "orf",
        "pef",
        "raf",
        "raw",
        "rw2",
        "rwl",
        "sr2",
        "srf",
        "srw",
        "x3f",
    }
)
TAKEOUT = "takeout"
"""The format of the JSON files in which Google Takeout keeps what it knows of a photo."""
_SIDECAR_SUFFIXES = frozenset(("xmp", "aae"))
_VIDEO_SUFFIXES = frozenset(
    (
        *("mov", "mp4", "m4v", "3gp", "3g2", "mp", "qt", "insv", "lrv"),
        *("avi", "mkv", "webm", "mts", "m2ts", "mpg", "mpeg", "wmv"),
    )
)
_TAKEOUT_SUPPLEMENT, _TAKEOUT_LENGTH = "supplemental-metadata", 46
_NUMBER = re.compile(r"\(\d{1,4}\)$")
_FORMAT_OF_SUFFIX = {
    **{raw: raw for raw in RAW_FORMATS},
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), "jpeg"),
    **dict.fromkeys(("tif", "tiff"), "tiff"),
    **dict.fromkeys(("heic", "heif", "hif"), "heif"),
    **{same: same for same in ("png", "webp", "gif", "bmp", "avif", "jxl")},
    **{same: same for same in (*_SIDECAR_SUFFIXES, *_VIDEO_SUFFIXES)},
}


def format_of(name: str) -> str | None:
    """Find the format that a name announces ("jpeg", "heif", "cr2", "xmp", ...), or None for a file of no interest."""
    stem, _, suffix = name.rpartition(".")
    if not stem.strip(".") or stem.endswith(os.sep):  # a hidden file, or a name without a dot
        return None
    found = _FORMAT_OF_SUFFIX.get(suffix) or _FORMAT_OF_SUFFIX.get(suffix.lower())
    return TAKEOUT if found is None and suffix.lower() == "json" and _is_of_takeout(stem) else found


def _is_of_takeout(stem: str) -> bool:
    """Return whether a JSON file's name, without `.json`, is one that Takeout makes: `IMG_1.jpg.supplemental-me(1)`.

    It cuts the name to 46 characters, so one that is as long may be its own, whatever it ends with.
    """
    bare = _NUMBER.sub("", stem).lower()
    title, _, tail = bare.rpartition(".")
    if title and tail and (_TAKEOUT_SUPPLEMENT.startswith(tail) or tail in _FORMAT_OF_SUFFIX):
        return True
    return len(bare) == _TAKEOUT_LENGTH


def kind_of(file_format: str) -> Kind:
    """Return the kind of file that a format (as `format_of` names it) stands for."""
    if file_format in _SIDECAR_SUFFIXES or file_format == TAKEOUT:
        return Kind.SIDECAR
    if file_format in _VIDEO_SUFFIXES:
        return Kind.VIDEO
    return Kind.PHOTO


def content_id_of(data: bytes) -> str:
    """Return the identity of a file's bytes: the first 128 bits of their BLAKE3 hash, as 32 hexadecimal digits."""
    return blake3(data).hexdigest(length=16)


def mtime_of(status: os.stat_result) -> int | None:
    """Return a file's time of last modification in nanoseconds since 1970.

    None for a time that a signed integer of 64 bits, as the tables have it, can't hold: before 1678 or after 2262.
    """
    return status.st_mtime_ns if -(1 << 63) <= status.st_mtime_ns < 1 << 63 else None


def next_id(known: Iterable[str]) -> str:
    """Return a new id that sorts by time, and after all that are known, also where the clock was set back."""
    latest = max((int(each[:_ID_DIGITS]) for each in known), default=0)
    return f"{max(time.time_ns(), latest + 1):0{_ID_DIGITS}d}-{uuid.uuid4().hex[:8]}"


_ID_DIGITS = 20


def content_id_of_stream(file: BinaryIO) -> str:
    """Return the identity of the bytes that are left in a file, without holding more than a part of them at once."""
    digest = blake3()
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.hexdigest(length=16)


_BYTE_PLANE = 0x10FF00


def path_text(path: str) -> str:
    """Turn a path as Python gives it into text that any table can hold; `text_path` turns it back.

    Bytes that are not UTF-8 come from the operating system as lone surrogates, which Arrow refuses. Each becomes the
    private character U+10FF00 + byte. A name that really has such a character has its own bytes spelt the same way, so
    no two paths share a text.
    """
    if path.isascii() or not any(_is_odd(char) for char in path):
        return path
    return "".join(_spell(char) if _is_odd(char) else char for char in path)


def text_path(text: str) -> str:
    """Undo `path_text`."""
    if text.isascii():
        return text
    raw = bytearray()
    for char in text:
        code = ord(char)
        raw += bytes((code - _BYTE_PLANE,)) if _BYTE_PLANE + 0x80 <= code <= _BYTE_PLANE + 0xFF else char.encode()
    return raw.decode("utf-8", "surrogateescape")


def _is_odd(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" or _BYTE_PLANE + 0x80 <= ord(char) <= _BYTE_PLANE + 0xFF


def _spell(char: str) -> str:
    return "".join(chr(_BYTE_PLANE + byte) for byte in char.encode("utf-8", "surrogateescape"))
