"""A photo with its faces drawn in: boxes, eyes, and what was read from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from photoidx.config import Config
from photoidx.errors import PhotoError, QueryError
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.queries.resolve import resolve_photo
from photoidx.queries.show import rows_of
from photoidx.records import text_path
from photoidx.storage.store import Store

_LONG_SIDE = 1600
_RELIABLE, _UNSURE, _MINOR = "#39d353", "#ffb000", "#9a9a9a"
_FONT_SHARE = 60


def draw_faces(store: Store, photo: str) -> Image.Image:
    """Draw a photo's faces as the library knows them: green if reliable, amber if not, grey if they do not matter.

    Raises QueryError if the photo is not in the library, has changed since the last scan, or can't be decoded.
    """
    file = resolve_photo(store, photo)
    if "faces" not in store.names():
        raise QueryError("No faces were looked for yet. Scan without --without faces.")
    try:
        data = Path(text_path(file["path"])).read_bytes()
        decoded = DecodedPhoto(data, file["format"], Config().max_pixels)
        if decoded.content_id != file["content_id"]:
            raise QueryError(f"{photo} has changed since it was scanned. Scan its folder again.")
        picture = decoded.image(_LONG_SIDE).copy()
    except (OSError, PhotoError) as error:
        raise QueryError(f"{photo} can't be read: {error}") from None
    if max(picture.size) > _LONG_SIDE:
        picture.thumbnail((_LONG_SIDE, _LONG_SIDE))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(max(11, max(picture.size) // _FONT_SHARE))
    for face in sorted(rows_of(store, "faces", file["content_id"]), key=lambda row: -int(row["face"])):
        _draw(pen, face, picture.size, font)
    return picture


def save(picture: Image.Image, out: str) -> None:
    """Write the picture to a new file. Raises QueryError if the file is there already: it may be a photo."""
    if os.path.exists(out):
        raise QueryError(f"{out} exists. Name a new file: nothing is written over.")
    try:
        picture.save(out, quality=90)
    except (OSError, ValueError) as error:
        raise QueryError(f"Can't write {out}: {error}") from None


def _draw(pen: ImageDraw.ImageDraw, face: Mapping[str, Any], size: tuple[int, int], font: Any) -> None:
    width, height = size
    left, top = face["box_x"] * width, face["box_y"] * height
    right, bottom = left + face["box_width"] * width, top + face["box_height"] * height
    colour = _MINOR if not face["important"] else _RELIABLE if face["reliable"] else _UNSURE
    thick = max(1, width // 500)
    pen.rectangle((left, top, right, bottom), outline=colour, width=thick)
    lines = [f"{face['face'] + 1}"]
    if face["eye_left_open"] is not None:
        radius = max(2.0, (right - left) / 14)
        for side in ("left", "right"):
            x, y = face[f"eye_{side}_x"] * width, face[f"eye_{side}_y"] * height
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour, width=thick)
        lines.append(f"eyes {face.get('eyes') or 'unclear'} {face['eye_left_open']:.2f} {face['eye_right_open']:.2f}")
        if face["smile"] is not None:
            lines.append(f"smile {face['smile']:.2f}")
    text = "\n".join(lines)
    place = (left, bottom + 2)
    pen.multiline_text(place, text, fill=colour, font=font, stroke_width=2, stroke_fill="black", spacing=1)
