"""A picture in memory as stages see a photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from PIL import Image

from photoidx.stage import WORKING_LONG_SIDE, Photo

_Found = TypeVar("_Found")


class Shown:
    """A picture (RGB) without a file, at the one size that it has. No face is looked for in it: that takes long."""

    content_id = format = ""
    data = b""

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        self._measured: dict[Any, Any] = {}

    def image(self, min_long_side: int = WORKING_LONG_SIDE) -> Image.Image:  # noqa: ARG002 - there is one size
        """Return the picture."""
        return self._image

    def is_whole(self) -> bool:
        """Return that every pixel is here."""
        return True

    def once(self, measure: Callable[[Photo], _Found]) -> _Found:
        """Remember what a measure found."""
        from photoidx.scoring.faces.subject import important_boxes  # noqa: PLC0415 - brings the face model's library

        if measure is important_boxes:
            nobody: Any = []
            return nobody  # type: ignore[no-any-return]
        if measure not in self._measured:
            self._measured[measure] = measure(self)
        found: _Found = self._measured[measure]
        return found
