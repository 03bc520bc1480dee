"""The page as text: the template with its code, style and data, safe to open and shut to the network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

MARK = '<meta name="generator" content="photoidx gallery">'
"""A page with this in its first lines was made here, and may be replaced."""
BLOCK = 100
"""Thumbnails in one block of a self-contained page: a block is decoded when one of its pictures is to be seen."""
_SCRIPTS = ("data.js", "rows.js", "sections.js", "detail.js", "compare.js", "map.js", "keys.js")
# The characters that could end a script element or a line of JavaScript, written as JSON can also write them.
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def page(record: Mapping[str, Any], *, thumbs: str | None) -> tuple[str, str]:
    """Return the page up to where blocks of thumbnails may stand, and what follows.

    `thumbs` is the folder of the thumbnails beside the page; None for a page that carries them itself.
    """
    code = "\n".join(_part(name) for name in _SCRIPTS)
    style = _part("gallery.css")
    data = {**record, "thumbs": thumbs, "block": BLOCK}
    if thumbs is None:
        data["contents"] = len(record["contents"])
    parts = {
        "policy": _policy(code, style, own_pictures=thumbs is not None),
        "title": html.escape(record["title"]),
        "style": style,
        "code": code,
        "data": as_json(data),
    }
    head, _, tail = _part("gallery.html").partition("{{thumbnails}}")
    return _filled(head, parts), _filled(tail, parts)


def blocks(thumbnails: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """Return the blocks of thumbnails of a self-contained page: base64, a line each, in the order of `contents`."""
    lines: list[str] = []
    number = 0
    for _content_id, jpeg in thumbnails:
        lines.append(base64.b64encode(jpeg).decode())
        if len(lines) == BLOCK:
            yield _block(number, lines)
            lines, number = [], number + 1
    if lines:
        yield _block(number, lines)


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """Put the parts into their places. What a part holds is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def as_json(value: Any) -> str:
    """Write JSON that can stand in a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def _block(number: int, lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return f'<script type="text/plain" id="thumbs-{number}">{text}</script>\n'


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _policy(code: str, style: str, *, own_pictures: bool) -> str:
    """Find a content security policy: only this code and style, pictures of this computer, and no connection at all."""
    pictures = "'self' file: data:" if own_pictures else "file: data:"
    return (
        f"default-src 'none'; script-src '{_hash(code)}'; style-src '{_hash(style)}'; img-src {pictures}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
