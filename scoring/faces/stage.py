"""The stage `faces`: a row for each face, and what they say of the photo as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from photoidx.scoring.faces import detection, eyes, model
from photoidx.scoring.faces.detail import WIDTHS_PX, face_detail, noise_of
from photoidx.scoring.faces.detection import Box
from photoidx.scoring.faces.landmarks import Gaze, face_sharpness, look
from photoidx.scoring.faces.light import Light
from photoidx.scoring.faces.subject import important
from photoidx.scoring.raster import PREPROCESSING
from photoidx.stage import WORKING_LONG_SIDE, Photo, PhotoStage, Rows, TableSpec, column, quality

# A face is reliable if it keeps these. Measured on 60 faces of ../shared/photos/faces: nine in ten faces reduced to 50
# pixels have an eyes_open that is off by 0.10 at most (0.16 at 40, 0.30 at 30); blurred to a sharpness of -5.7, by 0.18
# at most (0.07 at -4.7, 0.35 at -6.5). From 35 degrees on, one eye is seen from the side.
LEAST_WIDTH_PX = 50.0
LEAST_SHARPNESS = -5.7
MOST_TURN_DEG = 35.0
MOST_WINK_TURN_DEG = 20.0  # farther, the far eye looks half as high as the near one
_LARGER = 2 * WORKING_LONG_SIDE

_SHARE = pa.float32()
FACES = TableSpec(
    "faces",
    "Faces as MediaPipe sees them. Null: it found a face, but no landmarks in it, as in a profile.",
    (
        column("face", pa.int32(), "Number of the face in its photo, from 0, the largest first."),
        column("box_x", _SHARE, "Left edge of the box, as a share of the frame's width."),
        column("box_y", _SHARE, "Top edge, as a share of the frame's height."),
        column("box_width", _SHARE, "Width, as a share of the frame's width."),
        column("box_height", _SHARE, "Height, as a share of the frame's height."),
        column("size_share", _SHARE, "Area of the box, as a share of the frame."),
        column("width_px", _SHARE, "Width in pixels of the picture that the landmarks were read from."),
        column("detector_score", _SHARE, "How sure the detector is, 0 to 1."),
        column("important", pa.bool_(), "At least 2 % of the frame's width and 30 % of the largest face's."),
        column(
            "reliable", pa.bool_(), "Sharp, 50 pixels wide, turned by 35 degrees at most, and not covered at both eyes."
        ),
        column("eye_left_open", _SHARE, "The person's left eye, 0 closed to 1 open."),
        column("eye_right_open", _SHARE, "The person's right eye, 0 closed to 1 open."),
        column("eye_left_opening", _SHARE, "Height of the opening between the lids of the left eye, over its width."),
        column("eye_right_opening", _SHARE, "The same of the right eye."),
        column("eye_left", pa.string(), "open, shut, or unclear: the left eye, where both measures agree."),
        column("eye_right", pa.string(), "The same of the right eye."),
        column("eyes", pa.string(), "open, shut, one shut (a wink), or unclear: what the two eyes say together."),
        column("eye_left_x", _SHARE, "Place of the left eye, as a share of the frame's width."),
        column("eye_left_y", _SHARE, "Place of the left eye, as a share of the frame's height."),
        column("eye_right_x", _SHARE, "Place of the right eye, as a share of the frame's width."),
        column("eye_right_y", _SHARE, "Place of the right eye, as a share of the frame's height."),
        column(
            "smile", _SHARE, "-1 (corners of the mouth down) to 1 (up). Null: tongue out, a gaping mouth, or a mask."
        ),
        column("mouth_open", _SHARE, "0 to 1."),
        column("gaze_x", _SHARE, "How far the eyes turn in the head: -1 to the picture's left, 1 to its right."),
        column("gaze_y", _SHARE, "The same: -1 up, 1 down."),
        column("yaw_deg", _SHARE, "Turn of the head to the picture's right."),
        column("pitch_deg", _SHARE, "Turn of the head downwards."),
        column("roll_deg", _SHARE, "Tilt of the head, clockwise."),
        column("face_sharpness", _SHARE, "ln of the Laplacian's variance over the variance, the face 128 pixels wide."),
        *(
            column(
                f"detail_{width}",
                _SHARE,
                f"ln of the fine share of the contrast of an important face {width} pixels wide. "
                "Null: smaller, cut by the frame's edge, overexposed.",
            )
            for width in WIDTHS_PX
        ),
        column("occluded", _SHARE, "Share of eight places on the face without the face's colour: mask, dark glasses."),
    ),
    row_key=("face",),
)
SUMMARY = quality(
    column("face_count", pa.int32(), "Faces in the photo."),
    column("faces_important", pa.int32(), "Those that matter; see `faces.important`."),
    column("eyes_min", pa.float32(), "The most closed eye of the important faces, 0 to 1, of those that are clear."),
    column("eyes_shut", pa.int32(), "Important faces of which an eye is clearly shut."),
    column("eyes_unclear", pa.int32(), "Important faces of which one can't tell whether both eyes are open."),
    column("smile_mean", pa.float32(), "Mean smile of the important faces that are reliable, -1 to 1."),
    column("face_sharpness_min", pa.float32(), "Sharpness of the softest important face."),
)


@dataclass(frozen=True)
class Face:
    """One face: its place, whether it matters, and how it looks; None where the model saw no landmarks."""

    box: Box
    important: bool
    width_px: float
    sharpness: float | None
    look: Gaze | None
    places: tuple[tuple[float, float], tuple[float, float]] | None
    """Where the left and the right eye are, as shares of the frame."""
    detail: Mapping[int, float] = field(default_factory=dict)

    @property
    def reliable(self) -> bool:
        """Return whether eyes and mouth can be believed."""
        seen = self.look
        return seen is not None and self._legible and not (seen.left.covered and seen.right.covered)

    @property
    def sides(self) -> tuple[str, str] | None:
        """Return whether the left and the right eye are open, shut, or unclear; None without landmarks."""
        if self.look is None:
            return None
        if not self._legible:
            return eyes.UNCLEAR, eyes.UNCLEAR
        left, right, turned = self.look.left, self.look.right, abs(self.look.yaw) > MOST_WINK_TURN_DEG
        return left.state(right, turned=turned), right.state(left, turned=turned)

    @property
    def _legible(self) -> bool:
        return (
            self.look is not None
            and self.width_px >= LEAST_WIDTH_PX
            and self.sharpness is not None
            and self.sharpness >= LEAST_SHARPNESS
            and max(abs(self.look.yaw), abs(self.look.pitch)) <= MOST_TURN_DEG
        )


def faces(photo: Photo) -> tuple[Face, ...]:
    """Read the faces of a photo, the largest first."""
    found = sorted(
        photo.once(detection.finds), key=lambda find: (-find[0].width * find[0].height, find[0].x, find[0].y)
    )
    if not found:
        return ()
    matters = important(box for box, _ in found)
    picture = whole = np.asarray(photo.image())
    widths = (box.width * whole.shape[1] for (box, _), counts in zip(found, matters, strict=True) if counts)
    if min(widths) < LEAST_WIDTH_PX:
        # Decoded once more, larger: it makes faces of a group reliable that would else be too small.
        picture = np.asarray(photo.image(_LARGER))
    same = picture.shape == whole.shape  # then what the detection read need not be read again
    sigma = noise_of(picture)
    return tuple(
        _read(picture, box, counts, known if same else None, sigma)
        for (box, known), counts in zip(found, matters, strict=True)
    )


def _read(
    picture: np.ndarray[Any, np.dtype[np.uint8]], box: Box, counts: bool, known: Gaze | None, sigma: float
) -> Face:
    height, width = picture.shape[:2]
    place = (box.x * width, box.y * height, box.width * width, box.height * height)
    seen = known if known is not None and known.light is Light.PLAIN else look(picture, *place)
    left, right = ((x / width, y / height) for x, y in seen.eyes) if seen is not None else (None, None)
    places = None if left is None or right is None else (left, right)
    detail = face_detail(picture, *seen.eyes, sigma) if counts and seen is not None else {}
    return Face(box, counts, place[2], face_sharpness(picture, *place), seen, places, detail)


class Faces(PhotoStage):
    """Finds faces and reads them."""

    name = "faces"
    needs = "both"
    weights_id = model.ASSET.sha256
    version = 3
    preprocessing = f"{PREPROCESSING}, detection {detection.VERSION}"
    tables = (FACES, SUMMARY)

    def check(self) -> None:
        """Raise AssetError if the models are not here."""
        model.check()

    def run(self, photo: Photo) -> Rows:
        """Return a row for each face, and the summary."""
        found = photo.once(faces)
        return {"faces": [_row(number, face) for number, face in enumerate(found)], "quality": [summary(found)]}


def summary(found: tuple[Face, ...]) -> dict[str, Any]:
    """Say of the photo as a whole what its important faces say. What cannot be believed is left out."""
    matter = [face for face in found if face.important]
    looks = [face.look for face in matter if face.reliable and face.look is not None]
    clear = [
        eye.openness
        for face in matter
        if face.look is not None and face.sides is not None
        for eye, state in zip((face.look.left, face.look.right), face.sides, strict=True)
        if state != eyes.UNCLEAR
    ]
    smiles = [seen.smile for seen in looks if seen.smile is not None]
    sharp = [face.sharpness for face in matter if face.sharpness is not None]
    return {
        "face_count": len(found),
        "faces_important": len(matter),
        "eyes_min": min(clear, default=None),
        "eyes_shut": sum(eyes.SHUT in (face.sides or ()) for face in matter),
        "eyes_unclear": sum(eyes.UNCLEAR in (face.sides or (eyes.UNCLEAR,)) for face in matter),
        "smile_mean": sum(smiles) / len(smiles) if smiles else None,
        "face_sharpness_min": min(sharp, default=None),
    }


def _row(number: int, face: Face) -> dict[str, Any]:
    row: dict[str, Any] = {
        "face": number,
        "box_x": face.box.x,
        "box_y": face.box.y,
        "box_width": face.box.width,
        "box_height": face.box.height,
        "size_share": face.box.width * face.box.height,
        "width_px": face.width_px,
        "detector_score": face.box.score,
        "important": face.important,
        "reliable": face.reliable,
        "face_sharpness": face.sharpness,
    }
    if face.look is not None and face.places is not None and face.sides is not None:
        (left_x, left_y), (right_x, right_y) = face.places
        left, right = face.sides
        row |= {
            "eye_left_open": face.look.left.openness,
            "eye_right_open": face.look.right.openness,
            "eye_left_opening": face.look.left.opening,
            "eye_right_opening": face.look.right.opening,
            "eye_left": left,
            "eye_right": right,
            "eyes": eyes.both(left, right),
            "eye_left_x": left_x,
            "eye_left_y": left_y,
            "eye_right_x": right_x,
            "eye_right_y": right_y,
            "smile": face.look.smile,
            "mouth_open": face.look.mouth_open,
            "gaze_x": face.look.gaze_x,
            "gaze_y": face.look.gaze_y,
            "yaw_deg": face.look.yaw,
            "pitch_deg": face.look.pitch,
            "roll_deg": face.look.roll,
            "occluded": face.look.occluded,
        }
        row |= {f"detail_{width}": value for width, value in face.detail.items()}
    return row
