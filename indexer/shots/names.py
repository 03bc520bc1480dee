"""What a file's name says about the press of the shutter that it is of. Pure functions of names.

Names are compared in Unicode's form NFC and without case, so that a name from a Mac (NFD) equals the same from Linux.
"""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from photoidx.indexer.shots.edit_words import EDIT_WORDS
from photoidx.indexer.shots.fold import fold
from photoidx.records import TAKEOUT, Kind, format_of, kind_of

_MOST_EDITS = 3  # additions to one name, as in PXL_1~2-edited
_TAKEOUT_LENGTH = range(46, 48)  # Takeout cuts a name, without its suffix, to so many characters
_FAT_LENGTH = 8  # of a FAT drive's short name, as IMG_20~1: its number tells files apart, it marks no edit
_FAT = re.compile(r"~\d+$")
_COPY_OF_ANDROID = re.compile(r"~\d{1,3}$")
_APPLE_EDIT = re.compile(r"^(img_)e(\d{4}.*)$")
_APPLE_ADJUSTMENT = re.compile(r"^(img_)[eo](\d{4}.*)$")  # IMG_O1234.AAE tells of what was done before
_FILM = re.compile(r"[-_](?:hevc|heic|live)$")  # icloudpd's name for the film of a HEIC
_NUMBER = re.compile(r" ?\(\d{1,4}\)$")
_VERSION = re.compile(r"_\d{2,}$", re.ASCII)  # darktable's, before the suffix: IMG_1_01.jpg.xmp
_CUT = 40  # characters that Takeout leaves of any name
_SUPPLEMENT = re.compile(r"\.[a-z]*(?:-[a-z]*)?(?:\(\d{1,4}\))?$")
_PIXEL = re.compile(r"^(pxl_\d{8}_\d{9})\.(.+)$")
_PIXEL_PART = re.compile(r"^(?!burst)[a-z_]+-\d+$")
_PORTRAIT = re.compile(r"^\d{5}[a-z]*portrait_\d{5}_(burst\d+)(_cover)?$")

# Names that only one file of a camera's has: a maker's prefix with a number, or a long number beside letters.
_CAMERA_NAME = re.compile(r"(?:^|[\W_])(?:img|mvimg|pxl|dsc[fn]?|mg|imgp|gopr|dji|cimg)_?e?\d")
_COMMON_NAME = re.compile(
    r"^(?:\d{1,5}|(?:scan|image|bild|imagen|immagine|photo|foto|picture|pic|page|seite|file|document|doc|unnamed|"
    r"untitled|download|screenshot)[-_ ]?\d{0,5})$"
)
_LEAST_DIGITS, _MANY_DIGITS = 4, 6


def _plain(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))


_ADDED = {form for word in itertools.chain(*EDIT_WORDS.values()) for form in (fold(word), fold(_plain(word)))}
_WORDS = sorted(_ADDED, key=lambda word: (-len(word), word))
_AFTER = r"(?:[-_]?( ?\(\d{1,4}\))|[-_ ]?\d{1,3})?"
_EDITED = re.compile(rf"(?:[-_ ]\(?|\()(?:{'|'.join(map(re.escape, _WORDS))})\)?{_AFTER}$")


@dataclass(frozen=True, slots=True)
class Name:
    """What a name says. Stems are folded and without what marks a cover or an original.

    `stem` is the file's own. `bases` are those of files that it may have been made from, the first original before the
    others; none for an original. `edited` tells whether an editor named it. `role` is cover, original or nothing.
    `of` is the folded name of the very file that a sidecar or a film names (IMG_1.CR3.xmp).
    """

    stem: str
    bases: tuple[str, ...] = ()
    edited: bool = False
    role: str = ""
    of: str | None = None


def parse(name: str, kind: str) -> Name:
    """Return what the name of a file of this kind says."""
    stem = fold(name).rpartition(".")[0] or fold(name)
    if kind == Kind.PHOTO:
        bases, edited = _made_from(stem)
        own, role = press_stem(stem)
        inner = _inner(stem, Kind.PHOTO)
        return Name(own, (*bases, *((press_stem(inner)[0],) if inner else ())), edited, role)
    if kind == Kind.SIDECAR and format_of(name) == TAKEOUT:
        return _takeout(stem)
    if kind == Kind.VIDEO and fold(name).endswith(".mp"):  # Takeout's name for the film of PXL_1.MP.jpg
        return Name(press_stem(fold(name))[0], (press_stem(stem)[0],))
    inner = _inner(stem, Kind.PHOTO)
    if not inner and kind == Kind.SIDECAR:
        inner = _FILM.sub("", _inner(stem, Kind.VIDEO) or "")
    if inner:
        return Name(press_stem(inner)[0], _made_from(inner)[0], of=stem)
    if kind == Kind.SIDECAR:
        adjusted = _APPLE_ADJUSTMENT.match(stem)
        own = press_stem(stem)[0]
        return Name(own, (adjusted[1] + adjusted[2],) if adjusted else _made_from(stem)[0])
    bare = _FILM.sub("", stem)
    return Name(press_stem(bare)[0], _made_from(bare)[0])


