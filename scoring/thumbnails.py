"""Thumbnails: a small JPEG of each photo, upright, for galleries and reports."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow as pa
from PIL import Image

from photoidx.stage import PhotoStage, TableSpec, column

if TYPE_CHECKING:
    from photoidx.stage import Photo, Rows

LONG_SIDE = 320
QUALITY = 80
_GAP = 1.5  # pixels are first averaged down to this many times the size: 2.4 ms instead of 6.0, 42 dB or more apart


class Thumbnails(PhotoStage):
    """Writes one thumbnail for each photo. A picture that is smaller keeps its size."""

    name = "thumbnails"
    preprocessing = f"long side {LONG_SIDE}, gap {_GAP}, JPEG quality {QUALITY}"
    tables = (
        TableSpec(
            name="thumbnails",
            about="A small picture of each photo.",
            columns=(
                column("jpeg", pa.binary(), "The thumbnail as a JPEG file, upright, in sRGB, without metadata."),
                column("width", pa.int32(), "The thumbnail's width in pixels."),
                column("height", pa.int32(), "The thumbnail's height in pixels."),
            ),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Make the thumbnail."""
        image = photo.image()
        longest = max(image.size)
        if longest > LONG_SIDE:
            width, height = (max(1, round(side * LONG_SIDE / longest)) for side in image.size)
            image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=_GAP)
        out = BytesIO()
        image.save(out, "JPEG", quality=QUALITY, optimize=True)
        return {"thumbnails": [{"jpeg": out.getvalue(), "width": image.width, "height": image.height}]}
