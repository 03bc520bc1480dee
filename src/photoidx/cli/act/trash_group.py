"""`photoidx trash`."""

from __future__ import annotations

from photoidx.cli.commands import TRASH
from photoidx.cli.terminal.lazy import lazy_group


@lazy_group(sections=TRASH)
def trash() -> None:
    """See, bring back and delete what `photoidx reclaim` moved."""
