from __future__ import annotations

import functools
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from photoidx.errors import PhotoError
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.records import content_id_of

PHOTOS = Path(__file__).resolve().parents[4] / "shared" / "photos"
LIMIT = 500_000_000
TURN = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # the transpositions that the orientations ask for
pillow_heif.register_heif_opener()


def needs(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not (PHOTOS / folder).is_dir(), reason=f"sample photos are missing: {folder}")


def decoded(data: bytes, side: int = 960, limit: int = LIMIT) -> Image.Image:
    return DecodedPhoto(data, "jpeg", limit).image(side)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    if kind == "JXL":
        import pillow_jxl.JpegXLImagePlugin  # noqa: F401
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scene(width: int = 96, height: int = 64) -> Image.Image:
    image = Image.new("RGB", (width, height), "navy")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2, height // 4), fill="red")
    draw.rectangle((0, height // 2, width // 4, height), fill="yellow")
    return image


def stored_for(orientation: int, upright: Image.Image) -> Image.Image:
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    return upright if inverse == 1 else upright.transpose(Image.Transpose(TURN[inverse]))


def difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    pair = (np.asarray(image, dtype=np.float32) for image in (one, other))
    return float(np.abs(next(pair) - next(pair)).mean())


@pytest.mark.parametrize("kind", ["JPEG", "HEIF", "AVIF", "WEBP", "TIFF", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = stored_for(orientation, scene())
    image = decoded(saved(stored, kind, exif=exif.tobytes(), quality=95))
    assert difference(image, scene()) < 8


def test_a_jpeg_xl_picture_is_turned_by_its_own_header_and_not_by_its_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert difference(decoded(saved(scene(), "JXL", exif=exif.tobytes())), scene()) < 8


def test_a_jpeg_inside_jpeg_xl_is_turned_by_its_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    path.write_bytes(saved(stored_for(6, scene()), "JPEG", exif=exif, quality=95))
    with Image.open(path) as jpeg:
        packed = saved(jpeg, "JXL", lossless_jpeg=True)
    assert difference(decoded(packed), scene()) < 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "HEIF", "AVIF", "JXL"])
@pytest.mark.parametrize("size", [(1, 1), (300, 200), (1000, 3), (641, 1283)])
def test_the_long_side_is_within_the_promise(kind: str, size: tuple[int, int]) -> None:
    if kind == "HEIF" and min(size) < 16:
        size = (max(16, size[0]), max(16, size[1]))
    image = decoded(saved(scene(*size), kind), 160)
    assert image.mode == "RGB"
    assert min(160, max(size)) <= max(image.size) < max(320, 161)
    assert not image.info


@pytest.mark.parametrize("long_side", [*range(150, 170), *range(310, 330), 1275, 1280, 1281, 2559, 2560, 2600])
def test_a_jpeg_of_any_size_is_within_the_promise(long_side: int) -> None:
    image = decoded(saved(Image.new("L", (40, long_side)), "JPEG"), 160)
    assert min(160, long_side) <= image.height < 320


def test_the_photo_knows_its_bytes_and_decodes_once_for_each_size() -> None:
    data = saved(scene(400, 300), "JPEG")
    photo = DecodedPhoto(data, "png", LIMIT)
    assert (photo.content_id, photo.format, photo.data) == (content_id_of(data), "png", data)
    assert photo.image() is photo.image()
    assert photo.image(50) is not photo.image()


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for kind in ("PNG", "TIFF"):
        image = decoded(saved(Image.fromarray(ramp), kind))
        assert np.array_equal(np.asarray(image)[:, :, 0].ravel(), np.arange(256))


def test_a_float_tiff_is_scaled() -> None:
    ramp = np.array([[0.0, 0.5, 1.0, np.nan]], dtype=np.float32)
    image = decoded(saved(Image.fromarray(ramp), "TIFF"))
    assert np.asarray(image)[0, :, 0].tolist() == [0, 128, 255, 0]


def test_cmyk_and_grey_keep_their_colours() -> None:
    cmyk = saved(scene().convert("CMYK"), "JPEG", quality=95)
    assert difference(decoded(cmyk), scene()) < 8
    grey = decoded(saved(scene().convert("L"), "JPEG", quality=95))
    assert difference(grey, scene().convert("L").convert("RGB")) < 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_are_white(kind: str, mode: str) -> None:
    image = decoded(saved(Image.new("RGBA", (8, 8), (0, 0, 0, 0)).convert(mode), kind))
    assert image.getpixel((4, 4)) == (255, 255, 255)


def test_a_transparent_palette_is_white_and_an_opaque_one_keeps_its_colours() -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    assert decoded(saved(palette, "PNG")).getpixel((0, 0)) == (10, 20, 30)
    assert decoded(saved(palette, "PNG", transparency=0)).getpixel((0, 0)) == (255, 255, 255)


def test_one_bit_pictures_are_black_and_white() -> None:
    assert decoded(saved(Image.new("1", (9, 9), 1), "TIFF")).getpixel((0, 0)) == (255, 255, 255)


def test_only_the_first_page_and_the_first_frame_are_seen() -> None:
    pages = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    for kind in ("TIFF", "GIF"):
        image = decoded(saved(pages[0], kind, save_all=True, append_images=pages[1:]))
        assert image.getpixel((0, 0)) == (255, 0, 0)


def test_a_colour_profile_is_applied_and_a_broken_one_is_tolerated() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = decoded(saved(scene(), "PNG"))
    for profile in (srgb, b"no profile", lab[:200]):
        assert difference(decoded(saved(scene(), "PNG", icc_profile=profile)), plain) == 0
    linear = bytearray(srgb)  # the red and blue primaries change places
    for one, other in [(b"rXYZ", b"bXYZ")]:
        first, second = linear.index(one), linear.index(other)
        linear[first : first + 4], linear[second : second + 4] = other, one
    swapped = bytes(linear).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    red = decoded(saved(Image.new("RGB", (4, 4), "red"), "PNG", icc_profile=swapped)).getpixel((0, 0))
    assert red[2] > 200
    assert red[0] < 50


def test_a_bomb_is_refused_by_its_header_with_both_numbers() -> None:
    header = struct.pack(">4sIIBBBBB", b"IHDR", 40_000, 25_000, 8, 2, 0, 0, 0)
    import zlib

    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    png += struct.pack(">I4sI", 0, b"IDAT", zlib.crc32(b"IDAT"))
    with pytest.raises(PhotoError, match="announces 1,000,000,000 pixels, more than the limit of 500,000,000"):
        decoded(png)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "HEIF", "AVIF", "JXL"])
