"""What becomes of a sidecar's field: what we would say, what it says now, and what others had said before us. Pure.

| the sidecar says | we say | what is written |
| --- | --- | --- |
| nothing (no stars count as nothing) | a value | the value |
| the same | the same | nothing |
| another value | what you decided | nothing, and it is named as a conflict; told so, the newer one or ours |
| another value | what is known otherwise | nothing |
| something else than we wrote | what is known otherwise | nothing |
| what we wrote | nothing any more | what stood there before us |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from photoidx.export.xmp.fields import Value

Policy = Literal["name", "newer", "ours"]
POLICIES: tuple[Policy, ...] = ("name", "newer", "ours")


@dataclass(frozen=True)
class Wish:
    """What we would have in a field. `is_decided`: you said it, at `at_ns` (since 1970, UTC); else it fills a blank."""

    value: int | str
    is_decided: bool = False
    at_ns: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What becomes of a field. `foreign` is what others say there; `conflict` is what we would say and may not."""

    before: Value
    after: Value
    foreign: Value
    conflict: Value = None

    @property
    def is_change(self) -> bool:
        """Whether something is written."""
        return self.before != self.after


def settle(  # noqa: PLR0917 - the six things that decide
    field: str,
    wish: Wish | None,
    now: Value,
    earlier: Mapping[str, Any] | None,
    foreign_at_ns: int | None,
    policy: Policy,
) -> Outcome:
    """Return what becomes of a field. `earlier` is what the journal has of it, `foreign_at_ns` when others wrote last.

    The newer one is yours only if both times are known.
    """
    theirs: Value = earlier["foreign"] if earlier is not None and earlier["after"] == now else now
    if wish is None:
        return Outcome(now, theirs, theirs)
    if wish.value == now or (not wish.is_decided and earlier is not None and earlier["after"] != now):
        return Outcome(now, now, theirs)
    if _is_blank(field, theirs) or wish.value == theirs:
        return Outcome(now, wish.value, theirs)
    if not wish.is_decided:
        return Outcome(now, theirs, theirs)
    is_newer = wish.at_ns is not None and foreign_at_ns is not None and wish.at_ns > foreign_at_ns
    if policy == "ours" or (policy == "newer" and is_newer):
        return Outcome(now, wish.value, theirs)
    return Outcome(now, theirs, theirs, conflict=wish.value)


def _is_blank(field: str, value: Value) -> bool:
    return value is None or value == "" or (field in {"rating", "pick"} and value == 0)
