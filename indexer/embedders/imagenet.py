"""What the 1,000 classes of ImageNet are called."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_PLACE = Path(__file__).with_name("imagenet_words.txt")


@lru_cache(maxsize=1)
def class_names() -> tuple[tuple[str, ...], ...]:
    """Return for each class its name and its synonyms, in the order of the classes' numbers."""
    lines = _PLACE.read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split(", ")) for line in lines if not line.startswith("#"))


def class_words() -> list[str]:
    """Return the name of each class."""
    return [names[0] for names in class_names()]
