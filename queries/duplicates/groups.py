"""From pairs to groups: stars around a representative, so that no chain of pairs ties unrelated photos together."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from photoidx.queries.contents import Array

Tie = tuple[int, int, float]
"""Two members, and the cost of their tie."""


def consistent(ties: Sequence[Tie], apart: Callable[[Array], Array]) -> list[Tie]:
    """Leave out ties that contradict nearer ones: a member goes with the nearest of others that are apart.

    A copy that lost its time looks like every frame of a burst. It belongs to the one that it is nearest to. `apart`
    tells of pairs of members (m x 2) which are (m). It is asked once for all ties, and once for each member of several.
    """
    told = apart(np.array([tie[:2] for tie in ties], np.int64).reshape(-1, 2))
    near = _neighbours(itertools.compress(ties, ~told))
    kept: dict[int, set[int]] = {}
    for member, others in near.items():
        kept[member] = set(others)
        if len(others) > 1:
            kept[member] = _together(sorted(others, key=lambda other: (others[other], other)), apart)
    return [
        (one, other, cost)
        for one, others in near.items()
        for other, cost in others.items()
        if one < other and other in kept[one] and one in kept[other]
    ]


def _together(ordered: Sequence[int], apart: Callable[[Array], Array]) -> set[int]:
    """Return those members that are not apart from one before them that was given."""
    upper = np.triu_indices(len(ordered), 1)
    table = np.zeros((len(ordered), len(ordered)), np.bool_)
    table[upper] = apart(np.stack([np.array(ordered)[side] for side in upper], axis=1))
    chosen: list[int] = []
    for place in range(len(ordered)):
        if not table[chosen, place].any():
            chosen.append(place)
    return {ordered[place] for place in chosen}


def _neighbours(ties: Iterable[Tie]) -> dict[int, dict[int, float]]:
    near: dict[int, dict[int, float]] = defaultdict(dict)
    for one, other, cost in ties:
        if one != other:
            for here, there in ((one, other), (other, one)):
                near[here][there] = min(cost, near[here].get(there, cost))
    return near


def stars(order: Sequence[int], ties: Iterable[Tie]) -> dict[int, tuple[int, float]]:
    """Return for each member its representative and the cost of their tie; a representative is its own, at cost 0.

    `order` lists the members, the most wanted first; `ties` are pairs with a cost. Representatives are taken one by one
    by the number of ties, then by the order, until every member is tied to one (star clustering, Aslam, Pelekhov and
    Rus 2004); one that is tied to several goes with the nearest. Members without ties are left out.
    """
    near = _neighbours(ties)
    rank = {member: number for number, member in enumerate(order)}
    heads: set[int] = set()
    covered: set[int] = set()
    for member in sorted(near, key=lambda member: (-len(near[member]), rank[member])):
        if member not in covered:
            heads.add(member)
            covered.update(near[member])
    found = {head: (head, 0.0) for head in heads}
    for member in near.keys() - heads:
        cost, _, head = min((cost, rank[head], head) for head, cost in near[member].items() if head in heads)
        found[member] = (head, cost)
    alone = heads - {head for member, (head, _) in found.items() if member != head}
    return {member: tie for member, tie in found.items() if member not in alone}
