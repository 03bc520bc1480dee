"""What editors, phones, messengers and printers do to a photo: the kinds of edit beside those of `duplicate_edits`.

Each draws what is to be drawn: where it crops, how far it turns, which words it writes.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from photoidx.evaluation.degradations import Pixels, blurred, exposed, fitted, noisy
from photoidx.evaluation.duplicates.edits import EDITS, Draw, Edit, EditedCopy, Original, saved
from photoidx.evaluation.duplicates.pixel_edits import (
    Change,
    barrel,
    crossed,
    curve,
    dehazed,
    grainy,
    grey,
    half_turned,
    lifted,
    local_contrast,
    mirrored_part,
    part,
    portrait,
    rounded,
    saturated,
    sepia,
    shape,
    sharpened,
    sized,
    smoothed,
    soft,
    to_square,
    turned,
    upright_lines,
    vignette,
    warm,
)

_WORDS = ("when we were there", "SUNDAY!", "wish you were here", "the best day of all", "2019 - 07 - 04")
_PHONE = (1080, 2340)


def _after(change: Change, quality: int = 90, form: str = "JPEG") -> Callable[[Original, Draw], EditedCopy]:
    """Make a copy from what a function does to the pixels."""
    return lambda original, rng: saved(change(original.pixels, rng), original, rng, quality, form)


def _font(picture: Pixels, share: float) -> Any:
    return ImageFont.load_default(max(8, share * min(picture.shape[:2])))


# Things laid on it, and around it


def _sticker(picture: Pixels, rng: Draw) -> Pixels:
    """Lay a round yellow face over 6 to 10 % of the picture."""
    image = Image.fromarray(picture)
    size = (rng.uniform(0.06, 0.1) * image.width * image.height / 0.785) ** 0.5
    x, y = (rng.uniform(0, side - size) for side in image.size)
    draw = ImageDraw.Draw(image)
    draw.ellipse((x, y, x + size, y + size), fill=(255, 210, 40), outline=(120, 80, 0), width=max(1, round(size / 40)))
    for eye in (0.3, 0.7):
        draw.ellipse(
            (x + (eye - 0.07) * size, y + 0.28 * size, x + (eye + 0.07) * size, y + 0.45 * size), fill=(60, 30, 0)
        )
    draw.arc(
        (x + 0.25 * size, y + 0.35 * size, x + 0.75 * size, y + 0.8 * size),
        20,
        160,
        (60, 30, 0),
        max(2, round(size / 20)),
    )
    return np.asarray(image)


def _text(picture: Pixels, rng: Draw) -> Pixels:
    """Write words across the picture."""
    image = Image.fromarray(picture)
    words = str(rng.choice(_WORDS))
    font = _font(picture, 0.1)
    font = _font(picture, 0.1 * min(1.6, 0.85 * image.width / font.getlength(words)))
    place = (image.width * 0.05, image.height * rng.uniform(0.1, 0.8))
    ImageDraw.Draw(image).text(place, words, font=font, fill=(255, 255, 255), stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(image)


def _caption(share: float, *, inside: bool) -> Change:
    """Write words on a bar, over the lower part of the picture or below it."""

    def change(picture: Pixels, rng: Draw) -> Pixels:
        height, width = picture.shape[:2]
        bar = round(share * height)
        shade = int(rng.choice((0, 255)))
        below = np.full((bar, width, 3), shade, np.uint8)
        image = Image.fromarray(np.vstack([picture[: height - bar] if inside else picture, below]))
        words = str(rng.choice(_WORDS))
        font = ImageFont.load_default(max(8, bar * 0.45))
        draw = ImageDraw.Draw(image)
        draw.text((width * 0.05, image.height - bar * 0.75), words, font=font, fill=(255 - shade,) * 3)
        return np.asarray(image)

    return change


def _date(picture: Pixels, _rng: Draw) -> Pixels:
    image = Image.fromarray(picture)
    place = (image.width * 0.7, image.height * 0.9)
    ImageDraw.Draw(image).text(place, "04.07.2019", font=_font(picture, 0.05), fill=(255, 140, 0))
    return np.asarray(image)


def _scribbled(picture: Pixels, rng: Draw) -> Pixels:
    image = Image.fromarray(picture)
    width, height = image.size
    for _ in range(3):
        points = [(rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height) for _ in range(5)]
        ImageDraw.Draw(image).line(
            points, fill=(230, 20, 20), width=max(2, round(min(width, height) / 90)), joint="curve"
        )
    return np.asarray(image)


def _pixelated(picture: Pixels, rng: Draw) -> Pixels:
    """Hide a part, as people do with number plates."""
    height, width = picture.shape[:2]
    high, wide = height // 6, width // 4
    top, left = rng.integers(height - high), rng.integers(width - wide)
    found = picture.copy()
    part = cv2.resize(found[top : top + high, left : left + wide], (8, 6), interpolation=cv2.INTER_AREA)
    found[top : top + high, left : left + wide] = cv2.resize(part, (wide, high), interpolation=cv2.INTER_NEAREST)
    return found


def _retouched(picture: Pixels, rng: Draw) -> Pixels:
    """Take something out, and fill the place from around it."""
    height, width = picture.shape[:2]
    size = min(height, width) // 8
    top, left = rng.integers(height - size), rng.integers(width - size)
    mask = np.zeros((height, width), np.uint8)
    mask[top : top + size, left : left + size] = 255
    scale = 480 / max(height, width)
    small = [cv2.resize(each, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for each in (picture, mask)]
    filled = cv2.inpaint(small[0], (small[1] > 0).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    whole = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.where(mask[..., None] > 0, whole, picture).astype(np.uint8)


def _corners(picture: Pixels, _rng: Draw) -> Pixels:
    image = Image.fromarray(picture)
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, image.width - 1, image.height - 1), min(image.size) // 10, fill=255)
    return np.asarray(Image.composite(image, Image.new("RGB", image.size, (255, 255, 255)), mask))


def _polaroid(picture: Pixels, _rng: Draw) -> Pixels:
    side = round(0.05 * max(picture.shape))
    return np.pad(picture, ((side, 4 * side), (side, side), (0, 0)), constant_values=244)


def _screenshot(picture: Pixels, rng: Draw) -> Pixels:
    """Show it on a phone: bars above and below, a clock and buttons."""
    width, height = _PHONE
    shown = np.asarray(
        cv2.resize(picture, (width, round(picture.shape[0] * width / picture.shape[1])), interpolation=cv2.INTER_AREA)
    )
    shown = shown[: height - 300]
    screen = Image.new("RGB", (width, max(1000, min(height, shown.shape[0] + 700))), (0, 0, 0))
    screen.paste(Image.fromarray(shown), (0, (screen.height - shown.shape[0]) // 2))
    draw = ImageDraw.Draw(screen)
    font = ImageFont.load_default(40)
    draw.text((60, 30), f"{rng.integers(24):02d}:{rng.integers(60):02d}", font=font, fill=(255, 255, 255))
    draw.rectangle((960, 40, 1030, 70), outline=(255, 255, 255), width=4)
    for at in range(4):
        draw.ellipse(
            (120 + 240 * at, screen.height - 110, 180 + 240 * at, screen.height - 50), outline=(255, 255, 255), width=5
        )
    return np.asarray(screen)


def _story(picture: Pixels, _rng: Draw) -> Pixels:
    """Put it in the middle of a high picture, above a blurred copy of itself."""
    width, height = 720, 1280
    scale = max(width / picture.shape[1], height / picture.shape[0])
    behind = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (behind.shape[0] - height) // 2, (behind.shape[1] - width) // 2
    behind = blurred(np.asarray(behind[top : top + height, left : left + width], np.uint8), 30) // 2
    shown = fitted(picture, round(min(640 / picture.shape[1], 1000 / picture.shape[0]) * max(picture.shape)))
    top, left = (height - shown.shape[0]) // 2, (width - shown.shape[1]) // 2
    behind[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return behind


def _printed(picture: Pixels, rng: Draw) -> Pixels:
    """Photograph a print: perspective, paper around it, a lamp's light, softness, noise, a colour cast."""
    shown = fitted(picture, 1400)
    height, width = shown.shape[:2]
    edge = round(0.06 * max(height, width))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + edge + rng.uniform(-0.5, 0.5, (4, 2)).astype(np.float32) * edge
    size = width + 2 * edge, height + 2 * edge
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    paper = cv2.warpPerspective(shown, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(176, 168, 150))
    y, x = np.mgrid[0 : 1 : size[1] * 1j, 0 : 1 : size[0] * 1j]
    light = 0.75 + 0.35 * np.exp(-((x - rng.uniform(0.2, 0.8)) ** 2 + (y - rng.uniform(0.2, 0.8)) ** 2) / 0.3)
    lit = (30 + 0.8 * paper) * light[..., None] * np.array([1.03, 1.0, 0.92])
    return noisy(blurred(rounded(lit), 1.2), 5, rng)


