"""What a reader finds wrong with a data set, gathered so that everything is told at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from photoidx.errors import PhotoidxError
from photoidx.indexer.media.walk import walk
from photoidx.records import Kind, format_of, kind_of

_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One kind of trouble, with what it concerns. A fatal one makes figures wrong; others are only to be known."""

    what: str
    concerned: tuple[str, ...] = ()
    fatal: bool = True

    def __str__(self) -> str:
        """Say it in one line: how many, and the first few."""
        if not self.concerned:
            return self.what
        more = ", ..." if len(self.concerned) > _SHOWN else ""
        return f"{self.what} ({len(self.concerned):,}): {', '.join(self.concerned[:_SHOWN])}{more}"


class DataSetError(PhotoidxError):
    """A data set can't be used as it lies there; the message has every fatal finding."""

    def __init__(self, folder: Path, fatal: Sequence[Finding]) -> None:
        self._lines = (f"{folder} can't be used as it is:", *(f"  {each}" for each in fatal))
        super().__init__("\n".join(self._lines))

    @property
    def lines(self) -> tuple[str, ...]:
        """The message, a line for each finding."""
        return self._lines


@dataclass
class Findings:
    """Gathers what is wrong while a data set is read."""

    folder: Path
    found: list[Finding] = field(default_factory=list)

    def add(self, what: str, concerned: Iterable[object] = (), *, fatal: bool = True) -> None:
        """Note a trouble that is there whatever it concerns."""
        self.found.append(Finding(what, tuple(map(str, concerned)), fatal))

    def each(self, what: str, concerned: Iterable[object], *, fatal: bool = True) -> None:
        """Note a trouble if it concerns anything."""
        names = tuple(map(str, concerned))
        if names:
            self.found.append(Finding(what, names, fatal))


def refuse(folder: Path, findings: Sequence[Finding]) -> None:
    """Raise DataSetError if there is a fatal finding. Its message lists them all."""
    fatal = [finding for finding in findings if finding.fatal]
    if fatal:
        raise DataSetError(folder, fatal)


def photo_files(folder: Path, findings: Findings) -> dict[str, list[str]]:
    """Return the photos below a folder, paths by file name, and note folders that can't be listed and empty files."""
    listing = walk(os.path.abspath(folder))
    findings.each("folders that can't be listed", sorted(listing.unlisted))
    photos = {path: state for path, state in listing.files.items() if is_photo(path)}
    findings.each("empty files", sorted(path for path, state in photos.items() if not state.size))
    by_name: dict[str, list[str]] = {}
    for path in sorted(photos):
        by_name.setdefault(os.path.basename(path), []).append(path)
    return by_name


def is_photo(path: str) -> bool:
    """Return by the name whether a file is a photo."""
    file_format = format_of(path)
    return file_format is not None and kind_of(file_format) is Kind.PHOTO


def twice(by_name: dict[str, list[str]]) -> list[str]:
    """Name the files that lie in more than one place."""
    return [name for name, paths in by_name.items() if len(paths) > 1]
