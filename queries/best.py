"""The best frame of a group, and why: rules in order, the first that decides is told.

1. Eyes: a frame loses to one in which fewer important people have an eye clearly shut that is clearly open elsewhere
   in the group. An eye that only may be shut is a doubt: it decides between frames that are too close to call, and no
   two frames are called equally good that differ in it.
2. Sharpness: of the rest, frames clearly softer on the subject than the sharpest one lose.
3. Score: a weighted sum of what is left.
4. Order: equal frames rank by time, then by path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from photoidx.queries.persons import fewest_frames, persons

CLOSED, OPEN = 0.4, 0.6
"""How open an eye reads that looks closed, at most, and one that looks open, at least. Alone they decide nothing."""
_LESS_OPEN = 0.25  # than the same eye in another frame; what is between lowered lids and a laugh
_SLIT = 0.06  # height over width of an opening that is none
GATE = 0.7
"""A frame is clearly softer if its S = ln(fine share of the contrast) is lower by this: half the fine detail."""
WEIGHTS = {"technical": 0.70, "sharpness": 0.15, "exposure": 0.10, "eyes": 0.10, "smile": 0.05}
"""The weighted sum. What is not measured in every frame counts in none.

`technical` knows what a wrong exposure destroys. Where it destroys nothing, the frame whose median is nearer to middle
grey is the better one; people's votes on real series gave that a weight of 0.11 beside the other measures.
"""
CLOSE_CALL = 0.025
CLOSE_LOGITS = 0.2
"""A learnt score says that it is too close to call where it would win in less than 55 of 100 cases."""
_SOFTEST = 2.0
_TOO_SOFT_TO_READ = 1.4  # of a face with a quarter of the fine detail one can't tell how open the eyes are
_NOISIER = 1.5
_TEXTURE = 3.0  # grey levels of noise that fine texture alone can look like

Facts = Mapping[str, Any]


@dataclass
class Candidate:
    """A frame as the rules see it. `closed` are persons with an eye that is shut here and open in another frame.

    Each with how open it is here and there. `doubtful` are persons of whose eyes one may be shut here.
    `where` says of what `sharpness` is.
    """

    number: int
    path: str
    quality: Facts
    sharpness: float | None = None
    where: str = "on the subject"
    closed: list[tuple[int, float, float]] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    soft: bool = False
    score: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The frames in the order of their rank, what decided between the first two, and by how much.

    `margin` is in the unit of the deciding rule: people, S, or score. `open_in` are for each person the frames with
    open eyes, `cover` the fewest frames in which everyone has open eyes at least once.
    """

    ranked: tuple[Candidate, ...]
    decided_by: str
    margin: float
    close_call: bool
    on_faces: bool
    open_in: tuple[frozenset[int], ...]
    cover: tuple[int, ...]


def judge(
    paths: Sequence[str],
    qualities: Sequence[Facts],
    faces: Sequence[Sequence[Facts]],
    learnt: Sequence[float] | None = None,
) -> Verdict:
    """Rank the frames of one group, which are given in the order of time. Nothing outside the group counts.

    `learnt` are the scores of a ranker that learnt from the user, in logits; they take the place of the weighted sum.
    """
    matter = [[face for face in each if face["important"] and face["eye_left_open"] is not None] for each in faces]
    followed = [seen for seen in persons(matter) if len(seen) * 2 >= len(paths)]
    scored = [quality for quality in qualities if quality]
    on_faces = bool(followed) and all(_measured(quality, "face_sharpness_min") for quality in scored)
    key, where = _comparable(scored, on_faces=on_faces)
    frames = [
        Candidate(number, path, quality, quality.get(key), where)
        for number, (path, quality) in enumerate(zip(paths, qualities, strict=True))
    ]
    open_in = [_mark_eyes(frames, person, seen) for person, seen in enumerate(followed)]
    _mark_soft(frames)
    _score(frames)
    for frame, score in zip(frames, learnt or (), strict=False):
        frame.score = score
    ranked = sorted(
        frames,
        key=lambda each: (not each.quality, len(each.closed), each.soft, -round(each.score, 6), each.number),
    )
    limit = CLOSE_CALL if learnt is None else CLOSE_LOGITS
    ranked = _doubts_last(ranked, limit)
    decided_by, margin = _decided(ranked)
    doubt = len(ranked) > 1 and len(ranked[0].doubtful) > len(ranked[1].doubtful)
    close = decided_by in {"score", "order"} and (margin < limit or doubt)
    seen_open = tuple(map(frozenset, open_in))
    return Verdict(tuple(ranked), decided_by, margin, close, on_faces, seen_open, tuple(fewest_frames(open_in)))


