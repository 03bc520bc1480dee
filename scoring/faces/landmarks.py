"""How a face looks: eyes, mouth, gaze and the head's turn, from MediaPipe's landmarks of one crop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from photoidx.scoring.faces import model
from photoidx.scoring.faces.colours import Colours, colours, covered_eyes, odd_places, tongue_out
from photoidx.scoring.faces.eyes import LEFT, RIGHT, Eye, opening
from photoidx.scoring.faces.light import Light, balanced

_CROP = 384
_MARGIN = 0.6
_CORE = 0.4  # of the box to each side of its middle: skin, for the most part
_SHARPNESS_WIDTH = 128
_PATCH = 3
_TINY = 1e-9
# Between the lips, over the mouth's width: the widest of 140 smiles is at 0.36; shouts and wide laughs are at 0.43 to
# 0.55, and the model calls the corners of a shout up, too (0.48).
_GAPES = 0.4
MOST_OCCLUDED = 0.25
"""Two of the eight places."""

Picture = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class Gaze:
    """What the landmarks tell. Left and right are the person's own; angles are in degrees, the rest from 0 to 1.

    `yaw` is positive for a head turned to the picture's right, `pitch` for one that looks down, `roll` for one that is
    tilted clockwise. `gaze_x` and `gaze_y` (-1 to 1) are how far the eyes turn in the head, to the picture's right and
    down. `smile` is -1 to 1: the corners of the mouth up less down; None where that is no smile: the tongue is out, the
    mouth gapes, or the face is covered. `occluded` is the share of eight places that do not have the face's colour.
    """

    left: Eye
    right: Eye
    smile: float | None
    mouth_open: float
    gaze_x: float
    gaze_y: float
    yaw: float
    pitch: float
    roll: float
    occluded: float
    light: Light
    eyes: tuple[tuple[float, float], tuple[float, float]]
    """Centres of the left and the right eye, in pixels of the picture."""


def look(picture: Picture, x: float, y: float, width: float, height: float, *, as_it_is: bool = False) -> Gaze | None:
    """Read the face in a box (pixels) of a picture; None if the model sees no face there. Some 8 ms.

    The light's colour is taken out first, unless it is to be read `as_it_is`.
    """
    crop, to_picture, light = _crop(picture, x, y, width, height, as_it_is=as_it_is)
    found = model.landmarker().detect(model.view(crop))
    if not found.face_landmarks:
        return None
    shape = {each.category_name: float(each.score) for each in found.face_blendshapes[0]}
    points = np.array([(point.x, point.y) for point in found.face_landmarks[0]]) * _CROP
    found_colours = colours(crop, points)
    left_covered, right_covered = (light is Light.ONE_COLOUR or covered for covered in covered_eyes(found_colours))
    occluded = float(odd_places(found_colours).mean())
    yaw, pitch, roll = angles(found.facial_transformation_matrixes[0])
    sideways = shape["eyeLookOutLeft"] + shape["eyeLookInRight"] - shape["eyeLookInLeft"] - shape["eyeLookOutRight"]
    down = shape["eyeLookDownLeft"] + shape["eyeLookDownRight"] - shape["eyeLookUpLeft"] - shape["eyeLookUpRight"]
    smile = shape["mouthSmileLeft"] + shape["mouthSmileRight"] - shape["mouthFrownLeft"] - shape["mouthFrownRight"]
    return Gaze(
        left=Eye(1 - shape["eyeBlinkLeft"], opening(points, LEFT), left_covered),
        right=Eye(1 - shape["eyeBlinkRight"], opening(points, RIGHT), right_covered),
        smile=smile / 2 if occluded < MOST_OCCLUDED and _smile_is_clear(points, found_colours) else None,
        mouth_open=shape["jawOpen"],
        gaze_x=sideways / 2,
        gaze_y=down / 2,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        occluded=occluded,
        light=light,
        eyes=(_middle(points[[263, 362]], to_picture), _middle(points[[33, 133]], to_picture)),
    )


def _smile_is_clear(points: np.ndarray[Any, Any], found: Colours) -> bool:
    """Return whether the corners of the mouth mean a smile: not where the tongue is out or it gapes."""
    width = max(float(np.hypot(*(points[291] - points[61]))), _TINY)
    gap = float(np.hypot(*(points[13] - points[14]))) / width
    return gap < _GAPES and not tongue_out(found, gap)


def angles(matrix: np.ndarray[Any, Any]) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees from MediaPipe's 4 x 4 matrix, which turns and scales a canonical face."""
    turn = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    yaw = math.atan2(turn[0, 2], turn[2, 2])
    pitch = math.asin(float(np.clip(-turn[1, 2], -1, 1)))
    roll = -math.atan2(turn[1, 0], turn[1, 1])
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def face_sharpness(picture: Picture, x: float, y: float, width: float, height: float) -> float | None:
    """Return ln(variance of the Laplacian / variance) of a face after a Gaussian of 1 pixel; None for a flat one.

    The box (pixels) is first brought to a width of 128 pixels at most, so that faces of all sizes can be compared.
    """
    left, top = max(0, round(x)), max(0, round(y))
    part = picture[top : max(top, round(y + height)), left : max(left, round(x + width))]
    if min(part.shape[:2]) < _PATCH:
        return None
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY).astype(np.float32)
    scale = _SHARPNESS_WIDTH / grey.shape[1]
    if scale < 1:
        size = (_SHARPNESS_WIDTH, max(_PATCH, round(grey.shape[0] * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), 1)
    edges, spread = float(cv2.Laplacian(smooth, cv2.CV_32F).var()), float(smooth.var())
    return math.log(edges / spread) if edges > _TINY and spread > _TINY else None


def _crop(
    picture: Picture, x: float, y: float, width: float, height: float, *, as_it_is: bool
) -> tuple[Picture, np.ndarray[Any, Any], Light]:
    """Cut a square with a margin, bring it to the model's size, and take the light's colour out.

    Also returns the way back, as a 2 x 3 matrix, and the light.
    """
    side = max(width, height) * (1 + 2 * _MARGIN)
    scale = _CROP / side
    left, top = x + width / 2 - side / 2, y + height / 2 - side / 2
    first_row, first_column = max(0, math.floor(top)), max(0, math.floor(left))
    part = picture[first_row : math.ceil(top + side), first_column : math.ceil(left + side)]
    step = min(scale, 1.0)
    if scale < 1:  # an affine warp does not average: first reduce, then place
        size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    middle = ((x + width / 2 - first_column) * step, (y + height / 2 - first_row) * step)
    evened, light = balanced(part, middle, _CORE * max(width, height) * step)
    part = part if as_it_is else evened
    step = scale / step
    place = np.array([[step, 0, (first_column - left) * scale], [0, step, (first_row - top) * scale]])
    crop = np.asarray(cv2.warpAffine(part, place, (_CROP, _CROP), flags=cv2.INTER_LINEAR), np.uint8)
    return crop, np.array([[1 / scale, 0, left], [0, 1 / scale, top]]), light


def _middle(points: np.ndarray[Any, Any], to_picture: np.ndarray[Any, Any]) -> tuple[float, float]:
    x, y = to_picture @ np.append(points.mean(axis=0), 1.0)
    return float(x), float(y)
