"""What one copy of a picture has been through, against the one that is kept, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from photoidx.queries.duplicates.keep import Copy, compression
from photoidx.queries.duplicates.orientation import WORDS, inverse

_WHOLE = 0.98
_CHANGED = 0.03
EQUAL: Mapping[str, Any] = {"distance": 0.0, "equal_pixels": True}
"""The pair of two contents with the same pixels."""


def relation(tie: Mapping[str, Any] | None, kept: Copy, copy: Copy, *, swapped: bool) -> str:
    """Tell how a copy differs from the kept one. `swapped`: the copy is the first of the pair, as the table has it.

    Without a tie the two were not compared: both are tied to another copy of the group.
    """
    if tie is not None and tie.get("decided"):
        return "you called it the same"
    if tie is not None and tie.get("equal_pixels"):
        return "the same pixels" + (f", {compression(copy)}" if copy.format != kept.format else ", other metadata")
    said = _seen(tie, swapped=swapped) if tie is not None else []
    if (copy.width, copy.height) not in {(kept.width, kept.height), (kept.height, kept.width)}:
        said.append(f"{copy.width} x {copy.height}")
    if copy.format != kept.format or copy.quality != kept.quality:
        said.append(compression(copy))
    return ", ".join(["the same picture", *said])


def _seen(tie: Mapping[str, Any], *, swapped: bool) -> list[str]:
    orientation = inverse(tie["orientation"]) if swapped else tie["orientation"]
    said = [WORDS[orientation]] * bool(orientation)
    if tie["framed"]:
        said.append("with a frame" if (abs(tie["framed"]) == 1) == swapped else "without the frame")
    elif tie["overlap"] < _WHOLE:
        less = (tie["scale"] > 1) == swapped
        share = f"{100 * tie['overlap']:.0f} %"
        said.append(f"cropped to {share}" if less else f"of which the kept one shows {share}")
    if tie["changed"] > _CHANGED:
        said.append("with something else on it")
    return said
