"""What a ranker's head is shown of all pictures of a data set, worked out once: their maps and the numbers beside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from photoidx.scoring.series.inputs import Inputs
from photoidx.scoring.shown import Shown

VIEWS = 2  # as it is, and mirrored
_DONE = "features.json"
_AT_ONCE = 4


class Features:
    """Maps (count x views x channels x height x width, float16) in files, so that memory and a stop do not matter.

    Beside them the numbers that `inputs` gives (count x views x width, float32). `name` says what they are of: files of
    something else are written anew.
    """

    def __init__(
        self, folder: Path, count: int, backbone: Any, inputs: Inputs, *, name: str, device: str = "cpu"
    ) -> None:
        self._folder, self._backbone, self._inputs, self._name = folder, backbone.to(device), inputs, name
        self.count, self._device = count, device
        folder.mkdir(parents=True, exist_ok=True)
        with torch.inference_mode():
            nothing = torch.zeros((1, inputs.long_side, inputs.long_side, 3), dtype=torch.uint8, device=device)
            shapes = [each.shape[1:] for each in backbone(nothing)]
        self._done = self._read_done()
        self._maps = [self._file(f"level{level}", np.float16, tuple(shape)) for level, shape in enumerate(shapes)]
        # A file of no bytes can't be mapped.
        self._beside = self._file("beside", np.float32, (inputs.width,)) if inputs.width else None

    def fill(self, load: Callable[[int], Image.Image], progress: Callable[[int, int], None]) -> None:
        """Work out what is not there yet."""
        for start in range(self._done, self.count, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, self.count))
            pictures = [load(number) for number in numbers]
            both = [view for picture in pictures for view in (picture, ImageOps.mirror(picture))]
            rows = [self._inputs.prepare(Shown(view)) for view in both]
            with torch.inference_mode():
                maps = self._backbone(torch.from_numpy(self._inputs.pictures(rows)).to(self._device))
            for kept, found in zip(self._maps, maps, strict=True):
                kept[numbers.start : numbers.stop] = found.cpu().numpy().reshape(len(numbers), VIEWS, *found.shape[1:])
            if self._beside is not None:
                self._beside[numbers.start : numbers.stop] = self._inputs.beside(rows).reshape(len(numbers), VIEWS, -1)
            progress(numbers.stop, self.count)
            if numbers.stop == self.count or start % (64 * _AT_ONCE) == 0:
                self._note(numbers.stop)

    def take(self, numbers: Sequence[int], views: Sequence[int]) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Give the head's inputs for some pictures, each in one of its views: maps and the numbers beside, float32."""
        chosen = (kept[list(numbers), list(views)].astype(np.float32) for kept in self._maps)
        maps = [torch.from_numpy(each).to(self._device) for each in chosen]
        return maps, self.beside(numbers, views)

    def beside(self, numbers: Sequence[int], views: Sequence[int]) -> torch.Tensor:
        """Give the numbers that stand beside some pictures (n x width), each in one of its views."""
        if self._beside is None:
            return torch.zeros((len(numbers), 0), device=self._device)
        return torch.from_numpy(self._beside[list(numbers), list(views)]).to(self._device)

    def _file(self, name: str, kind: type, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
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
        for kept in (*self._maps, *([self._beside] if self._beside is not None else [])):
            kept.flush()
        partly = self._folder / f"{_DONE}.part"
        partly.write_text(json.dumps({"name": self._name, "count": self.count, "done": done}))
        os.replace(partly, self._folder / _DONE)
