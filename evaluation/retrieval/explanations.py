"""Two photos side by side with what makes them alike drawn in: `photoidx explain`."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from photoidx.config import Config
from photoidx.errors import PhotoError, QueryError
from photoidx.evaluation.retrieval.key_point_matches import matches
from photoidx.evaluation.retrieval.methods import EMD, RANDOM, SIFT, EmbedderMethod, method
from photoidx.evaluation.retrieval.similarity_maps import similarity_maps
from photoidx.indexer.embedders.base import VectorStage, seen_box
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.records import format_of

Array = np.ndarray[Any, Any]

_HEIGHT, _WIDEST, _GAP, _HEAD = 480, 900, 12, 34
_PAPER, _INK, _GREY = (24, 24, 26), (236, 236, 234), (120, 120, 128)
_STRONGEST = 0.75
_MOST_LINES = 80
_GOLDEN = 0.618  # turns of the hue between one line and the next: no two neighbours look alike


@dataclass(frozen=True)
class Explanation:
    """The picture, and what it shows in numbers."""

    picture: Image.Image
    facts: dict[str, Any]


def explain(first: str, second: str, name: str, config: Config, *, random_weights: bool = False) -> Explanation:
    """Say where in two photos their similarity by a method comes from: by `sift`, or by an embedder.

    Raises QueryError if a photo can't be read, AssetError where weights are missing, PhotoidxError for other methods.
    """
    if name == EMD:
        raise QueryError(
            "emd compares colours wherever they are: there is no place to show. Choose sift or an embedder."
        )
    photos = [_photo(path, config) for path in (first, second)]
    if name == SIFT:
        return _by_key_points([photo.image() for photo in photos])
    chosen = method(name, config, random_weights=random_weights)
    if not isinstance(chosen, EmbedderMethod):
        raise TypeError(name)
    return _by_maps(chosen, photos)


def _photo(path: str, config: Config) -> DecodedPhoto:
    try:
        photo = DecodedPhoto(Path(path).read_bytes(), format_of(path) or "", config.max_pixels)
        photo.image()
    except OSError as error:
        raise QueryError(f"{path} can't be read: {error.strerror or error}.") from None
    except PhotoError as error:
        raise QueryError(f"{path} is no photo that can be read: {error}.") from None
    return photo


def _by_maps(chosen: EmbedderMethod, photos: list[DecodedPhoto]) -> Explanation:
    stage = chosen.stage
    found = similarity_maps(stage, *(stage.prepare(photo) for photo in photos))
    images = [photo.image() for photo in photos]
    shown = [heated(image, parts, stage) for image, parts in zip(images, (found.first, found.second), strict=True)]
    label = f"{chosen.name} (random weights)" if chosen.weights == RANDOM else chosen.name
    facts = {"method": chosen.name, "weights": chosen.weights, "cosine": round(found.cosine, 4), "how": found.how}
    return Explanation(
        _side_by_side(shown, f"{label}: cosine {found.cosine:.3f}; bright is where it comes from"), facts
    )


def heated(image: Image.Image, parts: Array, stage: VectorStage) -> Image.Image:
    """Lay a map (h x w) over the part of a picture that the model sees; the rest is dark. Parts below 0 count as 0.

    The brightest colour stands for the map's own highest value.
    """
    scale = _scale(image)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    picture = np.asarray(image.resize(size), np.float32)
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    left, top, right, bottom = (round(each * scale) for each in seen_box(image.size, stage.vision))
    positive = parts.clip(min=0)
    share = (positive / max(float(positive.max()), 1e-12)).astype(np.float32)
    inside = cv2.resize(share, (max(1, right - left), max(1, bottom - top)), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    heat = np.zeros(picture.shape[:2], np.float32)
    heat[top:bottom, left:right] = inside
    colours = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32)
    weight = (_STRONGEST * heat)[..., None]
    mixed = (0.6 * grey + 0.15 * picture) * (1 - weight) + colours * weight
    outside = np.ones(picture.shape[:2], bool)
    outside[top:bottom, left:right] = False
    mixed[outside] = 0.3 * grey[outside]
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


def _by_key_points(images: list[Image.Image]) -> Explanation:
    found = matches(*images)
    scales = [_scale(image) for image in images]
    shown = [
        image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        for image, scale in zip(images, scales, strict=True)
    ]
    agreeing = int(found.agreeing.sum())
    words = f"sift: {len(found.first)} key points match, {agreeing} of them agree on one movement"
    picture = _side_by_side(shown, words)
    pen = ImageDraw.Draw(picture)
    right = shown[0].width + _GAP
    order = np.argsort(found.agreeing, kind="stable")
    tied = set(order[:: max(1, -(-len(order) // _MOST_LINES))].tolist())
    for number in order.tolist():
        hue = colorsys.hsv_to_rgb(number * _GOLDEN % 1, 0.75, 1.0)
        colour = tuple(round(255 * each) for each in hue) if found.agreeing[number] else _GREY
        start = found.first[number] * scales[0] + (0, _HEAD)
        end = found.second[number] * scales[1] + (right, _HEAD)
        if number in tied:
            pen.line((*start.tolist(), *end.tolist()), fill=colour, width=1)
        for x, y in (start, end):
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), outline=colour, width=1)
    facts = {"method": SIFT, "weights": "", "matches": len(found.first), "agreeing": agreeing, "how": "key points"}
    return Explanation(picture, facts)


def _scale(image: Image.Image) -> float:
    return min(_HEIGHT / image.height, _WIDEST / image.width)


def _side_by_side(images: list[Image.Image], words: str) -> Image.Image:
    words = " ".join(words.split())  # a name may hold a line break
    width = sum(image.width for image in images) + _GAP
    whole = Image.new("RGB", (width, max(image.height for image in images) + _HEAD), _PAPER)
    whole.paste(images[0], (0, _HEAD))
    whole.paste(images[1], (images[0].width + _GAP, _HEAD))
    pen = ImageDraw.Draw(whole)
    size = 17.0
    while size > 8 and pen.textlength(words, ImageFont.load_default(size)) > width - 20:  # noqa: PLR2004 - readable
        size -= 1
    pen.text((10, 8), words, fill=_INK, font=ImageFont.load_default(size))
    return whole
