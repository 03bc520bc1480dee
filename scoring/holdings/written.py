"""What people wrote into a photo's file: captions, keywords, names, whatever field they stand in.

A copy is only as good as its original if it carries these words, too. So they are gathered from all the places where
programs write them, each as it stands there. What cameras and encoders write by themselves is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from photoidx.scoring.exif.values import clean

_PEOPLES = (  # namespaces of XMP that hold what people write
    "http://purl.org/dc/elements/1.1/",
    "http://ns.adobe.com/photoshop/1.0/",
    "http://ns.adobe.com/lightroom/1.0/",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "http://ns.microsoft.com/photo/1.",
    "http://ns.microsoft.com/photo/1.2/t/Region",
    "http://www.metadataworkinggroup.com/schemas/",
    "http://www.digikam.org/ns/1.0/",
    "http://ns.acdsee.com/",
    "http://ns.google.com/photos/1.0/container/text",
)
_MACHINES = frozenset(  # properties of theirs that programs fill by themselves
    (
        "format",
        "ColorMode",
        "ICCProfile",
        "History",
        "SidecarForExtension",
        "DateCreated",
        "DocumentAncestors",
        "LegacyIPTCDigest",
        "EmbeddedXMPDigest",
    )
)
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_IPTC_MARK = b"\x1c\x02"
_IPTC = {5, 15, 20, 25, 40, 80, 85, 90, 92, 95, 101, 103, 105, 110, 115, 116, 118, 120, 122}
_EXIF_TEXTS = (0x010E, 0x013B, 0x8298)  # description, artist, copyright
_EXIF_WINDOWS = (0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F)
_USER_COMMENT = 0x9286
_BY_ITSELF = re.compile(
    r"^(?:olympus digital camera|sony dsc|minolta digital camera|digital camera|dcim|dsc|exif[_ ].*|samsung.*|kodak.*|"
    r"ascii|screenshot|created with .*|.*\b(?:quality|gd-jpeg|lead technologies|photoshop|optimi[sz]ed|jpegmini|ffmpeg|"
    r"lavc[\d.]*|handmade software|libjpeg|mozjpeg|imagemagick|gimp|intel\(r\))\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_MOST, _LONGEST_XMP = 500, 4 << 20


def words_of(packet: bytes | None, exif: Mapping[int, Any], comments: Iterable[bytes], iptc: bytes) -> list[str]:
    """Gather what people wrote in a file's XMP, EXIF, comments and IPTC records: each text once, in order."""
    texts = [*_in_xmp(packet), *_in_exif(exif), *map(clean, comments), *_in_iptc(iptc)]
    kept = dict.fromkeys(text for text in texts if text and not _BY_ITSELF.match(text) and any(map(str.isalnum, text)))
    return sorted(kept)[:_MOST]


def _in_xmp(packet: bytes | None) -> Iterator[str | None]:
    if packet is None or len(packet) > _LONGEST_XMP:
        return
    try:
        root = fromstring(packet.strip(b" \t\r\n\0"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        return
    for described in root.iter(f"{_RDF}Description"):
        for name, value in described.attrib.items():
            if _is_written(name):
                yield clean(value)
        for one in described:
            if _is_written(one.tag):
                for leaf in one.iter():
                    yield clean(leaf.text)
                    if leaf is not one:
                        yield from (clean(value) for name, value in leaf.attrib.items() if _is_written(name))


def _is_written(name: str) -> bool:
    space, _, local = name.lstrip("{").partition("}")
    return space.startswith(_PEOPLES) and local not in _MACHINES


def _in_exif(exif: Mapping[int, Any]) -> Iterator[str | None]:
    for tag in _EXIF_TEXTS:
        value = exif.get(tag)
        yield clean(value) if isinstance(value, (str, bytes)) else None
    comment = exif.get(_USER_COMMENT)
    if isinstance(comment, bytes):
        code, text = comment[:8], comment[8:]
        yield clean(text.decode("utf-16", "replace") if code.startswith(b"UNICODE") else text)
    for tag in _EXIF_WINDOWS:
        value = exif.get(tag)
        if isinstance(value, (bytes, tuple)):
            yield clean(bytes(value).decode("utf-16-le", "replace"))


def _in_iptc(block: bytes) -> Iterator[str | None]:
    """Read the records of IPTC-IIM (version 4.2) that hold text."""
    at = block.find(_IPTC_MARK)
    while 0 <= at < len(block) - 5:
        field, size = block[at + 2], int.from_bytes(block[at + 3 : at + 5], "big")
        if size & 0x8000:  # longer than IIM's plain length: no text of people
            return
        if field in _IPTC:
            yield clean(block[at + 5 : at + 5 + size])
        at += 5 + size
        if block[at : at + 1] != _IPTC_MARK[:1]:
            return
        if block[at + 1 : at + 2] != _IPTC_MARK[1:]:
            at = block.find(_IPTC_MARK, at)
