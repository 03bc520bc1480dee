"""Names of clusters: what their photos show, when and where they were taken, as far as that tells them apart.

`tench, fish · 2014-06 · 48.86 N 2.35 E`. What a photo shows is said by the labels of the default embedder, and by the
kinds of things that those are of. A time or a place is said only if it is narrow, and narrower than the library's.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

_LEAST_SHARE = 0.12
"""A label names a cluster if it is so probable in it on average. A label that is right has .5 or more; where photos of
one kind carry different labels, each of them has little."""
_LEAST_AMONG_MANY = 0.02
_LEAST_LIFT = 2.0
_NEXT_TO = 0.4
_MOST_LABELS = 2
_MOST = 0.9  # of the photos lie in the period or place that is named
_HALF = 0.5  # of the photos must tell a time or a place
_FOLDER_SHARE = 0.8
_NEAR_DEG, _AROUND_DEG = 0.05, 0.5  # some 5 and 50 km
_SAYS_NOTHING = re.compile(r"^(\d{3}[A-Z_]\w{4}|DCIM|\d+|)$", re.IGNORECASE | re.ASCII)
_PERIODS = ("%Y-%m-%d", "%Y-%m", "%Y")
_JOINT = " · "


@dataclass(frozen=True)
class Subject:
    """What is known of one photo: probabilities of labels, its time and place, and its path."""

    path: str
    labels: Mapping[str, float]
    taken_at: datetime | None = None
    place: tuple[float, float] | None = None


def name_clusters(clusters: Sequence[Sequence[Subject]], everything: Sequence[Subject]) -> list[str]:
    """Name each cluster, as against everything that is in the library. No name is empty, and no two are equal."""
    overall = _shares(everything)
    whole = {_period(everything), _place(everything)}
    folders = Counter(os.path.dirname(each.path) for each in everything)
    names = []
    for members in clusters:
        sizes = (len(members), len(everything))
        words = _labels(_shares(members), overall, sizes, _LEAST_SHARE)
        where = next((each for each in (_place(members), _folder(members, folders, len(everything))) if each), "")
        parts = [words, *(each for each in (_period(members), where) if each not in whole)]
        many = _labels(_shares(members), overall, sizes, _LEAST_AMONG_MANY)
        names.append(_JOINT.join(part for part in parts if part) or (f"mixed: {many}" if many else "mixed"))
    return _told_apart(names, list(map(len, clusters)))


def _told_apart(names: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """Put a number behind equal names, the largest cluster first."""
    seen: Counter[str] = Counter()
    result = list(names)
    for at in sorted(range(len(names)), key=lambda at: -sizes[at]):
        seen[names[at]] += 1
        result[at] = f"{names[at]} ({seen[names[at]]})" if seen[names[at]] > 1 else names[at]
    return result


def _shares(members: Sequence[Subject]) -> dict[str, float]:
    """Return the mean probability of each label."""
    sums: dict[str, float] = defaultdict(float)
    for each in members:
        for label, probability in each.labels.items():
            sums[label] += probability
    return {label: total / len(members) for label, total in sums.items()}


def _labels(here: Mapping[str, float], overall: Mapping[str, float], sizes: tuple[int, int], least: float) -> str:
    """Return the labels that are frequent here and rare elsewhere, the most telling first.

    `sizes` are the numbers of photos here and in all, `least` the least share that counts.
    """
    size, count = sizes
    telling = {}
    for label, share in here.items():
        elsewhere = (overall[label] * count - share * size) / max(count - size, 1)
        lift = share / max(elsewhere, 1e-3)
        if share >= least and (lift >= _LEAST_LIFT or count == size):
            telling[label] = share * math.log(max(lift, _LEAST_LIFT))
    ranked = sorted(telling, key=lambda label: (-telling[label], label))
    return ", ".join(label for label in ranked[:_MOST_LABELS] if telling[label] >= _NEXT_TO * telling[ranked[0]])


def _period(members: Sequence[Subject]) -> str:
    """Return the day, month or year in which nearly all were taken; nothing if there is none or few tell."""
    times = [each.taken_at for each in members if each.taken_at is not None]
    if len(times) < _HALF * len(members):
        return ""
    for form in _PERIODS:
        (period, count), *_ = Counter(time.strftime(form) for time in times).most_common(1) or [("", 0)]
        if count >= _MOST * len(times):
            return period
    return ""


def _place(members: Sequence[Subject]) -> str:
    """Return the place at which nearly all were taken, in words that are as exact as it is narrow."""
    places = [each.place for each in members if each.place is not None]
    if not places or len(places) < _HALF * len(members):
        return ""
    middle = tuple(_median(each) for each in zip(*places, strict=True))
    away = sorted(max(abs(place[0] - middle[0]), abs(place[1] - middle[1])) for place in places)
    reach = away[math.ceil(_MOST * len(away)) - 1]
    if reach > _AROUND_DEG:
        return ""
    digits = 2 if reach <= _NEAR_DEG else 1
    north, east = middle
    return f"{abs(north):.{digits}f} {'N' if north >= 0 else 'S'} {abs(east):.{digits}f} {'E' if east >= 0 else 'W'}"


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def _folder(members: Sequence[Subject], folders: Mapping[str, int], count: int) -> str:
    """Return the name of the folder that holds most of them, if it holds few others and a person named it."""
    (folder, inside), *_ = Counter(os.path.dirname(each.path) for each in members).most_common(1)
    name = os.path.basename(folder)
    if _SAYS_NOTHING.match(name) or inside < _FOLDER_SHARE * len(members):
        return ""
    return name if inside / len(members) >= _LEAST_LIFT * folders[folder] / count else ""
