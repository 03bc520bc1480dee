"""Read a sidecar so that it can be edited to the letter: every element with the place of its bytes.

A parser that gives a tree forgets how the text was written: quotes, white space, line ends, the order of attributes.
Here expat says where each tag stands, and an edit replaces those bytes alone. lxml reads the text a second time, with
everything off that reaches outside it, and `agree` compares what is not ours before and after an edit.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from xml.parsers import expat

from lxml import etree

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML = "http://www.w3.org/XML/1998/namespace"
_LONGEST = 4 << 20
_DEEPEST = 200
_MOST_ELEMENTS = 200_000
_AROUND = b" \t\r\n\0"
_DECLARED = re.compile(r"""^<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
_START = re.compile(rb"""<[^\s/>]+((?:\s+[^\s=/>]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*/?>""")
_ATTRIBUTE = re.compile(rb"""(\s+)([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

Name = tuple[str, str]
"""A name as XML means it: the address of its namespace, and the local name."""


class SidecarError(Exception):
    """A sidecar can't be read, or a field of it is written in a way that can't be edited. It stays as it is."""


@dataclass(frozen=True)
class Attribute:
    """An attribute. `start` is where the white space before it begins, `value_start` is behind the quote."""

    name: Name
    value: str
    start: int
    value_start: int
    end: int


@dataclass(eq=False)
class Element:
    """An element, with the places of its bytes: the first tag is [start, opened), the last tag [closing, end).

    One without content (`<a/>`) has `closing` = `end` = `opened`. `text` is what stands in it directly.
    """

    name: Name
    written: str
    prefixes: Mapping[str, str]
    attributes: list[Attribute]
    parent: Element | None
    start: int
    opened: int
    closing: int = -1
    end: int = -1
    text: str = ""
    children: list[Element] = field(default_factory=list)

    @property
    def is_empty_tag(self) -> bool:
        """Whether it is written as one tag."""
        return self.closing == self.opened == self.end

    def attribute(self, name: Name) -> Attribute | None:
        """Return the attribute of a name."""
        return next((each for each in self.attributes if each.name == name), None)


class Packet:
    """A sidecar's text. `data` is its XML as UTF-8, whatever the file's own encoding; positions are in it."""

    def __init__(
        self, data: bytes, encoding: str = "utf-8", around: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    ) -> None:
        self.data, self._encoding, self._around = data, encoding, around
        self._elements = _scan(data)

    @classmethod
    def read(cls, raw: bytes) -> Packet:
        """Read a file's bytes. Raises SidecarError if they are no sound XML, or hold a DOCTYPE."""
        if len(raw) > _LONGEST:
            raise SidecarError(f"it is {len(raw)} bytes long; {_LONGEST} are read at most")
        bom, encoding = next(((bom, name) for bom, name in _BOMS if raw.startswith(bom)), (b"", ""))
        encoding = encoding or _guessed(raw)
        body = raw[len(bom) :]
        if encoding == "utf-8" and not bom:
            declared = _DECLARED.match(body.lstrip(_AROUND)[:200].decode("latin-1"))
            encoding = declared[1] if declared else encoding
        try:
            text = body.decode(encoding)
            if text.encode(encoding) != body:
                raise SidecarError(f"its {encoding} can't be written again as it is")
        except (UnicodeError, LookupError) as error:
            raise SidecarError(f"it is no text in {encoding}") from error
        inner = text.strip(_AROUND.decode())
        before, _, after = text.partition(inner) if inner else (text, "", "")
        return cls(inner.encode(), encoding, (bom, before.encode(encoding), after.encode(encoding)))

    def raw(self) -> bytes:
        """Return the file's bytes, in its own encoding; what that does not have is written as a reference."""
        bom, before, after = self._around
        return bom + before + self.data.decode().encode(self._encoding, "xmlcharrefreplace") + after

    def edited(self, start: int, end: int, text: str) -> Packet:
        """Return the packet with the bytes of [start, end) replaced. Raises SidecarError if that is no sound XML."""
        return Packet(self.data[:start] + text.encode() + self.data[end:], self._encoding, self._around)

    @cached_property
    def rdf(self) -> Element:
        """The element that holds the descriptions. Raises SidecarError if there is none."""
        found = next((each for each in self._elements if each.name == (RDF, "RDF")), None)
        if found is None:
            raise SidecarError("it is XML, but holds no RDF")
        return found

    @cached_property
    def descriptions(self) -> list[Element]:
        """The descriptions of the photo, in the file's order."""
        return [each for each in self.rdf.children if each.name == (RDF, "Description")]

    @cached_property
    def line_end(self) -> str:
        """How its lines end; nothing if it is all one line."""
        if b"\r\n" in self.data:
            return "\r\n"
        return "\n" if b"\n" in self.data else ""


def _guessed(raw: bytes) -> str:
    head = raw[:4]
    return {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(head[:2], "utf-8") if len(head) > 1 else "utf-8"


class _Scan:
    """Collects elements as expat meets them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self._parser = expat.ParserCreate("utf-8")
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def run(self) -> None:
        self._parser.Parse(self._data, True)  # noqa: FBT003 - it takes no names

    @staticmethod
    def _doctype(*_told: object) -> None:
        raise SidecarError("it holds a DOCTYPE, which no sidecar needs")

    def _start(self, written: str, given: list[str]) -> None:
        if len(self._open) >= _DEEPEST or len(self.elements) >= _MOST_ELEMENTS:
            raise SidecarError("it is nested too deep, or has too many elements")
        start = self._parser.CurrentByteIndex
        tag = _START.match(self._data, start)
        if tag is None:
            raise SidecarError("a tag of it is written in a way that is not understood")
        values = dict(zip(given[::2], given[1::2], strict=True))
        parent = self._open[-1] if self._open else None
        declared = {name.partition(":")[2]: value for name, value in values.items() if _declares(name)}
        prefixes = {**(parent.prefixes if parent else {"xml": _XML}), **declared}
        attributes = [
            Attribute(
                ("", each[2].decode()) if b":" not in each[2] else _name(each[2].decode(), prefixes),
                values[each[2].decode()],
                each.start(),
                each.start(3) + 1,
                each.end(),
            )
            for each in _ATTRIBUTE.finditer(self._data, tag.start(1), tag.end(1))
        ]
        element = Element(_name(written, prefixes), written, prefixes, attributes, parent, start, tag.end())
        self.elements.append(element)
        if parent is not None:
            parent.children.append(element)
        self._open.append(element)

    def _end(self, _written: str) -> None:
        element = self._open.pop()
        if self._data[element.opened - 2 : element.opened] == b"/>":
            element.closing = element.end = element.opened
        else:
            element.closing = self._parser.CurrentByteIndex
            element.end = self._data.index(b">", element.closing) + 1

    def _text(self, text: str) -> None:
        self._open[-1].text += text


def _declares(name: str) -> bool:
    return name == "xmlns" or name.startswith("xmlns:")


def _name(written: str, prefixes: Mapping[str, str]) -> Name:
    prefix, _, local = written.rpartition(":")
    if prefix == "xmlns":
        return "xmlns", local
    if prefix and prefix not in prefixes:
        raise SidecarError(f"its prefix {prefix} stands for nothing")
    return prefixes.get(prefix, ""), local


def _scan(data: bytes) -> list[Element]:
    scan = _Scan(data)
    try:
        scan.run()
    except expat.ExpatError as error:
        raise SidecarError(f"it is no sound XML: {error}") from error
    return scan.elements


def tree_of(packet: Packet) -> etree._Element:
    """Read a packet with lxml: no entity is resolved, nothing is loaded. Raises SidecarError."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_blank_text=True,
    )
    try:
        return etree.fromstring(packet.data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SidecarError(f"it is no sound XML: {error}") from error


def agree(one: Packet, other: Packet, ours: frozenset[Name]) -> bool:
    """Return whether two packets say the same but for the properties that are ours, as lxml reads them."""
    return _foreign(one, ours) == _foreign(other, ours)


def _foreign(packet: Packet, ours: frozenset[Name]) -> bytes:
    """Return everything but our properties, in the canonical form (exclusive C14N, with comments)."""
    root = tree_of(packet)
    names = {f"{{{address}}}{local}" for address, local in ours}
    for each in root.iter(f"{{{RDF}}}Description"):
        for name in names & set(each.attrib):
            del each.attrib[name]
        for child in list(each):
            if child.tag in names:
                each.remove(child)
        if len(each) == 0 and not (each.text or "").strip():
            each.text = None
    found: bytes = etree.tostring(root.getroottree(), method="c14n", exclusive=True, with_comments=True)
    return found
