"""The stage that tells what a photo's file holds."""

from __future__ import annotations

import io
import warnings
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from PIL import Image, ImageCms

from photoidx.records import RAW_FORMATS
from photoidx.scoring.exif.container import register_formats
from photoidx.scoring.exif.xmp import find_xmp
from photoidx.scoring.holdings.containers import look
from photoidx.scoring.holdings.detail import detail_of
from photoidx.scoring.holdings.written import words_of
from photoidx.scoring.raster import whole
from photoidx.stage import Photo, PhotoStage, Rows, TableSpec, column

_WIDE = ("display p3", "adobe rgb", "prophoto", "rec2020", "rec. 2020", "bt.2020", "bt2020", "wide", "p3 d65", "dci")
_EXIF_DIRECTORY = 0x8769
_MODES = {"1": "grey", "L": "grey", "LA": "grey", "I": "grey", "F": "grey", "P": "palette", "PA": "palette"}
_COLUMNS = (
    column("pictures", pa.int32(), "How many pictures, pages or frames the file has; null if it can't be told."),
    column(
        "parts",
        pa.list_(pa.string()),
        "What else lies in the file, by its bytes: film, gain map, depth, matte, sound, picture, thermal, "
        "credentials, unknown (bytes behind the picture that are of no known kind).",
    ),
    column("film_bytes", pa.int64(), "Length of the film inside (Motion Photo), in bytes; 0 if there is none."),
    column("bits", pa.int8(), "Bits of each channel; null if it is not told."),
    column("colour", pa.string(), "How colours are stored: grey, palette, rgb or other; null if it is not told."),
    column("alpha", pa.bool_(), "Whether some of the picture may be transparent; null if it is not told."),
    column("profile", pa.string(), "Name of the colour profile; null if there is none."),
    column("wide_gamut", pa.bool_(), "Whether the profile has colours that sRGB lacks."),
    column("lossless", pa.bool_(), "Whether the picture is stored without loss; null if it is not told."),
    column(
        "detail",
        pa.int32(),
        "How many pixels of its long side the picture needs, to about a seventh; null if it can't be told.",
    ),
    column("detail_is_least", pa.bool_(), "Whether the detail may be more: it was measured on a reduced picture."),
    column("words", pa.list_(pa.string()), "What people wrote in it: captions, keywords, names, in whatever field."),
    column(
        "picture_id",
        pa.string(),
        "Identity of the encoded picture without the metadata (JPEG, PNG); null for other formats.",
    ),
)


class HoldingsStage(PhotoStage):
    """Writes what a photo's file holds, by its bytes and its decoded picture."""

    name = "holdings"
    needs = "both"
    tables = (
        TableSpec("holdings", "What a photo's file holds besides its one picture, and how it is stored.", _COLUMNS),
    )

    def load(self) -> None:
        """Open Pillow's plug-ins."""
        register_formats()

    def run(self, photo: Photo) -> Rows:
        """Look into one photo."""
        inside = look(photo.data, photo.format)
        row: dict[str, Any] = {
            "pictures": inside.pictures,
            "parts": list(inside.parts),
            "film_bytes": inside.film_bytes,
            "bits": inside.bits,
            "lossless": inside.lossless,
            "picture_id": inside.picture_id,
        }
        if photo.format not in RAW_FORMATS:  # whose header tells of a preview
            row |= _opened(photo, inside.channels, inside.comments)
        return {"holdings": [row | photo.once(measure_detail)]}


def measure_detail(photo: Photo) -> dict[str, Any]:
    """Measure a photo's true detail, as it was decoded. Raises PhotoError."""
    pixels = photo.once(whole)
    found = detail_of(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY))
    is_least = None if found is None else not photo.is_whole()
    return {"detail": found, "detail_is_least": is_least}


def _opened(photo: Photo, channels: int | None, comments: tuple[bytes, ...]) -> dict[str, Any]:
    """Return what the header tells of colours, and the words."""
    mode: str | None = None
    info: dict[Any, Any] = {}
    exif: dict[int, Any] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(photo.data)) as image:
                mode, info = image.mode, dict(image.info)
                exif = _exif(image)
    except Exception:  # noqa: BLE001 - decoders raise anything on broken files; RAW files are none of Pillow's
        mode = None
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp") or find_xmp(photo.data)
    packet = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    profile = _profile(info.get("icc_profile"))
    return {
        "colour": None if mode is None else _colour(mode, channels),
        "alpha": None if mode is None else mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in info,
        "profile": profile,
        "wide_gamut": profile is not None and any(word in profile.lower() for word in _WIDE),
        "words": words_of(packet if isinstance(packet, bytes) else None, exif, comments, _iptc(info)),
    }


def _colour(mode: str, channels: int | None) -> str:
    if mode.startswith("I;") or (channels == 1 and mode != "P"):
        return "grey"
    return _MODES.get(mode, "rgb" if mode.startswith("RGB") else "other")


def _exif(image: Image.Image) -> dict[int, Any]:
    """Return the tags of the first directory and of EXIF's own. Broken ones are none."""
    try:
        found = image.getexif()
        return {**found, **found.get_ifd(_EXIF_DIRECTORY)}
    except Exception:  # noqa: BLE001 - Pillow raises anything on broken tags
        return {}


def _iptc(info: dict[str, Any]) -> bytes:
    blocks = info.get("photoshop")
    found = blocks.get(0x0404) if isinstance(blocks, dict) else None
    return found if isinstance(found, bytes) else b""


def _profile(icc: object) -> str | None:
    if not isinstance(icc, bytes) or not icc:
        return None
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc))).strip() or "unnamed"
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return "unreadable"
