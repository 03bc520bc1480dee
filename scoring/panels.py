"""Panels: the parts of a picture that may be pictures of their own, as a collage's cells or the photo on a screenshot.

Gaps and bars are lines of pixels in the grey level of the picture's edge; a picture is cut along them, across and down
in turn (recursive XY cut, Nagy and Seth 1984). A photo above a blurred copy of itself is the box between the outermost
lines across which most of the picture jumps. Each panel is hashed, and so is the square in its middle, which is the
same in a cell of another shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import pyarrow as pa
from PIL import Image

from photoidx.scoring.hashes import perceptual_hash
from photoidx.scoring.raster import PREPROCESSING, pixels
from photoidx.stage import PhotoStage, TableSpec, column

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

Array = np.ndarray[Any, Any]
_SIDE = 320  # pixels of the long side at which panels are looked for
_ONE_LEVEL = 24  # grey levels by which JPEG changes a gap of two pixels
_ALONG = 0.97  # of a line
_LEAST_SIDE, _LEAST_AREA, _MOST_AREA = 28, 0.015, 0.97  # pixels; shares of the picture's area
_MOST_PANELS, _DEPTH = 30, 6
_JUMP, _JUMPING = 12, 0.5  # grey levels over two pixels; share of the middle half of a line
_BESIDE, _JUMPING_AROUND = 3, 0.02  # pixels; a share of those around a box


class Panel(NamedTuple):
    """A part of a picture, in pixels; `right` and `bottom` are not part of it."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, picture: Array) -> Array:
        """Return the part of a picture."""
        return np.ascontiguousarray(picture[self.top : self.bottom, self.left : self.right])


def panels(grey: Array) -> list[Panel]:
    """Return the parts of a picture (height x width, uint8) that may be pictures of their own, the largest first."""
    height, width = grey.shape
    whole = Panel(0, 0, width, height)
    background = _background(grey)
    found = [] if background is None else _cut(background, whole, _DEPTH, across=True)
    if len(found) <= 1:
        inner = _boxed(grey)
        found += [inner] if inner is not None and _is_smooth_around(grey, inner) else []
    sizes = {each: (each.right - each.left) * (each.bottom - each.top) / (width * height) for each in found}
    good = [each for each in found if _is_large(each) and _LEAST_AREA < sizes[each] < _MOST_AREA]
    return sorted(good, key=lambda each: -sizes[each])[:_MOST_PANELS]


def _is_large(panel: Panel) -> bool:
    return min(panel.right - panel.left, panel.bottom - panel.top) >= _LEAST_SIDE


def _background(grey: Array) -> Array | None:
    """Return where a picture has the grey level of its edge (height x width); None if no side has one level."""
    for side in (grey[0], grey[-1], grey[:, 0], grey[:, -1]):
        level = int(np.median(side))
        low, high = max(0, level - _ONE_LEVEL), min(255, level + _ONE_LEVEL)
        if ((side >= low) & (side <= high)).mean() > _ALONG:
            return np.asarray(cv2.inRange(grey, (low,), (high,))) > 0
    return None


def _cut(background: Array, panel: Panel, depth: int, *, across: bool) -> list[Panel]:
    """Cut a panel along its lines of background, across and down in turn; return it if there are none."""
    inside = panel.of(background)
    for direction in (across, not across):
        empty = inside.mean(axis=1 if direction else 0) > _ALONG
        parts = _runs(~empty)
        if len(parts) == 1 and parts[0] == (0, len(empty)):
            continue
        if not depth:
            return []
        found: list[Panel] = []
        for start, end in parts:
            part = (
                Panel(panel.left, panel.top + start, panel.right, panel.top + end)
                if direction
                else Panel(panel.left + start, panel.top, panel.left + end, panel.bottom)
            )
            if _is_large(part):
                found += _cut(background, part, depth - 1, across=not direction)
        return found
    return [panel]


