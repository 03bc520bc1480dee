"""SQL in a process of its own, which is ended where a query does not end: whoever asks survives.

DuckDB takes time and memory without a limit while it plans a query, and in functions such as `range`, and can't be
interrupted there. The process opens the library itself, so that nothing but the answer goes from one to the other.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from datetime import datetime
from multiprocessing import spawn
from typing import IO, TYPE_CHECKING, Any

import photoidx.errors
from photoidx.config import Config
from photoidx.errors import PhotoidxError, QueryError

if TYPE_CHECKING:
    import pyarrow as pa

    from photoidx.storage.store import Store

_START = "import sys; sys.path[:] = sys.argv[1:]; from photoidx.queries.sql.process import serve; serve()"
_BEGUN, _PART, _END, _FAILED = b"B", b"P", b"E", b"F"
_HEAD = struct.Struct("<cQ")
_GRACE_S = 1.0
"""How much longer than its limit a query may take: DuckDB's own interrupt comes first, and tells more."""
_OTHER_MIB = 1024
"""Memory beside DuckDB's half of the computer's: the tables on their way to it, and Python's."""
_FOR_MEMORY = frozenset({signal.SIGABRT, signal.SIGSEGV, getattr(signal, "SIGKILL", -1), getattr(signal, "SIGBUS", -1)})
"""Signals that a process dies of that gets no memory."""
_TOO_MUCH = "The query needs more than half of the computer's memory. Ask for fewer rows or columns, or aggregate."


class Questions:
    """Answers queries one by one, in a process that stays ready for the next. Close it when no more will come."""

    def __init__(self) -> None:
        self._ready: list[_Process] = []
        weakref.finalize(self, _end_all, self._ready)

    def start(self) -> None:
        """Begin to make a process ready, and do not wait for it."""
        if not self._ready:
            self._ready.append(_Process())

    def ask(self, uri: str, query: str, config: Config, as_of: datetime | None = None) -> pa.Table:
        """Answer one query over a library's views, as `sql.run_sql` does. Raises QueryError, and what opening raises.

        A query that takes longer than the limit, or ends its process, is a QueryError.
        """
        process = self._ready.pop() if self._ready else _Process()
        if not process.is_alive():
            process.end()
            process = _Process()
        try:
            answer = process.ask((_whole(uri), as_of, query, config), config.query_time_limit_s)
        finally:
            if process.is_ready:
                self._ready.append(process)
            else:
                process.end()
        return answer

    def close(self) -> None:
        """End the process."""
        _end_all(self._ready)


def paths_where(store: Store, condition: str, config: Config | None = None) -> set[str]:
    """Return the paths of the photos for which a condition over the view `photos` holds: `iso > 800`.

    Raises QueryError, also if it is more than one expression.
    """
    from photoidx.queries.sql.query import as_condition  # noqa: PLC0415 - brings DuckDB

    query = f"SELECT path FROM photos WHERE {as_condition(condition)}"  # noqa: S608 - one expression
    return set(ask_once(store.uri, query, config or Config(), store.as_of)["path"].to_pylist())


def ask_once(uri: str, query: str, config: Config, as_of: datetime | None = None) -> pa.Table:
    """Answer one query in a process that ends with it."""
    with contextlib.closing(Questions()) as questions:
        return questions.ask(uri, query, config, as_of)


