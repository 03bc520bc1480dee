"""Which programs write the photos that they change under their own name."""

from __future__ import annotations

import re

# What programs that change pictures write as the software; cameras write the version of theirs.
_EDITORS = re.compile(
    r"adobe|photoshop|lightroom|gimp|darktable|rawtherapee|snapseed|capture one|luminar|affinity|picasa|paint|digikam|"
    r"imagemagick|acdsee|dxo photolab|vsco|pixelmator|photoscape|irfanview|xnview|instagram|canva|skylum|topaz|"
    r"gigapixel",
    re.IGNORECASE,
)


def is_by_editor(software: str | None) -> bool:
    """Return whether the program that wrote a file is one that changes pictures."""
    return bool(_EDITORS.search(software or ""))
