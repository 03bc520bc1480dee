"""A made album, scanned for real: no original is ever extra, and nothing that only one file has is lost."""

from __future__ import annotations

import io
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from skimage import data

from edited_album import FOLDERS, UNNEEDED, exif_of
from photoidx import Library
from pictures import age

FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + struct.pack(">I", 5008) + b"mdat" + b"\x55" * 5000
STARS = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='5'/></rdf:RDF></x:xmpmeta>"
)


def scaled(times: float) -> Callable[[Image.Image], Image.Image]:
    def resize(image: Image.Image) -> Image.Image:
        size = (round(image.width * times), round(image.height * times))
        return image.resize(size, Image.Resampling.LANCZOS)

    return resize


def sepia(image: Image.Image) -> Image.Image:
    return ImageOps.colorize(image.convert("L"), "#20100a", "#fff0d0")


def screenshot(image: Image.Image) -> Image.Image:
    whole = Image.new("RGB", (round(image.width * 1.4), round(image.height * 1.9)), "black")
    whole.paste(image, (round(image.width * 0.2), round(image.height * 0.45)))
    return whole


def noisy(image: Image.Image) -> Image.Image:
    large = np.asarray(scaled(2)(image)).astype(np.float32)
    noise = np.random.default_rng(3).normal(0, 4, large.shape[:2])[:, :, None]
    return Image.fromarray((large + noise).clip(0, 255).astype(np.uint8))


# What was done, how it is stored, and whether it is the same picture: only that may ever go.
COPIES: dict[str, tuple[Callable[[Image.Image], Image.Image], str, dict[str, object], bool]] = {
    "better quality": (lambda image: image, ".jpg", {"quality": 97}, True),
    "worse quality": (lambda image: image, ".jpg", {"quality": 50}, True),
    "half": (scaled(0.5), ".jpg", {"quality": 85}, True),
    "converted": (lambda image: image, ".png", {}, True),
    "web": (lambda image: image, ".webp", {"quality": 70}, True),
    "enlarged": (scaled(2), ".jpg", {"quality": 92}, True),
    "enlarged and sharpened": (
        lambda image: scaled(2)(image).filter(ImageFilter.UnsharpMask(2, 200, 2)),
        ".jpg",
        {"quality": 95},
        False,
    ),
    "enlarged with grain": (noisy, ".jpg", {"quality": 95}, False),
    "palette": (lambda image: image.quantize(64), ".png", {}, True),
    "black and white": (lambda image: image.convert("L"), ".jpg", {"quality": 95}, False),
    "sepia": (sepia, ".jpg", {"quality": 95}, False),
    "paler": (lambda image: ImageEnhance.Color(image).enhance(0.4), ".jpg", {"quality": 95}, False),
    "screenshot": (screenshot, ".png", {}, False),
    "cropped": (
        lambda image: image.crop((20, 20, image.width - 25, image.height - 15)),
        ".jpg",
        {"quality": 95},
        False,
    ),
    "mirrored": (ImageOps.mirror, ".jpg", {"quality": 95}, False),
    "animation": (lambda image: image, ".gif", {}, False),
}


def album(folder: Path, draw: random.Random) -> dict[Path, tuple[int, str]]:
    """Write originals and their copies; give for each file its original's number and what was done to it."""
    truth = {}
    for number, scene in enumerate((data.coffee(), data.astronaut(), data.rocket())):
        has_exif = draw.random() < 0.5
        out = io.BytesIO()
        how = {"exif": exif_of(number)} if has_exif else {}
        Image.fromarray(scene).save(out, "JPEG", quality=draw.choice((75, 85, 92)), **how)
        kinds = ["original", *COPIES]
        for kind in kinds:
            name = draw.choice(("IMG", "image", "x")) + f"_{number}_{draw.randrange(10**6)}"
            suffix = ".jpg" if kind == "original" else COPIES[kind][1]
            path = folder / draw.choice(FOLDERS) / f"{name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "original":
                path.write_bytes(out.getvalue())
            else:
                make, _, settings, _ = COPIES[kind]
                with Image.open(out) as image:
                    made = make(image.convert("RGB"))
                own = dict(settings)
                if has_exif and draw.random() < 0.5 and suffix in {".jpg", ".webp"}:
                    own["exif"] = exif_of(number)
                if kind == "animation":
                    own |= {"save_all": True, "append_images": [made.point(lambda value: value // 2)]}
                made.save(path, **own)
            age(path, draw.randrange(3600, 10**6))
            truth[path] = number, kind
    return truth


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_no_original_and_no_edit_is_ever_extra(tmp_path, seed):
    truth = album(tmp_path / "photos", random.Random(seed))
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(tmp_path / "photos")
    going = {
        Path(file["path"]): Path(file["goes_for"])
        for group in library.duplicates()
        for file in group["files"]
        if file["extra"]
    }
    may = {kind for kind, (_, _, _, is_same) in COPIES.items() if is_same}
    assert {truth[path][1] for path in going} <= may - {"enlarged"}
    assert all(truth[path][0] == truth[keeper][0] and keeper not in going for path, keeper in going.items())
    found = {truth[path][1] for path in going}
    assert {"worse quality", "better quality"} <= found


def film_of(path: Path) -> bytes:
    path.write_bytes(path.read_bytes() + FILM)
    return FILM


def test_copies_with_and_without_company_and_films(tmp_path):
    photos = tmp_path / "photos"
    rich, poor = photos / "a-long-name-of-a-backup", photos / "b"
    for folder in (rich, poor):
        folder.mkdir(parents=True)
    for number, scene in enumerate((data.coffee(), data.astronaut(), data.rocket(), data.chelsea())):
        Image.fromarray(scene).save(rich / f"IMG_{number}.jpg", quality=88, exif=exif_of(number))
        shutil.copy2(rich / f"IMG_{number}.jpg", poor / f"IMG_{number}.jpg")
        age(rich / f"IMG_{number}.jpg", 3600)
        age(poor / f"IMG_{number}.jpg", 90_000)
    (rich / "IMG_0.MOV").write_bytes(FILM)
    (rich / "IMG_1.xmp").write_text(STARS)
    film_of(rich / "IMG_2.jpg")
    for path in rich.iterdir():
        age(path, 3600)
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(photos)
    groups = {Path(each["keep"]).name: each for each in library.duplicates()}
    for number in range(3):
        group = groups[f"IMG_{number}.jpg"]
        assert [file["path"] for file in group["files"] if file["extra"]] == [str(poor / f"IMG_{number}.jpg")]
    only = [groups[f"IMG_{number}.jpg"]["files"][0]["only"][0]["what"] for number in range(3)]
    assert only == ["beside:video", "beside:sidecar", "part:film"]
    assert "5 stars" in groups["IMG_1.jpg"]["files"][0]["reason"]