def _on_screen(picture: Pixels, rng: Draw) -> Pixels:
    """Photograph a screen: a fine pattern over it, and a turn of a degree or two."""
    shown = turned(1.5, cut=True)(fitted(picture, 1400), rng)
    y, x = np.mgrid[: shown.shape[0], : shown.shape[1]]
    pattern = 8 * np.sin(2 * np.pi * (x / 5.3 + y / 37)) + 6 * np.sin(2 * np.pi * y / 6.1)
    return rounded(shown * 0.9 + 12 + pattern[..., None])


def _scanned(picture: Pixels, rng: Draw) -> Pixels:
    """Scan an old print: faded, dusty, a white edge."""
    found = rounded(60 + 0.62 * picture * np.array([1.08, 1.0, 0.86]))
    for _ in range(60):
        at = int(rng.integers(found.shape[1])), int(rng.integers(found.shape[0]))
        cv2.circle(found, at, int(rng.integers(1, 3)), (250, 250, 245), -1)
    edge = round(0.015 * max(found.shape))
    return np.pad(found, ((edge, edge), (edge, edge), (0, 0)), constant_values=250)


# Several in one


def _collage(down: int, across: int) -> Change:
    """Put it beside other pictures, here made ones, in cells of one size with gaps between them."""

    def change(picture: Pixels, rng: Draw) -> Pixels:
        cell = (480, 360) if picture.shape[1] >= picture.shape[0] else (360, 480)
        own = int(rng.integers(down * across))
        cells = [_filled(picture, cell) if at == own else _made(cell, rng) for at in range(down * across)]
        gap = 10
        rows = []
        for row in range(down):
            line = cells[row * across : (row + 1) * across]
            rows.append(
                np.hstack([np.pad(each, ((gap, gap), (gap, gap), (0, 0)), constant_values=255) for each in line])
            )
        return np.vstack(rows)

    return change


