"""The best frame of a group, and why: rules in order, the first that decides is told.

1. Eyes: a frame loses to one in which fewer important people have an eye clearly shut that is clearly open elsewhere
   in the group. An eye that only may be shut is a doubt: it decides between frames that are too close to call, and no
   two frames are called equally good that differ in it. Of a tiny face it is a guess, and does the latter alone.
2. Sharpness: of the rest, frames clearly softer than another one lose. Faces are compared person by person.
3. Score: a weighted sum of what is left.
4. Order: equal frames rank by time.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from photoidx.queries.best.face_tracking import fewest_frames, persons
from photoidx.queries.best.light import clean, is_as_clean, technical_beside
from photoidx.queries.best.sharper import GATE, Lead, Leads, hard_to_read, leads, much_softer

CLOSED, OPEN = 0.4, 0.6
"""How open an eye reads that looks closed, at most, and one that looks open, at least. Alone they decide nothing."""
_WIDE_OPEN = 0.8  # an eye elsewhere that one which is shut here is held against: one less open may read as shut, too
_LESS_OPEN = 0.25  # than the same eye in another frame; what is between lowered lids and a laugh
_LEAST_WIDTH_PX = 50.0  # of a face whose lids say anything (scoring/faces/stage.py)
_SLIT = 0.06  # height over width of an opening that is none
WEIGHTS = {"technical": 0.70, "sharpness": 0.15, "exposure": 0.10, "noise": 0.10, "eyes": 0.10, "smile": 0.05}
"""The weighted sum. What is not measured in every frame counts in none.

`technical` knows what a wrong exposure destroys. Where it destroys nothing, the frame whose median is nearer to middle
grey is the better one; people's votes on real series gave that a weight of 0.11 beside the other measures. What it
can't know of a single picture is told by the others (`light.py`).
"""
CLOSE_CALL = 0.025
CLOSE_LOGITS = 0.2
"""A learnt score says that it is too close to call where it would win in less than 55 of 100 cases."""
_SOFTEST = 2.0
# Of a face with half the fine detail one can't tell how open the eyes are, or whether it smiles: moved by half its
# width, with lids that read as shut, a face still has a third.
_TOO_SOFT_TO_READ = 0.7
_NOISIER = 1.5

Facts = Mapping[str, Any]


@dataclass
class Candidate:
    """A frame as the rules see it. `closed` are persons with an eye that is shut here and open in another frame.

    Each with how open it is here and there. `doubtful` are persons of whose eyes one may be shut here, `tiny` those of
    them whose face is too small to tell. `unread`: of a face that matters no eye can be read. `clear` are the faces by
    person that can be read here. `behind` is by how much S is lower than in the sharpest frame that this one can be
    compared with, and None where there is no such frame.
    """

    number: int
    path: str
    quality: Facts
    behind: float | None = None
    clear: dict[int, Facts] = field(default_factory=dict)
    closed: list[tuple[int, float, float]] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    tiny: set[int] = field(default_factory=set)
    unread: bool = False
    soft: bool = False
    score: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def doubts(self) -> int:
        """Return how many people's eyes are in doubt that are large enough to count for the order of the frames."""
        return len(set(self.doubtful) - self.tiny)


@dataclass(frozen=True)
class Ranking:
    """The frames in the order of their rank, what decided between the first two, and by how much.

    `margin` is in the unit of the deciding rule: people, S, or score. `open_in` are for each person the frames with
    open eyes, `cover` the fewest frames in which everyone has open eyes at least once. `leads` say which frame is the
    sharper one of two.
    """

    ranked: tuple[Candidate, ...]
    decided_by: str
    margin: float
    close_call: bool
    leads: Leads
    open_in: tuple[frozenset[int], ...]
    cover: tuple[int, ...]


