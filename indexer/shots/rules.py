"""One press of the shutter: which files of a folder belong together. A pure function of names, times and pictures.

A name proposes, and a time or a picture agrees: `1.jpg` and `1.png` are two presses unless they show the same. Where
neither is known, as of a film or a RAW that can't be decoded, names are enough that only a camera gives.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from photoidx.indexer.shots.agreement import ShotMember, agree
from photoidx.indexer.shots.fold import fold
from photoidx.indexer.shots.names import Name, is_edited, is_telling, parse
from photoidx.indexer.shots.sidecar_names import FolderNames
from photoidx.indexer.shots.takeout_names import TakeoutNames
from photoidx.records import RAW_FORMATS, TAKEOUT, Kind

__all__ = ["VERSION", "ShotMember", "is_edited", "shots"]

VERSION = 3
"""Raised when the rules tie otherwise: the next scan ties all folders anew."""
_MOST_OF_A_NAME = 50  # originals of one name, as in all ways to write it in capitals: from there on it proposes nothing
_RULE_OF_KIND = {Kind.SIDECAR: "sidecar", Kind.VIDEO: "live photo"}
SIDECAR_OF_VERSION = "sidecar of a version"
"""The rule of a sidecar that is about one of several versions that darktable keeps of a photo."""
# Of these kinds a camera writes two files at one press, so a telling name is enough.
_DEVELOPED = frozenset({"jpeg", "heif", "tiff"})

Tied = dict[str, tuple[str, str | None]]
Look = Callable[[ShotMember, ShotMember], bool]


@dataclass(eq=False)
class _Press:
    """The files of one press: its originals; edits, films and sidecars are `rest`, with their rules."""

    originals: list[_File]
    rest: list[tuple[_File, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    member: ShotMember
    name: Name

    @property
    def is_raw(self) -> bool:
        return self.member.format in RAW_FORMATS

    @property
    def form(self) -> tuple[str, str]:
        """What one press has one file of: a camera writes no two JPEGs, but for a cover beside its original."""
        return self.member.format, self.name.role

    def order(self) -> tuple[bool, bool, bool, bool, str]:
        """Return by what the first file of a press, whose content names it, is chosen."""
        member = self.member
        return member.kind != Kind.PHOTO, self.name.edited, not self.is_raw, member.format != "heif", member.path


def shots(members: Iterable[ShotMember], look: Look = lambda _one, _other: True) -> Tied:
    """Tie the files of each folder to shots: for each path its shot id, and the rule that tied it (None: it is alone).

    Photos of one name (but for the suffix, and for what an editor or a phone adds) are one shot if their times or their
    pictures agree (`agreement.py`). Films and sidecars go with the photo that they name, if there is only one such
    press. The id comes from the content of the first file (RAW before the rest, original before edited), so it stays
    when files are renamed. `look` compares two pictures whose hashes agree and whose names tell nothing.
    """
    folders: dict[str, list[_File]] = defaultdict(list)
    for member in members:
        folder, name = os.path.split(member.path)
        folders[folder].append(_File(member, parse(name, member.kind)))
    result: Tied = {}
    for files in folders.values():
        for press in _Folder(look).presses(files):
            result.update(_told(press))
    return result


def _told(press: _Press) -> Iterator[tuple[str, tuple[str, str | None]]]:
    first, *others = sorted(press.originals, key=_File.order)
    tied = [(file, _rule(first, file)) for file in others] + press.rest
    tied.sort(key=lambda each: each[0].order())
    shot_id = f"shot-{first.member.identity}"
    yield first.member.path, (shot_id, tied[0][1] if tied else None)
    yield from ((file.member.path, (shot_id, rule)) for file, rule in tied)


def _rule(first: _File, file: _File) -> str:
    if first.is_raw and file.member.format in _DEVELOPED:
        return "raw+jpeg"
    if first.member.format == file.member.format:
        return "cover"
    return f"{first.member.format}+{file.member.format}"


class _Folder:
    """The presses of one folder, as they are found."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._found: list[_Press] = []
        self._by_stem: dict[str, list[_Press]] = defaultdict(list)
        self._by_name: dict[str, list[_Press]] = defaultdict(list)
        self._names: list[str] = []

    def presses(self, files: Iterable[_File]) -> list[_Press]:
        """Return the presses of all files: originals first, then what was made from them, then films and sidecars."""
        ordered = sorted(files, key=_File.order)
        photos = [file for file in ordered if file.member.kind == Kind.PHOTO]
        self._place([file for file in photos if not file.name.bases])
        self._place([file for file in photos if file.name.bases and not self._made_from_one(file)])
        films = [file for file in ordered if file.member.kind == Kind.VIDEO]
        self._put_beside(films)
        self._names = [_name_of(file) for file in (*photos, *films)]
        self._put_beside([file for file in ordered if file.member.kind == Kind.SIDECAR])
        return self._found

    def _put_beside(self, files: Iterable[_File]) -> None:
        """Put films or sidecars to the presses that they name; those that name none are presses of their own."""
        for file in files:
            press, rule = self._named_by(file)
            if press is None:
                press = _Press([file])
                self._found.append(press)
            else:
                press.rest.append((file, rule))
            self._by_name[fold(_name_of(file))].append(press)

    def _place(self, files: Iterable[_File]) -> None:
        """Make presses of files of equal stems."""
        stems: dict[str, list[_File]] = defaultdict(list)
        for file in files:
            stems[file.name.stem].append(file)
        for stem, group in stems.items():
            found = [_Press([file]) for file in group] if len(group) > _MOST_OF_A_NAME else self._agreeing(group)
            if len(found) > 1:
                found = _united(found, stem)
            self._found += found
            for press in found:
                for file in press.originals:
                    self._note(file, press)

    def _agreeing(self, group: Iterable[_File]) -> list[_Press]:
        """Put each file to the first press with which it agrees."""
        found: list[_Press] = []
        for file in group:
            for press in found:
                if all(file.form != one.form for one in press.originals) and self._agrees(press, file):
                    press.originals.append(file)
                    break
            else:
                found.append(_Press([file]))
        return found

    def _made_from_one(self, file: _File) -> bool:
        """Tie an edited file to the original that it agrees with."""
        for base in file.name.bases:
            presses = self._by_stem.get(base, ())
            telling = is_telling(base)
            for press in presses if len(presses) <= _MOST_OF_A_NAME else ():
                if not file.name.edited and any(file.form == one.form for one in press.originals):
                    continue
                agrees = self._agrees(press, file)
                if agrees or (agrees is None and telling and len(presses) == 1):
                    rule = "edited" if file.name.edited else _rule(press.originals[0], file)
                    press.rest.append((file, rule))
                    self._note(file, press)
                    return True
        return False

    def _agrees(self, press: _Press, file: _File) -> bool | None:
        """Return whether a file agrees with a press; None if nothing is known. What is known of any original counts."""
        for one in press.originals:
            verdict = agree(one.member, file.member, edited=file.name.edited)
            if verdict is not None:
                break
        else:
            return None
        if verdict and not verdict.sure and not is_telling(one.name.stem):
            return self._look(one.member, file.member)
        return bool(verdict)

    def _named_by(self, file: _File) -> tuple[_Press | None, str]:
        """Return the press that a film or a sidecar names, if there is one and only one, and the rule that says so."""
        rule = _RULE_OF_KIND[Kind(file.member.kind)]
        if file.member.format == TAKEOUT:
            about = self._takeout.photo_of(_name_of(file))
            return self._press_of(about), rule
        if file.member.kind == Kind.SIDECAR:
            spoken = self._sidecars.spoken_for(_name_of(file))
            if spoken is not None and spoken.form != "stem":
                return self._press_of(spoken.photos[0]), SIDECAR_OF_VERSION if spoken.form == "version" else rule
            if spoken is not None:
                named = (self._press_of(name) for name in spoken.photos)
                presses = list(dict.fromkeys(press for press in named if press is not None))
                if presses:
                    return _for_editors(presses), rule
        return self._named_by_stem(file), rule

    @cached_property
    def _sidecars(self) -> FolderNames:
        return FolderNames(self._names)

    @cached_property
    def _takeout(self) -> TakeoutNames:
        return TakeoutNames(self._names)

    def _press_of(self, name: str | None) -> _Press | None:
        """Return the press of the file of exactly this name, or else of one of equal letters."""
        named = self._by_name.get(fold(name), ()) if name is not None else ()
        presses = [press for press in named if _is_of_photos(press)]
        exactly = [each for each in presses if any(_name_of(one) == name for one in _files_of(each))]
        return next(iter(exactly or presses), None)

    def _named_by_stem(self, file: _File) -> _Press | None:
        """Return the press whose stem a film or a sidecar has, if there is one and only one."""
        if file.name.of is not None:
            return _only([each for each in self._by_name.get(file.name.of, ()) if _is_of_photos(each)])
        for stem in (file.name.stem, *file.name.bases):
            presses = [each for each in self._by_stem.get(stem, ()) if _is_of_photos(each)]
            if presses and file.member.kind == Kind.SIDECAR:
                return _for_editors(presses)
            if presses:
                press = _only(presses)
                return press if press and _is_live(press, file) else None
        return None

    def _note(self, file: _File, press: _Press) -> None:
        for names, name in (
            (self._by_stem, file.name.stem),
            (self._by_name, fold(_name_of(file))),
        ):
            if not names[name] or names[name][-1] is not press:
                names[name].append(press)


