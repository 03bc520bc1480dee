"""The cameras that take the bursts of the benchmark, and what they write about a frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

_EXPOSURE_S = 1 / 125
_IFD = 0x8769


@dataclass
class Camera:
    """A camera and its counter. `clock`: what its times hold, from "subseconds" to "none", which is no EXIF at all."""

    make: str
    model: str
    serial: str | None = None
    clock: str = "subseconds"
    prefix: str = "IMG_"
    number: int = 1001
    name: str = ""

    def next_stem(self) -> str:
        """Return the next file's name without its ending."""
        stem = f"{self.prefix}{self.number:04d}"
        self.number = self.number % 9999 + 1
        return stem


CAMERAS = (
    Camera("Canon", "Canon EOS R6", "032021001234", "subseconds"),
    Camera("NIKON CORPORATION", "NIKON Z 6_2", "6012345", "seconds", "DSC_", 401),
    Camera("Apple", "iPhone 12", None, "subseconds", "IMG_", 2201),
    Camera("SONY", "DSC-RX100M3", None, "seconds", "DSC0", 3301),
)


def exif(camera: Camera, at: datetime, stops: float) -> bytes | None:
    """Return what the camera writes about a frame; None where it writes nothing."""
    if camera.clock == "none":
        return None
    tags = Image.Exif()
    tags[0x010F], tags[0x0110] = camera.make, camera.model
    more = tags.get_ifd(_IFD)
    shown = at.replace(second=0) if camera.clock == "minutes" else at
    more[0x9003] = more[0x9004] = shown.strftime("%Y:%m:%d %H:%M:%S")
    if camera.clock == "subseconds":
        more[0x9291] = f"{at.microsecond // 1000:03d}"
    if camera.serial:
        more[0xA431] = camera.serial
    more[0x829A] = IFDRational(round(_EXPOSURE_S * 2**stops * 1_000_000), 1_000_000)
    more[0x829D] = IFDRational(56, 10)
    more[0x8827] = 400
    more[0x9204] = IFDRational(round(stops * 3), 3)
    more[0x920A] = IFDRational(35, 1)
    return tags.tobytes()