def judge(
    paths: Sequence[str],
    qualities: Sequence[Facts],
    faces: Sequence[Sequence[Facts]],
    learnt: Sequence[float] | None = None,
) -> Ranking:
    """Rank the frames of one group, which are given in the order of time. Nothing outside the group counts.

    `learnt` are the scores of a ranker that learnt from the user, in logits; they take the place of the weighted sum.
    """
    matter = [[face for face in each if face["important"] and face["eye_left_open"] is not None] for each in faces]
    everyone = persons(matter)
    followed = [seen for seen in everyone if len(seen) * 2 >= len(paths)]
    frames = [
        Candidate(number, path, quality) for number, (path, quality) in enumerate(zip(paths, qualities, strict=True))
    ]
    for frame, shown in zip(frames, faces, strict=True):
        frame.unread = any(face["important"] and not face["reliable"] for face in shown)
    compared = leads(qualities, everyone)
    guessed = hard_to_read(qualities, compared)
    for person, seen in enumerate(everyone):
        for number, face in _clear(seen, guessed).items():
            frames[number].clear[person] = face
    open_in = [_mark_eyes(frames, person, seen, guessed) for person, seen in enumerate(followed)]
    _mark_soft(frames, compared)
    _score(frames, compared)
    for frame, score in zip(frames, learnt or (), strict=False):
        frame.score = score
    ranked = sorted(  # equal ones stay in the order of time
        frames,
        key=lambda each: (not each.quality, len(each.closed), each.soft, -round(each.score, 6)),
    )
    limit = CLOSE_CALL if learnt is None else CLOSE_LOGITS
    ranked = _doubts_last(ranked, limit)
    decided_by, margin = _decided(ranked)
    doubt = len(ranked) > 1 and len(ranked[0].doubtful) > len(ranked[1].doubtful)
    close = decided_by in {"score", "order"} and (margin < limit or doubt)
    seen_open = tuple(map(frozenset, open_in))
    return Ranking(tuple(ranked), decided_by, margin, close, compared, seen_open, tuple(fewest_frames(open_in)))


def _mark_eyes(
    frames: Sequence[Candidate], person: int, seen: Mapping[int, Facts], guessed: Collection[int]
) -> set[int]:
    """Note where a person has an eye shut, or perhaps shut. Returns the frames in which both are clearly open.

    In the `guessed` frames no face is read: there an eye may be shut, and says nothing of the other frames.
    """
    clear = _clear(seen, guessed)
    shut: dict[int, tuple[float, float]] = {}
    doubtful: set[int] = set()
    for side in ("left", "right"):
        here = {number: face[f"eye_{side}_open"] for number, face in seen.items()}
        states = {number: face.get(f"eye_{side}") if number in clear else None for number, face in seen.items()}
        widest = max((here[number] for number, state in states.items() if state == "open"), default=None)
        if widest is not None:
            is_clear = widest >= _WIDE_OPEN
            found = {number: (here[number], widest) for number, state in states.items() if is_clear and state == "shut"}
            shut |= {number: min(found[number], shut.get(number, found[number])) for number in found}
            doubtful |= {
                number for number, state in states.items() if state != "open" and here[number] <= widest - _LESS_OPEN
            }
        reading = {number for number, face in seen.items() if _reads_shut(face, side)}
        doubtful |= reading if seen.keys() - reading - set(guessed) else set()
    for number, (value, widest) in shut.items():
        frames[number].closed.append((person, value, widest))
    for number in doubtful - shut.keys():
        frames[number].doubtful.append(person)
        if (seen[number].get("width_px") or _LEAST_WIDTH_PX) < _LEAST_WIDTH_PX:
            frames[number].tiny.add(person)
    return {number for number, face in clear.items() if face.get("eyes") == "open"}


def _reads_shut(face: Facts, side: str) -> bool:
    """Return whether an eye reads as shut, however clear it is."""
    opening = face.get(f"eye_{side}_opening")
    return face[f"eye_{side}_open"] <= CLOSED or (opening is not None and opening <= _SLIT)


def _clear(seen: Mapping[int, Facts], guessed: Collection[int]) -> dict[int, Facts]:
    """Return a person's faces that can be read: reliable, and not much softer than this person's sharpest.

    The lids of a face that is out of focus are a guess, and often one of open eyes. Where one can't tell how sharp a
    face is, though this can be told in other frames, it is cut by the edge, overexposed or tiny. `guessed` are frames
    in which no face is read.
    """
    reliable = {number: face for number, face in seen.items() if face["reliable"] and number not in guessed}
    soft = much_softer(reliable, _TOO_SOFT_TO_READ)
    return {number: face for number, face in reliable.items() if number not in soft}


def _doubts_last(ranked: list[Candidate], limit: float) -> list[Candidate]:
    """Put a frame with fewer doubtful eyes first, among those that are too close to the first one to call."""
    first = ranked[0]
    if not first.quality:
        return ranked
    near = [
        frame
        for frame in ranked
        if frame.quality
        and (len(frame.closed), frame.soft) == (len(first.closed), first.soft)
        and first.score - frame.score < limit
    ]
    clearest = min(near, key=lambda frame: frame.doubts)
    return [clearest, *(frame for frame in ranked if frame is not clearest)]


def _mark_soft(frames: Sequence[Candidate], compared: Leads) -> None:
    """Mark the frames that are clearly softer than another in which no more people close their eyes."""
    fewest = min(len(frame.closed) for frame in frames)
    for frame in frames:
        ahead = {
            other.number: lead.value
            for other in frames
            if other is not frame and (lead := compared.get((other.number, frame.number))) is not None
        }
        frame.behind = max(0.0, *ahead.values()) if ahead else None
        rivals = [value for number, value in ahead.items() if len(frames[number].closed) == fewest]
        frame.soft = max(rivals, default=0.0) > GATE


