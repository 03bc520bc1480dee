"""Which faces matter: those of the people that the picture is about."""

from __future__ import annotations

from collections.abc import Iterable

from photoidx.scoring.faces.detection import Box, boxes
from photoidx.stage import Photo

LEAST_WIDTH = 0.02
"""Share of the frame's width."""
LEAST_OF_LARGEST = 0.3


def important(found: Iterable[Box]) -> list[bool]:
    """Return of each face whether it matters: 2 % of the frame's width, and 30 % of the largest face's, or more."""
    widths = [box.width for box in found]
    least = max(LEAST_WIDTH, LEAST_OF_LARGEST * max(widths, default=0.0))
    return [width >= least for width in widths]


def important_boxes(photo: Photo) -> list[tuple[float, float, float, float]]:
    """Return the places (x, y, width, height, as shares of the frame) of the faces that matter. Often none."""
    found = photo.once(boxes)
    mattering = (box for box, matters in zip(found, important(found), strict=True) if matters)
    return [(box.x, box.y, box.width, box.height) for box in mattering]
