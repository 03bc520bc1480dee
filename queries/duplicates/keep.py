"""Which copy of a picture to keep: rules in order, the first that tells two copies apart decides."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from photoidx.records import RAW_FORMATS

_SAME_SIZE = 0.05  # copies whose sides differ by less are of one size: an edge was cut or rounded

_CAMERAS = RAW_FORMATS | {"jpeg", "heif", "tiff"}  # what cameras write
_LOSSLESS = RAW_FORMATS | {"png", "tiff", "bmp"}
_UNKNOWN_QUALITY = {"heif": 100, "avif": 100, "jxl": 100}  # what cameras write; of WebP and the like it is below


@dataclass(frozen=True)
class Copy:
    """What decides about one content: sizes in pixels, the JPEG quality 1 to 100 if it is known."""

    path: str
    wish: int = 0  # -1 the user keeps it, 1 rejects it
    framed: bool = False
    turned: bool = False  # otherwise than most copies
    faded: bool = False  # less than half as colourful as another copy
    colourfulness: float | None = None
    share: float = 1.0  # of the frame that the picture itself fills
    width: int = 0
    height: int = 0
    camera: bool = False
    time: bool = False
    edited: bool = False  # by its name, or by the program that wrote it
    facts: int = 0  # how much the metadata tell
    format: str = "jpeg"
    quality: float | None = None
    mtime_ns: int = 0

    @property
    def pixels(self) -> float:
        """How many pixels the picture itself has, without a frame."""
        return max(self.width * self.height * self.share, 1.0)

    @property
    def step(self) -> int:
        """The length of its sides in steps of `_SAME_SIZE`."""
        return round(math.log(self.pixels) / 2 / _SAME_SIZE)


def _quality(copy: Copy) -> int:
    known = 101 if copy.format in _LOSSLESS else copy.quality
    return round(_UNKNOWN_QUALITY.get(copy.format, 75) if known is None else known)


def compression(copy: Copy) -> str:
    """Say how a copy is stored."""
    return f"JPEG quality {copy.quality:.0f}" if copy.quality is not None else copy.format


Rule = tuple[Callable[[Copy], Any], Callable[[Copy, Copy], str]]
"""A key (the lowest is kept), and the words for the kept copy beside another."""

_RULES: tuple[Rule, ...] = (
    (lambda one: one.wish, lambda _one, _other: "you decided so"),
    (lambda one: one.framed, lambda _one, _other: "without the frame"),
    (lambda one: one.faded, lambda _one, _other: "in colour"),
    (
        lambda one: -one.step,
        lambda one, other: f"larger: {one.width} x {one.height} against {other.width} x {other.height}",
    ),
    (lambda one: not one.camera, lambda _one, _other: "has the camera's data"),
    (lambda one: not one.time, lambda _one, _other: "has the time of the shot"),
    (lambda one: one.camera and one.format not in _CAMERAS, lambda _one, _other: "in the camera's own format"),
    (lambda one: one.turned, lambda _one, _other: "the way most copies are turned"),
    (lambda one: one.edited, lambda _one, _other: "not an edited copy"),
    (lambda one: -one.facts, lambda _one, _other: "its metadata tell more"),
    (lambda one: -round(one.pixels), lambda _one, _other: "shows more of the picture"),
    (lambda one: one.mtime_ns if one.camera else 0, lambda _one, _other: "the older file"),
    (
        lambda one: -_quality(one),
        lambda one, other: f"less compressed: {compression(one)} against {compression(other)}",
    ),
    (lambda one: one.mtime_ns, lambda _one, _other: "the older file"),
    (lambda one: (len(one.path), one.path), lambda _one, _other: "the shorter path"),
)


def preference(copy: Copy) -> tuple[Any, ...]:
    """Give the key by which copies are ordered, the one to keep first."""
    return tuple(key(copy) for key, _ in _RULES)


def reason(kept: Copy, others: Sequence[Copy]) -> str:
    """Say by which rule a copy is kept: the first that tells it from the next best."""
    second = min(others, key=preference)
    return next((words(kept, second) for key, words in _RULES if key(kept) != key(second)), "equal in everything")
