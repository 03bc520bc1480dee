"""Compression at full size: the share of the score `technical` that is left for a photo larger than what it looks at.

The score looks at a photo at `raster.LONG_SIDE`. In a photo that is several times as large, the damage of a JPEG is
averaged away by then. The file's tables tell of it, and `earlier_compression.py` of a compression from before it was
saved again.

Steps are counted in those of the standard's table, which the IJG's library uses at quality 50. Up to `FREE` they cost
nothing. What lies above costs what it costs a picture that is seen at its own size: the mean score of the 12 pictures
of `kodak` (768 x 512), as a share of that at quality 95, is at quality 80, 70, 60, 50, 40, 30, 20 and 10 .95, .91,
.88, .83, .78, .70, .62 and .48. 1 / (1 + excess / HALVING) gives .97, .92, .88, .83, .79, .72, .61 and .43.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from photoidx.scoring import compression, raster
from photoidx.scoring.technical import earlier_compression as earlier

if TYPE_CHECKING:
    from photoidx.stage import Photo

FREE = 0.3
"""The steps of quality 85, of which nobody sees anything."""
HALVING = 3.5
"""By so much more the score is halved."""
_UNSEEN = 2.0
"""From so many times the size that the score sees on, the cost is whole; below it grows with the size's logarithm."""


def share_left(photo: Photo) -> float:
    """Return the share, 0 to 1, of the score that is left for a JPEG or a PNG; 1 for other formats.

    The coarser counts of the present compression and of an earlier one, where that can be told.
    """
    saved = photo.once(compression.encoding)
    long_side = saved.long_side if saved is not None else earlier.long_side_of_png(photo.data)
    if long_side <= raster.LONG_SIDE:
        return 1.0
    qualities = (None if saved is None else saved.quality, earlier.earlier_quality(photo.data))
    return share_for(min((each for each in qualities if each is not None), default=100.0), long_side)


def share_for(quality: float, long_side: int) -> float:
    """Return the share, 0 to 1, of the score that is left at a quality, 1 to 100, and a long side in pixels.

    It never falls as the quality rises. It is 1 from quality 85 on, and up to the size that the score sees: there it
    has seen the damage itself.
    """
    unseen = min(1.0, max(0.0, math.log(long_side / raster.LONG_SIDE, _UNSEEN)))
    excess = max(0.0, compression.steps_at(quality) - FREE)
    return 1 / (1 + unseen * excess / HALVING)