def test_every_format_is_held_to_the_limit_of_pixels(kind: str) -> None:
    with pytest.raises(PhotoError, match="announces 6,144 pixels, more than the limit of 6,143"):
        decoded(saved(scene(), kind), limit=6143)
    assert decoded(saved(scene(), kind), limit=6144).size == (96, 64)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "HEIF", "AVIF", "JXL"])
def test_a_truncated_file_is_a_failure(kind: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    data = saved(noise, kind)
    with pytest.raises(PhotoError) as caught:
        decoded(data[: len(data) // 2])
    assert caught.value.stage == "decode"
    assert "\n" not in str(caught.value)


def test_pillows_own_limit_is_as_it_was_afterwards() -> None:
    before = Image.MAX_IMAGE_PIXELS
    decoded(saved(scene(), "PNG"))
    with pytest.raises(PhotoError):
        decoded(b"BM")
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"\0" * 500, "nothing but zero bytes"),
        (b"<html>not found</html>", "no picture format"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "container of brand 'qt'"),
        (b"%!PS-Adobe-3.0 EPSF", "no picture format"),
        (b"\xff\xd8", "header is broken"),
    ],
)
def test_what_is_no_picture_is_said_in_words_each_time(data: bytes, words: str) -> None:
    photo = DecodedPhoto(data, "jpeg", LIMIT)
    for _ in range(2):
        with pytest.raises(PhotoError, match=words):
            photo.image()


@functools.cache
def small(kind: str) -> bytes:
    return saved(scene(24, 16), kind)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"]),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    kept=st.floats(0.1, 1),
)
def test_changed_bytes_give_a_picture_or_a_photo_error(kind: str, changes: list[tuple[int, int]], kept: float) -> None:
    data = bytearray(small(kind))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        image = decoded(bytes(data[: max(1, int(len(data) * kept))]), limit=1_000_000)
    except PhotoError as error:
        outcome = str(error)
    else:
        outcome = image.mode
        assert outcome == "RGB"
    assert outcome
    assert "\n" not in outcome


@needs("orientation")
@pytest.mark.parametrize("scene_name", ["Landscape", "Portrait"])
def test_the_sample_of_each_orientation_is_upright(scene_name: str) -> None:
    images = [decoded((PHOTOS / "orientation" / f"{scene_name}_{n}.jpg").read_bytes()) for n in range(9)]
    for image in images:
        assert difference(image.resize((64, 64)), images[1].resize((64, 64))) < 2


@needs("formats")
@needs("exif-samples")
def test_the_samples_of_other_formats_are_read() -> None:
    suffixes = {".heic", ".heif", ".avif", ".webp", ".tif", ".tiff"}
    files = [path for folder in ("formats", "exif-samples") for path in sorted((PHOTOS / folder).rglob("*"))]
    files = [path for path in files if path.suffix.lower() in suffixes and "Exception" not in path.name]
    assert len(files) >= 20
    for path in files:
        assert decoded(path.read_bytes()).mode == "RGB", path.name


@needs("raw")
def test_the_previews_of_raw_samples_are_read() -> None:
    sizes = {name: decoded((PHOTOS / "raw" / name).read_bytes()).size for name in ("CRW.CRW", "canon_eos_6d.dng")}
    assert all(max(size) >= 960 for size in sizes.values()), sizes
    assert decoded((PHOTOS / "raw" / "FujiFilm.raf").read_bytes()).size == (160, 120)
    with pytest.raises(PhotoError, match="no readable preview"):
        decoded((PHOTOS / "raw" / "CanonRaw.cr3").read_bytes())
