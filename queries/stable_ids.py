"""Ids of groups that stay while the groups grow, shrink and are found again."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence


def keep_ids(groups: Sequence[Sequence[str]], before: Mapping[str, str], kind: str) -> list[str]:
    """Return each group of shots the id that most of its shots had, the largest claim first.

    `before` are the ids that shots had. A group that claims none gets a new one, `KIND-` and a part of the id of its
    first shot. No two groups get one id, and no new one is an id that was there before.
    """
    claims = [Counter(before[shot_id] for shot_id in each if shot_id in before) for each in groups]
    order = sorted(range(len(groups)), key=lambda at: (-max(claims[at].values(), default=0), at))
    known = set(before.values())
    taken: set[str] = set()
    ids = [""] * len(groups)
    for at in order:
        free = [group_id for group_id, _ in claims[at].most_common() if group_id not in taken]
        ids[at] = free[0] if free else _new_id(groups[at], taken | known, kind)
        taken.add(ids[at])
    return ids


def _new_id(shots: Sequence[str], taken: set[str], kind: str) -> str:
    digits = [shot_id.removeprefix("shot-") for shot_id in shots]
    short, whole = (each[:12] for each in digits), iter(digits)
    numbered = (f"{digits[0]}-{number}" for number in itertools.count(2))
    candidates = (f"{kind}-{each}" for each in itertools.chain(short, whole, numbered))
    return next(group_id for group_id in candidates if group_id not in taken)
