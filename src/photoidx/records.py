"""The small vocabulary that all rooms share: kinds of file, formats by file name, content ids."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath

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
_FORMAT_OF_SUFFIX = {
    **{raw: raw for raw in RAW_FORMATS},
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), "jpeg"),
    **dict.fromkeys(("tif", "tiff"), "tiff"),
    **dict.fromkeys(("heic", "heif", "hif"), "heif"),
    **{same: same for same in ("png", "webp", "gif", "bmp", "avif", "jxl")},
}
_SIDECAR_SUFFIXES = frozenset(("xmp", "aae"))
_VIDEO_SUFFIXES = frozenset(("mov", "mp4"))


def format_of(name: str) -> str | None:
    """Give the format that a name announces ("jpeg", "heif", "cr2", "xmp", ...), or None for a file of no interest."""
    suffix = PurePath(name).suffix[1:].lower()
    if suffix in _SIDECAR_SUFFIXES or suffix in _VIDEO_SUFFIXES:
        return suffix
    return _FORMAT_OF_SUFFIX.get(suffix)


def kind_of(file_format: str) -> Kind:
    """Give the kind of file that a format (as `format_of` names it) stands for."""
    if file_format in _SIDECAR_SUFFIXES:
        return Kind.SIDECAR
    if file_format in _VIDEO_SUFFIXES:
        return Kind.VIDEO
    return Kind.PHOTO


def content_id_of(data: bytes) -> str:
    """Give the identity of a file's bytes: the first 128 bits of their BLAKE3 hash, as 32 hexadecimal digits."""
    return blake3(data).hexdigest(length=16)
