"""The one configuration object. It is frozen, passed in, and sent to the worker processes."""

from __future__ import annotations

import os
from dataclasses import dataclass

from platformdirs import user_data_path

DEFAULT_EMBEDDER = "efficientnet_lite0"


@dataclass(frozen=True)
class Config:
    """How photoidx works on a library. Every field has a default that suits a laptop."""

    embedders: tuple[str, ...] = (DEFAULT_EMBEDDER,)
    """Names of the embedders that run, as `photoidx models` lists them."""
    scorers: tuple[str, ...] = ()
    """Directories of trained scorers that run, too, as `photoidx train` makes them."""
    without: tuple[str, ...] = ()
    """Names of stages that do not run, as `photoidx status` lists them. A later scan makes up for them."""
    excludes: tuple[str, ...] = ()
    """Glob patterns of files and folders that are left out."""
    follow: bool | None = None
    """Whether links to files and folders are followed, also out of the folders that are scanned. None leaves it as the
    last scan that said so: at first they are followed."""
    workers: int = 0
    """Worker processes that read and decode; 0 takes one for each processor."""
    time_limit_s: float = 60.0
    """Longest time for one photo in a worker; a photo that takes longer is recorded as failed."""
    max_pixels: int = 500_000_000
    """A picture that announces more pixels is recorded as failed and not decoded."""
    max_file_bytes: int = 2 << 30
    """A photo or sidecar that is larger is recorded as failed and not read. A video may be of any size."""
    worker_memory_mib: int = 4096
    """Most memory of its own that a worker may take, where the system can hold it to that (Linux)."""
    query_time_limit_s: float = 600.0
    """Longest time for one SQL query; one that takes longer is stopped."""
    query_answer_bytes: int = 4 << 30
    """The largest answer of an SQL query."""
    settle_s: float = 2.0
    """A file changed less than this long ago may still be being written: it is left until it has been quiet so long."""
    device: str = "auto"
    """Where models run: auto, cpu, cuda, mps."""
    precision: str = "auto"
    """Arithmetic of models: auto, float32, bfloat16."""
    commit_rows: int = 256
    """Photos for each commit to the tables."""
    model_paths: tuple[tuple[str, str], ...] = ()
    """Files that the user gives for named model assets: (asset name, path)."""

    @property
    def worker_count(self) -> int:
        """The number of worker processes: as many as were asked for, else as this process may use processors."""
        if self.workers:
            return self.workers
        if hasattr(os, "sched_getaffinity"):  # macOS and Windows have none
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


def default_library() -> str:
    """Return the library that is used where none is named: PHOTOIDX_LIBRARY, else a folder in the user's data."""
    return os.environ.get("PHOTOIDX_LIBRARY") or str(user_data_path("photoidx") / "library")
