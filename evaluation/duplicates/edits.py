"""What happens to a photo on its way through programs: 16 kinds of edit after which it is still the same picture.

Each takes the original and draws what is to be drawn. A program that saves a photo anew keeps the camera's data and
adds its own name, or drops all of them; a messenger always drops them. The pixels of such copies stand upright.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from photoidx.config import Config
from photoidx.evaluation.degradations import Pixels, cropped, fitted
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.records import format_of

_WHOLE = 1 << 30  # a long side that no picture reaches: decode it all
_LEAST_SIDE = 256  # no copy is made smaller
_KEEPS_DATA = 0.6  # of the programs
_CUT = (0.03, 0.08)  # share of the width and of the height that a crop takes away
_FRAME = (0.03, 0.06)  # width of a border, as a share of the long side
_STAMP = (0.02, 0.05)  # area of a watermark, as a share of the picture's
_MESSENGERS = (1600, 1280)  # long sides, pixels
_PROGRAMS = ("Adobe Photoshop Lightroom 12.3", "GIMP 2.10.34", "Snapseed 2.0", "darktable 4.6.1")
_EXIF, _ORIENTATION, _SOFTWARE, _CHANGED = 0x8769, 0x0112, 0x0131, 0x0132
_CAMERA_TAGS = (0x010F, 0x0110)
_SHOT_TAGS = (0x829A, 0x829D, 0x8827, 0x9003, 0x9004, 0x9011, 0x9291, 0x9204, 0x920A, 0xA405, 0xA431)
_TAKEN = (0x9003, 0x9004)
_CLOCK = "%Y:%m:%d %H:%M:%S"
_APP1, _APP2, _START_OF_SCAN = 0xE1, 0xE2, 0xDA
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PNG_HEAD = 33  # bytes of the signature and of the chunk IHDR
_UPRIGHT = (None, 1)

Draw = np.random.Generator


@dataclass(frozen=True)
class Original:
    """A photo as it came out of the camera. `path` is read when something is asked for."""

    path: str

    @cached_property
    def data(self) -> bytes:
        """The file's bytes. Raises OSError."""
        return Path(self.path).read_bytes()

    @cached_property
    def pixels(self) -> Pixels:
        """The whole picture, upright, sRGB: height x width x 3. Raises OSError, PhotoError."""
        decoded = DecodedPhoto(self.data, format_of(self.path) or "", Config().max_pixels)
        return np.asarray(decoded.image(_WHOLE).convert("RGB"), dtype=np.uint8)

    def exif(self) -> Image.Exif:
        """Return the tags that a program carries over: the camera, the time and the exposure. Not the orientation."""
        found, more = Image.Exif(), {}
        try:
            with Image.open(BytesIO(self.data)) as image:
                read = image.getexif()
                found.update({tag: read[tag] for tag in _CAMERA_TAGS if tag in read})
                own = read.get_ifd(_EXIF)
                more = {tag: own[tag] for tag in _SHOT_TAGS if tag in own}
                found.get_ifd(_EXIF).update(more)
            found.tobytes()
        except Exception:  # noqa: BLE001 - Pillow raises what it likes on odd tags; a program would drop them, too
            return Image.Exif()
        return found


@dataclass(frozen=True)
class EditedCopy:
    """An edited copy: its bytes, and the suffix that its name should have."""

    data: bytes
    suffix: str


@dataclass(frozen=True)
class Edit:
    """One kind of edit."""

    name: str
    make: Callable[[Original, Draw], EditedCopy]
    relation: str = "edited"
    """What the copy is to its original: identical, same, edited, or part of (it shows the original among others)."""


def saved(  # noqa: PLR0917 - what is drawn comes first, then how it is stored
    pixels: Pixels, original: Original, rng: Draw, quality: int = 90, form: str = "JPEG", keeps: float = _KEEPS_DATA
) -> EditedCopy:
    """Save as a program does, which in the share `keeps` of all cases carries the camera's data over."""
    options: dict[str, Any] = {"PNG": {"compress_level": 1}, "WEBP": {"method": 0}}.get(form, {})
    if form != "PNG":
        options["quality"] = quality
    program = str(rng.choice(_PROGRAMS))
    if rng.random() < keeps:
        exif = original.exif()
        exif[_SOFTWARE] = program
        options["exif"] = exif.tobytes()
    out = BytesIO()
    Image.fromarray(pixels).save(out, form, **options)
    return EditedCopy(out.getvalue(), {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}[form])