def _name_of(file: _File) -> str:
    return os.path.basename(file.member.path)


def _files_of(press: _Press) -> list[_File]:
    return [*press.originals, *(file for file, _ in press.rest)]


def _united(found: list[_Press], stem: str) -> list[_Press]:
    """Unite the two files of one press of which neither time nor picture can tell, if the name is a camera's.

    They are a RAW and a developed file, or a HEIF and a JPEG, where the folder has no other of the kind.
    """
    if not is_telling(stem):
        return found
    for first, second in ((RAW_FORMATS, _DEVELOPED), ({"heif"}, {"jpeg"})):
        ones = [press for press in found if any(each.member.format in first for each in press.originals)]
        others = [press for press in found if any(each.member.format in second for each in press.originals)]
        if len(ones) == len(others) == 1 and ones[0] is not others[0] and _is_open(ones[0], others[0]):
            ones[0].originals += others[0].originals
            found = [press for press in found if press is not others[0]]
    return found


def _is_open(one: _Press, other: _Press) -> bool:
    """Return whether neither times nor pictures say anything of two presses that have no form in common."""
    if {each.form for each in one.originals} & {each.form for each in other.originals}:
        return False
    return all(agree(each.member, their.member) is None for each in one.originals for their in other.originals)


def _is_live(press: _Press, film: _File) -> bool:
    """Return whether a film of a photo's name is surely its own: Apple alone writes a HEIF and a MOV of one name."""
    formats = {each.member.format for each in press.originals}
    return is_telling(press.originals[0].name.stem) or ("heif" in formats and film.member.format == "mov")


def _is_of_photos(press: _Press) -> bool:
    return press.originals[0].member.kind == Kind.PHOTO


def _for_editors(presses: list[_Press]) -> _Press | None:
    """Return the press that IMG_1.xmp is about: of several the only one with a RAW, for which editors write it."""
    return _only(presses) or _only([each for each in presses if any(one.is_raw for one in each.originals)])


def _only(presses: list[_Press]) -> _Press | None:
    return presses[0] if len(presses) == 1 else None
