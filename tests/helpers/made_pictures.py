"""Pictures as the search for duplicates sees them, made from hashes and vectors alone."""

from __future__ import annotations

import numpy as np

from photoidx.queries.bursts.frames import NO_TIME
from photoidx.queries.duplicates.pictures import Pictures


def made(hashes: list[int], vectors: np.ndarray) -> Pictures:
    count = len(hashes)
    whole = np.stack([np.array(hashes, np.uint64)] * 4, axis=1)
    return Pictures(
        content_ids=[f"{at:032x}" for at in range(count)],
        pixels=np.arange(count),
        hash_64=np.array(hashes, np.uint64),
        hash_256=whole,
        vectors=vectors.astype(np.float16),
        cameras=np.full(count, -1),
        time_us=np.full(count, NO_TIME),
        streams=np.full(count, -1),
        numbers=np.full(count, -1),
        bursts=np.full(count, -1),
        sequence=np.full(count, -1),
        exposure=np.full((count, 4), np.nan),
        size=np.zeros((count, 2), np.int32),
        raw=np.zeros(count, np.bool_),
    )
