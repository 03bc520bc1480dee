"""How a face looks: eyes, mouth, gaze and the head's turn, from MediaPipe's landmarks of one crop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from photoidx.scoring.faces import model

_CROP = 384
_MARGIN = 0.6
_SHARPNESS_WIDTH = 128
# Places on a face by their landmarks, with the colour distance (CIELAB, a and b) from the face's median from which a
# place is something else: a mask, a hand's sleeve, glasses, hair. On 69 uncovered faces of ../shared/photos/faces 97 %
# of each kind of place stay below (9 on skin, 13 on the chin, 17 on eyes, 38 on lips); a mask lies at 25 to 97.
_SKIN, _EYE, _LIPS = 16.0, 24.0, 45.0
_PLACES = (
    ((10, 67, 297, 151, 9, 109, 338), _SKIN),  # forehead
    ((280, 411, 425, 266, 330), _SKIN),  # cheeks
    ((50, 187, 205, 36, 101), _SKIN),
    ((1, 4, 5, 195, 197), _SKIN),  # nose
    ((152, 199, 175, 200, 18), _SKIN),  # chin
    ((0, 13, 14, 17, 37, 267), _LIPS),
    ((386, 374, 385, 380, 253, 443), _EYE),  # eyes
    ((159, 145, 158, 153, 23, 223), _EYE),
)
_DARK_GLASSES = -45.0  # lightness of an eye below the face's median: 97 % of uncovered eyes lie above -35
_PATCH = 3
_TINY = 1e-9

Picture = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class Look:
    """What the landmarks tell. Left and right are the person's own; angles are in degrees, the rest from 0 to 1.

    `yaw` is positive for a head turned to the picture's right, `pitch` for one that looks down, `roll` for one that is
    tilted clockwise. `gaze_x` and `gaze_y` (-1 to 1) are how far the eyes turn in the head, to the picture's right and
    down. `smile` is -1 to 1: the corners of the mouth up less down. `occluded` is the share of eight places that do
    not have the face's colour.
    """

    eye_left_open: float
    eye_right_open: float
    smile: float
    mouth_open: float
    gaze_x: float
    gaze_y: float
    yaw: float
    pitch: float
    roll: float
    occluded: float
    eyes: tuple[tuple[float, float], tuple[float, float]]
    """Centres of the left and the right eye, in pixels of the picture."""


def look(picture: Picture, x: float, y: float, width: float, height: float) -> Look | None:
    """Read the face in a box (pixels) of a picture; None if the model sees no face there. Some 8 ms."""
    crop, to_picture = _crop(picture, x, y, width, height)
    found = model.landmarker().detect(model.view(crop))
    if not found.face_landmarks:
        return None
    shape = {each.category_name: float(each.score) for each in found.face_blendshapes[0]}
    points = np.array([(point.x, point.y) for point in found.face_landmarks[0]]) * _CROP
    yaw, pitch, roll = angles(found.facial_transformation_matrixes[0])
    sideways = shape["eyeLookOutLeft"] + shape["eyeLookInRight"] - shape["eyeLookInLeft"] - shape["eyeLookOutRight"]
    down = shape["eyeLookDownLeft"] + shape["eyeLookDownRight"] - shape["eyeLookUpLeft"] - shape["eyeLookUpRight"]
    smile = shape["mouthSmileLeft"] + shape["mouthSmileRight"] - shape["mouthFrownLeft"] - shape["mouthFrownRight"]
    return Look(
        eye_left_open=1 - shape["eyeBlinkLeft"],
        eye_right_open=1 - shape["eyeBlinkRight"],
        smile=smile / 2,
        mouth_open=shape["jawOpen"],
        gaze_x=sideways / 2,
        gaze_y=down / 2,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        occluded=occlusion(crop, points),
        eyes=(_middle(points[[263, 362]], to_picture), _middle(points[[33, 133]], to_picture)),
    )


def angles(matrix: np.ndarray[Any, Any]) -> tuple[float, float, float]:
    """Give yaw, pitch and roll in degrees from MediaPipe's 4 x 4 matrix, which turns and scales a canonical face."""
    turn = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    yaw = math.atan2(turn[0, 2], turn[2, 2])
    pitch = math.asin(float(np.clip(-turn[1, 2], -1, 1)))
    roll = -math.atan2(turn[1, 0], turn[1, 1])
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def occlusion(crop: Picture, points: np.ndarray[Any, Any]) -> float:
    """Give the share of eight places on the face whose colour is not the face's own. A hand has a face's colour."""
    places = np.array([_colour(crop, points[list(indices)]) for indices, _ in _PLACES])
    away = places - np.median(places, axis=0)
    limits = np.array([limit for _, limit in _PLACES])
    odd = np.hypot(away[:, 1], away[:, 2]) > limits
    odd |= (limits == _EYE) & (away[:, 0] < _DARK_GLASSES)
    return float(odd.mean())


def face_sharpness(picture: Picture, x: float, y: float, width: float, height: float) -> float | None:
    """Give ln(variance of the Laplacian / variance) of a face after a Gaussian of 1 pixel; None for a flat one.

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


def _crop(picture: Picture, x: float, y: float, width: float, height: float) -> tuple[Picture, np.ndarray[Any, Any]]:
    """Cut a square with a margin and bring it to the model's size. Also gives the way back, as a 2 x 3 matrix."""
    side = max(width, height) * (1 + 2 * _MARGIN)
    scale = _CROP / side
    left, top = x + width / 2 - side / 2, y + height / 2 - side / 2
    first_row, first_column = max(0, math.floor(top)), max(0, math.floor(left))
    part = picture[first_row : math.ceil(top + side), first_column : math.ceil(left + side)]
    if scale < 1:  # an affine warp does not average: first reduce, then place
        size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
        part, step = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8), 1.0
    else:
        step = scale
    place = np.array([[step, 0, (first_column - left) * scale], [0, step, (first_row - top) * scale]])
    crop = np.asarray(cv2.warpAffine(part, place, (_CROP, _CROP), flags=cv2.INTER_LINEAR), np.uint8)
    return crop, np.array([[1 / scale, 0, left], [0, 1 / scale, top]])


def _middle(points: np.ndarray[Any, Any], to_picture: np.ndarray[Any, Any]) -> tuple[float, float]:
    x, y = to_picture @ np.append(points.mean(axis=0), 1.0)
    return float(x), float(y)


def _colour(crop: Picture, points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give the median colour around some points, in CIELAB."""
    spots = []
    for x, y in points.astype(int):
        part = crop[max(0, y - _PATCH) : max(0, y + _PATCH + 1), max(0, x - _PATCH) : max(0, x + _PATCH + 1)]
        spots.append(part.reshape(-1, 3))
    seen = np.concatenate(spots)[None].astype(np.float32) / 255
    if not seen.size:
        return np.zeros(3)
    return np.asarray(np.median(cv2.cvtColor(seen, cv2.COLOR_RGB2LAB)[0], axis=0))
