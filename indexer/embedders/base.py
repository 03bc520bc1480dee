"""What the embedders share: cutting the square, the arithmetic, and running a padded batch. Imports no torch."""

from __future__ import annotations

import os
import platform
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from PIL import Image

from photoidx.errors import PhotoidxError
from photoidx.stage import WORKING_LONG_SIDE, BatchStage, Rows, TableSpec, column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photoidx.config import Config
    from photoidx.stage import Photo

PRECISIONS = ("auto", "float32", "bfloat16")
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Vision:
    """How a model sees: the width of its vector, and how a picture becomes its input."""

    width: int
    size: int = 224
    resize: int = 256
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    interpolation: str = "bicubic"
    squash: bool = False


@lru_cache(maxsize=1)
def cpu_has_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 itself. Without that it is slower than float32."""
    if platform.system() != "Linux":
        return False
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return False
    return not words.isdisjoint({"avx512_bf16", "amx_bf16"})


def precision_of(config: Config) -> str:
    """Return the arithmetic that the configuration asks for: float32 or bfloat16. Needs no torch."""
    if config.precision not in PRECISIONS:
        raise PhotoidxError(f"Unknown precision {config.precision!r}; known are {', '.join(PRECISIONS)}.")
    if config.precision != "auto":
        return config.precision
    fast = config.device == "cuda" or (config.device in ("auto", "cpu") and cpu_has_bfloat16())
    return "bfloat16" if fast else "float32"


def device_of(config: Config) -> str:
    """Return the device that models run on."""
    import torch  # noqa: PLC0415 - a rescan without changes must not pay for it

    if config.device not in DEVICES:
        raise PhotoidxError(f"Unknown device {config.device!r}; known are {', '.join(DEVICES)}.")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if config.device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[config.device]:
        raise PhotoidxError(f"There is no {config.device} device here; use device auto or cpu.")
    return config.device


def seen_box(size: tuple[int, int], vision: Vision) -> tuple[float, float, float, float]:
    """Return the part of a picture of that size that the model sees: left, top, right, bottom, in pixels."""
    width, height = size
    part = vision.size / vision.resize
    shown = (width * part, height * part) if vision.squash else (min(width, height) * part,) * 2
    return (width - shown[0]) / 2, (height - shown[1]) / 2, (width + shown[0]) / 2, (height + shown[1]) / 2


def square(image: Image.Image, vision: Vision) -> np.ndarray[Any, Any]:
    """Cut the middle and scale it to the model's input: size x size x 3, uint8.

    The middle is a square; where the model was trained on squashed pictures it has the picture's own shape.
    """
    box = seen_box(image.size, vision)
    method = Image.Resampling[vision.interpolation.upper()]
    return np.asarray(image.resize((vision.size, vision.size), method, box=box, reducing_gap=3.0))


def unit(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Scale each row to length 1."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: np.ndarray[Any, Any] = vectors / np.maximum(lengths, 1e-12)
    return scaled


def vector_table(slug: str, width: int, model: str) -> TableSpec:
    """Declare the table of an embedder's vectors."""
    about = f"What the picture shows, as {model} sees it; of length 1."
    return TableSpec(
        f"vectors_{slug}", f"Vectors of {model}.", (column("vector", pa.list_(pa.float16(), width), about),)
    )


@contextmanager
def few_threads() -> Iterator[None]:
    """Leave the processors to the processes that decode: a model is a small part of the work, and waiting threads spin.

    Measured on 2 busy cores for EfficientNet-Lite0: 7 ms of CPU for each photo with one thread, 14 to 51 with two.
    """
    import torch  # noqa: PLC0415

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 4))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class VectorStage(BatchStage):
    """A model that turns pictures into vectors. Subclasses open the model and give its features."""

    def __init__(self, name: str, slug: str, vision: Vision, config: Config, *, precision: str = "") -> None:
        self.name = name
        self.vision = vision
        self.config = config
        self.precision = precision or precision_of(config)
        self.vector_table = f"vectors_{slug}"
        self.tables = (vector_table(slug, vision.width, name),)
        cut = f"{'squash' if vision.squash else 'crop'} {vision.size}/{vision.resize}"
        self.preprocessing = f"torch {self.precision} {vision.size}px {cut} {vision.interpolation}"
        self.device = ""
        self.model: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Travel to other processes without the model."""
        return {**self.__dict__, "model": None}

    def prepare(self, photo: Photo) -> np.ndarray[Any, Any]:
        """Cut the square from the middle of the picture."""
        return square(photo.image(max(WORKING_LONG_SIDE, 2 * self.vision.resize)), self.vision)

    @abstractmethod
    def check(self) -> None:
        """Raise AssetError at once if the weights are not here. Needs no torch and no network."""

    def load(self) -> None:
        """Make ready to run."""
        self.load_torch()

    def load_torch(self) -> None:
        """Open the model in torch, on its device and in its precision."""
        import torch  # noqa: PLC0415

        self.device = device_of(self.config)
        model = self.open_model().eval().requires_grad_(requires_grad=False)
        self.model = model.to(self.device, getattr(torch, self.precision), memory_format=torch.channels_last)

    @abstractmethod
    def open_model(self) -> Any:
        """Return the model with its weights, in float32 on the processor."""

    @abstractmethod
    def features(self, batch: Any) -> Any:
        """Return the vectors of a batch of normalised pictures, as a tensor."""

    def pooled(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Any:
        """Return the features of the arrays in float32. The batch is padded, so that its shape is always the same."""
        import torch  # noqa: PLC0415

        if self.model is None:
            self.load_torch()
        size = self.vision.size
        padded = np.zeros((max(self.batch_size, len(arrays)), size, size, 3), np.uint8)
        padded[: len(arrays)] = np.stack(arrays)
        with torch.inference_mode(), few_threads():
            return self.features(self.normalised(padded))[: len(arrays)].float()

    def normalised(self, pictures: np.ndarray[Any, Any]) -> Any:
        """Return squares (n x size x size x 3, uint8) as the loaded model's input, where it is and in its precision."""
        import torch  # noqa: PLC0415

        mean = torch.tensor(self.vision.mean, device=self.device) * 255
        std = torch.tensor(self.vision.std, device=self.device) * 255
        batch = torch.from_numpy(pictures).to(self.device).float().sub_(mean).div_(std)
        # Moving the channels of a tensor that has them last gives torch's channels_last layout.
        return batch.permute(0, 3, 1, 2).to(getattr(torch, self.precision))

    def run_batch(self, arrays: Sequence[np.ndarray[Any, Any]]) -> Sequence[Rows]:
        """Return each picture's vector."""
        if not arrays:
            return []
        vectors = unit(self.pooled(arrays).cpu().numpy()).astype(np.float16)
        return [{self.vector_table: [{"vector": vector}]} for vector in vectors]
