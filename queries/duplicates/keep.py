"""Which files of one picture stay: the one that holds what the others hold, and every file that only itself holds.

The files are taken one after another, those first that hold more. A file goes only if one that stays holds all that it
holds (`holdings.may_go`). The order decides nothing but which of two that hold the same is kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from photoidx.queries.duplicates.holdings.rules import Holdings, Tie, lacks_apart_from_the_picture, may_go
from photoidx.records import RAW_FORMATS

_CAMERAS = RAW_FORMATS | {"jpeg", "heif", "tiff"}  # what cameras write
_MOST_COMPARED = 40  # files that a file is compared with to tell how much it holds

Ties = Callable[[int, int], Tie]
"""What is known of the first file, as the one that stays, and the second."""


@dataclass(frozen=True)
class Copy:
    """What decides between files that hold the same. `flag`: -1 the user keeps it, 1 rejects it.

    `framed`: with a frame around it. `faded`: less than half as colourful as another copy. `turned`: otherwise than
    most copies. `quality`: of a JPEG, 1 to 100, if it is known.
    """

    holdings: Holdings
    flag: int = 0
    framed: bool = False
    faded: bool = False
    turned: bool = False
    quality: float | None = None
    colourfulness: float | None = None
    mtime_ns: int | None = 0

    @property
    def pixels(self) -> int:
        """How many pixels it has; 0 if that is not known."""
        return (self.holdings.width or 0) * (self.holdings.height or 0)


Rule = tuple[Callable[[Copy], Any], str]
"""A key (the lowest is kept), and the words for the kept copy beside another."""

_RULES: tuple[Rule, ...] = (
    (lambda one: one.flag, "you decided so"),
    (lambda one: one.framed, "without the frame"),
    (lambda one: one.faded, "in colour"),
    (lambda one: -(one.holdings.pictures or 1), "it holds more pictures"),
    (lambda one: -len(one.holdings.parts or ()), "it holds more than a picture"),
    (lambda one: -len(one.holdings.company), "other files belong to it"),
    (lambda one: not one.holdings.has_camera, "has the camera's data"),
    (lambda one: -len(one.holdings.facts) - len(one.holdings.words or ()), "its metadata tell more"),
    (lambda one: one.holdings.edited, "not an edited copy"),
    (lambda one: one.holdings.resized, "at its first size"),
    (lambda one: one.turned, "the way most copies are turned"),
    (lambda one: -one.pixels, "larger"),
    (lambda one: one.holdings.format not in _CAMERAS, "in a format of cameras"),
    (lambda one: -round(one.quality or 0), "less compressed"),
    # From here on nothing but where and since when the files lie. Files with company go by their folder alone, so that
    # those of one shot stay together.
    (lambda one: one.mtime_ns is None and not one.holdings.company, "its time of change is known"),
    (lambda one: 0 if one.holdings.company else one.mtime_ns or 0, "the older file"),
    (lambda one: _folder(one.holdings.path), "the shorter path"),
    (lambda one: (len(one.holdings.path), one.holdings.path), "the shorter path"),
)


def age(mtime_ns: int | None) -> tuple[bool, int]:
    """Return a key that is lower for an older file, and highest for one whose time is not known."""
    return mtime_ns is None, mtime_ns or 0


def _folder(path: str) -> tuple[int, str]:
    folder = os.path.dirname(path)
    return len(folder), folder


def preference(copy: Copy) -> tuple[Any, ...]:
    """Return the key by which copies are ordered, the one to keep first."""
    return tuple(key(copy) for key, _ in _RULES)


def reason(kept: Copy, other: Copy) -> str:
    """Say by which rule a copy comes before another: the first that tells them apart."""
    return next((words for key, words in _RULES if key(kept) != key(other)), "equal in everything")


def in_order(copies: Sequence[Copy]) -> list[int]:
    """Order copies, the one to keep first: those that hold what more of the others hold, then by the rules.

    Only what costs no look at the pictures counts; a user's decision comes before everything.
    """
    held = [0] * len(copies)
    for one in range(len(copies)):
        for other in range(max(0, one - _MOST_COMPARED), min(len(copies), one + _MOST_COMPARED)):
            if one != other:
                held[one] += not lacks_apart_from_the_picture(copies[one].holdings, copies[other].holdings)

    def key(at: int) -> tuple[Any, ...]:
        copy = copies[at]
        return copy.flag, copy.framed, copy.faded, -held[at], preference(copy)

    return sorted(range(len(copies)), key=key)


def that_go(
    copies: Sequence[Copy], ties: Ties, stays: Collection[int] = (), gone: Collection[int] = ()
) -> dict[int, int]:
    """Return which copies may go, each with the one that stays for it.

    `stays` are copies that stay whatever they hold: the user said so. `gone` are not there: nothing may go for them.
    """
    staying: list[int] = []
    going: dict[int, int] = {}
    for at in in_order(copies):
        if at not in gone:
            keeper = None if at in stays else _keeper(copies, ties, staying, at)
            if keeper is None:
                staying.append(at)
            else:
                going[at] = keeper
    for at in [each for each in staying if each not in stays]:
        _pass_on(copies, ties, staying, going, at)
    return going


def _keeper(copies: Sequence[Copy], ties: Ties, staying: Sequence[int], at: int) -> int | None:
    for each in staying:
        is_wanted = copies[each].flag <= 0  # one that the user rejects may be gone tomorrow
        if is_wanted and may_go(copies[each].holdings, copies[at].holdings, ties(each, at)):
            return each
    return None


def _pass_on(copies: Sequence[Copy], ties: Ties, staying: list[int], going: dict[int, int], at: int) -> None:
    """Let a copy go that came first, if one that stays holds all of it, and of those that were to go for it."""
    rest = [each for each in staying if each != at]
    heirs: dict[int, int] = {}
    for each in [at, *(other for other, keeper in going.items() if keeper == at)]:
        keeper = _keeper(copies, ties, rest, each)
        if keeper is None:
            return
        heirs[each] = keeper
    staying.remove(at)
    going |= heirs
