"""Which of two frames of a group is sharper, by how much, and where.

On the faces, person by person: only what both frames show of one person is compared, at the largest width that both
faces have. Where nobody can be compared: in the subject, if it is of one kind in both, else all over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Facts = Mapping[str, Any]

GATE = 0.7
"""A frame is clearly softer if its S = ln(fine share of the contrast) is lower by this: half the fine detail."""
# The widths at which faces are measured, with the S below which a face is too soft to tell anything of its frame: of
# sharp faces of ../shared/photos/groups and faces 99 in 100 lie above it, and of those out of focus by a disk of 5
# pixels (in a frame of 1200) half lie below.
_SOFTEST_FACE = {32: -2.9, 45: -3.3, 64: -4.0, 90: -4.4, 128: -5.3, 180: -5.7}
_NAMES = tuple(f"detail_{width}" for width in _SOFTEST_FACE)
_MOST_TURN_DEG = 35.0  # of a head: farther, one eye is seen from the side, and the width of the face with it
_MOST_TURNED_DEG = 20.0  # between two frames
_NOISIER = 1.5
_TEXTURE = 3.0  # grey levels of noise that fine texture alone can look like
_GRAIN = 1.0
_FACE, _FACES, _ONE_FACE = "on the face", "on the faces", "on one of the faces"


@dataclass(frozen=True)
class Lead:
    """S of a frame and of another one, measured alike, and where. `value` is by how much the frame is sharper."""

    own: float
    other: float
    where: str

    @property
    def value(self) -> float:
        """By how much S of the frame is higher; below 0 if the other one is sharper."""
        return self.own - self.other


Leads = Mapping[tuple[int, int], Lead]
"""The lead of one frame over another, by both numbers; none where they can't be compared."""


def leads(qualities: Sequence[Facts], persons: Sequence[Mapping[int, Facts]]) -> Leads:
    """Compare all frames of a group. `persons` are for each person the face by the frame's number."""
    found: dict[tuple[int, int], Lead] = {}
    known = [_Person(len(qualities), seen) for seen in persons]
    for first in range(len(qualities)):
        for second in range(first):
            lead = _on_faces(known, first, second) or _elsewhere(qualities[first], qualities[second])
            if lead is not None and not _by_noise(lead, qualities[first], qualities[second]):
                found[first, second] = lead
                found[second, first] = Lead(lead.other, lead.own, lead.where)
    return found


class _Person:
    """One person: S by frame and width (n x widths, NaN where it is not known), and how the head is turned."""

    def __init__(self, frames: int, seen: Mapping[int, Facts]) -> None:
        self.detail = np.full((frames, len(_SOFTEST_FACE)), np.nan)
        self.yaw = np.zeros(frames)
        for number, face in seen.items():
            if max(abs(face.get("yaw_deg") or 0.0), abs(face.get("pitch_deg") or 0.0)) <= _MOST_TURN_DEG:
                values = [face.get(name) for name in _NAMES]
                self.detail[number] = [np.nan if value is None else value for value in values]
                self.yaw[number] = face.get("yaw_deg") or 0.0

    def compared(self, first: int, second: int) -> tuple[float, float] | None:
        """Return S in two frames at the largest width of both; None where that is a guess."""
        if abs(self.yaw[first] - self.yaw[second]) > _MOST_TURNED_DEG:
            return None
        both = np.flatnonzero(~np.isnan(self.detail[[first, second]]).any(axis=0))
        if not len(both):
            return None
        one, other = self.detail[[first, second], both[-1]].tolist()
        return (one, other) if max(one, other) >= tuple(_SOFTEST_FACE.values())[both[-1]] else None


def much_softer(seen: Mapping[int, Facts], most: float) -> set[int]:
    """Return the frames in which a person's face has a lower S than in another frame, by more than `most`.

    So has one that was not measured, where others were.
    """
    known = {
        number: {name: face[name] for name in _NAMES if face.get(name) is not None} for number, face in seen.items()
    }
    if not any(known.values()):
        return set()
    found = set()
    for number, detail in known.items():
        shared = [(each, each.keys() & detail.keys()) for each in known.values()]
        behind = [each[name] - detail[name] for each, names in shared if names for name in [max(names, key=_width)]]
        if not detail or max(behind) > most:
            found.add(number)
    return found


def hard_to_read(qualities: Sequence[Facts], compared: Leads) -> set[int]:
    """Return the frames whose faces are a guess beside another frame's: clearly softer, or noisier and no sharper.

    Motion makes lids look shut, noise makes them look open, and a smile goes in both. A frame that is sharper may look
    noisy by its texture.
    """
    found = set()
    for number, quality in enumerate(qualities):
        for other, beside in enumerate(qualities):
            lead = compared.get((other, number))
            softer = lead is not None and lead.where in {_FACE, _FACES, _ONE_FACE} and lead.value > GATE
            sharper = lead is not None and lead.value < -GATE / 3
            if softer or (is_noisier(quality, beside) and not sharper):
                found.add(number)
    return found


def is_noisier(quality: Facts, other: Facts) -> bool:
    """Return whether a frame is clearly noisier than another; not so where noise is not known."""
    ours, theirs = quality.get("noise_sigma"), other.get("noise_sigma")
    return ours is not None and theirs is not None and ours > _NOISIER * theirs + _GRAIN


def _width(name: str) -> int:
    return _NAMES.index(name)


def _on_faces(persons: Sequence[_Person], first: int, second: int) -> Lead | None:
    """Compare the people that two frames share: by the mean, or by one who is clearly softer while nobody is sharper.

    Where one person is sharper here and another there, the focus moved between them, and the mean is what is left.
    """
    pairs = [pair for person in persons if (pair := person.compared(first, second)) is not None]
    if not pairs:
        return None
    one, other = max(pairs, key=lambda pair: abs(pair[0] - pair[1]))
    sign = 1 if one > other else -1
    against = min(sign * (mine - theirs) for mine, theirs in pairs)
    where = _FACE if len(pairs) == 1 else _FACES
    mean, other_mean = (float(np.mean([pair[side] for pair in pairs])) for side in (0, 1))
    if abs(one - other) >= GATE > abs(mean - other_mean) and against > -GATE / 3:
        return Lead(one, other, _ONE_FACE)
    return Lead(mean, other_mean, where)


def _elsewhere(first: Facts, second: Facts) -> Lead | None:
    """Compare the subject or the whole picture; None if one was not measured."""
    kinds = [(quality.get("subject_kind"), quality.get("faces_important")) for quality in (first, second)]
    alike = kinds[0][0] == kinds[1][0] and (kinds[0][0] != "faces" or kinds[0] == kinds[1])
    name, where = ("sharpness_subject", "on the subject") if alike else ("sharpness_global", "all over")
    own, other = first.get(name), second.get(name)
    return None if own is None or other is None else Lead(own, other, where)


def _by_noise(lead: Lead, first: Facts, second: Facts) -> bool:
    """Return whether the difference may be noise: it looks like fine detail, and what is taken off for it is a guess.

    The sharper frame may look noisy by its texture; a softer one has no more texture than the other. Texture is sharper
    everywhere: where one face alone is, noise is the likelier cause.
    """
    sharper, softer = (first, second) if lead.value > 0 else (second, first)
    noise, other = (quality.get("noise_sigma") or 0.0 for quality in (sharper, softer))
    if noise > _NOISIER * other + (_GRAIN if lead.where == _ONE_FACE else _TEXTURE):
        return True
    return abs(lead.value) < GATE and other > _NOISIER * noise + _GRAIN
