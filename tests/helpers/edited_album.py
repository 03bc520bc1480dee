"""What albums of edited copies have in common."""

from __future__ import annotations

from PIL import Image

from photoidx import Config

UNNEEDED = Config(workers=2, without=("faces", "sharpness", "technical", "noise", "exposure", "horizon"))
FOLDERS = ("DCIM", "backup", "Downloads", "WhatsApp Images", "edited", "a much longer name of a folder")


def exif_of(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "EOS R6"
    exif.get_ifd(0x8769)[0x9003] = f"2024:06:0{number + 1} 12:00:00"
    return exif
