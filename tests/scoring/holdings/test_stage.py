"""What lies inside a photo's file: films, gain maps, more pictures, words; and how much detail it truly has."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from skimage import data

from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.scoring.holdings.containers import look
from photoidx.scoring.holdings.detail import detail_of
from photoidx.scoring.holdings.stage import HoldingsStage

CAT = Image.fromarray(data.chelsea())
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + struct.pack(">I", 5008) + b"mdat" + b"\x55" * 5000
GAIN_MAP = '<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
MOTION = '<rdf:Description xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1"/>'


def saved(picture: Image.Image, kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def packet(inner: str) -> bytes:
    head = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    return f"{head}{inner}</rdf:RDF></x:xmpmeta>".encode()


def held(content: bytes, file_format: str = "jpeg") -> dict:
    stage = HoldingsStage()
    stage.load()
    return stage.run(DecodedPhoto(content, file_format, 10**9))["holdings"][0]


JPEG = saved(CAT, "JPEG", quality=90)
SMALL = saved(CAT.convert("L").reduce(4), "JPEG")


def jpeg(inner: str = "", behind: bytes = b"") -> bytes:
    return saved(CAT, "JPEG", quality=90, **({"xmp": packet(inner)} if inner else {})) + behind


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        (["film"], jpeg(MOTION, FILM)),
        (["film"], jpeg("", FILM)),
        (["film"], jpeg("", b"MotionPhoto_Data" + FILM + b"SEFH....SEFT")),
        ([], jpeg(MOTION)),
        (["gain map"], jpeg(GAIN_MAP, SMALL)),
        ([], jpeg(GAIN_MAP)),
        (["film", "gain map"], jpeg(GAIN_MAP, SMALL + FILM)),
        (["picture"], jpeg("", SMALL)),
        (["unknown"], jpeg("", b"something else" * 20)),
        ([], jpeg("", b"\0" * 4096)),
        ([], jpeg("", b"few bytes")),
    ],
)
def test_what_lies_behind_a_jpeg_counts_by_its_bytes_and_not_by_what_its_notes_say(parts, content):
    assert held(content)["parts"] == parts


def test_the_length_of_the_film_is_told():
    assert held(jpeg(MOTION, FILM))["film_bytes"] == len(FILM)
    assert held(JPEG)["film_bytes"] == 0


def test_a_film_in_a_heif_is_found():
    content = saved(CAT, "HEIF", quality=80)
    assert held(content, "heif")["parts"] == []
    assert held(content + struct.pack(">I", 8 + len(FILM)) + b"mpvd" + FILM, "heif")["parts"] == ["film"]
    assert held(content + FILM, "heif")["parts"] == ["film"]


def test_the_gain_map_of_a_real_phone_is_found(samples):
    content = next(samples.rglob("iphone_13_pro_max.HEIC")).read_bytes()
    assert look(content, "heif").parts == ("gain map",)


def frames(count: int) -> list[Image.Image]:
    return [CAT.point(lambda value, step=step: max(0, value - 9 * step)) for step in range(count)]


@pytest.mark.parametrize(
    ("kind", "how"),
    [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("HEIF", {"quality": 60})],
)
def test_pictures_pages_and_frames_are_counted(kind, how):
    first, *rest = frames(3)
    content = saved(first, kind, save_all=True, append_images=rest, **how)
    file_format = {"HEIF": "heif"}.get(kind, kind.lower())
    assert held(content, file_format)["pictures"] == 3
    assert held(saved(CAT, kind, **how), file_format)["pictures"] == 1


def test_a_page_that_is_another_made_smaller_is_no_picture_of_its_own():
    whole = saved(CAT, "TIFF", save_all=True, append_images=[CAT.reduce(8)])
    with Image.open(io.BytesIO(whole)) as image:
        image.seek(1)
        tags = image.tag_v2
        tags[254] = 1
        small = saved(CAT.reduce(8), "TIFF", tiffinfo=tags)
    with Image.open(io.BytesIO(small)) as image:
        assert image.tag_v2[254] == 1
    assert look(whole, "tiff").pictures == 2


@pytest.mark.parametrize(
    ("told", "content", "file_format"),
    [
        ({"colour": "rgb", "bits": 8, "alpha": False, "lossless": False}, JPEG, "jpeg"),
        ({"colour": "grey"}, saved(CAT.convert("L"), "JPEG"), "jpeg"),
        ({"colour": "palette", "lossless": True}, saved(CAT.quantize(64), "PNG"), "png"),
        ({"colour": "rgb", "alpha": True}, saved(CAT.convert("RGBA"), "PNG"), "png"),
        ({"lossless": True}, saved(CAT, "WEBP", lossless=True), "webp"),
        ({"lossless": False}, saved(CAT, "WEBP", quality=80), "webp"),
        ({"lossless": True}, saved(CAT, "TIFF"), "tiff"),
        ({"lossless": False}, saved(CAT, "TIFF", compression="jpeg"), "tiff"),
        ({"bits": 16, "colour": "grey"}, saved(Image.fromarray(data.camera().astype(np.uint16) * 257), "PNG"), "png"),
    ],
)
def test_how_colours_are_stored(told, content, file_format):
    found = held(content, file_format)
    assert {name: found[name] for name in told} == told


def test_sixteen_bits_of_a_coloured_png_are_seen_though_pillow_reads_eight():
    content = cv2.imencode(".png", data.chelsea().astype(np.uint16) * 257)[1].tobytes()
    assert held(content, "png")["bits"] == 16


@pytest.mark.parametrize(
    "content",
    [
        saved(CAT, "JPEG", comment="Grandmother in Rome"),
        jpeg('<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="Grandmother in Rome"/>'),
        jpeg(
            '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
            '<rdf:li xml:lang="x-default">Grandmother in Rome</rdf:li></rdf:Alt></dc:description></rdf:Description>'
        ),
        jpeg(
            '<rdf:Description xmlns:mwg="http://www.metadataworkinggroup.com/schemas/regions/"><mwg:Regions><rdf:Bag>'
            '<rdf:li><rdf:Description mwg:Name="Grandmother in Rome"/></rdf:li></rdf:Bag></mwg:Regions>'
            "</rdf:Description>"
        ),
    ],
)
def test_words_of_people_are_gathered_from_wherever_they_stand(content):
    assert held(content)["words"] == ["Grandmother in Rome"]


@pytest.mark.parametrize("tag", [0x010E, 0x013B, 0x9C9B])
def test_words_in_exif_are_gathered(tag):
    exif = Image.Exif()
    exif[tag] = "Grandmother in Rome".encode("utf-16-le") if tag == 0x9C9B else "Grandmother in Rome"
    assert held(saved(CAT, "JPEG", exif=exif))["words"] == ["Grandmother in Rome"]


@pytest.mark.parametrize("words", ["OLYMPUS DIGITAL CAMERA", "CREATOR: gd-jpeg v1.0, quality = 90", "   "])
def test_what_cameras_and_encoders_write_by_themselves_is_nobodys_word(words):
    assert held(saved(CAT, "JPEG", comment=words))["words"] == []


def test_the_identity_of_the_picture_does_not_depend_on_metadata():
    plain = look(JPEG, "jpeg").picture_id
    assert look(jpeg(GAIN_MAP, SMALL), "jpeg").picture_id == plain
    assert look(saved(CAT, "JPEG", quality=89), "jpeg").picture_id != plain
    told = PngImagePlugin.PngInfo()
    told.add_text("Title", "a cat")
    assert look(saved(CAT, "PNG", pnginfo=told), "png").picture_id == look(saved(CAT, "PNG"), "png").picture_id


@pytest.mark.parametrize("cut", [2, 20, 200, 2000, 10_000])
@pytest.mark.parametrize("content", [JPEG, jpeg(MOTION, FILM), saved(CAT, "PNG"), saved(CAT, "HEIF"), FILM])
def test_files_that_are_cut_off_are_looked_into_without_an_error(content, cut):
    assert look(content[:cut], "jpeg").film_bytes == 0


PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")
KERNELS = (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BILINEAR)


def measured(picture: Image.Image, quality: int = 92) -> int:
    with Image.open(io.BytesIO(saved(picture, "JPEG", quality=quality))) as image:
        found = detail_of(np.asarray(image.convert("L")))
    assert found is not None
    return found


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", PHOTOS)
def test_an_enlarged_copy_has_no_more_detail_than_its_original(name, kernel):
    original = Image.fromarray(getattr(data, name)())
    own = measured(original)
    for times in (1.5, 2, 3):
        size = (round(original.width * times), round(original.height * times))
        assert measured(original.resize(size, kernel)) <= 1.15 * own


@pytest.mark.parametrize("name", PHOTOS)
def test_pixels_that_were_just_repeated_count_once(name):
    original = Image.fromarray(getattr(data, name)())
    twice = original.resize((2 * original.width, 2 * original.height), Image.Resampling.NEAREST)
    assert measured(twice) <= 1.2 * measured(original)


@pytest.mark.parametrize("name", PHOTOS)
def test_a_blurred_copy_has_less_detail_and_bars_add_none(name):
    picture = Image.fromarray(getattr(data, name)())
    blurred = Image.fromarray(cv2.GaussianBlur(np.asarray(picture), (0, 0), 2.0))
    assert measured(blurred) < 0.8 * measured(picture)
    barred = Image.new("RGB", (picture.width, picture.height * 2), "black")
    barred.paste(picture, (0, picture.height // 2))
    assert measured(barred) <= 1.15 * measured(picture)


def test_the_detail_of_a_reduced_picture_is_said_to_be_the_least():
    large = CAT.resize((4 * CAT.width, 4 * CAT.height))
    assert held(JPEG)["detail_is_least"] is False
    assert held(saved(large.resize((4000, 2660)), "JPEG"))["detail_is_least"] is True
    assert held(saved(Image.new("RGB", (800, 600), "grey"), "JPEG"))["detail"] is None
