"""Photos that just missed being a burst, so that an answer without one can say how near it was."""

from __future__ import annotations

import numpy as np

from photoidx.queries.bursts.frames import NO_TIME, narrowed, read_frames
from photoidx.queries.bursts.rules import WINDOW_S, group
from photoidx.queries.bursts.table import stored_groups
from photoidx.storage.store import Store

REACH_S = 10.0
_MOST = 300
"""So many pairs are looked at, the nearest first: the answer is a hint, and each costs a look at two thumbnails."""


def near_misses(store: Store, reach_s: float = REACH_S) -> list[float]:
    """Return the seconds between photos that would be of one burst if such might be so long apart, the shortest first.

    Counted are pairs of one camera that follow each other, of which no group has both.
    """
    frames = read_frames(store, with_vectors=False)
    first = np.arange(max(len(frames) - 1, 0))
    known = (frames.time_us[first] != NO_TIME) & (frames.cameras[first] == frames.cameras[first + 1])
    first = first[known]
    gaps = (frames.time_us[first + 1] - frames.time_us[first]) / 1e6
    missed = np.flatnonzero((gaps > WINDOW_S) & (gaps <= reach_s))
    groups = stored_groups(store)
    of = [groups.get(shot_id) for shot_id in frames.shot_ids]
    apart = [
        at for at in missed[np.argsort(gaps[missed])] if of[first[at]] is None or of[first[at]] != of[first[at] + 1]
    ]
    begin = first[apart[:_MOST]]
    pairs = {(frames.shot_ids[at], frames.shot_ids[at + 1]) for at in begin}
    moments = np.stack([frames.cameras.astype(np.int64), frames.time_us // 1_000_000])
    moment = np.unique(moments, axis=1, return_inverse=True)[1].ravel()
    # What was taken in the same second may be what one of the two is a copy of.
    at_hand = np.flatnonzero(np.isin(moment, moment[[each for at in begin for each in (at, at + 1)]]))
    near = narrowed(store, frames, [frames.shot_ids[at] for at in at_hand.tolist()])
    edges = [edge for each in group(near, reach_s) for edge in each.edges]
    named = [(edge, (near.shot_ids[edge.first], near.shot_ids[edge.second])) for edge in edges]
    return sorted({pair: edge.gap_s for edge, pair in named if pair in pairs}.values())


def hint(missed: list[float], *, any_groups: bool) -> str:
    """Say how near photos were to being a burst; nothing if there is nothing to say."""
    just = [gap for gap in missed if gap <= WINDOW_S + 1]
    told = just or ([] if any_groups else missed)
    if told:
        by = "less than a second" if just else f"{int(np.ceil(max(told) - WINDOW_S))} s or less"
        pairs = "1 pair of photos" if len(told) == 1 else f"{len(told):,} pairs of photos"
        return f"{pairs} missed being a burst by {by}: try --within {int(np.ceil(max(told)))}s"
    nothing = f"Copies aside, no two photos of one camera within {REACH_S:.0f} s of each other look alike."
    return "" if any_groups else nothing