def _comparable(scored: Sequence[Facts], *, on_faces: bool) -> tuple[str, str]:
    """Give the sharpness that means the same in all frames, and its place in words.

    Where a face is found in some frames only, the subject is that face in these and the middle in the others.
    """
    if on_faces:
        return "face_sharpness_min", "on the faces"
    kinds = {quality.get("subject_kind") for quality in scored}
    return ("sharpness_subject", "on the subject") if len(kinds) < 2 else ("sharpness_global", "all over")  # noqa: PLR2004


def _measured(quality: Facts, name: str) -> bool:
    return quality.get(name) is not None


def _mark_eyes(frames: Sequence[Candidate], person: int, seen: Mapping[int, Facts]) -> set[int]:
    """Note where a person has an eye shut, or perhaps shut. Returns the frames in which both are clearly open."""
    clear = _clear(seen)
    shut: dict[int, tuple[float, float]] = {}
    doubtful: set[int] = set()
    for side in ("left", "right"):
        here = {number: face[f"eye_{side}_open"] for number, face in seen.items()}
        states = {number: face.get(f"eye_{side}") if number in clear else None for number, face in seen.items()}
        widest = max((here[number] for number, state in states.items() if state == "open"), default=None)
        if widest is not None:
            found = {number: (here[number], widest) for number, state in states.items() if state == "shut"}
            shut |= {number: min(found[number], shut.get(number, found[number])) for number in found}
            doubtful |= {
                number for number, state in states.items() if state != "open" and here[number] <= widest - _LESS_OPEN
            }
        reading = {number for number, face in seen.items() if _reads_shut(face, side)}
        doubtful |= reading if len(reading) < len(seen) else set()
    for number, (value, widest) in shut.items():
        frames[number].closed.append((person, value, widest))
    for number in doubtful - shut.keys():
        frames[number].doubtful.append(person)
    return {number for number, face in clear.items() if face.get("eyes") == "open"}


def _reads_shut(face: Facts, side: str) -> bool:
    """Tell whether an eye reads as shut, however clear it is."""
    opening = face.get(f"eye_{side}_opening")
    return face[f"eye_{side}_open"] <= CLOSED or (opening is not None and opening <= _SLIT)


def _clear(seen: Mapping[int, Facts]) -> dict[int, Facts]:
    """Give a person's faces whose eyes can be read: reliable, and not much softer than this person's sharpest.

    The lids of a face that is out of focus are a guess, and often one of open eyes.
    """
    reliable = {number: face for number, face in seen.items() if face["reliable"]}
    known = [face["face_sharpness"] for face in reliable.values() if face.get("face_sharpness") is not None]
    least = max(known, default=0.0) - _TOO_SOFT_TO_READ
    return {
        number: face
        for number, face in reliable.items()
        if face.get("face_sharpness") is None or face["face_sharpness"] >= least
    }


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
    clearest = min(near, key=lambda frame: len(frame.doubtful))
    return [clearest, *(frame for frame in ranked if frame is not clearest)]


def _mark_soft(frames: Sequence[Candidate]) -> None:
    """Mark the frames that are clearly softer than another in which no more people close their eyes.

    Noise looks like fine detail: a frame is not held against one that is much noisier.
    """
    fewest = min(len(frame.closed) for frame in frames)
    rivals = [frame for frame in frames if len(frame.closed) == fewest and frame.sharpness is not None]
    for frame in frames:
        noise = frame.quality.get("noise_sigma") or 0.0
        fair = [
            rival.sharpness
            for rival in rivals
            if rival.sharpness is not None and (rival.quality.get("noise_sigma") or 0.0) <= _NOISIER * noise + _TEXTURE
        ]
        if frame.sharpness is not None and fair:
            frame.soft = frame.sharpness < max(fair) - GATE


