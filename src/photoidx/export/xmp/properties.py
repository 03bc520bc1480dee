"""Edit one property of a packet: a plain value, a list, or a text in languages. Everything else keeps its bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from photoidx.export.xmp.packet import RDF, Attribute, Element, Name, Packet, SidecarError

_LI = (RDF, "li")
_CONTAINERS = frozenset({(RDF, "Bag"), (RDF, "Seq"), (RDF, "Alt")})
_LANGUAGE = ("http://www.w3.org/XML/1998/namespace", "lang")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPACES = b" \t\r\n"
PREFIXES = {
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xmp/1.0/DynamicMedia/": "xmpDM",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.digikam.org/ns/1.0/": "digiKam",
}
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    f' <rdf:RDF xmlns:rdf="{RDF}">\n'
    '  <rdf:Description rdf:about=""/>\n'
    " </rdf:RDF>\n"
    "</x:xmpmeta>\n"
    '<?xpacket end="w"?>\n'
)


def new_packet() -> Packet:
    """Return a sidecar that says nothing yet."""
    return Packet.read(_EMPTY.encode())


def plain_values(packet: Packet, name: Name) -> list[str]:
    """Return the values of a plain property; more than one where it stands in several descriptions."""
    return [each.value if isinstance(each, Attribute) else each.text.strip() for each in _found(packet, name)]


def set_plain(packet: Packet, name: Name, value: str) -> Packet:
    """Give a plain property a value, wherever it stands; where it does not, as an attribute of a description."""
    value = sound(value)
    count = len(_found(packet, name))
    for number in range(count):
        packet = _replaced(packet, _found(packet, name)[number], value)
    return packet if count else _with_attribute(packet, name, value)


def remove(packet: Packet, name: Name) -> Packet:
    """Take a property out, with the white space before it."""
    while found := _found(packet, name):
        one = found[0]
        packet = packet.edited(one.start if isinstance(one, Attribute) else _before(packet, one), one.end, "")
    return packet


def listed(packet: Packet, name: Name) -> list[str]:
    """Return the items of a list, in the file's order."""
    return [li.text.strip() for each in _elements(packet, name) for li in _items(each)]


def add_items(packet: Packet, name: Name, items: Sequence[str], kind: str = "Bag") -> Packet:
    """Add items to the end of a list, which is made where there is none. Raises SidecarError if it is no list."""
    if not items:
        return packet
    found = _found(packet, name)
    if not found:
        return _with_element(packet, name, lambda rdf: _list(rdf, kind, items))
    container = next((each for one in found for each in _containers(one)), None)
    if container is not None:
        rdf = container.written.rpartition(":")[0]
        lines = [_li(rdf, item) for item in items]
        if container.is_empty_tag:
            return _opened(packet, container, "".join(lines))
        last = container.children[-1] if container.children else None
        at = last.end if last else container.opened
        space = packet.data[_before(packet, last) : last.start].decode() if last else ""
        return packet.edited(at, at, "".join(space + line for line in lines))
    if isinstance(found[0], Element) and not found[0].children and not found[0].text.strip():
        return _opened(packet, found[0], _list(_prefix_of(packet.rdf), kind, items))
    raise SidecarError(f"{PREFIXES.get(name[0], name[0])}:{name[1]} is no list in it")


def remove_items(packet: Packet, name: Name, items: Iterable[str]) -> Packet:
    """Take items out of a list, and the list where nothing is left."""
    gone = set(items)
    while li := next((li for each in _elements(packet, name) for li in _items(each) if li.text.strip() in gone), None):
        packet = packet.edited(_before(packet, li), li.end, "")
    if _found(packet, name) and not listed(packet, name) and all(_is_bare(each) for each in _found(packet, name)):
        packet = remove(packet, name)
    return packet


def default_text(packet: Packet, name: Name) -> str | None:
    """Return a text in its default language, else in the first one that is given."""
    texts = [li.text.strip() for li in _in_languages(packet, name)] + [
        each for each in plain_values(packet, name) if each
    ]
    return next((text for text in texts if text), None)


def set_text(packet: Packet, name: Name, text: str) -> Packet:
    """Give a text in languages another wording in its default language; where it is not there, write it."""
    found = _in_languages(packet, name)
    if default_text(packet, name) == text.strip():
        return packet
    if found:
        return _replaced(packet, found[0], sound(text))
    if _found(packet, name):
        packet = remove(packet, name)
    return _with_element(
        packet, name, lambda rdf: f'<{rdf}:Alt><{rdf}:li xml:lang="x-default">{_text(text)}</{rdf}:li></{rdf}:Alt>'
    )


def _in_languages(packet: Packet, name: Name) -> list[Element]:
    """Return the wordings of a text, that in the default language first."""
    found = [li for each in _elements(packet, name) for li in _items(each)]
    return sorted(found, key=lambda li: _language(li) != "x-default")


def sound(text: str) -> str:
    """Return a text without the characters that XML does not have."""
    return _FORBIDDEN.sub("", text)


def _text(text: str) -> str:
    return escape(sound(text), {"\r": "&#13;"})


def _found(packet: Packet, name: Name) -> list[Attribute | Element]:
    """Return where a property stands: as an attribute of a description, or as an element in one."""
    found: list[Attribute | Element] = []
    for each in packet.descriptions:
        found += [attribute for attribute in each.attributes if attribute.name == name]
        found += [child for child in each.children if child.name == name]
    return found


