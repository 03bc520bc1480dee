"""What a ranker is shown of all pictures of a data set, worked out once and kept in files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from photoidx.files import write_whole
from photoidx.scoring.series.inputs import Inputs
from photoidx.scoring.shown import Shown

VIEWS = 2  # as it is, and mirrored
_DONE = "features.json"
_AT_ONCE = 4

Array = np.ndarray[Any, Any]


class Features:
    """Maps (count x views x channels x height x width, float16) in files, so that memory and a stop do not matter.

    Of a backbone that `learns` the pictures themselves are kept (count x views x side x side x 3, uint8). Beside them
    stand the numbers that `inputs` gives (count x views x width, float32). `name` says what all of it is of: files of
    something else are written anew.
    """

    def __init__(
        self,
        folder: Path,
        count: int,
        backbone: Any,
        inputs: Inputs,
        *,
        name: str,
        learns: bool = False,
        device: str = "cpu",
    ) -> None:
        self._folder, self._backbone, self._inputs, self._name = folder, backbone.to(device), inputs, name
        self.count, self._learns, self._device = count, learns, device
        folder.mkdir(parents=True, exist_ok=True)
        nothing = np.zeros((1, inputs.long_side, inputs.long_side, 3), np.uint8)
        self._done = self._read_done()
        self._shown = [
            self._file(f"shown{level}", each.dtype, each.shape[1:]) for level, each in enumerate(self._kept(nothing))
        ]
        # A file of no bytes can't be mapped.
        self._beside = self._file("beside", np.dtype(np.float32), (inputs.width,)) if inputs.width else None

    def fill(self, load: Callable[[int], Image.Image], progress: Callable[[int, int], None]) -> None:
        """Work out what is not there yet."""
        for start in range(self._done, self.count, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, self.count))
            pictures = [load(number) for number in numbers]
            both = [view for picture in pictures for view in (picture, ImageOps.mirror(picture))]
            rows = [self._inputs.prepare(Shown(view)) for view in both]
            for file, kept in zip(self._shown, self._kept(self._inputs.pictures(rows)), strict=True):
                file[numbers.start : numbers.stop] = kept.reshape(len(numbers), VIEWS, *kept.shape[1:])
            if self._beside is not None:
                self._beside[numbers.start : numbers.stop] = self._inputs.beside(rows).reshape(len(numbers), VIEWS, -1)
            progress(numbers.stop, self.count)
            if numbers.stop == self.count or start % (64 * _AT_ONCE) == 0:
                self._note(numbers.stop)

    def take(self, numbers: Sequence[int], views: Sequence[int]) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Find the head's inputs for some pictures, each in one of its views: maps and the numbers beside, float32."""
        chosen = [torch.from_numpy(file[list(numbers), list(views)]).to(self._device) for file in self._shown]
        maps = self._backbone(chosen[0]) if self._learns else [each.float() for each in chosen]
        return maps, self.beside(numbers, views)

    def beside(self, numbers: Sequence[int], views: Sequence[int]) -> torch.Tensor:
        """Return the numbers that stand beside some pictures (n x width), each in one of its views."""
        if self._beside is None:
            return torch.zeros((len(numbers), 0), device=self._device)
        return torch.from_numpy(self._beside[list(numbers), list(views)]).to(self._device)

    def _kept(self, pictures: Array) -> list[Array]:
        """Return what is kept of pictures: themselves, or their maps."""
        if self._learns:
            return [pictures]
        with torch.inference_mode():
            maps = self._backbone(torch.from_numpy(pictures).to(self._device))
            return [each.half().cpu().numpy() for each in maps]

    def _file(self, name: str, kind: Any, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
        mode: Any = "r+" if self._done else "w+"
        return np.lib.format.open_memmap(
            self._folder / f"{name}.npy", mode=mode, dtype=kind, shape=(self.count, VIEWS, *shape)
        )

    def _read_done(self) -> int:
        try:
            told = json.loads((self._folder / _DONE).read_text())
        except (OSError, ValueError):
            return 0
        return int(told["done"]) if told.get("name") == self._name and told.get("count") == self.count else 0

    def _note(self, done: int) -> None:
        for file in (*self._shown, *([self._beside] if self._beside is not None else [])):
            file.flush()
        write_whole(self._folder / _DONE, json.dumps({"name": self._name, "count": self.count, "done": done}))
