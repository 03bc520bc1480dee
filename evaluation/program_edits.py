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

from photoidx.evaluation.degradations import Pixels, blurred, cropped, exposed, fitted, noisy
from photoidx.evaluation.duplicate_edits import EDITS, Copy, Draw, Edit, Original, saved

_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_WORDS = ("when we were there", "SUNDAY!", "wish you were here", "the best day of all", "2019 - 07 - 04")
_PHONE = (1080, 2340)

Change = Callable[[Pixels, Draw], Pixels]


def _after(change: Change, quality: int = 90, form: str = "JPEG") -> Callable[[Original, Draw], Copy]:
    """Make a copy from what a function does to the pixels."""
    return lambda original, rng: saved(change(original.pixels, rng), original, rng, quality, form)


def _rounded(picture: Any) -> Pixels:
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


def _font(picture: Pixels, share: float) -> Any:
    return ImageFont.load_default(max(8, share * min(picture.shape[:2])))


# Geometry


def _turned(degrees: float, *, cut: bool) -> Change:
    """Turn by some degrees, either way; `cut` takes the largest upright part, as straightening does."""

    def change(picture: Pixels, rng: Draw) -> Pixels:
        angle = degrees * rng.choice((-1, 1))
        height, width = picture.shape[:2]
        shrink = 1.0
        if cut:
            tilt = np.radians(abs(angle))
            long, short = max(height, width), min(height, width)
            shrink = 1 / (np.cos(tilt) + np.sin(tilt) * long / short)
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
        turned = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC)
        return cropped(np.asarray(turned, np.uint8), (shrink, shrink), (0.5, 0.5))

    return change


def _sized(across: float, down: float) -> Change:
    def change(picture: Pixels, _rng: Draw) -> Pixels:
        height, width = picture.shape[:2]
        size = max(16, round(width * across)), max(16, round(height * down))
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)

    return change


def _to_square(picture: Pixels, _rng: Draw) -> Pixels:
    side = min(picture.shape[:2])
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _part(area: float) -> Change:
    def change(picture: Pixels, rng: Draw) -> Pixels:
        side = area**0.5
        return cropped(picture, (side, side), (rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)))

    return change


def _shape(across: float, down: float) -> Change:
    """Cut to a shape, as wide or as high as the picture allows."""

    def change(picture: Pixels, rng: Draw) -> Pixels:
        height, width = picture.shape[:2]
        wanted = across / down * height / width
        keep = (min(1.0, wanted), min(1.0, 1 / wanted))
        return cropped(picture, keep, (rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)))

    return change


