"""How well frames of one scene are lit, one beside the other: what the scores of single pictures can't tell.

The score `technical` takes contrast for quality: of a scene with little contrast (a dark one, one under coloured light)
a frame that was exposed for too long or too short a time may have the higher one. Beside another frame of the scene
that is told: the other one is nearer to middle grey. Measured on 335 pairs of a good frame and one that was exposed by
1 to 1.7 stops too much or too little, half of them dark, a third under coloured light: by the score alone 24 wrong
frames won, with the cap 13, and none that had lost. Of 237 pairs with noise of 6 to 20 grey levels, 4 noisy frames won,
and none since noise counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from photoidx.queries.best.sharper import GATE, Leads, is_noisier

Facts = Mapping[str, Any]

_WORSE_EXPOSED = 0.7  # of the other's `midtone`, at most
_MORE_CLIPPED = 0.02  # of the pixels
_TWICE, _ROUNDING = 2.0, 0.2  # the latter in grey levels


def technical_beside(qualities: Sequence[Facts], rivals: Collection[int]) -> list[float | None]:
    """Return the technical score of each frame, but of a worse exposed one no more than a better exposed rival has."""
    return [
        min((quality["technical"], *_of_better_exposed(qualities, rivals, quality)))
        if quality.get("technical") is not None
        else None
        for quality in qualities
    ]


def _of_better_exposed(qualities: Sequence[Facts], rivals: Collection[int], quality: Facts) -> list[float]:
    better = [qualities[rival] for rival in rivals if _is_better_exposed(qualities[rival], quality)]
    return [each["technical"] for each in better if each.get("technical") is not None]


def _is_better_exposed(one: Facts, other: Facts) -> bool:
    """Return whether a frame is clearly nearer to middle grey than another, and neither clips more nor is noisier."""
    here, there = one.get("midtone"), other.get("midtone")
    if here is None or there is None or there > _WORSE_EXPOSED * here or is_noisier(one, other):
        return False
    clips = ("clipped_highlights", "clipped_shadows")
    return all((one.get(name) or 0.0) - (other.get(name) or 0.0) < _MORE_CLIPPED for name in clips)


def clean(qualities: Sequence[Facts], rivals: Collection[int], compared: Leads) -> list[float | None]:
    """Return for each frame 0 if a rival is clearly less noisy and no softer, else 1; None where noise is not known.

    A sharper frame may look noisy by its texture.
    """
    return [
        None
        if quality.get("noise_sigma") is None
        else float(not any(_is_grainy(qualities, compared, number, rival) for rival in rivals))
        for number, quality in enumerate(qualities)
    ]


def is_as_clean(one: Facts, other: Facts) -> bool:
    """Return whether neither of two frames has twice the noise of the other; equal frames have 1.1 times at most."""
    low, high = sorted(each.get("noise_sigma") or 0.0 for each in (one, other))
    return high <= _TWICE * low + _ROUNDING


def _is_grainy(qualities: Sequence[Facts], compared: Leads, number: int, rival: int) -> bool:
    lead = compared.get((number, rival))
    sharper = lead is not None and lead.value > GATE / 3
    return is_noisier(qualities[number], qualities[rival]) and not sharper
