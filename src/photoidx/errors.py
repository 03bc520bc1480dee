"""The errors that photoidx raises on purpose. The message says what happened and what to do next."""

from typing import ClassVar

SOME_FAILED = 3
"""The exit status of a command that did its work, while some photos could not be read."""


class PhotoidxError(Exception):
    """Something stops the command as a whole; `exit_code` is the command's exit status."""

    exit_code: ClassVar[int] = 1

    @property
    def lines(self) -> tuple[str, ...]:
        """The message, line by line. A name in it may hold a line break, which makes no new one."""
        return (str(self),)


class LibraryNotFoundError(PhotoidxError):
    """There is no library where one was asked for."""


class LibraryLockedError(PhotoidxError):
    """Another process is writing to the library."""


class LibraryTooNewError(PhotoidxError):
    """The library was written by a newer version of photoidx."""


class TableDamagedError(PhotoidxError):
    """Files of a table are missing or can't be read."""


class EarlierStateError(PhotoidxError):
    """An earlier state of the library is asked for what it can't give: it is not kept, or it would be changed."""


class QueryError(PhotoidxError):
    """A query can't be answered as it was written."""


class ExportError(PhotoidxError):
    """An export can't be done as it was asked for, or not to its end."""


class AssetError(PhotoidxError):
    """A model's files are missing or are not what they should be."""


class PhotoError(Exception):
    """One photo can't be processed. It is recorded as a failure of that photo; the work goes on."""

    def __init__(self, message: str, stage: str = "decode") -> None:
        super().__init__(message)
        self.stage = stage
