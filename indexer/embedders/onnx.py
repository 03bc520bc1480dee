"""Open a graph in ONNX Runtime, on the device that the configuration asks for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photoidx.errors import PhotoidxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

_PROVIDERS: dict[str, tuple[str, dict[str, str]]] = {
    "cpu": ("CPUExecutionProvider", {}),
    "cuda": ("CUDAExecutionProvider", {"use_tf32": "0"}),
    "mps": ("CoreMLExecutionProvider", {}),
}
"""The part of ONNX Runtime for each device, with its options."""


def device_of(device: str, there: list[str]) -> str:
    """Return the device to run on: the one asked for, or for `auto` CUDA where it is there, else the processor.

    `there` are the parts that this ONNX Runtime has. Raises PhotoidxError if the device is unknown or not among them.
    """
    if device == "auto":
        return "cuda" if _PROVIDERS["cuda"][0] in there else "cpu"
    if device not in _PROVIDERS:
        raise PhotoidxError(f"Unknown device {device!r}; known are auto, {', '.join(_PROVIDERS)}.")
    if _PROVIDERS[device][0] not in there:
        raise PhotoidxError(f"There is no {device} device here that ONNX Runtime can use; use device auto or cpu.")
    return device


def open_session(graph: Path, weights: Mapping[str, np.ndarray[Any, Any]], device: str) -> Any:
    """Return the graph of a file as a session of ONNX Runtime; `weights` are those that the file only names.

    Raises PhotoidxError as `device_of` does.
    """
    # Since 1.29 it tells its maker of each start and session, unless this is set before it is imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 - a rescan without changes must not pay for it

    onnxruntime.disable_telemetry_events()  # the older kind, of builds for Windows
    onnxruntime.set_default_logger_severity(3)  # errors
    options = onnxruntime.SessionOptions()
    # The processors are for the processes that decode: a model is a small part of the work, and waiting threads spin.
    options.intra_op_num_threads = max(1, (os.cpu_count() or 1) // 4)
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if weights:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in weights.values()]
        options.add_external_initializers(list(weights), values)
    chosen = device_of(device, onnxruntime.get_available_providers())
    providers = [_PROVIDERS[chosen]] if chosen == "cpu" else [_PROVIDERS[chosen], _PROVIDERS["cpu"]]
    return onnxruntime.InferenceSession(str(graph), options, providers=providers)