def _bytes(original: Original, _rng: Draw) -> EditedCopy:
    return EditedCopy(original.data, Path(original.path).suffix)


def _metadata(original: Original, rng: Draw) -> EditedCopy:
    """Change what the file says about itself, and leave its coded pixels as they are."""
    suffix = Path(original.path).suffix
    if format_of(original.path) == "png":
        return EditedCopy(_png_with_text(original.data, b"Comment\0a day at the lake"), suffix)
    exif = original.exif()
    with Image.open(BytesIO(original.data)) as image:
        orientation = image.getexif().get(_ORIENTATION)
    ways = [_described]
    if orientation in _UPRIGHT:
        ways.append(_without_data)
    if _taken(exif) is not None:
        exif[_ORIENTATION] = orientation or 1
        ways.append(lambda data: _hour_later(data, exif))
    return EditedCopy(ways[rng.integers(len(ways))](original.data), suffix)


def _described(data: bytes) -> bytes:
    """Add a packet of XMP, as a program does that only keeps stars and keywords."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
    )
    return _jpeg_with(data, [_XMP + packet.encode()], drop=_XMP)


def _without_data(data: bytes) -> bytes:
    return _jpeg_with(data, [], drop=b"")


def _hour_later(data: bytes, exif: Image.Exif) -> bytes:
    """Correct a clock that was not set to summer time."""
    later = _taken(exif)
    if later is not None:
        more = exif.get_ifd(_EXIF)
        more |= dict.fromkeys(_TAKEN, (later + timedelta(hours=1)).strftime(_CLOCK))
    exif[_SOFTWARE] = "digiKam-8.2.0"
    tags = exif.tobytes()
    return _jpeg_with(data, [tags if tags.startswith(b"Exif") else b"Exif\0\0" + tags], drop=b"Exif")


def _taken(exif: Image.Exif) -> datetime | None:
    try:
        return datetime.strptime(str(exif.get_ifd(_EXIF).get(_TAKEN[0])), _CLOCK)  # noqa: DTZ007 - a camera's clock
    except ValueError:
        return None


def _jpeg_with(data: bytes, added: list[bytes], drop: bytes) -> bytes:
    """Put segments APP1 in front, and leave out those that begin with `drop`. The coded picture stays as it is."""
    head, at = [data[:2]], 2
    head += [struct.pack(">BBH", 0xFF, _APP1, len(body) + 2) + body for body in added]
    while data[at + 1] != _START_OF_SCAN:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        marker, body = data[at + 1], data[at + 4 : end]
        # Offsets to a second picture would point to the wrong place.
        if not (marker == _APP1 and body.startswith(drop)) and not (marker == _APP2 and body.startswith(b"MPF")):
            head.append(data[at:end])
        at = end
    return b"".join(head) + data[at:]


def _png_with_text(data: bytes, text: bytes) -> bytes:
    body = b"tEXt" + text
    chunk = struct.pack(">I", len(text)) + body + struct.pack(">I", zlib.crc32(body))
    return data[:_PNG_HEAD] + chunk + data[_PNG_HEAD:]


def _share_of_side(share: float) -> Callable[[Original, Draw], EditedCopy]:
    def make(original: Original, rng: Draw) -> EditedCopy:
        side = max(original.pixels.shape[:2])
        return saved(fitted(original.pixels, max(_LEAST_SIDE, round(side * share))), original, rng)

    return make


def _jpeg(quality: int) -> Callable[[Original, Draw], EditedCopy]:
    return lambda original, rng: saved(original.pixels, original, rng, quality)


def _light(original: Original, rng: Draw) -> EditedCopy:
    """Change the brightness and the contrast by 5 to 15 % each, up or down."""
    brightness, contrast = 1 + rng.uniform(0.05, 0.15, 2) * rng.choice((-1, 1), 2)
    levels = (np.arange(256) * brightness - 128) * contrast + 128
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return saved(np.asarray(cv2.LUT(original.pixels, table), dtype=np.uint8), original, rng)


def _colour(original: Original, rng: Draw) -> EditedCopy:
    """Make it warmer or colder by 4 to 10 %, and less or more colourful: 0.5 to 1.3 times."""
    warmth = rng.uniform(0.04, 0.1) * rng.choice((-1, 1))
    colourful = np.float32(rng.uniform(0.5, 0.8) if rng.random() < 0.5 else rng.uniform(1.1, 1.3))  # noqa: PLR2004 - either
    tinted = original.pixels * np.array([1 + warmth, 1, 1 - warmth], np.float32)
    grey = (tinted @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    return saved(np.clip(np.rint(grey + (tinted - grey) * colourful), 0, 255).astype(np.uint8), original, rng)


def _crop(original: Original, rng: Draw) -> EditedCopy:
    keep = 1 - rng.uniform(*_CUT, 2)
    return saved(cropped(original.pixels, (keep[0], keep[1]), (rng.random(), rng.random())), original, rng)


def _border(original: Original, rng: Draw) -> EditedCopy:
    width = max(2, round(max(original.pixels.shape[:2]) * rng.uniform(*_FRAME)))
    shade = int(rng.choice((0, 255)))
    framed = np.pad(original.pixels, ((width, width), (width, width), (0, 0)), constant_values=shade)
    return saved(framed, original, rng)


def _watermark(original: Original, rng: Draw) -> EditedCopy:
    """Stamp a name on it, half transparent, in a corner or in the middle."""
    image = Image.fromarray(original.pixels).convert("RGBA")
    text = f"© {rng.choice(('Anna Muster', 'photo.example', 'J. Doe 2024'))}"
    left, top, right, bottom = ImageFont.load_default(100).getbbox(text)
    area = rng.uniform(*_STAMP) * image.width * image.height
    scale = min((area / ((right - left) * (bottom - top))) ** 0.5, 0.9 * image.width / (right - left))
    font = ImageFont.load_default(100 * scale)
    free = np.array([image.width - (right - left) * scale, image.height - (bottom - top) * scale])
    places = ((0.98, 0.98), (0.02, 0.98), (0.98, 0.02), (0.5, 0.5))
    x, y = free * places[rng.integers(len(places))] - np.array([left, top]) * scale
    layer = Image.new("RGBA", image.size)
    shade = int(rng.choice((0, 255)))
    ImageDraw.Draw(layer).text((x, y), text, font=font, fill=(shade, shade, shade, int(rng.integers(110, 190))))
    stamped = Image.alpha_composite(image, layer).convert("RGB")
    return saved(np.asarray(stamped, dtype=np.uint8), original, rng)


def _rotated(original: Original, rng: Draw) -> EditedCopy:
    turned = np.rot90(original.pixels, int(rng.integers(1, 4)))
    return saved(np.ascontiguousarray(turned), original, rng)


def _mirrored(original: Original, rng: Draw) -> EditedCopy:
    return saved(np.ascontiguousarray(original.pixels[:, ::-1]), original, rng)


def _messenger(original: Original, rng: Draw) -> EditedCopy:
    return saved(fitted(original.pixels, int(rng.choice(_MESSENGERS))), original, rng, 70, keeps=0)


EDITS = (
    Edit("bytes", _bytes, "identical"),
    Edit("metadata", _metadata, "same"),
    Edit("jpeg 90", _jpeg(90), "same"),
    Edit("jpeg 60", _jpeg(60), "same"),
    Edit("resize 50 %", _share_of_side(0.5), "same"),
    Edit("resize 25 %", _share_of_side(0.25), "same"),
    Edit("png", lambda original, rng: saved(original.pixels, original, rng, form="PNG"), "same"),
    Edit("webp", lambda original, rng: saved(original.pixels, original, rng, 80, "WEBP"), "same"),
    Edit("light", _light),
    Edit("colour", _colour),
    Edit("crop", _crop),
    Edit("border", _border),
    Edit("watermark", _watermark),
    Edit("rotated", _rotated),
    Edit("mirrored", _mirrored),
    Edit("messenger", _messenger, "same"),
)
"""The 16 kinds. `colour` is white balance and saturation, `light` brightness and contrast."""
