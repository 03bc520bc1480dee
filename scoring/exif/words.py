"""What people wrote into a photo's file in words, of EXIF, XMP and IPTC together: each kind of it once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photoidx.scoring.exif.iptc import Iptc
from photoidx.scoring.exif.png import PngTexts
from photoidx.scoring.exif.values import clean, text
from photoidx.scoring.exif.xmp import Xmp

if TYPE_CHECKING:
    from photoidx.scoring.exif.reader import Tags

_BY_ITSELF = re.compile(
    r"^(?:olympus digital camera|sony dsc|minolta digital camera|digital camera|dcim|dsc|exif[_ ].*|samsung.*|kodak.*|"
    r"ascii|default|[0-9a-f]{32,}|screenshot|created with .*|hdrpl|cof|.*\b(?:quality|gd-jpeg|lead technologies|"
    r"photoshop|optimi[sz]ed|jpegmini|ffmpeg|lavc[\d.]*|handmade software|libjpeg|mozjpeg|imagemagick|gimp|"
    r"intel\(r\))\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_CODES = {b"ASCII": "utf-8", b"UNICODE": "utf-16", b"JIS": "iso2022_jp"}
_CODE_LENGTH = 8
_MOST = 1000


@dataclass(frozen=True)
class Words:
    """Keywords, people, a title, a caption, and every further text; places in words."""

    keywords: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    title: str | None = None
    caption: str | None = None
    comments: tuple[str, ...] = ()


def is_by_itself(written: str) -> bool:
    """Return whether a text is one that cameras and encoders write by themselves."""
    return _BY_ITSELF.match(written) is not None or not any(map(str.isalnum, written))


def gather(tags: Tags, xmp: Xmp, iptc: Iptc, png: PngTexts) -> Words:
    """Gather the words. Of several titles or captions XMP's goes before IPTC's, and IPTC's before EXIF's."""
    of_windows = _utf_16(tags, "XPKeywords").split(";")
    keywords = [*(xmp.keywords or ()), *iptc.keywords, *(clean(each) for each in of_windows)]
    titles = [xmp.title, iptc.title, _windows(tags, "XPTitle"), png.title]
    captions = [
        *(xmp.caption, iptc.caption, text(tags, "Image ImageDescription")),
        *(_windows(tags, name) for name in ("XPSubject", "XPComment")),
        _user_comment(tags),
        png.caption,
        *png.comments,
    ]
    sound_titles, sound_captions = (
        list(dict.fromkeys(each for each in some if each and not is_by_itself(each))) for some in (titles, captions)
    )
    further = [*sound_titles[1:], *sound_captions[1:], *xmp.comments, *iptc.comments]
    told = {*sound_titles[:1], *sound_captions[:1]}
    return Words(
        keywords=tuple(dict.fromkeys(each for each in keywords if each))[:_MOST],
        people=xmp.people,
        title=next(iter(sound_titles), None),
        caption=next(iter(sound_captions), None),
        comments=tuple(dict.fromkeys(each for each in further if each not in told)),
    )


def _raw(tags: Tags, name: str) -> bytes:
    tag = tags.get(name)
    values = tag.values if tag is not None else None
    if isinstance(values, bytes):
        return values
    if isinstance(values, str):
        return values.encode("utf-8", "replace")
    try:
        return bytes(values or ())
    except (TypeError, ValueError):
        return b""


def _windows(tags: Tags, name: str) -> str | None:
    return clean(_utf_16(tags, name))


def _utf_16(tags: Tags, name: str) -> str:
    """Read one of Windows' own tags, which hold UTF-16 as bytes."""
    raw = _raw(tags, f"Image {name}")
    return raw[: len(raw) & ~1].decode("utf-16-le", "replace").partition("\0")[0]


def _user_comment(tags: Tags) -> str | None:
    raw = _raw(tags, "EXIF UserComment")
    code = raw[:_CODE_LENGTH].rstrip(b"\0 ").upper()
    body = raw[_CODE_LENGTH:] if code in _CODES or not code else raw
    encoding = _CODES.get(code)
    if encoding == "utf-16":
        encoding = _order(body)
    if encoding is None:
        return clean(body.rstrip(b"\0 "))
    return clean(body[: len(body) & ~1].decode(encoding, "replace") if "16" in encoding else body.rstrip(b"\0 "))


def _order(body: bytes) -> str:
    """Return the byte order of UTF-16 without a mark: the half of its bytes that are zeros tells, in Latin letters."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-16-be" if body[::2].count(0) > body[1::2].count(0) else "utf-16-le"
