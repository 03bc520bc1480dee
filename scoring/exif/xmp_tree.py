"""An XMP packet as a tree of properties: found in a file's bytes, parsed safely, asked for values by name.

A property may be an attribute or an element, a plain text, a list, a choice of languages or a structure (XMP
specification part 1, 7). Only properties of the packet's own resource count: what it says of the documents that it was
made from stands deeper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from photoidx.scoring.exif.values import clean

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_ENDS = {b"<x:xmpmeta": b"</x:xmpmeta>", b"<x:xapmeta": b"</x:xapmeta>", b"<rdf:RDF": b"</rdf:RDF>"}
_LONGEST = 4 << 20
_MOST = 1000  # values of one property
_MOST_HOLDERS = 20
_UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


class XmpError(Exception):
    """The XMP is not well-formed XML, or is built to do harm."""


def find_xmp(data: bytes) -> bytes | None:
    """Cut the first XMP packet out of a file's bytes."""
    for start_mark, end_mark in _ENDS.items():
        start = data.find(start_mark)
        if start >= 0:
            end = data.find(end_mark, start, start + _LONGEST)
            return data[start : end + len(end_mark)] if end > 0 else None
    return None


class XmpTree:
    """One packet or sidecar. Names are ElementTree's: "{namespace}local"."""

    def __init__(self, packet: bytes) -> None:
        """Parse it. Raises XmpError."""
        if len(packet) > _LONGEST:
            raise XmpError(f"the XMP is {len(packet)} bytes long; {_LONGEST} are read at most")
        try:
            root = fromstring(_sound(packet), forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
            raise XmpError(str(error) or type(error).__name__) from error
        tops = [root] if root.tag == f"{RDF}RDF" else islice(root.iter(f"{RDF}RDF"), _MOST_HOLDERS)
        self._resources = [each for top in tops for each in top] or [root]

    def first(self, *names: str) -> str | None:
        """Return the first value of the first of these properties that has one."""
        return next((value for name in names for value in self.all(name)), None)

    def all(self, *names: str) -> tuple[str, ...]:
        """Return the values of properties, each once and in the file's order."""
        return tuple(islice(dict.fromkeys(value for name in names for value in self._values(name)), _MOST))

    def structures(self, *names: str) -> Iterator[dict[str, str]]:
        """Return the structures below these properties, at any depth, as fields with their texts."""
        for name in names:
            for holder in islice(self._elements(name), _MOST_HOLDERS):
                for each in islice(holder.iter(), _MOST):
                    fields = {key: value for key, raw in each.attrib.items() if (value := clean(raw))}
                    fields |= {one.tag: value for one in each if not len(one) and (value := clean(one.text))}
                    fields = {key: value for key, value in fields.items() if not key.startswith(RDF)}
                    if fields:
                        yield fields

    def below(self, name: str, inner: str) -> tuple[str, ...]:
        """Return the values of a property that stands at any depth below another."""
        items = (item for holder in islice(self._elements(name), _MOST_HOLDERS) for item in self._below(holder, inner))
        return tuple(islice(dict.fromkeys(items), _MOST))

    @staticmethod
    def _below(holder: Any, inner: str) -> Iterator[str]:
        for each in islice(holder.iter(inner), _MOST):
            for item in [*islice(each.iter(f"{RDF}li"), _MOST)] or [each]:
                found = clean(item.text)
                if found is not None:
                    yield found

    def _elements(self, name: str) -> Iterator[Any]:
        for each in self._resources:
            yield from each.iterfind(name)

    def _values(self, name: str) -> Iterator[str]:
        for each in self._resources:
            found = clean(each.get(name))
            if found is not None:
                yield found
        for holder in islice(self._elements(name), _MOST_HOLDERS):
            items = list(islice(holder.iter(f"{RDF}li"), _MOST)) or [holder]
            for item in items:
                found = clean(item.text) or clean(item.findtext(f".//{RDF}value")) or clean(item.get(f"{RDF}value"))
                if found is not None:
                    yield found


def _sound(packet: bytes) -> bytes | str:
    """Return the packet without what stands around it; UTF-16 as text, for its declaration may say what it likes."""
    code = next((code for mark, code in _UTF_16.items() if packet.startswith(mark)), None)
    if code is None:
        return packet.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n\0")
    text = packet.decode(code).lstrip("\ufeff").strip(" \t\r\n\0")
    return _DECLARATION.sub("", text)