def _takeout(stem: str) -> Name:
    """Return what the name of a JSON file says: which photo it is about, `takeout_names.py` tells."""
    bare = _NUMBER.sub("", stem)
    bare = _SUPPLEMENT.sub("", bare) if "." in bare else bare
    inner = bare.rpartition(".")[0] if format_of(bare) else bare
    own = press_stem(_NUMBER.sub("", inner))[0]
    return Name(own, _made_from(inner)[0])


def family(name: str, kind: str) -> str:
    """Return a key that all files that can be of one press share within a folder; others may share it too."""
    parsed = parse(name, kind)
    shortest = _NUMBER.sub("", min((parsed.stem, *parsed.bases), key=len)).removesuffix(".mp")
    return _VERSION.sub("", shortest)[:_CUT]


def is_edited(path: str) -> bool:
    """Return whether a file is an edited copy, by how editors and phones name one."""
    name = path[path.rfind(os.sep) + 1 :]  # os.path takes twice as long, which counts in 100,000
    folded = fold(name)
    return _stripped(folded.rpartition(".")[0] or folded) is not None


@lru_cache(maxsize=4096)
def is_telling(stem: str) -> bool:
    """Tell whether a stem is one that a camera gives to one press, not a word and a small number that many files have.

    A short name of a FAT drive tells nothing: its number is given anew for each suffix.
    """
    if _is_short(stem):
        return False
    if _CAMERA_NAME.search(stem):
        return True
    bare = _NUMBER.sub("", stem)
    digits = sum(char.isdigit() for char in bare)
    if _COMMON_NAME.match(bare):
        return False
    return digits >= _MANY_DIGITS or (digits >= _LEAST_DIGITS and not bare.isdigit())


def _is_short(stem: str) -> bool:
    return len(stem) <= _FAT_LENGTH and _FAT.search(stem) is not None


def _made_from(stem: str) -> tuple[tuple[str, ...], bool]:
    """Return the stems of what a file may be an edit of, the first original first, and whether it is one."""
    found: list[str] = []
    rest = [stem]
    for _ in range(_MOST_EDITS):
        stripped = _stripped(rest[0])
        if stripped is None:
            break
        rest = list(stripped)
        found = [*rest, *found]
    return tuple(dict.fromkeys(press_stem(each)[0] for each in found)), bool(found)


def _stripped(stem: str) -> tuple[str, ...] | None:
    """Return a stem without an editor's addition: more than one where a number may be either's; None if it has none."""
    edited = _EDITED.search(stem)
    if edited and edited.start():
        base = stem[: edited.start()]
        # Takeout writes the edit of IMG_1(1).jpg as IMG_1-edited(1).jpg; elsewhere it is a second edit of IMG_1.jpg.
        return (base + edited[1], base) if edited[1] else (base,)
    if "~" in stem and not _is_short(stem):
        bare = _COPY_OF_ANDROID.sub("", stem)
        if bare and bare != stem:
            return (bare,)
    apple = _APPLE_EDIT.match(stem)
    if apple:
        return (apple[1] + apple[2],)
    if len(stem) in _TAKEOUT_LENGTH:
        base, mark, tail = stem.rpartition("-")
        if mark and base and tail and any(word.startswith(tail) for word in _WORDS):
            return (base,)
    return None


def press_stem(stem: str) -> tuple[str, str]:
    """Return a stem without what makes a cover or an original of it, and which of them it is.

    A Pixel's PXL_1.RAW-01.MP.COVER and PXL_1.RAW-02.ORIGINAL are both of PXL_1. Frames of a burst stay apart.
    """
    pixel = _PIXEL.match(stem)
    if pixel:
        parts = [part for part in pixel[2].split(".") if part != "mp"]
        role = parts[-1] if parts and parts[-1] in {"cover", "original"} else ""
        if role:
            parts = [part for part in parts[:-1] if not _PIXEL_PART.match(part)]
        return ".".join((pixel[1], *parts)), role
    portrait = _PORTRAIT.match(stem)
    if portrait:
        return f"portrait_{portrait[1]}", "cover" if portrait[2] else "original"
    return stem, ""


def _inner(stem: str, kind: Kind) -> str | None:
    """Return what stands before a second suffix, as in IMG_1.CR3.xmp, if that is one of this kind of file."""
    file_format = format_of(stem)
    return stem.rpartition(".")[0] if file_format and kind_of(file_format) is kind else None