def _elements(packet: Packet, name: Name) -> list[Element]:
    return [each for each in _found(packet, name) if isinstance(each, Element)]


def _containers(one: Attribute | Element) -> list[Element]:
    return [] if isinstance(one, Attribute) else [each for each in one.children if each.name in _CONTAINERS]


def _items(one: Element) -> list[Element]:
    return [li for container in _containers(one) for li in container.children if li.name == _LI]


def _is_bare(one: Attribute | Element) -> bool:
    """Return whether a property holds nothing but an empty list."""
    return isinstance(one, Element) and not one.text.strip() and not any(each.children for each in one.children)


def _language(li: Element) -> str:
    found = li.attribute(_LANGUAGE)
    return found.value if found else ""


def _replaced(packet: Packet, one: Attribute | Element, value: str) -> Packet:
    if isinstance(one, Attribute):
        quote = packet.data[one.value_start - 1 : one.value_start].decode()
        return packet if one.value == value else packet.edited(one.value_start, one.end - 1, _quoted(value, quote))
    if one.children or any(each.name != _LANGUAGE and each.name[0] != "xmlns" for each in one.attributes):
        raise SidecarError(f"{one.written} is written in a way that is not understood")
    if one.text.strip() == value:
        return packet
    return (
        _opened(packet, one, _text(value)) if one.is_empty_tag else packet.edited(one.opened, one.closing, _text(value))
    )


def _quoted(value: str, quote: str) -> str:
    entity = {'"': "&quot;", "'": "&apos;"}[quote]
    return escape(value, {quote: entity, "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _opened(packet: Packet, one: Element, content: str) -> Packet:
    """Put content into an element that is written as one tag, or into one that holds white space alone."""
    if not one.is_empty_tag:
        return packet.edited(one.opened, one.closing, content)
    end = one.opened - 2
    while packet.data[end - 1 : end] in (b" ", b"\t", b"\r", b"\n"):
        end -= 1
    return packet.edited(end, one.opened, f">{content}</{one.written}>")


def _before(packet: Packet, one: Element) -> int:
    """Return where the white space before an element begins."""
    at = one.start
    while at > 0 and packet.data[at - 1] in _SPACES:
        at -= 1
    return at


def _with_attribute(packet: Packet, name: Name, value: str) -> Packet:
    """Write a plain property into the first description that knows its namespace, else into the first."""
    packet = _with_description(packet)
    home = next((each for each in packet.descriptions if name[0] in each.prefixes.values()), packet.descriptions[0])
    last = home.attributes[-1] if home.attributes else None
    at = last.end if last else home.start + 1 + len(home.written.encode())
    space = packet.data[last.start : last.start + _run(packet.data, last.start)].decode() if last else " "
    prefix, declared = _prefix(home, name[0])
    told = [*([declared] if declared else []), f'{prefix}:{name[1]}="{_quoted(value, chr(34))}"']
    return packet.edited(at, at, "".join(space + each for each in told))


def _run(data: bytes, at: int) -> int:
    end = at
    while data[end] in _SPACES:
        end += 1
    return end - at


def _with_element(packet: Packet, name: Name, content: object) -> Packet:
    """Write a property as the last element of the first description that knows its namespace, else of the first."""
    packet = _with_description(packet)
    home = next((each for each in packet.descriptions if name[0] in each.prefixes.values()), packet.descriptions[0])
    prefix, declared = _prefix(home, name[0])
    rdf = _prefix_of(packet.rdf)
    inner = content(rdf) if callable(content) else ""
    element = f"<{prefix}:{name[1]}{' ' + declared if declared else ''}>{inner}</{prefix}:{name[1]}>"
    outer = packet.data[_before(packet, home) : home.start].decode() if packet.line_end else ""
    if home.children:
        last = home.children[-1]
        space = packet.data[_before(packet, last) : last.start].decode()
        return packet.edited(last.end, last.end, space + element)
    space = outer + " " if outer else ""
    if home.is_empty_tag:
        return _opened(packet, home, f"{space}{element}{outer}")
    return packet.edited(home.opened, home.opened, space + element)


def _with_description(packet: Packet) -> Packet:
    """Return the packet with one description at least."""
    if packet.descriptions:
        return packet
    rdf = _prefix_of(packet.rdf)
    description = f'<{rdf}:Description {rdf}:about=""/>'
    if packet.rdf.is_empty_tag:
        return _opened(packet, packet.rdf, description)
    return packet.edited(packet.rdf.opened, packet.rdf.opened, description)


def _prefix_of(element: Element) -> str:
    prefix = element.written.rpartition(":")[0]
    if not prefix:
        raise SidecarError("its RDF has no prefix")
    return prefix


def _prefix(home: Element, address: str) -> tuple[str, str]:
    """Return a namespace's prefix in an element, and its declaration if it has none there yet."""
    known = next((prefix for prefix, each in home.prefixes.items() if each == address and prefix), None)
    if known is not None:
        return known, ""
    first = PREFIXES.get(address, "ns")
    prefix, number = first, 1
    while prefix in home.prefixes:
        number += 1
        prefix = f"{first}{number}"
    return prefix, f'xmlns:{prefix}="{address}"'


def _list(rdf: str, kind: str, items: Sequence[str]) -> str:
    return f"<{rdf}:{kind}>{''.join(_li(rdf, item) for item in items)}</{rdf}:{kind}>"


def _li(rdf: str, item: str) -> str:
    return f"<{rdf}:li>{_text(item)}</{rdf}:li>"
