"""Read what people and phones write into XMP: rating, label, keywords, title, and the burst that a shot belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from photoidx.scoring.exif.values import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

_XMP = "{http://ns.adobe.com/xap/1.0/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_CAMERA = "{http://ns.google.com/photos/1.0/camera/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_START = b"<x:xmpmeta"
_END = b"</x:xmpmeta>"
_LONGEST = 4 << 20
_MOST_KEYWORDS = 1000
_MOST_HOLDERS = 20
_REJECTED = -1
_BEST = 5


class XmpError(Exception):
    """The XMP is not well-formed XML, or is built to do harm."""


@dataclass(frozen=True)
class Xmp:
    """What the XMP says; what it doesn't say is None."""

    rating: int | None = None
    label: str | None = None
    keywords: tuple[str, ...] | None = None
    title: str | None = None
    burst_id: str | None = None


def find_xmp(data: bytes) -> bytes | None:
    """Cut the first XMP packet out of a file's bytes."""
    start = data.find(_START)
    if start < 0:
        return None
    end = data.find(_END, start, start + _LONGEST)
    return data[start : end + len(_END)] if end > 0 else None


def parse_xmp(packet: bytes) -> Xmp:
    """Read a packet or a sidecar. Raises XmpError."""
    if len(packet) > _LONGEST:
        raise XmpError(f"the XMP is {len(packet)} bytes long; {_LONGEST} are read at most")
    try:
        root = fromstring(packet.strip(b" \t\r\n\0"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise XmpError(str(error) or type(error).__name__) from error
    keywords = _listed(root, f"{_DC}subject")
    return Xmp(
        rating=_rating(_value(root, f"{_XMP}Rating")),
        label=_value(root, f"{_XMP}Label"),
        keywords=keywords or None,
        title=next(iter(_listed(root, f"{_DC}title")), None),
        burst_id=_value(root, f"{_CAMERA}BurstID"),
    )


def _value(root: Any, name: str) -> str | None:
    """Return a simple property, which may be written as an attribute or as an element."""
    for described in root.iter(f"{_RDF}Description"):
        found = clean(described.get(name)) or clean(described.findtext(name))
        if found is not None:
            return found
    return None


def _listed(root: Any, name: str) -> tuple[str, ...]:
    """Return the items of a bag, a sequence or a choice of languages, each once and in the file's order."""
    return tuple(islice(dict.fromkeys(_items(root, name)), _MOST_KEYWORDS))


def _items(root: Any, name: str) -> Iterator[str]:
    for holder in islice(root.iter(name), _MOST_HOLDERS):  # nested by the thousand, they would take for ever
        for item in holder.iter(f"{_RDF}li"):
            found = clean(item.text)
            if found is not None:
                yield found


def _rating(written: str | None) -> int | None:
    try:
        stars = round(float(written or ""))
    except (ValueError, OverflowError):
        return None
    return stars if _REJECTED <= stars <= _BEST else None
