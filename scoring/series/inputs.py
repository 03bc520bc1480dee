"""What a ranker is shown of a photo: the whole picture, and where it asks for them measures and a vector beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from photoidx.errors import AssetError
from photoidx.scoring.learned.vectors import OpenEmbedder, named_embedder, vectors_of
from photoidx.scoring.raster import PREPROCESSING
from photoidx.scoring.shown import Shown
from photoidx.scoring.technical import score as technical
from photoidx.stage import WORKING_LONG_SIDE

if TYPE_CHECKING:
    from photoidx.stage import Photo

LONG_SIDE = 384
MEASURES, VECTOR = "measures", "vector"
BESIDE = (MEASURES, VECTOR)
"""What can be had beside the picture: the inputs of the score `technical`, and an embedder's vector."""
_GREY = 128

Array = np.ndarray[Any, Any]


def fitted(image: Image.Image, long_side: int) -> Image.Image:
    """Scale a picture so that its long side is `long_side` pixels."""
    scale = long_side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def prepared(image: Image.Image, long_side: int = LONG_SIDE) -> Array:
    """Bring a picture (RGB) to the network's input: its long side to `long_side`, nothing cut off, grey around it.

    Gives long_side x long_side x 3, uint8.
    """
    scaled = np.asarray(fitted(image, long_side))
    found = np.full((long_side, long_side, 3), _GREY, np.uint8)
    left, top = ((long_side - side) // 2 for side in (scaled.shape[1], scaled.shape[0]))
    found[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return found


def described(beside: Sequence[str], long_side: int, seen_at: int, embedder: str) -> dict[str, Any]:
    """Return the settings from which `Inputs` is built again.

    What stands beside the picture is taken from the photo with a long side of `seen_at` pixels: there a ranker that
    learnt from made damage knows how it looks.
    """
    settings: dict[str, Any] = {"long_side": long_side}
    if beside:
        settings |= {"beside": [each for each in BESIDE if each in beside], "seen_at": seen_at}
    if MEASURES in beside:
        settings["measures"] = list(technical.FEATURES)
    if VECTOR in beside:
        settings["embedder"] = embedder
    return settings


class Inputs:
    """Turns photos into the ranker's inputs, in the two steps of a `BatchStage`. `place` is named in errors.

    Raises AssetError if the settings lack something, or tell of measures that this photoidx does not take.
    """

    def __init__(self, settings: Mapping[str, Any], open_embedder: OpenEmbedder, place: str) -> None:
        try:
            self.long_side = int(settings["long_side"])
            beside = settings.get("beside", [])
            self._seen_at = int(settings["seen_at"]) if beside else WORKING_LONG_SIDE
            self._measured = MEASURES in beside
            known = not self._measured or settings["measures"] == list(technical.FEATURES)
        except KeyError as error:
            raise AssetError(f"The card of {place} lacks the setting {error}. Train the scorer again.") from error
        except (TypeError, ValueError) as error:
            raise AssetError(f"The card of {place} has a setting that is none: {error}. Train it again.") from error
        if not known:
            raise AssetError(f"{place} was trained on other measures than this photoidx takes. Train it again.")
        self.embedder = named_embedder(settings, open_embedder, place) if VECTOR in beside else None

    @property
    def width(self) -> int:
        """How many numbers stand beside the picture."""
        vector = self.embedder.vision.width if self.embedder is not None else 0
        return int(vector) + self._measured * len(technical.FEATURES)

    @property
    def fingerprint(self) -> str:
        """What the inputs depend on besides the settings and the photo."""
        embedder = self.embedder.fingerprint if self.embedder is not None else ""
        return f"{PREPROCESSING if self._measured else ''} {embedder}".strip()

    def prepare(self, photo: Photo) -> Array:
        """Return the picture, the measures and the embedder's input as one row of bytes. Raises PhotoError."""
        image = photo.image(WORKING_LONG_SIDE)
        parts = [prepared(image, self.long_side).ravel()]
        if self._measured or self.embedder is not None:
            if max(image.size) > self._seen_at < WORKING_LONG_SIDE:
                photo = Shown(fitted(image, self._seen_at))
            if self._measured:
                parts.append(technical.features(photo).astype(np.float32).view(np.uint8))
            if self.embedder is not None:
                parts.append(np.asarray(self.embedder.prepare(photo)).ravel())
        return np.concatenate(parts)

    def pictures(self, rows: Sequence[Array]) -> Array:
        """Return the pictures (n x long_side x long_side x 3, uint8) of prepared rows."""
        return np.stack([row[: self._picture_bytes] for row in rows]).reshape(-1, self.long_side, self.long_side, 3)

    def beside(self, rows: Sequence[Array]) -> Array:
        """Return what stands beside the pictures: n x width, float32. A measure without a value is NaN."""
        found, start = [np.zeros((len(rows), 0), np.float32)], self._picture_bytes
        if self._measured:
            stop = start + 4 * len(technical.FEATURES)
            found.append(np.stack([row[start:stop] for row in rows]).view(np.float32))
            start = stop
        if self.embedder is not None:
            size = self.embedder.vision.size
            found.append(vectors_of(self.embedder, [row[start:].reshape(size, size, 3) for row in rows]))
        return np.concatenate(found, axis=1)

    @property
    def _picture_bytes(self) -> int:
        return 3 * self.long_side**2
