"""How a command ends when it is stopped, and when the system refuses it something: in one line, never a traceback."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import click

from photoidx.cli.terminal.output import harmless
from photoidx.errors import PhotoidxError

INTERRUPTED = 130
_TOGETHER = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
# Measured on 2 processors: a query takes 3.1 GB of addresses, a scan less than 4 GB. With less, libraries crash.
LEAST_ADDRESSES = 4 << 30
_REFUSED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE}
_NO_MEMORY = re.compile(
    r"failed to map segment|cannot allocate|can't (start|allocate)|unable to (start|allocate)|os error 1[12]\b",
    re.IGNORECASE,
)


class Stop(threading.Event):
    """A wish to stop. `exit_code` is what shells give for the signal that asked: 130 for Ctrl-C."""

    exit_code = INTERRUPTED

    def go_on(self) -> None:
        """End the command if it is to stop."""
        if self.is_set():
            sys.exit(self.exit_code)


@contextlib.contextmanager
def stoppable() -> Iterator[Stop]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into a wish to stop; the second one acts as usual."""
    stop = Stop()

    def ask(number: int, _frame: Any) -> None:
        stop.exit_code = 128 + number
        stop.set()
        for each in asked:
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)
        _say_at_once("\nStopping ...\n")

    asked = (signal.SIGINT, *_heard())
    with _handled(asked, ask):
        yield stop


@contextlib.contextmanager
def stopped_cleanly() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the work as Ctrl-C does, so that what is half written is removed."""

    def stop(number: int, _frame: Any) -> None:
        for each in asked:
            signal.signal(each, signal.SIG_DFL)
        _say_at_once("\nStopped.\n")
        sys.exit(128 + number)

    asked = _heard()
    with _handled(asked, stop):
        yield


def _heard() -> tuple[signal.Signals, ...]:
    """Give the signals that end a command, without those that nohup has it ignore."""
    return tuple(each for each in _TOGETHER if signal.getsignal(each) is not signal.SIG_IGN)


@contextlib.contextmanager
def _handled(signals: tuple[signal.Signals, ...], handler: Any) -> Iterator[None]:
    before = {each: signal.signal(each, handler) for each in signals}
    try:
        yield
    finally:
        for each, usual in before.items():
            signal.signal(each, usual)


def _say_at_once(words: str) -> None:
    """Write to stderr from a signal's handler. Where the terminal is gone, nothing is said from now on."""
    try:
        os.write(2, words.encode())
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            if os.isatty(descriptor) or descriptor == 2:  # noqa: PLR2004 - stderr
                os.dup2(nowhere, descriptor)


class AnswerError(OSError):
    """Stdout takes no more: its disk is full, or the starter has closed it."""


class _Answers(io.FileIO):
    """Stdout. A pipe that nobody reads any longer is as usual, click ends the command then."""

    def write(self, data: Any, /) -> int:
        """Write what is given, or some of it. Raises BrokenPipeError, AnswerError."""
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise AnswerError(error.errno, error.strerror) from error


def open_streams() -> None:
    """Have stdout tell what it does not take, and put something in the place of streams that the starter has closed.

    Else, after `>&-`, the next file that is opened would be taken for stdout. Writing an answer there fails, talk goes
    nowhere.
    """
    for descriptor, name, mode in ((0, "stdin", os.O_WRONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)  # else the workers lack it  # noqa: FBT003
        if getattr(sys, name) is None and descriptor:
            setattr(sys, name, os.fdopen(descriptor, "w", closefd=False))
    before = sys.stdout
    if isinstance(before, io.TextIOWrapper):
        answers = io.BufferedWriter(_Answers(before.fileno(), "w", closefd=False))
        sys.stdout = io.TextIOWrapper(answers, before.encoding, before.errors, line_buffering=before.line_buffering)


def check_addresses() -> None:
    """Raise PhotoidxError where a limit of addresses (ulimit -v) leaves too few: libraries would just crash."""
    try:
        import resource
    except ImportError:
        return
    soft, _hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY and soft < LEAST_ADDRESSES:
        raise PhotoidxError(
            f"This process may use {soft >> 20:,} MiB of addresses, and photoidx needs {LEAST_ADDRESSES >> 20:,}. "
            "Raise the limit: ulimit -v unlimited"
        )


def refusal(error: BaseException) -> str | None:
    """Say in one line what the system refused; None for an error of another kind."""
    if isinstance(error, AnswerError):
        return f"The answer can't be written: {error.strerror}."
    chain: BaseException | None = error
    while chain is not None:
        if (
            isinstance(chain, MemoryError)
            or getattr(chain, "errno", 0) == errno.ENOMEM
            or _NO_MEMORY.search(str(chain))
        ):
            return f"There is too little memory: {_one_line(chain)}. Close other programs, or see: ulimit -a"
        if isinstance(chain, OSError) and chain.errno in _REFUSED:
            return f"{chain.filename or 'A file'} can't be read or written: {chain.strerror}."
        chain = chain.__cause__ or chain.__context__
    return None


def _is_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", 0) == errno.ENOMEM:
        return True
    # A panic of Lance's Rust code is no Exception; its class can't be imported.
    may_be = isinstance(error, (ImportError, RuntimeError, OSError)) or type(error).__name__ == "PanicException"
    return may_be and bool(_NO_MEMORY.search(str(error)))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


def give_up(words: str) -> None:
    """Say why the command ends, and end it at once with status 1, whatever threads still do."""
    with contextlib.suppress(OSError):
        click.echo(f"photoidx: {harmless(words)}", err=True)
        sys.stderr.flush()
    os._exit(1)