def _score(frames: Sequence[Candidate]) -> None:
    """Give each frame that was scored the sum of its parts, each 0 to 1 and weighted."""
    frames = [frame for frame in frames if frame.quality]
    values: dict[str, list[float | None]] = {
        "technical": [frame.quality.get("technical") for frame in frames],
        "sharpness": [frame.sharpness for frame in frames],
        "exposure": [frame.quality.get("midtone") for frame in frames],
        "eyes": [frame.quality.get("eyes_min") for frame in frames],
        "smile": [frame.quality.get("smile_mean") for frame in frames],
    }
    for name, column in values.items():
        known = [value for value in column if value is not None]
        if not known or len(known) < len(frames):
            continue
        best = max(known)
        for frame, value in zip(frames, known, strict=True):
            part = (
                1 - min((best - value) / _SOFTEST, 1)
                if name == "sharpness"
                else (value + 1) / 2
                if name == "smile"
                else value
            )
            frame.parts[name] = WEIGHTS[name] * part
    for frame in frames:
        frame.score = sum(frame.parts.values())


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
        return "sharpness", (first.sharpness or 0.0) - (second.sharpness or 0.0)
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


def differences(winner: Candidate, other: Candidate, *, on_faces: bool) -> list[Difference]:
    """Say in what the winner is better than another frame of its group, the most important first."""
    if winner.quality and not other.quality:
        return [Difference("only one scored", "quality", None, None, "it could not be scored")]
    found = []
    if len(other.closed) > len(winner.closed):
        _, here, there = max(other.closed, key=lambda each: each[2] - each[1])
        count = len(other.closed)
        words = f"{_whose(count)} are closed ({here:.2f} against {there:.2f})"
        found.append(Difference("eyes", "eyes_open", there, here, words))
    if winner.sharpness is not None and other.sharpness is not None and winner.sharpness > other.sharpness:
        ratio = math.exp(winner.sharpness - other.sharpness)
        where = "on the faces" if on_faces else other.where
        if ratio >= _WORTH_A_WORD:
            rule = "sharpness" if other.soft else "score"
            words = f"softer {where} ({ratio:.1f}x less fine detail)"
            found.append(Difference(rule, "sharpness", winner.sharpness, other.sharpness, words))
    if len(other.doubtful) > len(winner.doubtful):
        words = f"{_whose(len(other.doubtful))} may be shut"
        found.append(Difference("doubtful eyes", "eyes_open", None, None, words))
    found += _faults(winner.quality, other.quality)
    if not found and winner.score > other.score:
        words = f"a slightly lower score ({other.score:.3f} against {winner.score:.3f})"
        found.append(Difference("score", "score", winner.score, other.score, words))
    return found


def _whose(people: int) -> str:
    return "one person's eyes" if people == 1 else f"the eyes of {people} people"


_WORTH_A_WORD = 1.25


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
    if other.get("blur_kind") == "motion" and winner.get("blur_kind") != "motion":
        found.append(Difference("score", "blur_kind", None, None, "blurred by motion"))
    ours, theirs = winner.get("smile_mean"), other.get("smile_mean")
    if ours is not None and theirs is not None and ours - theirs >= 0.3:  # noqa: PLR2004 - a smile that one can see
        found.append(
            Difference("score", "smile_mean", ours, theirs, f"less of a smile ({theirs:.2f} against {ours:.2f})")
        )
    return found


def praise(verdict: Verdict, scorer: str = "") -> str:
    """Say why the first frame is picked, as against the best of the others. `scorer` is a trained one that ranked."""
    first = verdict.ranked[0]
    if not first.quality:
        return "the first by time: no frame was scored"
    said = []
    compared = verdict.ranked[: 2 if verdict.close_call else 1]
    doubts = [frame for frame in compared if frame.doubtful]
    if verdict.close_call:
        said.append("too close to call" if doubts else "too close to call, the first two are equally good")
    said += [
        f"unclear whether {_whose(len(frame.doubtful))} are open in {PurePath(frame.path).name}" for frame in doubts
    ]
    others = [frame.sharpness for frame in verdict.ranked[1:] if frame.sharpness is not None]
    if first.sharpness is not None and others:
        ratio = math.exp(first.sharpness - max(others))
        if ratio >= _WORTH_A_WORD:
            said.append(f"sharpest {first.where} ({ratio:.1f}x)")
    people = len(verdict.open_in)
    if people and all(first.number in frames for frames in verdict.open_in):
        said.append("eyes open" if people == 1 else f"all {people} pairs of eyes open")
    if scorer and verdict.decided_by == "score" and not verdict.close_call:
        chance = 1 / (1 + math.exp(-min(verdict.margin, 50.0)))
        said.append(f"preferred by {scorer} ({100 * chance:.0f} in 100)")
    if not said:
        said.append(f"the highest score ({first.score:.3f})")
    return ", ".join(said)
