"""What happens to one file, in a worker process: read, hash, decode, and every stage that looks at one photo."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import cv2
import numpy as np

from photoidx.config import Config
from photoidx.errors import PhotoError
from photoidx.indexer.engines.id_tables import Claims, KnownIds, KnownPairs
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.indexer.media.walk import FileState, state_of
from photoidx.memory_limit import keep_freed_memory, limit_memory, too_little_memory
from photoidx.records import Kind, content_id_of, content_id_of_stream, format_of, kind_of
from photoidx.registry import stages
from photoidx.scoring.hashes import pixel_id
from photoidx.scoring.videos.head import video_head
from photoidx.stage import BatchStage, DerivedStage, PhotoStage, Rows, Stage, fitting

DECODE = "decode"
DECODE_FINGERPRINT = "decode@1"
_WENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
"""What opening a file meets that is no longer where it was listed, or no longer a file."""


@dataclass(frozen=True, slots=True)
class Task:
    """One file to look at. `stages` are those to run; None means all that its content still lacks.

    A file that killed its worker is tried again alone, with `marker` as the file in which the worker notes what it is
    doing, and then without the stage that killed it (`skip`).
    """

    path: str
    state: FileState
    stages: tuple[str, ...] | None = None
    marker: str | None = None
    skip: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What became of a task. `read_error` is set if the bytes could not be read; `changed` if they moved meanwhile.

    `reused` are the stages whose results are those of another content, `same_pixels_as`. Of a copy, which another
    file's outcome stands for, there is nothing but the content.
    """

    task: Task
    content_id: str | None = None
    read_error: str | None = None
    changed: bool = False
    is_copy: bool = False
    decoded: bool = False
    same_pixels_as: str | None = None
    reused: tuple[str, ...] = ()
    rows: dict[str, Rows] = field(default_factory=dict)
    arrays: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


class KnownFiles(NamedTuple):
    """Files for a run's workers: what lacks nothing, also by its pixels, and what one of them has begun on.

    They are read as `KnownIds`, `KnownPairs` and `Claims`.
    """

    complete: str
    same_pixels: str
    claims: str


