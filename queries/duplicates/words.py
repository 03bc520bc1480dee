"""What one copy of a picture has been through, against the one that is kept: relations, edits, and their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from photoidx.queries.compare.orientation import WORDS, inverse
from photoidx.queries.duplicates.keep import Copy

KINDS = ("identical", "same", "edited", "part of", "similar")
"""The relations of a file to the one that is kept, from the narrowest to the widest."""

_WHOLE = 0.98
_CHANGED = 0.03
_ROLL_DEG = 0.1
EQUAL: Mapping[str, Any] = {"distance": 0.0, "equal_pixels": True}
"""The pair of two contents with the same pixels."""
_EDITS = {
    "mirrored": "mirrored",
    "grey": "black and white or in one tone",
    "tone": "in other light",
    "colour": "in other colours",
    "sharpened": "sharpened or softened",
    "covered": "with something else on it",
    "stretched": "stretched",
    "perspective": "in another perspective",
    "retouched": "retouched",
}


def relation_of(tie: Mapping[str, Any] | None, kept: Copy, copy: Copy) -> str:
    """Return how a copy is related to the kept one: same, edited or part of.

    The table says so. Where it does not, of two that look alike only those are the same that show all that the other
    shows, upright, in the same colours, without a frame and without anything else on them.
    """
    if tie is None:
        return "edited"
    if tie.get("equal_pixels") or tie.get("decided"):
        return "same"
    told = tie.get("relation")
    if told is not None:
        return str(told)
    is_whole = tie["overlap"] >= _WHOLE and not tie["framed"] and not tie["orientation"] and tie["changed"] <= _CHANGED
    alike = (copy.faded, copy.framed, copy.turned) == (kept.faded, kept.framed, kept.turned)
    return "same" if is_whole and alike else "edited"


def widest(relations: Sequence[str]) -> str:
    """Return the widest of some relations."""
    return max(relations, key=KINDS.index, default="identical")


def compression(copy: Copy) -> str:
    """Say how a copy is stored."""
    return f"JPEG quality {copy.quality:.0f}" if copy.quality is not None else copy.holdings.format


def described(tie: Mapping[str, Any] | None, kept: Copy, copy: Copy, *, swapped: bool) -> str:
    """Say how a copy differs from the kept one. `swapped`: the copy is the first of the pair, as the table has it.

    Without a tie the two were not compared: both are tied to another copy of the group.
    """
    one, other = kept.holdings, copy.holdings
    if tie is not None and tie.get("decided"):
        return "you called it the same"
    if tie is not None and tie.get("equal_pixels"):
        return "the same pixels" + (f", {compression(copy)}" if other.format != one.format else ", other metadata")
    said = _edits(tie, copy, kept, swapped=swapped) if tie is not None else []
    if (other.width, other.height) not in {(one.width, one.height), (one.height, one.width)}:
        said.append(f"{other.width} x {other.height}")
    if other.format != one.format or copy.quality != kept.quality:
        said.append(compression(copy))
    return ", ".join(["the same picture" if relation_of(tie, kept, copy) == "same" else "an edit of it", *said])


def _edits(tie: Mapping[str, Any], copy: Copy, kept: Copy, *, swapped: bool) -> list[str]:
    told = tie.get("edits") or ()
    orientation = int(tie.get("orientation") or 0)
    said = [WORDS[inverse(orientation) if swapped else orientation]] * bool(orientation)
    if tie.get("framed"):
        said.append("with a frame" if (abs(tie["framed"]) == 1) == swapped else "without the frame")
    elif tie.get("overlap") is not None and (tie["overlap"] < _WHOLE or "cropped" in told):
        said.append(_crop(tie, swapped=swapped))
    roll = abs(tie.get("roll_deg") or 0.0)
    if "turned" in told and roll > _ROLL_DEG:
        said.append(f"turned by {roll:.1f} degrees")
    if (tie.get("changed") or 0.0) > _CHANGED and "covered" not in told:
        said.append(_EDITS["covered"])
    if copy.faded != kept.faded and "grey" not in told:
        said.append("in less colour" if copy.faded else "in colour")
    return said + [_EDITS[each] for each in told if each in _EDITS and not (each == "mirrored" and orientation)]


def _crop(tie: Mapping[str, Any], *, swapped: bool) -> str:
    """Say how much of a picture is left: of the copy's, or of the kept one's."""
    first, second = tie.get("shown_first"), tie.get("shown_second")
    if first is None or second is None:
        less = (tie["scale"] > 1) == swapped
        share = f"{100 * tie['overlap']:.0f} %"
        return f"cropped to {share}" if less else f"of which the kept one shows {share}"
    kept, copy = (second, first) if swapped else (first, second)  # the share of each that the other shows
    if kept <= copy:
        return f"cropped to {100 * kept:.0f} %"
    return f"of which the kept one shows {100 * copy:.0f} %"
