"""How a command ends when it is stopped, and when the system refuses it something: in one line, never a traceback."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import click

from photoidx.cli.terminal.output import harmless
from photoidx.errors import PhotoidxError

INTERRUPTED = 130
HUNG_UP = 129
"""The status that shells give for SIGHUP: the terminal was closed."""
GRACE_S = 10.0
"""How long a command that was asked to stop may take to remove what is half written."""
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
# Measured on 2 processors: a query takes 3.1 GB of addresses, a scan less than 4 GB. With less, libraries crash.
LEAST_ADDRESSES = 4 << 30
_REFUSED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE}
_NO_MEMORY = re.compile(
    r"failed to map segment|cannot allocate|can't (start|allocate)|unable to (start|allocate)|os error 1[12]\b",
    re.IGNORECASE,
)


class Stop(threading.Event):
    """A request to stop. `exit_code` is what shells give for the signal that asked: 130 for Ctrl-C."""

    exit_code = INTERRUPTED

    def go_on(self) -> None:
        """End the command if it is to stop."""
        if self.is_set():
            sys.exit(self.exit_code)


class _Heard:
    """What signals have asked of this process: `status` is that to end with, 0 if none came while nobody had a flag."""

    def __init__(self) -> None:
        self.status = 0
        self.flag: Stop | None = None
        self.is_said = False


_heard = _Heard()


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP end the command in one line, with status 130, 143 or 129, whatever it does.

    The signal raises SystemExit in the main thread, so that what is half written is removed. Where the process still
    runs after GRACE_S, because a library does not return or threads are waited for, a thread ends it.
    """
    global _heard  # noqa: PLW0603 - signals have one state in a process
    _heard = _Heard()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)  # noqa: FBT003
    usual = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_see_to_the_end, args=(ours, _heard), daemon=True).start()
    with _handled(_stop):
        try:
            yield
        except BaseException:
            if _heard.status:  # a library may have made an error of its own of it
                sys.exit(_heard.status)
            raise
        finally:
            if not _heard.status:
                signal.set_wakeup_fd(usual)
                theirs.close()


@contextlib.contextmanager
def stoppable() -> Iterator[Stop]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into a request to stop; the second one ends the process at once."""
    before, stop = _heard.flag, Stop()
    _heard.flag = stop
    try:
        with _handled(_stop):
            yield stop
    finally:
        _heard.flag = before


def _stop(number: int, _frame: Any) -> None:
    """Answer a signal in the main thread."""
    for each in _SIGNALS:  # the second Ctrl-C is to help for sure; a terminal's end is often told twice
        signal.signal(each, signal.SIG_IGN if each.name == "SIGHUP" else signal.SIG_DFL)
    flag = _heard.flag
    if flag is None:
        _heard.status = 128 + number
        _say_stopped()
        sys.exit(_heard.status)
    flag.exit_code = 128 + number
    flag.set()
    _say_at_once("Stopping ...")


def _see_to_the_end(signals: socket.socket, heard: _Heard) -> None:
    """End the process when a signal was heard and it has not ended by itself in time."""
    number = 0
    while number not in _SIGNALS or heard.flag is not None:
        got = signals.recv(1)
        if not got:
            signals.close()
            return
        number = got[0]
    time.sleep(GRACE_S)
    _say_stopped()
    if (temporary := sys.modules.get("photoidx.temporary")) is not None:  # else there are no folders to remove
        temporary.close_all()
    os._exit(128 + number)


def _say_stopped() -> None:
    if not _heard.is_said:
        _heard.is_said = True
        _say_at_once("Stopped.")


@contextlib.contextmanager
def _handled(handler: Any) -> Iterator[None]:
    """Have a handler called for the signals that end a command, but not for a SIGHUP that nohup has it ignore."""
    asked = [each for each in _SIGNALS if each == signal.SIGINT or signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, handler) for each in asked}
    try:
        yield
    finally:
        for each, usual in before.items():
            if not _heard.status:
                signal.signal(each, usual)


def _say_at_once(words: str) -> None:
    """Write a line to stderr from a signal's handler. Where the terminal is gone, nothing is said from now on."""
    try:
        os.write(2, f"{chr(10) if os.isatty(2) else ''}{words}\n".encode())  # a terminal has written ^C
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


def is_terminal_gone(error: BaseException) -> bool:
    """Return whether an error comes of a terminal that was closed: a write may meet that before the signal comes."""
    return isinstance(error, OSError) and error.errno == errno.EIO and any(map(_is_hung_up, (0, 1, 2)))


def _is_hung_up(descriptor: int) -> bool:
    try:
        import termios
    except ImportError:  # Windows
        return False
    try:
        termios.tcgetattr(descriptor)
    except termios.error as error:
        return bool(error.args[0] == errno.EIO)
    return False


def give_up(words: str, status: int = 1) -> None:
    """Say why the command ends, and end it at once with this status, whatever threads still do."""
    with contextlib.suppress(OSError):
        click.echo(f"photoidx: {harmless(words)}", err=True)
        sys.stderr.flush()
    os._exit(status)