class Worker:
    """The stages of one process, made ready at their first use."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._known: KnownFiles | None = None
        self._stages = [stage for stage in stages(config) if not isinstance(stage, DerivedStage)]
        self._loaded: set[str] = set()

    def know(self, known: KnownFiles) -> None:
        """Open what the library knew at the start of a run, once for each run."""
        if known != self._known:
            self._known = known
            self._complete, self._same_pixels = KnownIds(Path(known.complete)), KnownPairs(Path(known.same_pixels))
            self._claims = Claims(Path(known.claims))

    def look_at(self, task: Task) -> Outcome:
        """Read one file, and run the stages that it needs."""
        outcome = Outcome(task)
        file_format = format_of(task.path) or ""
        data = self._read(task, outcome)
        if data is None:
            return outcome
        if outcome.content_id is None:
            outcome.content_id = content_id_of(data)
        wanted = self._wanted(task, outcome.content_id, file_format)
        if not wanted:
            return outcome
        if task.stages is None and task.marker is None and kind_of(file_format) is Kind.PHOTO:
            outcome.is_copy = not self._claims.take(outcome.content_id)
            if outcome.is_copy:
                return outcome
        photo = DecodedPhoto(data, file_format, self._config.max_pixels)
        if any(stage.needs != "bytes" for stage in wanted):
            _leave(task, outcome.content_id, DECODE)
            outcome.decoded = True
            try:
                photo.image()
            except PhotoError as error:
                outcome.failures[DECODE] = str(error)
                wanted = [stage for stage in wanted if stage.needs == "bytes"]
            else:
                wanted = self._not_reused(wanted, photo, outcome)
        for stage in wanted:
            _leave(task, outcome.content_id, stage.name)
            self._run(stage, photo, outcome)
        return outcome

    def _not_reused(self, wanted: list[Stage], photo: DecodedPhoto, outcome: Outcome) -> list[Stage]:
        """Leave out what is known from a content with the same pixels, as one whose metadata alone were edited."""
        outcome.same_pixels_as = self._same_pixels.get(photo.once(pixel_id))
        if outcome.same_pixels_as is None:
            return wanted
        outcome.reused = tuple(stage.name for stage in wanted if stage.needs == "pixels")
        return [stage for stage in wanted if stage.needs != "pixels"]

    def _read(self, task: Task, outcome: Outcome) -> bytes | None:
        try:
            with open(task.path, "rb", opener=_open_at_once) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a pipe came in its place
                    outcome.changed = True
                    return None
                before = _state(file.fileno())
                if kind_of(format_of(task.path) or "") is Kind.VIDEO:
                    return _read_video(task, file, before, outcome)
                if before.size > self._config.max_file_bytes:
                    self._refuse(task, before, outcome)
                    return None
                data = file.read(before.size + 1)  # and no more, if it grows meanwhile
                after = _state(file.fileno())
        except OSError as error:
            outcome.read_error = error.strerror or str(error)
            outcome.changed = isinstance(error, _WENT)
            return None
        except MemoryError:
            outcome.read_error = too_little_memory("to read the file")
            return None
        outcome.changed = not before == after == task.state or len(data) != after.size
        return None if outcome.changed else data

    def _refuse(self, task: Task, state: FileState, outcome: Outcome) -> None:
        """Record a file as too large to be held."""
        outcome.changed = state != task.state
        most = self._config.max_file_bytes
        outcome.read_error = f"the file has {state.size:,} bytes, more than the limit of {most:,}"

    def _wanted(self, task: Task, content_id: str, file_format: str) -> list[Stage]:
        if task.stages is None and content_id in self._complete:
            return []
        kind = kind_of(file_format)
        found = [stage for stage in self._stages if kind in stage.kinds and stage.name not in task.skip]
        if DECODE in task.skip:
            found = [stage for stage in found if stage.needs == "bytes"]
        return found if task.stages is None else [stage for stage in found if stage.name in task.stages]

    def _run(self, stage: Stage, photo: DecodedPhoto, outcome: Outcome) -> None:
        try:
            if isinstance(stage, PhotoStage):
                if stage.name not in self._loaded:
                    stage.load()
                    self._loaded.add(stage.name)
                outcome.rows[stage.name] = fitting(stage, stage.run(photo))
            elif isinstance(stage, BatchStage):
                outcome.arrays[stage.name] = stage.prepare(photo)
        except PhotoError as error:
            outcome.failures[stage.name] = str(error)
        except MemoryError:
            outcome.failures[stage.name] = too_little_memory(f"for {stage.name}")
        except Exception as error:  # noqa: BLE001 - a stage's own fault is recorded with the photo it met
            outcome.failures[stage.name] = f"{type(error).__name__}: {error}"


def _read_video(task: Task, file: BinaryIO, state: FileState, outcome: Outcome) -> bytes | None:
    """Return a video's header, and note its identity. The frames pass by: a video may be of any size."""
    outcome.changed = state != task.state
    if outcome.changed:
        return None
    outcome.content_id = content_id_of_stream(file)
    head = video_head(file, state.size)
    outcome.changed = _state(file.fileno()) != state
    return None if outcome.changed else head


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe would wait for somebody to write."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _state(descriptor: int) -> FileState:
    return state_of(os.fstat(descriptor))


def _leave(task: Task, content_id: str, stage: str) -> None:
    if task.marker is None:
        return
    with contextlib.suppress(OSError):  # without it, who kills its worker here is not known: the file is to blame
        Path(task.marker).write_text(json.dumps({"content_id": content_id, "stage": stage}))


def read_marker(path: Path) -> Mapping[str, str] | None:
    """Return what a dead worker noted last, if it came so far."""
    try:
        noted: Mapping[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return noted


# A worker process serves one library; the pool's functions find it here.
_this: list[Worker] = []


def start(config: Config) -> None:
    """Make this process a worker. Ctrl-C, and a terminal that is closed, are the main process's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):  # Windows has none
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # libtiff and LibRaw write what they think of a broken file to stderr; the failure that is recorded says it too.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    keep_freed_memory()
    limit_memory(config.worker_memory_mib)
    cv2.setNumThreads(1)  # each worker has one processor
    _this[:] = [Worker(config)]


def look_at_all(tasks: Sequence[Task], known: KnownFiles) -> list[Outcome]:
    """Work through a chunk of tasks of one run."""
    _this[0].know(known)
    return [_this[0].look_at(task) for task in tasks]
