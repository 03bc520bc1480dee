"""What we write into a sidecar, field by field, and under which names other programs look for it.

| field | written as | read by |
| --- | --- | --- |
| pick | `xmpDM:pick` (1, -1), `digiKam:PickLabel` (3, 1) | Lightroom Classic from 13.2 on; digiKam |
| rating | `xmp:Rating`, -1 for a reject | all; the reject: darktable, Bridge |
| label | `xmp:Label` | Lightroom, darktable, Bridge |
| keywords | `dc:subject`; those with levels also `lr:hierarchicalSubject` and `digiKam:TagsList` | all |
| title, caption | `dc:title`, `dc:description` | all |
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from photoidx.export.xmp.packet import Name, Packet, SidecarError, agree
from photoidx.export.xmp.properties import (
    add_items,
    default_text,
    listed,
    plain_values,
    remove,
    remove_items,
    set_plain,
    set_text,
    sound,
)

_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_DIGIKAM = "http://www.digikam.org/ns/1.0/"
_RATING: Name = (_XMP, "Rating")
_LABEL: Name = (_XMP, "Label")
_PICK: Name = ("http://ns.adobe.com/xmp/1.0/DynamicMedia/", "pick")
_PICK_LABEL: Name = (_DIGIKAM, "PickLabel")
_SUBJECT: Name = (_DC, "subject")
_LEVELS: Name = ("http://ns.adobe.com/lightroom/1.0/", "hierarchicalSubject")
_TAGS: Name = (_DIGIKAM, "TagsList")
_TEXTS: dict[str, Name] = {"title": (_DC, "title"), "caption": (_DC, "description")}
OURS = frozenset({_RATING, _LABEL, _PICK, _PICK_LABEL, _SUBJECT, _LEVELS, _TAGS, *_TEXTS.values()})
_DIGIKAM_PICKS = {1: "3", -1: "1", 0: "0"}
SINGLE = ("pick", "rating", "label", "title", "caption")
"""The fields that have one value; `keywords` has many."""
Value = int | str | None


@dataclass(frozen=True)
class Fields:
    """What a sidecar says of our fields; None and nothing for what it does not say.

    `pick` is 1 for a pick, -1 for a reject. A keyword with levels has `|` between them: `Places|Portugal|Lisbon`.
    """

    pick: int | None = None
    rating: int | None = None
    label: str | None = None
    keywords: tuple[str, ...] = ()
    title: str | None = None
    caption: str | None = None


def read_fields(packet: Packet) -> Fields:
    """Read our fields."""
    words = [*listed(packet, _SUBJECT), *listed(packet, _LEVELS)]
    words += [each.replace("/", "|") for each in listed(packet, _TAGS)]
    return Fields(
        pick=_read_pick(packet),
        rating=_number(plain_values(packet, _RATING)),
        label=next((each for each in plain_values(packet, _LABEL) if each), None),
        keywords=tuple(dict.fromkeys(words)),
        title=default_text(packet, _TEXTS["title"]),
        caption=default_text(packet, _TEXTS["caption"]),
    )


def with_value(fields: Fields, name: str, value: Any) -> Fields:
    """Return fields of which one has another value."""
    return replace(fields, **{name: value})


def write_field(packet: Packet, field: str, value: Value) -> Packet:
    """Give a field of one value another, or take it out (None). Raises SidecarError."""
    if value is None:
        for name in _names(field):
            packet = remove(packet, name)
    elif field == "pick":
        packet = set_plain(packet, _PICK, str(value))
        packet = set_plain(packet, _PICK_LABEL, _DIGIKAM_PICKS[int(value)])
    elif field in _TEXTS:
        packet = set_text(packet, _TEXTS[field], str(value))
    else:
        packet = set_plain(packet, _names(field)[0], str(value))
    return packet


def missing_keywords(packet: Packet, keywords: Iterable[str]) -> list[str]:
    """Return the keywords that a packet lacks, each once. Case, and the form of Unicode, make no difference."""
    clean = (" ".join(sound(each).split()) for each in keywords)
    return _lacking(filter(None, clean), read_fields(packet).keywords)


def add_keywords(packet: Packet, keywords: Sequence[str]) -> Packet:
    """Add keywords to a packet, into each list in which programs look for them. Raises SidecarError.

    darktable and digiKam look into no other list where they find one with levels, so it has those without levels, too.
    """
    if not keywords:
        return packet
    flat = listed(packet, _SUBJECT)
    leaves = [each.rpartition("|")[2] for each in keywords]
    packet = add_items(packet, _SUBJECT, _lacking(leaves, flat))
    for name, kind, between in ((_LEVELS, "Bag", "|"), (_TAGS, "Seq", "/")):
        there = listed(packet, name)
        if there or any("|" in each for each in keywords):
            # digiKam's list has no way to write a slash that parts no levels: b/w is left out of it.
            words = [each for each in (*(() if there else flat), *keywords) if between == "|" or between not in each]
            packet = add_items(packet, name, _lacking((each.replace("|", between) for each in words), there), kind)
    return packet


def _lacking(words: Iterable[str], there: Iterable[str]) -> list[str]:
    """Return the words that are not there, each once."""
    known = {_folded(each) for each in there}
    found: dict[str, str] = {}
    for each in words:
        if _folded(each) not in known:
            found.setdefault(_folded(each), each)
    return list(found.values())


def remove_keywords(packet: Packet, keywords: Sequence[str]) -> Packet:
    """Take keywords out again that `add_keywords` added."""
    packet = remove_items(packet, _SUBJECT, [each.rpartition("|")[2] for each in keywords])
    packet = remove_items(packet, _LEVELS, keywords)
    return remove_items(packet, _TAGS, [each.replace("|", "/") for each in keywords if "/" not in each])


def check(before: Packet, after: Packet, wanted: Fields) -> None:
    """Raise SidecarError unless an edit did what it should, and nothing else."""
    found = read_fields(after)
    if replace(found, keywords=()) != replace(wanted, keywords=()) or missing_keywords(after, wanted.keywords):
        raise SidecarError("what would be written is not read back as it is meant")
    if not agree(before, after, OURS):
        raise SidecarError("writing would change more than our fields")


def _names(field: str) -> tuple[Name, ...]:
    return {"pick": (_PICK, _PICK_LABEL), "rating": (_RATING,), "label": (_LABEL,)}.get(field) or (_TEXTS[field],)


def _read_pick(packet: Packet) -> int | None:
    ours = _number(plain_values(packet, _PICK))
    if ours is not None:
        return max(-1, min(1, ours))
    theirs = _number(plain_values(packet, _PICK_LABEL))
    return {1: -1, 3: 1}.get(theirs, 0) if theirs is not None else None


def _number(values: Sequence[str]) -> int | None:
    for each in values:
        try:
            return round(float(each))
        except (ValueError, OverflowError):
            continue
    return None


def _folded(keyword: str) -> str:
    return unicodedata.normalize("NFC", " ".join(sound(keyword).split())).casefold()
