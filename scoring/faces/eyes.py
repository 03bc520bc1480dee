"""Each eye for itself: open, shut, or unclear. Pure rules over what was read of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

OPEN, SHUT, UNCLEAR, ONE_SHUT = "open", "shut", "unclear", "one shut"

# Two measures of one eye: how open the model says that it is, and the height of the opening between the lids over its
# width. Measured on 149 faces of ../shared/photos/faces and groups that look with open eyes, and on the same faces with
# painted lids: 98 % of open eyes read 0.70 and 0.17 or more, and none 0.40 or 0.11; of the shut ones, the model calls a
# third more than 0.40 open, but the opening of 90 % is under 0.09. Real lids that are lowered or shut read 0.12 to 0.84
# and 0.01 to 0.24: no limit of one measure parts them from narrow eyes that laugh, so both must agree.
_OPEN_FROM, _OPENING_FROM = 0.70, 0.17
_SHUT_TO, _SHUT_OPENING_TO = 0.40, 0.11
_NARROW_TO, _SLIT_TO = 0.60, 0.06  # no open eye's opening is as low as this, whatever the model says
# Of two open eyes the narrower one's opening is at least 0.68 of the wider one's (99 %: 0.70), and the model's answers
# differ by 0.22 at most. Of a painted wink it is 0.45 in the median.
_WINK_TO, _ALIKE_FROM, _MOST_DIFFERENCE = 0.60, 0.72, 0.25

_Points = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Lids:
    """The landmarks of one eye: its corners, and three points on the edge of each lid that face each other."""

    corners: tuple[int, int]
    upper: tuple[int, int, int]
    lower: tuple[int, int, int]


LEFT = Lids((263, 362), (387, 386, 385), (373, 374, 380))
RIGHT = Lids((33, 133), (160, 159, 158), (144, 145, 153))
"""The person's own left and right."""


@dataclass(frozen=True)
class Eye:
    """What was read of one eye: how open the model says it is (0 to 1), and its opening's height over its width.

    `covered` tells that glasses, hair or a shadow lie over it, or that there is too little colour to see whether.
    """

    openness: float
    opening: float
    covered: bool = False

    @property
    def reads_shut(self) -> bool:
        """Return whether one measure or the other says shut. It is enough for a doubt, and not for a veto."""
        return self.openness <= _SHUT_TO or self.opening <= _SLIT_TO

    def state(self, other: Eye, *, turned: bool = False) -> str:
        """Return OPEN, SHUT or UNCLEAR. The same person's other eye tells a wink from narrow eyes.

        A head that is `turned` to the side shows the far eye narrower than it is.
        """
        if self.covered:
            return UNCLEAR
        if self._is_shut or (self._winks_beside(other) and not turned):
            return SHUT
        beside = other.covered or other._is_shut or other._winks_beside(self) or self._is_as_open_as(other)
        return OPEN if self._is_open and beside else UNCLEAR

    @property
    def _is_shut(self) -> bool:
        agree = self.openness <= _SHUT_TO and self.opening <= _SHUT_OPENING_TO
        return agree or (self.openness <= _NARROW_TO and self.opening <= _SLIT_TO)

    @property
    def _is_open(self) -> bool:
        return self.openness >= _OPEN_FROM and self.opening >= _OPENING_FROM

    def _winks_beside(self, other: Eye) -> bool:
        narrower = self.openness <= _NARROW_TO and self.opening <= _WINK_TO * other.opening
        return narrower and other._is_open and not other.covered

    def _is_as_open_as(self, other: Eye) -> bool:
        return self.openness - other.openness <= _MOST_DIFFERENCE and self.opening >= _ALIKE_FROM * other.opening


def both(left: str, right: str) -> str:
    """Return what the states of two eyes say of the face: OPEN, SHUT, ONE_SHUT (a wink), or UNCLEAR."""
    if SHUT in {left, right}:
        return SHUT if left == right else ONE_SHUT if OPEN in {left, right} else UNCLEAR
    return OPEN if left == right == OPEN else UNCLEAR


def opening(points: _Points, lids: Lids) -> float:
    """Return the mean distance of the lids of one eye, in distances of its corners, from 478 landmarks (n x 2)."""
    first, last = (points[corner] for corner in lids.corners)
    along = last - first
    width = max(float(np.hypot(*along)), 1e-9)
    across = np.array([-along[1], along[0]]) / width
    apart = (points[list(lids.lower)] - points[list(lids.upper)]) @ across
    return float(abs(apart.mean())) / width
