"""What the scores of one photo say, in sentences. A pure function of the facts that `show` gives."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

# From these values on something is worth a word. They are for words only: no choice between photos uses them.
_CLIPPED = 0.01
_NOISY, _GRAINY = 6.0, 3.0
_TILT_DEG, _TILT_SURE = 1.0, 0.5
_BLOCKY_QUALITY = 60
_SMILES, _FROWNS = 0.3, -0.2
_MOUTH_OPEN = 0.3
_TURNED_DEG = 15.0

Numbers = Mapping[str, Sequence[float]]
"""The values that a score has in the whole library, in order, by its column."""


def report(quality: Mapping[str, Any], faces: Sequence[Mapping[str, Any]], library: Numbers) -> list[str]:
    """Say what the scores mean: each sentence names the value that it stands on. What was not measured is left out."""
    sentences = [
        _technical(quality, library),
        _sharpness(quality, library),
        _noise(quality),
        *_exposure(quality),
        _colour(quality),
        _compression(quality),
        _horizon(quality),
        _people(quality),
        *(_face(face) for face in faces),
    ]
    return [sentence for sentence in sentences if sentence]


def standing(value: float, others: Sequence[float]) -> float | None:
    """Return the share of the others that a value exceeds, ties counted half; None where there are too few to tell."""
    if len(others) < 2:  # noqa: PLR2004 - the photo itself is one of them
        return None
    below, upto = bisect_left(others, value), bisect_right(others, value)
    return (below + (upto - below - 1) / 2) / (len(others) - 1)


def _compared(value: float, others: Sequence[float], better: str) -> str:
    share = standing(value, others)
    return "" if share is None else f", {better} than {100 * share:.0f} % of this library"


def _technical(quality: Mapping[str, Any], library: Numbers) -> str:
    value = quality.get("technical")
    if value is None:
        return ""
    return f"Technical quality {value:.2f} of 1{_compared(value, library.get('technical', ()), 'better')}."


def _sharpness(quality: Mapping[str, Any], library: Numbers) -> str:
    value = quality.get("sharpness_subject")
    if value is None:
        return ""
    where = "the faces" if quality.get("subject_kind") == "faces" else "the middle"
    said = f"Sharpness of {where} {value:.1f}{_compared(value, library.get('sharpness_subject', ()), 'sharper')}"
    kind, direction = quality.get("blur_kind"), quality.get("blur_direction_deg")
    if kind == "motion" and direction is not None:
        said += f"; blurred by motion at {direction:.0f} degrees"
    elif kind == "defocus":
        said += "; out of focus"
    return said + "."


def _noise(quality: Mapping[str, Any]) -> str:
    sigma = quality.get("noise_sigma")
    if sigma is None:
        return ""
    word = "noisy" if sigma >= _NOISY else "some grain" if sigma >= _GRAINY else "clean"
    return f"Noise {sigma:.1f} of 255 grey levels: {word}."


def _exposure(quality: Mapping[str, Any]) -> list[str]:
    names = (("clipped_highlights", "Highlights"), ("clipped_shadows", "Shadows"))
    said = [
        f"{word}: {100 * quality[name]:.0f} % of the picture are clipped."
        for name, word in names
        if (quality.get(name) or 0) >= _CLIPPED
    ]
    middle = quality.get("luma_p50")
    if middle is not None:
        said.append(f"Median brightness {middle:.0f} of 255.")
    return said


def _colour(quality: Mapping[str, Any]) -> str:
    value = quality.get("colourfulness")
    return "" if value is None else f"Colourfulness {value:.0f}."


def _compression(quality: Mapping[str, Any]) -> str:
    value = quality.get("jpeg_quality")
    if value is None:
        return ""
    return f"Saved as JPEG at quality {value:.0f}{': compression may show' if value < _BLOCKY_QUALITY else ''}."


def _horizon(quality: Mapping[str, Any]) -> str:
    tilt, sure = quality.get("horizon_tilt_deg"), quality.get("horizon_confidence") or 0
    if tilt is None or sure < _TILT_SURE or abs(tilt) < _TILT_DEG:
        return ""
    return f"Tilted by {abs(tilt):.1f} degrees {'clockwise' if tilt > 0 else 'counter-clockwise'}."


def _people(quality: Mapping[str, Any]) -> str:
    count, important = quality.get("face_count"), quality.get("faces_important")
    if not count:
        return "" if count is None else "No faces."
    said = "1 face" if count == 1 else f"{count} faces, {'all' if important == count else important} important"
    eyes, shut, unclear = (quality.get(name) for name in ("eyes_min", "eyes_shut", "eyes_unclear"))
    if eyes is None:
        return said + "; none whose eyes can be read."
    said += f"; the most closed eye that is clear is {100 * eyes:.0f} % open"
    if shut:
        said += f"; {shut} with an eye shut"
    return said + (f"; {unclear} with eyes that are unclear." if unclear else ".")


def _face(face: Mapping[str, Any]) -> str:
    where = f"Face {face['face'] + 1}"
    if face.get("eye_left_open") is None:
        return f"{where}: seen from the side or too unclear to read."
    left, right = face["eye_left_open"], face["eye_right_open"]
    said = [f"eyes {_eyes(face)} ({left:.2f}, {right:.2f})"]
    smile = face["smile"]
    if smile is not None and (smile >= _SMILES or smile <= _FROWNS):
        said.append(f"{'smiles' if smile > 0 else 'mouth turned down'} ({smile:.2f})")
    if face["mouth_open"] >= _MOUTH_OPEN:
        said.append("mouth open")
    if abs(face["yaw_deg"]) >= _TURNED_DEG:
        said.append(f"turned {abs(face['yaw_deg']):.0f} degrees to the {'right' if face['yaw_deg'] > 0 else 'left'}")
    if not face["reliable"]:
        said.append("not reliable")
    return f"{where}: {', '.join(said)}."


def _eyes(face: Mapping[str, Any]) -> str:
    """Return what is told of both eyes, and of each where they differ."""
    left, right = face.get("eye_left"), face.get("eye_right")
    if left is None or left == right:
        return left or "unclear"
    return f"left {left}, right {right}"