def _upright_lines(picture: Pixels, rng: Draw) -> Pixels:
    """Correct converging verticals: a perspective that draws the top corners apart by 4 to 8 %."""
    height, width = picture.shape[:2]
    pull = rng.uniform(0.04, 0.08) * width
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    drawn = np.array([[-pull, 0], [width + pull, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, drawn)
    return np.asarray(cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_CUBIC), np.uint8)


def _barrel(picture: Pixels, rng: Draw) -> Pixels:
    """Correct a lens that draws barrels: up to 2 % at the corners."""
    height, width = picture.shape[:2]
    strength = rng.uniform(0.01, 0.02)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    u, v = (x - width / 2) / (width / 2), (y - height / 2) / (height / 2)
    factor = 1 - strength * (1 - (u * u + v * v) / 2)
    across, down = (u * factor + 1) * width / 2, (v * factor + 1) * height / 2
    drawn = cv2.remap(picture, across.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(drawn, np.uint8)


def _mirrored_part(picture: Pixels, rng: Draw) -> Pixels:
    return _part(0.85)(np.ascontiguousarray(picture[:, ::-1]), rng)


def _half_turned(picture: Pixels, _rng: Draw) -> Pixels:
    return np.ascontiguousarray(picture[::-1, ::-1])


# Light and colour


def _curve(bend: Callable[[Any], Any]) -> Change:
    """Bend the tones: a function of levels from 0 to 1."""
    levels = _rounded(255 * np.clip(bend(np.arange(256) / 255), 0, 1))
    return lambda picture, _rng: np.asarray(cv2.LUT(picture, levels), np.uint8)


def _warm(picture: Pixels, rng: Draw) -> Pixels:
    shift = rng.uniform(0.15, 0.25) * rng.choice((-1, 1))
    return _rounded(picture * np.array([1 + shift, 1, 1 - shift]))


def _grey(picture: Pixels, _rng: Draw) -> Pixels:
    return _rounded(np.repeat((picture @ _GREY)[..., None], 3, axis=2))


def _sepia(picture: Pixels, _rng: Draw) -> Pixels:
    return _rounded(picture @ _SEPIA.T)


def _crossed(picture: Pixels, _rng: Draw) -> Pixels:
    """Bend each colour by its own curve, as the filters of phones do."""
    levels = np.arange(256) / 255
    curves = (levels**0.8, levels, 0.15 + 0.7 * levels**1.2)
    return np.dstack([cv2.LUT(picture[..., at], _rounded(255 * curve)) for at, curve in enumerate(curves)])


def _saturated(picture: Pixels, _rng: Draw) -> Pixels:
    grey = (picture @ _GREY)[..., None]
    return _rounded(grey + (picture - grey) * 1.7)


def _local_contrast(picture: Pixels, _rng: Draw) -> Pixels:
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(3.0, (8, 8)).apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def _lifted(picture: Pixels, _rng: Draw) -> Pixels:
    """Brighten the shadows by what lies around them, as `shadows` in an editor does."""
    light = cv2.GaussianBlur(picture @ _GREY, (0, 0), max(picture.shape) / 40)[..., None] / 255
    return _rounded(255 * (picture / 255.0) ** (0.55 + 0.45 * light))


def _dehazed(picture: Pixels, _rng: Draw) -> Pixels:
    around = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), max(picture.shape) / 15)
    return _rounded(128 + 1.25 * (picture - around * 0.55 - 128 * 0.45))


def _vignette(picture: Pixels, _rng: Draw) -> Pixels:
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return _rounded(picture * (1 - 0.32 * (x * x + y * y))[..., None])


# Sharpness and grain


def _sharpened(picture: Pixels, _rng: Draw) -> Pixels:
    around = blurred(picture, max(picture.shape) / 400).astype(np.float32)
    return _rounded(picture + 2.0 * (picture - around))


def _soft(picture: Pixels, _rng: Draw) -> Pixels:
    return blurred(picture, max(picture.shape) / 300)


def _smoothed(picture: Pixels, _rng: Draw) -> Pixels:
    return np.asarray(cv2.bilateralFilter(picture, 9, 45, 7), np.uint8)


def _grainy(picture: Pixels, rng: Draw) -> Pixels:
    return noisy(picture, 18, rng)


