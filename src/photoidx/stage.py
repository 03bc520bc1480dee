"""The contract of a stage: one measure, or one model, over one photo. A scorer is one file that fulfils it.

A stage declares the tables and columns that it writes; the store's schema and `docs/columns.md` follow from that.
It is registered by its class's address, in `photoidx.registry` or by another package in the entry-point group
`photoidx.stages`, whose entries are callables that take a `Config` and give a stage or a list of stages.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

import pyarrow as pa

from photoidx.errors import PhotoError
from photoidx.records import Kind

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

# Every decoded photo has at least this long side (or its own, if smaller) and less than twice it. 960 lets a JPEG of
# 12 megapixels be decoded at a quarter of its size, which costs 42 ms instead of 169 ms.
WORKING_LONG_SIDE = 960

_Found = TypeVar("_Found")

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""What a stage found in one photo: for each of its tables the rows, without the content id."""


class Photo(Protocol):
    """One photo as stages see it. Everything is a function of the bytes alone."""

    @property
    def content_id(self) -> str:
        """The identity of the bytes."""

    @property
    def format(self) -> str:
        """The format that the file's name announces, as `records.format_of` names it."""

    @property
    def data(self) -> bytes:
        """The whole file; of a video, which may be of any size, only what stands before and behind the frames."""

    def image(self, min_long_side: int = WORKING_LONG_SIDE) -> Image.Image:
        """Decode the picture: RGB, 8 bits, sRGB, upright by its EXIF orientation.

        Its long side is in [min_long_side, 2 * min_long_side), or the picture's own where that is smaller. Stages
        share the result: do not change it. Raises PhotoError if the picture can't be decoded.
        """

    def is_whole(self) -> bool:
        """Tell whether `image()` has every pixel of the stored picture, and was not reduced. Never so for RAW files."""

    def once(self, measure: Callable[[Photo], _Found]) -> _Found:
        """Return `measure(photo)`, worked out once for all stages that ask. Do not change the result."""


def column(name: str, kind: pa.DataType, about: str) -> pa.Field:
    """Declare a column: its name (`measure_unit`), its Arrow type, and the sentence that documents it."""
    return pa.field(name, kind, metadata={"about": about})


@dataclass(frozen=True)
class TableSpec:
    """A table that a stage writes. `content_id` is added in front of the columns declared here.

    `row_key` names the columns that tell apart the rows of one content; empty where a content has one row at most.
    A `shared` table has one row per content, to which several stages add columns of their own.
    """

    name: str
    about: str
    columns: tuple[pa.Field, ...]
    row_key: tuple[str, ...] = ()
    shared: bool = False


def fitting(stage: Stage, rows: Rows) -> Rows:
    """Return the rows that a stage gave for one photo, if its tables can hold them.

    Raises PhotoError, naming the column, for a value that does not fit: a number that is too large, or of another kind;
    a key that is null. So it is one recorded failure, and not the end of the commit that it would be a part of.
    """
    for spec in stage.tables:
        found = list(rows.get(spec.name, ()))
        try:
            pa.RecordBatch.from_pylist(found, schema=pa.schema(spec.columns))
        except _MISFITS as error:
            raise PhotoError(f"{spec.name}.{_misfit(spec, found)}: {error}") from error
        for name in spec.row_key:
            if any(row.get(name) is None for row in found):
                raise PhotoError(f"{spec.name}.{name} is a key, and can't be null")
    return rows


_MISFITS = (pa.ArrowException, OverflowError, TypeError, ValueError)


def _misfit(spec: TableSpec, rows: Sequence[Mapping[str, Any]]) -> str:
    """Name the column whose values can't be held."""
    for field in spec.columns:
        try:
            pa.array([row.get(field.name) for row in rows], field.type)
        except _MISFITS:
            return f"{field.name} can't hold its value"
    return "rows can't be held"


def quality(*columns: pa.Field) -> TableSpec:
    """Declare columns of the table `quality`, which the scorers share: each adds its own to a photo's one row."""
    return TableSpec("quality", "How good photos are, technically: the scores of all scorers.", columns, shared=True)


class Stage(ABC):
    """What every stage declares. Subclass `PhotoStage`, `BatchStage` or `DerivedStage`.

    `needs` tells what the results depend on: the file's bytes, the decoded picture at its working size, or both. Those
    that depend on the picture alone are taken over from another content with the very same pixels. A stage that asks
    for a larger picture than `WORKING_LONG_SIDE` depends on both.
    """

    name: str
    version: int = 1
    tables: tuple[TableSpec, ...]
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.PHOTO})
    needs: Literal["bytes", "pixels", "both"] = "pixels"
    weights_id: str = ""
    preprocessing: str = ""

    @property
    def fingerprint(self) -> str:
        """What the results depend on besides the photo. Another fingerprint means that the stage runs again."""
        parts = (self.name, str(self.version), self.weights_id, self.preprocessing)
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        return f"{self.name}@{self.version}:{digest}"

    def check(self) -> None:  # noqa: B027 - most stages need no file
        """Raise AssetError if a file that the stage needs is not here. Every scan asks it first: it must be quick."""

    def load(self) -> None:  # noqa: B027 - most stages have nothing to load
        """Make ready to run, once in each process that runs the stage: open models, build tables."""


class PhotoStage(Stage):
    """A stage that looks at one photo at a time, in the worker process that holds its bytes and pixels."""

    @abstractmethod
    def run(self, photo: Photo) -> Rows:
        """Measure one photo. Raise PhotoError, or anything else, if it can't be measured: that is recorded."""


class BatchStage(Stage):
    """A stage with a model that is quicker on many photos at once. `run_batch` runs beside the model, in one process.

    The results must not depend on which photos share a batch: `run_batch` always gets `batch_size` arrays at most, and
    a stage whose arithmetic depends on the batch's shape pads it.
    """

    batch_size: int = 16

    @abstractmethod
    def prepare(self, photo: Photo) -> np.ndarray[Any, Any]:
        """Turn a photo into the model's input, small enough to be sent between processes. Runs without `load`."""

    @abstractmethod
    def run_batch(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Sequence[Rows]:
        """Return one result for each array."""


class DerivedStage(Stage):
    """A stage over the rows that another stage wrote: it runs in the scan's own process, and no file is read for it.

    A scan adds `source` if it would not run otherwise. Where that failed, there is nothing to derive.
    """

    source: Stage
    source_table: str
    source_columns: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """What the results depend on besides the photo: all that the source's do, too."""
        both = f"{super().fingerprint}\0{self.source.fingerprint}"
        return f"{self.name}@{self.version}:{hashlib.sha256(both.encode()).hexdigest()[:12]}"

    @abstractmethod
    def run_rows(self, rows: pa.RecordBatch) -> Sequence[Rows]:
        """Find one result for each of these rows: `content_id` and the columns of `source_table`, one row a content."""
