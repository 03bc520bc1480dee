"""Names of exported files from a template such as `{taken_at:%Y/%m}/{name}`, that no file system refuses. Pure.

Names in braces are columns of the view `photos`; beside them `name`, `stem`, `suffix` (with its dot) and `subfolder`,
the folder below the root. A time may be given a format; `/` in it makes folders, as it does in the template. What a
column holds never makes one. A column without a value gives `unknown`.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from photoidx.errors import ExportError

UNKNOWN = "unknown"
_LONGEST = 240  # bytes of a name: file systems take 255, and a number may be added
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{word}{n}" for word in ("com", "lpt") for n in range(1, 10))})
_OF_PATH = frozenset({"name", "stem", "suffix", "subfolder"})
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


def columns_in(template: str) -> list[str]:
    """Return the columns that a template names. Raises ExportError if it is no sound template of a path below."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ExportError(f"The template {template!r} can't be read: {error}.") from error
    names = []
    for _literal, name, _spec, conversion in parts:
        if name is None:
            continue
        if not _IDENTIFIER.fullmatch(name) or conversion:
            raise ExportError(f"The template {template!r} may hold names of columns alone, as {{taken_at:%Y}}.")
        names.append(name)
    if template.startswith(("/", "\\", "~")) or any(part in {".", ".."} for part in re.split(r"[/\\]", template)):
        raise ExportError(f"The template {template!r} leads out of the folder. Give a path below it.")
    if not template.strip() or template.endswith(("/", "\\")):
        raise ExportError(f"The template {template!r} ends without a name. End it with {{name}}.")
    return [name for name in dict.fromkeys(names) if name not in _OF_PATH]


def place_of(template: str, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the folders and the name that a template gives a photo, each made safe. The name ends in its suffix.

    `facts` are the columns, and `name`, `stem`, `suffix` and `subfolder`. Raises ExportError for a wrong format.
    """
    written: list[str] = []
    for literal, name, spec, _conversion in string.Formatter().parse(template):
        written.append(literal)
        if name is not None:
            written.append(_value(name, facts.get(name), spec or ""))
    parts = [safe_name(part) for part in "".join(written).split("/") if part.strip()]
    if not parts:
        raise ExportError(f"The template {template!r} gives no name.")
    suffix = str(facts["suffix"])
    if not parts[-1].lower().endswith(suffix.lower()):
        parts[-1] = safe_name(parts[-1] + suffix)
    return tuple(parts)


def _value(name: str, value: Any, spec: str) -> str:
    if value is None or value == "":
        return UNKNOWN if name != "subfolder" else ""
    try:
        text = format(value, spec)
    except (ValueError, TypeError) as error:
        raise ExportError(f"The template's format {spec!r} does not fit {name}: {error}.") from error
    if name == "subfolder" or (isinstance(value, date | datetime) and spec):
        return text
    return _FORBIDDEN.sub("_", text)


def safe_name(name: str) -> str:
    """Return a name that every common file system takes: no separator, no control, no device, not too long."""
    clean = _FORBIDDEN.sub("_", name).rstrip(". ").lstrip(" ")
    if not clean.strip("."):
        clean = "_" * max(1, len(clean))
    if clean.partition(".")[0].rstrip().casefold() in _RESERVED:
        clean = f"_{clean}"
    return cut(clean)


def cut(name: str, longest: int = _LONGEST) -> str:
    """Shorten a name to so many bytes; its suffix stays."""
    if len(_bytes(name)) <= longest:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(_bytes(suffix)) > longest // 2:
        stem, suffix = name, ""
    room = longest - len(_bytes(dot + suffix if suffix else ""))
    while len(_bytes(stem)) > room:
        stem = stem[:-1]
    return f"{stem.rstrip('. ')}{dot}{suffix}" if suffix else stem.rstrip(". ")


def numbered(stem: str, number: int) -> str:
    """Return a stem with a number, from the second on."""
    return stem if number == 1 else f"{cut(stem, _LONGEST - 8)}-{number}"


def key_of(path: str) -> str:
    """Return what a file system that knows no case, and one form of Unicode, takes a path for."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
