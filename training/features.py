"""The feature maps of all pictures of a data set, worked out once by a backbone that stays as it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from photoidx.scoring.series.scorer import prepared

VIEWS = 2  # as it is, and mirrored
_DONE = "features.json"
_AT_ONCE = 4

Array = np.ndarray[Any, Any]


class Features:
    """Maps (count x views x channels x height x width, float16) in files, so that memory and a stop do not matter.

    `name` says what they are of: files of something else are written anew.
    """

    def __init__(
        self, folder: Path, count: int, backbone: Any, long_side: int, *, name: str, device: str = "cpu"
    ) -> None:
        self._folder, self._backbone, self._side, self._name = folder, backbone.to(device), long_side, name
        self.count, self._device = count, device
        folder.mkdir(parents=True, exist_ok=True)
        with torch.inference_mode():
            nothing = torch.zeros((1, long_side, long_side, 3), dtype=torch.uint8, device=device)
            shapes = [each.shape[1:] for each in backbone(nothing)]
        self._done = self._read_done()
        mode = "r+" if self._done else "w+"
        self._maps = [
            np.lib.format.open_memmap(
                folder / f"level{level}.npy", mode=mode, dtype=np.float16, shape=(count, VIEWS, *shape)
            )
            for level, shape in enumerate(shapes)
        ]

    def fill(self, load: Callable[[int], Image.Image], progress: Callable[[int, int], None]) -> None:
        """Work out what is not there yet."""
        for start in range(self._done, self.count, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, self.count))
            pictures = np.stack([prepared(load(number), self._side) for number in numbers])
            both = np.stack([pictures, pictures[:, :, ::-1]], axis=1).reshape(-1, *pictures.shape[1:])
            with torch.inference_mode():
                maps = self._backbone(torch.from_numpy(both).to(self._device))
            for kept, found in zip(self._maps, maps, strict=True):
                kept[numbers.start : numbers.stop] = found.cpu().numpy().reshape(len(numbers), VIEWS, *found.shape[1:])
            progress(numbers.stop, self.count)
            if numbers.stop == self.count or start % (64 * _AT_ONCE) == 0:
                self._note(numbers.stop)

    def take(self, numbers: Sequence[int], views: Sequence[int]) -> list[torch.Tensor]:
        """Give the maps of some pictures (n x channels x height x width, float32), each in one of its views."""
        chosen = (kept[list(numbers), list(views)].astype(np.float32) for kept in self._maps)
        return [torch.from_numpy(each).to(self._device) for each in chosen]

    def _read_done(self) -> int:
        try:
            told = json.loads((self._folder / _DONE).read_text())
        except (OSError, ValueError):
            return 0
        return int(told["done"]) if told.get("name") == self._name and told.get("count") == self.count else 0

    def _note(self, done: int) -> None:
        for kept in self._maps:
            kept.flush()
        partly = self._folder / f"{_DONE}.part"
        partly.write_text(json.dumps({"name": self._name, "count": self.count, "done": done}))
        os.replace(partly, self._folder / _DONE)
