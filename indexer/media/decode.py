"""Decode one photo to the size that the stages need. The result is a function of the bytes alone, never of the name.

The content is recognised by its first bytes and only the one decoder for it is asked. Whatever a decoder does with
broken data comes out as a PhotoError of one line.
"""

from __future__ import annotations

import importlib
import re
import struct
import threading
import warnings
from contextlib import contextmanager
from functools import cached_property, lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from photoidx.errors import PhotoError
from photoidx.indexer.media import jxl_header
from photoidx.memory_limit import too_little_memory
from photoidx.records import content_id_of
from photoidx.stage import WORKING_LONG_SIDE, Photo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Found = TypeVar("_Found")
_RAW_MAGIC = (b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"IIII", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAP")
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAGIC = {
    "jpeg": (b"\xff\xd8",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "gif": (b"GIF87a", b"GIF89a"),
    "bmp": (b"BM",),
    "jxl": jxl_header.MAGIC,
    "raw": _RAW_MAGIC,
}
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
_PLUGINS = {  # a content's kind: the formats that Pillow may try for it, and the modules that bring them
    "jpeg": (("JPEG",), ("PIL.JpegImagePlugin", "PIL.MpoImagePlugin")),  # the JPEG factory gives MPO too
    "png": (("PNG",), ("PIL.PngImagePlugin",)),
    "tiff": (("TIFF",), ("PIL.TiffImagePlugin",)),
    "webp": (("WEBP",), ("PIL.WebPImagePlugin",)),
    "gif": (("GIF",), ("PIL.GifImagePlugin",)),
    "bmp": (("BMP",), ("PIL.BmpImagePlugin",)),
    "avif": (("AVIF",), ("PIL.AvifImagePlugin",)),
    "heif": (("HEIF",), ("pillow_heif",)),
    "jxl": (("JXL",), ("pillow_jxl.JpegXLImagePlugin",)),
}
_MAKE_TAG, _DNG_VERSION_TAG, _ORIENTATION_TAG, _NEW_SUBFILE_TYPE = 271, 50706, 0x0112, 254
_MOST_PAGES = 20  # of a TIFF that are looked at for one that is no smaller copy
_T = Image.Transpose
_TURNS = (
    _T.FLIP_LEFT_RIGHT,
    _T.ROTATE_180,
    _T.FLIP_TOP_BOTTOM,
    _T.TRANSPOSE,
    _T.ROTATE_270,
    _T.TRANSVERSE,
    _T.ROTATE_90,
)
_OF_ORIENTATION = dict(enumerate(_TURNS, start=2))
_ORIENTATION_OF_FLIP = {1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}  # LibRaw: 1 mirrors, 2 upends, then 4 transposes
_LEAST_PREVIEW = 640  # a RAW whose preview is smaller is developed instead


class DecodedPhoto:
    """A photo that is decoded when a stage asks for it, and once only for each size."""

    def __init__(self, data: bytes, file_format: str, max_pixels: int) -> None:
        self.data = data
        self.format = file_format
        self._max_pixels = max_pixels
        self._images: dict[int, Image.Image | str] = {}
        self._measured: dict[Any, Any] = {}
        self._whole = False

    @cached_property
    def content_id(self) -> str:
        """The identity of the bytes."""
        return content_id_of(self.data)

    def image(self, min_long_side: int = WORKING_LONG_SIDE) -> Image.Image:
        """Decode as `Photo.image` says. A failure is remembered too, so that it is paid once."""
        if min_long_side not in self._images:
            try:
                self._images[min_long_side], whole = _decode(self.data, min_long_side, self._max_pixels)
                if min_long_side == WORKING_LONG_SIDE:
                    self._whole = whole
            except PhotoError as error:
                self._images[min_long_side] = str(error)
        known = self._images[min_long_side]
        if isinstance(known, str):
            raise PhotoError(known)
        return known

    def is_whole(self) -> bool:
        """Return what `Photo.is_whole` says."""
        self.image()
        return self._whole

    def once(self, measure: Callable[[Photo], _Found]) -> _Found:
        """Remember what a measure found, as `Photo.once` says."""
        if measure not in self._measured:
            self._measured[measure] = measure(self)
        found: _Found = self._measured[measure]
        return found


def _decode(data: bytes, min_long_side: int, max_pixels: int) -> tuple[Image.Image, bool]:
    """Return the picture, and whether it has all the pixels of the stored one."""
    try:
        with _own_bomb_guard():
            kind = _kind_of_content(data)
            if kind == "raw" or (kind == "tiff" and _tiff_tags(data) & {_MAKE_TAG, _DNG_VERSION_TAG}):
                developed = _decode_raw(data, min_long_side, max_pixels)
                if developed is not None:
                    return developed, False
            return _decode_with_pillow(data, kind, min_long_side, max_pixels)
    except (PhotoError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in the JPEG XL decoder is no Exception
        raise PhotoError(_in_words(error)) from error


def _kind_of_content(data: bytes) -> str:
    if data.startswith(_TIFF_MAGIC):
        return "raw" if data[8:10] == b"CR" else "tiff"
    for kind, magic in _MAGIC.items():
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _kind_of_container(data)
    if not data:
        raise PhotoError("the file is empty")
    if not data.strip(b"\0"):
        raise PhotoError("the file holds nothing but zero bytes")
    raise PhotoError("the content is of no picture format that can be read here")


def _kind_of_container(data: bytes) -> str:
    major = data[8:12]
    if major == b"crx ":
        return "raw"
    if major in (b"avif", b"avis"):
        return "avif"
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = {major} | {data[at : at + 4] for at in range(16, size - 3, 4)}
    if brands & {b"avif", b"avis"} and not brands & set(_HEIF_BRANDS[:8]):
        return "avif"
    if brands & set(_HEIF_BRANDS):
        return "heif"
    brand = major.decode("ascii", "replace").strip()
    raise PhotoError(f"the content is a container of brand {brand!r}, which can't be read here")


def _decode_with_pillow(data: bytes, kind: str, min_long_side: int, max_pixels: int) -> tuple[Image.Image, bool]:
    if kind == "jxl":  # its decoder decodes on opening, so its header is read here
        _check_pixels(jxl_header.size(data), max_pixels)
    with _open(data, kind) as picture:
        if kind == "tiff":
            _seek_whole_page(picture)
        stored = picture.size
        _check_pixels(stored, max_pixels)
        if kind == "jpeg":
            _draft(picture, min_long_side)
        picture.load()
        # Asked after loading: Pillow itself turns a TIFF, and a PNG may carry its EXIF behind the pixels.
        # What HEIF and JPEG XL say of it in their own headers is obeyed by their libraries; there EXIF has no say.
        upright = kind == "heif" or (kind == "jxl" and not jxl_header.holds_a_jpeg(data))
        image = _finish(picture, 1 if upright else _orientation(picture), min_long_side)
        return image, set(image.size) == set(stored)


def _seek_whole_page(picture: Image.Image) -> None:
    """Go to the first page of a TIFF that is not another one made smaller; to the first if all are."""
    for page in range(_MOST_PAGES):
        try:
            picture.seek(page)
        except (EOFError, OSError, SyntaxError, ValueError):
            break
        if not int(picture.tag_v2.get(_NEW_SUBFILE_TYPE, 0)) & 1:  # type: ignore[attr-defined]
            return
    picture.seek(0)


def _open(data: bytes, kind: str) -> Image.Image:
    if kind not in _PLUGINS:
        raise PhotoError("LibRaw does not know this kind of RAW file")
    formats, modules = _PLUGINS[kind]
    for name in modules:
        module = importlib.import_module(name)
        if kind == "heif" and "HEIF" not in Image.OPEN:
            module.register_heif_opener(thumbnails=False)
        if kind == "jxl":
            vars(module)["DECODE_THREADS"] = 0  # each worker has one processor
    return Image.open(BytesIO(data), formats=formats)


def _draft(picture: Image.Image, min_long_side: int) -> None:
    """Have a JPEG decoded at the smallest of its scales that is large enough."""
    width, height = picture.size
    scale = next(k for k in (8, 4, 2, 1) if k == 1 or -(-max(picture.size) // k) >= min_long_side)
    picture.draft(None, (max(1, width // scale), max(1, height // scale)))


def _check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    pixels = size[0] * size[1]
    if pixels > max_pixels:
        raise PhotoError(f"the file announces {pixels:,} pixels, more than the limit of {max_pixels:,}")
    if pixels <= 0:
        raise PhotoError("the file announces a picture without pixels")


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - a picture with broken EXIF is still a picture
        return 1
    return value if isinstance(value, int) else 1


def _finish(picture: Image.Image, orientation: int, min_long_side: int) -> Image.Image:
    profile = picture.info.get("icc_profile")
    image = _eight_bits(picture)
    factor = max(image.size) // min_long_side
    if factor > 1:
        image = image.reduce(factor)
    if image.mode in ("RGBA", "LA"):
        image = _over_white(image)
    image = _to_srgb(image, profile)
    if orientation in _OF_ORIENTATION:
        image = image.transpose(_OF_ORIENTATION[orientation])
    if image is picture:
        image = picture.copy()
    image.info = {}
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return the picture in one of the modes L, LA, RGB, RGBA, CMYK, LAB, with 8 bits for each channel."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _scaled_to_eight_bits(image)
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    if image.mode in ("1", "L", "RGB") and "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK", "LAB"):
        return image
    other = {"1": "L", "La": "LA", "RGBa": "RGBA"}
    return image.convert(other.get(image.mode, "RGB"))


def _scaled_to_eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.dtype.itemsize == 2:  # noqa: PLR2004 - two bytes
        return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
    numbers = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    top = 1.0 if image.mode == "F" and high <= 1 else 255.0 if high <= 255 else 65535.0  # noqa: PLR2004
    if low < 0 or high > top:
        numbers, top = numbers - low, max(high - low, 1e-30)
    return Image.fromarray((numbers * (255.0 / top) + 0.5).clip(0, 255).astype(np.uint8))


def _over_white(image: Image.Image) -> Image.Image:
    opaque = image.mode[:-1]
    white = Image.new(opaque, image.size, "white")
    white.paste(image.convert(opaque), mask=image.getchannel("A"))
    return white


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    known = profile if isinstance(profile, bytes) else b""
    if known or image.mode == "LAB":
        try:
            transform = _transform(known, image.mode)
            if transform is not None:
                return ImageCms.applyTransform(image, transform) or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile, or one for other channels: the numbers are taken as they are
    return image.convert("RGB")


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform to sRGB, or None where there is nothing to do."""
    if mode == "LAB":
        source: Any = ImageCms.createProfile("LAB")
    else:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if mode == "RGB" and "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")


def _decode_raw(data: bytes, min_long_side: int, max_pixels: int) -> Image.Image | None:
    """Return the preview, or the developed picture where there is no fair one; None if LibRaw knows no such file."""
    import rawpy  # noqa: PLC0415 - slow to import, and few libraries hold RAW files

    try:
        raw = rawpy.imread(BytesIO(data))
    except rawpy.LibRawFileUnsupportedError:
        return None
    with raw:
        sizes = raw.sizes
        _check_pixels((sizes.raw_width, sizes.raw_height), max_pixels)
        orientation = _ORIENTATION_OF_FLIP.get(sizes.flip, 1)
        preview, trouble = _raw_preview(raw, min_long_side, max_pixels)
        full = max(sizes.iwidth, sizes.iheight)
        if preview is None or max(preview.size) < min(_LEAST_PREVIEW, min_long_side, full // 2):
            try:
                developed = raw.postprocess(half_size=True, use_camera_wb=True, user_flip=0, output_bps=8)
                return _finish(Image.fromarray(developed), orientation, min_long_side)
            except Exception as error:
                if preview is None:
                    message = f"the RAW file has no readable preview ({trouble}) and can't be developed"
                    raise PhotoError(f"{message} ({_one_line(error)})") from error
        turned = orientation >= 5 and (preview.width < preview.height) != (sizes.width < sizes.height)  # noqa: PLR2004
        return _finish(preview, 1 if turned else orientation, min_long_side)


def _raw_preview(raw: Any, min_long_side: int, max_pixels: int) -> tuple[Image.Image | None, str]:
    """Return the preview as it lies in the file: the RAW's own flip says how it is turned, not the preview's EXIF."""
    try:
        thumb = raw.extract_thumb()
        if thumb.format.name == "BITMAP":
            return Image.fromarray(thumb.data), ""
        if thumb.format.name != "JPEG":
            return None, "of a kind that is not read"
        with _open(thumb.data, "jpeg") as picture:
            _check_pixels(picture.size, max_pixels)
            _draft(picture, min_long_side)
            picture.load()
            return picture, ""
    except Exception as error:  # noqa: BLE001 - the RAW itself can still be developed
        return None, _one_line(error)


def _tiff_tags(data: bytes) -> set[int]:
    """Return the tags of a TIFF's first directory, or none where it can't be read."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, at)
        return {struct.unpack_from(order + "H", data, at + 2 + 12 * i)[0] for i in range(count)}
    except (struct.error, OverflowError):
        return set()


_guard_lock = threading.Lock()
_guard_state: list[int | None] = []  # Pillow's own limit, once for each decoding that is under way


@contextmanager
def _own_bomb_guard() -> Iterator[None]:
    """Lift Pillow's own limit while a picture is decoded: `_check_pixels` has the configured one."""
    with _guard_lock:
        if not _guard_state:
            warnings.filterwarnings("ignore", module=r"PIL\.")  # broken metadata; the filter is kept once only
        _guard_state.append(_guard_state[0] if _guard_state else Image.MAX_IMAGE_PIXELS)
        Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        with _guard_lock:
            limit = _guard_state.pop()
            if not _guard_state:
                Image.MAX_IMAGE_PIXELS = limit


def _one_line(error: BaseException) -> str:
    text = re.sub(r"^b'(.*)'$", r"\1", " ".join(str(error).split()))  # LibRaw's messages are bytes
    return re.sub(r"<_io\.BytesIO object at 0x[0-9a-f]+>", "the file", text)[:200] or type(error).__name__


def _in_words(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return too_little_memory("to decode the picture")
    if isinstance(error, UnidentifiedImageError):
        return "the picture's header is broken"
    if isinstance(error, OSError) and "truncated" in str(error).lower():
        return f"the file is cut off: {_one_line(error)}"
    return f"the picture's data are broken: {_one_line(error)}"
