"""A face as daylight would show it: coloured and dim light taken out of a crop before the landmarks are read."""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Any

import cv2
import numpy as np

Picture = np.ndarray[Any, np.dtype[np.uint8]]
Linear = np.ndarray[Any, np.dtype[np.float64]]

# The colour of a face: logarithms of red and of blue over green, in linear light. Of 175 faces in ../shared/photos, in
# faces and groups, 98 % lie in this range: there a picture stays as it is. Beyond, its colour is taken back to the
# median of those faces, wholly from a third of a stop beyond on: between the two nothing jumps.
_MEDIAN = np.log([2.0, 0.7])
_RANGE = np.log([[1.4, 0.4], [3.2, 1.15]])
_WHOLLY = 0.25
_LEAST_LUMINANCE = 0.05  # of the median in linear light; 2 % of the faces are darker, and are made as bright
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_MOST_GAIN, _MOST_LIFT = 8.0, 4.0  # of one channel for its colour, of all for their brightness
_EMPTY = 0.004  # a channel of which less is left (level 10 of 255) is noise: the brightest one takes its place
_SAMPLES = 20  # of the face to each side of its middle
_FOOT, _SLOPE = 0.04045, 12.92  # of the straight part of sRGB's curve, IEC 61966-2-1


class Light(Enum):
    """The light on a face: as by day; of a colour, or dim, which can be taken back; of one channel alone."""

    PLAIN = 0
    COLOURED = 1
    ONE_COLOUR = 2


def balanced(picture: Picture, middle: tuple[float, float], reach: float) -> tuple[Picture, Light]:
    """Return a picture (height x width x 3, sRGB) in which the face has a colour that faces have in daylight.

    The face's own colour is the median within `reach` pixels of `middle` (x, y). Each channel is scaled in linear
    light (von Kries 1902). Light of one colour leaves other channels empty: they become copies of the fullest one.
    Also tells what the light is like. 0.3 ms for 384 x 384 pixels.
    """
    (left, top), (right, bottom) = ([max(0, round(at + way * reach)) for at in middle] for way in (-1, 1))
    step = max(1, round(reach / _SAMPLES))
    face = picture[top:bottom:step, left:right:step].reshape(-1, 3)
    if not len(face):
        return picture, Light.PLAIN
    medians = _linear()[np.median(face, axis=0).round().astype(int)]
    empty = medians < _EMPTY
    if empty.all():
        return picture, Light.PLAIN
    if empty.any():
        fullest = int(np.argmax(medians))
        picture = picture.copy()
        picture[..., empty] = picture[..., [fullest]]
        medians = np.where(empty, medians[fullest], medians)
    gains = _gains(medians)
    if gains is None:
        return picture, Light.PLAIN
    levels = _coded(_linear()[:, None] * gains)
    return np.asarray(cv2.LUT(picture, levels[None]), np.uint8), Light.ONE_COLOUR if empty.sum() > 1 else Light.COLOURED


def _gains(medians: Linear) -> Linear | None:
    """Return what each channel of a face of this median colour is scaled by; None if it may stay as it is."""
    red, green, blue = medians
    colour = np.log([red / green, blue / green])
    beyond = float(np.linalg.norm(colour - np.clip(colour, *_RANGE)))
    luminance = float(_LUMINANCE @ medians)
    lift = min(max(_LEAST_LUMINANCE / luminance, 1.0), _MOST_LIFT)
    if beyond <= 0 and lift <= 1:
        return None
    to_red, to_blue = np.exp((_MEDIAN - colour) * min(beyond / _WHOLLY, 1.0))
    gains = np.array([to_red, 1.0, to_blue])
    gains *= luminance / float(_LUMINANCE @ (medians * gains))
    return np.asarray(np.minimum(gains, _MOST_GAIN) * lift)


@cache
def _linear() -> Linear:
    """Return the linear light of the 256 levels of sRGB."""
    levels = np.arange(256) / 255
    return np.asarray(np.where(levels <= _FOOT, levels / _SLOPE, ((levels + 0.055) / 1.055) ** 2.4))


def _coded(linear: Linear) -> Picture:
    """Return the levels of sRGB of linear light, clipped."""
    coded = np.where(linear <= _FOOT / _SLOPE, linear * _SLOPE, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(np.rint(coded * 255), 0, 255), np.uint8)
