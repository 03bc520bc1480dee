"""Frames that are made from another one: copies and edits that kept the time of their original are no frames.

No camera takes two pictures at one instant. But many tell whole seconds only, and in one second a fast one takes ten
or twenty: so a copy must show the same picture, and bear a sign that it was made from the other. Where in doubt, both
are frames: a photo that was left out of its burst by mistake would be missed, a copy in it is seen.
"""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import cv2
import numpy as np

from photoidx.queries.bursts.frames import NO_TIME, Frames
from photoidx.queries.bursts.registration import Grey, Registered
from photoidx.queries.compare.pictures import Picture, made_from, same

_MOST_IN_A_SECOND = 60
_AT_ONCE = 100
_SAME_EV, _SAME_FOCAL, _SAME_SIDES = 0.1, 0.02, 2
_RELATED, _RELATED_SECOND = 0.45, 0.7
"""The cosine above which two signs suffice, for an edit may be cropped or painted over: at one instant, in one second.
Pictures of different scenes have up to .56."""
_MADE_DISTANCE = 0.22
"""Edits have a distance of at most .2 with few exceptions; other views of a thing .28 and more (docs/duplicates.md)."""
_STILL = 0.0015  # of the area, and of the size: captioned copies have .0005 at most, a move of half a pixel .0034
_ROUNDED = 1.02
_LEAST_STEM = 4
_ENOUGH = 2


def derived(frames: Frames) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which frames are copies or edits of another one, which stands for them."""
    found = np.zeros(len(frames), np.bool_)
    look = Registered(frames)
    usual = _usual_sizes(frames)
    links: dict[int, set[int]] = defaultdict(set)
    for first, second in _candidates(frames):
        links[first].add(second)
        links[second].add(first)
    waiting = iter(_components(links))
    while block := list(islice(waiting, _AT_ONCE)):
        look.forget()
        look.prepare([at for together in block for at in together])
        for together in block:
            standing: set[int] = set()
            for at in sorted(together, key=lambda at: _rank(frames, at, links[at], usual)):
                if any(_is_made_from(frames, at, other, look) for other in sorted(links[at] & standing)):
                    found[at] = True
                else:
                    standing.add(at)
    return found


def _candidates(frames: Frames) -> Iterable[tuple[int, int]]:
    """Return the pairs that one camera may have taken in one press: of one time, with settings that do not differ."""
    second_of = np.where(frames.time_us == NO_TIME, NO_TIME, frames.time_us // 1_000_000)
    for step in range(1, min(_MOST_IN_A_SECOND, len(frames) - 1) + 1):
        first = np.arange(len(frames) - step)
        then = first + step
        timeless = frames.time_us[first] == NO_TIME
        together = (frames.cameras[first] == frames.cameras[then]) & (second_of[first] == second_of[then])
        together &= ~timeless | (step == 1)
        if not together.any():
            break
        first, then = first[together], then[together]
        known_apart = frames.exact[first] & frames.exact[then] & (frames.time_us[first] != frames.time_us[then])
        fits = ~known_apart & _one_press(frames, first, then)
        yield from zip(first[fits].tolist(), then[fits].tolist(), strict=True)


def _one_press(
    frames: Frames, first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return the pairs that neither settings nor file numbers tell apart.

    Equal pixels are one picture in any case: no sensor gives the same twice.
    """
    fits = np.ones(len(first), np.bool_)
    for values, most in ((frames.exposure_ev, _SAME_EV), (frames.bias_ev, _SAME_EV), (frames.sequence, 0.0)):
        fits &= ~(np.abs(values[first] - values[second]) > most)
    fits &= ~(np.abs(frames.focal_mm[first] - frames.focal_mm[second]) > _SAME_FOCAL * frames.focal_mm[first])
    names = frames.streams if frames.names is None else frames.names
    known = (frames.numbers[first] >= 0) & (frames.numbers[second] >= 0) & (names[first] == names[second])
    numbered_apart = known & (frames.numbers[first] != frames.numbers[second])
    at_one_instant = frames.exact[first] & frames.exact[second] & _other_sizes(frames, first, second)
    fits &= ~numbered_apart | at_one_instant
    return np.asarray(fits | _equal_pixels(frames, first, second), np.bool_)


