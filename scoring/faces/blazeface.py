"""BlazeFace for short range (Bazarevsky and others 2019), run over a whole picture at once.

MediaPipe gives the net squares of 128 x 128. But it is convolutional: LiteRT runs the same file on a picture of any
size, for 0.7 ms per 128 x 128 pixels. Tiles that overlap cost 1.0 ms each, and cover the same picture twice.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from photoidx.scoring.faces import model

STEP = 16
"""The sides of a picture must be multiples of it."""
# The cells of the net's two grids: their side in pixels, and how many answers each gives.
_GRIDS = ((8, 2), (STEP, 6))
_SAME_OVERLAP = 0.3

Answers = np.ndarray[Any, np.dtype[np.float32]]


def find(picture: np.ndarray[Any, np.dtype[np.uint8]], least: float, faintest: float) -> Answers:
    """Return the faces of a picture (height x width x 3, sRGB) whose score is at least `least`, the best first.

    A face is a row of left, top, right and bottom, as shares of the frame, and the score. Answers from `faintest` on
    that overlap the best one of a face are averaged with it, as MediaPipe does: it makes the box steadier.
    """
    answers = _answers(picture, faintest)
    answers = answers[np.argsort(-answers[:, 4], kind="stable")]
    faces = []
    while len(answers) and answers[0, 4] >= least:
        same = _overlaps(answers) >= _SAME_OVERLAP
        same[0] = True
        box = np.average(answers[same, :4], axis=0, weights=answers[same, 4])
        faces.append(np.append(box, answers[0, 4]))
        answers = answers[~same]
    return np.array(faces, np.float32).reshape(-1, 5)


def _answers(picture: np.ndarray[Any, np.dtype[np.uint8]], faintest: float) -> Answers:
    """Run the net, and give its answers from a score on: n x 5, as `find` gives faces."""
    height, width = picture.shape[:2]
    offsets, scores = _run(picture)
    kept = np.flatnonzero(scores >= math.log(faintest / (1 - faintest)))
    middles = _middles(kept, height, width)
    frame = np.array([width, height], np.float32)
    centres, halves = (offsets[kept, :2] + middles) / frame, offsets[kept, 2:4] / frame / 2
    sure = 1 / (1 + np.exp(-scores[kept]))
    boxes = np.concatenate((centres - halves, centres + halves), axis=1).clip(0, 1)
    return np.asarray(np.column_stack((boxes, sure)), np.float32)


def _run(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the offsets (n x 16, pixels: the box's middle from its cell's, width, height, six points) and logits."""
    net = model.detector(max(picture.shape))
    (taken,), given = net.get_input_details(), net.get_output_details()
    scaled = picture[None].astype(np.float32)
    scaled *= 1 / 127.5
    scaled -= 1
    if tuple(taken["shape"]) != scaled.shape:
        net.resize_tensor_input(taken["index"], scaled.shape)
        net.allocate_tensors()
    net.set_tensor(taken["index"], scaled)
    net.invoke()
    offsets, scores = (net.get_tensor(each["index"])[0] for each in given)
    return offsets, scores[:, 0]


def _middles(numbers: np.ndarray[Any, Any], height: int, width: int) -> np.ndarray[Any, Any]:
    """Return the middles (x, y) in pixels of the cells that gave these answers. Grids follow each other, by rows."""
    middles = np.empty((len(numbers), 2), np.float32)
    first = 0
    for side, answers in _GRIDS:
        cells = height // side * (width // side)
        here = (numbers >= first) & (numbers < first + cells * answers)
        rows, columns = np.divmod((numbers[here] - first) // answers, width // side)
        middles[here] = (np.stack((columns, rows), axis=1) + 0.5) * side
        first += cells * answers
    return middles


def _overlaps(boxes: Answers) -> np.ndarray[Any, Any]:
    """Return what each box shares with the first, as a share of what both cover."""
    sizes = np.minimum(boxes[:, 2:4], boxes[0, 2:4]) - np.maximum(boxes[:, :2], boxes[0, :2])
    shared = np.maximum(sizes, 0).prod(axis=1)
    areas = (boxes[:, 2:4] - boxes[:, :2]).prod(axis=1)
    overlaps: np.ndarray[Any, Any] = shared / np.maximum(areas + areas[0] - shared, 1e-12)
    return overlaps
