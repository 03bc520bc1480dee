"""The weights of EfficientNet-Lite0 as NumPy arrays, read without torch from the file that its package carries.

The file is of torch's old format: five pickles, then each storage's count and numbers. It is read by `pickle` with a
list of what it may name, and only after its SHA-256 was found to be the known one (`assets.locate`).
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from photoidx.errors import AssetError

STEM, HEAD, CLASSES = 32, 1280, 1000
BLOCKS = (
    (1, 16, 1, 1, 3),
    (2, 24, 6, 2, 3),
    (2, 40, 6, 2, 5),
    (3, 80, 6, 2, 3),
    (3, 112, 6, 1, 5),
    (4, 192, 6, 2, 5),
    (1, 320, 6, 1, 3),
)
"""Blocks, channels, how much wider the inside is, stride of the first block, kernel."""
EPSILON = 1e-3  # of TensorFlow's batch normalisation
_PICKLES_BEFORE = 3
_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
Array = np.ndarray[Any, Any]


class Layer(NamedTuple):
    """A convolution: its name, and what its weights are."""

    name: str
    channels: int
    out: int
    kernel: int
    stride: int
    groups: int

    @property
    def padding(self) -> tuple[int, int]:
        """The zeros before and after each row and column, as TensorFlow pads inputs of even size."""
        before = (self.kernel - self.stride) // 2
        return before, self.kernel - self.stride - before


def layers() -> Iterator[tuple[Layer, ...]]:
    """Return the convolutions of the network in their order: the stem, each block's, the head."""
    yield (Layer("stem", 3, STEM, 3, 2, 1),)
    channels, number = STEM, 0
    for blocks, out, wider, stride, kernel in BLOCKS:
        for block in range(blocks):
            inside, name = channels * wider, f"block{number}"
            widen = (Layer(f"{name}.widen", channels, inside, 1, 1, 1),) if wider > 1 else ()
            filters = Layer(f"{name}.filter", inside, inside, kernel, stride if block == 0 else 1, inside)
            yield (*widen, filters, Layer(f"{name}.narrow", inside, out, 1, 1, 1))
            channels, number = out, number + 1
    yield (Layer("head", channels, HEAD, 1, 1, 1),)


def folded(path: Path) -> dict[str, Array]:
    """Return each convolution's weight and bias, its batch normalisation folded in, and the classifier's.

    The names are those of `layers` with `.weight` and `.bias`. Raises AssetError if the file is of another network.
    """
    try:
        tensors = iter(read_tensors(path).values())
        found: dict[str, Array] = {}
        for block in layers():
            for layer in block:
                weight, gain, bias, mean, variance, _count = (next(tensors) for _ in range(6))
                weight = weight.reshape(layer.out, layer.channels // layer.groups, layer.kernel, layer.kernel)
                scale = gain.astype(np.float64) / np.sqrt(variance.astype(np.float64) + EPSILON)
                found[f"{layer.name}.weight"] = (weight * scale[:, None, None, None]).astype(np.float32)
                found[f"{layer.name}.bias"] = (bias - mean * scale).astype(np.float32)
        found["classifier.weight"], found["classifier.bias"] = next(tensors), next(tensors)
    except (ValueError, StopIteration, pickle.UnpicklingError, EOFError, KeyError) as error:
        raise AssetError(f"{path} does not hold the weights of EfficientNet-Lite0: {error}") from error
    return found


def read_tensors(path: Path) -> dict[str, Array]:
    """Return the tensors of a file of torch's old format, in their order. Raises UnpicklingError at anything else."""
    with path.open("rb") as file:
        for _ in range(_PICKLES_BEFORE):
            _Reader(file).load()
        described: dict[str, _Tensor] = _Reader(file).load()
        storages: dict[str, Array] = {}
        kinds = {tensor.storage.key: tensor.storage.dtype for tensor in described.values()}
        for key in _Reader(file).load():
            count = int.from_bytes(file.read(8), "little")
            storages[key] = np.frombuffer(file.read(count * kinds[key].itemsize), kinds[key], count)
    return {name: tensor.of(storages[tensor.storage.key]) for name, tensor in described.items()}


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: Array) -> Array:
        """Return the tensor from the numbers of its storage."""
        steps = tuple(stride * numbers.itemsize for stride in self.strides)
        found = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, steps, writeable=False)
        return found.copy()


class _Reader(pickle.Unpickler):
    """Reads what such a file needs and nothing else."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Tensor(storage, offset, shape, strides)
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        _kind, dtype, key, _place, _count, _view = pid
        return _Storage(key, dtype)
