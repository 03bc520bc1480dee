"""`photoidx train`: scorers from data sets, or from your own decisions."""

from __future__ import annotations

import click


@click.group()
def train() -> None:
    """Train scorers, which `photoidx scan --scorer DIR` then uses."""