def _runs(chosen: Array) -> list[tuple[int, int]]:
    """Return where runs of true values start and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _boxed(grey: Array) -> Panel | None:
    """Return the box whose four sides are the first lines from outside across which most of the picture jumps.

    What is put on a higher or wider ground fills it in the other direction: there the lines are looked for first.
    """
    height, width = grey.shape
    if height < width:
        turned = _boxed(np.ascontiguousarray(grey.T))
        return None if turned is None else Panel(turned.top, turned.left, turned.bottom, turned.right)
    rows = _outer_jumps(grey[:, width // 4 : width - width // 4])
    columns = None if rows is None else _outer_jumps(grey[rows[0] : rows[1]].T)
    return None if rows is None or columns is None else Panel(columns[0], rows[0], columns[1], rows[1])


def _is_smooth_around(grey: Array, box: Panel) -> bool:
    """Return whether next to nothing jumps outside a box, as on a blurred ground; in most photos something does."""
    outside = np.ones(grey.shape, np.bool_)
    outside[max(0, box.top - _BESIDE) : box.bottom + _BESIDE, max(0, box.left - _BESIDE) : box.right + _BESIDE] = False
    down = cv2.absdiff(grey[2:], grey[:-2])[:, 1:-1] > _JUMP
    across = cv2.absdiff(grey[:, 2:], grey[:, :-2])[1:-1] > _JUMP
    around = (down | across)[outside[1:-1, 1:-1]]
    return len(around) > 0 and float(around.mean()) < _JUMPING_AROUND


def _outer_jumps(lines: Array) -> tuple[int, int] | None:
    """Return between which lines (rows of `lines`) a box may lie: after the first jump, and before the last."""
    if len(lines) <= 2 or not lines.shape[1]:  # noqa: PLR2004 - a line on either side
        return None
    jumps = np.mean(cv2.absdiff(lines[2:], lines[:-2]) > _JUMP, axis=1)
    where = np.flatnonzero(jumps > _JUMPING)
    return (int(where[0]) + 2, min(len(lines), int(where[-1]) + 1)) if len(where) > 1 else None


def square(picture: Array) -> Array:
    """Return the square in the middle of a picture."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


_SHARE = pa.float32()


class Panels(PhotoStage):
    """Writes the panels of photos with their hashes, and the hash of each photo's middle square."""

    name = "panels"
    preprocessing = f"{PREPROCESSING}, looked for at {_SIDE}"
    tables = (
        TableSpec(
            name="panels",
            about="Parts of pictures that may be pictures of their own, as the cells of a collage; 0 is the whole.",
            columns=(
                column("panel", pa.int32(), "Number of the part, from 1, the largest first; 0 for the whole picture."),
                column("left", _SHARE, "Left edge, as a share of the picture's width."),
                column("top", _SHARE, "Top edge, as a share of the picture's height."),
                column("right", _SHARE, "Right edge, as a share of the picture's width."),
                column("bottom", _SHARE, "Bottom edge, as a share of the picture's height."),
                column("phash_64", pa.string(), "Perceptual hash of the part, of 64 bits; null for the whole picture."),
                column("square_64", pa.string(), "Perceptual hash of the square in its middle, of 64 bits."),
            ),
            row_key=("panel",),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Find the panels of one photo."""
        grey = np.asarray(cv2.cvtColor(pixels(photo), cv2.COLOR_RGB2GRAY))
        height, width = grey.shape
        scale = min(1.0, _SIDE / max(grey.shape))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
        rows = [{"panel": 0, "left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0, "square_64": _hashed(square(grey))}]
        for number, each in enumerate(panels(small), 1):
            left, right = each.left / size[0], each.right / size[0]
            top, bottom = each.top / size[1], each.bottom / size[1]
            part = grey[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
            box = {"left": left, "top": top, "right": right, "bottom": bottom}
            rows.append({"panel": number, **box, "phash_64": _hashed(part), "square_64": _hashed(square(part))})
        return {"panels": rows}


def _hashed(grey: Array) -> str:
    return perceptual_hash(Image.fromarray(np.ascontiguousarray(grey)), 8)
