"""One press of the shutter: which files of a folder belong together. A pure function of their names and times."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from photoidx.records import RAW_FORMATS

# How editors and phones name an edited copy: IMG_1-edited, IMG_1_edit, IMG_1 (edited), IMG_1-Edit, PXL_1~2.
_EDIT_SUFFIX = re.compile(r"(?:[-_ ]\(?(?:edit|edited|bearbeitet|modifi\u00e9)\)?(?:-\d+)?|~\d+)$", re.IGNORECASE)
_APPLE_EDIT = re.compile(r"^(IMG_)E(\d{4})$", re.IGNORECASE)
_SAME_TIME = timedelta(seconds=2)
_RULE_OF_KIND = {"sidecar": "sidecar", "video": "live photo"}


@dataclass(frozen=True)
class Member:
    """A file as the rules see it. `taken_at` is its EXIF time, if it has one."""

    path: str
    identity: str
    kind: str
    format: str
    taken_at: datetime | None


def shots(members: Iterable[Member]) -> dict[str, tuple[str, str | None]]:
    """Tie the files of each folder to shots: for each path its shot id, and the rule that tied it (None: it is alone).

    Files of one folder and one name (but for the suffix, and for an editor's addition) are one shot, unless their EXIF
    times are more than two seconds apart: then a camera's counter has started again. The id comes from the content of
    the first of them (RAW before the rest, original before edited), so it stays when files are renamed.
    """
    groups: dict[tuple[str, str], list[Member]] = defaultdict(list)
    for member in members:
        folder, name = os.path.split(member.path)
        groups[folder, _stem(name, member.kind)].append(member)
    result: dict[str, tuple[str, str | None]] = {}
    for group in groups.values():
        result.update(_tie(group))
    return result


def _stem(name: str, kind: str) -> str:
    stem = os.path.splitext(name)[0]
    if kind == "sidecar" and re.search(r"\.\w{3,4}$", stem):
        stem = os.path.splitext(stem)[0]  # IMG_1.CR3.xmp
    apple = _APPLE_EDIT.match(stem)
    return (apple[1] + apple[2] if apple else _EDIT_SUFFIX.sub("", stem)).casefold()


def is_edited(path: str) -> bool:
    """Tell whether a file is an edited copy, by how editors and phones name one."""
    name = path[path.rfind(os.sep) + 1 :]  # os.path takes twice as long, which counts in 100,000
    stem = name.rpartition(".")[0] or name
    return bool(_EDIT_SUFFIX.search(stem) or _APPLE_EDIT.match(stem))


def _order(member: Member) -> tuple[bool, bool, bool, bool, str]:
    is_raw = member.format in RAW_FORMATS
    return member.kind != "photo", is_edited(member.path), not is_raw, member.format != "heif", member.path


def _tie(group: list[Member]) -> Mapping[str, tuple[str, str | None]]:
    first, *rest = sorted(group, key=_order)
    shot_id = f"shot-{first.identity}"
    result: dict[str, tuple[str, str | None]] = {first.path: (shot_id, None)}
    formats = {first.format}
    for member in rest:
        rule = _rule(first, member, formats)
        if rule is None:
            result[member.path] = (f"shot-{member.identity}", None)
        else:
            result[member.path] = (shot_id, rule)
            formats.add(member.format)
            if result[first.path][1] is None:
                result[first.path] = (shot_id, rule)
    return result


def _rule(first: Member, member: Member, formats: set[str]) -> str | None:
    if first.kind != "photo":
        return None
    if member.kind != "photo":
        return _RULE_OF_KIND[member.kind]
    if first.taken_at and member.taken_at and abs(first.taken_at - member.taken_at) > _SAME_TIME:
        return None
    if is_edited(member.path):
        return "edited"
    if member.format in formats:
        return None  # two originals of one format, as IMG_1.jpg beside IMG_1.JPEG
    return "raw+jpeg" if first.format in RAW_FORMATS else f"{first.format}+{member.format}"