def _score(frames: Sequence[Candidate], compared: Leads) -> None:
    """Return each frame that was scored the sum of its parts, each 0 to 1 and weighted."""
    fewest = min(len(frame.closed) for frame in frames)
    rivals = [frame.number for frame in frames if not frame.soft and len(frame.closed) == fewest]
    qualities = [frame.quality for frame in frames]
    technical, noise = technical_beside(qualities, rivals), clean(qualities, rivals, compared)
    frames = [frame for frame in frames if frame.quality]
    people = set.intersection(*(set(frame.clear) for frame in frames)) if frames else set()
    # How open an eye is counts only where it is clearly open: what is unclear is told, and weighs nothing.
    wide_awake = {who for who in people if all(frame.clear[who].get("eyes", "open") == "open" for frame in frames)}
    values: dict[str, list[float | None]] = {
        "technical": [technical[frame.number] for frame in frames],
        "sharpness": [None if frame.behind is None else 1 - min(frame.behind / _SOFTEST, 1) for frame in frames],
        "exposure": [frame.quality.get("midtone") for frame in frames],
        "noise": [noise[frame.number] for frame in frames],
        "eyes": [_most_closed(frame, wide_awake) for frame in frames],
        "smile": [_share_of_smile(frame, _with_a_smile(frames, people)) for frame in frames],
    }
    for name, column in values.items():
        if any(value is None for value in column):
            continue
        for frame, value in zip(frames, column, strict=True):
            frame.parts[name] = WEIGHTS[name] * (value or 0.0)
    for frame in frames:
        frame.score = sum(frame.parts.values())


def _most_closed(frame: Candidate, people: Collection[int]) -> float | None:
    """Return how open the most closed eye of these people is."""
    faces = [frame.clear[person] for person in people]
    return min((min(face["eye_left_open"], face["eye_right_open"]) for face in faces), default=None)


def _with_a_smile(frames: Iterable[Candidate], people: Collection[int]) -> set[int]:
    """Return the people whose smile was measured in all of these frames: a mean over others compares people."""
    return {who for who in people if all(frame.clear[who].get("smile") is not None for frame in frames)}


def _smile(frame: Candidate, people: Collection[int]) -> float:
    """Return the mean smile of these people, -1 to 1."""
    return float(sum(frame.clear[who]["smile"] for who in people) / len(people))


def _share_of_smile(frame: Candidate, people: Collection[int]) -> float | None:
    return (_smile(frame, people) + 1) / 2 if people else None


def _decided(ranked: Sequence[Candidate]) -> tuple[str, float]:
    if len(ranked) == 1:
        return "alone", 0.0
    first, second = ranked[:2]
    if not first.quality:
        return "not scored", 0.0
    if not second.quality:
        return "only one scored", 0.0
    if len(first.closed) != len(second.closed):
        return "eyes", float(len(second.closed) - len(first.closed))
    if first.soft != second.soft:
        return "sharpness", (second.behind or 0.0) - (first.behind or 0.0)
    margin = first.score - second.score
    return ("score", margin) if margin > 1e-6 else ("order", 0.0)  # noqa: PLR2004 - float noise


@dataclass(frozen=True)
class Difference:
    """One thing in which the winner is better: a rule, the feature, both values, and how the values differ in words."""

    rule: str
    feature: str
    winner: float | None
    other: float | None
    words: str


def differences(winner: Candidate, other: Candidate, lead: Lead | None) -> list[Difference]:
    """Say in what the winner is better than another frame of its group, the most important first.

    `lead` is the winner's over the other in sharpness, None where the two can't be compared.
    """
    if winner.quality and not other.quality:
        return [Difference("only one scored", "quality", None, None, "it could not be scored")]
    found = []
    if len(other.closed) > len(winner.closed):
        _, here, there = max(other.closed, key=lambda each: each[2] - each[1])
        count = len(other.closed)
        words = f"{_whose(count)} are closed ({here:.2f} against {there:.2f})"
        found.append(Difference("eyes", "eyes_open", there, here, words))
    ratio = math.exp(lead.value) if lead is not None else 1.0
    if lead is not None and ratio >= _WORTH_A_WORD:
        rule = "sharpness" if other.soft else "score"
        words = f"softer {lead.where} ({ratio:.1f}x less fine detail)"
        found.append(Difference(rule, "sharpness", lead.own, lead.other, words))
    if len(other.doubtful) > len(winner.doubtful):
        words = f"{_whose(len(other.doubtful))} may be shut"
        found.append(Difference("doubtful eyes", "eyes_open", None, None, words))
    faults = _faults(winner.quality, other.quality)
    found += faults
    # A softer face, a noisy one, or one in another light looks more earnest.
    if not faults and lead is not None and ratio < _WORTH_A_WORD:
        found += _smiles(winner, other)
    if not found and winner.score > other.score:
        words = f"a slightly lower score ({other.score:.3f} against {winner.score:.3f})"
        found.append(Difference("score", "score", winner.score, other.score, words))
    return found


