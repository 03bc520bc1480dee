"""An album for scans that are killed: photos with capture times, bursts, copies and broken files, which change."""

from __future__ import annotations

import io
import itertools
import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from soak_album import Album

_MAKE, _MODEL, _EXIF, _TAKEN, _SUBSECONDS = 0x010F, 0x0110, 0x8769, 0x9003, 0x9291
_NOON = datetime(2024, 6, 1, 12)  # noqa: DTZ001 - a camera writes local time
_LONG_AGO = 1_600_000_000


class KilledAlbum(Album):
    """About 60 photos. Every file looks as if it were written long ago, each at its own second: nothing is waited for.

    No name is used twice, so a row whose file is there was never told to go.
    """

    def __init__(self, root: Path, seed: int, photos: int = 60) -> None:
        self._seconds = itertools.count(_LONG_AGO)
        super().__init__(root, seed)
        while len(self.holds) < photos:
            self.random.choice([self._create, self._create, self._burst, self._copy])()
        self._write_what_is_no_photo()

    def change(self) -> None:
        """Do something at random; the photos stay about as many."""
        more = [self._create, self._burst, self._copy, self._import_a_card, self._write_what_is_no_photo]
        same = [self._edit, self._edit, self._edit, self._save_atomically, self._move, self._rename_a_folder]
        fewer = [self._delete] * (5 if len(self.holds) < 60 else 12)  # noqa: PLR2004 - photos
        way = self.random.choice(more + same + fewer)
        way()
        self.did[way.__name__.strip("_").replace("_", " ")] += 1

    def _burst(self) -> None:
        """Write three frames within a second, a little apart."""
        start, pixels = self._moment(), self._pixels()
        for number in range(3):
            frame = np.roll(pixels, 4 * number, axis=1)
            self._write(self._new_name(), _jpeg(frame, start + timedelta(milliseconds=300 * number)))

    def _picture(self) -> bytes:
        return _jpeg(self._pixels(), self._moment())

    def _moment(self) -> datetime:
        return _NOON + timedelta(seconds=self.random.randrange(6 * 3600))

    def _pixels(self) -> np.ndarray:
        coarse = np.random.default_rng(self.random.getrandbits(32)).integers(0, 256, (12, 16, 3), np.uint8)
        return np.asarray(Image.fromarray(coarse).resize((480, 360), Image.Resampling.BICUBIC))

    def _note(self, path: Path) -> None:
        super()._note(path)
        then = next(self._seconds)
        os.utime(path, (then, then))


def _jpeg(pixels: np.ndarray, taken: datetime) -> bytes:
    exif = Image.Exif()
    exif[_MAKE], exif[_MODEL] = "SONY", "ILCE-7M4"
    whole, part = taken.strftime("%Y:%m:%d %H:%M:%S"), f"{taken.microsecond // 1000:03d}"
    exif.get_ifd(_EXIF).update({_TAKEN: whole, _SUBSECONDS: part})
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "JPEG", quality=88, exif=exif)
    return held.getvalue()