def _portrait(picture: Pixels, _rng: Draw) -> Pixels:
    """Blur what lies around the middle, as a portrait mode does."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    sharp = np.clip(1.6 - 2 * np.hypot(x, y), 0, 1)[..., None]
    return _rounded(picture * sharp + blurred(picture, max(picture.shape) / 120) * (1 - sharp))


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
    return noisy(blurred(_rounded(lit), 1.2), 5, rng)


def _on_screen(picture: Pixels, rng: Draw) -> Pixels:
    """Photograph a screen: a fine pattern over it, and a turn of a degree or two."""
    turned = _turned(1.5, cut=True)(fitted(picture, 1400), rng)
    y, x = np.mgrid[: turned.shape[0], : turned.shape[1]]
    pattern = 8 * np.sin(2 * np.pi * (x / 5.3 + y / 37)) + 6 * np.sin(2 * np.pi * y / 6.1)
    return _rounded(turned * 0.9 + 12 + pattern[..., None])


def _scanned(picture: Pixels, rng: Draw) -> Pixels:
    """Scan an old print: faded, dusty, a white edge."""
    found = _rounded(60 + 0.62 * picture * np.array([1.08, 1.0, 0.86]))
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
    image = Image.fromarray(_rounded(base))
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = rng.integers(width), rng.integers(height)
        a, b = rng.integers(8, width // 3), rng.integers(8, height // 3)
        shape = (int(x), int(y), int(x + a), int(y + b))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(shape, fill=tuple(rng.integers(0, 256, 3).tolist()))  # noqa: PLR2004 - either
    return noisy(np.asarray(image), 6, rng)


# Formats


def _as_form(form: str, suffix: str, **options: Any) -> Callable[[Original, Draw], Copy]:
    def make(original: Original, _rng: Draw) -> Copy:
        out = BytesIO()
        Image.fromarray(original.pixels).save(out, form, **options)
        return Copy(out.getvalue(), suffix)

    return make


def _as_heic(original: Original, _rng: Draw) -> Copy:
    from pillow_heif import from_pillow  # noqa: PLC0415 - only needed here

    out = BytesIO()
    from_pillow(Image.fromarray(original.pixels)).save(out, quality=70)
    return Copy(out.getvalue(), ".heic")


def _palette(colours: int, form: str, suffix: str) -> Callable[[Original, Draw], Copy]:
    def make(original: Original, _rng: Draw) -> Copy:
        out = BytesIO()
        Image.fromarray(original.pixels).quantize(colours).save(out, form)
        return Copy(out.getvalue(), suffix)

    return make


def _animated(original: Original, rng: Draw) -> Copy:
    """Make an animation whose first frame is the photo."""
    shown = Image.fromarray(fitted(original.pixels, 480))
    others = [Image.fromarray(_made(shown.size, rng)) for _ in range(3)]
    out = BytesIO()
    shown.save(out, "WEBP", save_all=True, append_images=others, duration=200)
    return Copy(out.getvalue(), ".webp")


def _sent_twice(original: Original, rng: Draw) -> Copy:
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
    _edit("enlarged", _sized(2, 2), "same"),
    Edit("palette 256", _palette(256, "PNG", ".png"), "same"),
    Edit("palette 16", _palette(16, "GIF", ".gif")),
    Edit("animation", _animated),
    _edit("turned 0.5", _turned(0.5, cut=True)),
    _edit("turned 1", _turned(1, cut=True)),
    _edit("turned 2", _turned(2, cut=True)),
    _edit("turned 1, corners", _turned(1, cut=False)),
    _edit("turned 4", _turned(4, cut=True)),
    _edit("stretched 8 %", _sized(1.08, 1)),
    _edit("stretched 20 %", _sized(1.2, 1)),
    _edit("squashed 15 %", _sized(1, 0.85)),
    _edit("to a square", _to_square),
    _edit("perspective", _upright_lines),
    _edit("lens corrected", _barrel),
    _edit("crop 70 %", _part(0.7)),
    _edit("crop 50 %", _part(0.5)),
    _edit("crop 30 %", _part(0.3)),
    _edit("crop square", _shape(1, 1)),
    _edit("crop 16:9", _shape(16, 9)),
    _edit("mirrored, cropped", _mirrored_part),
    _edit("upside down", _half_turned),
    _edit("exposure +1", lambda picture, _rng: exposed(picture, 0.6)),
    _edit("exposure -1", lambda picture, _rng: exposed(picture, -0.8)),
    _edit("contrast", _curve(lambda x: 0.5 + 0.5 * np.tanh(4 * (x - 0.5)) / np.tanh(2))),
    _edit("faded", _curve(lambda x: 0.18 + 0.7 * x)),
    _edit("white balance", _warm),
    _edit("saturated", _saturated),
    _edit("black and white", _grey),
    _edit("sepia", _sepia),
    _edit("filter", _crossed),
    _edit("local contrast", _local_contrast),
    _edit("shadows", _lifted),
    _edit("dehazed", _dehazed),
    _edit("vignette", _vignette),
    _edit("sharpened", _sharpened),
    _edit("softened", _soft),
    _edit("noise removed", _smoothed),
    _edit("grain", _grainy),
    _edit("portrait mode", _portrait),
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