def _whose(people: int) -> str:
    return "one person's eyes" if people == 1 else f"the eyes of {people} people"


_WORTH_A_WORD = 1.3  # equal frames under a change of scale differ by 1.28 at most in 28 pairs
_SMILE_TO_SEE = 0.3
# What lies in one direction in the winner, too, is the scene's: of 109 shaken frames that alone look shaken 107 have so
# much less detail along one direction than their undamaged scene, of 120 that are out of focus none.
_MOVED = 0.6


def _faults(winner: Facts, other: Facts) -> list[Difference]:
    found = []
    for name, least, word in (
        ("clipped_highlights", 0.02, "of the highlights are clipped"),
        ("clipped_shadows", 0.02, "of the shadows are clipped"),
    ):
        ours, theirs = winner.get(name), other.get(name)
        if ours is not None and theirs is not None and theirs - ours >= least:
            found.append(Difference("score", name, ours, theirs, f"{100 * theirs:.0f} % {word}"))
    ours, theirs = winner.get("noise_sigma"), other.get("noise_sigma")
    if ours is not None and theirs is not None and theirs > _NOISIER * ours + 1:
        found.append(Difference("score", "noise_sigma", ours, theirs, f"noisier ({theirs:.1f} against {ours:.1f})"))
    ours, theirs = winner.get("luma_p50"), other.get("luma_p50")
    if ours is not None and theirs is not None and abs(theirs - ours) >= 20:  # noqa: PLR2004 - grey levels one can see
        word = "brighter" if theirs > ours else "darker"
        found.append(Difference("score", "luma_p50", ours, theirs, f"{word} ({theirs:.0f} against {ours:.0f} of 255)"))
    if other.get("blur_kind") == "motion" and _evenness(other) <= _MOVED * _evenness(winner):
        found.append(Difference("score", "blur_kind", None, None, "blurred by motion"))
    return found


def _evenness(quality: Facts) -> float:
    """Return the detail along the direction that has least of it, as a share of that along the one that has most."""
    return 1 - (quality.get("blur_anisotropy") or 0.0)


def _smiles(winner: Candidate, other: Candidate) -> list[Difference]:
    """Compare the smiles of people whose faces can be read in both frames."""
    people = _with_a_smile((winner, other), winner.clear.keys() & other.clear.keys())
    ours, theirs = (_smile(frame, people) if people else 0.0 for frame in (winner, other))
    if ours - theirs < _SMILE_TO_SEE:
        return []
    return [Difference("score", "smile_mean", ours, theirs, f"less of a smile ({theirs:.2f} against {ours:.2f})")]


def pick_reason(verdict: Ranking, scorer: str = "") -> str:
    """Say why the first frame is picked, as against the best of the others. `scorer` is a trained one that ranked."""
    first = verdict.ranked[0]
    if not first.quality:
        return "the first by time: no frame was scored"
    said = []
    compared = verdict.ranked[: 2 if verdict.close_call else 1]
    doubts = [frame for frame in compared if frame.doubtful]
    if verdict.close_call:
        one, other = (frame.quality for frame in compared)
        unclear = doubts or any(frame.unread for frame in compared)
        differ = unclear or not is_as_clean(one, other) or _faults(one, other) or _faults(other, one)
        said.append("too close to call" if differ else "too close to call, the first two are equally good")
    said += [
        f"unclear whether {_whose(len(frame.doubtful))} are open in {PurePath(frame.path).name}" for frame in doubts
    ]
    over = [verdict.leads.get((first.number, frame.number)) for frame in verdict.ranked[1:]]
    known = [lead for lead in over if lead is not None]
    least = min(known, key=lambda lead: lead.value, default=None)
    if least is not None and len(known) == len(over) and math.exp(least.value) >= _WORTH_A_WORD:
        said.append(f"sharpest {least.where} ({math.exp(least.value):.1f}x)")
    people = len(verdict.open_in)
    if people and all(first.number in frames for frames in verdict.open_in):
        said.append("eyes open" if people == 1 else f"all {people} pairs of eyes open")
    if scorer and verdict.decided_by == "score" and not verdict.close_call:
        chance = 1 / (1 + math.exp(-min(verdict.margin, 50.0)))
        said.append(f"preferred by {scorer} ({100 * chance:.0f} in 100)")
    if not said:
        said.append(f"the highest score ({first.score:.3f})")
    return ", ".join(said)
