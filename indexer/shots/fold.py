"""The form in which names of files are compared."""

from __future__ import annotations

import unicodedata


def fold(name: str) -> str:
    """Return a name in the form in which names are compared: Unicode's NFC, without case.

    So a name from a Mac (NFD) equals the same from Linux.
    """
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