class _Process:
    """A process that answers. `is_ready` is false while it is asked, and stays so if it had to be given up."""

    def __init__(self) -> None:
        self.is_ready = True
        self._process = subprocess.Popen(  # noqa: S603 - this same Python
            [spawn.get_executable(), "-c", _START, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C is for whoever asks
        )
        self._said: queue.SimpleQueue[tuple[bytes, bytes] | None] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(self._process.stdout, self._said), daemon=True).start()

    def ask(self, question: tuple[str, datetime | None, str, Config], limit_s: float) -> pa.Table:
        import pyarrow as pa  # noqa: PLC0415 - while the process gets ready

        self.is_ready = False
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its end is told below
            _send(self._process.stdin, _PART, pickle.dumps(question))
        parts: list[bytes] = []
        ends_at: float | None = None
        while True:
            try:
                said = self._said.get(timeout=None if ends_at is None else max(0.0, ends_at - time.monotonic()))
            except queue.Empty:
                raise QueryError(f"The query took longer than {limit_s:g} s and was stopped.") from None
            if said is None:
                raise QueryError(self._fate())
            kind, data = said
            if kind == _BEGUN:
                ends_at = time.monotonic() + limit_s + _GRACE_S
            elif kind == _PART:
                ends_at = None
                parts.append(data)
            elif kind == _FAILED:
                self.is_ready = True
                raise _error(data)
            else:
                self.is_ready = True
                return pa.ipc.open_stream(pa.py_buffer(b"".join(parts))).read_all()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def _fate(self) -> str:
        code = self._process.wait()
        if -code in _FOR_MEMORY:
            likely = "most likely because memory was short. Ask for fewer rows or columns, or aggregate."
            return f"The query was given up: its process ended with signal {-code}, {likely}"
        return f"The query was given up: its process was ended from outside ({code}). Ask again."

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _end_all(processes: list[_Process]) -> None:
    while processes:
        processes.pop().end()


def _whole(uri: str) -> str:
    return uri if "://" in uri else os.path.abspath(os.path.expanduser(uri))


def _error(data: bytes) -> PhotoidxError:
    name, words = json.loads(data)
    kind = getattr(photoidx.errors, name, None)
    if isinstance(kind, type) and issubclass(kind, PhotoidxError):
        return kind(words)
    return QueryError(f"The query can't be answered ({name}: {words}).")


def _send(pipe: IO[bytes], kind: bytes, data: bytes | memoryview = b"") -> None:
    pipe.write(_HEAD.pack(kind, len(data)))
    pipe.write(data)
    pipe.flush()


def _frames(pipe: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    while len(head := pipe.read(_HEAD.size)) == _HEAD.size:
        kind, size = _HEAD.unpack(head)
        data = pipe.read(size)
        if len(data) < size:
            return
        yield kind, data


def _listen(pipe: IO[bytes], said: queue.SimpleQueue[tuple[bytes, bytes] | None]) -> None:
    with contextlib.suppress(OSError, ValueError):  # it was closed meanwhile
        for frame in _frames(pipe):
            said.put(frame)
    said.put(None)


class _Parts(io.RawIOBase):
    """Sends what is written to it, part by part."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        _send(self._pipe, _PART, memoryview(data).cast("B"))
        return len(data)


def serve() -> None:
    """Be the process that answers, until nobody asks any more."""
    asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write there

    def listen() -> None:
        for _, data in _frames(sys.stdin.buffer):
            asked.put(data)
        os._exit(0)  # whoever asked is gone, also in the middle of a query

    threading.Thread(target=listen, daemon=True).start()
    # Imported at once, while the question is on its way.
    import psutil  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    from photoidx.memory_limit import limit_memory  # noqa: PLC0415
    from photoidx.storage.light_lancedb import lighten_lancedb  # noqa: PLC0415

    lighten_lancedb()
    from photoidx.queries.sql.query import run_sql  # noqa: PLC0415
    from photoidx.storage.store import Store  # noqa: PLC0415

    limit_memory((psutil.virtual_memory().total >> 21) + _OTHER_MIB)
    while True:
        uri, as_of, query, config = pickle.loads(asked.get())  # noqa: S301 - of the process that started this one
        try:
            answer = run_sql(Store(uri, as_of=as_of), query, config, lambda: _send(out, _BEGUN))
            sink = pa.PythonFile(_Parts(out), mode="w")
            with pa.ipc.new_stream(sink, answer.schema) as stream:
                stream.write_table(answer)
        except MemoryError:
            _send(out, _FAILED, json.dumps(["QueryError", _TOO_MUCH]).encode())
        except Exception as error:  # noqa: BLE001 - it is told to whoever asked
            _send(out, _FAILED, json.dumps([type(error).__name__, str(error)]).encode())
        else:
            _send(out, _END)
