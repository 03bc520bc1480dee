"""Whatever a sidecar holds: what we write is read back, writing again changes no byte, and what is foreign survives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from photoidx.export.xmp.fields import (
    OURS,
    SINGLE,
    add_keywords,
    check,
    missing_keywords,
    read_fields,
    remove_keywords,
    with_value,
    write_field,
)
from photoidx.export.xmp.packet import Packet, SidecarError
from photoidx.export.xmp.properties import new_packet

_WORD = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=12).map(str.strip)
_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cn")), min_size=1, max_size=30)
_QUOTE = st.sampled_from("\"'")
_SPACE = st.sampled_from([" ", "\n  ", "\r\n\t", "  "])
_FOREIGN_ATTRIBUTES = (
    "crs:Exposure2012",
    "darktable:history_end",
    "xmpMM:DocumentID",
    "photoshop:City",
    "xmp:CreatorTool",
)
_FOREIGN_ELEMENTS = (
    "<darktable:history><rdf:Seq><rdf:li darktable:num='0' darktable:operation=\"raw\"/></rdf:Seq></darktable:history>",
    "<!-- a note of mine -->",
    "<?program keeps='this' ?>",
    "<crs:ToneCurve><rdf:Seq>\n<rdf:li>0, 0</rdf:li>\n<rdf:li>255, 255</rdf:li></rdf:Seq></crs:ToneCurve>",
    "<exif:Flash rdf:parseType='Resource'><exif:Fired>False</exif:Fired></exif:Flash>",
    "<own:tag xmlns:own='urn:own' xml:lang='de'>&#x41;&amp;<![CDATA[<raw>]]></own:tag>",
    "<xmpMM:History><rdf:Seq><rdf:li stEvt:action='saved'/></rdf:Seq></xmpMM:History>",
)
_SPACES = (
    'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" xmlns:darktable="http://darktable.sf.net/" '
    "xmlns:xmpMM='http://ns.adobe.com/xap/1.0/mm/' xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' "
    'xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
)
_BEGIN = "<?xpacket begin=\"\ufeff\" id='x'?>"
_XMP = "http://ns.adobe.com/xap/1.0/"


def _quoted(value: str, quote: str) -> str:
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(quote, "&#39;" if quote == "'" else "&quot;")
    return f"{quote}{''.join(char if ord(char) >= 32 else f'&#{ord(char)};' for char in value)}{quote}"


@st.composite
def sidecars(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """Return a sidecar's bytes, and the parts of its text that are not ours."""
    foreign: list[str] = []
    descriptions = []
    prefix = draw(st.sampled_from(["xmp", "xap"]))
    for number in range(draw(st.integers(1, 3))):
        attributes, elements = [], []
        for name in draw(st.lists(st.sampled_from(_FOREIGN_ATTRIBUTES), unique=True)):
            written = f"{name.replace('xmp:', prefix + ':')}={_quoted(draw(_WORD), draw(_QUOTE))}"
            foreign.append(written)
            attributes.append(written)
        for element in draw(st.lists(st.sampled_from(_FOREIGN_ELEMENTS), unique=True)):
            foreign.append(element)
            elements.append(element)
        if number == 0:
            for name, value in (("Rating", draw(st.sampled_from(["0", "3", "-1"]))), ("Label", draw(_WORD))):
                form = draw(st.sampled_from(["attribute", "element", "none"]))
                if form == "attribute":
                    attributes.append(f"{prefix}:{name}={_quoted(value, draw(_QUOTE))}")
                elif form == "element":
                    elements.append(f"<{prefix}:{name}>{_quoted(value, chr(34))[1:-1]}</{prefix}:{name}>")
            if draw(st.booleans()):
                items = "".join(f"<rdf:li>{_quoted(each, chr(34))[1:-1]}</rdf:li>" for each in draw(st.lists(_WORD)))
                elements.append(f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>")
        space = draw(_SPACE)
        head = space.join(["<rdf:Description", *draw(st.permutations(attributes)), "rdf:about=''"])
        inner = "".join(draw(_SPACE) + each for each in draw(st.permutations(elements)))
        foreign_end = draw(st.sampled_from(["", " "]))
        descriptions.append(f"{head}>{inner}</rdf:Description{foreign_end}>" if inner else f"{head}{foreign_end}/>")
    body = "\n".join(descriptions)
    packet = draw(st.booleans())
    text = (
        f"{_BEGIN if packet else ''}"
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core"><rdf:RDF {_SPACES} xmlns:{prefix}="{_XMP}" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"{body}</rdf:RDF></x:xmpmeta>{'<?xpacket end=' + chr(34) + 'w' + chr(34) + '?>' if packet else ''}"
        f"{draw(st.sampled_from(['', chr(10), ' ' * 40]))}"
    )
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return text.encode(encoding), foreign


_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "pick": st.sampled_from([-1, 0, 1]),
        "rating": st.integers(-1, 5),
        "label": _WORD.filter(bool),
        "title": _TEXT.map(str.strip).filter(bool),
        "caption": _TEXT.map(str.strip).filter(bool),
    },
)
_KEYWORDS = st.lists(_WORD.filter(lambda word: bool(word) and not set(word) & set("|/")), max_size=4)


