"""Make a sample album from photographs in scikit-image: cameras, times, a burst, a copy, an edit, and a broken file."""

import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import skimage.data
from PIL import Image, ImageEnhance, ImageFilter

_SHOTS = (
    ("IMG_0001.JPG", "chelsea", "Canon", "Canon EOS R6", 400),
    ("IMG_0002.JPG", "coffee", "Canon", "Canon EOS R6", 800),
    ("DSC00017.JPG", "rocket", "SONY", "ILCE-7M4", 100),
    ("DSC00018.JPG", "astronaut", "SONY", "ILCE-7M4", 200),
    ("PXL_20240601_210000000.jpg", "hubble_deep_field", None, None, None),
    ("IMG_0003.JPG", "retina", "Canon", "Canon EOS R6", 1600),
)
_TIFF_MAKE, _TIFF_MODEL, _EXIF, _ISO, _TAKEN, _SUBSECONDS = 0x010F, 0x0110, 0x8769, 0x8827, 0x9003, 0x9291


def main(folder: Path) -> None:
    """Write the album, if it is not there."""
    folder.mkdir(exist_ok=True)
    noon = datetime(2024, 6, 1, 12)  # noqa: DTZ001 - a camera writes local time
    for number, (name, picture, make, model, iso) in enumerate(_SHOTS):
        exif = Image.Exif()
        if make is not None:
            exif[_TIFF_MAKE], exif[_TIFF_MODEL] = make, model
            exif.get_ifd(_EXIF).update(
                {_ISO: iso, _TAKEN: (noon + timedelta(hours=number)).strftime("%Y:%m:%d %H:%M:%S")}
            )
        Image.fromarray(getattr(skimage.data, picture)()).save(folder / name, quality=92, exif=exif)
    _burst(folder, noon + timedelta(hours=8))
    first = folder / "IMG_0001.JPG"
    (folder / "Backup").mkdir(exist_ok=True)
    (folder / "Backup" / "IMG_0001.JPG").write_bytes(first.read_bytes())
    with Image.open(first) as image:
        image.convert("L").save(folder / "IMG_0001-edited.jpg", quality=85, exif=image.getexif())
    (folder / "broken.jpg").write_bytes(first.read_bytes()[:5000])
    yesterday = time.time() - 86400
    for path in folder.rglob("*"):
        os.utime(path, (yesterday, yesterday))


def _burst(folder: Path, start: datetime) -> None:
    """Write three frames within a second, as of a hand that moves: out of focus, sharp, and overexposed."""
    whole = Image.fromarray(skimage.data.astronaut())
    frames = [whole.crop((4 * number, 3 * number, 500 + 4 * number, 500 + 3 * number)) for number in range(3)]
    frames[0] = frames[0].filter(ImageFilter.GaussianBlur(2))
    frames[2] = ImageEnhance.Brightness(frames[2]).enhance(1.7)
    for number, frame in enumerate(frames):
        at = start + timedelta(milliseconds=300 * number + 120)
        exif = Image.Exif()
        exif[_TIFF_MAKE], exif[_TIFF_MODEL] = "SONY", "ILCE-7M4"
        taken = {_TAKEN: at.strftime("%Y:%m:%d %H:%M:%S"), _SUBSECONDS: f"{at.microsecond // 1000:03d}"}
        exif.get_ifd(_EXIF).update({_ISO: 200, **taken})
        frame.save(folder / f"DSC000{21 + number}.JPG", quality=92, exif=exif)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