def _other_sizes(frames: Frames, first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the pairs whose sizes are known and differ. What a RAW tells may be the size of its preview."""
    if frames.sizes is None:
        return np.zeros(len(first), np.bool_)
    sides = frames.sizes[first], frames.sizes[second]
    found = (np.abs(sides[0] - sides[1]).max(axis=1) > _SAME_SIDES) & (np.minimum(*sides).min(axis=1) > 0)
    return np.asarray(found if frames.raws is None else found & ~frames.raws[first] & ~frames.raws[second], np.bool_)


def _equal_pixels(frames: Frames, first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if frames.pixels is None:
        return np.zeros(len(first), np.bool_)
    return np.asarray((frames.pixels[first] == frames.pixels[second]) & (frames.pixels[first] >= 0), np.bool_)


def _rank(frames: Frames, at: int, others: Collection[int], usual: Callable[[int], int]) -> tuple[object, ...]:
    """Order frames that may be of one press: an original before what is made from it."""
    ours = _stem(frames.paths[at])
    suffixed = any(ours != (theirs := _stem(frames.paths[other])) and theirs in ours for other in others)
    area = 0 if frames.sizes is None else int(frames.sizes[at, 0]) * int(frames.sizes[at, 1])
    counted = bool(frames.numbers[at] >= 0)
    edited = frames.edited is not None and bool(frames.edited[at])
    enlarged = any(_is_enlarged(frames, at, other) and usual(at) <= usual(other) for other in others)
    return suffixed, not counted, edited, enlarged, -area, frames.paths[at].count(os.sep), frames.paths[at]


def _is_enlarged(frames: Frames, at: int, other: int) -> bool:
    """Tell whether a frame is larger than another one, and shows no more than that one may; a frame adds nothing, too.

    So is the original of a copy that was hardly reduced, if it is soft.
    """
    if frames.sizes is None or frames.detail is None:
        return False
    ours, theirs = int(frames.sizes[at, 0]), int(frames.sizes[other, 0])
    return 0 < theirs < ours - _SAME_SIDES and 0 < frames.detail[at] <= theirs * _ROUNDED


def _usual_sizes(frames: Frames) -> Callable[[int], int]:
    """Return a function that tells in how many seconds a frame's camera took pictures of its size."""
    if frames.sizes is None:
        return lambda _at: 0
    of_size = np.column_stack([frames.cameras, frames.sizes])
    seconds = np.unique(np.column_stack([of_size, frames.time_us // 1_000_000]), axis=0)
    counts = Counter(map(tuple, seconds[:, :3].tolist()))
    return lambda at: counts[tuple(of_size[at].tolist())]


def _is_made_from(frames: Frames, at: int, other: int, look: Registered) -> bool:
    """Tell whether there is evidence enough that one of two frames that may be of one press is made from the other."""
    pair = np.array([at]), np.array([other])
    if _equal_pixels(frames, *pair)[0]:
        return True
    instant = bool(frames.exact[at] and frames.exact[other])
    named, hinted = _named_after(frames.paths[at], frames.paths[other])
    signs = [
        instant,
        bool(frames.exact[at] != frames.exact[other]),  # a camera that tells sub-seconds tells them of every frame
        named,
        bool(_other_sizes(frames, *pair)[0]),
        _format(frames.paths[at]) != _format(frames.paths[other]),
        frames.programs is not None and frames.programs[at] != frames.programs[other],
    ]
    strong = sum(signs)
    if strong >= _ENOUGH and frames.time_us[at] != NO_TIME:
        least = _RELATED if instant else _RELATED_SECOND
        if bool(frames.embedded[at] and frames.embedded[other]) and frames.cosines(*pair)[0] >= least:
            return True
    strong += look.is_grey(at) is not look.is_grey(other)
    if strong:
        return same_picture(look, at, other)
    if not hinted:
        return False
    return same_picture(look, at, other, unmoved=True) or (
        _adds_to_a_count(frames, at, other) and _in_place(look, at, other)
    )


def _adds_to_a_count(frames: Frames, at: int, other: int) -> bool:
    """Return whether a name adds a number to a camera's file number, which counts all its frames.

    A name that tells the time has a number added for the second frame of its second.
    """
    short, long = sorted((at, other), key=lambda each: len(_stem(frames.paths[each])))
    counted = bool(frames.numbers[short] >= 0 and frames.numbers[long] < 0)
    return counted and _stem(frames.paths[long]).startswith(_stem(frames.paths[short]))


def _named_after(first: str, second: str) -> tuple[bool, bool]:
    """Return whether one file is named after the other, and whether its name or folder at least hints at that.

    `IMG_1 (1)` may be a copy of `IMG_1`, or the second frame of one second: a number says less than a word.
    """
    one, other = sorted((_stem(first), _stem(second)), key=len)
    elsewhere = os.path.dirname(first) != os.path.dirname(second)
    if one == other:
        return True, True
    before, found, after = other.partition(one)
    if not found or len(one) < _LEAST_STEM or (after[:1].isdigit() and one[-1].isdigit()):
        return False, elsewhere
    return any(char.isalpha() for char in before + after), True


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0].casefold()


def _format(path: str) -> str:
    suffix = os.path.splitext(path)[1].casefold()
    return {".jpeg": ".jpg", ".jpe": ".jpg", ".heif": ".heic", ".tiff": ".tif"}.get(suffix, suffix)


def same_picture(look: Registered, first: int, second: int, *, unmoved: bool = False) -> bool:
    """Return whether two thumbnails show one picture by one map of the plane, whatever the tones; `unmoved`: in place.

    Otherwise the second may be mirrored, too.
    """
    pictures = [look.whole(each) for each in (first, second)]
    if pictures[0] is None or pictures[1] is None:
        return False
    here, there = (_picture(each) for each in pictures if each is not None)
    if same(here, there) is not None:
        return True
    if unmoved:
        return False
    found = made_from(here, there)
    return found is not None and found.distance <= _MADE_DISTANCE


def _in_place(look: Registered, first: int, second: int) -> bool:
    """Return whether two thumbnails show one picture that did not move, apart from what covers a part of one."""
    pictures = [look.whole(each) for each in (first, second)]
    if pictures[0] is None or pictures[1] is None:
        return False
    found = made_from(*(_picture(each) for each in pictures if each is not None))
    if found is None or found.distance > _MADE_DISTANCE:
        return False
    moved = max(abs(found.scale - 1), 1 - min(found.shown), math.radians(abs(found.roll_deg)))
    return found.orientation == 0 and moved <= _STILL


def _picture(grey: Grey) -> Picture:
    return Picture(cv2.cvtColor(grey.astype(np.uint8), cv2.COLOR_GRAY2BGR))


def _components(links: Mapping[int, set[int]]) -> Iterable[Sequence[int]]:
    """Return the frames that hang together by candidate pairs."""
    told: set[int] = set()
    for start in links:
        if start in told:
            continue
        told.add(start)
        waiting, found = [start], []
        while waiting:
            at = waiting.pop()
            found.append(at)
            fresh = links[at] - told
            told |= fresh
            waiting += fresh
        yield found