def written(packet: Packet, values: dict[str, Any], keywords: list[str]) -> Packet:
    for name, value in values.items():
        packet = write_field(packet, name, value)
    return add_keywords(packet, missing_keywords(packet, keywords))


@settings(max_examples=300)
@given(sidecars(), _VALUES, _KEYWORDS)
def test_what_is_written_is_read_back_and_the_rest_survives(
    made: tuple[bytes, list[str]], values: dict[str, Any], keywords: list[str]
):
    raw, foreign = made
    before = Packet.read(raw)
    assert before.raw() == raw
    after = written(before, values, keywords)
    again = Packet.read(after.raw())
    found = read_fields(again)
    for name in SINGLE:
        was = getattr(read_fields(before), name)
        wanted = values.get(name, was)
        if name in {"title", "caption"} and isinstance(wanted, str):
            wanted = "".join(char for char in wanted if char in "\t\n\r" or ord(char) >= 32).strip() or None
        assert getattr(found, name) == wanted
    assert missing_keywords(again, keywords) == []
    assert written(again, values, keywords).raw() == after.raw()
    text = after.data.decode()
    assert [part for part in foreign if part not in text] == []
    wanted = read_fields(before)
    for name in values:
        wanted = with_value(wanted, name, getattr(found, name))
    check(before, after, wanted)


@given(sidecars(), _VALUES)
def test_fields_that_are_put_back_leave_a_sidecar_that_says_the_same(
    made: tuple[bytes, list[str]], values: dict[str, Any]
):
    before = Packet.read(made[0])
    was, packet = read_fields(before), written(before, values, ["photoidx", "Places|Lisbon"])
    for name in values:
        packet = write_field(packet, name, getattr(was, name))
    packet = remove_keywords(packet, missing_keywords(before, ["photoidx", "Places|Lisbon"]))
    assert read_fields(packet) == was
    check(before, packet, was)


def test_a_keyword_with_a_slash_gets_no_levels_where_others_have_some():
    packet = add_keywords(add_keywords(new_packet(), ["b/w"]), ["Places|Lisbon"])
    assert read_fields(packet).keywords == ("b/w", "Lisbon", "Places|Lisbon")
    assert b"<rdf:li>Places/Lisbon</rdf:li>" in packet.raw()
    assert read_fields(remove_keywords(packet, ["b/w"])).keywords == ("Lisbon", "Places|Lisbon")


def test_a_new_sidecar_is_read_by_another_parser(tmp_path: Path):
    packet = written(new_packet(), {"rating": -1, "pick": -1, "label": "Red", "title": 'a "b" <c>'}, ["x & y", "A|B"])
    root = etree.fromstring(packet.raw())
    assert root.tag == "{adobe:ns:meta/}xmpmeta"
    if shutil.which("xmllint") is None:
        pytest.skip("needs xmllint")
    (tmp_path / "a.xmp").write_bytes(packet.raw())
    subprocess.run(["xmllint", "--noout", tmp_path / "a.xmp"], check=True)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no sound XML"),
        (b"not xml", "no sound XML"),
        (b"<a><b></a>", "no sound XML"),
        (b"<a/>", "holds no RDF"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        (b"<a>" * 5000 + b"</a>" * 5000, "nested too deep"),
        (b"<a>&undefined;</a>", "no sound XML"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "no text in no-such"),
        (b"<a>\xff</a>", "no text in utf-8"),
        (b"<p:a/>", "stands for nothing"),
        (b"<a>" + b" " * (5 << 20) + b"</a>", "bytes long"),
    ],
    ids=lambda each: str(each)[:20],
)
def test_what_is_no_sidecar_is_refused_in_words(raw: bytes, words: str):
    with pytest.raises(SidecarError, match=words):
        Packet.read(raw).rdf  # noqa: B018 - reading it tells


def test_a_field_in_a_form_that_is_not_understood_is_refused():
    raw = (
        new_packet()
        .raw()
        .replace(
            b"/>\n </rdf:RDF>",
            b'><xmp:Rating xmlns:xmp="http://ns.adobe.com/xap/1.0/" rdf:parseType="Resource"><rdf:value>3</rdf:value>'
            b"</xmp:Rating></rdf:Description>\n </rdf:RDF>",
        )
    )
    with pytest.raises(SidecarError, match="not understood"):
        write_field(Packet.read(raw), "rating", 4)


def test_check_sees_a_change_of_what_is_not_ours():
    one = Packet.read(new_packet().raw())
    other = Packet.read(one.raw().replace(b'rdf:about=""', b'rdf:about="x"'))
    with pytest.raises(SidecarError, match="more than our fields"):
        check(one, other, read_fields(one))
    assert len(OURS) == 9
