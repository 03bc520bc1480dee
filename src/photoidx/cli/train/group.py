"""`photoidx train`: scorers from data sets, or from your own decisions."""

from __future__ import annotations

from photoidx.cli.commands import TRAINERS
from photoidx.cli.terminal.lazy import lazy_group


@lazy_group(sections=TRAINERS)
def train() -> None:
    """Train scorers, which `photoidx scan --scorer DIR` then uses."""
