"""The log of the watch: files that rotate, a time and a level on each line."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler

from platformdirs import user_log_path

LOGGER = "photoidx.watch"
_FILES = 4
# logging counts the characters of a new record, not its bytes: of the longest, 41 lines, three quarters may lie beyond.
# So the files together stay under 8 MB.
_FILE_BYTES = 1_650_000
_LINE_CHARACTERS = 2_000
_TRACE_LINES = 40


def default_log() -> str:
    """Return the log file that is used where none is named."""
    return str(user_log_path("photoidx") / "watch.log")


@contextlib.contextmanager
def log_file(path: str | None, say: Callable[[str], None]) -> Iterator[str | None]:
    """Write what the logger `photoidx.watch` is told to a file; give its path.

    A file that can't be written is no reason to stop: `say` is told, and None is given. `say` hears of trouble later
    on, too, as a full disk: once, until a line is written again.
    """
    path = os.path.abspath(path) if path else default_log()
    logger = logging.getLogger(LOGGER)
    before = logger.level
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handler = _Diary(path, say)
    except OSError as error:
        say(f"The log {path} can't be written ({error.strerror}). The watch goes on without it; --log names another.")
        yield None
        return
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield path
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
        with contextlib.suppress(OSError):  # a full disk, which was said when the lines were written
            handler.close()


def last_lines(path: str, count: int) -> list[str]:
    """Find the last lines of a log, from the file before it too if it has just been rotated; none if there is none."""
    lines: deque[str] = deque(maxlen=count)
    for each in (f"{path}.1", path):
        with contextlib.suppress(OSError), open(each, encoding="utf-8", errors="backslashreplace") as file:
            lines.extend(line.rstrip("\n") for line in file)
    return list(lines)


class _Diary(RotatingFileHandler):
    def __init__(self, path: str, say: Callable[[str], None]) -> None:
        super().__init__(
            path, maxBytes=_FILE_BYTES, backupCount=_FILES - 1, encoding="utf-8", errors="backslashreplace"
        )
        self._say = say
        self._failed = self._troubled = False
        self.setFormatter(_Lines())

    def emit(self, record: logging.LogRecord) -> None:
        self._failed = False
        super().emit(record)
        self._troubled = self._failed

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - the library's name
        """Say that a line could not be written, and do not repeat it for each of the next."""
        self._failed = True
        if not self._troubled:
            self._say(f"The log {self.baseFilename} can't be written ({sys.exc_info()[1]}). The watch goes on.")


class _Lines(logging.Formatter):
    """A time with its offset from UTC and a level before each line; no file's name can make a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(record.created))
        lines = [record.getMessage()]
        if record.exc_info:
            lines += self.formatException(record.exc_info).split("\n")[-_TRACE_LINES:]
        return "\n".join(f"{moment} {record.levelname:7} {_one_line(line)}" for line in lines)


def _one_line(text: str) -> str:
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return plain if len(plain) <= _LINE_CHARACTERS else f"{plain[:_LINE_CHARACTERS]} ..."