def _filled(picture: Pixels, size: tuple[int, int]) -> Pixels:
    scale = max(size[0] / picture.shape[1], size[1] / picture.shape[0])
    large = cv2.resize(picture, None, fx=scale + 1e-6, fy=scale + 1e-6, interpolation=cv2.INTER_AREA)
    top, left = (large.shape[0] - size[1]) // 2, (large.shape[1] - size[0]) // 2
    return np.asarray(large[top : top + size[1], left : left + size[0]], np.uint8)


def _made(size: tuple[int, int], rng: Draw) -> Pixels:
    """Draw some picture: a sky and a ground, with things in front."""
    width, height = size
    base = np.linspace(rng.integers(0, 256, 3), rng.integers(0, 256, 3), height)[:, None].repeat(width, 1)
    image = Image.fromarray(rounded(base))
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = rng.integers(width), rng.integers(height)
        a, b = rng.integers(8, width // 3), rng.integers(8, height // 3)
        shape = (int(x), int(y), int(x + a), int(y + b))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(shape, fill=tuple(rng.integers(0, 256, 3).tolist()))  # noqa: PLR2004 - either
    return noisy(np.asarray(image), 6, rng)


# Formats


def _as_form(form: str, suffix: str, **options: Any) -> Callable[[Original, Draw], EditedCopy]:
    def make(original: Original, _rng: Draw) -> EditedCopy:
        out = BytesIO()
        Image.fromarray(original.pixels).save(out, form, **options)
        return EditedCopy(out.getvalue(), suffix)

    return make


def _as_heic(original: Original, _rng: Draw) -> EditedCopy:
    from pillow_heif import from_pillow  # noqa: PLC0415 - only needed here

    out = BytesIO()
    from_pillow(Image.fromarray(original.pixels)).save(out, quality=70)
    return EditedCopy(out.getvalue(), ".heic")


def _palette(colours: int, form: str, suffix: str) -> Callable[[Original, Draw], EditedCopy]:
    def make(original: Original, _rng: Draw) -> EditedCopy:
        out = BytesIO()
        Image.fromarray(original.pixels).quantize(colours).save(out, form)
        return EditedCopy(out.getvalue(), suffix)

    return make


def _animated(original: Original, rng: Draw) -> EditedCopy:
    """Make an animation whose first frame is the photo."""
    shown = Image.fromarray(fitted(original.pixels, 480))
    others = [Image.fromarray(_made(shown.size, rng)) for _ in range(3)]
    out = BytesIO()
    shown.save(out, "WEBP", save_all=True, append_images=others, duration=200)
    return EditedCopy(out.getvalue(), ".webp")


def _sent_twice(original: Original, rng: Draw) -> EditedCopy:
    once = Image.open(BytesIO(saved(fitted(original.pixels, 1280), original, rng, 60, keeps=0).data))
    return saved(fitted(np.asarray(once.convert("RGB")), 1024), original, rng, 60, keeps=0)


def _edit(name: str, change: Change, relation: str = "edited") -> Edit:
    return Edit(name, _after(change), relation)


PROGRAM_EDITS = (
    Edit("jpeg 20", _after(lambda picture, _rng: picture, 20), "same"),
    Edit("tiff", _as_form("TIFF", ".tif"), "same"),
    Edit("bmp", _as_form("BMP", ".bmp"), "same"),
    Edit("avif", _as_form("AVIF", ".avif", quality=70), "same"),
    Edit("heic", _as_heic, "same"),
    Edit("sent twice", _sent_twice, "same"),
    _edit("enlarged", sized(2, 2), "same"),
    Edit("palette 256", _palette(256, "PNG", ".png"), "same"),
    Edit("palette 16", _palette(16, "GIF", ".gif")),
    Edit("animation", _animated),
    _edit("turned 0.5", turned(0.5, cut=True)),
    _edit("turned 1", turned(1, cut=True)),
    _edit("turned 2", turned(2, cut=True)),
    _edit("turned 1, corners", turned(1, cut=False)),
    _edit("turned 4", turned(4, cut=True)),
    _edit("stretched 8 %", sized(1.08, 1)),
    _edit("stretched 20 %", sized(1.2, 1)),
    _edit("squashed 15 %", sized(1, 0.85)),
    _edit("to a square", to_square),
    _edit("perspective", upright_lines),
    _edit("lens corrected", barrel),
    _edit("crop 70 %", part(0.7)),
    _edit("crop 50 %", part(0.5)),
    _edit("crop 30 %", part(0.3)),
    _edit("crop square", shape(1, 1)),
    _edit("crop 16:9", shape(16, 9)),
    _edit("mirrored, cropped", mirrored_part),
    _edit("upside down", half_turned),
    _edit("exposure +1", lambda picture, _rng: exposed(picture, 0.6)),
    _edit("exposure -1", lambda picture, _rng: exposed(picture, -0.8)),
    _edit("contrast", curve(lambda x: 0.5 + 0.5 * np.tanh(4 * (x - 0.5)) / np.tanh(2))),
    _edit("faded", curve(lambda x: 0.18 + 0.7 * x)),
    _edit("white balance", warm),
    _edit("saturated", saturated),
    _edit("black and white", grey),
    _edit("sepia", sepia),
    _edit("filter", crossed),
    _edit("local contrast", local_contrast),
    _edit("shadows", lifted),
    _edit("dehazed", dehazed),
    _edit("vignette", vignette),
    _edit("sharpened", sharpened),
    _edit("softened", soft),
    _edit("noise removed", smoothed),
    _edit("grain", grainy),
    _edit("portrait mode", portrait),
    _edit("sticker", _sticker),
    _edit("text", _text),
    _edit("caption over a fifth", _caption(0.2, inside=True)),
    _edit("caption below", _caption(0.15, inside=False)),
    _edit("date", _date),
    _edit("scribbled", _scribbled),
    _edit("part hidden", _pixelated),
    _edit("retouched", _retouched),
    _edit("round corners", _corners),
    _edit("polaroid", _polaroid),
    _edit("screenshot", _screenshot),
    _edit("story", _story),
    _edit("print photographed", _printed),
    _edit("screen photographed", _on_screen),
    _edit("print scanned", _scanned),
    _edit("diptych", _collage(1, 2), "part of"),
    _edit("collage", _collage(2, 2), "part of"),
    _edit("contact sheet", _collage(4, 5), "part of"),
)
"""64 kinds."""
ALL_EDITS = (*EDITS, *PROGRAM_EDITS)
